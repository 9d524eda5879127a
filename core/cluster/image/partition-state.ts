/**
 * The state of one partition as the metadata log defines it, and how its records change it. Epochs are not in a PartitionChangeRecord:
 * every change raises the partition epoch, and one that names a leader, be it the same, raises the leader epoch. States are immutable and
 * share their lists: most partitions of a cluster have the same replicas. Pure.
 */
import { type MetadataRecordOf, NO_LEADER_CHANGE } from '../../wire/metadata-records.ts'
import { metadataCheck } from './damaged-metadata.ts'
import { MIGRATING } from './directory-ids.ts'

export interface PartitionState {
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  /** -1 without a leader. */
  readonly leader: number
  /** 1 while the leader recovers from an unclean election. */
  readonly leaderRecoveryState: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** The directory of each replica, in the order of `replicas`. */
  readonly directories: readonly string[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownElr: readonly number[]
}

const EMPTY: readonly never[] = Object.freeze([])

/** One array for all lists with the same elements. */
export class SharedLists {
  /** Where there are more lists, sharing begins anew (Invariant 13). */
  static readonly LIMIT = 10_000
  readonly #lists = new Map<string, readonly (string | number)[]>()

  share<T extends string | number>(list: readonly T[]): readonly T[] {
    if (list.length === 0) return EMPTY
    const key = list.length === 1 ? String(list[0]) : list.join()
    const shared = this.#lists.get(key)
    if (shared !== undefined && shared.length === list.length && typeof shared[0] === typeof list[0]) return shared as readonly T[]
    if (this.#lists.size >= SharedLists.LIMIT) this.#lists.clear()
    this.#lists.set(key, list)
    return list
  }
}

function directoriesOf(record: { directories: readonly string[] }, replicas: readonly number[], lists: SharedLists): readonly string[] {
  const { directories } = record
  metadataCheck(
    directories.length === 0 || directories.length === replicas.length,
    `a partition has ${replicas.length} replicas and ${directories.length} directories`,
  )
  return assignedOrMigrating(directories, replicas, lists)
}

function assignedOrMigrating(directories: readonly string[], replicas: readonly number[], lists: SharedLists): readonly string[] {
  if (directories.some((directory) => directory !== MIGRATING)) return lists.share(directories)
  return lists.share(replicas.map(() => MIGRATING))
}

export function newPartitionState(record: MetadataRecordOf<'PartitionRecord'>, lists: SharedLists): PartitionState {
  const replicas = lists.share(record.replicas)
  return {
    replicas,
    isr: lists.share(record.isr),
    removingReplicas: lists.share(record.removingReplicas),
    addingReplicas: lists.share(record.addingReplicas),
    leader: record.leader,
    leaderRecoveryState: record.leaderRecoveryState,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch,
    directories: directoriesOf(record, replicas, lists),
    eligibleLeaderReplicas: lists.share(record.eligibleLeaderReplicas ?? EMPTY),
    lastKnownElr: lists.share(record.lastKnownElr ?? EMPTY),
  }
}

export function changedPartitionState(
  state: PartitionState,
  record: MetadataRecordOf<'PartitionChangeRecord'>,
  lists: SharedLists,
): PartitionState {
  const replicas = record.replicas === null ? state.replicas : lists.share(record.replicas)
  const directories = record.directories ?? state.directories
  const assigned = directories.some((directory) => directory !== MIGRATING)
  metadataCheck(
    !assigned || directories.length === replicas.length,
    `a change of a partition leaves ${replicas.length} replicas and ${directories.length} directories`,
  )
  const newLeader = record.leader !== NO_LEADER_CHANGE
  return {
    replicas,
    isr: record.isr === null ? state.isr : lists.share(record.isr),
    removingReplicas: record.removingReplicas === null ? state.removingReplicas : lists.share(record.removingReplicas),
    addingReplicas: record.addingReplicas === null ? state.addingReplicas : lists.share(record.addingReplicas),
    leader: newLeader ? record.leader : state.leader,
    leaderRecoveryState: record.leaderRecoveryState === -1 ? state.leaderRecoveryState : record.leaderRecoveryState,
    leaderEpoch: newLeader ? state.leaderEpoch + 1 : state.leaderEpoch,
    partitionEpoch: state.partitionEpoch + 1,
    directories: assignedOrMigrating(directories, replicas, lists),
    eligibleLeaderReplicas:
      record.eligibleLeaderReplicas === null ? state.eligibleLeaderReplicas : lists.share(record.eligibleLeaderReplicas),
    lastKnownElr: record.lastKnownElr === null ? state.lastKnownElr : lists.share(record.lastKnownElr),
  }
}

/** The state after a ClearElrRecord; the same object where there was nothing to clear. */
export function withoutElr(state: PartitionState): PartitionState {
  if (state.eligibleLeaderReplicas.length === 0 && state.lastKnownElr.length === 0) return state
  return { ...state, eligibleLeaderReplicas: EMPTY, lastKnownElr: EMPTY, partitionEpoch: state.partitionEpoch + 1 }
}

/** The record that builds `state`, for a snapshot under `recordVersion` of PartitionRecord. */
export function partitionRecord(
  topicId: string,
  partitionId: number,
  state: PartitionState,
  recordVersion: number,
): MetadataRecordOf<'PartitionRecord'> {
  const { eligibleLeaderReplicas, lastKnownElr, directories } = state
  const assigned = recordVersion >= 1 || directories.some((directory) => directory !== MIGRATING)
  return {
    type: 'PartitionRecord',
    partitionId,
    topicId,
    ...state,
    directories: assigned ? directories : EMPTY,
    eligibleLeaderReplicas: eligibleLeaderReplicas.length > 0 ? eligibleLeaderReplicas : null,
    lastKnownElr: lastKnownElr.length > 0 ? lastKnownElr : null,
  }
}
