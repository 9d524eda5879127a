/**
 * The fencing of KIP-320: a client whose leader epoch is not the partition's own must refresh its metadata.
 */
import type { ErrorName } from '../errors.ts'
import type { PartitionLog } from '../log/types.ts'

/** `currentLeaderEpoch` is the client's; -1 where it has none. */
export function leaderEpochError({ leaderEpoch }: PartitionLog, currentLeaderEpoch: number): ErrorName | null {
  if (currentLeaderEpoch > leaderEpoch) return 'UNKNOWN_LEADER_EPOCH'
  return currentLeaderEpoch >= 0 && currentLeaderEpoch < leaderEpoch ? 'FENCED_LEADER_EPOCH' : null
}
