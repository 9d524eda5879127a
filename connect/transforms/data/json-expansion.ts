/**
 * A JSON text as a value with a schema, as Debezium infers it for the payload of outbox events: every field is optional, whole numbers are
 * int32 or int64, others float64. Equal shapes have the same schema object, so that converters derive from it once.
 */
import { DataError, type Schema, schemas } from '../../sdk/index.ts'
import { DerivedValues } from './derived-values.ts'
import type { AdjustName } from './name-adjustment.ts'
import { type Fields, setField } from './requirements.ts'
import { basicsOf } from './structs.ts'

/** Nested objects and arrays of a payload, which Debezium bounds alike. */
const MAX_DEPTH = 1_000
/** Shapes of payloads whose schemas are kept. */
const MAX_SHAPES = 1_000

const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)

/** A number that is written as a fraction, such as 1.0. */
class Fraction {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

type Json = null | string | boolean | number | bigint | Fraction | Json[] | { [name: string]: Json }

function parse(text: string): Json {
  const read = (_name: string, value: unknown, context: { source?: string }): unknown => {
    if (typeof value !== 'number' || context.source === undefined) return value
    if (!/^-?\d+$/.test(context.source)) return new Fraction(value)
    return Number.isSafeInteger(value) ? value + 0 : BigInt(context.source)
  }
  return JSON.parse(text, read as (name: string, value: unknown) => unknown) as Json
}

type Kind = 'null' | 'string' | 'boolean' | 'int32' | 'int64' | 'float64' | 'huge' | 'array' | 'object'

const isInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value

function kindOf(json: Json): Kind {
  if (json === null) return 'null'
  if (typeof json === 'string' || typeof json === 'boolean') return typeof json as 'string' | 'boolean'
  if (typeof json === 'number') return json >= INT32_MIN && json <= INT32_MAX ? 'int32' : 'int64'
  if (typeof json === 'bigint') return isInt64(json) ? 'int64' : 'huge'
  if (json instanceof Fraction) return 'float64'
  return Array.isArray(json) ? 'array' : 'object'
}

/** What the schema depends on. */
function shapeOf(json: Json, depth = 0): string {
  if (depth > MAX_DEPTH) throw new DataError(`a JSON payload is nested deeper than ${MAX_DEPTH}`)
  if (Array.isArray(json)) return `[${[...new Set(json.map((item) => shapeOf(item, depth + 1)))].join(',')}]`
  const kind = kindOf(json)
  if (kind !== 'object') return kind
  const fields = Object.entries(json as { [name: string]: Json })
  return `{${fields.map(([name, item]) => `${JSON.stringify(name)}:${shapeOf(item, depth + 1)}`).join(',')}}`
}

const scalars: Readonly<Partial<Record<Kind, Schema>>> = {
  string: schemas.string({ optional: true }),
  boolean: schemas.boolean({ optional: true }),
  int32: schemas.int32({ optional: true }),
  int64: schemas.int64({ optional: true }),
  float64: schemas.float64({ optional: true }),
}
const NULLS = schemas.bytes({ optional: true })

const without = (what: string) => new DataError(`a JSON payload cannot be expanded: ${what}`)

export class JsonExpansion {
  readonly #keepsNulls: boolean
  readonly #adjust: AdjustName
  readonly #schemas = new DerivedValues<string, { schema: Schema }>(MAX_SHAPES)

  constructor(keepsNulls: boolean, adjust: AdjustName) {
    this.#keepsNulls = keepsNulls
    this.#adjust = adjust
  }

  /** Throws where the text is no object or array of JSON, or has no schema. `name` is that of the schema. */
  expand(name: string, text: string): { schema: Schema; value: unknown } {
    if (!text.startsWith('{') && !text.startsWith('[')) throw without('it starts with neither { nor [')
    const json = parse(text)
    const { schema } = this.#schemas.get(`${name}:${shapeOf(json)}`, () => {
      const of = this.#schemaOf(name, json)
      if (!of) throw without('an empty array has no schema')
      return { schema: of }
    })
    return { schema, value: this.#valueOf(json, schema) }
  }

  #schemaOf(name: string | null, json: Json): Schema | null {
    const kind = kindOf(json)
    switch (kind) {
      case 'null':
        return this.#keepsNulls ? NULLS : null
      case 'array': {
        const items = json as Json[]
        return items.length === 0 ? null : schemas.array(this.#itemSchema(name, items), { optional: true })
      }
      case 'object':
        return this.#structSchema(name, json as { [name: string]: Json })
      case 'huge':
        throw without(`the number ${json} is no int64`)
      default:
        return scalars[kind]!
    }
  }

  #structSchema(name: string | null, json: { [name: string]: Json }): Schema {
    const fields = new Map<string, Schema>()
    for (const [key, item] of Object.entries(json)) {
      const field = this.#adjust(key)
      if (field === '') throw without('a field has no name')
      const schema = this.#schemaOf(name === null || name.trim() === '' ? field : `${name}.${field}`, item)
      if (schema && !fields.has(field)) fields.set(field, schema)
    }
    return {
      type: 'struct',
      optional: true,
      name: name ?? undefined,
      fields: [...fields].map(([field, schema]) => ({ name: field, schema })),
    }
  }

  #itemSchema(name: string | null, items: readonly Json[]): Schema {
    const present = items.filter((item) => item !== null)
    const first = present[0] ?? null
    const kind = kindOf(first)
    const other = present.find((item) => kindOf(item) !== kind)
    if (other !== undefined) throw without(`the items of an array are of different types, ${kind} and ${kindOf(other)}`)
    if (kind === 'object') {
      const shapes = new Map(present.map((item) => [shapeOf(item), item as { [name: string]: Json }]))
      return [...shapes.values()].map((item) => this.#structSchema(name, item)).reduce(merged)
    }
    const schema = this.#schemaOf(null, first)
    if (!schema) throw without('the items of an array have no schema')
    return schema
  }

  #valueOf(json: Json, schema: Schema): unknown {
    if (json === null) {
      if (schema.optional) return null
      throw without('an item of an array is null')
    }
    const kind = kindOf(json)
    if (kind !== schema.type && !(kind === 'object' && schema.type === 'struct'))
      throw without(`a value is ${kind} where others are ${schema.type}`)
    if (kind === 'float64') return (json as Fraction).value
    if (kind === 'array') return (json as Json[]).map((item) => this.#valueOf(item, schema.values!))
    if (kind !== 'object') return json
    const given = new Map<string, Json>()
    for (const [key, item] of Object.entries(json as { [name: string]: Json })) {
      const field = this.#adjust(key)
      if (!given.has(field)) given.set(field, item)
    }
    const struct: Fields = {}
    for (const { name, schema: of } of schema.fields!) {
      const item = given.get(name)
      setField(struct, name, item === undefined ? null : this.#valueOf(item, of))
    }
    return struct
  }
}

/** The fields of both; one that was null before takes the type that it has later. */
function merged(left: Schema, right: Schema): Schema {
  const fields = new Map(left.fields!.map((field) => [field.name, field.schema]))
  for (const { name, schema } of right.fields!) {
    const known = fields.get(name)
    if (!known || (known.type === 'bytes' && schema.type !== 'bytes')) fields.set(name, schema)
  }
  return { type: 'struct', optional: false, ...basicsOf(left), fields: [...fields].map(([name, schema]) => ({ name, schema })) }
}
