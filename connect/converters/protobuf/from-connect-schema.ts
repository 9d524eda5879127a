/**
 * The text of the Protobuf schema for a schema of Connect, as Confluent's ProtobufData has it: structs are messages within each other,
 * maps are repeated entries, logical types are Google's and Confluent's messages, a value alone is one of Google's wrappers.
 */
import { DataError, logicalTypes, type Schema, type SchemaField, type SchemaType } from '../../sdk/index.ts'
import { DECIMAL, locations, META_LOCATION, wrappersProto, wrapperTypes } from './known-files.ts'
import {
  DECIMAL_PRECISION,
  DEFAULT_NAME,
  ENUM,
  enumName,
  GENERALIZED_ENUM,
  GENERALIZED_UNION,
  isUnion,
  isValidName,
  logicalMessages,
  mapEntryName,
  type ProtobufOptions,
  scrubbed,
  TAG,
  TYPE,
  UNION,
  WRAPPER,
} from './proto-names.ts'

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 100

const scalarNames: Partial<Record<SchemaType, string>> = {
  int8: 'int32',
  int16: 'int32',
  int32: 'int32',
  int64: 'int64',
  float32: 'float',
  float64: 'double',
  boolean: 'bool',
  string: 'string',
  bytes: 'bytes',
}

export interface DescribedProto {
  readonly text: string
  /** The message of the values. */
  readonly message: string
}

/** The lines of a message, and the names that are taken in it. */
interface Body {
  readonly fields: string[]
  readonly nested: string[]
  readonly names: Set<string>
  nextTag: number
  readonly tags: Set<number>
}

const newBody = (): Body => ({ fields: [], nested: [], names: new Set(), nextTag: 1, tags: new Set() })
const indent = (lines: readonly string[]): string[] => lines.flatMap((line) => line.split('\n')).map((line) => `  ${line}`)
const block = (head: string, lines: readonly string[]): string => [`${head} {`, ...indent(lines), '}'].join('\n')

class ProtobufSchemaConversion {
  readonly #options: ProtobufOptions
  readonly #imports = new Set<string>()
  /** The messages that are being written, by their fields: a schema that refers to itself has them again. */
  readonly #open = new Map<readonly SchemaField[], string>()
  #unnamed = 0

  constructor(options: ProtobufOptions) {
    this.#options = options
  }

  convert(schema: Schema): DescribedProto {
    if (schema.type !== 'struct' || isUnion(schema)) throw new DataError(`Unsupported root schema of type ${schema.type.toUpperCase()}`)
    const parts = (schema.name || `${DEFAULT_NAME}${++this.#unnamed}`).split('.').map((part) => this.#name(part))
    const name = parts.pop()!
    const message = this.#message(name, schema, 0)
    const head = ['syntax = "proto3";', ...(parts.length > 0 ? [`package ${parts.join('.')};`] : []), '']
    const imports = [...this.#imports].sort().map((file) => `import "${file}";`)
    if (imports.length > 0) imports.push('')
    return { text: `${[...head, ...imports, message].join('\n')}\n`, message: [...parts, name].join('.') }
  }

  #name(name: string): string {
    const valid = this.#options.scrub ? scrubbed(name) : name
    if (isValidName(valid)) return valid
    throw new DataError(`"${name}" is no valid name in a Protobuf schema; set scrub.invalid.names=true for valid names in its place`)
  }

  #unqualified(name: string | undefined): string {
    const full = name || `${DEFAULT_NAME}${++this.#unnamed}`
    return this.#name(full.slice(full.lastIndexOf('.') + 1))
  }

  #message(name: string, schema: Schema, depth: number): string {
    if (depth > MAX_DEPTH) throw new DataError(`a schema nested deeper than ${MAX_DEPTH}`)
    const body = newBody()
    this.#open.set(schema.fields!, name)
    for (const { schema: ofField } of schema.fields!)
      for (const tagged of isUnion(ofField) ? ofField.fields!.map((field) => field.schema) : [ofField]) {
        const tag = tagged.parameters?.[TAG]
        if (tag !== undefined) body.tags.add(Number(tag))
      }
    for (const field of schema.fields!)
      if (isUnion(field.schema)) this.#oneof(body, field.schema, depth)
      else body.fields.push(this.#field(body, this.#name(field.name), field.schema, depth, false))
    this.#open.delete(schema.fields!)
    return block(`message ${name}`, [...body.fields, ...body.nested])
  }

  #tag(body: Body, schema: Schema): number {
    const own = schema.parameters?.[TAG]
    if (own !== undefined) return Number(own)
    while (body.tags.has(body.nextTag)) body.nextTag++
    body.tags.add(body.nextTag)
    return body.nextTag++
  }

  #oneof(body: Body, schema: Schema, depth: number): void {
    const given = schema.parameters?.[GENERALIZED_UNION]
    const name =
      this.#options.generalizedSumTypes && given !== undefined
        ? given
        : schema.name?.startsWith(`${UNION}.`)
          ? schema.name.slice(UNION.length + 1)
          : schema.name
    const members = schema.fields!.map((field) => this.#field(body, this.#name(field.name), field.schema, depth, true))
    body.fields.push(block(`oneof ${this.#unqualified(name)}`, members))
  }

  #field(body: Body, name: string, schema: Schema, depth: number, inOneof: boolean): string {
    const isRepeated = schema.type === 'array' || schema.type === 'map'
    const label = isRepeated ? 'repeated ' : this.#options.optionalForNullables && schema.optional && !inOneof ? 'optional ' : ''
    const element = schema.type === 'array' ? elementOf(schema.values) : schema
    const meta: [string, string][] = []
    const type = this.#type(body, name, element, depth, inOneof, meta)
    if (meta.length > 0) this.#imports.add(META_LOCATION)
    const tag = this.#tag(body, schema)
    if (meta.length === 0) return `${label}${type} ${name} = ${tag};`
    const params = meta.map(([key, value]) => block('', [`value: "${value}",`, `key: "${key}"`]).trimStart())
    const option = [
      `${label}${type} ${name} = ${tag} [(confluent.field_meta) = {`,
      '  params: [',
      ...indent(indent(params.join(',\n').split('\n'))),
      '  ]',
      '}];',
    ]
    return option.join('\n')
  }

  #type(body: Body, name: string, schema: Schema, depth: number, inOneof: boolean, meta: [string, string][]): string {
    const logical = schema.name === undefined ? undefined : logicalMessages[schema.name]
    if (logical !== undefined) {
      if (logical === DECIMAL && schema.name === logicalTypes.decimal) {
        const { [DECIMAL_PRECISION]: precision, scale } = schema.parameters ?? {}
        if (precision !== undefined) meta.push(['precision', precision])
        if (scale !== undefined) meta.push(['scale', scale])
      }
      return this.#imported(logical)
    }
    const ofEnum = enumName(schema)
    if (ofEnum !== undefined) return this.#enum(body, ofEnum, schema)
    if (schema.type === 'int8' || schema.type === 'int16') meta.push(['connect.type', schema.type])
    const scalar =
      schema.type === 'int32' || schema.type === 'int64'
        ? (schema.parameters?.[TYPE] ?? scalarNames[schema.type])
        : scalarNames[schema.type]
    if (scalar !== undefined) {
      const isWrapped = this.#options.wrapperForNullables && schema.optional && (!inOneof || schema.parameters?.[WRAPPER] === 'true')
      return isWrapped ? this.#imported(wrapperOf(scalar)) : scalar
    }
    if (schema.type === 'array') throw new DataError('Array cannot be nested')
    if (schema.type === 'map') return this.#mapEntry(body, schema, depth)
    const open = this.#open.get(schema.fields!)
    if (open !== undefined) return open
    const own = this.#unqualified(schema.name)
    // A message and a field cannot have the same name.
    const message = own === name ? `${own}Message` : own
    if (!body.names.has(message)) {
      body.names.add(message)
      body.nested.push(this.#message(message, schema, depth + 1))
    }
    return message
  }

  #imported(message: string): string {
    this.#imports.add(locations[message]!)
    return message
  }

  #enum(body: Body, name: string, schema: Schema): string {
    const type = this.#unqualified(schema.name ?? name)
    if (body.names.has(type)) return type
    body.names.add(type)
    const prefix = `${schema.parameters?.[GENERALIZED_ENUM] !== undefined ? GENERALIZED_ENUM : ENUM}.`
    const values = Object.entries(schema.parameters!)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, tag]) => `${this.#name(key.slice(prefix.length))} = ${tag};`)
    body.nested.push(block(`enum ${type}`, values))
    return type
  }

  #mapEntry(body: Body, schema: Schema, depth: number): string {
    if (depth > MAX_DEPTH) throw new DataError(`a schema nested deeper than ${MAX_DEPTH}`)
    const name = mapEntryName(this.#unqualified(schema.name))
    if (body.names.has(name)) return name
    body.names.add(name)
    const entry = newBody()
    entry.tags.add(1).add(2)
    const withTag = (of: Schema, tag: number): Schema => ({ ...of, parameters: { ...of.parameters, [TAG]: String(tag) } })
    entry.fields.push(this.#field(entry, 'key', withTag(elementOf(schema.keys), 1), depth + 1, false))
    entry.fields.push(this.#field(entry, 'value', withTag(elementOf(schema.values), 2), depth + 1, false))
    body.nested.push(block(`message ${name}`, [...entry.fields, ...entry.nested]))
    return name
  }
}

const wrapperOf = (scalar: string): string => {
  if (scalar === 'uint32' || scalar === 'fixed32') return wrapperTypes.get('uint32')!
  if (scalar === 'uint64' || scalar === 'fixed64') return wrapperTypes.get('uint64')!
  if (scalar === 'sint32' || scalar === 'sfixed32') return wrapperTypes.get('int32')!
  if (scalar === 'sint64' || scalar === 'sfixed64') return wrapperTypes.get('int64')!
  return wrapperTypes.get(scalar)!
}

function elementOf(schema: Schema | undefined): Schema {
  if (!schema) throw new DataError('an array or a map whose elements have no schema cannot be written as Protobuf')
  return schema
}

/** Throws DataError. */
export function fromConnectSchema(schema: Schema, options: ProtobufOptions): DescribedProto {
  const scalar = scalarNames[schema.type]
  if (scalar !== undefined) return { text: wrappersProto, message: wrapperTypes.get(scalar)! }
  return new ProtobufSchemaConversion(options).convert(schema)
}
