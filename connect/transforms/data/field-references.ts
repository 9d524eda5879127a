/**
 * Fields of Debezium's envelope that become fields of the row or headers: which one each name means, what it is then called, and how it is
 * read.
 */
import { DataError, type Header, type Schema, schemas } from '../../sdk/index.ts'
import { fieldNamed } from './envelope.ts'
import type { Fields } from './requirements.ts'
import { ConfigError, colonParts } from './settings.ts'
import { basicsOf, type FieldSource, fieldReader } from './structs.ts'

const OPERATION = 'op'

const structsOfNames: Readonly<Record<string, string | null>> = {
  id: 'transaction',
  data_collection_order: 'transaction',
  total_order: 'transaction',
  [OPERATION]: null,
  ts_ms: null,
  ts_us: null,
  ts_ns: null,
  updateDescription: 'updateDescription',
}

export interface FieldReference {
  /** The field of the envelope that is the struct; null for the envelope. */
  readonly struct: string | null
  readonly field: string
  /** The name that the field or header gets. */
  readonly name: string
}

function referenceOf(prefix: string, text: string): FieldReference {
  const parts = colonParts(text)
  const [path, renamed] = parts
  const steps = (path ?? '').split('.')
  while (steps.length > 1 && steps.at(-1) === '') steps.pop()
  if (path === undefined || parts.length > 2 || (steps.length === 1 && text.startsWith('.')))
    throw new ConfigError(`Unexpected field name: ${text}`)
  const [first, second] = steps as [string, string?]
  const field = second ?? first
  const struct = second !== undefined ? first : Object.hasOwn(structsOfNames, field) ? structsOfNames[field]! : 'source'
  return { struct, field, name: prefix + (renamed ?? (second === undefined ? field : `${struct}_${field}`)) }
}

/** As `add.fields` and `add.headers` name them. */
export const fieldReferences = (prefix: string, list: readonly string[]): FieldReference[] => list.map((text) => referenceOf(prefix, text))

/** Of a tombstone only the operation is known. */
export const headersOfTombstone = (references: readonly FieldReference[]): Header[] =>
  references.filter(({ field }) => field === OPERATION).map(({ name }) => ({ key: name, schema: schemas.string(), value: 'd' }))

/** Without its default, and optional: the struct that it is of may be null. */
const optionalCopy = (schema: Schema): Schema => ({
  type: schema.type,
  optional: true,
  ...basicsOf(schema),
  fields: schema.fields,
  keys: schema.keys,
  values: schema.values,
})

function sourceOf({ struct, field, name }: FieldReference, envelope: Schema): FieldSource<Fields> | undefined {
  const parent = struct === null ? envelope : fieldNamed(envelope, struct)?.schema
  if (!parent) throw new DataError(`the envelope has no field ${struct}, of which ${field} is to be added`)
  const inParent = fieldNamed(parent, field)
  const found = inParent ?? fieldNamed(envelope, field)
  if (!found) return undefined
  const read = fieldReader(found, false)
  const schema = optionalCopy(found.schema)
  if (struct === null) return { name, schema, read }
  const readParent = (value: Fields) => (value[struct] ?? null) as Fields | null
  return {
    name,
    schema,
    read(value) {
      const of = readParent(value)
      return of === null ? null : read(inParent ? of : value)
    },
  }
}

/** How each is read from an envelope. One that the envelope lacks is left out. */
export const referenceSources = (references: readonly FieldReference[], envelope: Schema): FieldSource<Fields>[] =>
  references.map((reference) => sourceOf(reference, envelope)).filter((source) => source !== undefined)
