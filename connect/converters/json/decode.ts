/**
 * JSON values as values of a schema. A decoder is built once for a schema and remembered.
 */
import { LongNumber } from '../../sdk/exact-json.ts'
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { digitsOf, numberOf, unscaled } from './decimal.ts'

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

function decimal(schema: Schema): Decode {
  const scale = Number(schema.parameters?.scale ?? 0)
  return (json) => {
    if (typeof json === 'string') return digitsOf(numberOf(Buffer.from(json, 'base64')), scale)
    if (json instanceof LongNumber) return digitsOf(unscaled(json.digits, scale), scale)
    if (typeof json === 'number' || typeof json === 'bigint') return digitsOf(unscaled(String(json), scale), scale)
    throw mismatch(schema, json)
  }
}

const time =
  (schema: Schema, factor: number): Decode =>
  (json) => {
    if (typeof json !== 'number') throw mismatch(schema, json)
    const date = new Date(json * factor)
    // Java's dates reach further than JavaScript's
    if (Number.isNaN(date.getTime())) throw new DataError(`${json} is past what a date can hold: are its units right?`)
    return date
  }

function builders(schema: Schema, replace: boolean): Decode {
  if (schema.name === logicalTypes.decimal) return decimal(schema)
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
        return Buffer.from(json, 'base64')
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
  const named = schema.keys!.type === 'string' && !schema.keys!.optional
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
  return (json) => {
    if (typeof json !== 'object' || Array.isArray(json) || json instanceof LongNumber) throw mismatch(schema, json)
    const out: Record<string, unknown> = {}
    for (const field of fields) out[field.name] = field.decode((json as Record<string, unknown>)[field.name])
    return out
  }
}
