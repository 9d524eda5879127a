/**
 * Goal: the offsets of the source are listed, altered and reset over REST in Debezium's format; what is none is refused with 400 and a
 * sentence, and changes nothing. Method: a worker and a broker as processes, and a real Postgres.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { startTestBroker } from '../../running-broker.ts'
import { testWorker } from '../../running-worker.ts'
import { testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { databaseSettings, runSql } from './source-task.ts'

const partition = { server: 'p' }
const huge = '{"offsets": [{"partition": {"server": "p"}, "offset": {"lsn": 9223372036854775807}}]}'
const offsets = (offset: unknown, of: unknown = partition) => JSON.stringify({ offsets: [{ partition: of, offset }] })

test('offsets over REST', { timeout: 180_000 }, async () => {
  const postgres = await testPostgres()
  onTestFinished(() => postgres.stop())
  const url = await postgres.database()
  await runSql(url, 'CREATE TABLE t (id int PRIMARY KEY)', 'INSERT INTO t VALUES (1), (2)')
  const broker = await startTestBroker()
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const worker = await testWorker('offsets', broker.address, { 'offset.flush.interval.ms': '200' })
  onTestFinished(() => worker.stop())
  await worker.start()
  const slot = new URL(url).pathname.slice(1)
  await worker.configure('p', {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    ...databaseSettings(url),
    'slot.name': slot,
    'publication.autocreate.mode': 'all_tables',
    'auto.restart.enable': 'false',
  })
  const rest = async (method: string, path: string, body?: string): Promise<[number, Record<string, unknown> | null]> => {
    const init = body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${worker.url}/connectors/p${path}`, { method, ...init })
    const text = await response.text()
    return [response.status, text === '' ? null : JSON.parse(text)]
  }
  const count = async () => (await client.admin.listOffsets([{ topic: 'p.public.t', partition: 0, spec: 'latest' }]))[0]!.offset
  const has = (records: number) => until(async () => (await count()) === records, `${records} records:\n${worker.output}`, 30_000)
  const listed = async () =>
    ((await rest('GET', '/offsets'))[1] as { offsets: { partition: unknown; offset: Record<string, unknown> }[] }).offsets
  const taskOf = async () => ((await rest('GET', '/status'))[1] as { tasks: { state: string; trace?: string }[] }).tasks[0]
  const stop = async () => {
    await rest('PUT', '/stop')
    await until(async () => (await taskOf()) === undefined, 'it is stopped', 30_000)
  }
  await has(2)
  expect((await rest('PATCH', '/offsets', offsets({ lsn: 1 })))[0]).toBe(400)
  await until(async () => (await listed()).length === 1, 'a position is stored')
  await stop()
  const before = await listed()
  expect(before).toEqual([{ partition, offset: expect.objectContaining({ lsn: expect.any(Number) }) }])

  const malformed: Record<string, string> = {
    'no JSON': '{"offsets": [',
    'no offsets': '{}',
    'null for offsets': '{"offsets": null}',
    'an empty list': '{"offsets": []}',
    'an entry that is a text': '{"offsets": ["x"]}',
    'an entry without a partition': '{"offsets": [{}]}',
    'a partition that is a text': offsets({ lsn: 1 }, 'p'),
    'a partition that is a list': offsets({ lsn: 1 }, ['p']),
    'another server': offsets({ lsn: 1 }, { server: 'q' }),
    'a server in a map': offsets({ lsn: 1 }, { server: { name: 'p' } }),
    'a partition with more fields': offsets({ lsn: 1 }, { server: 'p', other: 1 }),
    'an offset that is a text': offsets('1'),
    'an offset that is a list': offsets([1]),
    'an offset without fields': offsets({}),
    'an lsn that is a text': offsets({ lsn: '0/16B3748' }),
    'an lsn below zero': offsets({ lsn: -1 }),
    'an lsn that is no whole number': offsets({ lsn: 1.5 }),
    'an lsn that JSON has rounded': huge,
    'an lsn that is a boolean': offsets({ lsn: true }),
    'an lsn in a map': offsets({ lsn: { value: 1 } }),
    'an lsn_proc that is a text': offsets({ lsn: 1, lsn_proc: 'x' }),
    'a time that is a text': offsets({ lsn: 1, ts_usec: 'now' }),
    'a type of message that is a number': offsets({ lsn: 1, messageType: 5 }),
    'progress of a snapshot that is none': offsets({ lsn: 1, snapshot: 'INITIAL', last_snapshot_record: false, tributary_snapshot: 'x' }),
    'tables of an incremental snapshot that are none': offsets({ lsn: 1, incremental_snapshot_collections: 'x' }),
  }
  const found: Record<string, unknown> = {}
  for (const [what, body] of Object.entries(malformed)) {
    const [status, response] = await rest('PATCH', '/offsets', body)
    const message = String(response?.message)
    found[what] = [status, message.length > 20 && !message.includes('[object Object]') ? 'a sentence' : message]
  }
  expect(found).toEqual(Object.fromEntries(Object.keys(malformed).map((what) => [what, [400, 'a sentence']])))
  expect(await listed()).toEqual(before)

  // The position itself, as it was listed: nothing is repeated.
  expect((await rest('PATCH', '/offsets', JSON.stringify({ offsets: before })))[0]).toBe(200)
  await runSql(url, 'INSERT INTO t VALUES (3)')
  await rest('PUT', '/resume')
  await has(3)
  await stop()
  // Ahead of all that the server has written: the task says so, and a reset helps.
  expect((await rest('PATCH', '/offsets', offsets({ lsn: Number.MAX_SAFE_INTEGER })))[0]).toBe(200)
  await rest('PUT', '/resume')
  await until(async () => (await taskOf())?.state === 'FAILED', 'the task has failed', 30_000)
  expect((await taskOf())!.trace).toMatch(/delete its offsets|new snapshot/)
  await stop()
  expect((await rest('DELETE', '/offsets'))[0]).toBe(200)
  expect(await listed()).toEqual([])
  await rest('PUT', '/resume')
  await has(6)
  await stop()
  // Before what the slot still has: said too, and no silent gap.
  expect((await rest('PATCH', '/offsets', offsets({ lsn: 1, lsn_proc: 1, lsn_commit: 1 })))[0]).toBe(200)
  await rest('PUT', '/resume')
  await until(async () => (await taskOf())?.state === 'FAILED', 'the task has failed', 30_000)
  expect((await taskOf())!.trace).toMatch(/new snapshot/)
  expect(await count()).toBe(6)
})
