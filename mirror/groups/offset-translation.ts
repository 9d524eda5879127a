/**
 * What a group's commits at the source mean on the target: pure decisions over the exact map. A commit is never translated past the truth
 * (Invariant 10), and what a group already has on the target never goes back.
 */
import { partitionKey } from '../../core/topic-partition.ts'
import type { OffsetMap, Translation } from '../offset-map.ts'
import type { Checkpoint } from '../store/mm2-records.ts'

/** A commit of a group at the source, as last seen. */
export interface SourceCommit {
  topic: string
  partition: number
  offset: number
  metadata: string
  /** What it was translated to when it was last seen: holds where the topic has been created anew since, and the map is of the new one. */
  lastDownstreamOffset?: number | undefined
}

export interface MappedPartition {
  targetTopic: string
  map: OffsetMap
}

export interface TranslatedCommit extends SourceCommit, Translation {
  targetTopic: string
}

export function translateCommits(
  commits: Iterable<SourceCommit>,
  mapped: (topic: string, partition: number) => MappedPartition | undefined,
): TranslatedCommit[] {
  const translated: TranslatedCommit[] = []
  for (const commit of commits) {
    const place = commit.offset >= 0 ? mapped(commit.topic, commit.partition) : undefined
    if (place) translated.push({ ...commit, targetTopic: place.targetTopic, ...translateCommit(commit, place.map) })
  }
  return translated
}

function translateCommit({ offset, lastDownstreamOffset: seenAs }: SourceCommit, map: OffsetMap): Translation {
  // the map answers from its origin's offset on with its origin or more: what was less is of an earlier life of the topic
  if (seenAs !== undefined && offset >= map.origin.upstreamOffset && seenAs < map.origin.downstreamOffset)
    return { downstreamOffset: seenAs, exact: true, ahead: false }
  return map.translateDownstream(offset)
}

/** Whether a checkpoint is news: the first one, a group that went back at the source, or one that got further on the target. */
export function needsCheckpoint(
  last: Pick<Checkpoint, 'upstreamOffset' | 'downstreamOffset'> | undefined,
  commit: TranslatedCommit,
): boolean {
  return (
    !last ||
    commit.offset < last.upstreamOffset ||
    commit.downstreamOffset > last.downstreamOffset ||
    (commit.downstreamOffset === last.downstreamOffset && commit.offset !== last.upstreamOffset)
  )
}

/** What is to be committed on the target for a group without members there: what is missing or behind. */
export function commitsToApply(translated: readonly TranslatedCommit[], there: ReadonlyMap<string, number>): TranslatedCommit[] {
  return translated.filter(
    (commit) => commit.downstreamOffset > (there.get(partitionKey({ topic: commit.targetTopic, partition: commit.partition })) ?? -1),
  )
}
