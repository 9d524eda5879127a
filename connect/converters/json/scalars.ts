/**
 * The JSON texts of values that are no arrays, maps, structs or decimals, as Jackson writes them, for the converters that write JSON. The
 * encoder of a schema is compiled once.
 */
import { type DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { doubleText, floatText } from '../../sdk/values/java-text.ts'
import { storedDate } from '../../sdk/values/stored-dates.ts'
import { jsonString } from './text.ts'

export type EncodeScalar = (value: unknown) => string
/** The error for a value that is not of its schema's type. */
export type Mismatch = (schema: Schema, value: unknown) => DataError

export const describe = (value: unknown): string => (typeof value === 'object' ? (value?.constructor?.name ?? 'null') : typeof value)
export const base64Text = (bytes: Uint8Array): string =>
  `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`

/** Null for an array, a map, a struct and a decimal. Encoders throw what `mismatch` returns. */
export function scalarEncoder(schema: Schema, mismatch: Mismatch): EncodeScalar | null {
  const { date, time, timestamp, decimal } = logicalTypes
  if (schema.name === decimal) return null
  if (schema.name === date || schema.name === time || schema.name === timestamp) return stored(schema, mismatch)
  switch (schema.type) {
    case 'int8':
      return integer(schema, 8, mismatch)
    case 'int16':
      return integer(schema, 16, mismatch)
    case 'int32':
      return integer(schema, 32, mismatch)
    case 'int64':
      return integer(schema, 64, mismatch)
    case 'float32':
      return floating(schema, floatText, mismatch)
    case 'float64':
      return floating(schema, doubleText, mismatch)
    case 'boolean':
      return (value) => {
        if (typeof value !== 'boolean') throw mismatch(schema, value)
        return value ? 'true' : 'false'
      }
    case 'string':
      return (value) => {
        if (typeof value !== 'string') throw mismatch(schema, value)
        return jsonString(value)
      }
    case 'bytes':
      return (value) => {
        if (!(value instanceof Uint8Array)) throw mismatch(schema, value)
        return base64Text(value)
      }
    default:
      return null
  }
}

function integer(schema: Schema, bits: number, mismatch: Mismatch): EncodeScalar {
  const least = -(2 ** (bits - 1))
  const end = 2 ** (bits - 1)
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value < end) return String(value)
    if (typeof value === 'bigint' && BigInt.asIntN(bits, value) === value) return String(value)
    throw mismatch(schema, value)
  }
}

function floating(schema: Schema, digits: (value: number) => string, mismatch: Mismatch): EncodeScalar {
  return (value) => {
    if (typeof value !== 'number') throw mismatch(schema, value)
    // JSON lacks NaN and Infinity; Jackson writes them as strings.
    return Number.isFinite(value) ? digits(value) : `"${value}"`
  }
}

/** A date, a time or a timestamp. */
function stored(schema: Schema, mismatch: Mismatch): EncodeScalar {
  return (value) => {
    if (value instanceof Date) return String(storedDate(schema.name, value))
    if (Number.isSafeInteger(value)) return String(value)
    throw mismatch(schema, value)
  }
}
