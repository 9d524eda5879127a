/**
 * Story of connectors/postgres-source. Goal: slots, publications and positions that do not fit each other lose no change in silence: the
 * task waits, or fails with what to do. Method: each misfit is made on a real Postgres, and a task starts on it.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { type PostgresSourceConfig, settings } from '../../../connectors/postgres-source/settings.ts'
import { observe } from '../../../connectors/postgres-source/system-checks.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { sourceDatabase } from './source-database.ts'
import { SourceTask } from './source-task.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await testPostgres()
})
afterAll(() => server?.stop())

test('a slot that a stopped task has left in creation is waited for, and no change between is lost', async () => {
  const { url, config, run, end } = await sourceDatabase(
    server,
    { 'snapshot.mode': 'initial', 'retriable.restart.connector.wait.ms': '50' },
    'CREATE TABLE t (id int PRIMARY KEY)',
    'INSERT INTO t VALUES (1)',
  )
  // Postgres waits for this transaction before it gives the slot a place.
  const open = new pg.Client({ connectionString: url })
  await open.connect()
  await open.query('BEGIN')
  await open.query('INSERT INTO t VALUES (2)')
  const inCreation = async () => {
    const [result] = await run(
      'SELECT FROM pg_replication_slots WHERE slot_name = current_database() AND active AND confirmed_flush_lsn IS NULL',
    )
    return result!.rowCount === 1
  }
  const first = new SourceTask(config)
  await until(inCreation, 'the slot is being created')
  await first.stop()
  expect(await inCreation()).toBe(true)
  const second = new SourceTask(config)
  const waiting = await second.failed()
  expect([waiting.name, waiting.message]).toEqual([
    'RetriableException',
    expect.stringMatching(/is still being created by process \d+ of Postgres.*pg_stat_activity/),
  ])
  expect(second.records).toEqual([])
  await run('INSERT INTO t VALUES (3)')
  await open.query('COMMIT')
  await open.end()
  await until(async () => !(await inCreation()), 'the creation has ended')
  const third = new SourceTask(config)
  await third.streaming()
  await run('INSERT INTO t VALUES (4)')
  await third.received(4)
  await third.stop()
  expect(third.records.map(({ key }) => (key as { id: number }).id)).toEqual([1, 2, 3, 4])
  await end()
})

test('a position behind the end of the WAL, of another server or from before a restore, is an error', async () => {
  const { config, run, end } = await sourceDatabase(server, {}, 'CREATE TABLE t (id int PRIMARY KEY)')
  const first = new SourceTask(config)
  await first.streaming()
  await first.stop()
  const ahead = { lsn: 0xffff_0000_0000, lsn_proc: 0xffff_0000_0000, lsn_commit: 0xffff_0000_0000, messageType: 'COMMIT' }
  const failed = await new SourceTask(config, ahead).failed()
  expect(failed.name).toBe('Error')
  expect(failed.message).toMatch(/position is FFFF\/0, and the WAL of the server ends at .*another server, or was restored.*trust_slot/)
  await run('INSERT INTO t VALUES (1)')
  const trusting = new SourceTask({ ...config, 'offset.mismatch.strategy': 'trust_slot' }, ahead)
  await trusting.received(1)
  await trusting.stop()
  const snapshot = new SourceTask({ ...config, 'snapshot.mode': 'when_needed' }, ahead)
  await snapshot.received(1)
  await snapshot.stop()
  expect(snapshot.envelopes('p.public.t')[0]!.op).toBe('r')
  await end()
})

test('a publication that is dropped in mid-stream is an error or a warning with its mend', async () => {
  const { config, run, end } = await sourceDatabase(server, {}, 'CREATE TABLE t (id int PRIMARY KEY)')
  const first = new SourceTask(config)
  await first.streaming()
  await run('INSERT INTO t VALUES (1)')
  await first.received(1)
  await run('DROP PUBLICATION dbz_publication', 'INSERT INTO t VALUES (2)')
  const [result] = await run("SELECT current_setting('server_version_num')::int AS version")
  // From Postgres 18 on the stream goes on without changes.
  if (result!.rows[0].version < 180_000)
    expect((await first.failed()).message).toMatch(/Publication dbz_publication did not exist.*create it.*delete its offsets/)
  const parsed = parseSettings(settings, config) as PostgresSourceConfig
  expect((await observe(parsed, new AbortController().signal)).warnings).toEqual([
    'Publication dbz_publication does not exist: changes are lost. Create it, and take a new snapshot.',
  ])
  await first.stop()
  const second = new SourceTask(config, first.offset)
  await until(() => second.failure !== null || second.logged.some(({ level }) => level === 'error'), 'the loss is told')
  expect(second.logged.find(({ level }) => level === 'error')?.message).toMatch(/dbz_publication was dropped since the stored position/)
  await second.stop()
  await end()
})

test('a list of columns of the publication is warned of: snapshots have the others too', async () => {
  const { config, end } = await sourceDatabase(
    server,
    { 'snapshot.mode': 'initial', 'publication.autocreate.mode': 'disabled', 'publication.name': 'listed' },
    'CREATE TABLE t (id int PRIMARY KEY, secret text)',
    "INSERT INTO t VALUES (1, 'kept back')",
    'CREATE PUBLICATION listed FOR TABLE t (id)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await task.received(1)
  await task.stop()
  expect(task.logged.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/listed has a list of columns for public.t: .* column.exclude.list/),
  ])
  expect(task.envelopes('p.public.t').map(({ after }) => after)).toEqual([{ id: 1, secret: 'kept back' }])
  await end()
})

test('an unlogged table is left out of the publication, with a warning', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    { 'snapshot.mode': 'initial', 'publication.autocreate.mode': 'filtered' },
    'CREATE TABLE t (id int PRIMARY KEY)',
    'CREATE UNLOGGED TABLE u (id int PRIMARY KEY)',
    'INSERT INTO u VALUES (1)',
  )
  const task = new SourceTask(config)
  await task.streaming()
  await run('INSERT INTO u VALUES (2)', 'INSERT INTO t VALUES (3)')
  await task.received(2)
  await task.stop()
  expect(task.records.map(({ key }) => key)).toEqual([{ id: 1 }, { id: 3 }])
  expect(task.logged.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/Changes of public.u are not streamed.*SET LOGGED/),
  ])
  await end()
})

test('after a restart of an idle stream the sequence still has the last commit, as in Debezium', async () => {
  const { config, run, end } = await sourceDatabase(
    server,
    {
      'publication.autocreate.mode': 'filtered',
      'table.include.list': 'public.t',
      'status.update.interval.ms': '20',
      'poll.interval.ms': '10',
    },
    'CREATE TABLE t (id int PRIMARY KEY)',
    'CREATE TABLE other (id int PRIMARY KEY)',
  )
  const first = new SourceTask(config)
  await first.streaming()
  await run('INSERT INTO t VALUES (1)')
  await first.received(1)
  await until(() => first.offset?.messageType === 'COMMIT', 'the commit is there')
  const commit = first.offset!.lsn_commit
  await run('INSERT INTO other SELECT generate_series(1, 1000)')
  await until(() => Number(first.offset!.lsn) > Number(commit) + 10_000, 'the position has moved')
  await first.stop()
  expect(first.offset).toMatchObject({ lsn_commit: commit, messageType: 'COMMIT' })
  const second = new SourceTask(config, first.offset)
  await second.streaming()
  await run('INSERT INTO t VALUES (2)')
  await second.received(1)
  await second.stop()
  const { source } = second.envelopes('p.public.t')[0]!
  expect(source.sequence).toBe(`["${commit}","${source.lsn}"]`)
  // Within the transaction the position is behind its own commit and in front of its change.
  const third = new SourceTask(config, second.batches[0]!.offset)
  await third.streaming()
  await run('INSERT INTO t VALUES (3)')
  await third.received(1)
  await third.stop()
  expect(third.records.map(({ key }) => key)).toEqual([{ id: 3 }])
  await end()
})
