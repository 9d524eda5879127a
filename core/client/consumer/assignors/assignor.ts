/**
 * What an assignor is. It is pure: subscriptions and partition counts in, partitions of each member out. All members of a group may run
 * different clients, so names and rules are those of the Java client.
 */
import type { TopicPartition } from '../../types.ts'

export interface GroupSubscription {
  memberId: string
  groupInstanceId: string | null
  topics: readonly string[]
  /** What the member says it holds, and since which generation. */
  owned: readonly TopicPartition[]
  generation: number
}

export interface Assignor {
  name: string
  /** Cooperative: members keep what they hold while they rejoin (KIP-429). */
  cooperative: boolean
  /** Says what it holds in the subscription's user data, for members of older versions. */
  userData?(owned: readonly TopicPartition[], generation: number): Buffer | null
  assign(partitionCounts: ReadonlyMap<string, number>, members: readonly GroupSubscription[]): Map<string, TopicPartition[]>
}

/** Static members keep their place by their instance id, dynamic ones by their member id. */
export function inOrder(members: readonly GroupSubscription[]): GroupSubscription[] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return [...members].sort((a, b) => {
    if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compare(a.groupInstanceId, b.groupInstanceId)
    if (a.groupInstanceId !== null) return -1
    if (b.groupInstanceId !== null) return 1
    return compare(a.memberId, b.memberId)
  })
}
