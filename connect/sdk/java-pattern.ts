/**
 * Regular expressions as users of Java write them, matched in linear time: those of RE2, which has no look-around, no back-references
 * and no possessive quantifiers. Replacements are those of Java's Matcher.
 */
import { RE2JS, RE2JSException } from 're2js'

export class InvalidJavaPattern extends Error {
  override name = 'PatternSyntaxException'
}

export function javaPattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    throw new InvalidJavaPattern(`${cause.message} (look-around, back-references and possessive quantifiers are not supported)`, { cause })
  }
}

/** What is wrong with the pattern of a setting, as Kafka Connect's RegexValidator says it. */
export function patternProblem(pattern: string): string | undefined {
  try {
    javaPattern(pattern)
    return undefined
  } catch (error) {
    if (error instanceof InvalidJavaPattern) return `Invalid regex: ${error.message}`
    throw error
  }
}

export class InvalidReplacement extends Error {
  constructor(name: 'IllegalArgumentException' | 'IndexOutOfBoundsException', message: string) {
    super(message)
    this.name = name
  }
}

/** Text, or the number of a group. */
type Piece = string | number
export type Replacement = readonly Piece[]

/** Java reads a replacement where it replaces: this throws what Java throws then. */
export function replacementOf(text: string, pattern: RE2JS): Replacement {
  const pieces: Piece[] = []
  const groups = pattern.groupCount()
  const illegal = (message: string) => new InvalidReplacement('IllegalArgumentException', message)
  for (let index = 0; index < text.length; ) {
    const character = text[index++]!
    if (character === '\\') {
      if (index === text.length) throw illegal('character to be escaped is missing')
      pieces.push(text[index++]!)
    } else if (character !== '$') pieces.push(character)
    else if (index === text.length) throw illegal('Illegal group reference: group index is missing')
    else if (text[index] === '{') {
      const name = /^[a-zA-Z0-9]*/.exec(text.slice(index + 1))![0]
      if (name === '') throw illegal('named capturing group has 0 length name')
      if (text[index + 1 + name.length] !== '}') throw illegal("named capturing group is missing trailing '}'")
      if (/^\d/.test(name)) throw illegal(`capturing group name {${name}} starts with digit character`)
      const group = pattern.namedGroups()[name]
      if (group === undefined) throw illegal(`No group with name {${name}}`)
      pieces.push(group)
      index += name.length + 2
    } else {
      const digits = /^\d+/.exec(text.slice(index))?.[0]
      if (digits === undefined) throw illegal('Illegal group reference')
      let length = 1
      while (length < digits.length && Number(digits.slice(0, length + 1)) <= groups) length++
      const group = Number(digits.slice(0, length))
      if (group > groups) throw new InvalidReplacement('IndexOutOfBoundsException', `No group ${group}`)
      pieces.push(group)
      index += length
    }
  }
  return pieces
}

/** The text with its first match replaced. A group that matched nothing is empty. */
export function replaceFirst(pattern: RE2JS, text: string, replacement: Replacement): string {
  const matcher = pattern.matcher(text)
  if (!matcher.find()) return text
  const replaced = replacement.map((piece) => (typeof piece === 'string' ? piece : (matcher.group(piece) ?? '')))
  return text.slice(0, matcher.start()) + replaced.join('') + text.slice(matcher.end())
}
