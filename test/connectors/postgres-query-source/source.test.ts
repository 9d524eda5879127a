/**
 * Goal: tables and queries are polled as by Confluent's JDBC source: modes, positions, restarts. Method: tasks on a real Postgres; what
 * is written between polls must come once and in order, and positions have Confluent's form.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { SourceBatch } from '../../../connect/sdk/index.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { check } from '../../../connectors/postgres-query-source/setting-checks.ts'
import { postgresQuerySource } from '../../../connectors/postgres-query-source/source.ts'
import { until } from '../../until.ts'
import { QueryDatabase } from './query-database.ts'

const database = new QueryDatabase()
const ids = (batch: SourceBatch) => batch.records.map(({ value }) => (value as { id: number }).id)
const incrementing = { mode: 'incrementing', 'table.whitelist': 't', 'topic.prefix': 'p-' }

const tasksOf = (config: Record<string, string>, maxTasks: number) =>
  postgresQuerySource.tasks!(parseSettings(postgresQuerySource.settings, database.config(config)), maxTasks)
const checkedBy = (config: Record<string, string>) =>
  postgresQuerySource.checkSystem!(parseSettings(postgresQuerySource.settings, database.config(config)), new AbortController().signal)

test('incrementing: the topic, the schema and the position are those of Confluent', async () => {
  await database.sql(`CREATE TABLE t (id serial PRIMARY KEY, name text); INSERT INTO t (name) VALUES ('a'), (NULL)`)
  for await (const { records, positions } of database.batches(incrementing)) {
    expect(records.map(({ topic, key, value }) => ({ topic, key, value }))).toEqual([
      { topic: 'p-t', key: null, value: { id: 1, name: 'a' } },
      { topic: 'p-t', key: null, value: { id: 2, name: null } },
    ])
    expect(records[0]!.valueSchema).toMatchObject({
      type: 'struct',
      name: 't',
      fields: [
        { name: 'id', schema: { type: 'int32', optional: false } },
        { name: 'name', schema: { type: 'string', optional: true } },
      ],
    })
    expect(positions).toEqual([{ partition: { protocol: '1', table: 'public.t' }, offset: { incrementing: 2 } }])
    break
  }
})

test('a position of each version of Confluent is taken over', async () => {
  await database.sql('CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t SELECT n FROM generate_series(1, 9) AS n')
  const [{ name }] = (await database.client.query('SELECT current_database() AS name')).rows as [{ name: string }]
  const from = async (partition: Record<string, string>, incrementingOffset: number) => {
    database.positions = new (database.positions.constructor as new () => typeof database.positions)()
    database.positions.store([{ partition, offset: { incrementing: incrementingOffset } }])
    return (await database.records(1, incrementing)).map(({ value }) => (value as { id: number }).id)
  }
  expect(await from({ protocol: '1', table: 'public.t' }, 7)).toEqual([8, 9])
  expect(await from({ protocol: '1', table: `${name}.public.t` }, 6)).toEqual([7, 8, 9])
  expect(await from({ table: 't' }, 8)).toEqual([9])
})

test('timestamp: updates are read, microseconds count, and rows of one timestamp stay in one batch', async () => {
  await database.sql(`CREATE TABLE t (id int, changed timestamp NOT NULL);
    INSERT INTO t SELECT n, '2024-01-01 00:00:00.123456' FROM generate_series(1, 5) AS n;
    INSERT INTO t VALUES (6, '2024-01-01 00:00:00.123457')`)
  const config = { mode: 'timestamp', 'timestamp.column.name': 'changed', 'table.whitelist': 't', 'batch.max.rows': '2' }
  const batches = database.batches(config)
  const first = (await batches.next()).value!
  expect(ids(first)).toEqual([1, 2, 3, 4, 5])
  expect(first.positions).toEqual([
    { partition: { protocol: '1', table: 'public.t' }, offset: { timestamp: 1_704_067_200_123, timestamp_nanos: 123_456_000 } },
  ])
  expect(ids((await batches.next()).value!)).toEqual([6])
  await database.sql(`UPDATE t SET changed = '2024-01-02' WHERE id = 3`)
  expect(ids((await batches.next()).value!)).toEqual([3])
  await batches.return()
})

test('timestamp+incrementing: rows of one timestamp are told apart, and a restart goes on between them', async () => {
  await database.sql(`CREATE TABLE t (id serial PRIMARY KEY, changed timestamptz NOT NULL);
    INSERT INTO t (changed) SELECT '2024-01-01' FROM generate_series(1, 10)`)
  const config = {
    mode: 'timestamp+incrementing',
    'timestamp.column.name': 'changed',
    'incrementing.column.name': 'id',
    'table.whitelist': 't',
    'batch.max.rows': '4',
  }
  const seen: number[] = []
  while (seen.length < 10) {
    for await (const batch of database.batches(config)) {
      seen.push(...ids(batch))
      database.positions.store(batch.positions)
      break
    }
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(await database.positions.get({ protocol: '1', table: 'public.t' })).toEqual({
    timestamp: 1_704_067_200_000,
    timestamp_nanos: 0,
    incrementing: 10,
  })
})

test('several timestamp columns: the first that is not null counts', async () => {
  await database.sql(`CREATE TABLE t (id int, created timestamp NOT NULL, changed timestamp);
    INSERT INTO t VALUES (1, '2024-01-01', '2024-03-01'), (2, '2024-02-01', NULL)`)
  const [first, second] = await database.records(2, {
    mode: 'timestamp',
    'timestamp.column.name': 'changed,created',
    'table.whitelist': 't',
  })
  expect([first, second].map((record) => (record!.value as { id: number }).id)).toEqual([2, 1])
})

test('timestamp.delay.interval.ms keeps rows back until they are as old', async () => {
  await database.sql(`CREATE TABLE t (id int, changed timestamptz NOT NULL);
    INSERT INTO t VALUES (1, now() - interval '1 hour'), (2, now() - interval '1 minute')`)
  const config = { mode: 'timestamp', 'timestamp.column.name': 'changed', 'table.whitelist': 't', 'timestamp.delay.interval.ms': '600000' }
  const batches = database.batches(config)
  expect(ids((await batches.next()).value!)).toEqual([1])
  await database.sql(`INSERT INTO t VALUES (3, now() - interval '11 minutes')`)
  expect(ids((await batches.next()).value!)).toEqual([3])
  await batches.return()
})

test('timestamp.initial is where a table without a position begins', async () => {
  await database.sql(`CREATE TABLE t (id int, changed timestamptz NOT NULL);
    INSERT INTO t VALUES (1, '2023-01-01'), (2, '2024-06-01'), (3, '1969-01-01')`)
  const config = { mode: 'timestamp', 'timestamp.column.name': 'changed', 'table.whitelist': 't' }
  expect(ids((await database.batches({ ...config, 'timestamp.initial': '1704067200000' }).next()).value!)).toEqual([2])
  expect(ids((await database.batches(config).next()).value!)).toEqual([3, 1, 2])
  const fromNow = database.batches({ ...config, 'timestamp.initial': '-1' })
  const first = fromNow.next()
  for (let id = 10; ; id++) {
    await database.sql(`INSERT INTO t VALUES (${id}, clock_timestamp())`)
    const batch = await Promise.race([first, new Promise<null>((resolve) => setTimeout(() => resolve(null), 50))])
    if (!batch) continue
    expect(ids(batch.value!)[0]).toBeGreaterThanOrEqual(10)
    break
  }
  await fromNow.return()
})

test('db.timezone is the zone of columns without one', async () => {
  await database.sql(`CREATE TABLE t (id int, changed timestamp NOT NULL); INSERT INTO t VALUES (1, '2024-07-01 12:00:00')`)
  const config = { mode: 'timestamp', 'timestamp.column.name': 'changed', 'table.whitelist': 't', 'db.timezone': 'Europe/Vienna' }
  for await (const { records, positions } of database.batches(config)) {
    expect((records[0]!.value as { changed: Date }).changed.toISOString()).toBe('2024-07-01T10:00:00.000Z')
    database.positions.store(positions)
    break
  }
  await database.sql(`INSERT INTO t VALUES (2, '2024-07-01 11:59:59'), (3, '2024-07-01 12:00:00.000001')`)
  expect(ids((await database.batches(config).next()).value!)).toEqual([3])
})

test('bulk reads everything at each poll, with no position', async () => {
  await database.sql(`CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)`)
  const batches = database.batches({ mode: 'bulk', 'table.whitelist': 'public.t', 'transaction.isolation.mode': 'REPEATABLE_READ' })
  const first = (await batches.next()).value!
  expect([ids(first), first.positions]).toEqual([[1, 2], []])
  await database.sql('DELETE FROM t WHERE id = 1')
  expect(ids((await batches.next()).value!)).toEqual([2])
  await batches.return()
})

test('a query: its topic is topic.prefix, its schema has no name, and the condition is appended', async () => {
  await database.sql(`CREATE TABLE a (id serial PRIMARY KEY, b int); CREATE TABLE b (id int, name text);
    INSERT INTO a (b) VALUES (1), (2), (1); INSERT INTO b VALUES (1, 'one'), (2, 'two')`)
  const config = {
    mode: 'incrementing',
    query: 'SELECT a.id AS id, b.name FROM a JOIN b ON a.b = b.id',
    'incrementing.column.name': 'a.id',
    'quote.sql.identifiers': 'never',
    'query.suffix': 'LIMIT 2',
    'topic.prefix': 'joined',
  }
  for await (const { records, positions } of database.batches(config)) {
    expect(records.map(({ value }) => value)).toEqual([
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
    ])
    expect([records[0]!.topic, records[0]!.valueSchema!.name]).toEqual(['joined', undefined])
    expect(positions).toEqual([{ partition: { query: 'query' }, offset: { incrementing: 2 } }])
    break
  }
  expect(await checkedBy(config)).toEqual([])
  const [problem] = await checkedBy({ ...config, query: 'SELECT id FROM a WHERE id > 1' })
  expect(problem).toMatchObject({ setting: 'query', why: expect.stringContaining('syntax error') })
})

test('tables are divided among tasks, and those that appear later are found', async () => {
  await database.sql('CREATE TABLE a (id serial); CREATE TABLE b (id serial); CREATE TABLE "c,d" (id serial); CREATE VIEW v AS SELECT 1')
  const config = { mode: 'incrementing', 'table.blacklist': 'b' }
  expect(await tasksOf(config, 5)).toEqual([{ tables: '"public"."a"' }, { tables: '"public"."c,d"' }])
  expect(await tasksOf(config, 1)).toEqual([{ tables: '"public"."a","public"."c,d"' }])
  expect(await tasksOf({ ...config, 'table.types': 'VIEW' }, 1)).toEqual([{ tables: '"public"."v"' }])
  expect(await tasksOf({ ...config, 'schema.pattern': 'other%' }, 2)).toEqual([{ tables: '' }])
  await database.sql('CREATE SCHEMA other; CREATE TABLE other.a (id serial)')
  await expect(tasksOf(config, 2)).rejects.toThrow('duplicate unqualified table names')
  const matched = { mode: 'bulk', 'table.include.list': 'public[.].*', 'table.exclude.list': '.*[.]b' }
  expect(await tasksOf(matched, 1)).toEqual([{ tables: '"public"."a","public"."c,d"' }])
})

test('a task of several tables takes turns, and reads each by the column that the mapping has for it', async () => {
  await database.sql(`CREATE TABLE a (n int NOT NULL); CREATE TABLE b (m int NOT NULL);
    INSERT INTO a VALUES (1); INSERT INTO b VALUES (7)`)
  const records = await database.records(2, {
    mode: 'incrementing',
    'table.include.list': 'public[.][ab]',
    'incrementing.column.mapping': 'public[.]a:n,public[.]b:m',
    tables: '"public"."a","public"."b"',
  })
  expect(records.map(({ topic, value }) => [topic, value])).toEqual([
    ['a', { n: 1 }],
    ['b', { m: 7 }],
  ])
})

test('the database is checked before a task runs', async () => {
  await database.sql('CREATE TABLE t (id int, changed timestamp)')
  expect(await checkedBy({ ...incrementing, 'incrementing.column.name': 'id' })).toEqual([
    {
      setting: 'incrementing.column.name',
      why: 'Cannot make incremental queries using incrementing column id on public.t because this column is nullable.',
    },
  ])
  expect(await checkedBy({ ...incrementing, 'incrementing.column.name': 'no' })).toMatchObject([
    { why: expect.stringContaining('does not exist') },
  ])
  expect(await checkedBy(incrementing)).toMatchObject([{ why: expect.stringContaining('no identity or serial column') }])
  expect(await checkedBy({ ...incrementing, 'table.whitelist': 'missing' })).toMatchObject([{ setting: 'table.whitelist' }])
  expect(await checkedBy({ mode: 'timestamp', 'timestamp.column.name': 'changed', 'table.whitelist': 't' })).toMatchObject([
    { setting: 'timestamp.column.name', why: expect.stringContaining('all of these columns are nullable') },
  ])
  const [login] = await checkedBy({ ...incrementing, 'connection.url': database.url.replace(/\/\/[^@]*@/, '//nobody:wrong@') })
  expect(login).toMatchObject({ setting: 'connection.url' })
  await expect(database.records(1, { ...incrementing, 'incrementing.column.name': 'id' })).rejects.toThrow('is nullable')
})

test('columns that no position can be made of are named', async () => {
  await database.sql('CREATE TABLE t (id uuid NOT NULL, at time NOT NULL, word text NOT NULL)')
  const config = { mode: 'timestamp+incrementing', 'table.whitelist': 't' }
  const named = (incrementing: string, timestamp: string) =>
    postgresQuerySource.checkSystem!(
      parseSettings(
        postgresQuerySource.settings,
        database.config({ ...config, 'incrementing.column.name': incrementing, 'timestamp.column.name': timestamp }),
      ),
      new AbortController().signal,
    )
  expect(await named('id', 'at')).toEqual([
    { setting: 'incrementing.column.name', why: expect.stringContaining('is of type uuid') },
    { setting: 'timestamp.column.name', why: expect.stringContaining('is of type time without time zone') },
  ])
})

test('a query with two columns of one name is refused, and a name may have a dot', async () => {
  await database.sql(`CREATE TABLE t ("the.id" integer NOT NULL); INSERT INTO t VALUES (1)`)
  const twice = { mode: 'bulk', 'topic.prefix': 'q', query: 'SELECT 1 AS a, 2 AS a' }
  await expect(database.records(1, twice)).rejects.toThrow('two columns a')
  const dotted = { mode: 'incrementing', 'table.whitelist': 't', 'incrementing.column.name': 'the.id' }
  expect((await database.records(1, dotted)).map(({ value }) => value)).toEqual([{ 'the.id': 1 }])
})

test('settings that exclude each other are refused, in the words of Confluent', () => {
  const problems = (config: Record<string, string>) =>
    check(parseSettings(postgresQuerySource.settings, { 'connection.url': 'jdbc:postgresql://h/d', mode: 'bulk', ...config })).map(
      ({ setting, why }) => [setting, why.slice(0, 40)],
    )
  expect(problems({})[0]).toEqual(['table.whitelist', 'At least one table filtering configurati'])
  expect(problems({ 'table.whitelist': 'a', 'table.include.list': 'b' })[0]![1]).toBe('Cannot mix legacy and new configuration ')
  expect(problems({ 'table.whitelist': 'a', query: 'SELECT 1' })[0]![1]).toBe('Do not specify table filtering configs w')
  expect(problems({ query: 'DELETE FROM t' })[0]![1]).toBe('Only SELECT statements are supported for')
  expect(problems({ 'table.exclude.list': 'a' })[0]![0]).toBe('table.exclude.list')
  expect(problems({ 'table.include.list': 'a', mode: 'timestamp' })[0]![1]).toBe('Timestamp column configuration must be p')
  expect(problems({ 'table.types': 'SYNONYM', 'table.whitelist': 'a' })[0]![0]).toBe('table.types')
})

test('a connection that is lost in the middle of a poll is opened again, and nothing is read twice', async () => {
  await database.sql('CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t SELECT n FROM generate_series(1, 100) AS n')
  const seen: number[] = []
  for await (const batch of database.batches({ ...incrementing, 'batch.max.rows': '10' })) {
    seen.push(...ids(batch))
    if (seen.length >= 100) break
    if (seen.length < 50)
      await database.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()`,
      )
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  expect(database.logged.some(({ message }) => message.includes('is tried again'))).toBe(true)
})

test('numbers past 2^53 are positions without loss', async () => {
  await database.sql('CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1800000000000000001), (1800000000000000002)')
  const config = { ...incrementing, 'incrementing.column.name': 'id', 'batch.max.rows': '1' }
  const first = (await database.batches(config).next()).value!
  expect(first.positions[0]!.offset).toEqual({ incrementing: '1800000000000000001' })
  database.positions.store(first.positions)
  const [record] = await database.records(1, config)
  expect(record!.value).toEqual({ id: 1_800_000_000_000_000_002n })
})

test('a column that is added while the task runs is in the records after it', async () => {
  await database.sql('CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t DEFAULT VALUES')
  const batches = database.batches(incrementing)
  expect((await batches.next()).value!.records[0]!.value).toEqual({ id: 1 })
  await database.sql(`ALTER TABLE t ADD name text; INSERT INTO t (name) VALUES ('b')`)
  expect((await batches.next()).value!.records[0]!.value).toEqual({ id: 2, name: 'b' })
  await batches.return()
})

test('timestamp.wait.for.transactions: the rows of a transaction that commits late are read, in their order', async () => {
  await database.sql(`CREATE TABLE t (id int, changed timestamptz NOT NULL DEFAULT now());
    INSERT INTO t VALUES (1, now() - interval '1 hour')`)
  const slow = new pg.Client({ connectionString: database.url })
  await slow.connect()
  const config = {
    mode: 'timestamp',
    'timestamp.column.name': 'changed',
    'table.whitelist': 't',
    'timestamp.wait.for.transactions': 'true',
  }
  const batches = database.batches(config)
  expect(ids((await batches.next()).value!)).toEqual([1])
  await slow.query('BEGIN; INSERT INTO t VALUES (2)')
  await database.sql('INSERT INTO t VALUES (3)')
  const next = batches.next()
  // Longer than the margin for transactions that do not show yet.
  await until(
    async () => (await database.client.query("SELECT now() - max(changed) > interval '2 seconds' AS old FROM t")).rows[0].old,
    'the row that was committed first is old',
  )
  await slow.query('COMMIT')
  await slow.end()
  expect(ids((await next).value!)).toEqual([2, 3])
  await batches.return()
})

test('timestamp.wait.for.transactions needs a right, and the check says which', async () => {
  const role = `reader_${randomBytes(4).toString('hex')}`
  await database.sql(
    `CREATE TABLE t (id int, changed timestamptz NOT NULL); CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT SELECT ON t TO ${role}`,
  )
  const config = {
    'connection.url': database.url.replace(/\/\/[^@]*@/, `//${role}:reader@`),
    mode: 'timestamp',
    'timestamp.column.name': 'changed',
    'table.whitelist': 't',
    'timestamp.wait.for.transactions': 'true',
  }
  expect(await checkedBy(config)).toMatchObject([{ setting: 'timestamp.wait.for.transactions' }])
  await expect(database.records(1, config)).rejects.toThrow('GRANT pg_read_all_stats')
  await database.sql(`GRANT pg_read_all_stats TO ${role}`)
  expect(await checkedBy(config)).toEqual([])
  await database.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
})

test('query.retry.attempts is how often a query is tried while the database cannot answer', async () => {
  await database.sql(`CREATE FUNCTION busy() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room' USING ERRCODE = '53300'; END $$`)
  const config = { mode: 'bulk', query: 'SELECT busy()', 'topic.prefix': 'q', 'query.retry.attempts': '3' }
  await expect(database.records(1, config)).rejects.toThrow(
    'Failed to read the query after 3 attempts (query.retry.attempts): Postgres: no room',
  )
  expect(database.logged.filter(({ message }) => message.includes('is tried again')).length).toBe(2)
})

test('what Postgres says of a masked query is not told', async () => {
  const config = { mode: 'bulk', 'query.masked': 'SELECT hidden_name FROM hidden_table', 'topic.prefix': 'q' }
  const [problem] = await checkedBy(config)
  expect([problem!.setting, problem!.why]).toEqual(['query.masked', expect.stringContaining('SQLSTATE 42P01')])
  const error = await database.records(1, config).then(
    () => null,
    (thrown: Error) => thrown,
  )
  expect(String(error!.stack)).not.toContain('hidden_')
  expect([error!.message, error!.cause]).toEqual([expect.stringContaining('SQLSTATE 42P01'), undefined])
  expect(problem!.why).not.toContain('hidden_')
})
