/**
 * Moves groups to the target on command: their last known commits, translated, become their offsets there. It works with the source gone, by
 * what was seen last; it tells for each partition what will be read again and what is missing. A group is never moved past what it has read
 * (Invariant 10), and never back behind what it has read at the target already.
 */
import type { Client } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { GroupFailover } from '../types.ts'
import { toCommitOffset } from './group-sync.ts'
import type { MappedPartition, SourceCommit, TranslatedCommit } from './offset-translation.ts'
import { translateCommits } from './offset-translation.ts'

export interface FailoverOptions {
  target: Client
  group: string
  commits: Iterable<SourceCommit>
  mapped(topic: string, partition: number): MappedPartition | undefined
  /** The end of a partition at the source; null where the source cannot be asked. */
  sourceEnd(topic: string, partition: number): number | null
  /** The last checkpoint's offset on the target, for partitions of which no map is known. */
  checkpoint(topic: string, partition: number): Pick<TranslatedCommit, 'targetTopic' | 'downstreamOffset'> | undefined
  dryRun: boolean
}

export async function failOverGroup(options: FailoverOptions): Promise<GroupFailover> {
  const { target, group, mapped, sourceEnd, checkpoint, dryRun } = options
  const commits = [...options.commits]
  const translated = translateCommits(commits, mapped)
  const moves = translated.map((commit) => {
    const end = sourceEnd(commit.topic, commit.partition)
    const place = mapped(commit.topic, commit.partition)!
    return {
      ...commit,
      missing: end === null ? null : Math.max(0, end - place.map.nextUpstreamOffset),
      rereads: commit.exact ? 0 : place.map.rereads(commit.offset),
    }
  })
  for (const commit of commits) {
    const last = mapped(commit.topic, commit.partition) ? undefined : checkpoint(commit.topic, commit.partition)
    if (last) moves.push({ ...commit, ...last, exact: false, ahead: false, missing: null, rereads: 0 })
  }
  const report = (applied: boolean, reason?: string): GroupFailover => ({
    group,
    partitions: moves.map((move) => ({
      topic: move.topic,
      targetTopic: move.targetTopic,
      partition: move.partition,
      sourceOffset: move.offset,
      targetOffset: move.downstreamOffset,
      rereads: move.rereads,
      missing: move.missing,
    })),
    applied,
    ...(reason === undefined ? {} : { reason }),
  })
  if (moves.length === 0) return report(false, `group ${group} has committed nothing on a mirrored topic, as far as was seen`)
  const [described] = await target.admin.describeGroups([group])
  const state = described?.state.toLowerCase() ?? 'dead'
  if (state !== 'empty' && state !== 'dead' && state !== '')
    return report(false, `group ${group} has members at the target (it is ${described!.state}): stop them, then fail over again`)
  const there = new Map<string, number>()
  if (state === 'empty') for (const each of await target.admin.groupOffsets(group)) there.set(partitionKey(each), each.offset)
  const ahead = moves.filter(
    (move) => (there.get(partitionKey({ topic: move.targetTopic, partition: move.partition })) ?? -1) > move.downstreamOffset,
  )
  for (const move of ahead) move.downstreamOffset = there.get(partitionKey({ topic: move.targetTopic, partition: move.partition }))!
  const reason = ahead.length > 0 ? `${ahead.length} partitions stay where the group has read to at the target already` : undefined
  if (dryRun) return report(false, reason)
  try {
    await target.admin.alterGroupOffsets(group, moves.filter((move) => !ahead.includes(move)).map(toCommitOffset))
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    if (error.error === 'UNKNOWN_MEMBER_ID' || error.error === 'NON_EMPTY_GROUP')
      return report(false, `group ${group} has members at the target: stop them, then fail over again`)
    return report(false, `the target did not take the offsets of group ${group}: ${error.message}`)
  }
  return report(true, reason)
}
