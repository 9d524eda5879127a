/**
 * Goal: our worker takes over a running connector of Debezium's, with its config and its positions, and Kafka Connect takes it back: no
 * change is lost or repeated. Method: both are workers of one group on one broker, one after the other; rows are written while each runs
 * and while none does.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'
import { connection, debeziumPlugins, readTopic } from './debezium-postgres.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder } from './workers.ts'

const folder = temporaryFolder()
const MINUTES = 300_000
const SLOT = 'takeover'
const TOPIC = 'taken.public.t'

let server: TestPostgres
let broker: TestBroker
let client: Client
let worker: Running | null = null
beforeAll(async () => {
  ;[server, broker] = await Promise.all([testPostgres(), startTestBroker()])
  client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
}, MINUTES)
afterAll(async () => {
  await worker?.kill()
  await client?.close()
  await broker?.stop()
  await server?.stop()
}, MINUTES)

test(
  'a connector goes from Debezium to ours and back',
  async () => {
    const url = await server.database()
    const database = new pg.Client({ connectionString: url })
    await database.connect()
    await database.query(
      "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT n, 'snapshot' FROM generate_series(1, 50) AS n",
    )
    const plugins = debeziumPlugins(folder)
    const active = async () =>
      (await database.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [SLOT])).rows[0]?.active === true
    const ids = async () => (await readTopic(client, TOPIC, 'none')).map(({ key }) => (key as { payload: { id: number } }).payload.id)
    const written = async (count: number) => {
      await until(async () => new Set(await ids()).size === count, `${count} rows are in Kafka`, 60_000)
      // What is stored at the stop is where the other one goes on.
      await until(async () => (await ids()).length === count, `${count} rows are there once`, 5_000)
    }
    const insert = (from: number, to: number) =>
      database.query('INSERT INTO t SELECT n, $3 FROM generate_series($1::int, $2::int) AS n', [from, to, 'stream'])
    const begin = async (starting: Promise<Running>) => {
      worker = await starting
      await until(active, `${worker.name} streams`, 90_000)
    }
    const end = async () => {
      await worker!.stop()
      await until(async () => !(await active()), 'the slot is free')
    }
    try {
      worker = await startKafkaConnect(folder, broker.address, 'group', plugins)
      const response = await fetch(`http://${worker.address}/connectors/cdc/config`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
          ...connection(url),
          'topic.prefix': 'taken',
          'slot.name': SLOT,
        }),
      })
      expect(response.status).toBe(201)
      await until(active, 'Debezium streams', 90_000)
      await insert(51, 100)
      await written(100)
      await end()
      await insert(101, 150)
      await begin(startOurWorker(folder, broker.address, 'group'))
      await written(150)
      await insert(151, 200)
      await written(200)
      await end()
      await insert(201, 250)
      await begin(startKafkaConnect(folder, broker.address, 'group', plugins))
      await written(250)
      await insert(251, 300)
      await written(300)
      await end()
      expect(await ids()).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
    } finally {
      await worker?.kill()
      await until(async () => {
        await database.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [SLOT])
        return true
      }, 'the slot is dropped')
      await database.end()
    }
  },
  MINUTES,
)
