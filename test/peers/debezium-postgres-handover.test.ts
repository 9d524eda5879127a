/**
 * Goal: an incremental snapshot that Debezium has begun goes on here, and one from here goes on there, by the stored positions alone.
 * Method: the connector is stopped in the middle of it, its offsets are given to the other worker over REST, and so back again; one topic
 * has the records of all three.
 */
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { databaseSettings } from '../connectors/postgres-source/source-task.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'
import { debeziumClassPath } from './maven-jars.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder } from './workers.ts'

const START_MS = 300_000
const STEP_MS = 60_000
const ROWS = 600
const TOPIC = 'p.public.a'

const folder = temporaryFolder()
let postgres: TestPostgres
let broker: TestBroker
let client: Client
let theirs: Running
let ours: Running

beforeAll(async () => {
  const plugins = join(folder, 'plugins')
  mkdirSync(plugins)
  symlinkSync(dirname(debeziumClassPath()), join(plugins, 'debezium'))
  ;[postgres, broker] = await Promise.all([testPostgres(), startTestBroker()])
  client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
  ;[theirs, ours] = await Promise.all([
    startKafkaConnect(folder, broker.address, 'theirs', { 'plugin.path': plugins, 'plugin.discovery': 'service_load' }),
    startOurWorker(folder, broker.address),
  ])
}, START_MS)
afterAll(async () => {
  await client?.close()
  await theirs?.stop()
  await ours?.stop()
  await broker?.stop()
  await postgres?.stop()
}, START_MS)

async function call({ address }: Running, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://${address}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? null : JSON.parse(text)
}

const count = async (topic: string): Promise<number> => {
  if (!(await client.topics()).some(({ name }) => name === topic)) return 0
  const [end] = await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }], 1)
  return end!.offset
}

/** Runs the connector from `offsets` until the topic has `records`; its offsets then. */
async function run(worker: Running, config: Record<string, string>, offsets: unknown, records: number): Promise<unknown> {
  await until(
    () => call(worker, 'POST', '/connectors', { name: 'c', config, initial_state: 'STOPPED' }),
    `created on ${worker.name}`,
    STEP_MS,
  )
  if (offsets) await until(() => call(worker, 'PATCH', '/connectors/c/offsets', { offsets }), 'the offsets are set', STEP_MS)
  await call(worker, 'PUT', '/connectors/c/resume')
  await until(async () => (await count(TOPIC)) >= records, `${worker.name} has written ${records} records`, STEP_MS)
  await call(worker, 'PUT', '/connectors/c/stop')
  const stored = await until(
    async () => {
      const { connector, tasks } = (await call(worker, 'GET', '/connectors/c/status')) as { connector: { state: string }; tasks: unknown[] }
      if (connector.state !== 'STOPPED' || tasks.length > 0) return null
      return (await call(worker, 'GET', '/connectors/c/offsets')) as { offsets: unknown }
    },
    `${worker.name} has stopped`,
    STEP_MS,
  )
  await call(worker, 'DELETE', '/connectors/c')
  return stored!.offsets
}

test(
  'an incremental snapshot goes from Debezium to us and back',
  async () => {
    const url = await postgres.database()
    const database = new pg.Client({ connectionString: url })
    await database.connect()
    await database.query(`CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));
      CREATE TABLE a (k varchar(20), id bigint, n int, PRIMARY KEY (k, id));
      INSERT INTO a SELECT 'k' || i % 3, i, i FROM generate_series(1, ${ROWS}) AS i`)
    const config = {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      ...databaseSettings(url),
      'plugin.name': 'pgoutput',
      'slot.name': 'handover',
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'incremental.snapshot.chunk.size': '1',
      'tasks.max': '1',
    }
    await database.query('CREATE PUBLICATION dbz_publication FOR ALL TABLES')
    await database.query("SELECT pg_create_logical_replication_slot('handover', 'pgoutput')")
    await database.query(`INSERT INTO signals VALUES ('t', 'execute-snapshot', '{"data-collections": ["public.a"]}')`)
    const first = await run(theirs, config, null, 60)
    expect(JSON.stringify(first)).toContain('incremental_snapshot_primary_key')
    const second = await run(ours, config, first, (await count(TOPIC)) + 60)
    expect(JSON.stringify(second)).toContain('incremental_snapshot_primary_key')
    const before = await count(TOPIC)
    expect(before).toBeLessThan(ROWS)
    await run(theirs, { ...config, 'incremental.snapshot.chunk.size': '100' }, second, ROWS)
    const keys: string[] = []
    const consumer = client.consumer({ isolationLevel: 'read_committed' })
    consumer.assign([{ topic: TOPIC, partition: 0, offset: 'earliest' }])
    await until(async () => {
      for (const { records } of await consumer.poll(100)) for (const { key } of records) keys.push(JSON.parse(key!.toString()).payload.id)
      return keys.length >= (await count(TOPIC))
    }, 'the topic is read')
    await consumer.close()
    // Chunks of which the offset was not yet stored come again; a snapshot that was begun again would have all.
    expect(new Set(keys).size).toBe(ROWS)
    expect(keys.length).toBeLessThan(ROWS + 60)
    await database.query("SELECT pg_drop_replication_slot('handover')")
    await database.end()
  },
  START_MS,
)
