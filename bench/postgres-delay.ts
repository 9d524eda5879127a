/**
 * How long after its commit is a change of Postgres in its topic, at 1,000 changes a second, compared with Debezium in Kafka Connect? Both
 * write to a broker of ours, with the defaults of their settings. Each row has the time at which its transaction was begun, by the clock
 * that the reader of the topic has too. The first seconds warm up and are not measured.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { connection, debeziumPlugins } from '../test/peers/debezium-postgres.ts'
import { type TestPostgres, testPostgres } from '../test/services/postgres.ts'
import { until } from '../test/until.ts'
import { flag, KAFKA, type Side, startContender, TRIBUTARY, turnAbout } from './contenders.ts'
import { quantile, show } from './table.ts'
import { startWorkerContender, type WorkerContender } from './worker-contenders.ts'

const SECONDS = Number(flag('seconds') ?? 20)
const WARM_UP_SECONDS = Number(flag('warm-up') ?? 10)
const CHANGES_PER_SECOND = Number(flag('changes') ?? 1_000)
const CHANGES_PER_TRANSACTION = 5
const TOPIC = 'delay.public.t'
const WAIT_MS = 120_000

/** µs of a clock that all of this process has. */
const nowMicros = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000)

/** The delays of the changes after the warm-up, in ms. */
async function measure(worker: WorkerContender, broker: string, url: string): Promise<number[]> {
  const database = new pg.Client({ connectionString: url })
  await database.connect()
  const client = createClient({ bootstrapServers: broker, clientId: 'bench' }, realSystem('silent'))
  const consumer = client.consumer({})
  try {
    await database.query('CREATE TABLE t (id int PRIMARY KEY, sent bigint, pad text)')
    await client.admin.createTopics([{ name: TOPIC, partitions: 1, replicationFactor: 1 }])
    await worker.ask('POST', '/connectors', {
      name: 'delay',
      config: {
        'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
        ...connection(url),
        'value.converter.schemas.enable': 'false',
        'key.converter.schemas.enable': 'false',
        'topic.prefix': 'delay',
        'slot.name': new URL(url).pathname.slice(1),
      },
    })
    await until(
      async () => (await database.query('SELECT FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid')).rowCount,
      'the stream',
      WAIT_MS,
    )
    consumer.assign([{ topic: TOPIC, partition: 0, offset: 'earliest' }])
    const total = CHANGES_PER_SECOND * (WARM_UP_SECONDS + SECONDS)
    const delays: number[] = []
    let seen = 0
    const reading = until(
      async () => {
        for (const { records } of await consumer.poll(100)) {
          const arrived = nowMicros()
          for (const { value } of records) {
            if (++seen > CHANGES_PER_SECOND * WARM_UP_SECONDS) delays.push((arrived - JSON.parse(value!.toString()).after.sent) / 1000)
          }
        }
        return seen >= total
      },
      `${total} changes`,
      WAIT_MS + 1000 * (WARM_UP_SECONDS + SECONDS),
    )
    await Promise.all([reading, write(database, total)])
    return delays
  } finally {
    await consumer.close()
    await client.close()
    await worker.ask('DELETE', '/connectors/delay')
    await until(
      () => database.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()'),
      'the slot is dropped',
      WAIT_MS,
    )
    await database.end()
  }
}

/** As many rows as are due by the clock, in transactions of a few. */
async function write(database: pg.Client, total: number): Promise<void> {
  const startMs = performance.now()
  for (let written = 0; written < total; written += CHANGES_PER_TRANSACTION) {
    const dueMs = startMs + (written / CHANGES_PER_SECOND) * 1000
    if (dueMs > performance.now()) await pause(dueMs - performance.now())
    await database.query({
      name: 'insert',
      text: "INSERT INTO t SELECT $1::int + n, $2, repeat('x', 100) FROM generate_series(0, $3::int - 1) AS n",
      values: [written, nowMicros(), CHANGES_PER_TRANSACTION],
    })
  }
}

async function run(side: Side, postgres: TestPostgres): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-postgres-delay-'))
  const broker = await startContender(TRIBUTARY)
  try {
    const worker = await startWorkerContender(side, broker.address, side === KAFKA ? debeziumPlugins(folder) : {})
    try {
      return await measure(worker, broker.address, await postgres.database())
    } finally {
      await worker.stop()
    }
  } finally {
    await broker.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  const postgres = await testPostgres()
  try {
    const rows = await turnAbout(async (side, comparison) => {
      const delays = await run(side, postgres)
      for (const [name, part] of [['p50', 0.5], ['p99', 0.99], ['highest', 1]] as const) // biome-ignore format: one line
        comparison.add(side, `delay, ${name}, ms`, quantile(delays, part))
    })
    show(`How long after its commit is a change of Postgres in its topic, at ${CHANGES_PER_SECOND} changes/s?`, rows)
  } finally {
    await postgres.stop()
  }
}

if (import.meta.main) await main()
