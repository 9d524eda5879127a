/**
 * DescribeTopicPartitions, key 75: topics and their partitions in pages; the client continues with the cursor of
 * the previous page.
 */
import { errorCode, KafkaError } from '../errors.ts'
import { bool, int16, int32, list, nullable, optional, string, struct, uuid, ZERO_UUID } from '../wire/types.ts'
import { NOT_INCLUDED } from './authorized-operations.ts'
import { defineApi } from './define-api.ts'

const failed = (name: string, code: number) => ({
  errorCode: code,
  name,
  topicId: ZERO_UUID,
  isInternal: false,
  partitions: [],
  topicAuthorizedOperations: NOT_INCLUDED,
})

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export default defineApi({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Describe Topic'],
  request: {
    topics: list(
      struct({
        name: string,
      }),
    ),
    responsePartitionLimit: optional(int32, 2000),
    cursor: optional(
      nullable(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        errorCode: int16,
        name: nullable(string),
        topicId: uuid,
        isInternal: bool,
        partitions: list(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: optional(int32, -1),
            replicaNodes: list(int32),
            isrNodes: list(int32),
            eligibleLeaderReplicas: optional(nullable(list(int32))),
            lastKnownElr: optional(nullable(list(int32))),
            offlineReplicas: list(int32),
          }),
        ),
        topicAuthorizedOperations: optional(int32, NOT_INCLUDED),
      }),
    ),
    nextCursor: optional(
      nullable(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
    ),
  },
  handle({ request, broker, access }) {
    const { cluster, settings } = broker
    const { cursor } = request
    const requested = request.topics.length > 0 ? request.topics : [...cluster.topics()]
    const names = [...new Set(requested.map(({ name }) => name))].filter((name) => !cursor || name >= cursor.topicName)
    if (cursor && request.topics.length > 0 && !names.includes(cursor.topicName))
      throw new KafkaError(
        'INVALID_REQUEST',
        `DescribeTopicPartitionsRequest topic list should contain the cursor topic: ${cursor.topicName}`,
      )
    if (cursor && cursor.partitionIndex < 0)
      throw new KafkaError('INVALID_REQUEST', 'DescribeTopicPartitionsRequest cursor partition must be valid: it is negative.')
    const visible = access.allowed('Describe Topic', names)
    // Nothing tells a client without Describe whether a topic exists. They are no part of the pages: each page has them.
    const denied =
      request.topics.length > 0
        ? names.filter((name) => !visible.has(name)).map((name) => failed(name, errorCode('TOPIC_AUTHORIZATION_FAILED')))
        : []
    let remaining = Math.max(1, Math.min(request.responsePartitionLimit, settings.values['max.request.partition.size.limit']))
    const topics = []
    for (const name of names.filter((each) => visible.has(each)).sort(byName)) {
      if (remaining === 0) return { throttleTimeMs: 0, topics: [...topics, ...denied], nextCursor: { topicName: name, partitionIndex: 0 } }
      const topic = cluster.topic(name)
      if (!topic) {
        const error = cluster.isTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
        topics.push({ ...failed(name, errorCode(error)), topicAuthorizedOperations: access.operations('Topic', name) })
        continue
      }
      const first = cursor?.topicName === name ? cursor.partitionIndex : 0
      const count = Math.max(0, Math.min(topic.partitions - first, remaining))
      const { nodeId } = settings
      topics.push({
        errorCode: 0,
        name,
        topicId: topic.id,
        isInternal: topic.internal,
        partitions: Array.from({ length: count }, (_, index) => {
          const state = cluster.partitionState(topic, first + index)
          return {
            errorCode: state.leader < 0 ? errorCode('LEADER_NOT_AVAILABLE') : 0,
            partitionIndex: first + index,
            leaderId: state.leader,
            leaderEpoch: state.leaderEpoch,
            replicaNodes: [...state.replicas],
            isrNodes: [...state.isr],
            eligibleLeaderReplicas: [...state.eligibleLeaderReplicas],
            lastKnownElr: [...state.lastKnownElr],
            offlineReplicas: state.replicas.filter((replica) => replica !== nodeId || state.leader < 0),
          }
        }),
        topicAuthorizedOperations: access.operations('Topic', name),
      })
      remaining -= count
      if (first + count < topic.partitions)
        return { throttleTimeMs: 0, topics: [...topics, ...denied], nextCursor: { topicName: name, partitionIndex: first + count } }
    }
    return { throttleTimeMs: 0, topics: [...topics, ...denied], nextCursor: null }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name }) => failed(name, errorCode)),
  }),
})
