/**
 * Converts schemas to and from JSON, as JsonConverter's envelope has them. The text of a schema is built once; how deep a schema may be
 * nested is bounded.
 */
import { DataError, rawJson, type Schema, type SchemaType } from '../../sdk/index.ts'
import { decoder } from './decode.ts'
import { encoder } from './encode.ts'

const jsonNames: Readonly<Record<SchemaType, string>> = {
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  float32: 'float',
  float64: 'double',
  boolean: 'boolean',
  string: 'string',
  bytes: 'bytes',
  array: 'array',
  map: 'map',
  struct: 'struct',
}
const typesByName = new Map(Object.entries(jsonNames).map(([type, name]) => [name, type as SchemaType]))

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 200

interface JsonSchema {
  type?: unknown
  optional?: unknown
  name?: unknown
  version?: unknown
  doc?: unknown
  parameters?: unknown
  default?: unknown
  field?: unknown
  items?: unknown
  keys?: unknown
  values?: unknown
  fields?: unknown
}

function toJson(schema: Schema, field?: string): object {
  const json: Record<string, unknown> = { type: jsonNames[schema.type] }
  if (schema.type === 'array') json.items = toJson(schema.values!)
  if (schema.type === 'map') {
    json.keys = toJson(schema.keys!)
    json.values = toJson(schema.values!)
  }
  if (schema.type === 'struct') json.fields = schema.fields!.map(({ name, schema: ofField }) => toJson(ofField, name))
  json.optional = schema.optional
  if (schema.name !== undefined) json.name = schema.name
  if (schema.version !== undefined) json.version = schema.version
  if (schema.doc !== undefined) json.doc = schema.doc
  if (schema.parameters !== undefined) json.parameters = schema.parameters
  if (schema.default !== undefined && schema.default !== null) json.default = rawJson(encoder(schema)(schema.default))
  if (field !== undefined) json.field = field
  return json
}

const texts = new WeakMap<Schema, string>()

/** A schema's JSON text. */
export function schemaText(schema: Schema): string {
  let text = texts.get(schema)
  if (text === undefined) {
    text = JSON.stringify(toJson(schema))
    texts.set(schema, text)
  }
  return text
}

/** The schema of a JSON value; null for null. */
export function schemaOf(json: unknown, depth = 0): Schema | null {
  if (json === null || json === undefined) return null
  if (depth > MAX_DEPTH) throw new DataError(`a schema nested deeper than ${MAX_DEPTH}`)
  if (typeof json !== 'object') throw new DataError('Schema must contain "type" field')
  const given = json as JsonSchema
  if (typeof given.type !== 'string') throw new DataError('Schema must contain "type" field')
  const type = typesByName.get(given.type)
  if (!type) throw new DataError(`Unknown schema type: ${given.type}`)
  const schema: { -readonly [K in keyof Schema]: Schema[K] } = { type, optional: given.optional === true }
  if (type === 'array') schema.values = requiredSchema(given.items, 'Array schema did not specify the element type', depth)
  if (type === 'map') {
    schema.keys = requiredSchema(given.keys, 'Map schema did not specify the key type', depth)
    schema.values = requiredSchema(given.values, 'Map schema did not specify the value type', depth)
  }
  if (type === 'struct') {
    if (!Array.isArray(given.fields)) throw new DataError('Struct schema\'s "fields" argument is not an array.')
    schema.fields = given.fields.map((field: JsonSchema) => {
      if (typeof field?.field !== 'string') throw new DataError("Struct schema's field name not specified properly")
      return { name: field.field, schema: requiredSchema(field, 'Struct schema has a field without a type', depth) }
    })
  }
  if (typeof given.name === 'string') schema.name = given.name
  if (typeof given.version === 'number') schema.version = given.version
  if (typeof given.doc === 'string') schema.doc = given.doc
  if (given.parameters && typeof given.parameters === 'object') schema.parameters = given.parameters as Record<string, string>
  if (given.default !== undefined && given.default !== null) schema.default = decoder(schema, false)(given.default)
  return schema
}

function requiredSchema(json: unknown, message: string, depth: number): Schema {
  const schema = schemaOf(json, depth + 1)
  if (!schema) throw new DataError(message)
  return schema
}
