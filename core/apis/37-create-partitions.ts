/**
 * CreatePartitions, key 37: raises the number of partitions of topics.
 * v2 is flexible.
 */
import { codeOf, KafkaError, messageOf } from '../errors.ts'
import { bool, int16, int32, list, nullable, optional, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

/** Before it clients do not know THROTTLING_QUOTA_EXCEEDED. */
const STRICT_QUOTA_VERSION = 3
const duplicate = new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
const denied = new KafkaError('TOPIC_AUTHORIZATION_FAILED')

export default defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  authorization: ['Alter Topic'],
  request: {
    topics: list(
      struct({
        name: string,
        count: int32,
        assignments: nullable(
          list(
            struct({
              brokerIds: list(int32),
            }),
          ),
        ),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    results: list(
      struct({
        name: string,
        errorCode: int16,
        errorMessage: optional(nullable(string)),
      }),
    ),
  },
  async handle(context) {
    const { request, version, broker, access } = context
    const duplicates = duplicatesOf(request.topics.map(({ name }) => name))
    const unique = request.topics.filter(({ name }) => !duplicates.has(name))
    const authorized = access.allowed(
      'Alter Topic',
      unique.map(({ name }) => name),
    )
    const permitted = unique.filter(({ name }) => authorized.has(name))
    const extensions = permitted.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    }))
    const quota = broker.quotas.mutations(context, version >= STRICT_QUOTA_VERSION)
    const extended = await broker.cluster.createPartitionsOf(extensions, request.validateOnly, quota)
    const outcomes = new Map(permitted.map(({ name }, index) => [name, extended[index]!]))
    const results = [...new Set(request.topics.map(({ name }) => name))].map((name) => {
      const topic = outcomes.get(name) ?? (duplicates.has(name) ? duplicate : denied)
      if (!(topic instanceof KafkaError)) return { name, errorCode: 0, errorMessage: null }
      return { name, errorCode: codeOf(topic), errorMessage: messageOf(topic) }
    })
    return { throttleTimeMs: quota.throttleTimeMs, results }
  },
  errorResponse: (errorCode, { topics }, _, errorMessage) => ({
    throttleTimeMs: 0,
    results: topics.map(({ name }) => ({ name, errorCode, errorMessage })),
  }),
})
