/**
 * Members keep their partitions, and as few move as an even distribution allows. The cooperative assignor never gives a partition to a new
 * owner while the old one has it: the partition is assigned after the old owner has revoked it and the group has rebalanced again (KIP-429,
 * Invariant 9).
 */
import { byTopic, partitionKey } from '../../../topic-partition.ts'
import { defineStruct } from '../../../wire/struct.ts'
import { int32, list, string, struct } from '../../../wire/types.ts'
import { clientLimits } from '../../limits.ts'
import type { TopicPartition } from '../../types.ts'
import { type Assignor, type GroupSubscription, orderMembers } from './assignor.ts'

interface MemberState {
  member: GroupSubscription
  topics: Set<string>
  /** By `partitionKey`. */
  assigned: Map<string, TopicPartition>
}

/** The owner of each partition: the member that claims it in the highest generation; two claims in one generation cancel each other out. */
function previousOwners(
  members: readonly GroupSubscription[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, { memberId: string | null; generation: number }> {
  const owners = new Map<string, { memberId: string | null; generation: number }>()
  for (const member of members) {
    const topics = new Set(member.topics)
    for (const owned of member.owned) {
      if (!topics.has(owned.topic) || owned.partition >= (partitionCounts.get(owned.topic) ?? 0)) continue
      const key = partitionKey(owned)
      const claim = owners.get(key)
      if (!claim || claim.generation < member.generation) owners.set(key, { memberId: member.memberId, generation: member.generation })
      else if (claim.generation === member.generation && claim.memberId !== member.memberId) claim.memberId = null
    }
  }
  return owners
}

function balance(partitionCounts: ReadonlyMap<string, number>, members: readonly GroupSubscription[]): Map<string, TopicPartition[]> {
  const states: MemberState[] = orderMembers(members).map((member) => ({ member, topics: new Set(member.topics), assigned: new Map() }))
  const byId = new Map(states.map((state) => [state.member.memberId, state]))
  const subscribed = new Map<string, MemberState[]>()
  for (const topic of partitionCounts.keys())
    subscribed.set(
      topic,
      states.filter((state) => state.topics.has(topic)),
    )
  const previous = previousOwners(members, partitionCounts)
  const unassigned: TopicPartition[] = []
  const owners = new Map<string, MemberState>()
  const assign = (state: MemberState, entry: TopicPartition) => {
    const key = partitionKey(entry)
    owners.get(key)?.assigned.delete(key)
    state.assigned.set(key, entry)
    owners.set(key, state)
  }
  const all: TopicPartition[] = []
  for (const topic of [...partitionCounts.keys()].sort())
    if (subscribed.get(topic)!.length > 0)
      for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) all.push({ topic, partition })
  for (const entry of all) {
    const memberId = previous.get(partitionKey(entry))?.memberId
    const state = memberId == null ? undefined : byId.get(memberId)
    if (state) assign(state, entry)
    else unassigned.push(entry)
  }
  const leastLoaded = (topic: string): MemberState =>
    subscribed.get(topic)!.reduce((least, state) => (state.assigned.size < least.assigned.size ? state : least))
  // Topics with few subscribers first: the topics with more subscribers can even out the load.
  unassigned.sort((a, b) => subscribed.get(a.topic)!.length - subscribed.get(b.topic)!.length)
  for (const entry of unassigned) assign(leastLoaded(entry.topic), entry)
  for (let round = 0; round < clientLimits.balancingRounds; round++) {
    let moved = false
    for (const entry of all) {
      const from = owners.get(partitionKey(entry))!
      const to = leastLoaded(entry.topic)
      if (from.assigned.size - to.assigned.size < 2) continue
      assign(to, entry)
      moved = true
    }
    if (!moved) break
  }
  return new Map(states.map((state) => [state.member.memberId, [...state.assigned.values()]]))
}

/** The user data of the Java client's StickyAssignor. */
const stickyData = defineStickyData()
function defineStickyData() {
  const declared = defineStruct({
    versions: [0, 0],
    flexible: null,
    fields: { previous: list(struct({ topic: string, partitions: list(int32) })), generation: int32 },
  })
  // It has no version, unlike the subscription that contains it.
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

/** What an eager member owned before it revoked all its partitions to rejoin. */
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
    const assignment = balance(partitionCounts, members)
    const ownersOf = new Map<string, Set<string>>()
    for (const member of members)
      for (const owned of member.owned) {
        const key = partitionKey(owned)
        ownersOf.set(key, (ownersOf.get(key) ?? new Set()).add(member.memberId))
      }
    for (const [memberId, partitions] of assignment)
      assignment.set(
        memberId,
        partitions.filter((entry) => {
          const owners = ownersOf.get(partitionKey(entry))
          return !owners || (owners.size === 1 && owners.has(memberId))
        }),
      )
    return assignment
  },
}
