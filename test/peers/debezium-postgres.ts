/**
 * Debezium's Postgres source in a real Kafka Connect, and ours in our worker, over the same workload: each has a database, a slot and a
 * broker of its own, the same config and the same statements. `compared` gives what both wrote, with what must differ taken out: LSNs,
 * transaction ids, times, versions, and the id of the run.
 */
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { parseExactly } from '../../connect/sdk/exact-json.ts'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'
import { debeziumClassPath } from './maven-jars.ts'
import { type Running, startKafkaConnect, startOurWorker } from './workers.ts'

export interface Workload {
  name: string
  /** Besides those of the connection, the slot and the converters. */
  settings?: Readonly<Record<string, string>>
  /** Before the connectors start: what a snapshot reads. */
  before: readonly string[]
  /** While they stream. */
  during: readonly string[]
  /** Whether each insert has to arrive before the next statement: the catalog would be ahead of the stream, by another time for each. */
  isPaced?: boolean
  /** How many records topics have at the end, by their names without the prefix, where the last change does not tell. */
  counts?: Readonly<Record<string, number>>
}

export interface WrittenRecord {
  key: unknown
  value: unknown
  headers: readonly (readonly [string, unknown])[]
}

/** By topic, in the order of the topic. */
export type Written = Readonly<Record<string, readonly WrittenRecord[]>>

/** Its one insert is the last change of each workload. */
const MARKER = 'zz_marker'
const WORKLOAD_MS = 90_000

interface Side {
  worker: Running
  broker: TestBroker
  client: Client
  class: string
}

export class DebeziumPeers {
  readonly #postgres: TestPostgres
  readonly #theirs: Side
  readonly #ours: Side
  #count = 0

  private constructor(postgres: TestPostgres, theirs: Side, ours: Side) {
    this.#postgres = postgres
    this.#theirs = theirs
    this.#ours = ours
  }

  static async start(folder: string): Promise<DebeziumPeers> {
    const [postgres, theirBroker, ourBroker] = await Promise.all([testPostgres(), startTestBroker(), startTestBroker()])
    const [theirWorker, ourWorker] = await Promise.all([
      startKafkaConnect(folder, theirBroker.address, 'theirs', debeziumPlugins(folder)),
      startOurWorker(folder, ourBroker.address),
    ])
    const side = (worker: Running, broker: TestBroker): Side => ({
      worker,
      broker,
      client: createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent')),
      class: 'io.debezium.connector.postgresql.PostgresConnector',
    })
    return new DebeziumPeers(postgres, side(theirWorker, theirBroker), side(ourWorker, ourBroker))
  }

  /** What both wrote for a workload. */
  async compared(workload: Workload): Promise<{ theirs: Written; ours: Written }> {
    const number = ++this.#count
    const [theirs, ours] = await Promise.all([
      this.#run(this.#theirs, workload, `theirs_${number}`),
      this.#run(this.#ours, workload, `ours_${number}`),
    ])
    return { theirs, ours }
  }

  async stop(): Promise<void> {
    for (const { worker, client, broker } of [this.#theirs, this.#ours]) {
      await client.close()
      await worker.stop()
      await broker.stop()
    }
    await this.#postgres.stop()
  }

  async #run(side: Side, { settings, before, during, isPaced, counts }: Workload, slot: string): Promise<Written> {
    const url = await this.#postgres.database()
    const database = new pg.Client({ connectionString: url })
    await database.connect()
    const name = `w${slot.split('_').at(-1)}`
    try {
      for (const sql of [...before, `CREATE TABLE ${MARKER} (id int PRIMARY KEY)`]) await database.query(sql)
      await createConnector(side, name, { ...connection(url), 'topic.prefix': name, 'slot.name': slot, ...withName(settings, name) })
      await until(
        async () => {
          await checkRunning(side, name)
          // A slot is active from the start of its making on; it begins where it has a position.
          const sql = 'SELECT active AND confirmed_flush_lsn IS NOT NULL AS begins FROM pg_replication_slots WHERE slot_name = $1'
          const { rows } = await database.query(sql, [slot])
          return rows[0]?.begins === true
        },
        `${side.worker.name} streams`,
        WORKLOAD_MS,
      )
      for (const sql of during) {
        const count = isPaced ? await total(side.client, name) : 0
        await database.query(sql)
        if (isPaced && sql.startsWith('INSERT'))
          await until(async () => (await total(side.client, name)) > count, `${sql} has arrived`, WORKLOAD_MS)
      }
      const marker = `${name}.public.${MARKER}`
      // A producer writes topics independently: the first marker may come before the last record of another topic, the second one does not.
      for (const number of [1, 2]) {
        await database.query(`INSERT INTO ${MARKER} VALUES (${number})`)
        await until(
          async () => {
            await checkRunning(side, name)
            return (await topicsOf(side.client)).includes(marker) && (await ends(side.client, marker)) >= number
          },
          `${side.worker.name} has written marker ${number}`,
          WORKLOAD_MS,
        )
      }
      for (const [topic, count] of Object.entries(counts ?? {}))
        await until(
          async () => {
            await checkRunning(side, name)
            return (await topicsOf(side.client)).includes(`${name}.${topic}`) && (await ends(side.client, `${name}.${topic}`)) >= count
          },
          `${side.worker.name} has written ${count} records to ${topic}`,
          WORKLOAD_MS,
        )
      const topics = (await topicsOf(side.client)).filter((topic) => topic.split('.').includes(name) && topic !== marker).sort()
      const written: Record<string, WrittenRecord[]> = {}
      for (const topic of topics) written[topic] = await readTopic(side.client, topic, new URL(url).pathname.slice(1))
      return written
    } finally {
      await fetch(`http://${side.worker.address}/connectors/${name}`, { method: 'DELETE' })
      await until(
        async () => {
          await database.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active', [
            slot,
          ])
          const { rows } = await database.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [slot])
          return rows.length === 0
        },
        'the slot is dropped',
        WORKLOAD_MS,
      )
      await database.end()
    }
  }
}

/** `NAME` in a setting is the prefix of the topics. */
const withName = (settings: Readonly<Record<string, string>> = {}, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, value.replaceAll('NAME', name)]))

/** The lines of a worker file with which Kafka Connect has Debezium's connectors. */
export function debeziumPlugins(folder: string): Record<string, string> {
  const plugins = join(folder, 'plugins')
  mkdirSync(plugins)
  symlinkSync(dirname(debeziumClassPath()), join(plugins, 'debezium'))
  return { 'plugin.path': plugins, 'plugin.discovery': 'service_load' }
}

/** The settings that both have, but for names. */
export function connection(url: string): Record<string, string> {
  const parts = new URL(url)
  const json = {
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  }
  return {
    'database.hostname': parts.hostname,
    'database.port': parts.port,
    'database.user': decodeURIComponent(parts.username),
    'database.password': decodeURIComponent(parts.password),
    'database.dbname': parts.pathname.slice(1),
    'plugin.name': 'pgoutput',
    'tasks.max': '1',
    'header.converter': 'org.apache.kafka.connect.json.JsonConverter',
    ...json,
  }
}

async function createConnector({ worker, class: connectorClass }: Side, name: string, config: Record<string, string>): Promise<void> {
  await until(
    async () => {
      const response = await fetch(`http://${worker.address}/connectors/${name}/config`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ 'connector.class': connectorClass, ...config }),
      })
      if (response.ok) return true
      throw new Error(`${response.status} ${await response.text()}`)
    },
    `${name} is created on ${worker.name}`,
    WORKLOAD_MS,
  )
}

/** Throws at once what made the task fail. */
async function checkRunning({ worker }: Side, name: string): Promise<void> {
  const response = await fetch(`http://${worker.address}/connectors/${name}/status`)
  if (!response.ok) return
  const { tasks } = (await response.json()) as { tasks: { state: string; trace?: string }[] }
  if (tasks[0]?.state === 'FAILED') throw new Error(`the task on ${worker.name} failed: ${tasks[0].trace}`)
}

const topicsOf = async (client: Client): Promise<string[]> => (await client.topics()).map((topic) => topic.name)

/** How many records the topics of a workload have. */
async function total(client: Client, name: string): Promise<number> {
  const topics = (await topicsOf(client)).filter((topic) => topic.split('.').includes(name))
  const counts = await Promise.all(topics.map((topic) => ends(client, topic)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function ends(client: Client, topic: string): Promise<number> {
  const [end] = await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }], 1)
  return end!.offset
}

export async function readTopic(client: Client, topic: string, database: string): Promise<WrittenRecord[]> {
  const end = await ends(client, topic)
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const read: WrittenRecord[] = []
  const parsed = (bytes: Buffer | null) =>
    bytes === null ? null : normalized(parseExactly(withoutRun(bytes.toString().replaceAll(database, 'DATABASE'), topic)))
  try {
    await until(async () => {
      for (const { records } of await consumer.poll(100))
        for (const { key, value, headers } of records)
          read.push({
            key: parsed(key),
            value: parsed(value),
            headers: headers.map(({ key: name, value: text }) => [name, header(name, parsed(text))]),
          })
      return (consumer.position({ topic, partition: 0 }) ?? 0) >= end
    }, `${topic} is read`)
  } finally {
    await consumer.close()
  }
  return read
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const INSTANT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g

/** Notifications and marks of windows have random ids and times, and lists of tables are in no order there. */
const withoutRun = (text: string, topic: string): string =>
  /\.(notes|signals)$/.test(topic)
    ? text
        .replaceAll(UUID, 'UUID')
        .replaceAll(INSTANT, 'TIME')
        .replaceAll(/"timestamp":\d+/g, '"timestamp":"TIME"')
        .replaceAll(/"data_collections":"([^"]*)"/g, (_, names: string) => `"data_collections":"${names.split(',').sort()}"`)
    : text

const header = (name: string, value: unknown): unknown => (name.endsWith('.runId') ? 'RUN' : value)

/** What is another for each run, by the path of its fields. */
function normalized(value: unknown): unknown {
  const payload = (value as { payload?: Record<string, unknown> } | null)?.payload
  if (!payload || typeof payload !== 'object') return value
  for (const time of ['ts_ms', 'ts_us', 'ts_ns'])
    if (typeof payload[time] === 'number' || typeof payload[time] === 'bigint') payload[time] = 'TIME'
  const source = payload.source as Record<string, unknown> | undefined
  if (source && 'connector' in source) {
    source.version = 'VERSION'
    for (const field of ['ts_ms', 'ts_us', 'ts_ns', 'txId', 'lsn', 'xmin', 'sequence']) source[field] = shape(source[field])
  }
  const transaction = payload.transaction as Record<string, unknown> | null | undefined
  if (transaction && 'total_order' in transaction) transaction.id = 'TRANSACTION'
  if (typeof payload.id === 'string' && /^\d+:\d+$/.test(payload.id)) payload.id = 'TRANSACTION'
  return value
}

/** Whether it is there, and of which kind. */
const shape = (value: unknown): string | null => {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value.replaceAll(/\d+/g, 'N') : 'NUMBER'
}

/** Where ours is another than theirs, each with the path. Both are values of JSON. */
export function differences(theirs: unknown, ours: unknown, path = ''): string[] {
  const isContainer = (value: unknown) => typeof value === 'object' && value !== null
  if (isContainer(theirs) && isContainer(ours) && Array.isArray(theirs) === Array.isArray(ours)) {
    const left = theirs as Record<string, unknown>
    const right = ours as Record<string, unknown>
    return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((name) =>
      differences(left[name], right[name], `${path}/${name}`),
    )
  }
  return Object.is(theirs, ours) ? [] : [`${path}: ${shown(theirs)} of theirs, ${shown(ours)} of ours`]
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `${part}n` : part))?.slice(0, 300) ?? 'nothing'
