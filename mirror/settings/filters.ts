/**
 * Which topics, groups and topic settings are mirrored: comma-separated lists of Java regular expressions, each matched against the whole
 * name; a name that the exclude list takes is out, whatever the include list says. An empty list takes nothing, as in MirrorMaker 2.
 */
import { isCycle, type ReplicationPolicy } from '../policy.ts'

export type NameFilter = (name: string) => boolean

/** Java syntax that this runtime's expressions lack: better refused by name than matched wrongly. */
const javaOnly = [
  { pattern: /\(\?>/, what: 'an atomic group' },
  { pattern: /&&\[/, what: 'an intersection of character classes' },
  { pattern: /\\[pP]\{/, what: 'a Unicode or POSIX class' },
  { pattern: /(?<!\\)[*+?}]\+/, what: 'a possessive quantifier' },
  { pattern: /\\[hHRXGAzZ]/, what: 'one of \\h \\H \\R \\X \\G \\A \\z \\Z' },
]

function translate(setting: string, expression: string): string {
  // \Q…\E quotes a literal
  let text = expression.replace(/\\Q([\s\S]*?)(?:\\E|$)/g, (_, literal: string) => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  for (const { pattern, what } of javaOnly) {
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

/** A filter that takes the names that one expression of the list matches in whole. */
export function compileList(setting: string, expressions: readonly string[]): NameFilter {
  const given = expressions.filter((expression) => expression !== '')
  if (given.length === 0) return () => false
  const parts = given.map((expression) => {
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

/** One flow, as far as naming goes. */
export interface Route {
  source: string
  target: string
  policy: ReplicationPolicy
  /** The lists `topics` and `topics.exclude`. */
  accepts: NameFilter
  heartbeatsReplication: boolean
}

/** Whether a topic of the source goes to the target: listed (or a heartbeats topic), not internal, and not on its way home. */
export function replicates(route: Route, topic: string): boolean {
  const { policy } = route
  const wanted = route.accepts(topic) || (route.heartbeatsReplication && policy.isHeartbeats(topic))
  return wanted && !policy.isInternal(topic) && !isCycle(policy, topic, route.target)
}

/** Longer chains of clusters than this are not followed when looking for loops. */
const MAX_HOPS = 16

/**
 * The way by which the records of `topic` at `start` come home to it, under whatever name: the names of the flows, or null where they
 * never do. The default policy ends every loop by its names; the identity policy cannot, so a loop is looked for before records run in it.
 */
export function findLoop(routes: readonly Route[], start: string, topic: string): string[] | null {
  const walk = (cluster: string, name: string, path: string[], seen: ReadonlySet<string>): string[] | null => {
    if (path.length >= MAX_HOPS) return null
    for (const route of routes) {
      if (route.source !== cluster || !replicates(route, name)) continue
      const next = [...path, `${route.source}->${route.target}`]
      if (route.target === start) return next
      const remote = route.policy.remoteTopic(route.source, name)
      const key = `${route.target}/${remote}`
      if (seen.has(key)) continue
      const found = walk(route.target, remote, next, new Set([...seen, key]))
      if (found) return found
    }
    return null
  }
  return walk(start, topic, [], new Set())
}
