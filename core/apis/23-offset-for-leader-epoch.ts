/**
 * OffsetForLeaderEpoch, key 23: the end offset of a leader epoch, with which a client detects truncation (KIP-320).
 * v3 adds replicaId; v4 is flexible.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, int64, list, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { leaderEpochError } from './leader-epoch.ts'

export default defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  authorization: ['ClusterAction Cluster', 'Describe Topic'],
  request: {
    replicaId: since(3, int32, -2),
    topics: list(
      struct({
        topic: string,
        partitions: list(
          struct({
            partition: int32,
            currentLeaderEpoch: optional(int32, -1),
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        topic: string,
        partitions: list(
          struct({
            errorCode: int16,
            partition: int32,
            leaderEpoch: optional(int32, -1),
            endOffset: optional(int64, -1),
          }),
        ),
      }),
    ),
  },
  handle({ request, broker, access }) {
    const names = request.topics.map(({ topic }) => topic)
    const described = access.allows('ClusterAction Cluster', undefined, { logIfDenied: false })
      ? new Set(names)
      : access.allowed('Describe Topic', names)
    const topics = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
        const failed = (code: number) => ({ errorCode: code, partition, leaderEpoch: -1, endOffset: -1 })
        if (!described.has(topic)) return failed(errorCode('TOPIC_AUTHORIZATION_FAILED'))
        const log = broker.logs.get(topic, partition)
        if (!log || !broker.cluster.topic(topic)) return failed(errorCode('UNKNOWN_TOPIC_OR_PARTITION'))
        const fenced = leaderEpochError(log, currentLeaderEpoch)
        if (fenced) return failed(errorCode(fenced))
        // The leader's own epoch reaches to the end of the log, also where no record has it yet.
        if (leaderEpoch === log.leaderEpoch) return { errorCode: 0, partition, leaderEpoch, endOffset: log.logEndOffset }
        return { errorCode: 0, partition, ...log.endOffsetForEpoch(leaderEpoch) }
      }),
    }))
    return { throttleTimeMs: 0, topics }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ errorCode, partition, leaderEpoch: -1, endOffset: -1 })),
    })),
  }),
})
