/**
 * IncrementalAlterConfigs, key 44: changes configs of topics and of this broker.
 * v1 is flexible.
 */
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

const resourceTypes = { topic: 2, broker: 4 } as const

export default defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  missing: ['resource types 8 (broker logger), 16 (client metrics) and 32 (group)'],
  request: {
    resources: list(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: list(
          struct({
            name: string,
            configOperation: int8,
            value: nullable(string),
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    responses: list(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
      }),
    ),
  },
  async handle({ request, broker }) {
    const responses = []
    const key = ({ resourceType, resourceName }: { resourceType: number; resourceName: string }) => `${resourceType} ${resourceName}`
    const duplicates = duplicatesOf(request.resources.map(key))
    for (const { resourceType, resourceName, configs } of request.resources) {
      const response = { errorCode: 0, errorMessage: null as string | null, resourceType, resourceName }
      try {
        if (duplicates.has(key(response))) throw new KafkaError('INVALID_REQUEST', 'Each resource must appear at most once.')
        if (resourceType !== resourceTypes.topic && resourceType !== resourceTypes.broker)
          throw new KafkaError('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
        const type = resourceType === resourceTypes.topic ? 'topic' : 'broker'
        const changes = configs.map(({ name, configOperation: operation, value }) => ({ name, operation, value }))
        await broker.cluster.alterConfigs({ type, name: resourceName }, changes, request.validateOnly)
        responses.push(response)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        responses.push({ ...response, errorCode: codeOf(error), errorMessage: error.message })
      }
    }
    return { throttleTimeMs: 0, responses }
  },
  errorResponse: (errorCode, { resources }) => ({
    throttleTimeMs: 0,
    responses: resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage: null, resourceType, resourceName })),
  }),
})
