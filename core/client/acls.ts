/**
 * Access control lists of a cluster, for the admin client: DescribeAcls and CreateAcls (KIP-140). A response is bounded as every frame is,
 * a request by `aclsPerRequest`.
 */
import describeAclsApi from '../apis/29-describe-acls.ts'
import createAclsApi from '../apis/30-create-acls.ts'
import { accessHint, type ErrorName, errorName, KafkaError } from '../errors.ts'
import type { Acl } from '../security/acl/acl.ts'
import type { AclFilter } from '../security/acl/acl-filter.ts'
import { checkNewAcl } from '../security/acl/acl-validation.ts'
import { clientLimits } from './limits.ts'
import type { RequestRouter } from './transport/request-router.ts'

/** What a broker says of a refusal is its request, in Java's words: what to grant is said instead. */
function failure(code: number, message: string | null | undefined, request: string, operation: string): KafkaError | null {
  if (code === 0) return null
  const error: ErrorName = errorName(code)
  const hint = accessHint(error, `${operation} on the cluster`)
  return new KafkaError(error, `${request}: ${hint || !message ? error : message}${hint}`)
}

export async function describeAcls(router: RequestRouter, filter: AclFilter): Promise<Acl[]> {
  const response = await router.send('any', describeAclsApi, {
    resourceTypeFilter: filter.resourceType,
    resourceNameFilter: filter.resourceName,
    patternTypeFilter: filter.patternType,
    principalFilter: filter.principal,
    hostFilter: filter.host,
    operation: filter.operation,
    permissionType: filter.permissionType,
  })
  const error = failure(response.errorCode, response.errorMessage, 'DescribeAcls', 'DESCRIBE')
  if (error) throw error
  return response.resources.flatMap(({ resourceType, resourceName, patternType, acls }) =>
    acls.map(({ principal, host, operation, permissionType }) => ({
      ...{ resourceType, resourceName, patternType },
      ...{ principal, host, operation, permissionType },
    })),
  )
}

/** Null where the entry may be sent: with one that it does not know, Kafka's broker closes the connection. */
function problemOf(acl: Acl): KafkaError | null {
  try {
    checkNewAcl(acl)
    return null
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}

export async function createAcls(router: RequestRouter, acls: readonly Acl[]): Promise<(KafkaError | null)[]> {
  const outcomes = acls.map(problemOf)
  const valid = [...acls.keys()].filter((index) => !outcomes[index])
  for (let start = 0; start < valid.length; start += clientLimits.aclsPerRequest) {
    const batch = valid.slice(start, start + clientLimits.aclsPerRequest)
    const { results } = await router.send('controller', createAclsApi, {
      creations: batch.map((index) => {
        const { patternType: resourcePatternType, ...creation } = acls[index]!
        return { ...creation, resourcePatternType }
      }),
    })
    for (const [position, index] of batch.entries()) {
      const result = results[position]
      if (!result) throw new KafkaError('UNKNOWN_SERVER_ERROR', `CreateAcls: ${results.length} results for ${batch.length} entries`)
      outcomes[index] = failure(result.errorCode, result.errorMessage, 'CreateAcls', 'ALTER')
    }
  }
  return outcomes
}
