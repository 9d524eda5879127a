/**
 * Story of connectors/postgres-source. Goal: tables that were altered, renamed, dropped or made again before their changes were read
 * keep their keys and rows, and nothing of them stops the task. Method: the task is stopped while the tables are changed on a real
 * Postgres, so that the catalog is ahead of the stream.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { sourceDatabase } from './source-database.ts'
import { SourceTask } from './source-task.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

/** What a task reads of statements that are all run before it starts. */
async function readLate(count: number, settings: Record<string, string>, before: readonly string[], statements: readonly string[]) {
  const { config, run, end } = await sourceDatabase(server, settings, 'CREATE TABLE marker (id int PRIMARY KEY)', ...before)
  const first = new SourceTask(config)
  await first.streaming()
  await first.stop()
  await run(...statements, 'INSERT INTO marker VALUES (0)')
  const task = new SourceTask(config, first.offset)
  await task.received(count + 1)
  await task.stop()
  await end()
  expect(task.failure).toBeNull()
  expect(task.records.at(-1)!.topic).toBe('p.public.marker')
  const rows = task.records.slice(0, -1).map(({ topic, key, value }) => {
    const { op, before: old, after } = (value ?? { op: null, before: null, after: null }) as Record<string, unknown>
    return { topic, key, op, before: old, after }
  })
  return { rows, logged: task.logged }
}

const create = (topic: string, key: object | null, after: object) => ({ topic: `p.public.${topic}`, key, op: 'c', before: null, after })

test('a type that was dropped behind the stream does not stop the task', async () => {
  const { rows, logged } = await readLate(
    1,
    {},
    [],
    [
      "CREATE TYPE mood AS ENUM ('sad', 'happy')",
      'CREATE TABLE t (id int PRIMARY KEY, m mood, ms mood[])',
      "INSERT INTO t VALUES (1, 'sad', '{happy}')",
      'DROP TABLE t',
      'DROP TYPE mood',
    ],
  )
  expect(rows).toEqual([create('t', { id: 1 }, { id: 1 })])
  expect(logged.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/type with oid \d+ was dropped before its changes were read.*include.unknown.datatypes/),
    expect.stringMatching(/type with oid \d+ was dropped/),
  ])
})

test('a type that is dropped while the task runs stays as it was', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    {},
    "CREATE TYPE mood AS ENUM ('sad', 'happy')",
    'CREATE TABLE t (id int PRIMARY KEY, m mood)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run("BEGIN; INSERT INTO t VALUES (1, 'sad'); DROP TABLE t; DROP TYPE mood; COMMIT")
  await task.received(1)
  await task.stop()
  await end()
  expect(task.envelopes('p.public.t')[0]!.after).toEqual({ id: 1, m: 'sad' })
})

test('a key that was renamed behind the stream is the key of that time, and no null', async () => {
  const { rows } = await readLate(
    4,
    {},
    ['CREATE TABLE t (id int PRIMARY KEY, n int)'],
    [
      'INSERT INTO t VALUES (1, 1)',
      'ALTER TABLE t RENAME id TO number',
      'INSERT INTO t VALUES (2, 2)',
      'ALTER TABLE t DROP CONSTRAINT t_pkey',
      'ALTER TABLE t ADD PRIMARY KEY (n)',
      'INSERT INTO t VALUES (3, 3)',
      'ALTER TABLE t DROP CONSTRAINT t_pkey',
      'INSERT INTO t VALUES (4, 4)',
    ],
  )
  expect(rows).toEqual([
    create('t', { id: 1 }, { id: 1, n: 1 }),
    create('t', { number: 2 }, { number: 2, n: 2 }),
    create('t', { n: 3 }, { number: 3, n: 3 }),
    create('t', null, { number: 4, n: 4 }),
  ])
})

test('a table of the same name that was made since lends nothing to the one before', async () => {
  const { rows } = await readLate(
    3,
    {},
    [],
    [
      'CREATE TABLE t (id int PRIMARY KEY, n int)',
      'INSERT INTO t VALUES (1, NULL)',
      'ALTER TABLE t RENAME TO u',
      'INSERT INTO u VALUES (2, 2)',
      "CREATE TABLE t (n int NOT NULL DEFAULT 7, x text PRIMARY KEY DEFAULT 'x')",
      'INSERT INTO t DEFAULT VALUES',
    ],
  )
  expect(rows).toEqual([
    create('t', { id: 1 }, { id: 1, n: null }),
    create('u', { id: 2 }, { id: 2, n: 2 }),
    create('t', { x: 'x' }, { n: 7, x: 'x' }),
  ])
})

test.each([
  { root: 'false', topics: ['p1', 'p2', 'p1', 'p1', 'p2', 'p3', 'p1'] },
  { root: 'true', topics: ['p', 'p', 'p', 'p', 'p', 'p', 'p1'] },
])('partitions that are attached, made and detached, with publish.via.partition.root $root', async ({ root, topics }) => {
  const { rows } = await readLate(
    7,
    { 'publish.via.partition.root': root },
    [
      'CREATE TABLE p (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k)',
      'CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)',
      // Its columns are in another order, and one was dropped.
      'CREATE TABLE p2 (k int NOT NULL, gone int, v text, id int NOT NULL)',
      'ALTER TABLE p2 DROP COLUMN gone',
    ],
    [
      "INSERT INTO p VALUES (1, 1, 'a')",
      'ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2)',
      "INSERT INTO p VALUES (2, 2, 'b')",
      'UPDATE p SET k = 2 WHERE id = 1',
      'CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3)',
      "INSERT INTO p VALUES (3, 3, 'c')",
      'ALTER TABLE p DETACH PARTITION p1',
      "INSERT INTO p1 VALUES (9, 1, 'x')",
    ],
  )
  expect(rows.map(({ topic, key, op, after }) => [topic.split('.').at(-1), key, op, (after as { v: string } | null)?.v ?? null])).toEqual(
    [
      [{ id: 1, k: 1 }, 'c', 'a'],
      [{ id: 2, k: 2 }, 'c', 'b'],
      [{ id: 1, k: 1 }, 'd', null],
      [{ id: 1, k: 1 }, null, null],
      [{ id: 1, k: 2 }, 'c', 'a'],
      [{ id: 3, k: 3 }, 'c', 'c'],
      [{ id: 9, k: 1 }, 'c', 'x'],
    ].map((row, index) => [topics[index], ...row]),
  )
})

test('replica identities that change in mid-stream', async () => {
  const large = 'v'.repeat(5_000)
  const { rows } = await readLate(
    8,
    {},
    ['CREATE TABLE t (id int PRIMARY KEY, n int, v text)', 'ALTER TABLE t ALTER v SET STORAGE EXTERNAL'],
    [
      `INSERT INTO t VALUES (1, 1, '${large}')`,
      'UPDATE t SET n = 2',
      'ALTER TABLE t REPLICA IDENTITY FULL',
      'UPDATE t SET n = 3',
      'UPDATE t SET id = 2',
      'CREATE UNIQUE INDEX other ON t (id)',
      'ALTER TABLE t REPLICA IDENTITY USING INDEX other',
      'UPDATE t SET n = 4',
      'ALTER TABLE t REPLICA IDENTITY NOTHING',
      'INSERT INTO t VALUES (3)',
    ],
  )
  const placeholder = '__debezium_unavailable_value'
  expect(rows.map(({ key, op, before, after }) => [key, op, before, after])).toEqual([
    [{ id: 1 }, 'c', null, { id: 1, n: 1, v: large }],
    [{ id: 1 }, 'u', null, { id: 1, n: 2, v: placeholder }],
    [{ id: 1 }, 'u', { id: 1, n: 2, v: large }, { id: 1, n: 3, v: large }],
    [{ id: 1 }, 'd', { id: 1, n: 3, v: large }, null],
    [{ id: 1 }, null, null, null],
    [{ id: 2 }, 'c', null, { id: 2, n: 3, v: large }],
    [{ id: 2 }, 'u', null, { id: 2, n: 4, v: placeholder }],
    [{ id: 3 }, 'c', null, { id: 3, n: null, v: null }],
  ])
})
