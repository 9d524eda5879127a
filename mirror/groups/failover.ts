/**
 * Fails a consumer group over to the target: commits the group's last known source offsets there, translated. It works while the source
 * is down, and reports for each partition which records are read again and which are missing. A group never skips a record that it has not
 * read (Invariant 10), and never goes back before its committed offsets on the target.
 */
import type { Client } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { GroupFailover } from '../types.ts'
import {
  committedOnTarget,
  type MappedPartition,
  type SourceCommit,
  type TranslatedCommit,
  translateCommits,
} from './offset-translation.ts'
import { readTargetGroup, toCommitOffset } from './target-group.ts'

export interface FailoverOptions {
  target: Client
  group: string
  commits: Iterable<SourceCommit>
  mapped(topic: string, partition: number): MappedPartition | undefined
  /** The log end offset of a partition at the source; null if the source is down. */
  sourceEnd(topic: string, partition: number): number | null
  /** The last checkpoint, for partitions without a map. */
  checkpoint(topic: string, partition: number): Pick<TranslatedCommit, 'targetTopic' | 'downstreamOffset'> | undefined
  dryRun: boolean
}

interface Move extends TranslatedCommit {
  missing: number | null
  rereads: number
}

function planMoves({ commits, mapped, sourceEnd, checkpoint }: FailoverOptions): Move[] {
  const moves: Move[] = []
  for (const commit of commits) {
    const partition = mapped(commit.topic, commit.partition)
    for (const translated of translateCommits([commit], () => partition)) {
      const { map } = partition!
      const end = sourceEnd(commit.topic, commit.partition)
      moves.push({
        ...translated,
        missing: end === null ? null : Math.max(0, end - map.nextUpstreamOffset),
        rereads: translated.exact ? 0 : map.rereads(commit.offset),
      })
    }
    const last = partition ? undefined : checkpoint(commit.topic, commit.partition)
    if (last) moves.push({ ...commit, ...last, exact: false, ahead: false, missing: null, rereads: 0 })
  }
  return moves
}

export async function failOverGroup(options: FailoverOptions): Promise<GroupFailover> {
  const { target, group, dryRun } = options
  const moves = planMoves(options)
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
  if (moves.length === 0) return report(false, `group ${group} has no known committed offsets on mirrored topics`)
  const { state, hasMembers, committed } = await readTargetGroup(target, group)
  if (hasMembers) return report(false, `group ${group} has members at the target (it is ${state}): stop them, then fail over again`)
  const ahead = new Set(moves.filter((move) => committedOnTarget(move, committed) > move.downstreamOffset))
  for (const move of ahead) move.downstreamOffset = committedOnTarget(move, committed)
  const reason = ahead.size > 0 ? `${ahead.size} partitions keep the offsets that the group has committed on the target already` : undefined
  if (dryRun) return report(false, reason)
  try {
    await target.admin.alterGroupOffsets(group, moves.filter((move) => !ahead.has(move)).map(toCommitOffset))
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    if (error.error === 'UNKNOWN_MEMBER_ID' || error.error === 'NON_EMPTY_GROUP')
      return report(false, `group ${group} has members at the target: stop them, then fail over again`)
    return report(false, `the target refused the offsets of group ${group}: ${error.message}`)
  }
  return report(true, reason)
}
