/**
 * Goal: a delivery that fails in its middle and is written again inserts no row twice; what was committed of it used to be inserted again.
 * Method: the Postgres sink with transactions of two records, and a trigger that fails as a serialization failure does, or refuses a row,
 * until the test ends it.
 */
import { expect, test } from 'vitest'
import { BadRecord, Retriable } from '../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()

const failing = (id: number, state: string) =>
  database.sql(`CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id = ${id} THEN RAISE EXCEPTION 'not now' USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$`)

test('the same records after a serialization failure', async () => {
  await database.sql('CREATE TABLE t (id integer)')
  await failing(4, '40001')
  await database.sql('CREATE TRIGGER fails BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fails()')
  const task = await database.start({ 'batch.size': '2' })
  const records = [1, 2, 3, 4, 5].map((id) => record({ id }))
  expect(await failure(task.write(records))).toBeInstanceOf(Retriable)
  expect(await database.rows()).toEqual([{ id: 1 }, { id: 2 }])
  expect(await failure(task.write(records))).toBeInstanceOf(Retriable)
  await database.sql('ALTER TABLE t DISABLE TRIGGER fails')
  await task.write(records)
  expect(await database.rows()).toEqual([1, 2, 3, 4, 5].map((id) => ({ id })))
  await task.write([record({ id: 1 })])
  expect(await database.rows()).toHaveLength(6)
})

test('bad records of the first try are reported by the last', async () => {
  await database.sql('CREATE TABLE t (id integer CHECK (id <> 2))')
  await failing(4, '40P01')
  await database.sql('CREATE TRIGGER fails BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fails()')
  const task = await database.start({ 'batch.size': '2' })
  const records = [1, 2, 3, 4].map((id) => record({ id }))
  expect(await failure(task.write(records))).toBeInstanceOf(Retriable)
  await database.sql('ALTER TABLE t DISABLE TRIGGER fails')
  const error = await failure(task.write(records))
  expect(error).toBeInstanceOf(BadRecord)
  expect(error).toMatchObject({ index: 1, also: [] })
  expect(await database.rows()).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }])
})
