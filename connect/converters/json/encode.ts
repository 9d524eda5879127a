/**
 * Converts values to JSON text. The encoder of a schema is built once. Values without a schema are written by JSON.stringify, after
 * conversion of what JSON lacks (bigint, Buffer, Date, Map).
 */
import { DataError, logicalTypes, rawJson, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { decimalText, doubleText } from '../../sdk/values/java-text.ts'
import { bytesOf, fractionDigits, scaleOf, unscaled } from './decimal.ts'
import { base64Text, describe, scalarEncoder } from './scalars.ts'
import { asJackson, jsonString } from './text.ts'

export interface EncodeOptions {
  decimals: 'base64' | 'numeric'
  replaceNullWithDefault: boolean
}
export type Encode = (value: unknown) => string

/** A null is encoded by itself, so that the code of a struct can tell which it has. */
interface Encoder {
  readonly encode: Encode
  readonly ofValue: Encode
  readonly ofNull: () => string
}

const defaultOptions: EncodeOptions = { decimals: 'base64', replaceNullWithDefault: true }
const known = Array.from({ length: 4 }, () => new WeakMap<Schema, Encoder>())

export const encoder = (schema: Schema, options: EncodeOptions = defaultOptions): Encode => encoderOf(schema, options).encode

function encoderOf(schema: Schema, options: EncodeOptions): Encoder {
  const memo = known[(options.replaceNullWithDefault ? 1 : 0) + (options.decimals === 'numeric' ? 2 : 0)]!
  const made = memo.get(schema)
  if (made) return made
  // A recursive schema calls itself through this one until its encoder is there.
  let own: Encoder | null = null
  memo.set(schema, { encode: (value) => own!.encode(value), ofValue: (value) => own!.ofValue(value), ofNull: () => own!.ofNull() })
  own = withNulls(schema, build(schema, options), options)
  memo.set(schema, own)
  return own
}

function withNulls(schema: Schema, ofValue: Encode, options: EncodeOptions): Encoder {
  const fallback =
    schema.default !== undefined && schema.default !== null && options.replaceNullWithDefault ? ofValue(schema.default) : null
  const ofNull = () => {
    if (fallback !== null) return fallback
    if (schema.optional) return 'null'
    throw new DataError('Conversion error: null value for field that is required and has no default value')
  }
  return { ofValue, ofNull, encode: (value) => (value === null || value === undefined ? ofNull() : ofValue(value)) }
}

const mismatch = (schema: Schema, value: unknown) =>
  new DataError(`Invalid Java object for schema with type ${schema.type.toUpperCase()}: ${describe(value)}`)

function decimal(schema: Schema, options: EncodeOptions): Encode {
  const scale = scaleOf(schema)
  return (value) => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(schema, value)
    const text = String(value)
    if (options.decimals === 'base64') return base64Text(bytesOf(unscaled(text, scale)))
    // In digits a decimal keeps those that it has, also where its schema has another scale.
    unscaled(text, Math.max(scale, fractionDigits(text)))
    return decimalText(text, scale)
  }
}

function build(schema: Schema, options: EncodeOptions): Encode {
  if (schema.name === logicalTypes.decimal) return decimal(schema, options)
  const scalar = scalarEncoder(schema, mismatch)
  if (scalar) return scalar
  switch (schema.type) {
    case 'array': {
      const element = ofElements(schema.values, options)
      return (value) => {
        if (!Array.isArray(value)) throw mismatch(schema, value)
        return `[${value.map(element).join(',')}]`
      }
    }
    case 'map':
      return map(schema, options)
    default:
      return structure(schema, options)
  }
}

/** A header that was read from text may have an array or a map whose elements have no schema in common. */
const ofElements = (schema: Schema | undefined, options: EncodeOptions): Encode => (schema ? encoder(schema, options) : encodeSchemaless)

function map(schema: Schema, options: EncodeOptions): Encode {
  const key = ofElements(schema.keys, options)
  const element = ofElements(schema.values, options)
  const named = schema.keys?.type === 'string'
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
    prefix: `${index === 0 ? '{' : ','}${jsonString(field.name)}:`,
    of: encoderOf(field.schema, options),
  }))
  const inheritsFields = fields.some(({ name }) => name in Object.prototype)
  const required = (value: unknown): Record<string, unknown> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) throw mismatch(schema, value)
    return value as Record<string, unknown>
  }
  const encode = (value: unknown) => {
    const given = required(value)
    const struct: Record<string, unknown> = inheritsFields ? Object.assign(Object.create(null), given) : given
    let text = fields.length === 0 ? '{' : ''
    for (const { name, prefix, of } of fields) text += prefix + of.encode(struct[name])
    return `${text}}`
  }
  if (fields.length === 0 || !arePlainNames(fields.map(({ name }) => name))) return encode
  const parts = [required, ...fields.flatMap(({ of }) => [of.ofValue, of.ofNull])]
  return hotCode(encode, parts, (part) => {
    const texts = fields.map(
      ({ name, prefix }, index) =>
        `${literal(prefix)} + ((value = struct[${literal(name)}]) === null || value === undefined ? ${part(2 * index + 2)}() : ${part(2 * index + 1)}(value))`,
    )
    return `const struct = ${part(0)}(given); let value; return ${texts.join(' + ')} + '}'`
  })
}

/** JavaScript and Java write a fraction alike where Java writes it without an exponent. */
const isWrittenAlike = (value: number) => Math.abs(value) >= 1e-3 && Math.abs(value) < 1e7

/** Whether JSON.stringify alone would write a value differently from Kafka Connect. */
function needsConversion(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value === 'number') return !Number.isSafeInteger(value) && !isWrittenAlike(value)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(needsConversion)
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return true
  for (const name in value) if (needsConversion((value as Record<string, unknown>)[name])) return true
  return false
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return rawJson(String(value))
  if (typeof value === 'number') return plainNumber(value)
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

/** A safe integer is a long, any other number a double. JSON lacks NaN and Infinity; Jackson writes them as strings. */
function plainNumber(value: number): unknown {
  if (Number.isSafeInteger(value)) return value
  return Number.isFinite(value) ? rawJson(doubleText(value)) : String(value)
}

/** The JSON text of a value without a schema. */
export function encodeSchemaless(value: unknown): string {
  const text = JSON.stringify(needsConversion(value) ? plain(value) : value)
  if (text === undefined) throw new DataError(`a ${typeof value} cannot be written as JSON`)
  return asJackson(text)
}
