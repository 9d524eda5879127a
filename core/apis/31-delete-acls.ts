/**
 * DeleteAcls, key 31: removes the access control list entries that match filters, and names them. They are one batch of the metadata log,
 * and out of effect when the response is sent.
 */
import { errorCode, KafkaError } from '../errors.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { errorOfEach } from './error-of-each.ts'

export default defineApi({
  key: 31,
  name: 'DeleteAcls',
  versions: [1, 3],
  flexible: 2,
  authorization: ['Alter Cluster'],
  request: {
    filters: list(
      struct({
        resourceTypeFilter: int8,
        resourceNameFilter: nullable(string),
        patternTypeFilter: int8,
        principalFilter: nullable(string),
        hostFilter: nullable(string),
        operation: int8,
        permissionType: int8,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    filterResults: list(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        matchingAcls: list(
          struct({
            errorCode: int16,
            errorMessage: nullable(string),
            resourceType: int8,
            resourceName: string,
            patternType: int8,
            principal: string,
            host: string,
            operation: int8,
            permissionType: int8,
          }),
        ),
      }),
    ),
  },
  async handle({ request, broker, access }) {
    access.check('Alter Cluster')
    if (!broker.authorizer) {
      const disabled = { errorCode: errorCode('SECURITY_DISABLED'), errorMessage: 'No Authorizer is configured.', matchingAcls: [] }
      return { throttleTimeMs: 0, filterResults: request.filters.map(() => disabled) }
    }
    const filters = request.filters.map(({ operation, permissionType, ...filter }) => ({
      resourceType: filter.resourceTypeFilter,
      resourceName: filter.resourceNameFilter,
      patternType: filter.patternTypeFilter,
      principal: filter.principalFilter,
      host: filter.hostFilter,
      operation,
      permissionType,
    }))
    const outcomes = await broker.cluster.acls.delete(filters).catch(errorOfEach(filters))
    const filterResults = outcomes.map((outcome) =>
      outcome instanceof KafkaError
        ? { errorCode: outcome.code, errorMessage: outcome.message, matchingAcls: [] }
        : { errorCode: 0, errorMessage: null, matchingAcls: outcome.map((acl) => ({ ...acl, errorCode: 0, errorMessage: null })) },
    )
    return { throttleTimeMs: 0, filterResults }
  },
  errorResponse: (errorCode, { filters }, _version, errorMessage) => ({
    throttleTimeMs: 0,
    filterResults: filters.map(() => ({ errorCode, errorMessage, matchingAcls: [] })),
  }),
})
