/**
 * ssl.principal.mapping.rules: the first rule that matches the whole name of a certificate gives the principal. `RULE:pattern/replacement/`
 * with L or U for the case, and DEFAULT for the name as it is. The patterns are RE2's, which never backtrack: a name comes from a client.
 */
import { RE2JS, RE2JSException } from 're2js'
import { configError } from './config-error.ts'

const SETTING = 'ssl.principal.mapping.rules'
/** Of all rules together. */
const MAX_LENGTH = 65_536

export type PrincipalMapping = (distinguishedName: string) => string

/** A replacement in pieces: text, or the number of a group. */
type Replacement = readonly (string | number)[]

interface Rule {
  /** Null: DEFAULT. */
  pattern: RE2JS | null
  replacement: Replacement
  letterCase: string
}

const RULE = /(?:(DEFAULT)|RULE:((?:\\.|[^\\/])*)\/((?:\\.|[^\\/])*)\/([LU]?))(?=\s*(?:,|$))/y
const SEPARATOR = /\s*(?:,\s*|$)/y

/** @throws KafkaError INVALID_CONFIG. The mapping throws where no rule matches: the client is not authenticated. */
export function principalMapping(setting: string | undefined): PrincipalMapping {
  // As in Kafka, an empty value is no rule, and matches nobody.
  const rules = parseRules((setting ?? 'DEFAULT').trim())
  return (name) => {
    for (const rule of rules) {
      const principal = apply(rule, name)
      if (principal !== null) return principal
    }
    throw new Error(`no rule of ${SETTING} matches ${name}: add one, or DEFAULT at the end`)
  }
}

function parseRules(text: string): Rule[] {
  if (text.length > MAX_LENGTH) throw configError(SETTING, `${text.length} characters, at most ${MAX_LENGTH} are read`)
  const rules: Rule[] = []
  for (let position = 0; position < text.length; ) {
    RULE.lastIndex = position
    const match = RULE.exec(text)
    if (match) rules.push(match[1] ? { pattern: null, replacement: [], letterCase: '' } : parseRule(match[2]!, match[3]!, match[4]!))
    SEPARATOR.lastIndex = match ? RULE.lastIndex : position
    // Between commas there may be nothing.
    if (!SEPARATOR.test(text))
      throw configError(SETTING, `"${text.slice(position)}" is no rule: use RULE:pattern/replacement/[LU] or DEFAULT`)
    position = SEPARATOR.lastIndex
  }
  return rules
}

function parseRule(pattern: string, replacement: string, letterCase: string): Rule {
  try {
    const compiled = RE2JS.compile(pattern)
    return { pattern: compiled, replacement: parseReplacement(replacement, compiled.groupCount()), letterCase }
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    throw configError(SETTING, `the pattern "${pattern}" is not RE2's (look-around and back-references are not): ${error.message}`, error)
  }
}

/** Java's replacements. A group that the pattern does not have is text, as in Kafka. */
function parseReplacement(text: string, groups: number): Replacement {
  const pieces: (string | number)[] = []
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!
    if (character === '\\') pieces.push(text[++index] ?? '')
    else if (character !== '$') pieces.push(character)
    else {
      const digits = /^\d+/.exec(text.slice(index + 1))?.[0]
      if (!digits) throw configError(SETTING, `"$" in the replacement "${text}" names no group: write $1, or \\$ for the character`)
      let length = digits.length
      while (length > 1 && Number(digits.slice(0, length)) > groups) length--
      const group = Number(digits.slice(0, length))
      if (groups === 0 && group > 0) throw configError(SETTING, `the replacement "${text}" names group ${group}, and the pattern has none`)
      pieces.push(group <= groups ? group : `$${digits.slice(0, length)}`)
      index += length
    }
  }
  return pieces
}

/** Null where the pattern does not match the whole name. Then every match is replaced: also the empty one that `.*` has at the end. */
function apply({ pattern, replacement, letterCase }: Rule, name: string): string | null {
  if (!pattern) return name
  if (!pattern.matches(name)) return null
  const matcher = pattern.matcher(name)
  let result = ''
  let end = 0
  while (matcher.find()) {
    result += name.slice(end, matcher.start())
    for (const piece of replacement) result += typeof piece === 'string' ? piece : (matcher.group(piece) ?? '')
    end = matcher.end()
  }
  result += name.slice(end)
  return letterCase === 'L' ? result.toLowerCase() : letterCase === 'U' ? result.toUpperCase() : result
}
