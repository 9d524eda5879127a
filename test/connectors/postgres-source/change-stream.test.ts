/**
 * Goal: the changes of a slot become records once and in order, from any position, with Debezium's envelopes and offsets; what is lost is
 * an error with its mend. Method: tasks without a worker on a real Postgres; positions are stored or not as each test needs it.
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

const source = (more: Record<string, string>, ...statements: string[]) => sourceDatabase(server, more, ...statements)

test('inserts, updates and deletes become envelopes, keys and tombstones', async () => {
  const { config, run, end } = await source({}, 'CREATE TABLE t (id int PRIMARY KEY, name text)')
  const task = new SourceTask(config)
  await task.streaming()
  await run("INSERT INTO t VALUES (1, 'a'), (2, NULL)", "UPDATE t SET name = 'b' WHERE id = 1", 'DELETE FROM t WHERE id = 2')
  await task.received(5)
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.envelopes('p.public.t').map(({ op, after }) => [op, after?.name ?? null])).toEqual([
    ['c', 'a'],
    ['c', null],
    ['u', 'b'],
    ['d', null],
  ])
  expect(task.records.map(({ value }) => value === null)).toEqual([false, false, false, false, true])
  await end()
})

test('a key change is a delete, a tombstone and a create with headers; a table without a key has null keys', async () => {
  const { config, run, end } = await source(
    {},
    'CREATE TABLE t (id int PRIMARY KEY, name text)',
    'CREATE TABLE no_key (a int)',
    'ALTER TABLE no_key REPLICA IDENTITY FULL',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run("INSERT INTO t VALUES (1, 'a')", 'UPDATE t SET id = 9', 'INSERT INTO no_key VALUES (7)', 'UPDATE no_key SET a = 8')
  await task.received(6)
  await task.stop()
  const [, deleted, tombstone, created, inserted, updated] = task.records
  expect([deleted, tombstone, created].map((record) => [(record!.value as { op: string } | null)?.op ?? null, record!.key])).toEqual([
    ['d', { id: 1 }],
    [null, { id: 1 }],
    ['c', { id: 9 }],
  ])
  expect(deleted!.headers[0]).toMatchObject({ key: '__debezium.newkey', value: { id: 9 } })
  expect(tombstone!.headers).toBe(deleted!.headers)
  expect(created!.headers[0]).toMatchObject({ key: '__debezium.oldkey', value: { id: 1 } })
  expect(created!.headers.slice(1).map(({ key }) => key.split('.').at(-1))).toEqual([
    'connectorLogicalName',
    'taskId',
    'connectorName',
    'runId',
  ])
  expect([inserted!.key, updated!.key]).toEqual([null, null])
  expect(updated!.value).toMatchObject({ op: 'u', before: { a: 7 }, after: { a: 8 } })
  await end()
})

test('a task goes on at every position, without a gap and without a repeat, where the server sends a transaction again', async () => {
  const { config, run, end } = await source({ 'max.batch.size': '3', 'max.queue.size': '4' }, 'CREATE TABLE t (id int PRIMARY KEY)')
  const first = new SourceTask(config, null, false)
  await first.streaming()
  // A COPY writes many rows under one LSN, an INSERT each under its own; two transactions overlap.
  await run('INSERT INTO t SELECT generate_series(1, 10)', 'CREATE TABLE u (id int PRIMARY KEY)')
  await run('INSERT INTO t SELECT generate_series(11, 14)', 'BEGIN; INSERT INTO t VALUES (15); INSERT INTO t VALUES (16); COMMIT')
  await first.received(16)
  await first.stop()
  const ids = first.records.map(({ key }) => Number((key as { id: string }).id))
  expect(ids).toEqual(Array.from({ length: 16 }, (_, index) => index + 1))
  let seen = 0
  expect(first.batches.length).toBeGreaterThan(4)
  for (const { records, offset } of first.batches) {
    seen += records
    const next = new SourceTask(config, offset, false)
    if (seen < 16) await next.received(16 - seen)
    else await next.streaming()
    await next.stop()
    expect(next.failure).toBeNull()
    expect(next.records.map(({ key }) => Number((key as { id: string }).id))).toEqual(ids.slice(seen))
  }
  await end()
})

test('changes with the same LSN, as COPY writes them, are never parted by a position', async () => {
  const { config, run, end } = await source({ 'max.batch.size': '10' }, 'CREATE TABLE t (id int PRIMARY KEY)')
  const task = new SourceTask(config, null, false)
  await task.streaming()
  await run('INSERT INTO t SELECT generate_series(1, 4)')
  // It writes a page of rows under one LSN.
  await run("COPY t FROM PROGRAM 'seq 5 2000'")
  await task.received(2000)
  await task.stop()
  const lsns = task.envelopes('p.public.t').map(({ source: { lsn } }) => lsn)
  expect(new Set(lsns).size).toBeLessThan(lsns.length)
  let seen = 0
  for (const { records } of task.batches.slice(0, -1)) {
    seen += records
    expect(lsns[seen]).not.toBe(lsns[seen - 1])
  }
  await end()
})

test('positions are confirmed to the slot after they are stored, and never before', async () => {
  const { config, run, slot, end } = await source({}, 'CREATE TABLE t (id int PRIMARY KEY)')
  const careless = new SourceTask(config, null, false)
  await careless.streaming()
  const before = await slot()
  await run('INSERT INTO t VALUES (1)')
  await careless.received(1)
  await careless.stop()
  expect(await slot()).toBe(before)
  const task = new SourceTask(config)
  await task.received(1)
  await until(async () => (await slot()) === task.offset!.lsn_commit, 'the slot has moved')
  await task.stop()
  await end()
})

test('WAL without captured changes moves the position and the slot, without heartbeats', async () => {
  const { config, run, slot, end } = await source(
    {
      'publication.autocreate.mode': 'filtered',
      'table.include.list': 'public.t',
      'status.update.interval.ms': '50',
      'poll.interval.ms': '20',
    },
    'CREATE TABLE t (id int PRIMARY KEY)',
    'CREATE TABLE other (id int PRIMARY KEY)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run('INSERT INTO other SELECT generate_series(1, 1000)')
  const [wal] = await run("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS lsn")
  await until(async () => (await slot()) >= Number(wal!.rows[0].lsn), 'the slot has moved past what is not captured')
  expect(task.records).toEqual([])
  await task.stop()
  await end()
})

test('transactions are numbered in records and have a begin and an end, also where a task goes on in their middle', async () => {
  const { config, run, end } = await source(
    { 'provide.transaction.metadata': 'true', 'max.batch.size': '2', 'max.queue.size': '3' },
    'CREATE TABLE t (id int PRIMARY KEY)',
    'CREATE TABLE u (id int PRIMARY KEY)',
  )
  const first = new SourceTask(config, null, false)
  await first.streaming()
  await run('BEGIN; INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (1); INSERT INTO t VALUES (3); COMMIT')
  await first.received(6)
  await first.stop()
  const shown = (task: SourceTask) =>
    task.records.map(({ topic, value }) => {
      const { transaction, status, event_count, data_collections } = value as Record<string, never> & {
        transaction?: Record<string, unknown>
      }
      return topic === 'p.transaction'
        ? [status, event_count, data_collections]
        : [topic, transaction!.total_order, transaction!.data_collection_order]
    })
  const all = [
    ['BEGIN', null, null],
    ['p.public.t', 1, 1],
    ['p.public.t', 2, 2],
    ['p.public.u', 3, 1],
    ['p.public.t', 4, 3],
    [
      'END',
      4,
      [
        { data_collection: 'public.t', event_count: 3 },
        { data_collection: 'public.u', event_count: 1 },
      ],
    ],
  ]
  expect(shown(first)).toEqual(all)
  const [{ records, offset }] = first.batches as [{ records: number; offset: Record<string, number> }]
  expect(offset).toMatchObject({
    transaction_id: expect.stringMatching(/^\d+$/),
    'transaction_data_collection_order_public.t': records - 1,
  })
  const next = new SourceTask(config, offset, false)
  await next.received(6 - records)
  await next.stop()
  expect(shown(next)).toEqual(all.slice(records))
  await end()
})

test('messages, truncates and heartbeats become records', async () => {
  const { config, run, end } = await source(
    {
      'skipped.operations': 'none',
      'heartbeat.interval.ms': '300',
      'binary.handling.mode': 'base64',
      'message.prefix.exclude.list': 'hidden.*',
    },
    'CREATE TABLE t (id int PRIMARY KEY)',
    'CREATE TABLE beats (at timestamptz)',
  )
  const task = new SourceTask({ ...config, 'heartbeat.action.query': 'INSERT INTO beats VALUES (now())' })
  await task.streaming()
  await run(
    "SELECT pg_logical_emit_message(true, 'greeting', 'hello')",
    "SELECT pg_logical_emit_message(true, 'hidden.one', 'x')",
    "SELECT pg_logical_emit_message(false, 'outside', 'world')",
    'TRUNCATE t',
  )
  await until(() => task.records.some(({ topic }) => topic === '__debezium-heartbeat.p'), 'a heartbeat')
  await until(() => task.envelopes('p.public.beats').length > 0, 'its statement has run')
  await task.stop()
  expect(task.failure).toBeNull()
  const messages = task.records.filter(({ topic }) => topic === 'p.message')
  expect(messages.map(({ key, value }) => [key, (value as { message: unknown }).message])).toEqual([
    [{ prefix: 'greeting' }, { prefix: 'greeting', content: 'aGVsbG8=' }],
    [{ prefix: 'outside' }, { prefix: 'outside', content: 'd29ybGQ=' }],
  ])
  const truncate = task.records.find(({ topic }) => topic === 'p.public.t')
  expect(truncate).toMatchObject({ key: null, keySchema: null, value: { op: 't', before: null, after: null } })
  await end()
})

test('a table that is altered in mid-stream has its new columns from there on', async () => {
  const { config, run, end } = await source({}, 'CREATE TABLE t (id int PRIMARY KEY, a text)')
  const task = new SourceTask(config)
  await task.streaming()
  await run(
    "INSERT INTO t VALUES (1, 'x')",
    "ALTER TABLE t ADD COLUMN b text DEFAULT 'd'",
    'INSERT INTO t (id) VALUES (2)',
    'ALTER TABLE t DROP COLUMN a',
    'INSERT INTO t VALUES (3)',
    'CREATE TABLE later (id int PRIMARY KEY)',
    'INSERT INTO later VALUES (4)',
  )
  await task.received(4)
  await task.stop()
  expect(task.envelopes('p.public.t').map(({ after }) => after)).toEqual([
    { id: 1, a: 'x' },
    { id: 2, a: null, b: 'd' },
    { id: 3, b: 'd' },
  ])
  expect(task.envelopes('p.public.later').map(({ after }) => after)).toEqual([{ id: 4 }])
  await end()
})

test('a TOASTed value that did not change is left out by the stream, and known with REPLICA IDENTITY FULL', async () => {
  const { config, run, end } = await source({}, 'CREATE TABLE t (id int PRIMARY KEY, big text, n int)')
  const task = new SourceTask(config)
  await task.streaming()
  await run(
    "INSERT INTO t SELECT 1, string_agg(md5(i::text), ''), 0 FROM generate_series(1, 500) AS i",
    'ALTER TABLE t REPLICA IDENTITY FULL',
    'UPDATE t SET n = 1',
  )
  await task.received(2)
  await task.stop()
  const [inserted, updated] = task.envelopes('p.public.t')
  expect(updated!.after!.big).toBe(inserted!.after!.big)
  await end()
})

test('a lost connection is tried again, and a slot that is in use, dropped or ahead is an error with its mend', async () => {
  const { config, run, end } = await source({ 'slot.max.retries': '0' }, 'CREATE TABLE t (id int PRIMARY KEY)')
  const task = new SourceTask(config)
  await task.streaming()
  await run('INSERT INTO t VALUES (1)')
  await task.received(1)
  const second = new SourceTask(config)
  expect((await second.failed()).message).toMatch(/is in use by another connection.*set another slot.name/)
  await run('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = current_database()')
  const lost = await task.failed()
  expect(lost.name).toBe('RetriableException')
  await end()
  const dropped = new SourceTask(config, task.offset)
  expect((await dropped.failed()).message).toMatch(/it was dropped, and changes since then are lost/)
  await run("SELECT pg_create_logical_replication_slot(current_database(), 'pgoutput')")
  await run('INSERT INTO t VALUES (2)', "SELECT pg_create_logical_replication_slot(current_database() || '_2', 'pgoutput')")
  await run('SELECT pg_replication_slot_advance(current_database(), pg_current_wal_lsn())')
  const behind = new SourceTask(config, task.offset)
  expect((await behind.failed()).message).toMatch(/no longer has the changes between .* offset.mismatch.strategy=trust_slot/)
  await run("SELECT pg_drop_replication_slot(current_database() || '_2')")
  const trusting = new SourceTask({ ...config, 'offset.mismatch.strategy': 'trust_slot' }, task.offset)
  await trusting.streaming()
  await trusting.stop()
  await end()
})

test('slot.drop.on.stop drops the slot, and errors.max.retries ends the retries', async () => {
  const { config, slot, run } = await source(
    { 'slot.drop.on.stop': 'true', 'errors.max.retries': '0' },
    'CREATE TABLE t (id int PRIMARY KEY)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = current_database()')
  expect((await task.failed()).message).toMatch(/The task gives up after 0 retries/)
  const next = new SourceTask(config)
  await next.streaming()
  await next.stop()
  expect(await slot()).toBeNaN()
})
