/**
 * Avro schemas as values: read from the JSON of the registry, with the named types of other schemas, and written as Avro's Java library
 * writes them. Recursive types are values that refer to themselves.
 */
import { DataError } from '../../sdk/index.ts'

export type Props = Readonly<Record<string, unknown>>

export interface AvroField {
  readonly name: string
  readonly type: AvroType
  readonly doc?: string | undefined
  /** JSON; undefined where there is none. */
  readonly default?: unknown
  /** Names that it had in earlier schemas; only where there are some. */
  readonly aliases?: readonly string[]
  readonly props: Props
}

export type PrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

interface Named {
  readonly name: string
  readonly namespace: string | null
  readonly doc?: string | undefined
  /** Full names that it had in earlier schemas; only where there are some. */
  readonly aliases?: readonly string[]
  readonly props: Props
}

export type PrimitiveType = { readonly type: PrimitiveName; readonly props: Props }
export type RecordType = Named & { readonly type: 'record'; readonly fields: readonly AvroField[] }
export type EnumType = Named & { readonly type: 'enum'; readonly symbols: readonly string[]; readonly default?: string | undefined }
export type FixedType = Named & { readonly type: 'fixed'; readonly size: number }
export type ArrayType = { readonly type: 'array'; readonly items: AvroType; readonly props: Props }
export type MapType = { readonly type: 'map'; readonly values: AvroType; readonly props: Props }
export type UnionType = { readonly type: 'union'; readonly types: readonly AvroType[]; readonly props: Props }
export type NamedType = RecordType | EnumType | FixedType
export type AvroType = PrimitiveType | NamedType | ArrayType | MapType | UnionType

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 200
const NO_PROPS: Props = {}
const primitives = new Map<string, PrimitiveType>(
  (['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const).map((type) => [type, { type, props: NO_PROPS }]),
)
export const primitive = (type: PrimitiveName): PrimitiveType => primitives.get(type)!

const reserved: Readonly<Record<string, ReadonlySet<string>>> = {
  record: new Set(['type', 'name', 'namespace', 'doc', 'fields', 'aliases']),
  error: new Set(['type', 'name', 'namespace', 'doc', 'fields', 'aliases']),
  enum: new Set(['type', 'name', 'namespace', 'doc', 'symbols', 'aliases', 'default']),
  fixed: new Set(['type', 'name', 'namespace', 'doc', 'size', 'aliases']),
  array: new Set(['type', 'items']),
  map: new Set(['type', 'values']),
  field: new Set(['type', 'name', 'doc', 'default', 'order', 'aliases']),
  primitive: new Set(['type']),
}

export const isNamed = (type: AvroType): type is NamedType => type.type === 'record' || type.type === 'enum' || type.type === 'fixed'

export const fullName = ({ name, namespace }: { name: string; namespace: string | null }): string =>
  namespace === null || namespace === '' ? name : `${namespace}.${name}`

const isObject = (json: unknown): json is Record<string, unknown> => typeof json === 'object' && json !== null && !Array.isArray(json)
const textOr = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [])

function propsOf(json: Record<string, unknown>, kind: string): Props {
  const own = Object.entries(json).filter(([name]) => !reserved[kind]!.has(name))
  return own.length === 0 ? NO_PROPS : Object.fromEntries(own)
}

class Parser {
  readonly #named = new Map<string, NamedType>()

  parse(json: unknown, namespace: string | null, depth = 0): AvroType {
    if (depth > MAX_DEPTH) throw new DataError(`an Avro schema nested deeper than ${MAX_DEPTH}`)
    if (typeof json === 'string') return this.#byName(json, namespace)
    if (Array.isArray(json)) return { type: 'union', types: json.map((item) => this.parse(item, namespace, depth + 1)), props: NO_PROPS }
    if (!isObject(json)) throw new DataError('an Avro schema must be a name, an object or an array')
    const { type } = json
    if (typeof type !== 'string') return this.parse(type, namespace, depth + 1)
    switch (type) {
      case 'record':
      case 'error':
        return this.#record(json, namespace, depth)
      case 'enum': {
        if (!Array.isArray(json.symbols)) throw new DataError('an Avro enum without symbols')
        const symbols = json.symbols.map(String)
        return this.#define({ ...this.#head(json, namespace, 'enum'), type: 'enum', symbols, default: textOr(json.default) })
      }
      case 'fixed': {
        const { size } = json
        if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new DataError('an Avro fixed without a size')
        return this.#define({ ...this.#head(json, namespace, 'fixed'), type: 'fixed', size })
      }
      case 'array':
        return { type, items: this.parse(json.items, namespace, depth + 1), props: propsOf(json, 'array') }
      case 'map':
        return { type, values: this.parse(json.values, namespace, depth + 1), props: propsOf(json, 'map') }
    }
    const known = this.#byName(type, namespace)
    return isNamed(known) || !primitives.has(known.type)
      ? known
      : ({ type: known.type, props: propsOf(json, 'primitive') } as PrimitiveType)
  }

  #byName(name: string, namespace: string | null): AvroType {
    const known =
      primitives.get(name) ?? this.#named.get(name.includes('.') ? name : fullName({ name, namespace })) ?? this.#named.get(name)
    if (!known) throw new DataError(`the Avro schema uses ${name}, which it does not define`)
    return known
  }

  #head(json: Record<string, unknown>, enclosing: string | null, kind: string): Named {
    const given = textOr(json.name)
    if (given === undefined || given === '') throw new DataError(`an Avro ${kind} without a name`)
    const dot = given.lastIndexOf('.')
    const namespace = dot >= 0 ? given.slice(0, dot) : (textOr(json.namespace) ?? enclosing)
    const own = namespace === '' ? null : namespace
    const aliases = textsOf(json.aliases).map((alias) => (alias.includes('.') ? alias : fullName({ name: alias, namespace: own })))
    return {
      name: given.slice(dot + 1),
      namespace: own,
      doc: textOr(json.doc),
      ...(aliases.length > 0 && { aliases }),
      props: propsOf(json, kind),
    }
  }

  #define<T extends NamedType>(type: T): T {
    this.#named.set(fullName(type), type)
    return type
  }

  #record(json: Record<string, unknown>, enclosing: string | null, depth: number): RecordType {
    if (!Array.isArray(json.fields)) throw new DataError('an Avro record without fields')
    const fields: AvroField[] = []
    // It is known before its fields are: they may refer to it.
    const record = this.#define({ ...this.#head(json, enclosing, 'record'), type: 'record' as const, fields })
    for (const field of json.fields) {
      if (!isObject(field) || typeof field.name !== 'string') throw new DataError('an Avro field without a name')
      const type = this.parse(field.type, record.namespace, depth + 1)
      const aliases = textsOf(field.aliases)
      fields.push({
        name: field.name,
        type,
        doc: textOr(field.doc),
        default: field.default,
        ...(aliases.length > 0 && { aliases }),
        props: propsOf(field, 'field'),
      })
    }
    return record
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The registry also gives the name of a primitive type as it is.
    return text
  }
}

/** `referenced` are the texts of schemas whose named types it uses, each after those that it uses itself. Throws DataError. */
export function parseAvro(text: string, referenced: readonly string[] = []): AvroType {
  const parser = new Parser()
  for (const other of referenced) parser.parse(parseJson(other), null)
  return parser.parse(parseJson(text), null)
}

/** The JSON of a type; a named type is written once, and by its name after that. */
export function avroJson(type: AvroType): unknown {
  return new JsonWriter().write(type, null)
}

/** The text of a type alone, for comparisons. */
const texts = new WeakMap<NamedType, string>()

function textOf(type: NamedType): string {
  let text = texts.get(type)
  if (text === undefined) texts.set(type, (text = JSON.stringify(avroJson(type))))
  return text
}

class JsonWriter {
  readonly #written = new Map<string, NamedType>()

  write(type: AvroType, namespace: string | null): unknown {
    switch (type.type) {
      case 'union':
        return type.types.map((item) => this.write(item, namespace))
      case 'array':
        return { type: 'array', items: this.write(type.items, namespace), ...type.props }
      case 'map':
        return { type: 'map', values: this.write(type.values, namespace), ...type.props }
      case 'record':
      case 'enum':
      case 'fixed':
        return this.#named(type, namespace)
      default:
        return type.props === NO_PROPS || Object.keys(type.props).length === 0 ? type.type : { type: type.type, ...type.props }
    }
  }

  #named(type: NamedType, namespace: string | null): unknown {
    const name = fullName(type)
    const known = this.#written.get(name)
    if (known && (known === type || textOf(known) === textOf(type)))
      return type.namespace === namespace || type.namespace === null ? type.name : name
    this.#written.set(name, type)
    const head: Record<string, unknown> = { type: type.type, name: type.name }
    if (type.namespace !== null && type.namespace !== namespace) head.namespace = type.namespace
    if (type.namespace === null && namespace !== null) head.namespace = ''
    if (type.doc !== undefined) head.doc = type.doc
    if (type.type === 'enum')
      return { ...head, symbols: type.symbols, ...(type.default !== undefined && { default: type.default }), ...type.props }
    if (type.type === 'fixed') return { ...head, size: type.size, ...type.props }
    const fields = type.fields.map((field) => ({
      name: field.name,
      type: this.write(field.type, type.namespace),
      ...(field.doc !== undefined && { doc: field.doc }),
      ...(field.default !== undefined && { default: field.default }),
      ...field.props,
    }))
    return { ...head, fields, ...type.props }
  }
}
