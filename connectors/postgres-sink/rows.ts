/**
 * Maps records to rows: table, primary key, columns and values. It does not access the database, and says of a record that has no row why
 * that is so.
 */
import { type Schema, type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import { type Change, changeOf } from './change-events.ts'
import { type FieldSet, type Layout, type Layouts, layoutOf, NO_FIELDS } from './layouts.ts'
import type { Names, TableName } from './names.ts'
import type { SinkOptions } from './options.ts'

const KAFKA_FIELDS = ['__connect_topic', '__connect_partition', '__connect_offset'] as const
const KAFKA_TYPES: readonly Schema[] = [
  { type: 'string', optional: false },
  { type: 'int32', optional: false },
  { type: 'int64', optional: false },
]
/** What Debezium sends for a value that an update has not changed and Postgres stores apart: the column keeps what it has. */
const UNAVAILABLE = '__debezium_unavailable_value'
const UNAVAILABLE_MAP = `{"${UNAVAILABLE}":"${UNAVAILABLE}"}`
const UNAVAILABLE_BYTES = Buffer.from(UNAVAILABLE)
/** Debezium's placeholder of arrays of numbers: its bytes as numbers. */
const UNAVAILABLE_CODES: readonly number[] = [...UNAVAILABLE_BYTES]

export interface Row {
  kind: 'write' | 'delete' | 'truncate'
  table: TableName
  layout: Layout
  /** In the order of the layout; those of a delete are its key. */
  values: unknown[]
}

interface Part {
  set: FieldSet
  /** The value of a field of the set. */
  read(field: string): unknown
}

const NO_LAYOUT = layoutOf([], 0)

export class RowMapper {
  readonly #options: SinkOptions
  readonly #names: Names
  readonly #layouts: Layouts
  readonly #kafkaSet: FieldSet

  constructor(options: SinkOptions, names: Names, layouts: Layouts) {
    this.#options = options
    this.#names = names
    this.#layouts = layouts
    const kafkaNames = options.keyMode === 'kafka' && options.keyFields.length === 3 ? options.keyFields : KAFKA_FIELDS
    this.#kafkaSet = { fields: kafkaNames.map((name, i) => layouts.field(name, null, KAFKA_TYPES[i]!)) }
  }

  /** A record's row; null where it has none and is skipped. @throws UnwritableRecord */
  row(record: SinkRecord): Row | null {
    const change = changeOf(record, this.#options)
    if (change.kind === 'skip') return null
    // The record without a value that follows a delete event says nothing new, and has no source.
    if (this.#names.needsSource && !change.source && record.value === null) return null
    const table = this.#names.table(record.topic, change.source)
    if (change.kind === 'truncate') return { kind: 'truncate', table, layout: NO_LAYOUT, values: [] }
    const key = this.#key(record, change)
    const keyValues = key.set.fields.map(({ field }) => {
      const value = key.read(field)
      if (value === null || value === undefined) throw new UnwritableRecord(`its primary key's field "${field}" is null or missing`)
      return value
    })
    if (change.kind === 'delete') return { kind: 'delete', table, layout: this.#layouts.joined(key.set, NO_FIELDS), values: keyValues }
    return this.#written(table, record, change, key.set, keyValues)
  }

  #written(table: TableName, record: SinkRecord, change: Change & { kind: 'write' }, keys: FieldSet, keyValues: unknown[]): Row {
    const { set, read } = this.#fields(change.value, change.schema)
    const layout = this.#layouts.joined(keys, this.#layouts.written(set, record.topic))
    const { fields, keyCount } = layout
    if (fields.length === 0) throw new UnwritableRecord('it has no fields to write')
    const values = keyValues
    let unavailable = false
    for (let i = keyCount; i < fields.length; i++) {
      const { field, schema } = fields[i]!
      let value = read(field)
      if ((value === null || value === undefined) && this.#options.nullsAsDefaults) value = schema?.default ?? null
      if (isUnavailable(value)) unavailable = true
      values.push(value)
    }
    const row: Row = { kind: 'write', table, layout, values }
    return unavailable ? withoutUnavailable(row) : row
  }

  #key(record: SinkRecord, change: Change & { kind: 'write' | 'delete' }): Part {
    switch (this.#options.keyMode) {
      case 'none':
        return { set: NO_FIELDS, read: () => null }
      case 'kafka': {
        const [topic, partition] = this.#kafkaSet.fields
        return {
          set: this.#kafkaSet,
          read: (field) => (field === topic!.field ? record.topic : field === partition!.field ? record.partition : record.offset),
        }
      }
      case 'record_key':
        return this.#recordKey(record)
      case 'record_header':
        return this.#headerKey(record)
      case 'record_value':
        if (!hasFields(change.value, change.schema))
          throw new UnwritableRecord(
            change.kind === 'delete'
              ? 'it deletes a row and has no row before the change, whose fields are the key: set REPLICA IDENTITY FULL at the source'
              : 'its value has no fields, which pk.mode=record_value requires',
          )
        return this.#picked(this.#fields(change.value, change.schema), 'value')
    }
  }

  #recordKey({ key, keySchema }: SinkRecord): Part {
    const { keyFields } = this.#options
    if (key === null || key === undefined) throw new UnwritableRecord('it has no key, which pk.mode=record_key requires')
    if (hasFields(key, keySchema)) return this.#picked(this.#fields(key, keySchema), 'key')
    if (keyFields.length !== 1) throw new UnwritableRecord('its key is a single value: set pk.fields to the name of its column')
    return { set: { fields: [this.#layouts.field(keyFields[0]!, key, keySchema)] }, read: () => key }
  }

  #headerKey({ headers }: SinkRecord): Part {
    const { keyFields } = this.#options
    // Of several headers with one name the last counts, as in Kafka Connect.
    const byName = new Map(headers.map((header) => [header.key, header]))
    const names = keyFields.length > 0 ? keyFields : [...byName.keys()]
    if (names.length === 0) throw new UnwritableRecord('it has no headers, which pk.mode=record_header requires')
    const fields = names.map((name) => {
      const header = byName.get(name)
      if (!header) throw new UnwritableRecord(`it has no header "${name}", which pk.fields requires`)
      return this.#layouts.field(name, header.value, header.schema)
    })
    return { set: { fields }, read: (name) => byName.get(name)!.value }
  }

  readonly #pickedSets = new WeakMap<FieldSet, FieldSet>()

  #picked({ set, read }: Part, what: 'key' | 'value'): Part {
    const { keyFields } = this.#options
    if (keyFields.length === 0) return { set, read }
    let picked = this.#pickedSets.get(set)
    if (!picked) {
      picked = {
        fields: keyFields.map((name) => {
          const field = set.fields.find((candidate) => candidate.field === name)
          if (!field) throw new UnwritableRecord(`its ${what} has no field "${name}", which pk.fields requires`)
          return field
        }),
      }
      this.#pickedSets.set(set, picked)
    }
    return { set: picked, read }
  }

  #fields(value: unknown, schema: Schema | null): Part {
    if (!hasFields(value, schema)) {
      return { set: { fields: [this.#layouts.field(this.#options.valueColumn, value, schema)] }, read: () => value }
    }
    const read = value instanceof Map ? (name: string) => value.get(name) : (name: string) => (value as Record<string, unknown>)[name]
    if (schema?.type === 'struct') return { set: this.#layouts.ofStruct(schema), read }
    const names = value instanceof Map ? [...value.keys()].map(String) : Object.keys(value as object)
    const itemSchema = schema?.values ?? null
    return { set: { fields: names.map((name) => this.#layouts.field(name, read(name), itemSchema)) }, read }
  }
}

function hasFields(value: unknown, schema: Schema | null): boolean {
  if (schema) return (schema.type === 'struct' || schema.type === 'map') && value !== null
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Date)
}

function isUnavailable(value: unknown): boolean {
  if (typeof value === 'string')
    return value.length === UNAVAILABLE.length
      ? value === UNAVAILABLE
      : value.length === UNAVAILABLE_MAP.length && value === UNAVAILABLE_MAP
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Uint8Array) return value.length === UNAVAILABLE.length && UNAVAILABLE_BYTES.equals(value)
  if (Array.isArray(value)) {
    if (value.length === 1) return value[0] === UNAVAILABLE || (value[0] instanceof Uint8Array && UNAVAILABLE_BYTES.equals(value[0]))
    return value.length === UNAVAILABLE.length && UNAVAILABLE_CODES.every((code, i) => value[i] === code)
  }
  return value instanceof Map && value.size === 1 && value.get(UNAVAILABLE) === UNAVAILABLE
}

function withoutUnavailable(row: Row): Row {
  const { fields, keyCount } = row.layout
  const kept = fields.map((_, i) => i).filter((i) => i < keyCount || !isUnavailable(row.values[i]))
  return {
    ...row,
    layout: layoutOf(
      kept.map((i) => fields[i]!),
      keyCount,
    ),
    values: kept.map((i) => row.values[i]),
  }
}
