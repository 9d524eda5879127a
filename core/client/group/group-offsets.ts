/**
 * Commits and fetches the offsets of a group (OffsetCommit, OffsetFetch), for the admin client, the consumer and the group member.
 * The error of one partition fails the whole call.
 */
import offsetCommit from '../../apis/08-offset-commit.ts'
import offsetFetch from '../../apis/09-offset-fetch.ts'
import { byTopic, partitionKey } from '../../topic-partition.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { CommitOffset, TopicPartition } from '../types.ts'
import { requestFromCoordinator } from './coordinator-requests.ts'

/** The last version with topic names instead of ids: a deleted topic has no id. */
const BY_NAME = 9

export interface GroupMembership {
  generation: number
  memberId: string
  groupInstanceId?: string | undefined
}

export interface CommittedOffset extends CommitOffset {
  leaderEpoch: number
  metadata: string
}

/** Without `member` the commit comes from outside the group, which must then be empty. */
export function commitOffsets(
  router: RequestRouter,
  groupId: string,
  offsets: readonly CommitOffset[],
  options: { member?: GroupMembership; channel?: string } = {},
): Promise<void> {
  if (offsets.length === 0) return Promise.resolve()
  const { member, channel } = options
  return requestFromCoordinator<void>(router, groupId, {}, async (deadline) => {
    const response = await router.send(
      { group: groupId },
      offsetCommit,
      {
        groupId,
        generationIdOrMemberEpoch: member?.generation ?? -1,
        memberId: member?.memberId ?? '',
        groupInstanceId: member?.groupInstanceId ?? null,
        topics: [...byTopic(offsets)].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, offset, metadata, leaderEpoch }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch ?? -1,
            committedMetadata: metadata ?? '',
          })),
        })),
      },
      {
        maxVersion: BY_NAME,
        timeoutMs: Math.max(1, deadline - router.system.clock.monotonic()),
        ...(channel === undefined ? {} : { channel }),
      },
    )
    for (const { name, partitions } of response.topics)
      for (const { partitionIndex, errorCode } of partitions)
        if (errorCode !== 0)
          return { errorCode, about: `commit of group ${groupId} for ${partitionKey({ topic: name, partition: partitionIndex })}` }
    return { value: undefined }
  })
}

/**
 * The committed offsets of `partitions`, or of all partitions where it is null; those without a commit are left out.
 * @param options.requireStable waits for transactions that have offsets pending (KIP-447).
 */
export function fetchCommitted(
  router: RequestRouter,
  groupId: string,
  partitions: readonly TopicPartition[] | null,
  options: { signal?: AbortSignal; requireStable?: boolean } = {},
): Promise<CommittedOffset[]> {
  if (partitions?.length === 0) return Promise.resolve([])
  return requestFromCoordinator<CommittedOffset[]>(router, groupId, options, async (deadline) => {
    const topics =
      partitions && [...byTopic(partitions)].map(([name, list]) => ({ name, partitionIndexes: list.map((entry) => entry.partition) }))
    const response = await router.send(
      { group: groupId },
      offsetFetch,
      { groupId, topics, groups: [{ groupId, topics }], requireStable: options.requireStable ?? false },
      {
        maxVersion: BY_NAME,
        timeoutMs: Math.max(1, deadline - router.system.clock.monotonic()),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    )
    const group = response.groups[0] ?? response
    if (group.errorCode !== 0) return { errorCode: group.errorCode, about: `offsets of group ${groupId}` }
    const value: CommittedOffset[] = []
    for (const topic of group.topics)
      for (const { partitionIndex: partition, errorCode, committedOffset, committedLeaderEpoch, metadata } of topic.partitions) {
        const topicPartition = { topic: topic.name, partition }
        if (errorCode !== 0) return { errorCode, about: `offset of group ${groupId} in ${partitionKey(topicPartition)}` }
        if (committedOffset >= 0)
          value.push({ ...topicPartition, offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: metadata ?? '' })
      }
    return { value }
  })
}
