/**
 * What AlterConfigs and IncrementalAlterConfigs do alike: which resources may be altered, the outcome of each in the order of the
 * request, and the response.
 */

import type { ConfigResource } from '../cluster/types.ts'
import { codeOf, KafkaError } from '../errors.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { resourceTypes, storedResource } from './config-resources.ts'
import { duplicatesOf } from './duplicates.ts'

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

/** `alter` gets the resources that the cluster stores, and gives the outcome of each; `alterLoggers` changes the loggers of a broker. */
export async function alterableConfigs<C>(
  resources: readonly RequestedResource<C>[],
  alter: (valid: { resource: ConfigResource; changes: readonly C[] }[]) => Promise<(KafkaError | null)[]>,
  alterLoggers?: (broker: string, changes: readonly C[]) => void,
) {
  const key = ({ resourceType, resourceName }: RequestedResource<C>) => `${resourceType} ${resourceName}`
  const duplicates = duplicatesOf(resources.map(key))
  const outcomes = resources.map((resource): ConfigResource | KafkaError | null => {
    const { resourceType, resourceName, configs } = resource
    if (duplicates.has(key(resource))) return new KafkaError('INVALID_REQUEST', 'Each resource must appear at most once.')
    if (resourceType === resourceTypes.brokerLogger && alterLoggers) return errorOf(() => alterLoggers(resourceName, configs))
    return storedResource(resourceType, resourceName) ?? new KafkaError('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
  })
  const valid = outcomes.flatMap((resource, index) =>
    resource === null || resource instanceof KafkaError ? [] : [{ index, resource, changes: resources[index]!.configs }],
  )
  const altered = await alter(valid.map(({ resource, changes }) => ({ resource, changes })))
  const errors = new Map(valid.map(({ index }, position) => [index, altered[position]!]))
  return resources.map(({ resourceType, resourceName }, index) => {
    const outcome = outcomes[index]
    const error = outcome instanceof KafkaError ? outcome : (errors.get(index) ?? null)
    // Kafka has no message for an error that it did not expect.
    const errorMessage = error === null || error.error === 'UNKNOWN_SERVER_ERROR' ? null : error.message
    return { errorCode: error ? codeOf(error) : 0, errorMessage, resourceType, resourceName }
  })
}

function errorOf(change: () => void): KafkaError | null {
  try {
    change()
    return null
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}
