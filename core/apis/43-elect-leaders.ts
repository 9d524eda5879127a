/**
 * ElectLeaders, key 43: the preferred or an unclean election of partitions; this node is the only candidate.
 * v1 adds electionType, errorCode; v2 is flexible.
 */
import type { ElectionResults } from '../cluster/types.ts'
import { codeOf, errorCode, KafkaError } from '../errors.ts'
import { int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

/** The whole request fails: so does each partition that it names. */
const failure = (
  errorCode: number,
  errorMessage: string | null,
  asked: readonly { topic: string; partitions: readonly number[] }[] | null,
) => ({
  throttleTimeMs: 0,
  errorCode,
  replicaElectionResults: (asked ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
  })),
})

export default defineApi({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  authorization: ['Alter Cluster'],
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
  handle({ request, broker, access }) {
    access.check('Alter Cluster')
    const { electionType, topicPartitions, timeoutMs } = request
    if (topicPartitions?.length === 0) return { throttleTimeMs: 0, errorCode: 0, replicaElectionResults: [] }
    // In Kafka the deadline of a request without a timeout is over when the controller comes to it.
    if (timeoutMs <= 0) return failure(errorCode('REQUEST_TIMED_OUT'), null, topicPartitions)
    let results: ElectionResults
    try {
      results = broker.cluster.electLeaders(electionType, topicPartitions)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return failure(codeOf(error), error.message, topicPartitions)
    }
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
  errorResponse: (errorCode, { topicPartitions }, _, errorMessage) => failure(errorCode, errorMessage, topicPartitions),
})
