/**
 * Filters of access control list entries, as DescribeAcls and DeleteAcls have them (KIP-290): null and ANY match everything, MATCH the
 * entries that concern a resource of the name. Pure.
 */
import { aclOperations, resourceTypes } from '../authorizer.ts'
import { type Acl, patternTypes, permissionTypes, WILDCARD } from './acl.ts'

export interface AclFilter {
  readonly resourceType: number
  readonly resourceName: string | null
  readonly patternType: number
  readonly principal: string | null
  readonly host: string | null
  readonly operation: number
  readonly permissionType: number
}

/** The name is not null. */
function matchesName(name: string, filterType: number, acl: Acl): boolean {
  if (filterType !== patternTypes.MATCH) return name === acl.resourceName
  if (acl.patternType === patternTypes.PREFIXED) return name.startsWith(acl.resourceName)
  return name === acl.resourceName || acl.resourceName === WILDCARD
}

export function matchesFilter(filter: AclFilter, acl: Acl): boolean {
  const { resourceType, resourceName, patternType, principal, host, operation, permissionType } = filter
  return (
    (resourceType === resourceTypes.Any || resourceType === acl.resourceType) &&
    (patternType === patternTypes.ANY || patternType === patternTypes.MATCH || patternType === acl.patternType) &&
    (resourceName === null || matchesName(resourceName, patternType, acl)) &&
    (principal === null || principal === acl.principal) &&
    (host === null || host === acl.host) &&
    (operation === aclOperations.Any || operation === acl.operation) &&
    (permissionType === permissionTypes.ANY || permissionType === acl.permissionType)
  )
}

/** The only entry that the filter can match, or null. */
export function onlyMatch(filter: AclFilter): Acl | null {
  const { resourceType, resourceName, patternType, principal, host, operation, permissionType } = filter
  if (resourceName === null || principal === null || host === null) return null
  if (resourceType === resourceTypes.Any || operation === aclOperations.Any || permissionType === permissionTypes.ANY) return null
  if (patternType === patternTypes.ANY || patternType === patternTypes.MATCH) return null
  return { resourceType, resourceName, patternType, principal, host, operation, permissionType }
}
