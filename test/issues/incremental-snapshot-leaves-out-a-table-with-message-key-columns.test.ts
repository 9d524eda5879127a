/**
 * Goal: incremental snapshots divide a table by `message.key.columns`, in their order, as Debezium's do: a table without a primary key was
 * left out. Rows that share a key are all read, also over a restart between them, and a change in the stream replaces those of its key.
 * Method: tasks on a real Postgres; a state of an incremental snapshot by itself.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { IncrementalState, type WindowRow } from '../../connectors/postgres-source/incremental-state.ts'
import { sourceDatabase } from '../connectors/postgres-source/source-database.ts'
import { SourceTask } from '../connectors/postgres-source/source-task.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

const SIGNALS = 'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)'
const signal = `INSERT INTO signals VALUES ('one', 'execute-snapshot', '{"data-collections": ["public.t"]}')`
const settings = { 'signal.data.collection': 'public.signals', 'incremental.snapshot.chunk.size': '2' }

test('a table without a primary key is read by the columns that the setting names, ties included', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { ...settings, 'message.key.columns': 'public.t:x,y' },
    SIGNALS,
    'CREATE TABLE t (y int, x text, n int)',
    `INSERT INTO t VALUES (2, 'b', 1), (1, 'b', 2), (1, 'a', 3), (NULL, 'c', 4), (NULL, 'c', 5), (NULL, 'c', 6), (1, 'a', 7), (1, 'a', 8)`,
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run(signal)
  await until(() => task.failure !== null || task.envelopes('p.public.t').length >= 8, 'all rows')
  await run("INSERT INTO t VALUES (9, 'z', 99)")
  await until(() => task.envelopes('p.public.t').some(({ after }) => after?.n === 99), 'the stream goes on')
  await task.stop()
  expect(task.failure).toBeNull()
  const read = task.envelopes('p.public.t').map(({ after }) => after!)
  expect(read.map(({ x, y }) => `${x} ${y}`)).toEqual(['a 1', 'a 1', 'a 1', 'b 1', 'b 2', 'c null', 'c null', 'c null', 'z 9'])
  expect(read.map(({ n }) => n as number).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 99])
  expect(task.records.find(({ topic }) => topic === 'p.public.t')!.key).toEqual({ x: 'a', y: 1 })
  await end()
})

test('a table with a primary key is read in the order of the setting', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { ...settings, 'message.key.columns': 'public.t:pk2,pk1' },
    SIGNALS,
    'CREATE TABLE t (pk1 int, pk2 int, pk3 int, n int, PRIMARY KEY (pk1, pk2, pk3))',
    'INSERT INTO t VALUES (3, 1, 1, 0), (2, 2, 2, 1), (1, 2, 2, 2), (1, 2, 1, 3), (1, 2, 3, 4)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run(signal)
  await until(() => task.failure !== null || task.envelopes('p.public.t').length >= 5, 'all rows')
  await task.stop()
  expect(task.failure).toBeNull()
  const read = task.envelopes('p.public.t').map(({ after }) => `${after!.pk2}${after!.pk1}`)
  expect(read).toEqual(['13', '21', '21', '21', '22'])
  await end()
})

test('a restart between rows that share a key begins with the first of them', () => {
  const row = (key: string, identity: string): WindowRow => ({ row: [key, identity], key: [key], identity: [identity], isAgain: false })
  const state = new IncrementalState()
  state.add([{ name: 'public.t', filter: '', surrogateKey: 'x', signal: 's' }], 's')
  state.begin(['c'])
  const rows = [row('a', '1'), row('b', '2'), row('b', '3'), row('b', '4')]
  state.open(rows, ['text'])
  state.delivered(rows.slice(0, 3), rows[3])
  expect(IncrementalState.load(state.offsetFields()).chunkEnd).toEqual(['a'])
  state.delivered(rows.slice(3))
  expect(IncrementalState.load(state.offsetFields()).chunkEnd).toEqual(['b'])
})

test('rows that share an identity wait in the order in which they were read, and go together', () => {
  const row = (key: string, identity: string): WindowRow => ({ row: [key, identity], key: [key], identity: [identity], isAgain: false })
  const state = new IncrementalState()
  state.add([{ name: 'public.t', filter: '', surrogateKey: 'x', signal: 's' }], 's')
  state.begin(['c'])
  const rows = [row('a', '1'), row('b', '2'), row('c', '1')]
  state.open(rows, ['text'])
  expect(state.close()).toEqual(rows)
  state.open(rows, ['text'])
  state.supersede(['1'], false)
  expect(state.close()).toEqual([rows[1]])
})
