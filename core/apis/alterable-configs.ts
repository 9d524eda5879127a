/**
 * What AlterConfigs and IncrementalAlterConfigs do alike: which resources may be altered, the outcome of each in the order of the
 * request, and the response.
 */
import type { ConfigResource } from '../cluster/types.ts'
import { codeOf, KafkaError } from '../errors.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { duplicatesOf } from './duplicates.ts'

const resourceTypes = { topic: 2, broker: 4 } as const

interface RequestedResource<C> {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly C[]
}

export const alterConfigsResponse = {
  throttleTimeMs: int32,
  responses: list(
    struct({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
    }),
  ),
}

/** The response that carries an error of the whole request. */
export const alterConfigsFailure = (
  errorCode: number,
  resources: readonly Pick<RequestedResource<unknown>, 'resourceType' | 'resourceName'>[],
) => ({
  throttleTimeMs: 0,
  responses: resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage: null, resourceType, resourceName })),
})

/** `alter` gets the resources that are valid, and gives the outcome of each. */
export async function alterableConfigs<C>(
  resources: readonly RequestedResource<C>[],
  alter: (valid: { resource: ConfigResource; changes: readonly C[] }[]) => Promise<(KafkaError | null)[]>,
) {
  const key = ({ resourceType, resourceName }: RequestedResource<C>) => `${resourceType} ${resourceName}`
  const duplicates = duplicatesOf(resources.map(key))
  const errors = resources.map((resource): KafkaError | null => {
    if (duplicates.has(key(resource))) return new KafkaError('INVALID_REQUEST', 'Each resource must appear at most once.')
    if (resource.resourceType === resourceTypes.topic || resource.resourceType === resourceTypes.broker) return null
    return new KafkaError('INVALID_REQUEST', `Unknown resource type ${resource.resourceType}`)
  })
  const valid = resources.filter((_, index) => errors[index] === null)
  const outcomes = await alter(
    valid.map(({ resourceType, resourceName: name, configs: changes }) => ({
      resource: { type: resourceType === resourceTypes.topic ? 'topic' : 'broker', name },
      changes,
    })),
  )
  return resources.map((resource, index) => {
    const error = errors[index] ?? outcomes[valid.indexOf(resource)]
    const { resourceType, resourceName } = resource
    return { errorCode: error ? codeOf(error) : 0, errorMessage: error?.message ?? null, resourceType, resourceName }
  })
}
