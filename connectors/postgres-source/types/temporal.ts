/**
 * Dates, times and timestamps in the modes of `time.precision.mode`. Infinite dates are the ends of int32, as Postgres has them, and
 * infinite timestamps Debezium's two numbers, in nanoseconds the ends of int64. In Kafka Connect's logical types both are the farthest
 * Dates, and "infinity" where the schema is a string.
 */
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { type ColumnType, type TypeSettings, Unconvertible } from './column-type.ts'
import { dateEnd, epochDay, isoDate, isoTime, MICROS_PER_DAY, microsOfDay, offsetMicros } from './date-text.ts'

const MS_PER_DAY = 86_400_000
/** The farthest a Date can be from the epoch, in ms. */
const MAX_DATE_MS = 8_640_000_000_000_000
/** Days at which Postgres's infinite dates are. */
const INFINITE_DAYS = { infinity: 2_147_483_647, '-infinity': -2_147_483_648 } as const
/** Ms at which the JDBC driver has Postgres's infinite timestamps. */
const INFINITE_MS = { infinity: 9_223_372_036_825_200n, '-infinity': -9_223_372_036_832_400n } as const
const INT64 = { infinity: 9_223_372_036_854_775_807n, '-infinity': -9_223_372_036_854_775_808n } as const

type Infinite = keyof typeof INFINITE_DAYS
const isInfinite = (text: string): text is Infinite => text.charCodeAt(text.length - 1) === 0x79

const named = (schema: Schema, name: string): Schema => ({ ...schema, name, version: 1 })
const ofDebezium = (schema: Schema, name: string): Schema => named(schema, `io.debezium.time.${name}`)

const type = (schema: Schema, fallback: unknown, decode: (text: string) => unknown, placeholder: string): ColumnType => ({
  schema,
  decode,
  fallback,
  unavailable: schema.type === 'string' ? placeholder : null,
})

/** The number of digits after the point. */
const fractionDigits = (modifier: number): number => (modifier === -1 ? 6 : modifier)

/** Whole days. */
const farthestDate = (infinite: Infinite): Date => new Date(infinite === 'infinity' ? MAX_DATE_MS : -MAX_DATE_MS)

/** The stored number where it is past what a Date can be. */
const dateOf = (ms: number, stored = ms): Date | number => (Math.abs(ms) <= MAX_DATE_MS ? new Date(ms) : stored)

const int64Of = (number: bigint): number | bigint => {
  if (number > INT64.infinity || number < INT64['-infinity'])
    throw new Unconvertible('the timestamp is out of the range of its schema, whose unit is too fine: set time.precision.mode')
  return Number.isSafeInteger(Number(number)) ? Number(number) : number
}

export function dateType({ times, placeholder }: TypeSettings): ColumnType {
  const days = (text: string): number => (isInfinite(text) ? INFINITE_DAYS[text] : epochDay(text, dateEnd(text)))
  if (times === 'isostring') {
    const decode = (text: string) => (isInfinite(text) ? text : `${isoDate(days(text))}Z`)
    return type(ofDebezium(schemas.string(), 'IsoDate'), '1970-01-01Z', decode, placeholder)
  }
  if (times !== 'connect') return type(ofDebezium(schemas.int32(), 'Date'), 0, days, placeholder)
  const decode = (text: string) => (isInfinite(text) ? farthestDate(text) : dateOf(days(text) * MS_PER_DAY, days(text)))
  return type(schemas.date(), new Date(0), decode, placeholder)
}

/** Whether whole ms are enough in this mode. */
const isMillis = (times: TypeSettings['times'], modifier: number, adaptive: readonly string[]): boolean =>
  adaptive.includes(times) && fractionDigits(modifier) <= 3

export function timeType(modifier: number, { times, placeholder }: TypeSettings): ColumnType {
  const micros = (text: string) => microsOfDay(text, 0)
  const millis = (text: string) => Math.floor(micros(text) / 1000)
  if (times === 'isostring') {
    const decode = (text: string) => `${isoTime(micros(text) % MICROS_PER_DAY, null)}Z`
    return type(ofDebezium(schemas.string(), 'IsoTime'), '00:00:00Z', decode, placeholder)
  }
  if (times === 'connect') return type(schemas.time(), new Date(0), (text) => new Date(millis(text)), placeholder)
  if (times === 'nanoseconds') return type(ofDebezium(schemas.int64(), 'NanoTime'), 0, (text) => micros(text) * 1000, placeholder)
  if (isMillis(times, modifier, ['adaptive'])) return type(ofDebezium(schemas.int32(), 'Time'), 0, millis, placeholder)
  return type(ofDebezium(schemas.int64(), 'MicroTime'), 0, micros, placeholder)
}

const exact = (days: number, micros: number): bigint => BigInt(days) * BigInt(MICROS_PER_DAY) + BigInt(micros)

function epochMicros(text: string): number | bigint {
  if (isInfinite(text)) return INFINITE_MS[text] * 1000n
  const end = dateEnd(text)
  const days = epochDay(text, end)
  const micros = microsOfDay(text, end + 1)
  const sum = days * MICROS_PER_DAY + micros
  return Number.isSafeInteger(sum) ? sum : int64Of(exact(days, micros))
}

function epochMillis(text: string): number | bigint {
  if (isInfinite(text)) return INFINITE_MS[text]
  const end = dateEnd(text)
  const days = epochDay(text, end)
  const millis = Math.floor(microsOfDay(text, end + 1) / 1000)
  const sum = days * MS_PER_DAY + millis
  return Number.isSafeInteger(sum) ? sum : BigInt(days) * BigInt(MS_PER_DAY) + BigInt(millis)
}

function connectTimestamp(text: string): Date | number {
  if (isInfinite(text)) return farthestDate(text)
  const millis = epochMillis(text)
  if (typeof millis === 'bigint') throw new Unconvertible('the timestamp is after the year 287396: set another time.precision.mode')
  return dateOf(millis)
}

function epochNanos(text: string): number | bigint {
  if (isInfinite(text)) return INT64[text]
  const end = dateEnd(text)
  return int64Of(exact(epochDay(text, end), microsOfDay(text, end + 1)) * 1000n)
}

function isoTimestamp(text: string): string {
  if (isInfinite(text)) return text
  const end = dateEnd(text)
  return `${isoDate(epochDay(text, end))}T${isoTime(microsOfDay(text, end + 1), null)}Z`
}

export function timestampType(modifier: number, { times, placeholder }: TypeSettings): ColumnType {
  if (times === 'isostring') return type(ofDebezium(schemas.string(), 'IsoTimestamp'), '1970-01-01T00:00:00Z', isoTimestamp, placeholder)
  if (times === 'connect') return type(schemas.timestamp(), new Date(0), connectTimestamp, placeholder)
  if (times === 'nanoseconds') return type(ofDebezium(schemas.int64(), 'NanoTimestamp'), 0, epochNanos, placeholder)
  if (isMillis(times, modifier, ['adaptive', 'adaptive_time_microseconds']))
    return type(ofDebezium(schemas.int64(), 'Timestamp'), 0, epochMillis, placeholder)
  return type(ofDebezium(schemas.int64(), 'MicroTimestamp'), 0, epochMicros, placeholder)
}

/** With as many digits after the point as the column has; with as many as the value has where it has none. */
export function zonedTimestampType(modifier: number, { placeholder }: TypeSettings): ColumnType {
  const digits = fractionDigits(modifier)
  const shown = digits === 0 ? null : digits
  const zeros = digits === 0 ? '' : `.${'0'.repeat(digits)}`
  function decode(text: string): string {
    // A session in UTC prints `2024-02-29 11:14:15.123456+00`: nothing has to be computed.
    if (text.charCodeAt(10) === 0x20 && text.endsWith('+00')) {
      const fraction = text.slice(19, -3)
      const padded = fraction.length === digits + 1 ? fraction : fraction === '' ? zeros : fraction.padEnd(digits + 1, '0')
      return `${text.slice(0, 10)}T${text.slice(11, 19)}${padded}Z`
    }
    if (isInfinite(text)) return text
    const end = dateEnd(text)
    const micros = microsOfDay(text, end + 1) - offsetMicros(text)
    const shift = Math.floor(micros / MICROS_PER_DAY)
    return `${isoDate(epochDay(text, end) + shift)}T${isoTime(micros - shift * MICROS_PER_DAY, shown)}Z`
  }
  return type(ofDebezium(schemas.string(), 'ZonedTimestamp'), '1970-01-01T00:00:00Z', decode, placeholder)
}

/** In UTC, with as many digits after the point as the value has. */
export function zonedTimeType({ placeholder }: TypeSettings): ColumnType {
  function decode(text: string): string {
    const micros = (microsOfDay(text, 0) - offsetMicros(text)) % MICROS_PER_DAY
    return `${isoTime(micros < 0 ? micros + MICROS_PER_DAY : micros, null)}Z`
  }
  return type(ofDebezium(schemas.string(), 'ZonedTime'), '00:00:00Z', decode, placeholder)
}
