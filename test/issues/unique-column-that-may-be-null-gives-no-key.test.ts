/**
 * Goal: a table without a primary key is keyed by its first unique index, also where columns of it may be NULL, as with Debezium: with no
 * keys the changes of a row go to any partition, in no order. An incremental snapshot then has all rows, and none that the stream has
 * replaced; rows with NULL are told from each other by nothing. Method: tasks on a real Postgres.
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

test('records have the values of the index for a key, in snapshots and in the stream', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { 'snapshot.mode': 'initial' },
    'CREATE TABLE t (pk int UNIQUE, val int)',
    'INSERT INTO t VALUES (1, 10), (NULL, 11)',
    'CREATE TABLE first (b int NOT NULL, a int)',
    'CREATE UNIQUE INDEX first_2 ON first (b)',
    'CREATE UNIQUE INDEX first_1 ON first (a)',
    'INSERT INTO first VALUES (5, 6)',
    'ALTER TABLE t REPLICA IDENTITY FULL',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run('INSERT INTO t VALUES (2, 12)', 'UPDATE t SET pk = 3 WHERE pk = 2', 'DELETE FROM t WHERE pk IS NULL')
  await task.received(9)
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.records.map(({ topic, key, value }) => [topic, key, (value as { op: string } | null)?.op])).toEqual([
    ['p.public.first', { a: 6 }, 'r'],
    ['p.public.t', { pk: 1 }, 'r'],
    ['p.public.t', { pk: null }, 'r'],
    ['p.public.t', { pk: 2 }, 'c'],
    ['p.public.t', { pk: 2 }, 'd'],
    ['p.public.t', { pk: 2 }, undefined],
    ['p.public.t', { pk: 3 }, 'c'],
    ['p.public.t', { pk: null }, 'd'],
    ['p.public.t', { pk: null }, undefined],
  ])
  await end()
})

test('an incremental snapshot reads all rows of such a table', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { 'signal.data.collection': 'public.signals', 'incremental.snapshot.chunk.size': '2' },
    'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)',
    'CREATE TABLE t (pk int UNIQUE, val int)',
    'INSERT INTO t SELECT n, n FROM generate_series(1, 5) AS n',
    'INSERT INTO t SELECT NULL, n FROM generate_series(6, 12) AS n',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run(`INSERT INTO signals VALUES ('one', 'execute-snapshot', '{"data-collections": ["public.t"]}')`)
  await until(() => task.failure !== null || task.envelopes('p.public.t').length >= 12, 'all rows')
  await run('INSERT INTO t VALUES (99, 99)')
  await until(() => task.envelopes('p.public.t').some(({ after }) => after?.pk === 99), 'the stream goes on')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.envelopes('p.public.t').map(({ after }) => after!.val)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99])
  await end()
})
