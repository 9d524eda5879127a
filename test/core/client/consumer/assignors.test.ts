/**
 * Goal: every partition has one owner, evenly distributed; partitions that can stay do stay; a cooperative assignor never gives a partition
 * to a new owner while the old one has it, and the group becomes stable. Method: the examples of the Java client, and random groups whose
 * members join, leave and change their topics until the group is stable.
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
  it('assigns ranges of partitions, topic by topic', () => {
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
  it('assigns one partition to each member in turn', () => {
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

  it('skips members that do not subscribe to the topic', () => {
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
  it('assigns each partition to one member that subscribes to its topic', () => {
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

  it('is even where all members have the same subscription', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), (count, size) => {
        const members = Array.from({ length: size }, (_, index) => member(`m${index}`, ['a']))
        const sizes = [...assignor.assign(new Map([['a', count]]), members).values()].map((list) => list.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('reads the subscriptions that it writes', () => {
    const owned = [
      { topic: 'a', partition: 1 },
      { topic: 'b', partition: 0 },
    ]
    const read = readSubscription(assignor, 'm', null, writeSubscription(assignor, ['a', 'b'], owned, 4, ''))
    expect(read).toMatchObject({ topics: ['a', 'b'], generation: 4, owned: assignor.cooperative || name === 'sticky' ? owned : [] })
  })
})

describe('cooperative-sticky, over several rebalances', () => {
  const assignor = assignors.get('cooperative-sticky')!

  /** One rebalance: sets what each member owns after it. True where a member has revoked partitions, so that another one follows. */
  function rebalance(
    partitionCounts: Map<string, number>,
    members: { memberId: string; topics: string[] }[],
    owned: Map<string, TopicPartition[]>,
    generation: number,
  ): boolean {
    const assignment = assignor.assign(
      partitionCounts,
      members.map(({ memberId, topics: subscribed }) =>
        member(
          memberId,
          subscribed,
          (owned.get(memberId) ?? []).filter((entry) => subscribed.includes(entry.topic)),
          owned.has(memberId) ? generation : -1,
        ),
      ),
    )
    const before = new Map<string, string>()
    for (const { memberId, topics: subscribed } of members)
      for (const entry of owned.get(memberId) ?? []) if (subscribed.includes(entry.topic)) before.set(partitionKey(entry), memberId)
    let again = false
    for (const { memberId } of members) {
      const assigned = assignment.get(memberId)!
      const assignedKeys = new Set(assigned.map(partitionKey))
      for (const key of assignedKeys) expect(before.get(key) ?? memberId).toBe(memberId)
      if ((owned.get(memberId) ?? []).some((entry) => !assignedKeys.has(partitionKey(entry)))) again = true
      owned.set(memberId, assigned)
    }
    return again
  }

  it('never has two owners, becomes stable, and then changes nothing', () => {
    fc.assert(
      fc.property(counts, fc.array(subscriptions, { minLength: 1, maxLength: 4 }), (partitionCounts, changes) => {
        const owned = new Map<string, TopicPartition[]>()
        let generation = 0
        for (const members of changes) {
          for (const memberId of [...owned.keys()]) if (!members.some((entry) => entry.memberId === memberId)) owned.delete(memberId)
          let rounds = 0
          while (rebalance(partitionCounts, members, owned, generation++)) expect(++rounds).toBeLessThan(4)
          const settled = shown(owned)
          expect(rebalance(partitionCounts, members, owned, generation++)).toBe(false)
          expect(shown(owned)).toEqual(settled)
          let assigned = 0
          for (const list of owned.values()) assigned += list.length
          let readable = 0
          for (const [topic, count] of partitionCounts) if (members.some((entry) => entry.topics.includes(topic))) readable += count
          expect(assigned).toBe(readable)
        }
      }),
    )
  })

  it('moves no more partitions than an even distribution needs', () => {
    const owned = new Map([['m0', Array.from({ length: 12 }, (_, partition) => ({ topic: 'a', partition }))]])
    const members = ['m0', 'm1', 'm2'].map((memberId) => ({ memberId, topics: ['a'] }))
    const partitionCounts = new Map([['a', 12]])
    let generation = 1
    while (rebalance(partitionCounts, members, owned, generation++));
    expect([...owned.values()].map((list) => list.length)).toEqual([4, 4, 4])
    const first = shown(owned)
    owned.delete('m2')
    while (rebalance(partitionCounts, members.slice(0, 2), owned, generation++));
    for (const id of ['m0', 'm1']) expect(shown(owned)[id]).toEqual(expect.arrayContaining(first[id]!))
  })
})
