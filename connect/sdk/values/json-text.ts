/**
 * Values of records as JSON that people and programs read: bytes in base64, numbers with all their digits, times in ISO 8601. Of another
 * form than the JSON that converters write, which keeps Kafka Connect's types.
 */
import { rawJson } from '../exact-json.ts'
import { logicalTypes, type Schema } from '../schema.ts'

/** Undefined where JSON has no such value. @throws TypeError for a value that contains itself */
export const jsonText = (value: unknown, schema: Schema | null): string | undefined =>
  schema === null ? schemalessJson(value) : JSON.stringify(jsonValue(value, schema))

/** JSON.stringify refuses bigint only. The replacer is used only then, since it is slow. */
function schemalessJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? rawJson(String(part)) : part))
  }
}

/** A value with a schema as JSON.stringify can write it: bytes in base64, bigints and decimals in digits, times in ISO 8601. */
function jsonValue(value: unknown, schema: Schema | undefined): unknown {
  if (value === null || value === undefined) return value
  if (schema === undefined) return schemalessValue(value)
  if (isJsonSafe(schema)) return value
  if (schema.name === logicalTypes.decimal && typeof value === 'string') return rawJson(value)
  if (typeof value === 'bigint') return rawJson(String(value))
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (schema.type === 'struct') {
    const fields = value as Record<string, unknown>
    return Object.fromEntries(schema.fields!.map((field) => [field.name, jsonValue(fields[field.name] ?? null, field.schema)]))
  }
  if (schema.type === 'array') return (value as unknown[]).map((item) => jsonValue(item, schema.values))
  if (schema.type === 'map') {
    const entries = value instanceof Map ? [...value] : Object.entries(value as object)
    return Object.fromEntries(entries.map(([key, item]) => [String(key), jsonValue(item, schema.values)]))
  }
  return value
}

/** Elements of an array or a map without a schema in common. */
function schemalessValue(value: unknown): unknown {
  if (typeof value === 'bigint') return rawJson(String(value))
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map(schemalessValue)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [String(key), schemalessValue(item)]))
}

const jsonSafe = new WeakMap<Schema, boolean>()

/** Whether JSON.stringify alone writes every value of a schema correctly. Computed once per schema. */
function isJsonSafe(schema: Schema | undefined): boolean {
  if (schema === undefined) return false
  let safe = jsonSafe.get(schema)
  if (safe === undefined) {
    // A recursive schema asks for itself.
    jsonSafe.set(schema, false)
    safe =
      schema.type === 'struct'
        ? schema.fields!.every((field) => isJsonSafe(field.schema))
        : schema.type === 'array'
          ? isJsonSafe(schema.values)
          : schema.type !== 'map' && schema.type !== 'bytes' && schema.type !== 'int64'
    jsonSafe.set(schema, safe)
  }
  return safe
}
