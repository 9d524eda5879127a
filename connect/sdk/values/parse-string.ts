/**
 * Reads a value from a text as Kafka Connect's Values.parseString: null, booleans, numbers, dates and times in ISO 8601, arrays and
 * maps. All else is a string. Errors inside of an array or a map make the whole text a string.
 */
import type { SchemaAndValue } from '../converter.ts'
import { SimpleDateFormat } from '../date-format/simple-date-format.ts'
import { DataError } from '../errors.ts'
import { type Schema, schemas } from '../schema.ts'
import { convertTo, MergedSchema } from './merged-schema.ts'
import { parseNumber } from './number.ts'
import { ValueTokens } from './value-tokens.ts'

/** Arrays and maps in each other: a text with more is a string. */
const MAX_DEPTH = 100
const NULL: SchemaAndValue = { schema: null, value: null }

// Four digits for the year: the century does not depend on the time.
const isoFormats = [
  { length: 10, format: new SimpleDateFormat('yyyy-MM-dd', 0), schema: schemas.date() },
  { length: 13, format: new SimpleDateFormat("HH:mm:ss.SSS'Z'", 0), schema: schemas.time() },
  { length: 24, format: new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", 0), schema: schemas.timestamp() },
] as const

/** What may be more than a string begins as null, true, false, a number, an array or a map, or with white space. */
const moreThanString = /^[\s\dntf+\-[{]/

export function parseString(text: string): SchemaAndValue {
  return moreThanString.test(text) ? new ValueReader(new ValueTokens(text)).value(false, 0) : stringOf(text)
}

const stringOf = (value: string): SchemaAndValue => ({ schema: schemas.string(), value })

/** Null where it is none. Colons may be behind backslashes. */
function temporal(text: string): SchemaAndValue | null {
  const plain = text.replaceAll('\\:', ':')
  const iso = isoFormats.find(({ length }) => length === plain.length)
  const time = iso?.format.parse(plain)
  if (!iso || time === null || time === undefined) return null
  const value = new Date(time)
  return Number.isNaN(value.getTime()) ? null : { schema: iso.schema, value }
}

class ValueReader {
  readonly #tokens: ValueTokens

  constructor(tokens: ValueTokens) {
    this.#tokens = tokens
  }

  /** An element of an array or a map is `embedded`. */
  value(embedded: boolean, depth: number): SchemaAndValue {
    const tokens = this.#tokens
    if (!tokens.hasNext) return NULL
    if (embedded && tokens.takeIf('"')) return this.#quoted()
    if (this.#literal(embedded, 'null')) return NULL
    if (this.#literal(embedded, 'true')) return { schema: schemas.boolean(), value: true }
    if (this.#literal(embedded, 'false')) return { schema: schemas.boolean(), value: false }
    const start = tokens.mark()
    try {
      if (tokens.takeIf('[')) return this.#array(depth + 1)
      if (tokens.takeIf('{')) return this.#map(depth + 1)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      tokens.rewindTo(start)
    }
    const token = tokens.take()
    return token.trim() === '' ? stringOf(token) : this.#scalar(token.trim(), embedded)
  }

  /** A word that is the whole text, or a whole element. */
  #literal(embedded: boolean, word: string): boolean {
    const start = this.#tokens.mark()
    if (this.#tokens.takeIf(word) && (embedded || !this.#tokens.hasNext)) return true
    this.#tokens.rewindTo(start)
    return false
  }

  #scalar(token: string, embedded: boolean): SchemaAndValue {
    const date = /^\d/.test(token) ? this.#temporal(token) : null
    if (date) return date
    const number = /^[\d+-]/.test(token) ? parseNumber(token) : null
    if (number) return number
    if (embedded) throw new DataError('Failed to parse embedded value')
    return stringOf(this.#tokens.text)
  }

  /** Times have colons, which divide them into five tokens. */
  #temporal(token: string): SchemaAndValue | null {
    const position = this.#tokens.mark()
    const rest = this.#tokens.takeMany(4)
    const whole = rest === null ? null : temporal(token + rest)
    if (whole) return whole
    this.#tokens.rewindTo(position)
    return temporal(token)
  }

  #quoted(): SchemaAndValue {
    let content = ''
    while (this.#tokens.hasNext && !this.#tokens.takeIf('"')) content += this.#tokens.take()
    return temporal(content) ?? stringOf(content)
  }

  #array(depth: number): SchemaAndValue {
    const tokens = this.#tokens
    if (depth > MAX_DEPTH) throw new DataError(`more than ${MAX_DEPTH} arrays and maps in each other`)
    const items: unknown[] = []
    const common = new MergedSchema()
    while (tokens.hasNext) {
      if (tokens.takeIf(']')) return arrayOf(items, common.schema)
      if (tokens.takeIf(',')) throw new DataError(`Unable to parse an empty array element: ${tokens.text}`)
      const { schema, value } = this.value(true, depth)
      common.add(schema)
      items.push(value)
      const position = tokens.mark()
      if (tokens.takeIf(']')) tokens.rewindTo(position)
      else if (!tokens.takeIf(',')) throw new DataError("Array elements missing ',' delimiter")
    }
    throw new DataError(`Array is missing terminating ']': ${tokens.text}`)
  }

  #map(depth: number): SchemaAndValue {
    const tokens = this.#tokens
    if (depth > MAX_DEPTH) throw new DataError(`more than ${MAX_DEPTH} arrays and maps in each other`)
    const entries = new Map<unknown, unknown>()
    const keys = new MergedSchema()
    const values = new MergedSchema()
    while (tokens.hasNext) {
      if (tokens.takeIf('}')) return mapOf(entries, keys.schema, values.schema)
      if (tokens.takeIf(',')) throw new DataError(`Unable to parse a map entry with no key or value: ${tokens.text}`)
      const key = this.value(true, depth)
      if (key.value === null) throw new DataError(`Map entry may not have a null key: ${tokens.text}`)
      if (!tokens.takeIf(':')) throw new DataError(`Map entry is missing ':' in ${tokens.text}`)
      const value = this.value(true, depth)
      entries.set(key.value, value.value)
      tokens.takeIf(',')
      keys.add(key.schema)
      values.add(value.schema)
    }
    throw new DataError(`Map is missing terminating '}': ${tokens.text}`)
  }
}

function arrayOf(items: readonly unknown[], schema: Schema | null): SchemaAndValue {
  if (schema === null) return { schema: { type: 'array', optional: false }, value: items }
  return { schema: schemas.array(schema), value: items.map((item) => convertTo(schema, item)) }
}

/** A map has a schema for its values where they have one in common. Keys that are strings make it an object. */
function mapOf(entries: ReadonlyMap<unknown, unknown>, keys: Schema | null, values: Schema | null): SchemaAndValue {
  const converted = [...entries].map(([key, value]): [unknown, unknown] => [
    keys ? convertTo(keys, key) : key,
    keys && values ? convertTo(values, value) : value,
  ])
  const value = keys?.type === 'string' ? Object.fromEntries(converted as [string, unknown][]) : new Map(converted)
  return { schema: { type: 'map', optional: false, ...(keys && { keys }), ...(keys && values && { values }) }, value }
}
