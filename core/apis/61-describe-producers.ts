/**
 * DescribeProducers, key 61, flexible: the producers that a partition knows, and where their ongoing transactions began. Tools find hanging
 * transactions with it.
 */
import { codeOf, errorCode, KafkaError } from '../errors.ts'
import { int16, int32, int64, list, nullable, optional, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Read Topic'],
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
  handle({ request, broker, access }) {
    /** Why no partition of the topic is described. */
    const errorOf = (topic: string): KafkaError | null => {
      try {
        broker.cluster.checkTopicName(topic)
        return access.allows('Read Topic', topic) ? null : new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'Topic authorization failed.')
      } catch (error) {
        if (error instanceof KafkaError) return error
        throw error
      }
    }
    const describe = (topic: string, partitionIndex: number) => {
      const log = broker.logs.get(topic, partitionIndex)
      if (log) return { partitionIndex, errorCode: log.failure ? codeOf(log.failure) : 0, activeProducers: log.activeProducers() }
      const errorMessage = broker.cluster.topic(topic) ? null : 'This server does not host this topic-partition.'
      return { partitionIndex, errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage, activeProducers: [] }
    }
    const topics = request.topics.map(({ name, partitionIndexes }) => {
      const error = errorOf(name)
      if (!error) return { name, partitions: partitionIndexes.map((partition) => describe(name, partition)) }
      const failure = { errorCode: error.code, errorMessage: error.message, activeProducers: [] }
      return { name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...failure })) }
    })
    return { throttleTimeMs: 0, topics }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode, activeProducers: [] })),
    })),
  }),
})
