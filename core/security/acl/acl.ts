/**
 * One access control list entry, as its record in the metadata log has it: codes and texts. The order of entries is that of Kafka's
 * StandardAuthorizer: it decides what rule the audit log names. Pure.
 */
import { aclOperations, constantName, resourceTypes } from '../authorizer.ts'

export interface Acl {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

export interface StoredAcl extends Acl {
  readonly id: string
}

/** What one request has changed. */
export interface AclChange {
  readonly created: readonly StoredAcl[]
  readonly deleted: readonly StoredAcl[]
}

/** PatternType. */
export const patternTypes = { ANY: 1, MATCH: 2, LITERAL: 3, PREFIXED: 4 } as const
/** AclPermissionType. */
export const permissionTypes = { ANY: 1, DENY: 2, ALLOW: 3 } as const

/** Of a resource of the pattern type LITERAL: every name. Of a host: every address. */
export const WILDCARD = '*'
export const WILDCARD_PRINCIPAL = 'User:*'

/** Kafka's name of a code, UNKNOWN for a code that it does not have. */
function namesOf(codes: Readonly<Record<string, number>>): (code: number) => string {
  const names = new Map(Object.entries(codes).map(([name, code]) => [code, name]))
  return (code) => names.get(code) ?? 'UNKNOWN'
}

const constantNames = (codes: Readonly<Record<string, number>>) =>
  namesOf(Object.fromEntries(Object.entries(codes).map(([name, code]) => [constantName(name), code])))

export const operationName = constantNames(aclOperations)
export const resourceTypeName = constantNames(resourceTypes)
export const patternTypeName = namesOf(patternTypes)
export const permissionTypeName = namesOf(permissionTypes)

/** As in the audit log. */
export const describeAcl = (acl: Acl): string =>
  `StandardAcl[resourceType=${resourceTypeName(acl.resourceType)}, resourceName=${acl.resourceName}, ` +
  `patternType=${patternTypeName(acl.patternType)}, principal=${acl.principal}, host=${acl.host}, ` +
  `operation=${operationName(acl.operation)}, permissionType=${permissionTypeName(acl.permissionType)}]`

/** Equal for entries that say the same. */
export const aclKey = ({ resourceType, resourceName, patternType, principal, host, operation, permissionType }: Acl): string =>
  JSON.stringify([resourceType, patternType, operation, permissionType, resourceName, principal, host])

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The order of the entries of one resource pattern. */
export const compareEntries = (a: Acl, b: Acl): number =>
  a.operation - b.operation || compareTexts(a.principal, b.principal) || compareTexts(a.host, b.host) || a.permissionType - b.permissionType
