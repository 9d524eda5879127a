/**
 * Versions of plugins and ranges of them, in the order and the syntax of Maven, as Kafka Connect's `….plugin.version` settings have them:
 * `1.2`, `[1.0,2.0)`, `(,1.5],[2.0,)`. A version without brackets is exactly that one.
 */

/** What a plugin has that does not say its version, as in Kafka Connect. */
export const UNDEFINED_VERSION = 'undefined'

interface Token {
  separator: '.' | '-'
  value: number | string
}

/** In their order; what is not among them comes after `sp`. */
const qualifiers = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp']
const synonyms: Readonly<Record<string, string>> = { ga: '', final: '', release: '', cr: 'rc' }
const abbreviations: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' }

function tokensOf(version: string): Token[] {
  const tokens: Token[] = []
  for (const [, mark, digits, letters] of version.toLowerCase().matchAll(/([.-])?(?:(\d+)|([^\d.-]+))/g)) {
    const before = tokens.at(-1)
    const isNumber = digits !== undefined
    // Between a number and letters there is a hyphen that nobody writes.
    const separator = (mark as Token['separator'] | undefined) ?? '-'
    if (isNumber && mark === undefined && typeof before?.value === 'string') before.value = abbreviations[before.value] ?? before.value
    tokens.push({ separator: tokens.length === 0 ? '.' : separator, value: isNumber ? Number(digits) : (synonyms[letters!] ?? letters!) })
  }
  return withoutTrailingZeros(tokens)
}

const isZero = ({ value }: Token) => value === 0 || value === ''

/** `1.0.0` is `1`, and `1.0-alpha` is `1-alpha`. */
function withoutTrailingZeros(tokens: readonly Token[]): Token[] {
  const kept: Token[] = []
  for (const token of tokens) {
    if (token.separator === '-') while (kept.length > 1 && isZero(kept.at(-1)!)) kept.pop()
    kept.push(token)
  }
  while (kept.length > 1 && isZero(kept.at(-1)!)) kept.pop()
  return kept
}

/** `.qualifier` and `-qualifier`, then `-number`, then `.number`. */
const rank = ({ separator, value }: Token): number => (typeof value === 'string' ? 0 : separator === '-' ? 1 : 2)

function compareTokens(a: Token, b: Token): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a.value === 'number' || typeof b.value === 'number') return Number(a.value) - Number(b.value)
  const [known, other] = [qualifiers.indexOf(a.value), qualifiers.indexOf(b.value)]
  if (known >= 0 && other >= 0) return known - other
  if (known >= 0 || other >= 0) return known >= 0 ? -1 : 1
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
}

/** What a missing token counts as beside `token`. */
const nothing = (token: Token): Token => ({ separator: token.separator, value: typeof token.value === 'number' ? 0 : '' })

/** Below 0 where `a` is older. A version that a plugin does not say is the oldest. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0
  if (a === UNDEFINED_VERSION || b === UNDEFINED_VERSION) return a === UNDEFINED_VERSION ? -1 : 1
  const [one, other] = [tokensOf(a), tokensOf(b)]
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const left = one[at] ?? nothing(other[at]!)
    const right = other[at] ?? nothing(left)
    const order = compareTokens(left, right)
    if (order !== 0) return order
  }
  return 0
}

/** A text that is no version and no range of versions. */
export class InvalidVersionRange extends Error {
  override name = 'InvalidVersionSpecificationException'
}

export interface VersionRange {
  /** As Maven writes it: with brackets. */
  readonly text: string
  contains(version: string): boolean
}

interface Interval {
  from: string
  fromIncluded: boolean
  to: string
  toIncluded: boolean
}

/** Null for any version: `latest`, or no requirement. @throws InvalidVersionRange */
export function versionRange(text: string | null | undefined): VersionRange | null {
  const spec = text?.trim() ?? ''
  if (spec === '' || spec === 'latest') return null
  const intervals = /^[[(]/.test(spec) ? intervalsOf(spec) : [exactly(spec, spec)]
  return {
    text: intervals
      .map(({ from, fromIncluded, to, toIncluded }) => `${fromIncluded ? '[' : '('}${from},${to}${toIncluded ? ']' : ')'}`)
      .join(','),
    contains: (version) =>
      intervals.some(({ from, fromIncluded, to, toIncluded }) => {
        const [low, high] = [from === '' ? 1 : compareVersions(version, from), to === '' ? -1 : compareVersions(version, to)]
        return (low > 0 || (low === 0 && fromIncluded)) && (high < 0 || (high === 0 && toIncluded))
      }),
  }
}

function exactly(version: string, spec: string): Interval {
  if (/[[\](),]/.test(version)) throw new InvalidVersionRange(`Invalid version range ${spec}: write [1.0,2.0), [1.0,) or 1.0`)
  return { from: version, fromIncluded: true, to: version, toIncluded: true }
}

function intervalsOf(spec: string): Interval[] {
  const intervals: Interval[] = []
  let rest = spec
  while (rest !== '') {
    const match = /^([[(])([^[\]()]*)([\])])\s*(?:,\s*|$)/.exec(rest)
    if (!match) throw new InvalidVersionRange(`Invalid version range ${spec}: a bracket is not closed, or what follows one is no range`)
    const [all, open, inside, close] = match as unknown as [string, string, string, string]
    intervals.push(intervalOf(open, inside, close, spec))
    rest = rest.slice(all.length)
  }
  for (const [index, { from }] of intervals.entries()) {
    const before = intervals[index - 1]
    if (before && (before.to === '' || from === '' || compareVersions(from, before.to) < 0))
      throw new InvalidVersionRange(`Invalid version range ${spec}: its ranges overlap`)
  }
  return intervals
}

function intervalOf(open: string, inside: string, close: string, spec: string): Interval {
  const [from, to, more] = inside.split(',').map((part) => part.trim())
  if (to === undefined) {
    if (open !== '[' || close !== ']' || from === '')
      throw new InvalidVersionRange(`Invalid version range ${spec}: a single version must be surrounded by []`)
    return exactly(from!, spec)
  }
  if (more !== undefined || (from === to && from !== '' && !(open === '[' && close === ']')))
    throw new InvalidVersionRange(`Invalid version range ${spec}: its borders are wrong`)
  if (from !== '' && to !== '' && compareVersions(to, from!) < 0)
    throw new InvalidVersionRange(`Invalid version range ${spec}: it ends before it begins`)
  return { from: from!, fromIncluded: open === '[', to, toIncluded: close === ']' }
}
