/**
 * Story of connectors/postgres-source. Goal: what the tests of Debezium's own Postgres connector look at holds here too, where it is no
 * value of a record: restarts between transactions that overlap, messages, filters, slots, limits, users. Method: tasks without a worker
 * on a real Postgres.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { sourceDatabase } from './source-database.ts'
import { runSql, SourceTask } from './source-task.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

const source = (more: Record<string, string>, ...statements: string[]) => sourceDatabase(server, more, ...statements)

test('a transaction that was open over a restart has all of its rows, with metadata of transactions', async () => {
  const { url, config, run, end } = await source(
    { 'provide.transaction.metadata': 'true', 'table.include.list': 'public.t_long,public.t_short' },
    'CREATE TABLE t_long (id int PRIMARY KEY)',
    'CREATE TABLE t_short (id int PRIMARY KEY)',
  )
  const first = new SourceTask(config)
  await first.streaming()
  const long = new pg.Client({ connectionString: url })
  await long.connect()
  await long.query('BEGIN')
  await long.query('INSERT INTO t_long SELECT generate_series(1, 5)')
  await run('INSERT INTO t_short VALUES (90)')
  await first.received(3)
  await long.query('INSERT INTO t_long SELECT generate_series(6, 10)')
  await first.stop()
  await long.query('COMMIT')
  await long.end()
  const second = new SourceTask(config, first.offset)
  await second.received(12)
  await second.stop()
  expect(second.records.map(({ topic }) => topic)).toEqual(['p.transaction', ...Array<string>(10).fill('p.public.t_long'), 'p.transaction'])
  expect(second.envelopes('p.public.t_long').map(({ after }) => after!.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  await end()
})

test('messages outside of transactions are delivered once over restarts, with and without rows between them', async () => {
  const { config, run, end } = await source({}, 'CREATE TABLE a (pk serial PRIMARY KEY, n int)')
  const message = (text: string) => `SELECT pg_logical_emit_message(false, 'heartbeat', '${text}')`
  const first = new SourceTask(config)
  await first.streaming()
  await run(message('1'), 'INSERT INTO a (n) VALUES (1)', message('2'))
  await first.received(3)
  await first.stop()
  const second = new SourceTask(config, first.offset)
  await second.streaming()
  await run(message('3'))
  await second.received(1)
  await second.stop()
  const third = new SourceTask(config, second.offset)
  await third.streaming()
  await run('INSERT INTO a (n) VALUES (2)', message('4'), message('5'))
  await third.received(3)
  await third.stop()
  const shown = [first, second, third].map(({ records }) =>
    records.map(({ value }) => {
      const { message: sent, after } = value as { message?: { content: Buffer }; after?: { n: number } }
      return sent ? sent.content.toString() : after!.n
    }),
  )
  expect(shown).toEqual([['1', 1, '2'], ['3'], [2, '4', '5']])
  await end()
})

test('a publication without tables streams messages alone', async () => {
  const { config, run, end } = await source({ 'publication.autocreate.mode': 'no_tables' }, 'CREATE TABLE a (pk int PRIMARY KEY)')
  const task = new SourceTask(config)
  await task.streaming()
  await run('INSERT INTO a VALUES (1)', "SELECT pg_logical_emit_message(false, 'foo', '{}')")
  await task.received(1)
  await task.stop()
  expect(task.records.map(({ topic }) => topic)).toEqual(['p.message'])
  expect(task.records[0]!.value).toMatchObject({ op: 'm', message: { prefix: 'foo', content: Buffer.from('{}') } })
  await end()
})

test('changes of a table that was dropped while the task was stopped are delivered', async () => {
  const { config, run, end } = await source(
    {},
    'CREATE TABLE a (pk int PRIMARY KEY, n int NOT NULL)',
    'CREATE TABLE b (pk int PRIMARY KEY)',
  )
  const first = new SourceTask(config)
  await first.streaming()
  await run('INSERT INTO a VALUES (1, 1)')
  await first.received(1)
  await first.stop()
  await run('INSERT INTO a VALUES (2, 2)', 'INSERT INTO b VALUES (2)', 'DROP TABLE a')
  const second = new SourceTask(config, first.offset)
  await second.received(2)
  await second.stop()
  expect(second.records.map(({ topic }) => topic)).toEqual(['p.public.a', 'p.public.b'])
  expect(second.envelopes('p.public.a')[0]!.after).toEqual({ pk: 2, n: 2 })
  await end()
})

test('defaults that were changed while the task was stopped are those of now, and rows have theirs', async () => {
  const { config, run, end } = await source({}, "CREATE TABLE t (pk serial PRIMARY KEY, i int DEFAULT 1, text text DEFAULT 'foo')")
  const first = new SourceTask(config)
  await first.streaming()
  await run('INSERT INTO t DEFAULT VALUES')
  await first.received(1)
  await first.stop()
  await run(
    'ALTER TABLE t ADD COLUMN bi bigint DEFAULT 1',
    'INSERT INTO t DEFAULT VALUES',
    'ALTER TABLE t ALTER i SET DEFAULT 2, ALTER text SET DEFAULT $$bar$$, ALTER bi SET DEFAULT 2',
    "ALTER TABLE t ADD COLUMN at timestamptz DEFAULT '2021-03-20 14:44:28 +1'::timestamptz",
    'INSERT INTO t DEFAULT VALUES',
  )
  const second = new SourceTask(config, first.offset)
  await second.received(2)
  await second.stop()
  const fields = second.records.map(({ valueSchema }) =>
    Object.fromEntries(valueSchema!.fields![1]!.schema.fields!.map(({ name, schema }) => [name, schema.default])),
  )
  expect(second.envelopes('p.public.t').map(({ after }) => after)).toEqual([
    { pk: 2, i: 1, text: 'foo', bi: 1 },
    { pk: 3, i: 2, text: 'bar', bi: 2, at: '2021-03-20T13:44:28.000000Z' },
  ])
  expect(fields[0]).toEqual({ pk: 0, i: 2, text: 'bar', bi: 2 })
  expect(fields[1]).toEqual({ pk: 0, i: 2, text: 'bar', bi: 2, at: '2021-03-20T13:44:28.000000Z' })
  await end()
})

test('a slot may have digits alone for a name, and a publication that was dropped is made again', async () => {
  const { config, run } = await source({ 'slot.name': '12345', 'publication.name': '6' }, 'CREATE TABLE a (pk int PRIMARY KEY)')
  const first = new SourceTask(config)
  await first.streaming()
  await run('INSERT INTO a VALUES (1)')
  await first.received(1)
  await first.stop()
  await run('DROP PUBLICATION "6"')
  const second = new SourceTask(config, first.offset)
  await second.streaming()
  await run('INSERT INTO a VALUES (2)')
  await second.received(1)
  await second.stop()
  expect(second.envelopes('p.public.a').map(({ after }) => after)).toEqual([{ pk: 2 }])
  await run("SELECT pg_drop_replication_slot('12345')")
})

test('the publication of the captured tables follows the lists, and one without any is refused', async () => {
  const { config, run, end } = await source(
    { 'publication.autocreate.mode': 'filtered', 'snapshot.mode': 'initial' },
    'CREATE TABLE a (pk int PRIMARY KEY)',
    'CREATE TABLE b (pk int PRIMARY KEY)',
    'INSERT INTO a VALUES (1)',
    'INSERT INTO b VALUES (1)',
  )
  const first = new SourceTask({ ...config, 'table.include.list': 'public.b' })
  await first.streaming()
  await run('INSERT INTO a VALUES (2)', 'INSERT INTO b VALUES (2)')
  await first.received(2)
  await first.stop()
  const second = new SourceTask({ ...config, 'table.include.list': 'public.a' }, first.offset)
  await second.streaming()
  await run('INSERT INTO b VALUES (3)', 'INSERT INTO a VALUES (3)')
  await second.received(1)
  await second.stop()
  expect(first.records.map(({ topic }) => topic)).toEqual(['p.public.b', 'p.public.b'])
  expect(second.envelopes('p.public.a').map(({ after }) => after)).toEqual([{ pk: 3 }])
  const none = new SourceTask({ ...config, 'table.include.list': 'nonexistent.table' }, second.offset)
  expect((await none.failed()).message).toMatch(/No table is captured for publication/)
  await end()
})

test('more tables than guardrail.collections.max are a warning or an error', async () => {
  const { config, end } = await source(
    { 'guardrail.collections.max': '1' },
    'CREATE TABLE a (pk int PRIMARY KEY)',
    'CREATE TABLE b (pk int PRIMARY KEY)',
  )
  const warned = new SourceTask(config)
  await warned.streaming()
  await warned.stop()
  expect(warned.logged.some(({ level, message }) => level === 'warn' && message.startsWith('2 tables are captured'))).toBe(true)
  const failed = new SourceTask({ ...config, 'guardrail.collections.limit.action': 'fail' })
  expect((await failed.failed()).message).toMatch(/guardrail\.collections\.max is 1/)
  const within = new SourceTask({ ...config, 'guardrail.collections.limit.action': 'fail', 'guardrail.collections.max': '2' })
  await within.streaming()
  await within.stop()
  await end()
})

test('a user who may no longer log in fails the task, which does not try for ever', async () => {
  const user = `cdc_${randomBytes(4).toString('hex')}`
  const { url, config, run, end } = await source({}, 'CREATE TABLE a (pk int PRIMARY KEY)')
  await run('CREATE PUBLICATION dbz_publication FOR ALL TABLES', `CREATE ROLE ${user} LOGIN REPLICATION PASSWORD 'secret'`)
  const as = { ...config, 'publication.autocreate.mode': 'disabled', 'database.user': user, 'database.password': 'secret' }
  const task = new SourceTask(as)
  await task.streaming()
  await run(`ALTER ROLE ${user} NOLOGIN`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${user}'`)
  expect((await task.failed()).name).toBe('RetriableException')
  const again = new SourceTask(as, task.offset)
  const refused = await again.failed()
  expect(refused.name).not.toBe('RetriableException')
  expect(refused.message).toMatch(/is not permitted to log in/)
  await end()
  await runSql(url, `DROP ROLE ${user}`)
})

test('no transaction of the connector is left open while it streams', async () => {
  const { config, run, end } = await source(
    { 'snapshot.mode': 'initial', 'include.unknown.datatypes': 'true' },
    'CREATE TABLE a (pk int PRIMARY KEY)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run("CREATE TYPE mood AS ENUM ('c', 'a', 'b')", 'CREATE TABLE m (pk int PRIMARY KEY, m mood)', "INSERT INTO m VALUES (1, 'a')")
  await task.received(1)
  const [open] = await run(
    `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'`,
  )
  await task.stop()
  expect(open!.rows).toEqual([])
  const schema = task.records[0]!.valueSchema!.fields![1]!.schema.fields!.find(({ name }) => name === 'm')!.schema
  expect(schema.parameters).toEqual({ allowed: 'c,a,b' })
  await end()
})

test('statements at the start of connections may have semicolons of their own', async () => {
  const { config, end } = await source(
    {
      'snapshot.mode': 'initial',
      'database.initial.statements': "INSERT INTO a (t) VALUES ('hello;; world'); SET application_name = 'x'",
    },
    'CREATE TABLE a (pk serial PRIMARY KEY, t text)',
  )
  const task = new SourceTask(config)
  await until(() => task.failure !== null || task.envelopes('p.public.a').length > 0, 'a row of a connection')
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.envelopes('p.public.a')[0]!.after!.t).toBe('hello; world')
  await end()
})

test('trust_greater_lsn takes the slot to the position, and the position to the slot', async () => {
  const { config, run, slot, end } = await source(
    { 'offset.mismatch.strategy': 'trust_greater_lsn' },
    'CREATE TABLE a (pk int PRIMARY KEY)',
  )
  const first = new SourceTask(config, null, false)
  await first.streaming()
  await run('INSERT INTO a VALUES (1)')
  await first.received(1)
  await first.stop()
  const before = await slot()
  const second = new SourceTask(config, first.offset)
  await second.streaming()
  await until(async () => (await slot()) > before, 'the slot comes to the position')
  await second.stop()
  await run('INSERT INTO a VALUES (2)', 'SELECT pg_replication_slot_advance(current_database(), pg_current_wal_lsn())')
  const third = new SourceTask(config, first.offset)
  await third.streaming()
  await run('INSERT INTO a VALUES (3)')
  await third.received(1)
  await third.stop()
  expect(third.envelopes('p.public.a').map(({ after }) => after)).toEqual([{ pk: 3 }])
  await end()
})

test('types of the same name in two schemas, and names of many bytes and with quotes of their own, are told apart', async () => {
  const { config, run, end } = await source(
    { 'snapshot.mode': 'initial' },
    'CREATE SCHEMA "テスト"',
    `CREATE TYPE "テスト".status AS ENUM ('x', 'y')`,
    "CREATE TYPE status AS ENUM ('p', 'q')",
    `CREATE TYPE "Status" AS ENUM ('DRAFT', 'DONE')`,
    `CREATE TABLE "テスト"."café" (pk serial PRIMARY KEY, "名前" text, s "テスト".status, t status, u "Status" NOT NULL DEFAULT 'DRAFT',
      "'quoted'" text)`,
    `INSERT INTO "テスト"."café" ("名前", s, t) VALUES ('日本語', 'x', 'q')`,
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run(`INSERT INTO "テスト"."café" ("名前", s, t, "'quoted'") VALUES ('二', 'y', 'p', 'some text')`)
  await task.received(2)
  await task.stop()
  expect(task.envelopes('p.___.caf_').map(({ after }) => after)).toEqual([
    { pk: 1, 名前: '日本語', s: 'x', t: 'q', u: 'DRAFT', "'quoted'": null },
    { pk: 2, 名前: '二', s: 'y', t: 'p', u: 'DRAFT', "'quoted'": 'some text' },
  ])
  for (const { valueSchema } of task.records) {
    const fields = valueSchema!.fields![1]!.schema.fields!
    expect(fields.slice(2, 5).map(({ schema }) => [schema.parameters!.allowed, schema.default])).toEqual([
      ['x,y', undefined],
      ['p,q', undefined],
      ['DRAFT,DONE', 'DRAFT'],
    ])
  }
  await end()
})

test('a table without columns is captured beside others', async () => {
  const { config, run, end } = await source(
    { 'snapshot.mode': 'initial' },
    'CREATE TABLE nothing ()',
    'INSERT INTO nothing DEFAULT VALUES',
    'CREATE TABLE other (pk int PRIMARY KEY)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run('INSERT INTO nothing DEFAULT VALUES', 'INSERT INTO other VALUES (1)')
  await task.received(3)
  await task.stop()
  expect(task.failure).toBeNull()
  expect(task.records.map(({ topic, key, value }) => [topic, key, (value as { after: unknown }).after])).toEqual([
    ['p.public.nothing', null, {}],
    ['p.public.nothing', null, {}],
    ['p.public.other', { pk: 1 }, { pk: 1 }],
  ])
  await end()
})

test('messages in a transaction count in its metadata', async () => {
  const { config, run, end } = await source({ 'provide.transaction.metadata': 'true' }, 'CREATE TABLE t (id int PRIMARY KEY)')
  const task = new SourceTask(config)
  await task.streaming()
  await run("BEGIN; INSERT INTO t VALUES (1); SELECT pg_logical_emit_message(true, 'in', 'x'); INSERT INTO t VALUES (2); COMMIT")
  await task.received(5)
  await task.stop()
  const blocks = task.records.slice(1, 4).map(({ value }) => (value as { transaction: Record<string, unknown> }).transaction)
  expect(blocks.map(({ total_order, data_collection_order }) => [total_order, data_collection_order])).toEqual([
    [1, 1],
    [2, 1],
    [3, 2],
  ])
  expect(task.records[4]!.value).toMatchObject({
    status: 'END',
    event_count: 3,
    data_collections: [
      { data_collection: 'public.t', event_count: 2 },
      { data_collection: 'LOGICAL_DECODING_MESSAGE', event_count: 1 },
    ],
  })
  await end()
})

test('without a stored position and a snapshot the slot tells where to begin', async () => {
  const { config, run, end } = await source({}, 'CREATE TABLE t (id int PRIMARY KEY)')
  const first = new SourceTask(config, null, false)
  await first.streaming()
  await run('INSERT INTO t VALUES (2)')
  await first.received(1)
  await first.stop()
  await run('INSERT INTO t VALUES (3)', 'INSERT INTO t VALUES (4)')
  const second = new SourceTask(config)
  await second.received(3)
  await second.stop()
  expect(second.envelopes('p.public.t').map(({ after }) => after!.id)).toEqual([2, 3, 4])
  await end()
})

test('heartbeats have positions, which move with tables that are not captured, and come where nothing is to be read', async () => {
  const { config, run, end } = await source(
    { 'heartbeat.interval.ms': '20', 'poll.interval.ms': '10', 'table.include.list': 'public.b' },
    'CREATE TABLE a (pk serial PRIMARY KEY, n int)',
    'CREATE TABLE b (pk serial PRIMARY KEY, n int)',
  )
  const first = new SourceTask(config)
  await first.streaming()
  const lsns = (task: SourceTask) => new Set(task.batches.map(({ offset }) => Number(offset?.lsn)))
  await until(() => first.records.length > 2, 'heartbeats')
  const before = lsns(first).size
  await run('INSERT INTO a (n) VALUES (1)')
  await until(() => lsns(first).size > before, 'a heartbeat with another position')
  await run('INSERT INTO b (n) VALUES (22)')
  await until(() => first.envelopes('p.public.b').length === 1, 'the row')
  await first.stop()
  expect(lsns(first).has(Number.NaN)).toBe(false)
  const second = new SourceTask(config, first.offset)
  await until(() => second.records.filter(({ topic }) => topic === '__debezium-heartbeat.p').length > 5, 'heartbeats')
  await second.stop()
  expect(second.records.filter(({ topic }) => topic !== '__debezium-heartbeat.p')).toEqual([])
  await end()
})
