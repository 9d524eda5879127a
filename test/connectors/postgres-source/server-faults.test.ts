/**
 * Story of connectors/postgres-source. Goal: whatever cuts the source from its server, the rows arrive: kill -9 of the server,
 * connections that are cut at any byte, and a network that drops what is sent, in the snapshot, in the stream and while the slot is
 * created. Method: a server of its own behind a proxy, a source that is run again as a worker does it, and rows with numbers.
 */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { SourceRecord } from '../../../connect/sdk/index.ts'
import { type FaultProxy, faultProxy } from '../../fault-proxy.ts'
import { randomFrom } from '../../random.ts'
import { PostgresProcess } from '../../services/postgres-process.ts'
import { until } from '../../until.ts'
import { databaseSettings, RetriedSource, runSql } from './source-task.ts'

const ROWS = 20_000
const MINUTES = 240_000

let server: PostgresProcess
beforeAll(async () => {
  server = await PostgresProcess.start()
}, MINUTES)
afterAll(() => server?.stop())

/** A source of a new database, through a proxy. */
async function proxied(more: Record<string, string>, ...statements: string[]) {
  const url = await server.database()
  await runSql(url, 'CREATE TABLE t (id int PRIMARY KEY, pad text)', ...statements)
  const proxy = await faultProxy(Number(new URL(url).port))
  onTestFinished(() => proxy.close())
  const config = {
    ...databaseSettings(url),
    'slot.name': new URL(url).pathname.slice(1),
    'retriable.restart.connector.wait.ms': '100',
    'slot.retry.delay.ms': '200',
    'slot.max.retries': '100',
    ...more,
    'database.port': String(proxy.port),
  }
  return { url, proxy, config, slot: config['slot.name'] }
}

const insert = (from: number, to: number) => `INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(${from}, ${to}) AS n`
const idsOf = (records: readonly SourceRecord[]): number[] => records.map(({ key }) => (key as { id: number }).id)
const hasAll = (source: RetriedSource, count: number, timeoutMs = 60_000) =>
  until(() => source.failure !== null || new Set(idsOf(source.all)).size >= count, `${count} rows are there`, timeoutMs)
const reached = (source: RetriedSource, count: number) =>
  until(() => source.failure !== null || source.all.length >= count, `${count} records are there`, 60_000)
/** Without a gap; the stream repeats nothing of what is stored. */
const expectStream = (records: readonly SourceRecord[], first: number, last: number) =>
  expect(idsOf(records.filter(({ value }) => (value as { op: string }).op === 'c'))).toEqual(
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  )

test(
  'kill -9 of the server while a slot is created, in a snapshot, and in a transaction of the stream',
  async () => {
    const { url, config, slot } = await proxied({ 'max.batch.size': '500' }, insert(1, ROWS))
    // It keeps the slot from being ready.
    const blocking = server.query("BEGIN; INSERT INTO t VALUES (0, ''); SELECT pg_sleep(600)", url).catch(() => 'killed')
    await until(
      async () => (await runSql(url, 'SELECT FROM pg_locks WHERE relation = $$t$$::regclass'))[0]!.rowCount,
      'a transaction is open',
    )
    const source = new RetriedSource(config)
    await until(
      async () => (await server.query(`SELECT FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`)).rowCount,
      'the slot is being created',
    )
    await server.kill()
    expect(await blocking).toBe('killed')
    await server.start()
    await reached(source, ROWS / 10)
    await server.kill()
    await server.start()
    await hasAll(source, ROWS)
    await until(() => source.messages.some((message) => message.startsWith('streaming changes')), 'the stream')
    await runSql(url, insert(ROWS + 1, 2 * ROWS))
    await hasAll(source, ROWS + ROWS / 10)
    await server.kill()
    await server.start()
    await runSql(url, insert(2 * ROWS + 1, 2 * ROWS + 10))
    await hasAll(source, 2 * ROWS + 10)
    await source.stop()
    expect(source.retries.length).toBeGreaterThanOrEqual(3)
    expectStream(source.all, ROWS + 1, 2 * ROWS + 10)
  },
  MINUTES,
)

test(
  'connections that are cut at any byte of a snapshot and of the stream',
  async () => {
    const random = randomFrom(7)
    const { url, proxy, config } = await proxied({ 'max.batch.size': '200', 'snapshot.fetch.size': '200' }, insert(1, ROWS))
    let left = 40
    proxy.onResponse = (chunk) => {
      if (left === 0 || random() > 0.05) return { pass: chunk.length, cut: false }
      left--
      return { pass: Math.floor(random() * chunk.length), cut: true }
    }
    const source = new RetriedSource(config)
    await hasAll(source, ROWS, MINUTES)
    left = 20
    await until(() => source.messages.some((message) => message.startsWith('streaming changes')), 'the stream', MINUTES)
    for (let from = ROWS + 1; from < 2 * ROWS; from += ROWS / 10) await runSql(url, insert(from, from + ROWS / 10 - 1))
    await hasAll(source, 2 * ROWS, MINUTES)
    await source.stop()
    expect(source.retries.length).toBeGreaterThan(10)
    expectStream(source.all, ROWS + 1, 2 * ROWS)
  },
  MINUTES,
)

test('a connection that is cut while the stream starts is opened again', async () => {
  const { url, proxy, config } = await proxied({ 'snapshot.mode': 'no_data' })
  const COPY_BOTH = 0x57
  let cuts = 2
  proxy.onResponse = (chunk) => {
    const cut = chunk[0] === COPY_BOTH && cuts-- > 0
    return { pass: cut ? 0 : chunk.length, cut }
  }
  const source = new RetriedSource(config)
  await until(() => source.failure !== null || source.messages.some((message) => message.startsWith('streaming changes')), 'the stream')
  await runSql(url, insert(1, 3))
  await hasAll(source, 3)
  await source.stop()
  expect(source.retries).toHaveLength(2)
})

test(
  'a stream whose network drops everything is opened again, when Postgres has given it up',
  async () => {
    const { url, proxy, config } = await proxied({ 'status.update.interval.ms': '200', 'snapshot.mode': 'no_data' })
    await server.configure({ wal_sender_timeout: '2s' })
    const source = new RetriedSource(config)
    await until(() => source.messages.some((message) => message.startsWith('streaming changes')), 'the stream')
    await runSql(url, insert(1, 10))
    await hasAll(source, 10)
    await silent(proxy, async () => {
      await runSql(url, insert(11, 20))
      await until(() => source.retries.length > 0, 'the silence is noticed', 60_000)
    })
    await hasAll(source, 20)
    await source.stop()
    expectStream(source.all, 1, 20)
  },
  MINUTES,
)

test('a server that is silent but has the connection is left alone', async () => {
  const { url, proxy, config } = await proxied({ 'status.update.interval.ms': '100', 'snapshot.mode': 'no_data' })
  const source = new RetriedSource(config)
  await until(() => source.messages.some((message) => message.startsWith('streaming changes')), 'the stream')
  // What the server sends is dropped for longer than the limit; its process gets all statuses, so that it keeps the connection.
  let dropped = 0
  proxy.onResponse = (chunk) => {
    const isChecked = chunk[0] !== 0x64
    if (!isChecked) dropped++
    return { pass: isChecked ? chunk.length : 0, cut: false }
  }
  await until(() => dropped >= 12, 'twelve statuses are answered')
  proxy.onResponse = null
  await runSql(url, insert(1, 3))
  await hasAll(source, 3)
  await source.stop()
  expect(source.retries).toEqual([])
})

/** Existing connections get nothing more; new ones are open. */
async function silent(proxy: FaultProxy, work: () => Promise<void>): Promise<void> {
  proxy.mode = 'swallow'
  await work()
  proxy.mode = 'pass'
}

test(
  'a slot that Postgres has given up for max_slot_wal_keep_size is an error with its mend, and when_needed takes a snapshot',
  async () => {
    const { url, config, slot } = await proxied({}, insert(1, 10))
    const source = new RetriedSource(config)
    await until(() => source.messages.some((message) => message.startsWith('streaming changes')), 'the stream')
    await hasAll(source, 10)
    await source.stop()
    await server.configure({ max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB' })
    await runSql(url, 'CREATE TABLE junk (pad text)')
    const status = async () =>
      (await server.query(`SELECT wal_status FROM pg_replication_slots WHERE slot_name = '${slot}'`)).rows[0].wal_status
    await until(
      async () => {
        await runSql(
          url,
          'INSERT INTO junk SELECT repeat(md5(n::text), 50) FROM generate_series(1, 10000) AS n',
          'SELECT pg_switch_wal()',
          'CHECKPOINT',
        )
        return (await status()) === 'lost'
      },
      'the slot is lost',
      60_000,
    )
    const offset = { lsn: 1, lsn_proc: 1, lsn_commit: 1, messageType: 'COMMIT' }
    const failing = new RetriedSource(config, offset)
    await until(() => failing.failure !== null, 'the task fails')
    expect(failing.failure!.message).toMatch(
      /Slot .* is lost.*max_slot_wal_keep_size.*Changes are lost; stop the connector, delete its offsets/,
    )
    const mending = new RetriedSource({ ...config, 'snapshot.mode': 'when_needed', 'table.include.list': 'public.t' }, offset)
    await hasAll(mending, 10)
    await mending.stop()
    expect(mending.messages.some((message) => message.includes('rows that were delivered') || message.includes('are deleted by now'))).toBe(
      true,
    )
    await server.configure({ max_slot_wal_keep_size: '-1' })
  },
  MINUTES,
)
