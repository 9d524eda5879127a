/**
 * What the commits of a group at the source mean on the target: pure decisions by the exact offset map. A commit is never translated past
 * the true offset (Invariant 10), and the offsets of a group on the target never go back.
 */
import { partitionKey } from '../../core/topic-partition.ts'
import type { OffsetMap, OffsetPair, Translation } from '../offset-map.ts'

/** A committed offset of a group at the source, as last seen. */
export interface SourceCommit {
  topic: string
  partition: number
  offset: number
  metadata: string
  /** Its translation when it was last seen: still valid after the source topic was recreated, when the map is of the new topic. */
  lastDownstreamOffset?: number | undefined
}

export interface MappedPartition {
  targetTopic: string
  map: OffsetMap
}

export interface TranslatedCommit extends SourceCommit, Translation {
  targetTopic: string
}

/** Commits of partitions without a map are left out. */
export function translateCommits(
  commits: Iterable<SourceCommit>,
  mapped: (topic: string, partition: number) => MappedPartition | undefined,
): TranslatedCommit[] {
  const translated: TranslatedCommit[] = []
  for (const commit of commits) {
    const partition = commit.offset >= 0 ? mapped(commit.topic, commit.partition) : undefined
    if (partition) translated.push({ ...commit, targetTopic: partition.targetTopic, ...translateCommit(commit, partition.map) })
  }
  return translated
}

function translateCommit({ offset, lastDownstreamOffset }: SourceCommit, map: OffsetMap): Translation {
  // From its origin on, the map translates to its origin or more: a lower translation is of a deleted topic of the same name.
  if (lastDownstreamOffset !== undefined && offset >= map.origin.upstreamOffset && lastDownstreamOffset < map.origin.downstreamOffset)
    return { downstreamOffset: lastDownstreamOffset, exact: true, ahead: false }
  return map.translateDownstream(offset)
}

/** Whether to write a checkpoint: the first one, a group that went back at the source, or one that advanced on the target. */
export function needsCheckpoint(last: OffsetPair | undefined, commit: TranslatedCommit): boolean {
  return (
    !last ||
    commit.offset < last.upstreamOffset ||
    commit.downstreamOffset > last.downstreamOffset ||
    (commit.downstreamOffset === last.downstreamOffset && commit.offset !== last.upstreamOffset)
  )
}

/** The commits to apply on the target: those of partitions without a committed offset there, or with a lower one. */
export function commitsToApply(translated: readonly TranslatedCommit[], committed: ReadonlyMap<string, number>): TranslatedCommit[] {
  return translated.filter((commit) => commit.downstreamOffset > committedOnTarget(commit, committed))
}

/** The committed offset of the target partition of a commit; -1 if there is none. */
export const committedOnTarget = ({ targetTopic, partition }: TranslatedCommit, committed: ReadonlyMap<string, number>): number =>
  committed.get(partitionKey({ topic: targetTopic, partition })) ?? -1
