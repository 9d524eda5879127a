/**
 * Goal: signal.data.collection may have its parts in double quotes, as with Debezium, so that names may have dots. With quotes the table
 * was taken for another one, and its signals for rows. Method: tasks on a real Postgres, each with a signal in a table of such a name.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sourceDatabase } from '../connectors/postgres-source/source-database.ts'
import { SourceTask } from '../connectors/postgres-source/source-task.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

test.each(['public."debezium_signal"', '"public"."debezium_signal"', '"odd.schema"."sig""nals"'])('%s', async (name) => {
  const { config, run, end } = await sourceDatabase(
    server,
    { 'signal.data.collection': name, 'table.include.list': 'public.a', 'snapshot.mode': 'initial' },
    'CREATE SCHEMA "odd.schema"',
    `CREATE TABLE ${name} (id text PRIMARY KEY, type text, data text)`,
    `INSERT INTO ${name} VALUES ('0', 'log', '{}')`,
    'CREATE TABLE a (pk int PRIMARY KEY)',
    'INSERT INTO a VALUES (1)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run(`INSERT INTO ${name} VALUES ('1', 'execute-snapshot', '{"data-collections": ["public.a"]}')`)
  await until(() => task.failure !== null || task.envelopes('p.public.a').length >= 2, 'the row again')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.envelopes('p.public.a').map(({ source: { snapshot } }) => snapshot)).toEqual(['last', 'incremental'])
  await end()
})
