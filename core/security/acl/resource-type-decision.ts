/**
 * Whether a client may do an operation on some resource of a type (KIP-679): there is an ALLOW that no DENY covers. A DENY covers what
 * begins with its prefix. Implied operations do not count, as in Kafka. Pure.
 */
import { aclOperations } from '../authorizer.ts'
import { type Acl, permissionTypes, WILDCARD, WILDCARD_PRINCIPAL } from './acl.ts'
import type { AclIndex, PatternEntries } from './acl-index.ts'

export interface TypeQuestion {
  /** Codes. */
  readonly operation: number
  readonly resourceType: number
  readonly principal: string
  /** An address as Java prints it. */
  readonly host: string
}

function permissions(pattern: PatternEntries, question: TypeQuestion): { allows: boolean; denies: boolean } {
  const applies = ({ host, operation }: Acl) =>
    (host === WILDCARD || host === question.host) && (operation === question.operation || operation === aclOperations.All)
  const entries = [...pattern.of(question.principal), ...pattern.of(WILDCARD_PRINCIPAL)].filter(applies)
  return {
    allows: entries.some(({ permissionType }) => permissionType === permissionTypes.ALLOW),
    denies: entries.some(({ permissionType }) => permissionType === permissionTypes.DENY),
  }
}

export function allowsSomeResource(index: AclIndex, question: TypeQuestion): boolean {
  const literals = [...index.literals(question.resourceType)].map((pattern) => ({ pattern, ...permissions(pattern, question) }))
  const wildcard = literals.find(({ pattern }) => pattern.name === WILDCARD)
  if (wildcard?.denies) return false
  if (wildcard?.allows) return true
  const prefixes = [...index.prefixes(question.resourceType)].map((pattern) => ({ pattern, ...permissions(pattern, question) }))
  const denied = new Set(prefixes.filter(({ denies }) => denies).map(({ pattern }) => pattern))
  const isCovered = (name: string) => {
    for (let prefix = index.longestPrefix(question.resourceType, name); prefix; prefix = prefix.shorter) if (denied.has(prefix)) return true
    return false
  }
  return (
    literals.some(({ pattern, allows, denies }) => allows && !denies && !isCovered(pattern.name)) ||
    prefixes.some(({ pattern, allows }) => allows && !isCovered(pattern.name))
  )
}
