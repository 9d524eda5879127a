/**
 * DescribeProducers, key 61, flexible: the producers that a partition knows, and where their ongoing transactions began. Tools find hanging
 * transactions with it.
 */
import { codeOf, errorCode } from '../errors.ts'
import { int16, int32, int64, list, nullable, optional, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: list(
      struct({
        name: string,
        partitionIndexes: list(int32),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: optional(nullable(string)),
            activeProducers: list(
              struct({
                producerId: int64,
                producerEpoch: int32,
                lastSequence: optional(int32, -1),
                lastTimestamp: optional(int64, -1),
                coordinatorEpoch: int32,
                currentTxnStartOffset: optional(int64, -1),
              }),
            ),
          }),
        ),
      }),
    ),
  },
  handle({ request, broker }) {
    const describe = (topic: string, partitionIndex: number) => {
      const log = broker.logs.get(topic, partitionIndex)
      if (log) return { partitionIndex, errorCode: log.failure ? codeOf(log.failure) : 0, activeProducers: log.activeProducers() }
      const errorMessage = broker.cluster.topic(topic) ? null : 'This server does not host this topic-partition.'
      return { partitionIndex, errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage, activeProducers: [] }
    }
    return {
      throttleTimeMs: 0,
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partition) => describe(name, partition)),
      })),
    }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode, activeProducers: [] })),
    })),
  }),
})
