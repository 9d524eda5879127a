/**
 * What transforms require of keys and values, with Kafka's messages when it is not so. The messages name Java's classes, which tools and
 * people search for.
 */
import { type ConnectRecord, DataError, logicalTypes, type Schema, type SinkRecord } from '../../sdk/index.ts'

/** A struct, or a map with string keys. */
export type Fields = Record<string, unknown>

const classesOfTypes: Readonly<Record<Schema['type'], string>> = {
  int8: 'java.lang.Byte',
  int16: 'java.lang.Short',
  int32: 'java.lang.Integer',
  int64: 'java.lang.Long',
  float32: 'java.lang.Float',
  float64: 'java.lang.Double',
  boolean: 'java.lang.Boolean',
  string: 'java.lang.String',
  bytes: '[B',
  array: 'java.util.ArrayList',
  map: 'java.util.HashMap',
  struct: 'org.apache.kafka.connect.data.Struct',
}

const classesOfLogicalTypes: Readonly<Record<string, string>> = {
  [logicalTypes.decimal]: 'java.math.BigDecimal',
  [logicalTypes.date]: 'java.util.Date',
  [logicalTypes.time]: 'java.util.Date',
  [logicalTypes.timestamp]: 'java.util.Date',
}

/** Of a number without a schema only its value tells whether it is a whole number or a floating-point one. */
export const isWhole = (value: unknown): value is number | bigint => typeof value === 'bigint' || Number.isSafeInteger(value)

function typeWithoutSchema(value: unknown): Schema['type'] | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return typeof value as 'string' | 'boolean'
    case 'number':
    case 'bigint':
      return isWhole(value) ? 'int64' : 'float64'
  }
  if (Array.isArray(value)) return 'array'
  if (value instanceof Uint8Array) return 'bytes'
  return value instanceof Date ? undefined : 'map'
}

/** The type of a value; undefined for one without a schema that Kafka Connect's data model lacks. */
export const typeOf = (schema: Schema | null, value: unknown): Schema['type'] | undefined =>
  schema === null ? typeWithoutSchema(value) : schema.type

/** The Java class that the value has in Kafka Connect, as its messages name it. */
export function javaClass(schema: Schema | null, value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (schema?.name !== undefined && Object.hasOwn(classesOfLogicalTypes, schema.name)) return classesOfLogicalTypes[schema.name]!
  const type = typeOf(schema, value)
  return type === undefined ? 'java.util.Date' : classesOfTypes[type]
}

export function requireMap(value: unknown, purpose: string): Fields {
  if (value === null || value === undefined || typeWithoutSchema(value) !== 'map')
    throw new DataError(`Only Map objects supported in absence of schema for [${purpose}], found: ${javaClass(null, value)}`)
  return value instanceof Map ? Object.fromEntries(value) : (value as Fields)
}

/** Where the schema is a struct's the value is one. */
export function requireStruct(schema: Schema, value: unknown, purpose: string): Fields {
  if (schema.type !== 'struct' || value === null || value === undefined)
    throw new DataError(`Only Struct objects supported for [${purpose}], found: ${javaClass(schema, value)}`)
  return value as Fields
}

export function requireSchema(schema: Schema | null, purpose: string): Schema {
  if (schema === null) throw new DataError(`Schema required for [${purpose}]`)
  return schema
}

export function requireSinkRecord(record: ConnectRecord, purpose: string): SinkRecord {
  if (!('timestampType' in record))
    throw new DataError(`Only SinkRecord supported for [${purpose}], found: org.apache.kafka.connect.source.SourceRecord`)
  return record as SinkRecord
}

/** A field of a map; null where there is none. Objects inherit properties such as `constructor`, which are no fields. */
export const fieldOfMap = (map: Fields, name: string): unknown => (Object.hasOwn(map, name) ? (map[name] ?? null) : null)

/** Sets a field. Assigning to `__proto__` would change what the object inherits. */
export function setField(fields: Fields, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true })
  else fields[name] = value
}
