/**
 * Which schemas, tables and columns a list of regular expressions names. As in Debezium each has to match the whole name, in any case;
 * commas separate them, and one with a backslash before it belongs to an expression.
 */
import { InvalidJavaPattern, javaPattern } from '../../connect/sdk/java-pattern.ts'

export type Matches = (name: string) => boolean

/** The expressions of a list, without those that are empty. */
function expressions(list: string): string[] {
  const found: string[] = []
  let start = 0
  for (let index = 0; index <= list.length; index++) {
    if (list[index] === '\\') index++
    else if (index === list.length || list[index] === ',') {
      found.push(list.slice(start, index))
      start = index + 1
    }
  }
  if (start <= list.length && list.endsWith('\\')) found.push(list.slice(start))
  return found.map((text) => text.trim().replaceAll('\\,', ',')).filter((text) => text !== '')
}

/** One for each expression of a list. @throws InvalidJavaPattern */
export const matchers = (list: string): Matches[] =>
  expressions(list).map((text) => {
    const pattern = javaPattern(`(?i:${text})`)
    return (name) => pattern.matches(name)
  })

/** @throws InvalidJavaPattern */
export function matchesAny(list: string): Matches {
  const all = matchers(list)
  return (name) => all.some((matches) => matches(name))
}

/** What is wrong with a list, for the check of its setting. */
export function listProblem(list: string): string | undefined {
  try {
    matchesAny(list)
    return undefined
  } catch (error) {
    if (error instanceof InvalidJavaPattern) return `A comma-separated list of valid regular expressions is expected, but ${error.message}`
    throw error
  }
}
