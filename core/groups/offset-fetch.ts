/**
 * OffsetFetch: the committed offsets of a group, of the requested partitions or of all; -1 where nothing is committed. Requests have
 * topic names until v9, and topic ids from v10 on.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import type { RegisteredGroup } from './registry.ts'
import type { FetchedPartition, FetchRequest, FetchResponse, GroupStore } from './types.ts'

/** The group, null where there is none, or the error. */
export type GroupLookup = (group: string) => Promise<RegisteredGroup | null | ErrorName>

type RequestedGroup = FetchRequest['groups'][number]
type FetchedGroup = FetchResponse['groups'][number]

const noOffset = (partitionIndex: number, error: ErrorName = 'NONE'): FetchedPartition => ({
  partitionIndex,
  committedOffset: -1,
  committedLeaderEpoch: -1,
  metadata: '',
  errorCode: errorCode(error),
})

export async function fetchOffsets(request: FetchRequest, version: number, store: GroupStore, lookup: GroupLookup): Promise<FetchResponse> {
  if (version >= 8) {
    const { requireStable } = request
    const groups = await Promise.all(request.groups.map((requested) => fetchGroup(requested, requireStable, version, store, lookup)))
    return { topics: [], errorCode: 0, groups }
  }
  const topics = request.topics?.map(({ name, partitionIndexes }) => ({ name, topicId: '', partitionIndexes })) ?? null
  const requested = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics }
  const group = await fetchGroup(requested, request.requireStable, version, store, lookup)
  // v1 has no field for the group's error except those of the partitions.
  if (version < 2 && group.errorCode !== 0)
    for (const topic of topics ?? [])
      group.topics.push({
        name: topic.name,
        topicId: '',
        partitions: topic.partitionIndexes.map((index) => ({ ...noOffset(index), errorCode: group.errorCode })),
      })
  return { topics: group.topics, errorCode: group.errorCode, groups: [] }
}

async function fetchGroup(
  requested: RequestedGroup,
  requireStable: boolean,
  version: number,
  store: GroupStore,
  lookup: GroupLookup,
): Promise<FetchedGroup> {
  const result = await lookup(requested.groupId)
  if (typeof result === 'string') return { groupId: requested.groupId, topics: [], errorCode: errorCode(result) }
  const entry = result?.group.state === 'Dead' ? null : result
  const partitionOf = (topic: string, partition: number): FetchedPartition => {
    // KIP-447: the consumer asks again until the transaction has ended.
    if (requireStable && entry?.offsets.isUnstable(topic, partition)) return noOffset(partition, 'UNSTABLE_OFFSET_COMMIT')
    const commit = entry?.offsets.get(topic, partition)
    if (!commit) return noOffset(partition)
    return {
      partitionIndex: partition,
      committedOffset: commit.offset,
      committedLeaderEpoch: commit.leaderEpoch,
      metadata: commit.metadata,
      errorCode: 0,
    }
  }
  const topics: FetchedGroup['topics'] = []
  if (requested.topics === null) {
    for (const [name, commits] of entry?.offsets.committed() ?? []) {
      const topicId = version >= 10 ? store.topicId(name) : ''
      // A deleted topic has no id.
      if (topicId !== undefined) topics.push({ name, topicId, partitions: commits.map(([partition]) => partitionOf(name, partition)) })
    }
  } else {
    for (const { name: requestedName, topicId, partitionIndexes } of requested.topics) {
      const name = version >= 10 ? store.topicName(topicId) : requestedName
      const partitions = partitionIndexes.map((partition) =>
        name === undefined ? noOffset(partition, 'UNKNOWN_TOPIC_ID') : partitionOf(name, partition),
      )
      topics.push({ name: name ?? '', topicId, partitions })
    }
  }
  return { groupId: requested.groupId, topics, errorCode: 0 }
}
