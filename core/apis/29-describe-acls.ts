/**
 * DescribeAcls, key 29: the access control list entries that match a filter, by resource. They are those of the metadata log, as the
 * authorizer knows them; without an authorizer there are none to see.
 */
import { errorCode, KafkaError } from '../errors.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 29,
  name: 'DescribeAcls',
  versions: [1, 3],
  flexible: 2,
  authorization: ['Describe Cluster'],
  request: {
    resourceTypeFilter: int8,
    resourceNameFilter: nullable(string),
    patternTypeFilter: int8,
    principalFilter: nullable(string),
    hostFilter: nullable(string),
    operation: int8,
    permissionType: int8,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    resources: list(
      struct({
        resourceType: int8,
        resourceName: string,
        patternType: int8,
        acls: list(struct({ principal: string, host: string, operation: int8, permissionType: int8 })),
      }),
    ),
  },
  handle({ request, broker, access }) {
    access.check('Describe Cluster')
    if (!broker.authorizer)
      return {
        throttleTimeMs: 0,
        errorCode: errorCode('SECURITY_DISABLED'),
        errorMessage: 'No Authorizer is configured on the broker',
        resources: [],
      }
    const { operation, permissionType } = request
    // Kafka closes the connection.
    if ([request.resourceTypeFilter, request.patternTypeFilter, operation, permissionType].includes(0))
      throw new KafkaError('INVALID_REQUEST', 'the filter has UNKNOWN elements')
    const filter = {
      resourceType: request.resourceTypeFilter,
      resourceName: request.resourceNameFilter,
      patternType: request.patternTypeFilter,
      principal: request.principalFilter,
      host: request.hostFilter,
      operation,
      permissionType,
    }
    type Entry = { principal: string; host: string; operation: number; permissionType: number }
    const resources = new Map<string, { resourceType: number; resourceName: string; patternType: number; acls: Entry[] }>()
    for (const { resourceType, resourceName, patternType, principal, host, operation, permissionType } of broker.cluster.acls.describe(
      filter,
    )) {
      const key = `${resourceType} ${patternType} ${resourceName}`
      const resource = resources.get(key) ?? { resourceType, resourceName, patternType, acls: [] }
      resources.set(key, resource)
      resource.acls.push({ principal, host, operation, permissionType })
    }
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: '', resources: [...resources.values()] }
  },
  errorResponse: (errorCode, _request, _version, errorMessage) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    resources: [],
  }),
})
