/**
 * Goal: of records whose keys are one key for Postgres the last counts, whether or not their texts are equal, and records whose keys
 * differ are never taken for one. A delete of `a` behind an upsert of `A` used to be written before it, an update of both kept the first,
 * and keys that are maps were all one key. Method: the Postgres sink on key columns of such types, all records in one batch.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../connect/sdk/index.ts'
import { record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()
const keyed = (key: unknown, value: unknown) => record(value, { key })
const upsert = { 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id', 'delete.enabled': 'true' }

const lower = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'

test.each([
  ['numeric', '1.0', '1.00'],
  ['char(4)', 'a', 'a  '],
  ['uuid', lower, lower.toUpperCase()],
  ['timestamptz', '2024-01-01T00:00:00Z', '2024-01-01T01:00:00+01:00'],
  ['integer', '7', '07'],
  ['text COLLATE loose', 'a', 'A'],
])('%s: %s and %s', async (type, first, second) => {
  await database.sql("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
  await database.sql(`CREATE TABLE t (id ${type} PRIMARY KEY, v integer)`)
  const task = await database.start(upsert)
  await task.write([keyed(first, { v: 1 }), record(null, { key: second })])
  expect(await database.rows()).toEqual([])
  await task.write([keyed(first, { v: 1 }), record(null, { key: second }), keyed(first, { v: 2 }), keyed(second, { v: 3 })])
  expect(await database.rows('SELECT v FROM t')).toEqual([{ v: 3 }])
  const updates = await database.start({ ...upsert, 'insert.mode': 'update' })
  await updates.write([keyed(first, { v: 4 }), keyed(second, { v: 5 })])
  expect(await database.rows('SELECT v FROM t')).toEqual([{ v: 5 }])
})

test('a number and its text are one key', async () => {
  await database.sql('CREATE TABLE t (id integer PRIMARY KEY, v integer)')
  const task = await database.start(upsert)
  await task.write([keyed(1, { v: 1 }), record(null, { key: '1' })])
  expect(await database.rows()).toEqual([])
})

test('keys that are maps differ', async () => {
  const keySchema = schemas.struct({ id: schemas.map(schemas.string(), schemas.int32()) })
  const one = (value: number) => record({ v: value }, { key: { id: new Map([['a', value]]) }, keySchema })
  await (await database.start({ ...upsert, 'pk.fields': '' })).write([one(1), one(2)])
  expect(await database.rows('SELECT id FROM t ORDER BY id')).toEqual([{ id: { a: 1 } }, { id: { a: 2 } }])
})
