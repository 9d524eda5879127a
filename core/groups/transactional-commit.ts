/**
 * TxnOffsetCommit: offsets that become visible with the marker of their transaction (Invariant 4). Until then they are kept beside the
 * committed ones, and a consumer that asks for stable offsets waits.
 */
import { type ErrorName, errorCode, KafkaError } from '../errors.ts'
import type { MarkerOfProducer } from '../log/types.ts'
import { checkCommit } from './group.ts'
import { limits } from './limits.ts'
import type { OffsetAndMetadata } from './offsets.ts'
import type { OffsetsTopicWriter } from './offsets-topic-writer.ts'
import { offsetCommitRecord } from './records.ts'
import type { GroupRegistry, RegisteredGroup, TransactionalCommit } from './registry.ts'
import type { AppendTransaction, GroupStore, TransactionalCommitRequest, TransactionalCommitResponse, VerifyAppend } from './types.ts'

export interface TransactionalCommitContext {
  store: GroupStore
  writer: OffsetsTopicWriter
  registry: GroupRegistry
  metadataMaxBytes: number
  now: number
  /** Resolves when the group is in memory, if it exists. */
  ensureLoaded(group: string): Promise<void>
  errorOf(error: unknown): ErrorName
}

interface PartitionCommit {
  topic: string
  /** The id of the topic when the request came. A new topic of the same name has another one. */
  topicId: string | undefined
  partition: number
  commit: OffsetAndMetadata
  response: { errorCode: number }
}

export async function commitTransactionalOffsets(
  request: TransactionalCommitRequest,
  verify: VerifyAppend,
  context: TransactionalCommitContext,
): Promise<TransactionalCommitResponse> {
  const { store, now } = context
  const commits: PartitionCommit[] = []
  const topics = request.topics.map(({ name: topic, partitions }) => ({
    name: topic,
    partitions: partitions.map(({ partitionIndex: partition, committedOffset, committedLeaderEpoch, committedMetadata }) => {
      const response = { partitionIndex: partition, errorCode: 0 }
      if (!store.partitionExists(topic, partition)) response.errorCode = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
      else {
        // An error of the group replaces this one.
        if ((committedMetadata?.length ?? 0) > context.metadataMaxBytes) response.errorCode = errorCode('OFFSET_METADATA_TOO_LARGE')
        const commit = {
          offset: committedOffset,
          leaderEpoch: committedLeaderEpoch,
          metadata: committedMetadata ?? '',
          timestamp: now,
          expireTimestamp: null,
        }
        commits.push({ topic, topicId: store.topicId(topic), partition, commit, response })
      }
      return response
    }),
  }))
  if (commits.length > 0) {
    try {
      await write(request, verify, commits, context)
    } catch (error) {
      const code = errorCode(context.errorOf(error))
      for (const { response } of commits) response.errorCode = code
    }
  }
  return { throttleTimeMs: 0, topics }
}

/** Throws KafkaError for the whole request. */
async function write(
  request: TransactionalCommitRequest,
  verify: VerifyAppend,
  commits: readonly PartitionCommit[],
  context: TransactionalCommitContext,
): Promise<void> {
  const { groupId, producerId, producerEpoch } = request
  const { registry, store } = context
  if (groupId === '') throw new KafkaError('INVALID_GROUP_ID')
  await context.ensureLoaded(groupId)
  const partition = registry.partitionFor(groupId)
  const verification = await verify(partition)
  const registered = groupOf(request, registry)
  const error = checkCommit(registered.group, request.memberId, request.groupInstanceId, request.generationId, true)
  if (error) {
    registry.removeIfUnused(registered)
    throw new KafkaError(error)
  }
  // Its topic may have been deleted meanwhile.
  for (const { topic, topicId, response } of commits)
    if (response.errorCode === 0 && store.topicId(topic) !== topicId) response.errorCode = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
  const valid = commits.filter(({ response }) => response.errorCode === 0)
  if (valid.length === 0) {
    registry.removeIfUnused(registered)
    return
  }
  if (registry.transactions.size + valid.length > limits.pendingTransactionalCommits) {
    registry.removeIfUnused(registered)
    throw new KafkaError(
      'COORDINATOR_NOT_AVAILABLE',
      `more than ${limits.pendingTransactionalCommits} offsets wait for the end of their transaction`,
    )
  }
  await append(registered, valid, { producerId, producerEpoch, verification }, context)
}

async function append(
  registered: RegisteredGroup,
  commits: readonly PartitionCommit[],
  transaction: AppendTransaction,
  { registry, writer }: TransactionalCommitContext,
): Promise<void> {
  const { offsets, partition } = registered
  const { producerId } = transaction
  const pending: TransactionalCommit[] = commits.map(({ topic, partition: index, commit }) => ({
    registered,
    pending: offsets.prepareTransactional(topic, index, commit),
  }))
  registry.transactions.add(partition, producerId, pending)
  try {
    const records = commits.map(({ topic, partition: index, commit }) => offsetCommitRecord(registered.group.id, topic, index, commit))
    await writer.append(partition, records, transaction)
  } catch (error) {
    registry.transactions.delete(partition, producerId, pending)
    for (const commit of pending) offsets.completeTransactional(commit.pending, false)
    registry.removeIfUnused(registered)
    throw error
  }
}

/** Without a generation, the group is created for a consumer without group membership. */
function groupOf({ groupId, generationId }: TransactionalCommitRequest, registry: GroupRegistry): RegisteredGroup {
  const registered = generationId < 0 ? registry.getOrCreate(groupId) : registry.get(groupId)
  if (!registered) throw new KafkaError('ILLEGAL_GENERATION')
  return registered
}

/** Throws KafkaError. */
export async function endGroupTransaction(
  partition: number,
  marker: MarkerOfProducer,
  registry: GroupRegistry,
  writer: OffsetsTopicWriter,
): Promise<void> {
  await registry.ensurePartitionLoaded(partition)
  const appended = writer.appendMarker(partition, marker)
  // Now: commits that are appended after the marker belong to the next transaction.
  const commits = registry.transactions.take(partition, marker.producerId)
  try {
    await appended
  } catch (error) {
    registry.transactions.add(partition, marker.producerId, commits)
    throw error
  }
  for (const { registered, pending } of commits) {
    registered.offsets.completeTransactional(pending, marker.committed)
    registry.removeIfUnused(registered)
  }
}
