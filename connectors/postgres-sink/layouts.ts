/**
 * Which columns the fields of a record are, computed once for each schema, so that nothing of it is done for each record. Rows with the
 * same layout go into one statement. Pure.
 */
import type { Schema } from '../../connect/sdk/index.ts'
import { typeOfSchema, typeOfValue } from './column-types.ts'
import type { Names } from './names.ts'
import type { SinkOptions } from './options.ts'

export interface Field {
  /** The column. */
  name: string
  /** The field of the record. */
  field: string
  /** The column type for the schema or the values; null while all values are null. */
  type: string | null
  /** Null where the record has none: then values widen the column. */
  schema: Schema | null
  /** Whether a number or a text is a timestamp, as `timestamp.fields.list` says. */
  asTimestamp: boolean
}

/** The fields of a key, a value or headers. Those of one schema are one object. */
export interface FieldSet {
  fields: readonly Field[]
}

export interface Layout {
  /** Equal for layouts with the same columns and types. */
  id: string
  /** Those of the primary key are first. */
  fields: readonly Field[]
  keyCount: number
}

export const NO_FIELDS: FieldSet = { fields: [] }

export function layoutOf(fields: readonly Field[], keyCount: number): Layout {
  let id = `${keyCount}`
  for (const { name, type, schema } of fields) id += schema ? `\0${name}\0${type}\0${schema.name ?? ''}` : `\0${name}`
  return { id, fields, keyCount }
}

export class Layouts {
  readonly #names: Names
  readonly #options: Pick<SinkOptions, 'isWritten' | 'timestampFields' | 'postgisSchema'>
  readonly #ofSchema = new WeakMap<Schema, FieldSet>()
  readonly #written = new WeakMap<FieldSet, Map<string, FieldSet>>()
  readonly #joined = new WeakMap<FieldSet, WeakMap<FieldSet, Layout>>()
  readonly #merged = new WeakMap<Layout, WeakMap<Layout, { layout: Layout; kept: readonly number[] }>>()

  constructor(names: Names, options: Pick<SinkOptions, 'isWritten' | 'timestampFields' | 'postgisSchema'>) {
    this.#names = names
    this.#options = options
  }

  /** @throws UnwritableRecord */
  field(field: string, value: unknown, schema: Schema | null): Field {
    const asTimestamp = this.#options.timestampFields.has(field)
    const isTimestamp = asTimestamp && (schema?.type === 'int64' || schema?.type === 'string') && schema.name === undefined
    const type = isTimestamp ? 'timestamp' : schema ? typeOfSchema(schema, this.#options.postgisSchema) : typeOfValue(value)
    return { name: this.#names.column(field), field, type, schema, asTimestamp }
  }

  ofStruct(schema: Schema): FieldSet {
    let set = this.#ofSchema.get(schema)
    if (!set) {
      set = { fields: schema.fields!.map((field) => this.field(field.name, null, field.schema)) }
      this.#ofSchema.set(schema, set)
    }
    return set
  }

  /** The fields that are written of the values of a topic. */
  written(set: FieldSet, topic: string): FieldSet {
    let byTopic = this.#written.get(set)
    if (!byTopic) this.#written.set(set, (byTopic = new Map()))
    let written = byTopic.get(topic)
    if (!written) {
      written = { fields: set.fields.filter(({ field }) => this.#options.isWritten(topic, field)) }
      byTopic.set(topic, written)
    }
    return written
  }

  /** The columns of a key, then those of a value that are not in it. */
  joined(keys: FieldSet, values: FieldSet): Layout {
    let ofValues = this.#joined.get(values)
    if (!ofValues) this.#joined.set(values, (ofValues = new WeakMap()))
    let layout = ofValues.get(keys)
    if (!layout) {
      const keyNames = new Set(keys.fields.map(({ name }) => name))
      layout = layoutOf([...keys.fields, ...values.fields.filter(({ name }) => !keyNames.has(name))], keys.fields.length)
      ofValues.set(keys, layout)
    }
    return layout
  }

  /** The columns of a later row, then those that only an earlier one has, with their places there. */
  merged(later: Layout, earlier: Layout): { layout: Layout; kept: readonly number[] } {
    let ofLater = this.#merged.get(later)
    if (!ofLater) this.#merged.set(later, (ofLater = new WeakMap()))
    let merged = ofLater.get(earlier)
    if (!merged) {
      const names = new Set(later.fields.map(({ name }) => name))
      const kept = earlier.fields.flatMap(({ name }, i) => (names.has(name) ? [] : [i]))
      merged = { layout: layoutOf([...later.fields, ...kept.map((i) => earlier.fields[i]!)], later.keyCount), kept }
      ofLater.set(earlier, merged)
    }
    return merged
  }
}
