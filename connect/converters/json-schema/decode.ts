/**
 * Reads values of Connect from JSON, as Confluent's JsonSchemaData does, but that a value of another type than the schema's is a DataError
 * and not null or 0. The decoder of a schema is compiled once.
 */
import { LongNumber } from '../../sdk/exact-json.ts'
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { dateOf } from '../../sdk/values/stored-dates.ts'
import { base64 } from '../json/base64.ts'
import { digitsOf, numberOf, scaleOf, withOwnScale } from '../json/decimal.ts'
import { floatOf } from '../json/floats.ts'
import { hasNameKeys, isUnion } from './json-schema-names.ts'

export type Decode = (json: unknown) => unknown

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof LongNumber)
const kindOf = (json: unknown): string =>
  json instanceof LongNumber ? 'NUMBER' : Array.isArray(json) ? 'ARRAY' : json === null ? 'NULL' : (typeof json).toUpperCase()
const mismatch = (schema: Schema, json: unknown) => new DataError(`a ${schema.type.toUpperCase()} cannot be read from ${kindOf(json)}`)

const integer =
  (schema: Schema, bits: number): Decode =>
  (json) => {
    if (typeof json === 'number' && Number.isInteger(json) && json >= -(2 ** (bits - 1)) && json < 2 ** (bits - 1)) return json
    if (typeof json === 'bigint' && BigInt.asIntN(bits, json) === json) return json
    throw mismatch(schema, json)
  }

const float =
  (schema: Schema): Decode =>
  (json) => {
    const value = floatOf(schema, json)
    if (value === undefined) throw mismatch(schema, json)
    return value
  }

function decimal(schema: Schema): Decode {
  const scale = scaleOf(schema)
  return (json) => {
    if (typeof json === 'string') return digitsOf(numberOf(base64(json)), scale)
    if (json instanceof LongNumber) return withOwnScale(json.digits)
    if (typeof json === 'number' || typeof json === 'bigint') return withOwnScale(String(json))
    throw new DataError(`Invalid type for Decimal, underlying representation should be numeric or bytes but was ${kindOf(json)}`)
  }
}

const time =
  (schema: Schema): Decode =>
  (json) => {
    if (!Number.isInteger(json)) throw mismatch(schema, json)
    return dateOf(schema.name, json as number)
  }

export class JsonSchemaDecoders {
  readonly #known = new Map<Schema, Decode>()

  compile(schema: Schema): Decode {
    const known = this.#known.get(schema)
    if (known) return known
    // A recursive schema calls itself through this function until its decoder is there.
    let compiled: Decode | null = null
    this.#known.set(schema, (json) => compiled!(json))
    const decode = this.#value(schema)
    compiled = (json) => {
      if (json !== null && json !== undefined) return decode(json)
      if (schema.default !== undefined && schema.default !== null) return schema.default
      if (json === undefined || schema.optional) return null
      throw new DataError(`Invalid null value for required ${schema.type.toUpperCase()} field`)
    }
    this.#known.set(schema, compiled)
    return compiled
  }

  #value(schema: Schema): Decode {
    if (schema.name === logicalTypes.decimal) return decimal(schema)
    if (schema.name === logicalTypes.date) return time(schema)
    if (schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp) return time(schema)
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
        return float(schema)
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
        const element = this.compile(schema.values!)
        return (json) => {
          if (!Array.isArray(json)) throw mismatch(schema, json)
          return json.map(element)
        }
      }
      case 'map':
        return hasNameKeys(schema) ? this.#map(schema) : this.#entries(schema)
      case 'struct':
        return isUnion(schema) ? this.#union(schema) : this.#struct(schema)
    }
  }

  #map(schema: Schema): Decode {
    const element = this.compile(schema.values!)
    return (json) => {
      if (!isObject(json)) throw new DataError(`Maps with string fields should be encoded as JSON objects, but found ${kindOf(json)}`)
      return Object.fromEntries(Object.entries(json).map(([name, item]) => [name, element(item)]))
    }
  }

  #entries(schema: Schema): Decode {
    const key = this.compile(schema.keys!)
    const element = this.compile(schema.values!)
    return (json) => {
      if (!Array.isArray(json))
        throw new DataError(`Maps with non-string fields should be encoded as JSON array of objects, but found ${kindOf(json)}`)
      return new Map(
        json.map((entry: unknown) => {
          if (!isObject(entry)) throw new DataError(`Found invalid map entry instead of object: ${kindOf(entry)}`)
          if (Object.keys(entry).length !== 2) throw new DataError('Found invalid map entry, expected key and value')
          return [key(entry.key), element(entry.value)]
        }),
      )
    }
  }

  #struct(schema: Schema): Decode {
    const names = schema.fields!.map((field) => field.name)
    const decoders = schema.fields!.map((field) => this.compile(field.schema))
    const inheritsFields = names.some((name) => name in Object.prototype)
    const count = names.length
    const required = (json: unknown): Record<string, unknown> => {
      if (!isObject(json)) throw new DataError(`Structs should be encoded as JSON objects, but found ${kindOf(json)}`)
      return json
    }
    const decode = (json: unknown): unknown => {
      const given = required(json)
      // A plain object inherits properties such as `constructor`, which are no fields.
      const object = inheritsFields ? Object.assign(Object.create(null), given) : given
      const struct: Record<string, unknown> = inheritsFields ? Object.create(null) : {}
      for (let index = 0; index < count; index++) struct[names[index]!] = decoders[index]!(object[names[index]!])
      return struct
    }
    if (!arePlainNames(names)) return decode
    return hotCode(decode, [required, ...decoders], (part) => {
      const fields = names.map((name, index) => `${literal(name)}: ${part(index + 1)}(json[${literal(name)}])`)
      return `const json = ${part(0)}(given); return { ${fields.join(', ')} }`
    })
  }

  /** The first type that the JSON value has, else the struct that has most of its properties. */
  #union(schema: Schema): Decode {
    const empty = Object.fromEntries(schema.fields!.map(({ name }) => [name, null]))
    const members = schema.fields!.map((field) => ({ ...field, decode: this.compile(field.schema) }))
    return (json) => {
      let best: (typeof members)[number] | undefined
      let most = 0
      for (const member of members) {
        if (isOfType(member.schema, json)) return { ...empty, [member.name]: member.decode(json) }
        const matching = matchingProperties(member.schema, json)
        if (matching > most) {
          most = matching
          best = member
        }
      }
      if (!best) throw new DataError('Did not find matching oneof field for data')
      return { ...empty, [best.name]: best.decode(json) }
    }
  }
}

function isOfType(schema: Schema, json: unknown): boolean {
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return typeof json === 'bigint' || (typeof json === 'number' && Number.isInteger(json))
    case 'float32':
    case 'float64':
      return typeof json === 'number' || typeof json === 'bigint' || json instanceof LongNumber
    case 'boolean':
    case 'string':
      return typeof json === schema.type
    case 'bytes':
      return typeof json === 'string' || (schema.name === logicalTypes.decimal && (typeof json === 'number' || json instanceof LongNumber))
    case 'array':
      return Array.isArray(json)
    case 'map':
      return isObject(json) || Array.isArray(json)
    case 'struct':
      return false
  }
}

function matchingProperties(schema: Schema, json: unknown): number {
  if (schema.type !== 'struct' || !isObject(json)) return 0
  let count = 0
  for (const { name, schema: ofField } of schema.fields!)
    if (Object.hasOwn(json, name)) count += 1 + matchingProperties(ofField, json[name])
  return count
}
