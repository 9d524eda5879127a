/**
 * Goal: an incremental snapshot goes on where a column was dropped, added or altered between the look at the catalog and the reading of a
 * chunk: the table was given up, and the rest of its rows was not read. Method: a table that is altered again and again while it is read.
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

test('all rows are read while columns are added, altered and dropped', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { 'signal.data.collection': 'public.signals', 'incremental.snapshot.chunk.size': '5' },
    'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)',
    'CREATE TABLE a (pk int PRIMARY KEY, aa int)',
    'INSERT INTO a SELECT n, n - 1 FROM generate_series(1, 200) AS n',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run(`INSERT INTO signals VALUES ('1', 'execute-snapshot', '{"data-collections": ["public.a"]}')`)
  await until(() => task.failure !== null || task.envelopes('p.public.a').length >= 20, '20 rows')
  await run('INSERT INTO a VALUES (211, 210)', 'ALTER TABLE a ALTER aa TYPE varchar(5)', "INSERT INTO a VALUES (210, '209')")
  for (let at = 201; at < 210; at += 3)
    await run(
      'ALTER TABLE a ADD c int',
      `INSERT INTO a VALUES (${at}, '${at - 1}', 1)`,
      'ALTER TABLE a ALTER c TYPE varchar(5)',
      `INSERT INTO a VALUES (${at + 1}, '${at}', '1')`,
      'ALTER TABLE a DROP COLUMN c',
      `INSERT INTO a VALUES (${at + 2}, '${at + 1}')`,
    )
  await run("UPDATE a SET aa = 'x' WHERE pk = 200", 'ALTER TABLE a ALTER aa SET NOT NULL', 'ALTER TABLE a ALTER aa DROP NOT NULL')
  await run('INSERT INTO a VALUES (300, NULL)')
  const last = () => new Map(task.envelopes('p.public.a').map(({ after }) => [after!.pk, after!.aa] as const))
  await until(() => task.failure !== null || (last().has(300) && last().size >= 212), 'all rows')
  await task.stop()
  expect(task.failure).toBeNull()
  const expected = Array.from({ length: 211 }, (_, index) => [index + 1, index === 199 ? 'x' : String(index)] as const)
  expect([...last()].map(([pk, aa]) => [pk, aa === null ? null : String(aa)]).sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
    ...expected,
    [300, null],
  ])
  await end()
})

test('a condition that names no column gives the table up', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { 'signal.data.collection': 'public.signals' },
    'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)',
    'CREATE TABLE a (pk int PRIMARY KEY)',
    'INSERT INTO a VALUES (1)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  const data = { 'data-collections': ['public.a'], 'additional-conditions': [{ 'data-collection': 'public.a', filter: 'nothing > 1' }] }
  await run(`INSERT INTO signals VALUES ('1', 'execute-snapshot', '${JSON.stringify(data)}')`, 'INSERT INTO a VALUES (2)')
  await until(() => task.failure !== null || task.logged.some(({ message }) => message.includes('has ended: SQL_EXCEPTION')), 'its end')
  await until(() => task.failure !== null || task.envelopes('p.public.a').length > 0, 'the stream goes on')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.envelopes('p.public.a').map(({ op }) => op)).toEqual(['c'])
  await end()
})
