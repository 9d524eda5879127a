/**
 * OffsetCommit: checks each partition, then the member, then writes. An offset is confirmed, and seen by readers, once it is durable
 * (Invariants 1 and 3); a member of an older generation is refused (Invariant 9).
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
  /** Resolves when the group is in memory, if there is one. */
  ensureLoaded(group: string): Promise<void>
  errorOf(error: unknown): ErrorName
  renewSession(entry: RegisteredGroup, memberId: string): void
}

interface PartitionCommit {
  topic: string
  /** The topic's id when the offset was taken: a later topic of the same name is another. */
  topicId: string | undefined
  partition: number
  commit: OffsetAndMetadata
  response: { errorCode: number }
}

export async function commitOffsets(request: CommitRequest, version: number, place: CommitContext): Promise<CommitResponse> {
  const accepted: PartitionCommit[] = []
  const topics = request.topics.map((topic) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitions.map((asked) => {
      const answer = { partitionIndex: asked.partitionIndex, errorCode: 0 }
      const name = version >= 10 ? place.store.topicName(topic.topicId) : topic.name
      if (name === undefined) answer.errorCode = errorCode('UNKNOWN_TOPIC_ID')
      else if (!place.store.partitionExists(name, asked.partitionIndex)) answer.errorCode = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
      else {
        // The group's own error, where there is one, goes before this.
        if ((asked.committedMetadata?.length ?? 0) > place.metadataMaxBytes) answer.errorCode = errorCode('OFFSET_METADATA_TOO_LARGE')
        accepted.push({
          topic: name,
          topicId: place.store.topicId(name),
          partition: asked.partitionIndex,
          commit: {
            offset: asked.committedOffset,
            leaderEpoch: asked.committedLeaderEpoch,
            metadata: asked.committedMetadata ?? '',
            timestamp: place.now,
            expireTimestamp: request.retentionTimeMs < 0 ? null : place.now + request.retentionTimeMs,
          },
          response: answer,
        })
      }
      return answer
    }),
  }))
  if (accepted.length > 0) {
    const error = await write(
      request,
      version,
      accepted.filter(({ response: answer }) => answer.errorCode === 0),
      place,
    )
    if (error !== null) for (const { response: answer } of accepted) answer.errorCode = errorCode(error)
  }
  return { topics }
}

async function write(
  request: CommitRequest,
  version: number,
  accepted: readonly PartitionCommit[],
  place: CommitContext,
): Promise<ErrorName | null> {
  const { groupId: group, memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = request
  let entry: RegisteredGroup | undefined
  try {
    await place.ensureLoaded(group)
    // Without a generation it is a consumer that only keeps offsets here, or an administrator: the group is made for it.
    entry = generation < 0 ? place.registry.getOrCreate(group) : place.registry.get(group)
  } catch (error) {
    return place.errorOf(error)
  }
  if (!entry) return version >= 9 ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION'
  const wrong = checkCommit(entry.group, memberId, groupInstanceId, generation)
  if (wrong) {
    place.registry.removeIfUnused(entry)
    return wrong
  }
  place.renewSession(entry, memberId)
  const writes = accepted.map(({ topic, partition, commit }) => entry.offsets.prepareCommit(topic, partition, commit))
  const records = accepted.map(({ topic, partition, commit }) => offsetCommitRecord(group, topic, partition, commit))
  let stored = false
  try {
    await place.writer.append(entry.partition, records)
    stored = true
    return null
  } catch (error) {
    return place.errorOf(error)
  } finally {
    for (const done of writes) entry.offsets.completeCommit(done, stored)
    place.registry.removeIfUnused(entry)
    if (stored) await removeDeletedTopics(entry, accepted, place)
  }
}

/** A topic that was deleted while its offset went to the disk: the offset must not meet a later topic of that name. */
async function removeDeletedTopics(entry: RegisteredGroup, accepted: readonly PartitionCommit[], place: CommitContext): Promise<void> {
  const orphans = accepted.filter(({ topic, topicId, partition, commit }) => {
    return place.store.topicId(topic) !== topicId && entry.offsets.get(topic, partition) === commit
  })
  if (orphans.length === 0) return
  const writes = orphans.map(({ topic, partition }) => entry.offsets.prepareCommit(topic, partition, null))
  let stored = false
  try {
    await place.writer.append(
      entry.partition,
      orphans.map(({ topic, partition }) => offsetCommitTombstone(entry.group.id, topic, partition, place.now)),
    )
    stored = true
  } catch (error) {
    // The commit itself stands; the orphan goes when its retention ends.
    place.errorOf(error)
  } finally {
    for (const done of writes) entry.offsets.completeCommit(done, stored)
  }
}
