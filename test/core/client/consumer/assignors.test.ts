/**
 * Goal: every partition has one reader, evenly; what can stay stays; a cooperative group never gives a partition to a new owner while the old
 * one holds it, and it settles.
 * Method: the Java client's own examples, and random groups whose members come, go and change their topics, played until they settle.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GroupSubscription } from '../../../../core/client/consumer/assignors/assignor.ts'
import { assignors } from '../../../../core/client/consumer/assignors/index.ts'
import { readSubscription, writeSubscription } from '../../../../core/client/consumer/group-assignment.ts'
import type { TopicPartition } from '../../../../core/client/types.ts'
import { partitionKey } from '../../../../core/topic-partition.ts'

const member = (memberId: string, topics: string[], owned: readonly TopicPartition[] = [], generation = -1): GroupSubscription => ({
  memberId,
  groupInstanceId: null,
  topics,
  owned,
  generation,
})
const shown = (assignment: Map<string, TopicPartition[]>) =>
  Object.fromEntries([...assignment].map(([id, list]) => [id, list.map(partitionKey).sort()]))

describe('range', () => {
  const { assign } = assignors.get('range')!
  it('gives neighbours, topic by topic', () => {
    expect(
      shown(
        assign(
          new Map([
            ['t0', 3],
            ['t1', 3],
          ]),
          [member('c1', ['t0', 't1']), member('c0', ['t0', 't1'])],
        ),
      ),
    ).toEqual({ c0: ['t0-0', 't0-1', 't1-0', 't1-1'], c1: ['t0-2', 't1-2'] })
  })
})

describe('roundrobin', () => {
  const { assign } = assignors.get('roundrobin')!
  it('deals out', () => {
    expect(
      shown(
        assign(
          new Map([
            ['t0', 3],
            ['t1', 3],
          ]),
          [member('c0', ['t0', 't1']), member('c1', ['t0', 't1'])],
        ),
      ),
    ).toEqual({ c0: ['t0-0', 't0-2', 't1-1'], c1: ['t0-1', 't1-0', 't1-2'] })
  })

  it('passes over who does not read the topic', () => {
    expect(
      shown(
        assign(
          new Map([
            ['t0', 1],
            ['t1', 2],
            ['t2', 3],
          ]),
          [member('c0', ['t0']), member('c1', ['t0', 't1']), member('c2', ['t0', 't1', 't2'])],
        ),
      ),
    ).toEqual({ c0: ['t0-0'], c1: ['t1-0'], c2: ['t1-1', 't2-0', 't2-1', 't2-2'] })
  })
})

const topics = ['a', 'b', 'c', 'd']
const counts = fc
  .tuple(...topics.map((topic) => fc.nat(12).map((count) => [topic, count] as const)))
  .map((entries) => new Map(entries.filter(([, count]) => count > 0)))
const subscriptions = fc.uniqueArray(
  fc.record({ memberId: fc.stringMatching(/^[a-z]{1,6}$/), topics: fc.subarray(topics, { minLength: 1 }) }),
  {
    minLength: 1,
    maxLength: 6,
    selector: (entry) => entry.memberId,
  },
)

describe.each([...assignors.keys()])('%s, for any group', (name) => {
  const assignor = assignors.get(name)!
  it('gives each partition to one who reads it', () => {
    fc.assert(
      fc.property(counts, subscriptions, (partitionCounts, members) => {
        const assignment = assignor.assign(
          partitionCounts,
          members.map((entry) => member(entry.memberId, entry.topics)),
        )
        const owners = new Map<string, string>()
        for (const { memberId, topics: subscribed } of members)
          for (const entry of assignment.get(memberId)!) {
            expect(subscribed).toContain(entry.topic)
            expect(owners.has(partitionKey(entry))).toBe(false)
            owners.set(partitionKey(entry), memberId)
          }
        let expected = 0
        for (const [topic, count] of partitionCounts) if (members.some((entry) => entry.topics.includes(topic))) expected += count
        expect(owners.size).toBe(expected)
      }),
    )
  })

  it('is even where all read the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), (count, size) => {
        const members = Array.from({ length: size }, (_, index) => member(`m${index}`, ['a']))
        const sizes = [...assignor.assign(new Map([['a', count]]), members).values()].map((list) => list.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('tells and reads what a member says of itself', () => {
    const owned = [
      { topic: 'a', partition: 1 },
      { topic: 'b', partition: 0 },
    ]
    const read = readSubscription(assignor, 'm', null, writeSubscription(assignor, ['a', 'b'], owned, 4, ''))
    expect(read).toMatchObject({ topics: ['a', 'b'], generation: 4, owned: assignor.cooperative || name === 'sticky' ? owned : [] })
  })
})

describe('cooperative-sticky, as a group lives', () => {
  const assignor = assignors.get('cooperative-sticky')!

  /** One rebalance: what every member holds afterwards, and whether somebody has to let go and call for another. */
  function meet(
    partitionCounts: Map<string, number>,
    members: { memberId: string; topics: string[] }[],
    held: Map<string, TopicPartition[]>,
    generation: number,
  ): boolean {
    const assignment = assignor.assign(
      partitionCounts,
      members.map(({ memberId, topics: subscribed }) =>
        member(
          memberId,
          subscribed,
          (held.get(memberId) ?? []).filter((entry) => subscribed.includes(entry.topic)),
          held.has(memberId) ? generation : -1,
        ),
      ),
    )
    const before = new Map<string, string>()
    for (const { memberId, topics: subscribed } of members)
      for (const entry of held.get(memberId) ?? []) if (subscribed.includes(entry.topic)) before.set(partitionKey(entry), memberId)
    let again = false
    for (const { memberId } of members) {
      const mine = assignment.get(memberId)!
      const mineKeys = new Set(mine.map(partitionKey))
      for (const key of mineKeys) expect(before.get(key) ?? memberId).toBe(memberId)
      if ((held.get(memberId) ?? []).some((entry) => !mineKeys.has(partitionKey(entry)))) again = true
      held.set(memberId, mine)
    }
    return again
  }

  it('never has two owners and settles, and then stays as it is', () => {
    fc.assert(
      fc.property(counts, fc.array(subscriptions, { minLength: 1, maxLength: 4 }), (partitionCounts, story) => {
        const held = new Map<string, TopicPartition[]>()
        let generation = 0
        for (const members of story) {
          for (const memberId of [...held.keys()]) if (!members.some((entry) => entry.memberId === memberId)) held.delete(memberId)
          let rounds = 0
          while (meet(partitionCounts, members, held, generation++)) expect(++rounds).toBeLessThan(4)
          const settled = shown(held)
          expect(meet(partitionCounts, members, held, generation++)).toBe(false)
          expect(shown(held)).toEqual(settled)
          let assigned = 0
          for (const list of held.values()) assigned += list.length
          let readable = 0
          for (const [topic, count] of partitionCounts) if (members.some((entry) => entry.topics.includes(topic))) readable += count
          expect(assigned).toBe(readable)
        }
      }),
    )
  })

  it('moves only what evenness asks for', () => {
    const held = new Map([['m0', Array.from({ length: 12 }, (_, partition) => ({ topic: 'a', partition }))]])
    const members = ['m0', 'm1', 'm2'].map((memberId) => ({ memberId, topics: ['a'] }))
    const partitionCounts = new Map([['a', 12]])
    let generation = 1
    while (meet(partitionCounts, members, held, generation++));
    expect([...held.values()].map((list) => list.length)).toEqual([4, 4, 4])
    const first = shown(held)
    held.delete('m2')
    while (meet(partitionCounts, members.slice(0, 2), held, generation++));
    for (const id of ['m0', 'm1']) expect(shown(held)[id]).toEqual(expect.arrayContaining(first[id]!))
  })
})
