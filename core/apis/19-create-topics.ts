/**
 * CreateTopics, key 19: each topic is created, or fails, on its own; those that are created are one batch of the metadata log.
 * v5 is flexible, adds topicConfigErrorCode, numPartitions, replicationFactor, configs; v7 adds topicId.
 */
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct, tagged, uuid } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

export default defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: list(
      struct({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: list(
          struct({
            partitionIndex: int32,
            brokerIds: list(int32),
          }),
        ),
        configs: list(
          struct({
            name: string,
            value: nullable(string),
          }),
        ),
      }),
    ),
    timeoutMs: optional(int32, 60000),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        name: string,
        topicId: since(7, uuid),
        errorCode: int16,
        errorMessage: nullable(string),
        topicConfigErrorCode: tagged(0, 5, int16),
        numPartitions: since(5, int32, -1),
        replicationFactor: since(5, int16, -1),
        configs: since(
          5,
          nullable(
            list(
              struct({
                name: string,
                value: nullable(string),
                readOnly: bool,
                configSource: optional(int8, -1),
                isSensitive: bool,
              }),
            ),
          ),
          [],
        ),
      }),
    ),
  },
  async handle({ request, broker }) {
    const { cluster } = broker
    const newTopics = request.topics.map(({ name, numPartitions: partitions, replicationFactor, assignments, configs }) => ({
      name,
      partitions,
      replicationFactor,
      assignments,
      configs: Object.fromEntries(configs.map((config) => [config.name, config.value])),
    }))
    try {
      cluster.checkPartitionCount(newTopics)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      const { message } = error
      return { throttleTimeMs: 0, topics: newTopics.map(({ name }) => ({ name, errorCode: codeOf(error), errorMessage: message })) }
    }
    const duplicates = duplicatesOf(request.topics.map(({ name }) => name))
    const unique = newTopics.filter(({ name }) => !duplicates.has(name))
    const created = await cluster.createTopics(unique, { validateOnly: request.validateOnly })
    const outcomes = new Map(unique.map(({ name }, index) => [name, created[index]!]))
    const topics = [...new Set(newTopics.map(({ name }) => name))].map((name) => {
      const topic = outcomes.get(name) ?? new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
      if (topic instanceof KafkaError) return { name, errorCode: codeOf(topic), errorMessage: topic.message }
      return {
        name,
        topicId: topic.id,
        errorCode: 0,
        errorMessage: null,
        numPartitions: topic.partitions,
        replicationFactor: 1,
        configs: cluster.describeNewTopic(topic).map(({ name, value, readOnly, source: configSource, isSensitive }) => ({
          name,
          value,
          readOnly,
          configSource,
          isSensitive,
        })),
      }
    })
    return { throttleTimeMs: 0, topics }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
})
