/**
 * CreatePartitions, key 37: raises the number of partitions of topics.
 * v2 is flexible.
 */
import { codeOf, errorCode, KafkaError } from '../errors.ts'
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
    const reported = new Set<string>()
    const results: { name: string; errorCode: number; errorMessage: string | null }[] = []
    for (const { name, count, assignments } of request.topics) {
      if (duplicates.has(name)) {
        if (!reported.has(name)) results.push({ name, errorCode: errorCode('INVALID_REQUEST'), errorMessage: 'Duplicate topic name.' })
        reported.add(name)
        continue
      }
      try {
        const replicas = assignments?.map(({ brokerIds }) => brokerIds) ?? null
        await broker.cluster.createPartitions(name, count, request.validateOnly, replicas)
        results.push({ name, errorCode: 0, errorMessage: null })
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        results.push({ name, errorCode: codeOf(error), errorMessage: error.message === error.error ? null : error.message })
      }
    }
    return { throttleTimeMs: 0, results }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    results: topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
})
