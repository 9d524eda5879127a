/**
 * Goal: records that fit a table as it is now are written; the Postgres sink used to reject them as bad where they did not fit the table as
 * it was when it was loaded. Method: the sink writes, the table is altered, the sink writes what only the altered table takes.
 */
import { expect, test } from 'vitest'
import { record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()
const upsert = { 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id', 'schema.evolution': 'none' }

test('a column that has become wider', async () => {
  await database.sql('CREATE TABLE t (id integer PRIMARY KEY, amount integer)')
  const task = await database.start(upsert)
  await task.write([record({ amount: 1 }, { key: 1 })])
  await database.sql('ALTER TABLE t ALTER amount TYPE bigint')
  await task.write([record({ amount: 2 ** 40 }, { key: 1 }), record({ amount: 3 }, { key: 2 })])
  expect(await database.rows()).toEqual([
    { id: 1, amount: String(2 ** 40) },
    { id: 2, amount: '3' },
  ])
})

test('a column that a new row needs, of rows that are there', async () => {
  await database.sql('CREATE TABLE t (id integer PRIMARY KEY, a integer)')
  const task = await database.start(upsert)
  await task.write([record({ a: 1 }, { key: 1 })])
  await database.sql('ALTER TABLE t ADD later integer NOT NULL DEFAULT 7; ALTER TABLE t ALTER later DROP DEFAULT')
  await task.write([record({ a: 2 }, { key: 1 })])
  expect(await database.rows()).toEqual([{ id: 1, a: 2, later: 7 }])
})
