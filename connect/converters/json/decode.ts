/**
 * Converts JSON values to values of a schema, as JsonConverter of Kafka Connect does. The decoder of a schema is built once; a value that
 * contradicts it is a DataError.
 */
import { LongNumber } from '../../sdk/exact-json.ts'
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { dateOf } from '../../sdk/values/stored-dates.ts'
import { base64 } from './base64.ts'
import { digitsOf, numberOf, scaleOf, withOwnScale } from './decimal.ts'
import { floatOf } from './floats.ts'
import { digitsNeeded, roundedReader } from './rounded.ts'

export type Decode = (json: unknown) => unknown

interface DecodeOptions {
  replaceNullWithDefault: boolean
  /** Numbers may have lost digits: decoders throw digitsNeeded where those matter. */
  isRounded?: boolean
}

/** A null is decoded by itself, so that the code of a struct can tell which it has. */
interface Decoder {
  readonly decode: Decode
  readonly ofValue: Decode
  readonly ofNull: () => unknown
}

const known = Array.from({ length: 4 }, () => new WeakMap<Schema, Decoder>())

export const decoder = (schema: Schema, options: DecodeOptions): Decode => decoderOf(schema, options).decode

function decoderOf(schema: Schema, options: DecodeOptions): Decoder {
  const memo = known[(options.replaceNullWithDefault ? 1 : 0) + (options.isRounded ? 2 : 0)]!
  let made = memo.get(schema)
  if (!made) {
    const ofValue = valueDecoder(schema, options)
    const ofNull = () => {
      if (schema.default !== undefined && schema.default !== null && options.replaceNullWithDefault) return schema.default
      if (schema.optional) return null
      throw new DataError(`Invalid null value for required ${schema.type.toUpperCase()} field`)
    }
    made = { ofValue, ofNull, decode: (json) => (json === null || json === undefined ? ofNull() : ofValue(json)) }
    memo.set(schema, made)
  }
  return made
}

const digitKeeping = new WeakMap<Schema, boolean>()

/** Whether the texts of numbers matter, as those of decimals do: 1.50 is another one than 1.5. */
export function keepsDigits(schema: Schema): boolean {
  let keeps = digitKeeping.get(schema)
  if (keeps === undefined) {
    const inner = [...(schema.fields ?? []).map((field) => field.schema), schema.keys, schema.values]
    keeps = schema.name === logicalTypes.decimal || inner.some((part) => part !== undefined && keepsDigits(part))
    digitKeeping.set(schema, keeps)
  }
  return keeps
}

/** Reads payloads of a schema. */
export const payloadReader = (schema: Schema, replaceNullWithDefault: boolean): ((text: string) => unknown) =>
  roundedReader({
    rounded: decoder(schema, { replaceNullWithDefault, isRounded: true }),
    exact: decoder(schema, { replaceNullWithDefault }),
    exactDecimals: keepsDigits(schema),
  })

const mismatch = (schema: Schema, json: unknown) =>
  new DataError(
    `a ${schema.type.toUpperCase()} cannot be read from JSON ${json instanceof LongNumber ? 'number' : Array.isArray(json) ? 'array' : typeof json}`,
  )

const integer = (schema: Schema, bits: number, { isRounded }: DecodeOptions): Decode => {
  const least = -(2 ** (bits - 1))
  const end = 2 ** (bits - 1)
  return (given) => {
    if (Number.isSafeInteger(given) && (given as number) >= least && (given as number) < end) return given
    if (typeof given === 'bigint' && BigInt.asIntN(bits, given) === given) return given
    if (isRounded) throw digitsNeeded
    const json = given instanceof LongNumber ? Number(given.digits) : given
    if (typeof json === 'number' && Number.isInteger(json) && json >= least && json < end) return json
    throw mismatch(schema, json)
  }
}

function decimal(schema: Schema, { isRounded }: DecodeOptions): Decode {
  const scale = scaleOf(schema)
  return (json) => {
    if (typeof json === 'string') return digitsOf(numberOf(base64(json)), scale)
    if (isRounded) throw digitsNeeded
    if (json instanceof LongNumber) return withOwnScale(json.digits)
    if (typeof json === 'number' || typeof json === 'bigint') return withOwnScale(String(json))
    throw mismatch(schema, json)
  }
}

const time =
  (schema: Schema): Decode =>
  (given) => {
    const json = given instanceof LongNumber ? Number(given.digits) : given
    if (typeof json !== 'number' || !Number.isInteger(json)) throw mismatch(schema, json)
    return dateOf(schema.name, json)
  }

function valueDecoder(schema: Schema, options: DecodeOptions): Decode {
  if (schema.name === logicalTypes.decimal) return decimal(schema, options)
  if (schema.name === logicalTypes.date || schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp) return time(schema)
  switch (schema.type) {
    case 'int8':
      return integer(schema, 8, options)
    case 'int16':
      return integer(schema, 16, options)
    case 'int32':
      return integer(schema, 32, options)
    case 'int64':
      return integer(schema, 64, options)
    case 'float32':
    case 'float64':
      return (json) => {
        const value = floatOf(schema, json)
        if (value === undefined) throw mismatch(schema, json)
        return value
      }
    case 'boolean':
    case 'string':
      return (json) => {
        if (typeof json !== schema.type) throw mismatch(schema, json)
        return json
      }
    case 'bytes':
      return (json) => {
        if (typeof json !== 'string') throw mismatch(schema, json)
        return base64(json)
      }
    case 'array': {
      const element = decoder(schema.values!, options)
      return (json) => {
        if (!Array.isArray(json)) throw mismatch(schema, json)
        return json.map(element)
      }
    }
    case 'map':
      return map(schema, options)
    case 'struct':
      return structure(schema, options)
  }
}

function map(schema: Schema, options: DecodeOptions): Decode {
  const key = decoder(schema.keys!, options)
  const element = decoder(schema.values!, options)
  const named = schema.keys!.type === 'string'
  return (json) => {
    if (named) {
      if (typeof json !== 'object' || Array.isArray(json) || json instanceof LongNumber)
        throw new DataError(`Maps with string fields should be encoded as JSON objects, but found ${typeof json}`)
      return Object.fromEntries(Object.entries(json!).map(([name, item]) => [name, element(item)]))
    }
    if (!Array.isArray(json))
      throw new DataError(`Maps with non-string fields should be encoded as JSON array of tuples, but found ${typeof json}`)
    return new Map(
      json.map((entry) => {
        if (!Array.isArray(entry) || entry.length !== 2) throw new DataError('Found invalid map entry: it must be an array of two elements')
        return [key(entry[0]), element(entry[1])]
      }),
    )
  }
}

function structure(schema: Schema, options: DecodeOptions): Decode {
  const fields = schema.fields!.map((field) => ({ name: field.name, of: decoderOf(field.schema, options) }))
  const inheritsFields = fields.some(({ name }) => name in Object.prototype)
  const required = (json: unknown): Record<string, unknown> => {
    if (typeof json !== 'object' || Array.isArray(json) || json instanceof LongNumber) throw mismatch(schema, json)
    return json as Record<string, unknown>
  }
  const decode = (json: unknown) => {
    const given = required(json)
    // A plain object inherits properties such as `constructor`, which must not become fields.
    const object: Record<string, unknown> = inheritsFields ? Object.assign(Object.create(null), given) : given
    const out: Record<string, unknown> = inheritsFields ? Object.create(null) : {}
    for (const { name, of } of fields) out[name] = of.decode(object[name])
    return out
  }
  if (!arePlainNames(fields.map(({ name }) => name))) return decode
  const parts = [required, ...fields.flatMap(({ of }) => [of.ofValue, of.ofNull])]
  return hotCode(decode, parts, (part) => {
    const values = fields.map(
      ({ name }, index) =>
        `${literal(name)}: (value = json[${literal(name)}]) === null || value === undefined ? ${part(2 * index + 2)}() : ${part(2 * index + 1)}(value)`,
    )
    return `const json = ${part(0)}(given); let value; return { ${values.join(', ')} }`
  })
}
