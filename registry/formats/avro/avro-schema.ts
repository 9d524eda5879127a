/**
 * An Avro schema in memory, as Java's org.apache.avro.Schema holds it: named types are shared objects, so a recursive schema is a graph.
 * Names, equality and the validity of logical types; reading and writing are in their own files.
 */
import { equalJson, type Json, JsonNumber } from '../json-text.ts'

export const PRIMITIVES: ReadonlySet<string> = new Set(['string', 'bytes', 'int', 'long', 'float', 'double', 'boolean', 'null'])

export type AvroType =
  | 'record'
  | 'enum'
  | 'array'
  | 'map'
  | 'union'
  | 'fixed'
  | 'string'
  | 'bytes'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'boolean'
  | 'null'

export interface AvroName {
  readonly name: string
  readonly space: string | null
  readonly full: string
}

/** A dot in `name` names the namespace; `space` is the one around it. */
export function avroName(name: string, space: string | null): AvroName {
  const dot = name.lastIndexOf('.')
  const own = (dot < 0 ? space : name.slice(0, dot)) || null
  const simple = name.slice(dot + 1)
  return { name: simple, space: own, full: own === null ? simple : `${own}.${simple}` }
}

export interface AvroField {
  readonly name: string
  schema: AvroSchema
  readonly doc: string | null
  /** Undefined where the field has no default; null is a default. */
  readonly default: Json | undefined
  readonly order: 'ascending' | 'descending' | 'ignore'
  readonly aliases: readonly string[]
  readonly props: ReadonlyMap<string, Json>
}

export interface AvroSchema {
  readonly type: AvroType
  readonly props: ReadonlyMap<string, Json>
  /** Of a record, an enum or a fixed. */
  readonly name?: AvroName
  readonly doc?: string | null
  readonly aliases?: readonly AvroName[]
  readonly isError?: boolean
  readonly symbols?: readonly string[]
  readonly enumDefault?: string | null
  readonly size?: number
  fields?: readonly AvroField[]
  /** The items of an array, the values of a map. */
  element?: AvroSchema
  branches?: AvroSchema[]
  /** The full name that a reference had before its definition was found. */
  readonly unresolved?: string
}

/** The aliases as Java compares them with a full name: one without a namespace begins with a dot where the type has a namespace. */
export const aliasNames = (schema: AvroSchema): string[] =>
  (schema.aliases ?? []).map((alias) => (alias.space === null && schema.name?.space ? `.${alias.name}` : alias.full))

/** How a union and a message name this type. */
export const fullNameOf = (schema: AvroSchema): string => schema.unresolved ?? schema.name?.full ?? schema.type

/** Java's equality of schemas: names, fields, symbols, sizes and properties; neither documentation nor aliases. */
export function equalSchemas(a: AvroSchema, b: AvroSchema, seen = new Map<AvroSchema, Set<AvroSchema>>()): boolean {
  if (a === b) return true
  if (a.unresolved !== undefined || b.unresolved !== undefined) return fullNameOf(a) === fullNameOf(b)
  if (a.type !== b.type || a.name?.full !== b.name?.full || a.size !== b.size || !equalProps(a.props, b.props)) return false
  const compared = seen.get(a)
  if (compared?.has(b)) return true
  if (compared) compared.add(b)
  else seen.set(a, new Set([b]))
  if (a.symbols?.join() !== b.symbols?.join()) return false
  if (a.element) return equalSchemas(a.element, b.element!, seen)
  if (a.branches)
    return a.branches.length === b.branches!.length && a.branches.every((branch, index) => equalSchemas(branch, b.branches![index]!, seen))
  if (!a.fields) return true
  return a.fields.length === b.fields!.length && a.fields.every((field, index) => equalFields(field, b.fields![index]!, seen))
}

function equalFields(a: AvroField, b: AvroField, seen: Map<AvroSchema, Set<AvroSchema>>): boolean {
  if (a.name !== b.name || a.order !== b.order || !equalProps(a.props, b.props)) return false
  if ((a.default === undefined) !== (b.default === undefined)) return false
  if (a.default !== undefined && !equalJson(a.default, b.default!)) return false
  return equalSchemas(a.schema, b.schema, seen)
}

const equalProps = (a: ReadonlyMap<string, Json>, b: ReadonlyMap<string, Json>) => equalJson(new Map(a), new Map(b))

export const isInt = (json: Json | undefined): json is JsonNumber =>
  json instanceof JsonNumber && json.integral && json.value >= -(2 ** 31) && json.value < 2 ** 31

const LOGICAL_TYPES: Readonly<Record<string, readonly AvroType[]>> = {
  'big-decimal': ['bytes'],
  date: ['int'],
  'local-timestamp-micros': ['long'],
  'local-timestamp-millis': ['long'],
  'local-timestamp-nanos': ['long'],
  'time-micros': ['long'],
  'time-millis': ['int'],
  'timestamp-micros': ['long'],
  'timestamp-millis': ['long'],
  'timestamp-nanos': ['long'],
}
const UUID_SIZE = 16
const DURATION_SIZE = 12

/** The logical type, null where Avro ignores it: an unknown name, or a type that it does not fit. */
export function logicalTypeOf(schema: AvroSchema): string | null {
  const name = schema.props.get('logicalType')
  if (typeof name !== 'string') return null
  if (name === 'decimal') return isDecimal(schema) ? name : null
  if (name === 'uuid') return schema.type === 'string' || (schema.type === 'fixed' && schema.size === UUID_SIZE) ? name : null
  if (name === 'duration') return schema.type === 'fixed' && schema.size === DURATION_SIZE ? name : null
  const types = Object.hasOwn(LOGICAL_TYPES, name) ? LOGICAL_TYPES[name]! : []
  return types.includes(schema.type) ? name : null
}

function isDecimal(schema: AvroSchema): boolean {
  const precision = schema.props.get('precision')
  const scale = schema.props.get('scale')
  if (!isInt(precision) || (scale !== undefined && !isInt(scale))) return false
  if (schema.type !== 'bytes' && schema.type !== 'fixed') return false
  const most = schema.type === 'bytes' ? 2 ** 31 - 1 : Math.floor(Math.log10(2) * (8 * schema.size! - 1))
  const places = scale === undefined ? 0 : scale.value
  return precision.value > 0 && precision.value <= most && places >= 0 && places <= precision.value
}
