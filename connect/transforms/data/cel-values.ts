/**
 * Values of records as CEL has them, converted when an expression reads them: whole numbers are int, floating-point ones double, a Decimal
 * is its digits as a string, Date and Timestamp are timestamp, Time is the duration since midnight. Structs and maps are maps.
 */
import type { Message } from '@bufbuild/protobuf'
import { lazyLibrary } from '../../../core/system/lazy-library.ts'
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { perSchema } from './structs.ts'

/** Entries of a list or map of a record. */
export const MAX_ENTRIES = 10_000

const protobuf = lazyLibrary<typeof import('@bufbuild/protobuf')>('@bufbuild/protobuf')
const wellKnownTypes = lazyLibrary<typeof import('@bufbuild/protobuf/wkt')>('@bufbuild/protobuf/wkt')

const SECOND_MS = 1_000
const NANOS_PER_MS = 1_000_000

export type CelKey = string | bigint | boolean
export type Value = null | string | boolean | number | bigint | Uint8Array | Message | readonly Value[] | ReadonlyMap<CelKey, Value>

const durationOf = (ms: number): Message =>
  protobuf().create(wellKnownTypes().DurationSchema, {
    seconds: BigInt(Math.floor(ms / SECOND_MS)),
    nanos: (ms % SECOND_MS) * NANOS_PER_MS,
  })

function checkedSize(size: number): void {
  if (size > MAX_ENTRIES) throw new DataError(`a list or map has ${size} entries, and an expression may read one of ${MAX_ENTRIES} at most`)
}

/** A struct or map whose values are converted when they are read. */
class LazyMap extends Map<CelKey, Value> {
  readonly #names: readonly CelKey[]
  readonly #read: (name: CelKey) => Value | undefined

  constructor(names: readonly CelKey[], read: (name: CelKey) => Value | undefined) {
    super()
    checkedSize(names.length)
    this.#names = names
    this.#read = read
  }

  override get size(): number {
    return this.#names.length
  }

  override get(name: CelKey): Value | undefined {
    const known = super.get(name)
    if (known !== undefined) return known
    const value = this.#read(name)
    if (value !== undefined) super.set(name, value)
    return value
  }

  override has(name: CelKey): boolean {
    return this.get(name) !== undefined
  }

  override keys(): MapIterator<CelKey> {
    return this.#names[Symbol.iterator]() as MapIterator<CelKey>
  }

  override *entries(): MapIterator<[CelKey, Value]> {
    for (const name of this.#names) yield [name, this.get(name)!]
  }

  override *values(): MapIterator<Value> {
    for (const name of this.#names) yield this.get(name)!
  }

  override [Symbol.iterator](): MapIterator<[CelKey, Value]> {
    return this.entries()
  }

  override forEach(visit: (value: Value, key: CelKey, map: Map<CelKey, Value>) => void): void {
    for (const [name, value] of this.entries()) visit(value, name, this)
  }
}

const logical: Readonly<Record<string, (value: unknown) => Value>> = {
  [logicalTypes.decimal]: (value) => String(value),
  [logicalTypes.date]: (value) => wellKnownTypes().timestampFromMs((value as Date).getTime()),
  [logicalTypes.timestamp]: (value) => wellKnownTypes().timestampFromMs((value as Date).getTime()),
  [logicalTypes.time]: (value) => durationOf((value as Date).getTime()),
}

const present = (convert: (value: unknown) => Value) => (value: unknown) => (value === null || value === undefined ? null : convert(value))

function listOf(value: readonly unknown[], convert: (item: unknown) => Value): Value {
  checkedSize(value.length)
  return value.map(convert)
}

/** A key of a map; one of another type is its text. */
const keyOf = (key: unknown): CelKey =>
  typeof key === 'string' || typeof key === 'boolean' || typeof key === 'bigint'
    ? key
    : Number.isSafeInteger(key)
      ? BigInt(key as number)
      : String(key)

function mapOf(value: unknown, convert: (item: unknown) => Value): Value {
  const entries: [CelKey, unknown][] =
    value instanceof Map ? [...value].map(([key, item]) => [keyOf(key), item]) : Object.entries(value as object)
  const items = new Map(entries)
  return new LazyMap([...items.keys()], (name) => (items.has(name) ? convert(items.get(name)) : undefined))
}

const converterOf = perSchema((schema): ((value: unknown) => Value) => {
  const known = schema.name !== undefined && Object.hasOwn(logical, schema.name) ? logical[schema.name] : undefined
  if (known) return present(known)
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return present((value) => BigInt(value as number | bigint))
    case 'float32':
    case 'float64':
      return present(Number)
    case 'array':
      return present((value) => listOf(value as unknown[], (item) => celValue(schema.values ?? null, item)))
    case 'map':
      return present((value) => mapOf(value, (item) => celValue(schema.values ?? null, item)))
    case 'struct': {
      const types = new Map<CelKey, Schema>(schema.fields!.map((field) => [field.name, field.schema]))
      const names = [...types.keys()]
      return present((value) => {
        const struct = value as Record<string, unknown>
        return new LazyMap(names, (name) => {
          const type = types.get(name)
          return type && celValue(type, (Object.hasOwn(struct, name as string) ? struct[name as string] : null) ?? type.default ?? null)
        })
      })
    }
    default:
      return present((value) => value as Value)
  }
})

/** Of a value without a schema, a number without a fraction is a whole one. */
function withoutSchema(value: unknown): Value {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof value !== 'object' || value instanceof Uint8Array) return value as Value
  if (Array.isArray(value)) return listOf(value, withoutSchema)
  if (value instanceof Date) return wellKnownTypes().timestampFromMs(value.getTime())
  return mapOf(value, withoutSchema)
}

export const celValue = (schema: Schema | null, value: unknown): Value =>
  schema === null ? withoutSchema(value) : converterOf(schema)(value)

const describe = perSchema((schema): Value => {
  const inner = (of: Schema | undefined): [CelKey, Value][] => (of ? [['schema', describe(of)]] : [])
  return new Map<CelKey, Value>([
    ['type', schema.type.toUpperCase()],
    ['name', schema.name ?? null],
    ['version', schema.version === undefined ? null : BigInt(schema.version)],
    ['optional', schema.optional],
    ['doc', schema.doc ?? null],
    ['parameters', new Map<CelKey, Value>(Object.entries(schema.parameters ?? {}))],
    ['fields', (schema.fields ?? []).map((field) => new Map<CelKey, Value>([['name', field.name], ...inner(field.schema)]))],
    ['keySchema', schema.keys ? describe(schema.keys) : null],
    ['valueSchema', schema.values ? describe(schema.values) : null],
  ])
})

/** A schema as a map with type, name, version, optional, doc, parameters, fields, keySchema and valueSchema. */
export const celSchema = (schema: Schema | null): Value => (schema === null ? null : describe(schema))
