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

/** Null where the elements have no schema in common: then the schema says only that there are some. */
const ofElements = (schema: Schema | undefined, around: readonly Schema[]): object | null => (schema ? toJson(schema, around) : null)

/** Numbers as they are written. */
const withDigits = ((_name: string, value: unknown, { source }: { source?: string }) =>
  typeof value === 'number' && source !== undefined ? rawJson(source) : value) as (name: string, value: unknown) => unknown

function toJson(schema: Schema, outer: readonly Schema[], field?: string): object {
  if (outer.includes(schema)) throw new DataError(`the recursive schema ${schema.name ?? ''} cannot be written as JSON: it has no end`)
  const around = [...outer, schema]
  const json: Record<string, unknown> = { type: jsonNames[schema.type] }
  if (schema.type === 'array') json.items = ofElements(schema.values, around)
  if (schema.type === 'map') {
    json.keys = ofElements(schema.keys, around)
    json.values = ofElements(schema.values, around)
  }
  if (schema.type === 'struct') json.fields = schema.fields!.map(({ name, schema: ofField }) => toJson(ofField, around, name))
  json.optional = schema.optional
  if (schema.name !== undefined) json.name = schema.name
  if (schema.version !== undefined) json.version = schema.version
  if (schema.doc !== undefined) json.doc = schema.doc
  if (schema.parameters !== undefined) json.parameters = schema.parameters
  if (schema.default !== undefined && schema.default !== null) json.default = JSON.parse(encoder(schema)(schema.default), withDigits)
  if (field !== undefined) json.field = field
  return json
}

const texts = new WeakMap<Schema, string>()

/** A schema's JSON text. */
export function schemaText(schema: Schema): string {
  let text = texts.get(schema)
  if (text === undefined) {
    text = JSON.stringify(toJson(schema, []))
    texts.set(schema, text)
  }
  return text
}

const prefixes = new WeakMap<Schema, Buffer>()
const prefixOf = (schema: string): Buffer => Buffer.from(`{"schema":${schema},"payload":`)
const WITHOUT_SCHEMA = prefixOf('null')

/** The bytes of an envelope before its payload. */
export function envelopePrefix(schema: Schema | null): Buffer {
  if (schema === null) return WITHOUT_SCHEMA
  let prefix = prefixes.get(schema)
  if (!prefix) {
    prefix = prefixOf(schemaText(schema))
    prefixes.set(schema, prefix)
  }
  return prefix
}

/** The schema of a JSON value; null for null. */
export function schemaOf(json: unknown, depth = 0): Schema | null {
  if (json === null || json === undefined) return null
  if (depth > MAX_DEPTH) throw new DataError(`a schema nested deeper than ${MAX_DEPTH}`)
  if (typeof json !== 'object') throw new DataError('Schema must contain "type" field')
  const declared = json as JsonSchema
  if (typeof declared.type !== 'string') throw new DataError('Schema must contain "type" field')
  const type = typesByName.get(declared.type)
  if (!type) throw new DataError(`Unknown schema type: ${declared.type}`)
  const schema: { -readonly [K in keyof Schema]: Schema[K] } = { type, optional: declared.optional === true }
  if (type === 'array') schema.values = requiredSchema(declared.items, 'Array schema did not specify the element type', depth)
  if (type === 'map') {
    schema.keys = requiredSchema(declared.keys, 'Map schema did not specify the key type', depth)
    schema.values = requiredSchema(declared.values, 'Map schema did not specify the value type', depth)
  }
  if (type === 'struct') {
    if (!Array.isArray(declared.fields)) throw new DataError('Struct schema\'s "fields" argument is not an array.')
    schema.fields = declared.fields.map((field: JsonSchema) => {
      if (typeof field?.field !== 'string') throw new DataError("Struct schema's field name not specified properly")
      return { name: field.field, schema: requiredSchema(field, 'Struct schema has a field without a type', depth) }
    })
  }
  if (typeof declared.name === 'string') schema.name = declared.name
  if (typeof declared.version === 'number') schema.version = declared.version
  if (typeof declared.doc === 'string') schema.doc = declared.doc
  if (declared.parameters && typeof declared.parameters === 'object') schema.parameters = declared.parameters as Record<string, string>
  if (declared.default !== undefined && declared.default !== null)
    schema.default = decoder(schema, { replaceNullWithDefault: false })(declared.default)
  return schema
}

function requiredSchema(json: unknown, message: string, depth: number): Schema {
  const schema = schemaOf(json, depth + 1)
  if (!schema) throw new DataError(message)
  return schema
}
