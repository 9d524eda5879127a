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
    const key = ({ resourceType, resourceName }: { resourceType: number; resourceName: string }) => `${resourceType} ${resourceName}`
    const duplicates = duplicatesOf(request.resources.map(key))
    const invalid = (resource: (typeof request.resources)[number]): KafkaError | null => {
      if (duplicates.has(key(resource))) return new KafkaError('INVALID_REQUEST', 'Each resource must appear at most once.')
      if (resource.resourceType === resourceTypes.topic || resource.resourceType === resourceTypes.broker) return null
      return new KafkaError('INVALID_REQUEST', `Unknown resource type ${resource.resourceType}`)
    }
    const errors = request.resources.map(invalid)
    const valid = request.resources.filter((_, index) => errors[index] === null)
    const changes = valid.map(({ resourceType, resourceName: name, configs }) => ({
      resource: { type: resourceType === resourceTypes.topic ? ('topic' as const) : ('broker' as const), name },
      changes: configs.map(({ name, configOperation: operation, value }) => ({ name, operation, value })),
    }))
    const outcomes = await broker.cluster.alterConfigsOf(changes, request.validateOnly)
    const responses = request.resources.map((resource, index) => {
      const { resourceType, resourceName } = resource
      const error = errors[index] ?? outcomes[valid.indexOf(resource)]
      return { errorCode: error ? codeOf(error) : 0, errorMessage: error?.message ?? null, resourceType, resourceName }
    })
    return { throttleTimeMs: 0, responses }
  },
  errorResponse: (errorCode, { resources }) => ({
    throttleTimeMs: 0,
    responses: resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage: null, resourceType, resourceName })),
  }),
})
