/**
 * Random schemas of Connect with values that have them, for tests that write and read them again: each type, logical types, optional
 * fields, and structs, arrays and maps of them.
 */
import fc from 'fast-check'
import { type Schema, schemas } from '../connect/sdk/index.ts'

export interface Given {
  schema: Schema
  value: unknown
}

const DAY_MS = 86_400_000
const of = (schema: Schema, value: fc.Arbitrary<unknown>): fc.Arbitrary<Given> => value.map((own) => ({ schema, value: own }))
const safe = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)
const text = fc.string({ unit: 'grapheme', maxLength: 60 })

const decimal = fc
  .record({ scale: fc.integer({ min: 0, max: 6 }), number: fc.bigInt(-(10n ** 20n), 10n ** 20n) })
  .map(({ scale, number }): Given => {
    const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0')
    const own = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
    return { schema: schemas.decimal(scale), value: number < 0n ? `-${own}` : own }
  })

export const primitives: readonly fc.Arbitrary<Given>[] = [
  of(schemas.int8(), fc.integer({ min: -128, max: 127 })),
  of(schemas.int16(), fc.integer({ min: -32768, max: 32767 })),
  of(schemas.int32(), fc.integer()),
  of(schemas.int64(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(safe)),
  of(schemas.int64(), fc.maxSafeInteger()),
  of(
    schemas.float32(),
    fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  ),
  of(
    schemas.float64(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  ),
  of(schemas.boolean(), fc.boolean()),
  of(schemas.string(), text),
  of(
    schemas.bytes(),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  ),
]

export const logicals: readonly fc.Arbitrary<Given>[] = [
  decimal,
  of(
    schemas.date(),
    fc.integer({ min: -700_000, max: 2_900_000 }).map((day) => new Date(day * DAY_MS)),
  ),
  of(
    schemas.time(),
    fc.integer({ min: 0, max: DAY_MS - 1 }).map((ms) => new Date(ms)),
  ),
  of(
    schemas.timestamp(),
    fc.integer({ min: -62_000_000_000_000, max: 250_000_000_000_000 }).map((ms) => new Date(ms)),
  ),
]

/** Values of a schema that is the same for all: as the elements of an array. */
const elements = (given: fc.Arbitrary<Given>): fc.Arbitrary<{ schema: Schema; values: unknown[] }> =>
  given.chain(({ schema, value }) => fc.nat({ max: 4 }).map((count) => ({ schema, values: Array<unknown>(count).fill(value) })))

/** What a format can have in its schemas. */
export interface Shapes {
  /** Whether an array may have arrays or maps as elements. */
  nestedArrays: boolean
  /** Whether null and no elements are different. */
  emptyArrays: boolean
  /** Whether an optional field may be null. */
  nulls: boolean
  /** Prefix of names of structs. */
  named: string
}

let names = 0

/** A struct with fields of all kinds, `depth` levels deep. Each struct has a name of its own. */
export function structs(depth: number, shapes: Shapes): fc.Arbitrary<Given> {
  const leaf = fc.oneof(...primitives, ...logicals)
  const below = depth === 0 ? leaf : fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: structs(depth - 1, shapes) })
  const lists = elements(shapes.nestedArrays ? fc.oneof(below, arrays(leaf)) : below)
    .filter(({ values }) => shapes.emptyArrays || values.length > 0)
    .map(({ schema, values }): Given => ({ schema: schemas.array(schema), value: values }))
  const objects = fc.tuple(below, fc.uniqueArray(text, { maxLength: 4 })).map(
    ([{ schema, value }, keys]): Given => ({
      schema: schemas.map(schemas.string(), schema, { name: `map${names++}` }),
      value: Object.fromEntries(keys.map((key) => [key, value])),
    }),
  )
  const entries = fc.tuple(below, fc.uniqueArray(fc.integer(), { maxLength: 4 })).map(
    ([{ schema, value }, keys]): Given => ({
      schema: schemas.map(schemas.int32(), schema, { name: `entries${names++}` }),
      value: new Map(keys.map((key) => [key, value])),
    }),
  )
  const any = fc.oneof({ weight: 4, arbitrary: below }, lists, objects, entries)
  const field = fc.tuple(any, fc.boolean(), fc.boolean()).map(([{ schema, value }, optional, isNull]): Given => {
    if (!optional) return { schema, value }
    return { schema: { ...schema, optional: true }, value: isNull && shapes.nulls ? null : value }
  })
  return fc.array(field, { minLength: 1, maxLength: 6 }).map((fields): Given => {
    const schema = schemas.struct(Object.fromEntries(fields.map(({ schema: own }, index) => [`f${index}`, own])), {
      name: `${shapes.named}${names++}`,
    })
    return { schema, value: Object.fromEntries(fields.map(({ value }, index) => [`f${index}`, value])) }
  })
}

const arrays = (of: fc.Arbitrary<Given>): fc.Arbitrary<Given> =>
  elements(of).map(({ schema, values }) => ({ schema: schemas.array(schema), value: values }))
