/**
 * Maps records to rows: table, primary key, values and columns. It does not access the database. Rows of one table with the same columns
 * form a shape, which one statement writes. Where the mode replaces rows, only the last row of each key in a batch is kept.
 */
import type { Schema, SinkRecord } from '../../connect/sdk/index.ts'
import { type PostgresSinkConfig, TOPIC } from './settings.ts'
import { typeOfSchema, typeOfValue, widestType } from './types.ts'

/** Postgres truncates longer names, and two could become one. */
const NAME_BYTES = 63
const KAFKA_COLUMNS = ['__connect_topic', '__connect_partition', '__connect_offset'] as const
const KAFKA_TYPES = ['text', 'integer', 'bigint'] as const

export interface Field {
  name: string
  /** The column type for the schema or the values; null while all values are null. */
  type: string | null
  /** Whether the type is a schema's: then values do not widen the column. */
  declared: boolean
}

/** Rows with the same columns; those of the primary key are first. */
export interface RowShape {
  fields: Field[]
  keyCount: number
  rows: unknown[][]
}

export interface TableRows {
  table: { schema: string | null; name: string }
  keys: Field[]
  shapes: RowShape[]
  /** The primary keys of the rows to delete before the shapes are written. */
  deletes: unknown[][]
}

interface Row {
  fields: Field[]
  keyCount: number
  values: unknown[] | null
  keys: unknown[]
  /** The row is deleted first, so that fields it lacks become NULL. */
  recreated?: boolean
}

/** A record that cannot be mapped to a row; the message says why. */
export class InvalidRecord extends Error {
  override name = 'InvalidRecord'
}

export class RowMapper {
  readonly #config: PostgresSinkConfig
  readonly #whitelist: ReadonlySet<string> | null
  /** The fields of a struct's schema, computed once per schema. */
  readonly #schemaFields = new WeakMap<Schema, Field[]>()
  readonly #tables = new Map<string, TableRows['table']>()

  constructor(config: PostgresSinkConfig) {
    this.#config = config
    this.#whitelist = config['fields.whitelist'].length > 0 ? new Set(config['fields.whitelist']) : null
  }

  /** The table of a topic. */
  table(topic: string): TableRows['table'] {
    let table = this.#tables.get(topic)
    if (!table) {
      const [format, name] = [this.#config['table.name.format'], topic.replaceAll('.', '_')]
      // Only a dot of the format separates a schema from the table.
      const dot = format.indexOf('.')
      const fill = (text: string) => text.replaceAll(TOPIC, () => name)
      table = dot < 0 ? { schema: null, name: fill(format) } : { schema: fill(format.slice(0, dot)), name: fill(format.slice(dot + 1)) }
      for (const part of [table.schema, table.name]) if (part !== null) checkName(part, 'table')
      this.#tables.set(topic, table)
    }
    return table
  }

  /** A record's row. Throws InvalidRecord. */
  row(record: SinkRecord): Row {
    const mode = this.#config['pk.mode']
    const keys: Field[] = []
    const keyValues: unknown[] = []
    if (mode === 'kafka') this.#kafkaKey(record, keys, keyValues)
    else if (mode === 'record_key') this.#recordKey(record, keys, keyValues)
    else if (mode === 'record_value') this.#valueKey(record, keys, keyValues)
    keys.forEach((key, i) => {
      if (keyValues[i] === null || keyValues[i] === undefined)
        throw new InvalidRecord(`its primary key's field "${key.name}" is null or missing`)
    })

    if (record.value === null || record.value === undefined) {
      if (this.#config['delete.enabled']) return { fields: keys, keyCount: keys.length, values: null, keys: keyValues }
      throw new InvalidRecord('it has no value. Set delete.enabled=true with pk.mode=record_key to delete its row, or filter such records')
    }
    const fields = [...keys]
    const values = [...keyValues]
    const keyNames = new Set(keys.map((key) => key.name))
    const { names, read } = this.#fields(record.value, record.valueSchema)
    for (let i = 0; i < names.length; i++) {
      const field = names[i]!
      if (keyNames.has(field.name) || (this.#whitelist && !this.#whitelist.has(field.name))) continue
      fields.push(field)
      values.push(read(field.name))
    }
    if (fields.length === 0) throw new InvalidRecord('it has no fields to write')
    return { fields, keyCount: keys.length, values, keys: keyValues }
  }

  #kafkaKey(record: SinkRecord, keys: Field[], values: unknown[]): void {
    const names = this.#config['pk.fields']
    KAFKA_COLUMNS.forEach((name, i) => {
      keys.push({ name: checkName(names[i] ?? name, 'column'), type: KAFKA_TYPES[i]!, declared: true })
    })
    values.push(record.topic, record.partition, record.offset)
  }

  #recordKey(record: SinkRecord, keys: Field[], values: unknown[]): void {
    const keyFields = this.#config['pk.fields']
    if (record.key === null || record.key === undefined) throw new InvalidRecord('it has no key, which pk.mode=record_key requires')
    if (!hasFields(record.key, record.keySchema)) {
      if (keyFields.length !== 1) throw new InvalidRecord('its key is a single value: set pk.fields to the name of its column')
      keys.push(fieldOf(keyFields[0]!, record.key, record.keySchema))
      values.push(record.key)
      return
    }
    const { names, read } = this.#fields(record.key, record.keySchema)
    this.#pick(keyFields, names, read, 'key', keys, values)
  }

  #valueKey(record: SinkRecord, keys: Field[], values: unknown[]): void {
    if (!hasFields(record.value, record.valueSchema))
      throw new InvalidRecord('its value has no fields, which pk.mode=record_value requires')
    const { names, read } = this.#fields(record.value, record.valueSchema)
    this.#pick(this.#config['pk.fields'], names, read, 'value', keys, values)
  }

  #pick(
    keyFields: readonly string[],
    names: readonly Field[],
    read: (name: string) => unknown,
    part: 'key' | 'value',
    keys: Field[],
    values: unknown[],
  ): void {
    for (const name of keyFields.length > 0 ? keyFields : names.map((field) => field.name)) {
      const field = names.find((candidate) => candidate.name === name)
      if (!field) throw new InvalidRecord(`its ${part} has no field "${name}", which pk.fields requires`)
      keys.push(field)
      values.push(read(name))
    }
  }

  #fields(value: unknown, schema: Schema | null): { names: Field[]; read: (name: string) => unknown } {
    if (!hasFields(value, schema)) {
      const name = checkName(this.#config['string.output.value.column.name'], 'column')
      return { names: [fieldOf(name, value, schema)], read: () => value }
    }
    const read = value instanceof Map ? (name: string) => value.get(name) : (name: string) => (value as Record<string, unknown>)[name]
    if (schema?.type === 'struct') {
      let names = this.#schemaFields.get(schema)
      if (!names) {
        names = schema.fields!.map((field) => ({ name: checkName(field.name, 'column'), type: typeOfSchema(field.schema), declared: true }))
        this.#schemaFields.set(schema, names)
      }
      return { names, read }
    }
    const keys = value instanceof Map ? [...value.keys()].map(String) : Object.keys(value as object)
    return { names: keys.map((name) => fieldOf(checkName(name, 'column'), read(name), null)), read }
  }
}

function hasFields(value: unknown, schema: Schema | null): boolean {
  if (schema) return schema.type === 'struct' || schema.type === 'map'
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Date)
}

const fieldOf = (name: string, value: unknown, schema: Schema | null): Field => ({
  name,
  type: schema ? typeOfSchema(schema) : typeOfValue(value),
  declared: schema !== null,
})

function checkName(name: string, what: string): string {
  if (name === '' || name.includes('\0')) throw new InvalidRecord(`${JSON.stringify(name)} cannot be the name of a ${what}`)
  if (Buffer.byteLength(name) > NAME_BYTES)
    throw new InvalidRecord(
      `"${name}" is longer than the name of a ${what} can be in Postgres (${NAME_BYTES} bytes): rename it by a transform`,
    )
  return name
}

/** The rows of a batch by table and shape. With `lastWins`, a later row of the same key replaces a row. */
export function groupByTable(entries: readonly { table: TableRows['table']; row: Row }[], lastWins: boolean): TableRows[] {
  const tables = new Map<string, { tableRows: TableRows; latest: Map<string, Row>; all: Row[] }>()
  for (const { table, row } of entries) {
    const id = JSON.stringify([table.schema, table.name])
    let rows = tables.get(id)
    if (!rows) tables.set(id, (rows = { tableRows: { table, keys: [], shapes: [], deletes: [] }, latest: new Map(), all: [] }))
    rows.tableRows.keys = row.fields.slice(0, row.keyCount)
    if (!lastWins || row.keyCount === 0) {
      rows.all.push(row)
      continue
    }
    const key = keyText(row.keys)
    const earlier = rows.latest.get(key)
    // The row moves to the later place: rows keep the order of the last record of each key.
    if (earlier) rows.latest.delete(key)
    rows.latest.set(key, earlier ? mergeRows(earlier, row) : row)
  }
  return [...tables.values()].map(({ tableRows, latest, all }) => {
    const shapes = new Map<string, RowShape>()
    for (const row of lastWins && latest.size > 0 ? latest.values() : all) {
      if (row.values === null || row.recreated) tableRows.deletes.push(row.keys)
      if (row.values !== null) addToShape(shapes, row)
    }
    tableRows.shapes = [...shapes.values()]
    return tableRows
  })
}

const keyText = (keys: readonly unknown[]): string =>
  keys.length === 1 && typeof keys[0] === 'string'
    ? keys[0]
    : JSON.stringify(keys, (_name, part) => (typeof part === 'bigint' ? String(part) : part))

/** Fields that the later row lacks keep the values of the earlier row, as they would in the table. */
function mergeRows(earlier: Row, later: Row): Row {
  if (later.values === null) return later
  if (earlier.values === null) return { ...later, recreated: true }
  const laterNames = new Set(later.fields.map((field) => field.name))
  const kept = earlier.fields.flatMap((field, i) => (laterNames.has(field.name) ? [] : [i]))
  if (kept.length === 0) return earlier.recreated ? { ...later, recreated: true } : later
  return {
    ...later,
    recreated: earlier.recreated === true,
    fields: [...later.fields, ...kept.map((i) => earlier.fields[i]!)],
    values: [...later.values, ...kept.map((i) => earlier.values![i])],
  }
}

function addToShape(shapes: Map<string, RowShape>, row: Row): void {
  let id = ''
  for (let i = 0; i < row.fields.length; i++) id += `${row.fields[i]!.name}\0`
  let shape = shapes.get(id)
  if (!shape) {
    // The shape has its own copies of the fields: their types widen with the rows.
    shapes.set(id, (shape = { fields: row.fields.map((field) => ({ ...field })), keyCount: row.keyCount, rows: [] }))
  }
  shape.rows.push(row.values!)
  for (let i = 0; i < row.fields.length; i++) {
    const [field, added] = [shape.fields[i]!, row.fields[i]!]
    if (added.type === null || field.type === added.type) continue
    field.type = field.type === null ? added.type : widestType(field.type, added.type)
    field.declared &&= added.declared
  }
}
