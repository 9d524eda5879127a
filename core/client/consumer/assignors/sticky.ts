/**
 * Members keep what they hold, and as little moves as an even spread allows. The cooperative one never gives a partition to a new owner while
 * the old one holds it: it is left out until the old owner has let go and the group meets again (KIP-429, Invariant 9).
 */

import { byTopic, partitionKey } from '../../../topic-partition.ts'
import { defineStruct } from '../../../wire/struct.ts'
import { int32, list, string, struct } from '../../../wire/types.ts'
import { clientLimits } from '../../limits.ts'
import type { TopicPartition } from '../../types.ts'
import { type Assignor, type GroupSubscription, inOrder } from './assignor.ts'

interface Seat {
  member: GroupSubscription
  topics: Set<string>
  held: Map<string, TopicPartition>
}

/** Who holds what, by the claim with the highest generation; two claims of one generation cancel each other out. */
function claims(
  members: readonly GroupSubscription[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, { memberId: string | null; generation: number }> {
  const owners = new Map<string, { memberId: string | null; generation: number }>()
  for (const member of members) {
    const topics = new Set(member.topics)
    for (const owned of member.owned) {
      if (!topics.has(owned.topic) || owned.partition >= (partitionCounts.get(owned.topic) ?? 0)) continue
      const key = partitionKey(owned)
      const other = owners.get(key)
      if (!other || other.generation < member.generation) owners.set(key, { memberId: member.memberId, generation: member.generation })
      else if (other.generation === member.generation && other.memberId !== member.memberId) other.memberId = null
    }
  }
  return owners
}

function balance(partitionCounts: ReadonlyMap<string, number>, members: readonly GroupSubscription[]): Map<string, TopicPartition[]> {
  const seats: Seat[] = inOrder(members).map((member) => ({ member, topics: new Set(member.topics), held: new Map() }))
  const byId = new Map(seats.map((seat) => [seat.member.memberId, seat]))
  const readers = new Map<string, Seat[]>()
  for (const topic of partitionCounts.keys())
    readers.set(
      topic,
      seats.filter((seat) => seat.topics.has(topic)),
    )
  const owners = claims(members, partitionCounts)
  const free: TopicPartition[] = []
  const owner = new Map<string, Seat>()
  const give = (seat: Seat, entry: TopicPartition) => {
    const key = partitionKey(entry)
    owner.get(key)?.held.delete(key)
    seat.held.set(key, entry)
    owner.set(key, seat)
  }
  const all: TopicPartition[] = []
  for (const topic of [...partitionCounts.keys()].sort())
    if (readers.get(topic)!.length > 0)
      for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) all.push({ topic, partition })
  for (const entry of all) {
    const memberId = owners.get(partitionKey(entry))?.memberId
    const seat = memberId == null ? undefined : byId.get(memberId)
    if (seat) give(seat, entry)
    else free.push(entry)
  }
  const least = (topic: string): Seat => readers.get(topic)!.reduce((best, seat) => (seat.held.size < best.held.size ? seat : best))
  // Those that few can read first, so that the others even it out.
  free.sort((a, b) => readers.get(a.topic)!.length - readers.get(b.topic)!.length)
  for (const entry of free) give(least(entry.topic), entry)
  for (let round = 0; round < clientLimits.balancingRounds; round++) {
    let moved = false
    for (const entry of all) {
      const from = owner.get(partitionKey(entry))!
      const to = least(entry.topic)
      if (from.held.size - to.held.size < 2) continue
      give(to, entry)
      moved = true
    }
    if (!moved) break
  }
  return new Map(seats.map((seat) => [seat.member.memberId, [...seat.held.values()]]))
}

/** What the Java client's eager sticky assignor keeps in the user data. */
const stickyData = defineStickyData()
function defineStickyData() {
  const declared = defineStruct({
    versions: [0, 0],
    flexible: null,
    fields: { previous: list(struct({ topic: string, partitions: list(int32) })), generation: int32 },
  })
  // Unlike the subscription around it, it has no version in front.
  const VERSION_BYTES = 2
  return {
    write: (owned: readonly TopicPartition[], generation: number): Buffer =>
      declared
        .write({
          previous: [...byTopic(owned)].map(([topic, entries]) => ({ topic, partitions: entries.map((entry) => entry.partition) })),
          generation,
        })
        .subarray(VERSION_BYTES),
    read: (bytes: Buffer) => declared.read(Buffer.concat([Buffer.alloc(VERSION_BYTES), bytes])),
  }
}

/** What an eager member held before it let go of everything to rejoin. */
export function previouslyOwned(userData: Buffer): { owned: TopicPartition[]; generation: number } {
  const { previous, generation } = stickyData.read(userData)
  return { owned: previous.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition }))), generation }
}

export const sticky: Assignor = {
  name: 'sticky',
  cooperative: false,
  userData: (owned, generation) => stickyData.write(owned, generation),
  assign: balance,
}

export const cooperativeSticky: Assignor = {
  name: 'cooperative-sticky',
  cooperative: true,
  userData(_, generation) {
    const data = Buffer.alloc(4)
    data.writeInt32BE(generation)
    return data
  },
  assign(partitionCounts, members) {
    const wanted = balance(partitionCounts, members)
    const holders = new Map<string, Set<string>>()
    for (const member of members)
      for (const owned of member.owned) {
        const key = partitionKey(owned)
        holders.set(key, (holders.get(key) ?? new Set()).add(member.memberId))
      }
    for (const [memberId, partitions] of wanted)
      wanted.set(
        memberId,
        partitions.filter((entry) => {
          const held = holders.get(partitionKey(entry))
          return !held || (held.size === 1 && held.has(memberId))
        }),
      )
    return wanted
  },
}
