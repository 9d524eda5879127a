/**
 * Goal: a blocking snapshot whose statement Postgres refuses is given up, with an error in the log and a notification, and the stream goes
 * on, as with Debezium. The task failed, and did so again after each restart, since the request is stored with the position. Method: a task
 * on a real Postgres, with a signal whose statement is none.
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

test('the stream goes on, and a restart does not try again', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    {
      'signal.data.collection': 'public.signals',
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': 'notes',
    },
    'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)',
    'CREATE TABLE a (pk int PRIMARY KEY)',
  )
  const data = {
    type: 'blocking',
    'data-collections': ['public.a'],
    'additional-conditions': [{ 'data-collection': 'public.a', filter: 'SELECT WITH AN ERROR' }],
  }
  const task = new SourceTask(config)
  await task.streaming()
  await run(`INSERT INTO signals VALUES ('one', 'execute-snapshot', '${JSON.stringify(data)}')`, 'INSERT INTO a VALUES (1)')
  await until(() => task.failure !== null || task.envelopes('p.public.a').length > 0, 'the stream goes on')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.records.filter(({ topic }) => topic === 'notes').map(({ value }) => (value as { type: string }).type)).toEqual([
    'SKIPPED',
    'ABORTED',
  ])
  expect(task.logged.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    expect.stringMatching(/^The blocking snapshot that the signal one asks for is given up: .*syntax error/s),
  ])
  const next = new SourceTask(config, task.offset)
  await next.streaming()
  await run('INSERT INTO a VALUES (2)')
  await until(() => next.failure !== null || next.envelopes('p.public.a').length > 0, 'the stream goes on')
  await next.stop()
  expect(next.failure).toBeNull()
  expect(next.envelopes('p.public.a').map(({ after }) => after)).toEqual([{ pk: 2 }])
  await end()
})
