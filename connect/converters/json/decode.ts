/**
 * Converts JSON values to values of a schema, as JsonConverter of Kafka Connect does. The decoder of a schema is built once; a value that
 * contradicts it is a DataError.
 */
import { LongNumber } from '../../sdk/exact-json.ts'
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { digitsOf, fractionDigits, numberOf, scaleOf, unscaled } from './decimal.ts'

export type Decode = (json: unknown) => unknown

const known: readonly [WeakMap<Schema, Decode>, WeakMap<Schema, Decode>] = [new WeakMap(), new WeakMap()]

export function decoder(schema: Schema, replaceNullWithDefault: boolean): Decode {
  const memo = known[replaceNullWithDefault ? 1 : 0]
  let decode = memo.get(schema)
  if (!decode) {
    const build = builders(schema, replaceNullWithDefault)
    decode = (json) => {
      if (json !== null && json !== undefined) return build(json)
      if (schema.default !== undefined && schema.default !== null && replaceNullWithDefault) return schema.default
      if (schema.optional) return null
      throw new DataError(`Invalid null value for required ${schema.type.toUpperCase()} field`)
    }
    memo.set(schema, decode)
  }
  return decode
}

const mismatch = (schema: Schema, json: unknown) =>
  new DataError(
    `a ${schema.type.toUpperCase()} cannot be read from JSON ${json instanceof LongNumber ? 'number' : Array.isArray(json) ? 'array' : typeof json}`,
  )

const integer =
  (schema: Schema, bits: number): Decode =>
  (json) => {
    if (typeof json === 'number' && Number.isInteger(json) && json >= -(2 ** (bits - 1)) && json < 2 ** (bits - 1)) return json
    if (typeof json === 'bigint' && BigInt.asIntN(bits, json) === json) return json
    throw mismatch(schema, json)
  }

const number = (json: unknown): number | undefined => {
  if (typeof json === 'number') return json
  if (typeof json === 'bigint') return Number(json)
  if (json instanceof LongNumber) return Number(json.digits)
  return json === 'NaN' || json === 'Infinity' || json === '-Infinity' ? Number(json) : undefined
}

/** Decodes base64. Buffer.from alone ignores invalid characters. */
function base64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding) throw new DataError('bytes are not valid base64')
  return bytes
}

function decimal(schema: Schema): Decode {
  const scale = scaleOf(schema)
  // There may be more digits than the scale has, as in Java, where each decimal has its own scale.
  const withOwnScale = (text: string) => {
    const own = Math.max(scale, fractionDigits(text))
    return digitsOf(unscaled(text, own), own)
  }
  return (json) => {
    if (typeof json === 'string') return digitsOf(numberOf(base64(json)), scale)
    if (json instanceof LongNumber) return withOwnScale(json.digits)
    if (typeof json === 'number' || typeof json === 'bigint') return withOwnScale(String(json))
    throw mismatch(schema, json)
  }
}

const DAY_MS = 86_400_000

const time =
  (schema: Schema, factor: number): Decode =>
  (json) => {
    if (typeof json !== 'number' || !Number.isInteger(json)) throw mismatch(schema, json)
    const date = new Date(json * factor)
    // Java's dates have a larger range than JavaScript's.
    if (Number.isNaN(date.getTime())) throw new DataError(`${json} is out of the range of a date: check its unit`)
    return date
  }

function timeOfDay(schema: Schema): Decode {
  const decode = time(schema, 1)
  return (json) => {
    const date = decode(json) as Date
    if (date.getTime() < 0 || date.getTime() > DAY_MS) throw new DataError(`${json} is not a time of day in milliseconds`)
    return date
  }
}

function builders(schema: Schema, replace: boolean): Decode {
  if (schema.name === logicalTypes.decimal) return decimal(schema)
  if (schema.name === logicalTypes.date) return time(schema, DAY_MS)
  if (schema.name === logicalTypes.timestamp) return time(schema, 1)
  if (schema.name === logicalTypes.time) return timeOfDay(schema)
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
      return (json) => {
        const value = number(json)
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
      const element = decoder(schema.values!, replace)
      return (json) => {
        if (!Array.isArray(json)) throw mismatch(schema, json)
        return json.map(element)
      }
    }
    case 'map':
      return map(schema, replace)
    case 'struct':
      return structure(schema, replace)
  }
}

function map(schema: Schema, replace: boolean): Decode {
  const key = decoder(schema.keys!, replace)
  const element = decoder(schema.values!, replace)
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

function structure(schema: Schema, replace: boolean): Decode {
  const fields = schema.fields!.map((field) => ({ name: field.name, decode: decoder(field.schema, replace) }))
  const inheritsFields = fields.some(({ name }) => name in Object.prototype)
  return (json) => {
    if (typeof json !== 'object' || Array.isArray(json) || json instanceof LongNumber) throw mismatch(schema, json)
    // A plain object inherits properties such as `constructor`, which must not become fields.
    const object = (inheritsFields ? Object.assign(Object.create(null), json) : json) as Record<string, unknown>
    const out: Record<string, unknown> = inheritsFields ? Object.create(null) : {}
    for (const field of fields) out[field.name] = field.decode(object[field.name])
    return out
  }
}
