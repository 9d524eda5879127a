/**
 * Default values between Connect and the JSON of an Avro schema: bytes as text of ISO-8859-1, logical types as the numbers that stand for
 * them. Pure.
 */
import { DataError, logicalTypes, rawJson, type Schema } from '../../sdk/index.ts'
import { dateOf, storedDate } from '../../sdk/values/stored-dates.ts'
import { bytesOf, digitsOf, numberOf, scaleOf, unscaled } from '../json/decimal.ts'
import { type AvroDataOptions, hasNameKeys, isUnion, scrubbed, unionFieldName } from './avro-names.ts'
import type { AvroType } from './avro-type.ts'

/** From here on Java writes an exponent. */
const JAVA_PLAIN_LIMIT = 1e7

type Json = Record<string, unknown>
const isObject = (json: unknown): json is Json => typeof json === 'object' && json !== null && !Array.isArray(json)
export const entriesOf = (value: object): Iterable<[unknown, unknown]> => (value instanceof Map ? value : Object.entries(value))

const wrongDefault = (schema: Schema, value: unknown) =>
  new DataError(`Invalid type used for default value of ${schema.type.toUpperCase()} field: ${typeof value}`)

/** As Java writes a double or a float. */
const floatJson = (value: number): unknown => {
  if (!Number.isFinite(value)) return String(value)
  return Number.isInteger(value) && Math.abs(value) < JAVA_PLAIN_LIMIT ? rawJson(`${Object.is(value, -0) ? '-0' : value}.0`) : value
}

export function defaultToJson(schema: Schema, value: unknown, options: AvroDataOptions): unknown {
  if (value === null || value === undefined) return null
  if (value instanceof Date) {
    if (schema.type !== 'int32' && schema.type !== 'int64') throw wrongDefault(schema, value)
    return storedDate(schema.name, value)
  }
  if (schema.name === logicalTypes.decimal) return bytesOf(unscaled(String(value), scaleOf(schema))).toString('latin1')
  switch (schema.type) {
    case 'int64':
      return typeof value === 'bigint' ? rawJson(String(value)) : value
    case 'float32':
    case 'float64':
      if (typeof value !== 'number') throw wrongDefault(schema, value)
      return floatJson(value)
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw wrongDefault(schema, value)
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
    case 'array':
      if (!Array.isArray(value)) throw wrongDefault(schema, value)
      return value.map((item) => defaultToJson(schema.values!, item, options))
    case 'map': {
      if (typeof value !== 'object') throw wrongDefault(schema, value)
      const entries = [...entriesOf(value)]
      if (hasNameKeys(schema, options))
        return Object.fromEntries(entries.map(([key, item]) => [key, defaultToJson(schema.values!, item, options)]))
      return entries.map(([key, item]) => [defaultToJson(schema.keys!, key, options), defaultToJson(schema.values!, item, options)])
    }
    case 'struct': {
      if (!isObject(value)) throw wrongDefault(schema, value)
      const fields = schema.fields!.map(
        ({ name, schema: ofField }) => [name, defaultToJson(ofField, value[name] ?? ofField.default, options)] as const,
      )
      if (isUnion(schema)) return fields.find(([, json]) => json !== null)?.[1] ?? null
      return Object.fromEntries(fields.map(([name, json]) => [options.scrub ? scrubbed(name) : name, json]))
    }
    default:
      return value
  }
}

/** Whether Avro takes a default for a type: that of a union is one of its first type. */
export function isValidDefault(type: AvroType, json: unknown): boolean {
  switch (type.type) {
    case 'null':
      return json === null
    case 'boolean':
      return typeof json === 'boolean'
    case 'string':
    case 'bytes':
    case 'enum':
    case 'fixed':
      return typeof json === 'string'
    case 'array':
      return Array.isArray(json) && json.every((item) => isValidDefault(type.items, item))
    case 'map':
      return isObject(json) && Object.values(json).every((item) => isValidDefault(type.values, item))
    case 'record':
      return (
        isObject(json) &&
        type.fields.every(({ name, type: ofField, default: own }) => isValidDefault(ofField, json[name] !== undefined ? json[name] : own))
      )
    case 'union':
      return type.types[0] !== undefined && isValidDefault(type.types[0], json)
    default:
      // A number, or one that is written with all its digits.
      return typeof json === 'number' || (typeof json === 'object' && json !== null && 'rawJSON' in json)
  }
}

const wrongJson = (type: AvroType) => new DataError(`Invalid JSON for ${type.type} default value`)

/** The value of Connect for a default in an Avro schema. Throws DataError. */
export function defaultFromJson(schema: Schema, type: AvroType, json: unknown, options: AvroDataOptions): unknown {
  if (json === null || json === undefined) return null
  switch (type.type) {
    case 'union': {
      const first = type.types[0]!
      if (first.type === 'null') return null
      const name = unionFieldName(first, 0, options)
      const member = schema.fields?.find((field) => field.name === name)
      if (!isUnion(schema) || !member) return defaultFromJson(schema, first, json, options)
      return { [name]: defaultFromJson(member.schema, first, json, options) }
    }
    case 'bytes':
    case 'fixed': {
      if (typeof json !== 'string') throw wrongJson(type)
      const bytes = Buffer.from(json, 'latin1')
      return schema.name === logicalTypes.decimal ? digitsOf(numberOf(bytes), scaleOf(schema)) : bytes
    }
    case 'array': {
      if (!Array.isArray(json)) throw wrongJson(type)
      const { items } = type
      if (schema.type !== 'map') return json.map((item) => defaultFromJson(schema.values!, items, item, options))
      const [key, value] = (items.type === 'record' ? items.fields : []).map((field) => field.type)
      return new Map(
        json.map((entry: unknown) => {
          const pair = Array.isArray(entry) ? entry : isObject(entry) ? [entry.key, entry.value] : null
          if (!pair || !key || !value) throw wrongJson(type)
          return [defaultFromJson(schema.keys!, key, pair[0], options), defaultFromJson(schema.values!, value, pair[1], options)]
        }),
      )
    }
    case 'map':
      if (!isObject(json)) throw wrongJson(type)
      return Object.fromEntries(
        Object.entries(json).map(([key, item]) => [key, defaultFromJson(schema.values!, type.values, item, options)]),
      )
    case 'record':
      if (!isObject(json)) throw wrongJson(type)
      return Object.fromEntries(
        type.fields.map(({ name, type: ofField, default: own }, index) => {
          const ofSchema = schema.fields![index]!.schema
          return [
            name,
            json[name] === undefined
              ? (ofSchema.default ?? defaultFromJson(ofSchema, ofField, own, options))
              : defaultFromJson(ofSchema, ofField, json[name], options),
          ]
        }),
      )
    case 'int':
    case 'long':
      if (typeof json !== 'number') throw wrongJson(type)
      return schema.name === logicalTypes.date || schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp
        ? dateOf(schema.name, json)
        : json
    case 'float':
    case 'double':
      if (typeof json !== 'number') throw wrongJson(type)
      return type.type === 'float' ? Math.fround(json) : json
    case 'boolean':
      if (typeof json !== 'boolean') throw wrongJson(type)
      return json
    default:
      if (typeof json !== 'string') throw wrongJson(type)
      return json
  }
}
