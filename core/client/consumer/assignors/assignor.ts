/**
 * An assignor: a pure function from subscriptions and partition counts to the partitions of each member. The members of a group may run
 * other clients, so names and rules are those of the Java client.
 */
import type { TopicPartition } from '../../types.ts'

export interface GroupSubscription {
  memberId: string
  groupInstanceId: string | null
  topics: readonly string[]
  /** The partitions that the member claims, and the generation in which it owned them. */
  owned: readonly TopicPartition[]
  generation: number
}

export interface Assignor {
  name: string
  /** Members keep their partitions while they rejoin (KIP-429). */
  cooperative: boolean
  /** The subscription's user data. Older versions of the protocol have the owned partitions only there. */
  userData?(owned: readonly TopicPartition[], generation: number): Buffer | null
  /** By member id. `partitionCounts` has only topics that exist. */
  assign(partitionCounts: ReadonlyMap<string, number>, members: readonly GroupSubscription[]): Map<string, TopicPartition[]>
}

/** Static members first, by instance id, then dynamic members, by member id. */
export function orderMembers(members: readonly GroupSubscription[]): GroupSubscription[] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return [...members].sort((a, b) => {
    if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compare(a.groupInstanceId, b.groupInstanceId)
    if (a.groupInstanceId !== null) return -1
    if (b.groupInstanceId !== null) return 1
    return compare(a.memberId, b.memberId)
  })
}
