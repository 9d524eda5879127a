/**
 * The decision about one resource: DENY before ALLOW, of whatever pattern; where no entry says anything, denied, unless the resource has no
 * entries and everyone is allowed then. Pure.
 */
import { aclOperations } from '../authorizer.ts'
import { type Acl, compareEntries, describeAcl, permissionTypes, type StoredAcl, WILDCARD, WILDCARD_PRINCIPAL } from './acl.ts'
import type { AclIndex, PatternEntries } from './acl-index.ts'

/** What a decision is based on. */
export interface Rule {
  readonly isAllowed: boolean
  /** For the audit log. */
  readonly entry: Acl | null
  readonly name: string
}

const rule = (name: string, isAllowed: boolean): Rule => ({ isAllowed, entry: null, name })
export const SUPER_USER = rule('SuperUser', true)
export const DEFAULT_ALLOW = rule('DefaultAllow', true)
export const DEFAULT_DENY = rule('DefaultDeny', false)

export const describeRule = ({ name, entry }: Rule): string => (entry ? `${name}(acl=${describeAcl(entry)})` : name)

export interface Question {
  /** Codes. */
  readonly operation: number
  readonly resourceType: number
  readonly resourceName: string
  readonly principal: string
  /** An address as Java prints it. */
  readonly host: string
}

const { All, Alter, AlterConfigs, Delete, Describe, DescribeConfigs, Read, Write } = aclOperations

/** An ALLOW for one of these allows the operation as well. */
const impliedBy: Readonly<Record<number, readonly number[]>> = {
  [Describe]: [Describe, Read, Write, Delete, Alter],
  [DescribeConfigs]: [DescribeConfigs, AlterConfigs],
}

/** The principal is that of the question already, or the wildcard. */
function applies({ host, operation, permissionType }: Acl, question: Question): boolean {
  if (host !== WILDCARD && host !== question.host) return false
  if (operation === All || operation === question.operation) return true
  return permissionType === permissionTypes.ALLOW && (impliedBy[question.operation]?.includes(operation) ?? false)
}

/** Kafka names the first DENY of a resource in its order, and the last ALLOW. */
class MatchingEntries {
  deny: StoredAcl | null = null
  allow: StoredAcl | null = null
  hasPattern = false

  visit(pattern: PatternEntries, question: Question): boolean {
    this.hasPattern = true
    let allow: StoredAcl | null = null
    for (const principal of [question.principal, WILDCARD_PRINCIPAL]) {
      if (principal === WILDCARD_PRINCIPAL && question.principal === WILDCARD_PRINCIPAL) continue
      for (const acl of pattern.of(principal)) {
        if (!applies(acl, question)) continue
        if (acl.permissionType === permissionTypes.ALLOW) {
          if (!allow || compareEntries(acl, allow) > 0) allow = acl
        } else if (!this.deny || compareEntries(acl, this.deny) < 0) this.deny = acl
      }
    }
    this.allow = allow ?? this.allow
    return this.deny !== null
  }
}

/** `withoutAcls` is the rule where the resource has none. */
export function decide(index: AclIndex, question: Question, withoutAcls: Rule): Rule {
  const found = new MatchingEntries()
  index.visitMatching(question.resourceType, question.resourceName, (pattern) => found.visit(pattern, question))
  if (found.deny) return { isAllowed: false, entry: found.deny, name: 'MatchingAcl' }
  if (found.allow) return { isAllowed: true, entry: found.allow, name: 'MatchingAcl' }
  return found.hasPattern ? DEFAULT_DENY : withoutAcls
}
