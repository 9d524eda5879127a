/**
 * Story of connectors/postgres-source. Goal: what the tests of Debezium's own Postgres connector look at in signals holds here too: kinds
 * of keys and tables, lists of names, what is stopped before it has begun, blocking snapshots in a row. Method: tasks without a worker on
 * a real Postgres, which are sent signals.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { sourceDatabase } from './source-database.ts'
import { SourceTask } from './source-task.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

const ROWS = (table: string, count: number) =>
  `CREATE TABLE ${table} (pk int PRIMARY KEY, aa int); INSERT INTO ${table} SELECT n, n - 1 FROM generate_series(1, ${count}) AS n`

/** `signal` inserts a row into the table of signals. */
async function source(more: Record<string, string>, ...statements: string[]) {
  const database = await sourceDatabase(
    server,
    { 'signal.data.collection': 'public.signals', 'incremental.snapshot.chunk.size': '10', ...more },
    'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)',
    ...statements,
  )
  let count = 0
  const signal = (type: string, data: object) =>
    database.run(`INSERT INTO signals VALUES ('${++count}', '${type}', '${JSON.stringify(data).replaceAll("'", "''")}')`)
  return { ...database, signal, execute: (...names: string[]) => signal('execute-snapshot', { 'data-collections': names }) }
}

const reads = (task: SourceTask, topic: string) =>
  task
    .envelopes(topic)
    .filter(({ op }) => op === 'r')
    .map(({ after }) => after!)
const rows = (task: SourceTask, topic: string, count: number) =>
  until(() => task.failure !== null || reads(task, topic).length >= count, `${count} rows of ${topic}`)
const logs = (task: SourceTask, text: string) =>
  until(() => task.failure !== null || task.logged.some(({ message }) => message.includes(text)), `the log says: ${text}`)

test('keys of an enum are read in its order, and of numerics with NaN and infinities', async () => {
  const { config, execute, end } = await source(
    { 'decimal.handling.mode': 'string' },
    "CREATE TYPE way AS ENUM ('UP', 'DOWN', 'LEFT', 'RIGHT', 'STORY')",
    'CREATE TABLE ways (pk way PRIMARY KEY, aa int)',
    "INSERT INTO ways VALUES ('STORY', 4), ('RIGHT', 3), ('LEFT', 2), ('DOWN', 1), ('UP', 0)",
    'CREATE TABLE numbers (pk numeric PRIMARY KEY, aa int)',
    'INSERT INTO numbers SELECT n, n FROM generate_series(1, 18) AS n',
    "INSERT INTO numbers VALUES ('-Infinity', 100), ('Infinity', 101), ('NaN', 102)",
  )
  const task = new SourceTask(config)
  await task.streaming()
  await execute('public.ways', 'public.numbers')
  await rows(task, 'p.public.numbers', 21)
  await task.stop()
  expect(task.failure).toBeNull()
  expect(reads(task, 'p.public.ways').map(({ pk, aa }) => [pk, aa])).toEqual([
    ['UP', 0],
    ['DOWN', 1],
    ['LEFT', 2],
    ['RIGHT', 3],
    ['STORY', 4],
  ])
  expect(reads(task, 'p.public.numbers').map(({ aa }) => aa)).toEqual([100, ...Array.from({ length: 18 }, (_, n) => n + 1), 101, 102])
  await end()
})

test('a partitioned table and its partitions are read, each by its name', async () => {
  const { config, execute, end } = await source(
    {},
    'CREATE TABLE part (pk serial, aa int, PRIMARY KEY (pk, aa)) PARTITION BY RANGE (aa)',
    'CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10)',
    'CREATE TABLE part2 PARTITION OF part FOR VALUES FROM (10) TO (20)',
    'INSERT INTO part (aa) SELECT generate_series(0, 19)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await execute('public.part')
  await execute('public.part1')
  await execute('public.part2')
  await rows(task, 'p.public.part2', 10)
  await task.stop()
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)
  expect(reads(task, 'p.public.part').map(({ aa }) => aa)).toEqual(numbers(0, 20))
  expect(reads(task, 'p.public.part1').map(({ aa }) => aa)).toEqual(numbers(0, 10))
  expect(reads(task, 'p.public.part2').map(({ aa }) => aa)).toEqual(numbers(10, 20))
  await end()
})

test('a table that was made since the start, a list that names it twice, and a pattern that names none', async () => {
  const { config, run, execute, end } = await source({}, ROWS('a', 1))
  const task = new SourceTask(config)
  await task.streaming()
  await execute('.*notExist')
  await run(ROWS('later', 15))
  await execute('public.later', 'public.later')
  await rows(task, 'p.public.later', 15)
  await execute('public.a')
  await rows(task, 'p.public.a', 1)
  await task.stop()
  expect(task.failure).toBeNull()
  expect(reads(task, 'p.public.later').length).toBe(15)
  await end()
})

test('a column to divide by that does not exist leaves the table out, and the next signal counts', async () => {
  const { config, signal, execute, end } = await source({}, ROWS('a', 15))
  const task = new SourceTask(config)
  await task.streaming()
  await signal('execute-snapshot', { 'data-collections': ['public.a'], 'surrogate-key': 'totally_invalid' })
  await logs(task, 'it has no column totally_invalid')
  await execute('public.a')
  await rows(task, 'p.public.a', 15)
  await task.stop()
  expect(task.failure).toBeNull()
  expect(reads(task, 'p.public.a').length).toBe(15)
  await end()
})

test('a table is stopped before its turn and in it, and others go on', async () => {
  const { config, run, signal, execute, end } = await source(
    { 'incremental.snapshot.chunk.size': '1' },
    ROWS('a', 60),
    ROWS('b', 5),
    ROWS('c', 3),
  )
  const task = new SourceTask(config)
  await task.streaming()
  await execute('public.a', 'public.b', 'public.c')
  await signal('stop-snapshot', { 'data-collections': ['public.b'], type: 'incremental' })
  await rows(task, 'p.public.a', 3)
  await signal('stop-snapshot', { 'data-collections': ['public.a'], type: 'incremental' })
  await rows(task, 'p.public.c', 3)
  await run('INSERT INTO b VALUES (99, 99)')
  await until(() => task.envelopes('p.public.b').length > 0, 'the stream goes on')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(reads(task, 'p.public.a').length).toBeLessThan(60)
  expect(reads(task, 'p.public.b')).toEqual([])
  expect(Object.keys(task.offset!).some((name) => name.includes('incremental'))).toBe(false)
  await end()
})

test('generated columns are not in the stream after an incremental snapshot had them', async () => {
  const { config, run, execute, end } = await source(
    { 'column.exclude.list': 'public.g.gencol' },
    "CREATE TABLE g (pk int PRIMARY KEY, gencol varchar(10) GENERATED ALWAYS AS ('aa') STORED, bb varchar(2))",
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run("INSERT INTO g VALUES (1, DEFAULT, 'a')")
  await task.received(1)
  await execute('public.g')
  await rows(task, 'p.public.g', 1)
  await run("INSERT INTO g VALUES (2, DEFAULT, 'b')")
  await until(() => task.envelopes('p.public.g').length >= 3, 'the last row')
  await task.stop()
  expect(task.envelopes('p.public.g').map(({ op, after }) => [op, after])).toEqual([
    ['c', { pk: 1, bb: 'a' }],
    ['r', { pk: 1, bb: 'a' }],
    ['c', { pk: 2, bb: 'b' }],
  ])
  await end()
})

test('blocking snapshots one after another, by names in quotes, and of a pattern', async () => {
  const { config, run, signal, end } = await source({}, ROWS('a', 5), ROWS('"b.c"', 2))
  const task = new SourceTask(config)
  await task.streaming()
  const blocking = (name: string) => signal('execute-snapshot', { type: 'blocking', 'data-collections': [name] })
  await blocking('public.a')
  await blocking('"public"."a"')
  await blocking('public.[a-z]')
  await blocking('"public"."b.c"')
  await rows(task, 'p.public.b.c', 2)
  await run('INSERT INTO a VALUES (99, 99)')
  await until(() => task.envelopes('p.public.a').some(({ op }) => op === 'c'), 'the stream goes on')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(reads(task, 'p.public.a').map(({ pk }) => pk)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
  await end()
})
