/**
 * Goal: a batch that takes longer than Postgres's statement_timeout is written in parts; it used to be retried as a whole for ever.
 * Method: a database with a timeout, and a trigger that sleeps for each row.
 */
import { expect, test } from 'vitest'
import { Retriable } from '../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()

const slow = async (seconds: number) => {
  await database.sql(`CREATE TABLE t (id integer); CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(${seconds}); RETURN NEW; END $$; CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION slow()`)
  await database.sql(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET statement_timeout = '2s'`)
}

test('the parts are written', async () => {
  await slow(0.15)
  const task = await database.start()
  await task.write(Array.from({ length: 20 }, (_, id) => record({ id })))
  expect(await database.rows('SELECT count(*)::integer AS count FROM t')).toEqual([{ count: 20 }])
}, 60_000)

test('a row that alone takes too long is tried again, and is not bad', async () => {
  await slow(10)
  expect(await failure((await database.start()).write([record({ id: 1 })]))).toBeInstanceOf(Retriable)
})
