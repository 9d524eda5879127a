/**
 * What Kafka's controller refuses of new access control list entries and of filters, in its words. Pure.
 */
import { KafkaError } from '../../errors.ts'
import { type Acl, operationName, patternTypeName, patternTypes, permissionTypeName, permissionTypes, resourceTypeName } from './acl.ts'
import type { AclFilter } from './acl-filter.ts'

const refusal = (why: string) => new KafkaError('INVALID_REQUEST', why)

/** Not for an entry: it has a type, an operation. */
const isIndefinite = (name: string): boolean => name === 'ANY' || name === 'UNKNOWN'

/** Throws INVALID_REQUEST. */
export function checkNewAcl({ resourceType, resourceName, patternType, principal, operation, permissionType }: Acl): void {
  if (isIndefinite(resourceTypeName(resourceType))) throw refusal(`Invalid resourceType ${resourceTypeName(resourceType)}`)
  if (patternType !== patternTypes.LITERAL && patternType !== patternTypes.PREFIXED)
    throw refusal(`Invalid patternType ${patternTypeName(patternType)}`)
  if (isIndefinite(operationName(operation))) throw refusal(`Invalid operation ${operationName(operation)}`)
  if (permissionType !== permissionTypes.ALLOW && permissionType !== permissionTypes.DENY)
    throw refusal(`Invalid permissionType ${permissionTypeName(permissionType)}`)
  if (resourceName === '') throw refusal('Resource name should not be empty')
  if (!principal.includes(':'))
    throw refusal(
      `Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`,
    )
}

/** Throws INVALID_REQUEST. */
export function checkFilter({ resourceType, patternType, operation, permissionType }: AclFilter): void {
  if (resourceTypeName(resourceType) === 'UNKNOWN' || patternTypeName(patternType) === 'UNKNOWN') throw refusal('Unknown patternFilter.')
  if (operationName(operation) === 'UNKNOWN' || permissionTypeName(permissionType) === 'UNKNOWN') throw refusal('Unknown entryFilter.')
}
