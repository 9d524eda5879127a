/**
 * The topics of a request, apart by what the client may do with them: each name is asked for once.
 */
import type { Access, Requirement } from './access.ts'

export interface SplitTopics<T> {
  readonly allowed: readonly T[]
  readonly denied: readonly T[]
}

/** A topic without a name, where nobody knows its id, is not asked for: it is with the allowed ones, and has an error there. */
export function splitTopics<T>(
  access: Access,
  requirement: Requirement,
  topics: readonly T[],
  nameOf: (topic: T) => string | undefined,
): SplitTopics<T> {
  const named = topics.map(nameOf)
  const names = access.allowed(
    requirement,
    named.filter((name) => name !== undefined),
  )
  const isAllowed = (index: number) => named[index] === undefined || names.has(named[index])
  return { allowed: topics.filter((_, index) => isAllowed(index)), denied: topics.filter((_, index) => !isAllowed(index)) }
}
