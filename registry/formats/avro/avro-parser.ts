/**
 * Reads Avro schemas as Java's Schema.Parser does: each text sees the named types of those before it, and a type may be used before its
 * definition. A new schema has strict names and valid defaults; one that is stored only needs names of letters and digits.
 */
import { doubleText, type Json, JsonNumber, type JsonObject, readJson, writeJson } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'
import { type AvroField, type AvroName, type AvroSchema, type AvroType, avroName, equalSchemas, isInt, PRIMITIVES } from './avro-schema.ts'
import { writeAvro } from './avro-writer.ts'
import { isValidDefault } from './default-values.ts'

/** Named types that one schema and its references may define. */
const MAX_NAMED_TYPES = 20_000

const SCHEMA_RESERVED = new Set(['doc', 'fields', 'items', 'name', 'namespace', 'size', 'symbols', 'values', 'type', 'aliases'])
const ENUM_RESERVED = new Set([...SCHEMA_RESERVED, 'default'])
const FIELD_RESERVED = new Set(['default', 'doc', 'name', 'order', 'type', 'aliases'])

const STRICT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const STRICT_START = /^[A-Za-z_]/
const UNICODE_NAME = /^[\p{L}_][\p{L}\p{Nd}_]*$/u
const UNICODE_START = /^[\p{L}_]/u

function checkName(name: string, pattern: RegExp, start: RegExp, what = ''): void {
  if (pattern.test(name)) return
  const why = name === '' ? 'Empty name' : start.test(name) ? `Illegal character in: ${name}` : `Illegal initial character: ${name}`
  throw new InvalidSchemaError(what + why)
}

const text = (json: Json): string => writeJson(json, doubleText)

/** Parses text after text; the named types of one are known to the next. */
export class AvroParser {
  readonly #strict: boolean
  readonly #known = new Map<string, AvroSchema>()
  /** What has places to fill in once every definition of this text is read. */
  #unresolved: (() => void)[] = []
  #parsed: AvroSchema[] = []

  constructor(strict: boolean) {
    this.#strict = strict
  }

  parse(source: string): AvroSchema {
    this.#unresolved = []
    this.#parsed = []
    const root: { schema: AvroSchema } = { schema: this.#parse(readJson(source, { comments: true }), null) }
    this.#later(root.schema, (schema) => {
      root.schema = schema
    })
    for (const resolve of this.#unresolved) resolve()
    if (this.#strict) for (const schema of this.#parsed) validateDefaults(schema)
    else this.#checkNames()
    return root.schema
  }

  #checkNames(): void {
    for (const schema of this.#parsed) {
      checkName(schema.name!.name, UNICODE_NAME, UNICODE_START)
      for (const field of schema.fields ?? []) checkName(field.name, UNICODE_NAME, UNICODE_START)
      for (const symbol of schema.symbols ?? []) checkName(symbol, UNICODE_NAME, UNICODE_START)
    }
  }

  /** Calls back with the definition of a type that was used before it. */
  #later(schema: AvroSchema, resolved: (schema: AvroSchema) => void): void {
    const name = schema.unresolved
    if (name === undefined) return
    this.#unresolved.push(() => {
      const found = this.#known.get(name)
      if (!found) throw new InvalidSchemaError(`Undefined schema: ${name}`)
      resolved(found)
    })
  }

  #parse(json: Json, space: string | null): AvroSchema {
    if (typeof json === 'string') return this.#find(json, space)
    if (Array.isArray(json)) return this.#union(json, space)
    if (!(json instanceof Map)) throw new InvalidSchemaError(`Schema not yet supported: ${text(json)}`)
    const type = requiredText(json, 'type', 'No type')
    if (PRIMITIVES.has(type)) return { type: type as AvroType, props: propsOf(json, SCHEMA_RESERVED) }
    if (type === 'record' || type === 'error') return this.#record(json, space, type === 'error')
    if (type === 'enum') return this.#enum(json, space)
    if (type === 'fixed') return this.#fixed(json, space)
    if (type === 'array') return this.#container(json, space, 'array', 'items', 'Array has no items type')
    if (type === 'map') return this.#container(json, space, 'map', 'values', 'Map has no values type')
    throw new InvalidSchemaError('A schema "type" MUST be a primitive type or one of "enum", "fixed", "record", "error", "array" or "map".')
  }

  #find(name: string, space: string | null): AvroSchema {
    if (PRIMITIVES.has(name)) return { type: name as AvroType, props: new Map() }
    const full = space !== null && !name.includes('.') ? `${space}.${name}` : name
    const known = this.#known.get(full) ?? this.#known.get(name)
    return known ?? { type: 'record', props: new Map(), unresolved: full }
  }

  #union(json: readonly Json[], space: string | null): AvroSchema {
    const branches = json.map((branch) => this.#parse(branch, space))
    const names = new Set<string>()
    for (const branch of branches) {
      if (branch.type === 'union') throw new InvalidSchemaError(`Nested union: ${text([...json])}`)
      const name = branch.unresolved ?? branch.name?.full ?? branch.type
      if (names.has(name)) throw new InvalidSchemaError(`Duplicate in union:${name}`)
      names.add(name)
    }
    branches.forEach((branch, index) => {
      this.#later(branch, (schema) => {
        branches[index] = schema
      })
    })
    return { type: 'union', props: new Map(), branches }
  }

  #container(json: JsonObject, space: string | null, type: 'array' | 'map', key: string, missing: string): AvroSchema {
    const element = json.get(key)
    if (element === undefined) throw new InvalidSchemaError(`${missing}: ${text(json)}`)
    const schema: AvroSchema = { type, props: propsOf(json, SCHEMA_RESERVED), element: this.#parse(element, space) }
    this.#later(schema.element!, (found) => {
      schema.element = found
    })
    return schema
  }

  #record(json: JsonObject, space: string | null, isError: boolean): AvroSchema {
    const name = this.#nameOf(json, space)
    const given = json.get('fields')
    if (!Array.isArray(given)) throw new InvalidSchemaError(`Record has no fields: ${text(json)}`)
    const fields = given.map((field) => this.#field(field, name.space))
    const seen = new Set<string>()
    for (const field of fields) {
      if (seen.has(field.name)) throw new InvalidSchemaError(`Duplicate field ${field.name} in record ${name.full}`)
      seen.add(field.name)
    }
    const props = propsOf(json, SCHEMA_RESERVED)
    return this.#define({ type: 'record', props, name, doc: docOf(json), aliases: this.#aliases(json, name), isError, fields })
  }

  #field(json: Json, space: string | null): AvroField {
    if (!(json instanceof Map)) throw new InvalidSchemaError(`No field name: ${text(json)}`)
    const name = requiredText(json, 'name', 'No field name')
    const type = json.get('type')
    if (type === undefined) throw new InvalidSchemaError(`No field type: ${text(json)}`)
    const schema = this.#parse(type, space)
    if (this.#strict) checkName(name, STRICT_NAME, STRICT_START)
    const field: AvroField = {
      name,
      schema,
      doc: docOf(json),
      default: defaultOf(json.get('default'), schema),
      order: orderOf(json.get('order')),
      aliases: aliasesOf(json),
      props: propsOf(json, FIELD_RESERVED),
    }
    this.#later(schema, (found) => {
      field.schema = found
    })
    return field
  }

  #enum(json: JsonObject, space: string | null): AvroSchema {
    const name = this.#nameOf(json, space)
    const given = json.get('symbols')
    if (!Array.isArray(given)) throw new InvalidSchemaError(`Enum has no symbols: ${text(json)}`)
    const symbols = given.map((symbol) => {
      if (typeof symbol !== 'string') throw new InvalidSchemaError('Null name')
      if (this.#strict) checkName(symbol, STRICT_NAME, STRICT_START)
      return symbol
    })
    const seen = new Set<string>()
    for (const symbol of symbols) {
      if (seen.has(symbol)) throw new InvalidSchemaError(`Duplicate enum symbol: ${symbol}`)
      seen.add(symbol)
    }
    const chosen = json.get('default')
    const enumDefault = typeof chosen === 'string' ? chosen : null
    if (enumDefault !== null && !seen.has(enumDefault))
      throw new InvalidSchemaError(`The Enum Default: ${enumDefault} is not in the enum symbol set: [${symbols.join(', ')}]`)
    const props = propsOf(json, ENUM_RESERVED)
    return this.#define({ type: 'enum', props, name, doc: docOf(json), aliases: this.#aliases(json, name), symbols, enumDefault })
  }

  #fixed(json: JsonObject, space: string | null): AvroSchema {
    const name = this.#nameOf(json, space)
    const size = json.get('size')
    if (!isInt(size)) throw new InvalidSchemaError(`Invalid or no size: ${text(json)}`)
    if (size.value < 0) throw new InvalidSchemaError(`Malformed data. Length is negative: ${size.value}`)
    const props = propsOf(json, SCHEMA_RESERVED)
    return this.#define({ type: 'fixed', props, name, doc: docOf(json), aliases: this.#aliases(json, name), size: size.value })
  }

  #define(schema: AvroSchema): AvroSchema {
    const { full, name, space } = schema.name!
    if (this.#strict) {
      for (const part of space?.split('.') ?? []) checkName(part, STRICT_NAME, STRICT_START, `Namespace part "${part}" is invalid: `)
      checkName(name, STRICT_NAME, STRICT_START, `Name "${name}" is invalid: `)
    }
    this.#parsed.push(schema)
    const known = this.#known.get(full)
    if (known) {
      if (!equalSchemas(known, schema)) throw new InvalidSchemaError(`Can't redefine: ${full}`)
      return known
    }
    if (this.#known.size >= MAX_NAMED_TYPES)
      throw new InvalidSchemaError(`The schema and its references define more than ${MAX_NAMED_TYPES} named types`)
    this.#known.set(full, schema)
    return schema
  }

  #nameOf(json: JsonObject, space: string | null): AvroName {
    const own = json.get('namespace')
    const name = avroName(requiredText(json, 'name', 'No name in schema'), typeof own === 'string' ? own : space)
    if (this.#strict) checkName(name.name, STRICT_NAME, STRICT_START)
    if (PRIMITIVES.has(name.full)) throw new InvalidSchemaError(`Schemas may not be named after primitives: ${name.full}`)
    return name
  }

  #aliases(json: JsonObject, name: AvroName): AvroName[] {
    const found = new Map<string, AvroName>()
    for (const alias of aliasesOf(json)) {
      const given = avroName(alias, name.space)
      if (this.#strict) checkName(given.name, STRICT_NAME, STRICT_START)
      found.set(given.full, given)
    }
    return [...found.values()]
  }
}

/** Throws for a record with a default that its field cannot hold. */
function validateDefaults(schema: AvroSchema): void {
  for (const field of schema.fields ?? [])
    if (field.default !== undefined && !isValidDefault(field.schema, field.default))
      throw new InvalidSchemaError(
        `Invalid default for field ${field.name}: ${text(field.default)} not a ${writeAvro(field.schema, new Set())}`,
      )
}

function requiredText(json: JsonObject, key: string, missing: string): string {
  const value = json.get(key)
  if (typeof value !== 'string') throw new InvalidSchemaError(`${missing}: ${text(json)}`)
  return value
}

function docOf(json: JsonObject): string | null {
  const doc = json.get('doc')
  return typeof doc === 'string' ? doc : null
}

function orderOf(order: Json | undefined): AvroField['order'] {
  if (order === undefined) return 'ascending'
  const name = typeof order === 'string' ? order.toLowerCase() : ''
  if (name === 'ascending' || name === 'descending' || name === 'ignore') return name
  throw new InvalidSchemaError(`No enum constant org.apache.avro.Schema.Field.Order.${text(order).replaceAll('"', '').toUpperCase()}`)
}

/** A float or double may have its default as a text. */
function defaultOf(given: Json | undefined, schema: AvroSchema): Json | undefined {
  if (typeof given !== 'string' || (schema.type !== 'float' && schema.type !== 'double')) return given
  const trimmed = given.trim()
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(trimmed) ? Number(trimmed.replace(/[fFdD]$/, '')) : Number.NaN
  if (Number.isNaN(value) && !/^[+-]?(NaN|Infinity)$/.test(trimmed)) throw new InvalidSchemaError(`For input string: "${given}"`)
  if (trimmed.endsWith('Infinity')) return new JsonNumber(trimmed.startsWith('-') ? '-Infinity' : 'Infinity')
  // A fraction even where it is whole: Java holds it as a double.
  return new JsonNumber(Number.isInteger(value) ? `${value}.0`.replace(/(e[+-]\d+)\.0$/, '$1') : String(value))
}

function aliasesOf(json: JsonObject): string[] {
  const aliases = json.get('aliases')
  if (aliases === undefined) return []
  if (!Array.isArray(aliases)) throw new InvalidSchemaError(`aliases not an array: ${text(json)}`)
  const found = new Set<string>()
  for (const alias of aliases) {
    if (typeof alias !== 'string') throw new InvalidSchemaError(`alias not a string: ${text(alias)}`)
    found.add(alias)
  }
  return [...found]
}

function propsOf(json: JsonObject, reserved: ReadonlySet<string>): Map<string, Json> {
  const props = new Map<string, Json>()
  for (const [key, value] of json) if (!reserved.has(key)) props.set(key, value)
  return props
}
