/**
 * The default of a column, from the expression that pg_get_expr prints. A literal is its value; a call of a function stands for "there is
 * one", which Debezium shows as 0, an empty string or the epoch; any other expression, and a type that Debezium knows no default of, has
 * none.
 */
import { BUILT_IN } from './types/built-in.ts'
import type { ResolvedType } from './types/resolved-type.ts'

/** What a call of a function becomes, by type, as Postgres prints it. A type that is not here has no default. */
const generated: Readonly<Record<number, string>> = {
  [BUILT_IN.bit]: '00',
  [BUILT_IN.varbit]: '0',
  [BUILT_IN.bool]: 'f',
  [BUILT_IN.bpchar]: '',
  [BUILT_IN.varchar]: '',
  [BUILT_IN.text]: '',
  [BUILT_IN.numeric]: '0.0',
  [BUILT_IN.float4]: '0',
  [BUILT_IN.float8]: '0',
  [BUILT_IN.int2]: '0',
  [BUILT_IN.int4]: '0',
  [BUILT_IN.int8]: '0',
  [BUILT_IN.json]: '{}',
  [BUILT_IN.jsonb]: '{}',
  [BUILT_IN.xml]: '',
  [BUILT_IN.uuid]: '00000000-0000-0000-0000-000000000000',
  [BUILT_IN.date]: '1970-01-01',
  [BUILT_IN.time]: '00:00:00',
  [BUILT_IN.timestamp]: '1970-01-01 00:00:00',
  [BUILT_IN.timestamptz]: '1970-01-01 00:00:00+00',
  [BUILT_IN.interval]: '00:00:00',
}

const CURRENT = /^(?:current_timestamp|current_time|current_date|localtime|localtimestamp)(?:\(\d\))?$/i
const CALL = /^\(*(?:[\w.]+|"(?:[^"]|"")+")(?:\."(?:[^"]|"")+")?\(.*\)/s
const CAST = /^(.+)::(?:"(?:[^"]|"")+"|[\w. ]|\([\d, ]*\))+$/s
const QUOTED = /^[BbXx]?'((?:[^']|'')*)'$/s
const NUMBER = /^-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/

/** The literal's text; `generated` for a call; null for any other expression, and for NULL. */
function literal(expression: string): { text: string } | 'generated' | null {
  let rest = expression.trim()
  if (CURRENT.test(rest)) return 'generated'
  for (;;) {
    const quoted = QUOTED.exec(rest)
    if (quoted) return { text: quoted[1]!.replaceAll("''", "'") }
    if (NUMBER.test(rest)) return { text: rest }
    if (rest === 'true' || rest === 'false') return { text: rest === 'true' ? 't' : 'f' }
    const cast = CAST.exec(rest)
    const inner: string = cast ? cast[1]! : isEnclosed(rest) ? rest.slice(1, -1) : rest
    if (inner === rest) return CALL.test(rest) ? 'generated' : null
    rest = inner.trim()
  }
}

/** Whether the parentheses at both ends belong to each other. */
function isEnclosed(text: string): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) return false
  let depth = 0
  let isQuoted = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (character === "'") isQuoted = !isQuoted
    else if (!isQuoted && character === '(') depth++
    else if (!isQuoted && character === ')' && --depth === 0) return index === text.length - 1
  }
  return false
}

/** As a value of the column's schema; undefined where there is none, and where the literal cannot be one. */
export function defaultValue(expression: string | null, type: ResolvedType): unknown {
  if (expression === null || type.isDomain) return undefined
  const isEnum = type.root.kind === 'enum'
  const instead = generated[type.root.oid]
  if (!isEnum && instead === undefined) return undefined
  const found = literal(expression)
  if (found === null || (found === 'generated' && isEnum)) return undefined
  const text = found === 'generated' ? instead! : asPostgresPrints(found.text, type.root.oid)
  if (text === null) return undefined
  if (isEnum) return type.root.labels!.includes(text) ? text : undefined
  try {
    const value = type.decode(scaled(text, type))
    // Kafka Connect's schemas have no structs as defaults.
    return isStruct(value) || isInvalid(value) ? undefined : (value ?? undefined)
  } catch {
    // Postgres itself accepts it where it writes a row: there the value is right, and only the schema lacks it.
    return undefined
  }
}

const isStruct = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !Buffer.isBuffer(value) && !Array.isArray(value)
const isInvalid = (value: unknown): boolean => (typeof value === 'number' && Number.isNaN(value)) || (value instanceof Date && Number.isNaN(value.getTime())) // biome-ignore format: one line

const DATE = /^\d{4,}-\d\d-\d\d/
const TIME = /^\d\d:\d\d:\d\d/

/** Literals of dates are printed as they were written: those that are not in ISO's form are none. Null for these. */
function asPostgresPrints(text: string, oid: number): string | null {
  const isDate = oid === BUILT_IN.date || oid === BUILT_IN.timestamp || oid === BUILT_IN.timestamptz
  if (isDate && !DATE.test(text)) return null
  if (oid === BUILT_IN.time && !TIME.test(text)) return null
  if (oid === BUILT_IN.bool) return /^(?:t|true|yes|on|1)$/i.test(text) ? 't' : 'f'
  return text
}

/** A decimal with the digits of its column after the point, which Debezium does not round. */
function scaled(text: string, { root, dimensions, modifier }: ResolvedType): string {
  if (root.oid !== BUILT_IN.numeric || modifier === -1 || !NUMBER.test(text) || /[eE]/.test(text)) return text
  const [whole = '', fraction = ''] = text.split('.')
  const { scale } = dimensions
  if (scale <= 0) return text
  if (fraction.length > scale && /[1-9]/.test(fraction.slice(scale)))
    throw new RangeError(`${text} has more than ${scale} digits after the point`)
  return `${whole}.${fraction.slice(0, scale).padEnd(scale, '0')}`
}
