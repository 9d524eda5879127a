/**
 * Goal: what statements write is what the records say one after another. Method: the grouping is pure; random writes and deletes of few
 * keys with different fields are grouped, applied to a map as the statements would, and compared with the records applied one by one.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Schema } from '../../../connect/sdk/index.ts'
import { Layouts } from '../../../connectors/postgres-sink/layouts.ts'
import { Names } from '../../../connectors/postgres-sink/names.ts'
import type { SinkOptions } from '../../../connectors/postgres-sink/options.ts'
import { groupRows, type TableStep } from '../../../connectors/postgres-sink/row-groups.ts'
import { RowMapper } from '../../../connectors/postgres-sink/rows.ts'
import { record } from './sink-database.ts'

const options = {
  ...{ insertMode: 'upsert', keyMode: 'record_key', keyFields: [], deletes: true, truncates: true, withoutValue: 'skipped' },
  ...{ isCloudEvent: null, tableFormat: 't', topicDots: 'underscores', foldsNames: false, isWritten: () => true },
  ...{ valueColumn: 'record_value', nullsAsDefaults: false, timestampFields: new Set(), postgisSchema: 'public' },
} as unknown as SinkOptions
const names = new Names(options)
const layouts = new Layouts(names, options)
const mapper = new RowMapper(options, names, layouts)

type Table = Map<number, Record<string, unknown>>
type Change = { id: number; value: Record<string, unknown> | null }

/** As Postgres upserts: a column that the row lacks keeps its value, or is NULL in a new row. */
const upsert = (table: Table, id: number, value: Record<string, unknown>) => table.set(id, { ...table.get(id), ...value })

function applied(steps: readonly TableStep[], table: Table): Table {
  for (const { truncate, deletes, shapes } of steps) {
    if (truncate) table.clear()
    for (const { rows } of deletes) for (const [id] of rows) table.delete(id as number)
    for (const { fields, rows } of shapes)
      for (const row of rows) upsert(table, row[0] as number, Object.fromEntries(fields.slice(1).map(({ name }, i) => [name, row[i + 1]])))
  }
  return table
}

const change = fc.record({
  id: fc.integer({ min: 0, max: 3 }),
  value: fc.option(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.option(fc.integer({ min: 0, max: 9 })), { minKeys: 1 })),
})

test('the last row of each key is written, with the fields of earlier ones, and keeps nothing of a row that was deleted', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.array(change, { maxLength: 4 }), (changes: Change[], before: Change[]) => {
      const start = () => {
        const table: Table = new Map()
        for (const { id, value } of before) if (value) upsert(table, id, value)
        return table
      }
      const expected = start()
      for (const { id, value } of changes) {
        if (value) upsert(expected, id, value)
        else expected.delete(id)
      }
      const rows = changes.map(({ id, value }) => mapper.row(record(value, { key: { id } }))!)
      const written = applied(groupRows(rows, true, layouts), start())
      const sorted = (table: Table) => [...table].sort(([a], [b]) => a - b)
      expect(sorted(written)).toEqual(sorted(expected))
    }),
  )
})

test('without keys to replace, writes and deletes take turns', () => {
  const rows = [{ a: 1 }, { a: 2 }, null, null, { a: 3 }].map((value, id) => mapper.row(record(value, { key: { id } }))!)
  const turns = groupRows(rows, false, layouts).map(({ deletes, shapes }) => [deletes[0]?.rows.length ?? 0, shapes[0]?.rows.length ?? 0])
  expect(turns).toEqual([
    [0, 2],
    [2, 0],
    [0, 1],
  ])
})

test('rows of one schema are one shape, whatever object the schema is', () => {
  const schema = (): Schema => ({
    type: 'struct',
    optional: false,
    fields: [{ name: 'a', schema: { type: 'int32', optional: false } }],
  })
  const rows = [schema(), schema()].map((valueSchema, id) => mapper.row(record({ a: id }, { key: { id }, valueSchema }))!)
  expect(groupRows(rows, true, layouts)[0]!.shapes.map((shape) => shape.rows)).toEqual([
    [
      [0, 0],
      [1, 1],
    ],
  ])
})
