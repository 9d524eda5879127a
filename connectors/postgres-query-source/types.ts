/**
 * The Connect schema of a Postgres column, and the value of its text: the mapping of Confluent's connector. Columns of types that it
 * does not know are left out, or read as text.
 */
import { type Schema, schemas } from '../../connect/sdk/index.ts'
import { epochMicros, epochNanos, type Instant, isoText, parseInstant } from './instant.ts'
import type { Zone } from './zone.ts'

/** A column of a result. */
export interface ResultColumn {
  readonly name: string
  /** The oid of its type. */
  readonly typeId: number
  readonly typeName: string
  readonly isEnum: boolean
  /** pg_attribute.atttypmod; -1 for none. */
  readonly modifier: number
  readonly optional: boolean
}

export interface ColumnReader {
  readonly schema: Schema
  read(text: string): unknown
}

export interface TypeMapping {
  readonly numerics: 'none' | 'precision_only' | 'best_fit' | 'best_fit_eager_double'
  readonly unboundedScale: number
  readonly granularity: string
  readonly unsupported: 'drop' | 'string'
  readonly zone: Zone
}

/** Oids of built-in types never change. */
const oid = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  float4: 700,
  float8: 701,
  money: 790,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  timetz: 1266,
  bit: 1560,
  numeric: 1700,
} as const

/** "char", name, text, json, xml, bpchar, varchar, uuid, jsonb. */
const texts = new Set([18, 19, 25, 114, 142, 1042, 1043, 2950, 3802])

const asText = (text: string): string => text
const DAY_MS = 86_400_000
/** An integer type holds every number with so many digits. */
const MAX_INT64_DIGITS = 18

/** Null for a column that is left out. */
export function columnReader(column: ResultColumn, mapping: TypeMapping): ColumnReader | null {
  const { typeId, optional } = column
  const plain = { optional }
  if (texts.has(typeId) || column.isEnum) return { schema: schemas.string(plain), read: asText }
  switch (typeId) {
    case oid.bool:
      return { schema: schemas.boolean(plain), read: (text) => text === 't' }
    case oid.int2:
      return { schema: schemas.int16(plain), read: Number }
    case oid.int4:
      return { schema: schemas.int32(plain), read: Number }
    case oid.int8:
    case oid.oid:
      return { schema: schemas.int64(plain), read: int64 }
    case oid.float4:
      return { schema: schemas.float32(plain), read: Number }
    case oid.float8:
      return { schema: schemas.float64(plain), read: Number }
    case oid.money:
      return { schema: schemas.float64(plain), read: moneyAmount }
    case oid.numeric:
      return numericReader(column, mapping)
    case oid.bytea:
      return { schema: schemas.bytes(plain), read: (text) => Buffer.from(text.slice(2), 'hex') }
    case oid.bit:
      return bitReader(column)
    case oid.date:
      return { schema: schemas.date(plain), read: dateOf }
    case oid.time:
      return { schema: schemas.time(plain), read: (text) => timeOf(text, mapping.zone) }
    case oid.timetz:
      return { schema: schemas.time(plain), read: (text) => timeOf(text, mapping.zone) }
    case oid.timestamp:
    case oid.timestamptz:
      return timestampReader(optional, mapping)
  }
  return mapping.unsupported === 'string' ? { schema: schemas.string(plain), read: asText } : null
}

export function int64(text: string): number | bigint {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

/** The locale of the server chooses its signs and where it writes them. */
function moneyAmount(text: string): number {
  const negative = /[-(]/.test(text)
  const digits = text.replace(/[^\d.,]/g, '')
  const point = /[.,](?=\d{1,2}$)/.exec(digits)?.index ?? digits.length
  const amount = Number(`${digits.slice(0, point).replace(/\D/g, '')}.${digits.slice(point + 1) || '0'}`)
  return negative ? -amount : amount
}

function numericReader({ modifier, optional }: ResultColumn, { numerics, unboundedScale }: TypeMapping): ColumnReader {
  const plain = { optional }
  if (modifier < 0) return decimalReader(optional, unboundedScale, 0)
  const precision = ((modifier - 4) >> 16) & 0xffff
  // Eleven bits with a sign.
  const scale = (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400
  const digits = scale < 0 ? precision - scale : precision
  const isInteger = numerics === 'precision_only' ? scale === 0 : numerics !== 'none' && scale < 1
  if (isInteger && digits <= MAX_INT64_DIGITS) {
    if (digits > 9) return { schema: schemas.int64(plain), read: int64 }
    const schema = digits > 4 ? schemas.int32(plain) : digits > 2 ? schemas.int16(plain) : schemas.int8(plain)
    return { schema, read: numberOf }
  }
  if (scale > 0 && (numerics === 'best_fit_eager_double' || (numerics === 'best_fit' && precision <= MAX_INT64_DIGITS)))
    return { schema: schemas.float64(plain), read: Number }
  return decimalReader(optional, Math.max(scale, 0), precision)
}

function numberOf(text: string): number {
  const value = Number(text)
  if (Number.isNaN(value)) throw new Error(`${text} is no whole number`)
  return value
}

function decimalReader(optional: boolean, scale: number, precision: number): ColumnReader {
  const parameters = { scale: String(scale), 'connect.decimal.precision': String(precision) }
  return {
    schema: schemas.decimal(scale, { optional, parameters }),
    read(text) {
      if (!/^-?\d+(\.\d+)?$/.test(text)) throw new Error(`${text} is no Decimal`)
      const point = text.indexOf('.')
      const fraction = point < 0 ? '' : text.slice(point + 1)
      if (fraction.length > scale && /[1-9]/.test(fraction.slice(scale)))
        throw new Error(
          `${text} has more than ${scale} digits after the point: give the column a precision, or raise numeric.unbounded.scale`,
        )
      const whole = point < 0 ? text : text.slice(0, point)
      return scale === 0 ? whole : `${whole}.${fraction.slice(0, scale).padEnd(scale, '0')}`
    },
  }
}

/** One bit is a boolean; up to eight are a byte with its sign; more are bytes from the first bit on, the last filled with zeros. */
function bitReader({ modifier, optional }: ResultColumn): ColumnReader {
  if (modifier <= 1) return { schema: schemas.boolean({ optional }), read: (text) => text === '1' }
  if (modifier <= 8) return { schema: schemas.int8({ optional }), read: (text) => (Number.parseInt(text, 2) << 24) >> 24 }
  const bytes = Math.ceil(modifier / 8)
  return {
    schema: schemas.bytes({ optional }),
    read(text) {
      const bits = text.padEnd(bytes * 8, '0')
      return Buffer.from(Array.from({ length: bytes }, (_, index) => Number.parseInt(bits.slice(index * 8, index * 8 + 8), 2)))
    },
  }
}

const UTC: Zone = { sql: '', offsetMs: () => 0, instantMs: (localMs) => localMs }

const dateOf = (text: string): Date => new Date(parseInstant(text, UTC).ms)

/** The time of a day, of the first of the epoch, in UTC. */
function timeOf(text: string, zone: Zone): Date {
  const { ms } = parseInstant(`1970-01-01 ${text}`, zone)
  return new Date(((ms % DAY_MS) + DAY_MS) % DAY_MS)
}

function timestampReader(optional: boolean, { granularity, zone }: TypeMapping): ColumnReader {
  const reader = (schema: Schema, value: (instant: Instant) => unknown): ColumnReader => ({
    schema,
    read: (text) => value(parseInstant(text, zone)),
  })
  const plain = { optional }
  switch (granularity) {
    case 'micros_long':
      return reader(schemas.int64(plain), epochMicros)
    case 'micros_string':
      return reader(schemas.string(plain), (instant) => String(epochMicros(instant)))
    case 'micros_iso_datetime_string':
      return reader(schemas.string(plain), (instant) => isoText(instant, zone, 6))
    case 'nanos_long':
      return reader(schemas.int64(plain), epochNanos)
    case 'nanos_string':
      return reader(schemas.string(plain), (instant) => String(epochNanos(instant)))
    case 'nanos_iso_datetime_string':
      return reader(schemas.string(plain), (instant) => isoText(instant, zone, 9))
    default:
      return reader(schemas.timestamp(plain), ({ ms }) => new Date(ms))
  }
}
