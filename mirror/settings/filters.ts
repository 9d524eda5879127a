/**
 * The filters of topics, groups and topic configs: comma-separated lists of Java regular expressions, each matched against the whole name.
 * A name that matches the exclude list is not replicated, even if it matches the include list. An empty list matches nothing, as in
 * MirrorMaker 2.
 */
import { isCycle, type ReplicationPolicy } from '../policy.ts'

export type NameFilter = (name: string) => boolean

/** Java syntax that JavaScript's regular expressions do not have: it is refused, because it would match other names. */
const javaSyntax = [
  { pattern: /\(\?>/, what: 'an atomic group' },
  { pattern: /&&\[/, what: 'an intersection of character classes' },
  { pattern: /\\[pP]\{/, what: 'a Unicode or POSIX class' },
  { pattern: /(?<!\\)[*+?}]\+/, what: 'a possessive quantifier' },
  { pattern: /\\[hHRXGAzZ]/, what: 'one of \\h \\H \\R \\X \\G \\A \\z \\Z' },
]

function translate(setting: string, expression: string): string {
  // \Q…\E quotes a literal.
  let text = expression.replace(/\\Q([\s\S]*?)(?:\\E|$)/g, (_, literal: string) => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  for (const { pattern, what } of javaSyntax) {
    if (pattern.test(text)) throw new FilterError(setting, expression, `${what} is not supported: write the expression without it`)
  }
  const flags = /^\(\?([ims]+)\)/.exec(text)
  if (flags) text = `(?${flags[1]}:${text.slice(flags[0].length)})`
  return text
}

export class FilterError extends Error {
  override name = 'FilterError'

  constructor(setting: string, expression: string, why: string, options?: ErrorOptions) {
    super(`${setting}: "${expression}" cannot be used: ${why}`, options)
  }
}

/** A filter for the names that an expression of the list matches as a whole. */
export function compileList(setting: string, expressions: readonly string[]): NameFilter {
  const nonEmpty = expressions.filter((expression) => expression !== '')
  if (nonEmpty.length === 0) return () => false
  const parts = nonEmpty.map((expression) => {
    const text = translate(setting, expression)
    try {
      new RegExp(text)
    } catch (error) {
      throw new FilterError(setting, expression, 'it is not a regular expression', { cause: error })
    }
    return text
  })
  const all = new RegExp(`^(?:${parts.join('|')})$`)
  return (name) => all.test(name)
}

export function includeExclude(include: NameFilter, exclude: NameFilter): NameFilter {
  return (name) => include(name) && !exclude(name)
}

/** One flow, as far as topic names are concerned. */
export interface Route {
  source: string
  target: string
  policy: ReplicationPolicy
  /** By `topics` and `topics.exclude`. */
  accepts: NameFilter
  heartbeatsReplication: boolean
}

/** Whether a source topic is replicated: it matches the lists (or is a heartbeats topic), is not internal, and is not a cycle. */
export function replicates(route: Route, topic: string): boolean {
  const { policy } = route
  const accepted = route.accepts(topic) || (route.heartbeatsReplication && policy.isHeartbeats(topic))
  return accepted && !policy.isInternal(topic) && !isCycle(policy, topic, route.target)
}

/** The longest chain of clusters in which a loop is searched. */
const MAX_HOPS = 16

/**
 * The chain of flows by which records of `topic` at cluster `start` are replicated back to that cluster, under any name; null if there is
 * none. The DefaultReplicationPolicy ends every loop by its topic names; with the IdentityReplicationPolicy a loop must be found before it
 * starts.
 */
export function findLoop(routes: readonly Route[], start: string, topic: string): string[] | null {
  const walk = (cluster: string, name: string, path: string[], visited: ReadonlySet<string>): string[] | null => {
    if (path.length >= MAX_HOPS) return null
    for (const route of routes) {
      if (route.source !== cluster || !replicates(route, name)) continue
      const next = [...path, `${route.source}->${route.target}`]
      if (route.target === start) return next
      const remote = route.policy.remoteTopic(route.source, name)
      const key = `${route.target}/${remote}`
      if (visited.has(key)) continue
      const loop = walk(route.target, remote, next, new Set([...visited, key]))
      if (loop) return loop
    }
    return null
  }
  return walk(start, topic, [], new Set())
}
