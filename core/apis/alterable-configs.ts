/**
 * What AlterConfigs and IncrementalAlterConfigs do alike: which resources may be altered, and by this client, the outcome of each in the
 * order of the request, and the response. The values of a client that may not alter them are not looked at; Kafka validates those of a
 * broker first, which tells what files it has.
 */

import type { ConfigResource } from '../cluster/types.ts'
import { codeOf, KafkaError, messageOf } from '../errors.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { type Access, deniedError } from './access.ts'
import { aclResourceType, resourceTypes, storedResource } from './config-resources.ts'
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
  errorMessage: string | null,
) => ({
  throttleTimeMs: 0,
  responses: resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage, resourceType, resourceName })),
})

/** What the broker does with the changes of a request. */
interface Alterations<C> {
  /** Throws KafkaError where they make no sense, whoever asks for them. */
  check(changes: readonly C[]): void
  /** The outcomes of resources that the cluster stores. */
  alter(valid: { resource: ConfigResource; changes: readonly C[] }[]): Promise<(KafkaError | null)[]>
  /** Where the API can change the loggers of a broker. */
  alterLoggers?(broker: string, changes: readonly C[]): void
}

export async function alterableConfigs<C>(
  resources: readonly RequestedResource<C>[],
  access: Access,
  { check, alter, alterLoggers }: Alterations<C>,
) {
  const key = ({ resourceType, resourceName }: RequestedResource<C>) => `${resourceType} ${resourceName}`
  const duplicates = duplicatesOf(resources.map(key))
  const outcomes = resources.map((resource): ConfigResource | KafkaError | null => {
    const { resourceType, resourceName, configs } = resource
    if (duplicates.has(key(resource))) return new KafkaError('INVALID_REQUEST', 'Each resource must appear at most once.')
    const problem = errorOf(() => check(configs))
    if (problem) return problem
    if (resourceType === resourceTypes.brokerLogger && alterLoggers) {
      if (access.allows('AlterConfigs Cluster')) return errorOf(() => alterLoggers(resourceName, configs))
      return new KafkaError('CLUSTER_AUTHORIZATION_FAILED')
    }
    const stored = storedResource(resourceType, resourceName)
    if (!stored) return new KafkaError('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
    const aclType = aclResourceType(resourceType)!
    const isAllowed = aclType === 'Cluster' ? access.allows('AlterConfigs Cluster') : access.allows(`AlterConfigs ${aclType}`, resourceName)
    return isAllowed ? stored : deniedError(aclType)
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
    const errorMessage = error === null || error.error === 'UNKNOWN_SERVER_ERROR' ? null : messageOf(error)
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
