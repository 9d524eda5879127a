/**
 * The rules of access control lists as Kafka's documentation has them, read off the whole list: slow, and short enough to be checked by
 * eye.
 */
import { type Acl, patternTypes, permissionTypes } from '../../../../core/security/acl/acl.ts'
import { aclOperations, resourceTypes } from '../../../../core/security/authorizer.ts'
import type { SampleQuestion } from './acl-samples.ts'

const concerns = (acl: Acl, { resourceType, resourceName }: SampleQuestion): boolean =>
  acl.resourceType === resourceTypes[resourceType] &&
  (acl.patternType === patternTypes.PREFIXED
    ? resourceName.startsWith(acl.resourceName)
    : acl.resourceName === resourceName || acl.resourceName === '*')

const isFor = (acl: Acl, { principal, host }: SampleQuestion): boolean =>
  [principal, 'User:*'].includes(acl.principal) && [host, '*'].includes(acl.host)

const implied: Readonly<Record<string, readonly number[]>> = {
  Describe: [aclOperations.Read, aclOperations.Write, aclOperations.Delete, aclOperations.Alter],
  DescribeConfigs: [aclOperations.AlterConfigs],
}

/** Null where no entry says anything. */
export function naiveDecision(acls: readonly Acl[], question: SampleQuestion): boolean | null {
  const matching = acls.filter((acl) => concerns(acl, question))
  const of = (permission: number, operations: readonly number[]) =>
    matching.some((acl) => acl.permissionType === permission && isFor(acl, question) && operations.includes(acl.operation))
  const exact = [aclOperations.All, aclOperations[question.operation]]
  if (of(permissionTypes.DENY, exact)) return false
  if (of(permissionTypes.ALLOW, [...exact, ...(implied[question.operation] ?? [])])) return true
  return matching.length > 0 ? false : null
}
