/**
 * Converts values to JSON text. The encoder of a schema is built once. Values without a schema are written by JSON.stringify, after
 * conversion of what JSON lacks (bigint, Buffer, Date, Map).
 */
import { DataError, logicalTypes, rawJson, type Schema } from '../../sdk/index.ts'
import { bytesOf, scaleOf, unscaled } from './decimal.ts'

export interface EncodeOptions {
  decimals: 'base64' | 'numeric'
  replaceNullWithDefault: boolean
}
export type Encode = (value: unknown) => string

const defaultOptions: EncodeOptions = { decimals: 'base64', replaceNullWithDefault: true }
const known = new Map<string, WeakMap<Schema, Encode>>()

export function encoder(schema: Schema, options: EncodeOptions = defaultOptions): Encode {
  const variant = `${options.decimals} ${options.replaceNullWithDefault}`
  let memo = known.get(variant)
  if (!memo) {
    memo = new WeakMap()
    known.set(variant, memo)
  }
  let encode = memo.get(schema)
  if (!encode) {
    encode = withNulls(schema, build(schema, options), options)
    memo.set(schema, encode)
  }
  return encode
}

function withNulls(schema: Schema, encode: Encode, options: EncodeOptions): Encode {
  const fallback = schema.default !== undefined && schema.default !== null && options.replaceNullWithDefault ? encode(schema.default) : null
  return (value) => {
    if (value !== null && value !== undefined) return encode(value)
    if (fallback !== null) return fallback
    if (schema.optional) return 'null'
    throw new DataError('Conversion error: null value for field that is required and has no default value')
  }
}

const mismatch = (schema: Schema, value: unknown) =>
  new DataError(`Invalid Java object for schema with type ${schema.type.toUpperCase()}: ${describe(value)}`)
const describe = (value: unknown) => (typeof value === 'object' ? (value?.constructor?.name ?? 'null') : typeof value)

const integer =
  (schema: Schema, bits: number): Encode =>
  (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)) return String(value)
    if (typeof value === 'bigint' && BigInt.asIntN(bits, value) === value) return String(value)
    throw mismatch(schema, value)
  }

const time =
  (schema: Schema, divisor: number): Encode =>
  (value) => {
    if (value instanceof Date) return String(Math.floor(value.getTime() / divisor))
    if (typeof value === 'number') return String(value)
    throw mismatch(schema, value)
  }

function decimal(schema: Schema, options: EncodeOptions): Encode {
  const scale = scaleOf(schema)
  return (value) => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(schema, value)
    const number = unscaled(String(value), scale)
    if (options.decimals === 'base64') return `"${bytesOf(number).toString('base64')}"`
    const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0')
    const text = scale > 0 ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits
    return number < 0n ? `-${text}` : text
  }
}

function build(schema: Schema, options: EncodeOptions): Encode {
  if (schema.name === logicalTypes.decimal) return decimal(schema, options)
  if (schema.name === logicalTypes.date) return time(schema, 86_400_000)
  if (schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp) return time(schema, 1)
  switch (schema.type) {
    case 'int8':
      return integer(schema, 8)
    case 'int16':
      return integer(schema, 16)
    case 'int32':
      return integer(schema, 32)
    case 'int64':
      return integer(schema, 64)
    case 'float32':
    case 'float64':
      return (value) => {
        if (typeof value !== 'number') throw mismatch(schema, value)
        // JSON lacks NaN and Infinity; Jackson writes them as strings.
        return Number.isFinite(value) ? String(value) : `"${value}"`
      }
    case 'boolean':
      return (value) => {
        if (typeof value !== 'boolean') throw mismatch(schema, value)
        return value ? 'true' : 'false'
      }
    case 'string':
      return (value) => {
        if (typeof value !== 'string') throw mismatch(schema, value)
        return JSON.stringify(value)
      }
    case 'bytes':
      return (value) => {
        if (!(value instanceof Uint8Array)) throw mismatch(schema, value)
        return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
      }
    case 'array': {
      const element = encoder(schema.values!, options)
      return (value) => {
        if (!Array.isArray(value)) throw mismatch(schema, value)
        return `[${value.map(element).join(',')}]`
      }
    }
    case 'map':
      return map(schema, options)
    case 'struct':
      return structure(schema, options)
  }
}

function map(schema: Schema, options: EncodeOptions): Encode {
  const key = encoder(schema.keys!, options)
  const element = encoder(schema.values!, options)
  const named = schema.keys!.type === 'string'
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(schema, value)
    const entries = value instanceof Map ? [...value] : Object.entries(value)
    // Jackson writes a null name as the string "null".
    if (named) return `{${entries.map(([name, item]) => `${key(name ?? 'null')}:${element(item)}`).join(',')}}`
    return `[${entries.map(([name, item]) => `[${key(name)},${element(item)}]`).join(',')}]`
  }
}

function structure(schema: Schema, options: EncodeOptions): Encode {
  const fields = schema.fields!.map((field, index) => ({
    name: field.name,
    prefix: `${index === 0 ? '' : ','}${JSON.stringify(field.name)}:`,
    encode: encoder(field.schema, options),
  }))
  const inheritsFields = fields.some(({ name }) => name in Object.prototype)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) throw mismatch(schema, value)
    const struct = (inheritsFields ? Object.assign(Object.create(null), value) : value) as Record<string, unknown>
    let text = '{'
    for (const field of fields) text += field.prefix + field.encode(struct[field.name])
    return `${text}}`
  }
}

/** Whether JSON.stringify alone would write a value differently from Kafka Connect. */
function needsConversion(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(needsConversion)
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return true
  for (const name in value) if (needsConversion((value as Record<string, unknown>)[name])) return true
  return false
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return rawJson(String(value))
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (value instanceof Date) return value.getTime()
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) {
    const entries = [...value]
    if (entries.every(([key]) => typeof key === 'string')) return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]))
    return entries.map(([key, item]) => [plain(key), plain(item)])
  }
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}

/** The JSON text of a value without a schema. */
export function encodeSchemaless(value: unknown): string {
  const text = JSON.stringify(needsConversion(value) ? plain(value) : value)
  if (text === undefined) throw new DataError(`a ${typeof value} cannot be written as JSON`)
  return text
}
