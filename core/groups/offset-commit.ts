/**
 * OffsetCommit: validates each partition, then the member, then writes. An offset is acknowledged and visible once it is durable
 * (Invariants 1 and 3); a member of an older generation is rejected (Invariant 9).
 */
import { type ErrorName, errorCode } from '../errors.ts'
import { checkCommit } from './group.ts'
import type { OffsetAndMetadata } from './offsets.ts'
import type { OffsetsTopicWriter } from './offsets-topic-writer.ts'
import { offsetCommitRecord, offsetCommitTombstone } from './records.ts'
import type { GroupRegistry, RegisteredGroup } from './registry.ts'
import type { CommitRequest, CommitResponse, GroupStore } from './types.ts'

export interface CommitContext {
  store: GroupStore
  writer: OffsetsTopicWriter
  registry: GroupRegistry
  metadataMaxBytes: number
  now: number
  /** Resolves when the group is in memory, if it exists. */
  ensureLoaded(group: string): Promise<void>
  errorOf(error: unknown): ErrorName
  renewSession(registered: RegisteredGroup, memberId: string): void
}

interface PartitionCommit {
  topic: string
  /** The id of the topic at the time of the commit. A new topic of the same name has another one. */
  topicId: string | undefined
  partition: number
  commit: OffsetAndMetadata
  response: { errorCode: number }
}

export async function commitOffsets(request: CommitRequest, version: number, context: CommitContext): Promise<CommitResponse> {
  const { store, now } = context
  const commits: PartitionCommit[] = []
  const topics = request.topics.map((topic) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitions.map((requested) => {
      const response = { partitionIndex: requested.partitionIndex, errorCode: 0 }
      const name = version >= 10 ? store.topicName(topic.topicId) : topic.name
      if (name === undefined) response.errorCode = errorCode('UNKNOWN_TOPIC_ID')
      else if (!store.partitionExists(name, requested.partitionIndex)) response.errorCode = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
      else {
        // An error of the group replaces this one.
        if ((requested.committedMetadata?.length ?? 0) > context.metadataMaxBytes)
          response.errorCode = errorCode('OFFSET_METADATA_TOO_LARGE')
        commits.push({
          topic: name,
          topicId: store.topicId(name),
          partition: requested.partitionIndex,
          commit: {
            offset: requested.committedOffset,
            leaderEpoch: requested.committedLeaderEpoch,
            metadata: requested.committedMetadata ?? '',
            timestamp: now,
            expireTimestamp: request.retentionTimeMs < 0 ? null : now + request.retentionTimeMs,
          },
          response,
        })
      }
      return response
    }),
  }))
  if (commits.length > 0) {
    const valid = commits.filter(({ response }) => response.errorCode === 0)
    const error = await write(request, version, valid, context)
    if (error !== null) for (const { response } of commits) response.errorCode = errorCode(error)
  }
  return { topics }
}

async function write(
  request: CommitRequest,
  version: number,
  commits: readonly PartitionCommit[],
  context: CommitContext,
): Promise<ErrorName | null> {
  const { groupId: group, memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = request
  const { registry } = context
  let registered: RegisteredGroup | undefined
  try {
    await context.ensureLoaded(group)
    // Without a generation: a consumer without group membership, or an admin client. The group is created for it.
    registered = generation < 0 ? registry.getOrCreate(group) : registry.get(group)
  } catch (error) {
    return context.errorOf(error)
  }
  if (!registered) return version >= 9 ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION'
  const commitError = checkCommit(registered.group, memberId, groupInstanceId, generation)
  if (commitError) {
    registry.removeIfUnused(registered)
    return commitError
  }
  context.renewSession(registered, memberId)
  const { offsets } = registered
  const pending = commits.map(({ topic, partition, commit }) => offsets.prepareCommit(topic, partition, commit))
  const records = commits.map(({ topic, partition, commit }) => offsetCommitRecord(group, topic, partition, commit))
  let stored = false
  try {
    await context.writer.append(registered.partition, records)
    stored = true
    return null
  } catch (error) {
    return context.errorOf(error)
  } finally {
    for (const commit of pending) offsets.completeCommit(commit, stored)
    registry.removeIfUnused(registered)
    if (stored) await deleteOrphans(registered, commits, context)
  }
}

/** Deletes the offsets of topics that were deleted during the write: a new topic of the same name must not have them. */
async function deleteOrphans(registered: RegisteredGroup, commits: readonly PartitionCommit[], context: CommitContext): Promise<void> {
  const { offsets } = registered
  const orphans = commits.filter(({ topic, topicId, partition, commit }) => {
    return context.store.topicId(topic) !== topicId && offsets.get(topic, partition) === commit
  })
  if (orphans.length === 0) return
  const pending = orphans.map(({ topic, partition }) => offsets.prepareCommit(topic, partition, null))
  let stored = false
  try {
    await context.writer.append(
      registered.partition,
      orphans.map(({ topic, partition }) => offsetCommitTombstone(registered.group.id, topic, partition, context.now)),
    )
    stored = true
  } catch (error) {
    // The commit is durable. The orphans expire with their retention.
    context.errorOf(error)
  } finally {
    for (const commit of pending) offsets.completeCommit(commit, stored)
  }
}
