/**
 * The schema of Connect for a JSON Schema, as Confluent's JsonSchemaData has it: objects are structs, one of null and a schema is optional,
 * other alternatives are structs of which one field is set. References are resolved in the schema and in those that it refers to.
 */
import { DataError, type Schema } from '../../sdk/index.ts'
import { JsonSchemaDecoders } from './decode.ts'
import {
  ENUM,
  GENERALIZED_ENUM,
  GENERALIZED_UNION,
  ID,
  type JsonSchemaOptions,
  NULL_MARKER,
  ONE_OF,
  UNION_PREFIX,
} from './json-schema-names.ts'
import { type JsonSchemas, type Node, nodeOf } from './schema-node.ts'

type Draft = { -readonly [K in keyof Schema]: Schema[K] }
type Json = Record<string, unknown>

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 200
/** Properties of schemas that refer to others again and again (Invariant 13). */
const MAX_NODES = 100_000

const connectTypes = new Set(['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'bytes'])

export class ConnectJsonSchemaSchemas {
  readonly #options: JsonSchemaOptions
  readonly #schemas: JsonSchemas
  /** Structs by the JSON of their schema, for references to them. */
  readonly #structs = new Map<Json, Draft>()
  readonly #references: { draft: Draft; to: Draft; optional: boolean }[] = []
  #unions = 0
  #ids = 0
  #nodes = 0

  constructor(schemas: JsonSchemas, options: JsonSchemaOptions) {
    this.#schemas = schemas
    this.#options = options
  }

  /** Throws DataError. */
  convert(version: number | null): Schema {
    const schema = this.#convert(nodeOf(this.#schemas.root), version, false, 0)
    for (const { draft, to, optional } of this.#references) Object.assign(draft, to, { optional })
    return schema
  }

  #convert(node: Node, version: number | null, optional: boolean, depth: number): Schema {
    if (depth > MAX_DEPTH || ++this.#nodes > MAX_NODES) throw new DataError('a JSON Schema that is nested too deep or refers to too much')
    if (node.kind === 'ref') return this.#reference(node, version, optional, depth)
    if (node.kind === 'combined') {
      const { parts } = node
      if (parts.length === 1 && this.#options.flattenSingletonUnions) return this.#convert(parts[0]!, null, false, depth + 1)
      if (node.criterion === 'allOf') return this.#allOf(node, version, optional, depth)
      const other = parts.find((part) => part.kind !== 'null')
      if (parts.length === 2 && parts.some((part) => part.kind === 'null') && other) return this.#convert(other, version, true, depth + 1)
    }
    const schema = this.#draft(node, depth)
    this.#annotate(schema, node.json, version, optional)
    return schema
  }

  #draft(node: Node, depth: number): Draft {
    const connectType = node.json['connect.type']
    switch (node.kind) {
      case 'boolean':
        return { type: 'boolean', optional: false }
      case 'number':
        if (connectType === undefined) return { type: node.isInteger ? 'int64' : 'float64', optional: false }
        if (!connectTypes.has(connectType as string)) throw new DataError(`Unsupported type ${connectType}`)
        return { type: connectType as Draft['type'], optional: false }
      case 'string':
        return { type: connectType === 'bytes' ? 'bytes' : 'string', optional: false }
      case 'enum':
        return this.#enum(node.values)
      case 'combined':
        return this.#union(node.parts, depth)
      case 'array': {
        if (!node.items) throw new DataError('Array schema did not specify the items type')
        const { items } = node
        if (connectType === 'map' && items.kind === 'object') {
          const entry = Object.fromEntries(items.properties)
          if (!entry.key || !entry.value) throw new DataError('the array of a map does not have entries with key and value')
          return {
            type: 'map',
            optional: false,
            keys: this.#convert(entry.key, null, false, depth + 1),
            values: this.#convert(entry.value, null, false, depth + 1),
          }
        }
        return { type: 'array', optional: false, values: this.#convert(items, null, false, depth + 1) }
      }
      case 'object': {
        if (connectType !== 'map') return this.#struct(node.json, node.properties, node.required, depth)
        if (!node.additional) throw new DataError('the object of a map has no schema of its values')
        const values = this.#convert(node.additional, null, false, depth + 1)
        return { type: 'map', optional: false, keys: { type: 'string', optional: false }, values }
      }
      default:
        throw new DataError(`Unsupported schema type ${node.kind}`)
    }
  }

  #struct(json: Json, properties: readonly (readonly [string, Node])[], required: ReadonlySet<string>, depth: number): Draft {
    const struct: Draft = { type: 'struct', optional: false }
    this.#structs.set(json, struct)
    const indexed = properties.map(([name, node], position) => {
      const index = node.json['connect.index']
      return { name, node, index: typeof index === 'number' ? index : position }
    })
    indexed.sort((a, b) => a.index - b.index)
    struct.fields = indexed.map(({ name, node }) => {
      const isOptional = this.#options.optionalForNonRequired && !required.has(name)
      return { name, schema: this.#convert(node, null, isOptional, depth + 1) }
    })
    return struct
  }

  #enum(values: readonly unknown[]): Draft {
    const { generalizedSumTypes } = this.#options
    const name = generalizedSumTypes ? GENERALIZED_ENUM : ENUM
    const parameters: Record<string, string> = { [name]: '' }
    values.forEach((value, index) => {
      const symbol = value === null ? NULL_MARKER : typeof value === 'string' ? value : JSON.stringify(value)
      parameters[`${name}.${symbol}`] = generalizedSumTypes ? String(index) : symbol
    })
    return { type: 'string', optional: false, parameters }
  }

  #union(parts: readonly Node[], depth: number): Draft {
    const { generalizedSumTypes } = this.#options
    const name = generalizedSumTypes ? `${UNION_PREFIX}${this.#unions++}` : ONE_OF
    const prefix = generalizedSumTypes ? `${UNION_PREFIX}field_` : `${name}.field.`
    const union: Draft = { type: 'struct', optional: parts.some((part) => part.kind === 'null'), name }
    if (generalizedSumTypes) union.parameters = { [GENERALIZED_UNION]: name }
    union.fields = parts
      .filter((part) => part.kind !== 'null')
      .map((part, index) => ({ name: `${prefix}${index}`, schema: this.#convert(part, null, true, depth + 1) }))
    return union
  }

  #reference(node: Node, version: number | null, optional: boolean, depth: number): Schema {
    const target = this.#schemas.resolve(node.json.$ref as string, node.json)
    const struct = this.#structs.get(target)
    if (!struct) return this.#convert(nodeOf(target), version, optional, depth + 1)
    struct.parameters = { ...struct.parameters, [ID]: `#id${++this.#ids}` }
    // It gets the content of the struct when that is complete.
    const draft: Draft = { type: 'struct', optional }
    this.#references.push({ draft, to: struct, optional })
    return draft
  }

  /** Objects are joined; else one of the schemas says the type. */
  #allOf(node: Node & { kind: 'combined' }, version: number | null, optional: boolean, depth: number): Schema {
    const properties = new Map<string, Node>()
    const required = new Set<string>()
    this.#collect(node, properties, required, new Set())
    if (properties.size > 0) return { ...this.#struct(node.json, [...properties], required, depth), optional }
    const of = (kind: Node['kind']) => node.parts.findLast((part) => part.kind === kind)
    const text = of('string')
    const number = of('number')
    const listed = of('enum')
    const isConst = listed?.kind === 'enum' && listed.isConst
    let chosen: Node | undefined = of('combined')
    if (!chosen && listed) chosen = text ? (isConst ? text : listed) : number
    else if (!chosen && text && text.json.format !== undefined) chosen = number ?? text
    else if (!chosen) chosen = of('ref')
    if (!chosen) throw new DataError('Unsupported criterion allOf: its schemas have no type in common that Connect knows')
    return this.#convert(chosen, version, optional, depth + 1)
  }

  #collect(node: Node, properties: Map<string, Node>, required: Set<string>, visited: Set<Json>): void {
    if (visited.has(node.json)) return
    visited.add(node.json)
    if (visited.size > MAX_NODES) throw new DataError('a JSON Schema that refers to too much')
    if (node.kind === 'combined' && node.criterion === 'allOf')
      for (const part of node.parts) this.#collect(part, properties, required, visited)
    else if (node.kind === 'ref')
      this.#collect(nodeOf(this.#schemas.resolve(node.json.$ref as string, node.json)), properties, required, visited)
    else if (node.kind === 'object')
      for (const [name, property] of node.properties) {
        properties.set(name, property)
        if (node.required.has(name)) required.add(name)
      }
  }

  #annotate(schema: Draft, json: Json, version: number | null, optional: boolean): void {
    if (typeof json.title === 'string' && schema.name === undefined) schema.name = json.title
    const own = json['connect.version']
    if (typeof own === 'number') schema.version = own
    else if (version !== null) schema.version = version
    if (typeof json.description === 'string') schema.doc = json.description
    const parameters = json['connect.parameters']
    if (typeof parameters === 'object' && parameters !== null)
      schema.parameters = {
        ...schema.parameters,
        ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)])),
      }
    if (json.default !== undefined && json.default !== null) schema.default = new JsonSchemaDecoders().compile({ ...schema })(json.default)
    if (optional) schema.optional = true
  }
}
