/**
 * Reads a consumer group on the target. Its offsets may be altered only while the group has no members there.
 */
import type { Client, CommitOffset } from '../../core/client/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { TranslatedCommit } from './offset-translation.ts'

export interface TargetGroup {
  /** In the coordinator's words: Empty, Stable, Dead and so on. */
  state: string
  hasMembers: boolean
  /** Committed offsets by `partitionKey`; empty if the group has members or does not exist. */
  committed: Map<string, number>
}

export async function readTargetGroup(target: Client, group: string): Promise<TargetGroup> {
  const [described] = await target.admin.describeGroups([group])
  const state = described?.state || 'Dead'
  const isEmpty = state.toLowerCase() === 'empty'
  const offsets = isEmpty ? await target.admin.groupOffsets(group) : []
  return {
    state,
    hasMembers: !isEmpty && state.toLowerCase() !== 'dead',
    committed: new Map(offsets.map(({ topic, partition, offset }) => [partitionKey({ topic, partition }), offset])),
  }
}

export const toCommitOffset = ({ targetTopic, partition, downstreamOffset, metadata }: TranslatedCommit): CommitOffset => ({
  topic: targetTopic,
  partition,
  offset: downstreamOffset,
  metadata,
})
