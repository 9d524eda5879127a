/**
 * Groups the rows of a batch into what statements write: by table, in steps that keep the order of truncates, and of inserts and deletes;
 * within a step by layout. Where the mode replaces rows, only the last row of each key is kept. Pure.
 */
import type { Schema } from '../../connect/sdk/index.ts'
import { widestType } from './column-types.ts'
import type { Field, Layout, Layouts } from './layouts.ts'
import type { TableName } from './names.ts'
import type { Row } from './rows.ts'

/** Rows with the same columns; those of the primary key are first. */
export interface RowShape {
  fields: Field[]
  keyCount: number
  rows: unknown[][]
  /** The layout of the last row: its types are those of the fields already. */
  last: Layout | null
}

/** What is written to one table: first it is truncated, then rows are deleted, then written. */
export interface TableStep {
  table: TableName
  truncate: boolean
  /** Of keys, one for each set of key columns. */
  deletes: RowShape[]
  shapes: RowShape[]
}

interface TableRows {
  table: TableName
  truncate: boolean
  all: Row[]
  latest: Map<string, Row>
  /** Rows of `latest` that are deleted first, so that fields they lack become NULL. */
  recreated: Set<Row>
}

/** With `lastWins`, a later row of a key replaces an earlier one. Without it, deletes and writes take turns as the records do. */
export function groupRows(rows: readonly Row[], lastWins: boolean, layouts: Layouts): TableStep[] {
  const steps: TableRows[] = []
  const open = new Map<string, TableRows>()
  for (const row of rows) {
    const id = row.table.sql
    let step = open.get(id)
    const takesTurn = !lastWins && step && step.all.length > 0 && (step.all[0]!.kind === 'delete') !== (row.kind === 'delete')
    if (!step || row.kind === 'truncate' || takesTurn) {
      step = { table: row.table, truncate: row.kind === 'truncate', all: [], latest: new Map(), recreated: new Set() }
      steps.push(step)
      open.set(id, step)
    }
    if (row.kind === 'truncate') continue
    if (lastWins && row.layout.keyCount > 0) keepLatest(step, row, layouts)
    else step.all.push(row)
  }
  return steps.map(stepOf)
}

function keepLatest({ latest, recreated }: TableRows, row: Row, layouts: Layouts): void {
  const key = keyOf(row)
  const earlier = latest.get(key)
  if (!earlier) {
    latest.set(key, row)
    return
  }
  // The row moves to the later place: rows keep the order of the last record of each key.
  latest.delete(key)
  const merged = mergedRow(earlier, row, layouts)
  latest.set(key, merged)
  const isRecreated = row.kind === 'write' && (earlier.kind === 'delete' || recreated.has(earlier))
  recreated.delete(earlier)
  if (isRecreated) recreated.add(merged)
}

/** Fields that the later row lacks keep the values of the earlier row, as they would in the table. */
function mergedRow(earlier: Row, later: Row, layouts: Layouts): Row {
  if (later.kind === 'delete' || earlier.kind === 'delete' || earlier.layout === later.layout) return later
  const { layout, kept } = layouts.merged(later.layout, earlier.layout)
  return kept.length === 0 ? later : { ...later, layout, values: [...later.values, ...kept.map((i) => earlier.values[i])] }
}

/** Equal for equal keys only: 1 and '1' are one key, whatever the type of the column. */
function keyOf({ layout: { keyCount }, values }: Row): string {
  const first = values[0]
  if (keyCount === 1 && typeof first !== 'object') return String(first)
  return JSON.stringify(values.slice(0, keyCount).map(keyPart))
}

/** What JSON has no numbers for, or loses, is named. */
function keyPart(value: unknown): unknown {
  if (typeof value !== 'object') return String(value)
  if (value instanceof Map) return [...value].map(([name, item]) => [keyPart(name), keyPart(item)])
  if (value === null || value instanceof Uint8Array || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(keyPart)
  return Object.entries(value).map(([name, item]) => [name, keyPart(item)])
}

function stepOf({ table, truncate, all, latest, recreated }: TableRows): TableStep {
  const shapes = new Map<string, RowShape>()
  const deletes = new Map<string, RowShape>()
  for (const row of latest.size > 0 ? [...all, ...latest.values()] : all) {
    const { layout, values, kind } = row
    if (kind === 'delete' || recreated.has(row)) {
      const keyNames = layout.fields.slice(0, layout.keyCount).map(({ name }) => name)
      addRow(deletes, keyNames.join('\0'), layout, layout.keyCount, kind === 'delete' ? values : values.slice(0, layout.keyCount))
    }
    if (kind === 'write') addRow(shapes, layout.id, layout, layout.fields.length, values)
  }
  return { table, truncate, deletes: [...deletes.values()], shapes: [...shapes.values()] }
}

function addRow(shapes: Map<string, RowShape>, id: string, layout: Layout, count: number, values: unknown[]): void {
  let shape = shapes.get(id)
  if (!shape) shapes.set(id, (shape = shapeOf(layout, count)))
  shape.rows.push(values)
  if (shape.last === layout) return
  shape.last = layout
  widen(shape.fields, layout.fields)
}

/** The shape has its own copies of the fields: their types widen with the rows. */
const shapeOf = ({ fields, keyCount }: Layout, count: number): RowShape => ({
  fields: fields.slice(0, count).map((field) => ({ ...field })),
  keyCount,
  rows: [],
  last: null,
})

function widen(fields: Field[], added: readonly Field[]): void {
  for (let i = 0; i < fields.length; i++) {
    const [field, other] = [fields[i]!, added[i]!]
    if (other.type === null || field.type === other.type) continue
    field.type = field.type === null ? other.type : widestType(field.type, other.type)
    field.schema = commonSchema(field.schema, other.schema)
  }
}

const commonSchema = (a: Schema | null, b: Schema | null): Schema | null => (a === null ? b : b === null ? null : a)
