/**
 * ElectLeaders, key 43: the preferred or an unclean election of partitions; this node is the only candidate.
 * v1 adds electionType, errorCode; v2 is flexible.
 */
import { codeOf } from '../errors.ts'
import { int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  request: {
    electionType: since(1, int8),
    topicPartitions: nullable(
      list(
        struct({
          topic: string,
          partitions: list(int32),
        }),
      ),
    ),
    timeoutMs: optional(int32, 60000),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: since(1, int16),
    replicaElectionResults: list(
      struct({
        topic: string,
        partitionResult: list(
          struct({
            partitionId: int32,
            errorCode: int16,
            errorMessage: nullable(string),
          }),
        ),
      }),
    ),
  },
  handle({ request, broker }) {
    const { electionType, topicPartitions } = request
    if (topicPartitions?.length === 0) return { throttleTimeMs: 0, errorCode: 0, replicaElectionResults: [] }
    const results = broker.cluster.electLeaders(electionType, topicPartitions)
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      replicaElectionResults: results.map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map(({ partition: partitionId, error }) => ({
          ...{ partitionId, errorCode: codeOf(error), errorMessage: error.message },
        })),
      })),
    }
  },
  errorResponse: (errorCode, { topicPartitions }) => ({
    throttleTimeMs: 0,
    errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage: null })),
    })),
  }),
})
