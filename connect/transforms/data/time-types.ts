/**
 * The forms of a time that TimestampConverter knows, each with its schema, how it is read to ms since the epoch and how it is written.
 * Times beyond what a Date holds are refused.
 */

import type { SimpleDateFormat } from '../../sdk/date-format/simple-date-format.ts'
import { DataError, logicalTypes, type Schema, schemas } from '../../sdk/index.ts'
import { isWhole, javaClass } from './requirements.ts'

export const timeTypes = ['string', 'unix', 'Date', 'Time', 'Timestamp'] as const
export type TimeType = (typeof timeTypes)[number]
export const unixPrecisions = ['nanoseconds', 'microseconds', 'milliseconds', 'seconds'] as const
export type UnixPrecision = (typeof unixPrecisions)[number]

const DAY_MS = 86_400_000
/** What a Date holds. Java's holds more: the years to 292 million. */
const MAX_MS = 8.64e15
const MAX_INT64 = 2n ** 63n - 1n

const SECOND_MS = 1_000
const perMs: Readonly<Record<Exclude<UnixPrecision, 'seconds'>, bigint>> = {
  nanoseconds: 1_000_000n,
  microseconds: 1_000n,
  milliseconds: 1n,
}

export const schemaOfType: Readonly<Record<TimeType, (optional: boolean) => Schema>> = {
  string: (optional) => schemas.string({ optional }),
  unix: (optional) => schemas.int64({ optional }),
  Date: (optional) => schemas.date({ optional }),
  Time: (optional) => schemas.time({ optional }),
  Timestamp: (optional) => schemas.timestamp({ optional }),
}

const namedTypes: Readonly<Record<string, TimeType>> = {
  [logicalTypes.timestamp]: 'Timestamp',
  [logicalTypes.date]: 'Date',
  [logicalTypes.time]: 'Time',
}

/** Undefined where values of the schema are no times. */
export function timeTypeOf(schema: Schema): TimeType | undefined {
  if (schema.name !== undefined && Object.hasOwn(namedTypes, schema.name)) return namedTypes[schema.name]
  return schema.type === 'string' ? 'string' : schema.type === 'int64' ? 'unix' : undefined
}

export function timeTypeOfValue(value: unknown): TimeType {
  if (value instanceof Date) return 'Timestamp'
  if (typeof value === 'string') return 'string'
  if ((typeof value === 'number' || typeof value === 'bigint') && isWhole(value)) return 'unix'
  throw new DataError(`TimestampConverter does not support class ${javaClass(null, value)} objects as timestamps`)
}

function inRange(ms: number, what: string | bigint | number): number {
  if (!(Math.abs(ms) <= MAX_MS)) throw new DataError(`the timestamp ${what} is beyond the year 275760, the last that can be converted`)
  return ms
}

/** Fractions of a ms are cut towards the epoch, as in Java. */
export function readUnix(value: number | bigint, precision: UnixPrecision): number {
  const ms = precision === 'seconds' ? Number(value) * SECOND_MS : Number(BigInt(value) / perMs[precision])
  return inRange(ms, value)
}

export function writeUnix(ms: number, precision: UnixPrecision): number | bigint {
  if (precision === 'milliseconds') return ms
  if (precision === 'seconds') return Math.trunc(ms / SECOND_MS) + 0
  const value = BigInt(ms) * perMs[precision]
  const limited = value > MAX_INT64 ? MAX_INT64 : value < -MAX_INT64 - 1n ? -MAX_INT64 - 1n : value
  return Number.isSafeInteger(Number(limited)) ? Number(limited) : limited
}

export function readString(text: string, format: SimpleDateFormat | null): number {
  if (!format) throw new DataError('a timestamp is a string, and there is no format to read it: set format')
  const ms = format.parse(text)
  if (ms === null) throw new DataError(`Could not parse timestamp: value (${text}) does not match pattern (${format.pattern})`)
  return inRange(ms, text)
}

export const startOfDay = (ms: number): Date => new Date(Math.floor(ms / DAY_MS) * DAY_MS)
export const timeOfDay = (ms: number): Date => new Date(ms - Math.floor(ms / DAY_MS) * DAY_MS)
