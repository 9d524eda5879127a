/**
 * Goal: the schema of an array of an enum, or of a domain over one, names the labels that the enum has when the table is read, also those
 * that were added since the start. Method: a task on a real Postgres, with types that gain a label in mid-stream.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sourceDatabase } from '../connectors/postgres-source/source-database.ts'
import { SourceTask } from '../connectors/postgres-source/source-task.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

test.each(['kind', 'kind[]', 'named'])('a column of the type %s', async (type) => {
  const { config, run, end } = await sourceDatabase(
    server,
    {},
    "CREATE TYPE kind AS ENUM ('a')",
    'CREATE DOMAIN named AS kind',
    `CREATE TABLE t (pk int PRIMARY KEY, k ${type})`,
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run("ALTER TYPE kind ADD VALUE 'b'", `INSERT INTO t VALUES (1, '${type.endsWith(']') ? '{b}' : 'b'}')`)
  await task.received(1)
  await task.stop()
  expect(task.failure).toBeNull()
  const schema = task.records[0]!.valueSchema!.fields![1]!.schema.fields![1]!.schema
  expect((schema.values ?? schema).parameters).toEqual({ allowed: 'a,b' })
  await end()
})
