/**
 * Schemas of structs and the structs of a schema, as transforms build them. What a schema leads to is derived once and kept for as long as
 * the schema is used, so that a record costs one pass over its fields.
 */
import { DataError, type Schema, type SchemaField } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { type Fields, setField } from './requirements.ts'

/** A schema cannot be built: Kafka's SchemaBuilderException. */
export class SchemaBuilderError extends Error {
  override name = 'SchemaBuilderException'
}

/** Keeps what is derived from each schema. The garbage collector bounds it: a schema that nothing uses any more takes its entry with it. */
export function perSchema<T>(derive: (schema: Schema) => T): (schema: Schema) => T {
  const known = new WeakMap<Schema, { readonly derived: T }>()
  // Neighbouring records nearly always have the same schema.
  let last: Schema | null = null
  let ofLast: { readonly derived: T } | null = null
  return (schema) => {
    if (schema === last) return ofLast!.derived
    let entry = known.get(schema)
    if (!entry) {
      entry = { derived: derive(schema) }
      known.set(schema, entry)
    }
    last = schema
    ofLast = entry
    return entry.derived
  }
}

type Basics = Pick<Schema, 'name' | 'version' | 'doc' | 'parameters'>

/** What a changed schema keeps of the one that it is made from: neither whether it is optional nor its default. */
export const basicsOf = ({ name, version, doc, parameters }: Schema): Basics => ({ name, version, doc, parameters })

/** The fields of a schema that is built, in order. */
export function checkedFields(fields: readonly SchemaField[]): readonly SchemaField[] {
  const names = new Set<string>()
  for (const { name } of fields) {
    if (name === '') throw new SchemaBuilderError('fieldName cannot be null.')
    if (names.has(name)) throw new SchemaBuilderError(`Cannot create field because of field name duplication ${name}`)
    names.add(name)
  }
  return fields
}

export const hasDefault = (schema: Schema): boolean => schema.default !== undefined && schema.default !== null

export type ReadField = (struct: Fields) => unknown

/** Reads a field: null where it has no value, or then its default. */
export function fieldReader({ name, schema }: SchemaField, replaceNullWithDefault: boolean): ReadField {
  const fallback = replaceNullWithDefault && hasDefault(schema) ? schema.default : null
  if (name in Object.prototype) return (struct) => (Object.hasOwn(struct, name) ? struct[name] : null) ?? fallback
  return (struct) => struct[name] ?? fallback
}

/** A field of the structs that are built, and what it is read from. Reads undefined where the field is left without a value. */
export interface FieldSource<From> extends SchemaField {
  readonly read: (from: From) => unknown
  /** What `read` does, where it does no more than that: code that is generated needs no call for it. */
  readonly taken?: Taken
}

interface Taken {
  /** Of what is given; without it the struct is given itself. */
  readonly struct: string | undefined
  readonly field: string
  readonly fallback: unknown
  readonly convert: ((value: unknown) => unknown) | undefined
}

interface Taking {
  /** What the field becomes; without it, it stays the same. */
  as?: SchemaField
  /** The property of what is given that has the struct. */
  struct?: string
  convert?: (value: unknown) => unknown
}

/** A field that is taken from a struct. */
export function takenField<From = Fields>(
  field: SchemaField,
  replaceNullWithDefault: boolean,
  { as = field, struct, convert }: Taking = {},
): FieldSource<From> {
  const readField = fieldReader(field, replaceNullWithDefault)
  const structOf = (from: From) => (struct === undefined ? from : (from as Record<string, unknown>)[struct]) as Fields
  const read = convert ? (from: From) => convert(readField(structOf(from))) : (from: From) => readField(structOf(from))
  const fallback = replaceNullWithDefault && hasDefault(field.schema) ? field.schema.default : null
  return { name: as.name, schema: as.schema, read, taken: { struct, field: field.name, fallback, convert } }
}

/** Builds the structs of a schema. A field that is set to null must be optional, even if it has a default. */
export function structBuilder<From>(sources: readonly FieldSource<From>[]): (from: From) => Fields {
  const fields = sources.map((source) => ({ source, name: source.name, required: !source.schema.optional }))
  const set = fields.some(({ name }) => name === '__proto__') ? setField : undefined
  const build = (from: From): Fields => {
    const struct: Fields = {}
    for (const { source, name, required } of fields) {
      const value = source.read(from)
      if (value === null && required) throw nullOfRequired(source)
      if (set) set(struct, name, value ?? null)
      else struct[name] = value ?? null
    }
    return struct
  }
  const names = sources.flatMap(({ name, taken }) => (taken ? [name, taken.field] : [name]))
  return arePlainNames(names) ? hotBuilder(build, sources) : build
}

/** The same as an object literal: the fields that are taken over are read by their names. */
function hotBuilder<From>(build: (from: From) => Fields, sources: readonly FieldSource<From>[]): (from: From) => Fields {
  const parts: unknown[] = []
  const partOf = (value: unknown): number => parts.push(value) - 1
  const fields = sources.map(({ name, schema, read, taken }) => {
    const refuseNull = schema.optional
      ? null
      : partOf(() => {
          throw nullOfRequired({ name, schema })
        })
    const called = taken ? taken.convert && partOf(taken.convert) : partOf(read)
    const fallback = taken && taken.fallback !== null ? partOf(taken.fallback) : null
    return { name, taken, called, fallback, refuseNull }
  })
  return hotCode(build, parts, (part) => {
    const statements = fields.map(({ taken, called, fallback, refuseNull }, index) => {
      const argument = taken
        ? `given${taken.struct === undefined ? '' : `.${taken.struct}`}[${literal(taken.field)}] ?? ${fallback === null ? 'null' : part(fallback)}`
        : 'given'
      const value = called === undefined ? argument : `${part(called)}(${argument})`
      return `const v${index} = ${value};${refuseNull === null ? '' : ` if (v${index} === null) ${part(refuseNull)}();`}`
    })
    return `${statements.join(' ')} return { ${fields.map(({ name }, index) => `${literal(name)}: v${index} ?? null`).join(', ')} }`
  })
}

export const nullOfRequired = ({ name, schema }: SchemaField): DataError =>
  new DataError(`Invalid value: null used for required field: "${name}", schema type: ${schema.type.toUpperCase()}`)

/** As Java writes a schema. */
export const schemaText = ({ name, type }: Schema): string => `Schema{${name === undefined ? '' : `${name}:`}${type.toUpperCase()}}`
