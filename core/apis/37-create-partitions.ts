/**
 * CreatePartitions, key 37: raises the number of partitions of topics.
 * v2 is flexible.
 */
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int16, int32, list, nullable, optional, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

export default defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
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
  async handle({ request, broker }) {
    const duplicates = duplicatesOf(request.topics.map(({ name }) => name))
    const unique = request.topics.filter(({ name }) => !duplicates.has(name))
    const extensions = unique.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    }))
    const extended = await broker.cluster.createPartitionsOf(extensions, request.validateOnly)
    const outcomes = new Map(unique.map(({ name }, index) => [name, extended[index]!]))
    const results = [...new Set(request.topics.map(({ name }) => name))].map((name) => {
      const topic = outcomes.get(name) ?? new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
      if (!(topic instanceof KafkaError)) return { name, errorCode: 0, errorMessage: null }
      return { name, errorCode: codeOf(topic), errorMessage: topic.message === topic.error ? null : topic.message }
    })
    return { throttleTimeMs: 0, results }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    results: topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
})
