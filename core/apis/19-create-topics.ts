/**
 * CreateTopics, key 19: each topic is created, or fails, on its own; those that are created are one batch of the metadata log.
 * v5 is flexible, adds topicConfigErrorCode, numPartitions, replicationFactor, configs; v7 adds topicId.
 */
import { codeOf, errorCode, KafkaError, messageOf } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct, tagged, uuid } from '../wire/types.ts'
import { creatableTopics } from './access.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

/** Before it clients do not know THROTTLING_QUOTA_EXCEEDED. */
const STRICT_QUOTA_VERSION = 6
const METADATA_TOPIC = '__cluster_metadata'
const duplicate = new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
const denied = new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'Authorization failed.')

export default defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  authorization: ['Create Cluster', 'Create Topic', 'DescribeConfigs Topic'],
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
  async handle(context) {
    const { request, version, broker, access } = context
    const { cluster } = broker
    const newTopics = request.topics.map(({ name, numPartitions: partitions, replicationFactor, assignments, configs }) => ({
      name,
      partitions,
      replicationFactor,
      assignments,
      configs: Object.fromEntries(configs.map((config) => [config.name, config.value])),
    }))
    const duplicates = duplicatesOf(request.topics.map(({ name }) => name))
    const unique = newTopics.filter(({ name }) => !duplicates.has(name))
    const names = unique.map(({ name }) => name).filter((name) => name !== METADATA_TOPIC)
    const authorized = creatableTopics(access, names)
    const describable = access.allowed('DescribeConfigs Topic', names, { logIfDenied: false })
    const permitted = unique.filter(({ name }) => name === METADATA_TOPIC || authorized.has(name))
    try {
      cluster.checkPartitionCount(permitted)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      const { message } = error
      return { throttleTimeMs: 0, topics: newTopics.map(({ name }) => ({ name, errorCode: codeOf(error), errorMessage: message })) }
    }
    const quota = broker.quotas.mutations(context, version >= STRICT_QUOTA_VERSION)
    const created = await cluster.createTopics(permitted, { validateOnly: request.validateOnly, quota })
    const outcomes = new Map(permitted.map(({ name }, index) => [name, created[index]!]))
    const topics = [...new Set(newTopics.map(({ name }) => name))].map((name) => {
      const topic = outcomes.get(name) ?? (duplicates.has(name) ? duplicate : denied)
      if (topic instanceof KafkaError) return { name, errorCode: codeOf(topic), errorMessage: messageOf(topic) }
      const done = { name, topicId: topic.id, errorCode: 0, errorMessage: null }
      if (!describable.has(name)) return { ...done, topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED') }
      return {
        ...done,
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
    return { throttleTimeMs: quota.throttleTimeMs, topics }
  },
  errorResponse: (errorCode, { topics }, _, errorMessage) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name }) => ({ name, errorCode, errorMessage })),
  }),
})
