/**
 * The JSON Schema of a schema of Connect, as Confluent's JsonSchemaData has it: what JSON Schema lacks is in properties `connect.*`, and
 * an optional schema is one of null and itself. A schema that refers to itself has an id.
 */
import { DataError, logicalTypes, type Schema, type SchemaField } from '../../sdk/index.ts'
import { JsonSchemaEncoders } from './encode.ts'
import { ENUM, GENERALIZED_ENUM, hasNameKeys, ID, isUnion, type JsonSchemaOptions, NAMESPACE, NULL_MARKER } from './json-schema-names.ts'

type Json = Record<string, unknown>

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 200
const NULL: Json = { type: 'null' }

/** Those that are combined come first, as Confluent's library sorts them. */
const combinedFirst = (parts: readonly Json[]): Json[] => [
  ...parts.filter((part) => 'oneOf' in part),
  ...parts.filter((part) => !('oneOf' in part)),
]

class JsonSchemaSchemaConversion {
  readonly #options: JsonSchemaOptions
  readonly #encoders: JsonSchemaEncoders
  /** Structs that are being converted, and the ids of those that refer to themselves: by their fields, which they have again. */
  readonly #open = new Set<readonly SchemaField[]>()
  readonly #ids = new Map<readonly SchemaField[], string>()
  readonly #written = new Set<string>()

  constructor(options: JsonSchemaOptions) {
    this.#options = options
    this.#encoders = new JsonSchemaEncoders(options)
  }

  /** With `bare`, an optional schema gives the schema without null. */
  convert(schema: Schema, index: number | null, bare = false, depth = 0): Json {
    if (depth > MAX_DEPTH) throw new DataError(`a schema nested deeper than ${MAX_DEPTH}`)
    const position: Json = index === null ? {} : { 'connect.index': index }
    if (schema.type === 'struct' && isUnion(schema)) {
      const members = schema.fields!.map((field, at) => this.convert(field.schema, at, true, depth + 1))
      return { oneOf: combinedFirst(schema.optional ? [NULL, ...members] : members), ...position }
    }
    if (!schema.optional || bare) return this.#annotated(schema, position, depth)
    return { oneOf: combinedFirst([NULL, this.#annotated(schema, {}, depth)]), ...position }
  }

  #annotated(schema: Schema, position: Json, depth: number): Json {
    if (schema.type === 'struct') {
      const id = schema.parameters?.[ID] ?? this.#ids.get(schema.fields!)
      if (id !== undefined && this.#written.has(id)) return { $ref: id, ...position }
      if (this.#open.has(schema.fields!)) {
        const own = id ?? `#id${this.#ids.size + 1}`
        this.#ids.set(schema.fields!, own)
        return { $ref: own, ...position }
      }
      if (schema.parameters?.[ID] !== undefined) this.#written.add(schema.parameters[ID])
    }
    const { type, extra } = this.#typed(schema, depth)
    const parameters = Object.entries(schema.parameters ?? {}).filter(([name]) => !name.startsWith(NAMESPACE))
    const json: Json = {}
    if (schema.name !== undefined) json.title = schema.name
    if (schema.doc !== undefined) json.description = schema.doc
    const id = schema.parameters?.[ID] ?? this.#ids.get(schema.fields!)
    if (id !== undefined) json.$id = id
    if (schema.default !== undefined && schema.default !== null) json.default = this.#default(schema)
    Object.assign(json, type)
    if (schema.version !== undefined) json['connect.version'] = schema.version
    Object.assign(json, position, extra)
    if (parameters.length > 0) json['connect.parameters'] = Object.fromEntries(parameters)
    return json
  }

  #default(schema: Schema): unknown {
    const text = this.#encoders.compile(schema)(schema.default)
    return text === undefined ? null : JSON.parse(text)
  }

  #typed(schema: Schema, depth: number): { type: Json; extra?: Json } {
    const { numericDecimals, generalizedSumTypes, additionalProperties } = this.#options
    switch (schema.type) {
      case 'int8':
      case 'int16':
      case 'int32':
      case 'int64':
        return { type: { type: 'integer' }, extra: { 'connect.type': schema.type } }
      case 'float32':
      case 'float64':
        return { type: { type: 'number' }, extra: { 'connect.type': schema.type } }
      case 'boolean':
        return { type: { type: 'boolean' } }
      case 'string': {
        if (schema.parameters?.[GENERALIZED_ENUM] === undefined && schema.parameters?.[ENUM] === undefined)
          return { type: { type: 'string' } }
        const prefix = `${generalizedSumTypes ? GENERALIZED_ENUM : ENUM}.`
        const symbols = Object.keys(schema.parameters)
          .filter((name) => name.startsWith(prefix))
          .map((name) => name.slice(prefix.length))
        return { type: { enum: symbols.map((symbol) => (symbol === NULL_MARKER ? null : symbol)) } }
      }
      case 'bytes': {
        const isNumber = schema.name === logicalTypes.decimal && numericDecimals
        return { type: { type: isNumber ? 'number' : 'string' }, extra: { 'connect.type': 'bytes' } }
      }
      case 'array':
        return { type: { type: 'array', items: this.convert(elementOf(schema.values), null, false, depth + 1) } }
      case 'map': {
        const values = elementOf(schema.values)
        const extra = { 'connect.type': 'map' }
        if (hasNameKeys(schema))
          return { type: { type: 'object', additionalProperties: this.convert(values, null, false, depth + 1) }, extra }
        const properties = {
          key: this.convert(elementOf(schema.keys), 0, false, depth + 1),
          value: this.convert(values, 1, false, depth + 1),
        }
        return { type: { type: 'array', items: { type: 'object', properties } }, extra }
      }
      case 'struct': {
        this.#open.add(schema.fields!)
        const properties = Object.fromEntries(
          schema.fields!.map((field, at) => [field.name, this.convert(field.schema, at, false, depth + 1)]),
        )
        this.#open.delete(schema.fields!)
        return { type: { type: 'object', properties, ...(!additionalProperties && { additionalProperties: false }) } }
      }
    }
  }
}

function elementOf(schema: Schema | undefined): Schema {
  if (!schema) throw new DataError('an array or a map whose elements have no schema has no JSON Schema')
  return schema
}

/** Throws DataError. */
export const fromConnectSchema = (schema: Schema, options: JsonSchemaOptions): Json =>
  new JsonSchemaSchemaConversion(options).convert(schema, null)
