/**
 * Goal: a worker that is killed in a snapshot or in the stream loses no change, and repeats none where it has exactly-once support; the
 * slot follows what is stored. Method: a worker process on a broker process and a real Postgres, killed with kill -9 while rows are
 * written.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Client, createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type Launched, launch } from '../../peers/launch.ts'
import { writeProperties } from '../../properties-file.ts'
import { freePort, startTestBroker, type TestBroker } from '../../running-broker.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { databaseSettings, runSql } from './source-task.ts'

const SNAPSHOT_ROWS = 8_000
const STREAM_ROWS = 8_000
const DROP_SLOT = 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()'
const MINUTES = 300_000

let server: TestPostgres
let broker: TestBroker
let client: Client
const folder = mkdtempSync(join(tmpdir(), 'tributary-cdc-'))
beforeAll(async () => {
  ;[server, broker] = await Promise.all([testPostgres(), startTestBroker()])
  client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
}, MINUTES)
afterAll(async () => {
  await client?.close()
  await broker?.stop()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function startWorker(port: number, exactlyOnce: boolean): Promise<Launched> {
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  const stores = ['config', 'offset', 'status'].map((kind) => [`${kind}.storage.topic`, `cdc-${exactlyOnce}-${kind}`])
  const file = writeProperties(join(folder, `worker-${exactlyOnce}.properties`), {
    'bootstrap.servers': broker.address,
    'group.id': `cdc-${exactlyOnce}`,
    listeners: `http://127.0.0.1:${port}`,
    'key.converter': json,
    'value.converter': json,
    'value.converter.schemas.enable': 'false',
    'key.converter.schemas.enable': 'false',
    'exactly.once.source.support': exactlyOnce ? 'enabled' : 'disabled',
    'session.timeout.ms': '6000',
    ...Object.fromEntries(stores),
    ...Object.fromEntries(stores.map(([name]) => [name!.replace('topic', 'replication.factor'), '1'])),
  })
  return launch('worker', resolve(import.meta.dirname, '../../../bin/tributary'), ['connect', file], {
    ready: async () => (await fetch(`http://127.0.0.1:${port}/connectors`)).ok,
  })
}

/** The ids of the records of a topic, as a consumer of committed records sees them. */
async function idsOf(topic: string): Promise<number[]> {
  const partition = { topic, partition: 0 }
  const [end] = await client.admin.listOffsets([{ ...partition, spec: 'latest' }], 1)
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  consumer.assign([{ ...partition, offset: 'earliest' }])
  const ids: number[] = []
  try {
    await until(async () => {
      for (const { records } of await consumer.poll(100)) for (const { key } of records) ids.push(JSON.parse(key!.toString()).id)
      return (consumer.position(partition) ?? 0) >= end!.offset
    }, `${topic} is read`)
  } finally {
    await consumer.close()
  }
  return ids
}

const hasTopic = async (topic: string) => (await client.topics()).some(({ name }) => name === topic)

test.each([true, false])(
  'a worker that is killed again and again, with exactly-once support %s',
  async (exactlyOnce) => {
    const url = await server.database()
    const slot = new URL(url).pathname.slice(1)
    const topic = `p${exactlyOnce}.public.t`
    await runSql(
      url,
      'CREATE TABLE t (id int PRIMARY KEY, pad text)',
      `INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(1, ${SNAPSHOT_ROWS}) AS n`,
    )
    const port = await freePort()
    let worker = await startWorker(port, exactlyOnce)
    onTestFinished(async () => {
      await worker.end('SIGKILL')
      await until(async () => (await runSql(url, DROP_SLOT))[0], 'the slot is dropped')
    })
    const config = {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      ...databaseSettings(url),
      'topic.prefix': `p${exactlyOnce}`,
      'slot.name': slot,
      'retriable.restart.connector.wait.ms': '500',
    }
    const created = await fetch(`http://127.0.0.1:${port}/connectors/cdc/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    })
    expect([created.status, await created.text()]).toEqual([201, expect.any(String)])
    const killed = async (what: string, condition: () => Promise<boolean>) => {
      await until(condition, what, 60_000)
      await worker.end('SIGKILL')
      worker = await startWorker(port, exactlyOnce)
    }
    const end = async () => (await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }], 1))[0]!.offset
    await killed('the snapshot has begun', () => hasTopic(topic))
    // A later try of a snapshot would read the rows too that come by the stream.
    await until(async () => new Set(await idsOf(topic)).size === SNAPSHOT_ROWS, 'the snapshot is complete', 60_000)
    for (let row = SNAPSHOT_ROWS + 1; row <= SNAPSHOT_ROWS + STREAM_ROWS; row += 1000)
      await runSql(url, `INSERT INTO t SELECT n, repeat('y', 100) FROM generate_series(${row}, ${row + 999}) AS n`)
    await killed('more has been read', async () => (await end()) > SNAPSHOT_ROWS + 2000)
    await until(async () => new Set(await idsOf(topic)).size === SNAPSHOT_ROWS + STREAM_ROWS, 'all rows have arrived', 90_000)
    if (exactlyOnce) expect(await idsOf(topic)).toHaveLength(SNAPSHOT_ROWS + STREAM_ROWS)
    await until(async () => {
      const [result] = await runSql(
        url,
        `SELECT pg_current_wal_lsn() - confirmed_flush_lsn AS behind FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      )
      return Number(result!.rows[0].behind) < 1_000_000
    }, 'the slot has followed')
  },
  MINUTES,
)
