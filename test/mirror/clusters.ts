/**
 * Fixture of the mirror's tests: clusters to mirror between, records to write, and the whole content of a partition, record by record.
 */
import { onTestFinished } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { realSystem, type System } from '../../core/system/index.ts'
import { realRandom } from '../../core/system/random.ts'
import { BATCH_OVERHEAD } from '../../core/wire/batch-header.ts'
import { decodeRecords } from '../../core/wire/record-batch.ts'
import { type MirrorService, startMirrors } from '../../mirror/index.ts'
import { scanBatches } from '../../mirror/store/topic-scan.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { until } from '../until.ts'

export interface Cluster {
  address: string
  client: Client
}

export const quietSystem = (): System => realSystem((process.env.TRIBUTARY_TEST_LOG as 'info' | undefined) ?? 'silent')

export function connectTo(address: string): Cluster {
  const client = createClient({ bootstrapServers: address, clientId: 'test' }, quietSystem())
  onTestFinished(() => client.close())
  return { address, client }
}

/** A cluster of one of our own brokers, until the test ends. */
export async function ourCluster(overrides: Readonly<Record<string, string | number>> = {}): Promise<Cluster & { broker: TestBroker }> {
  const broker = await startTestBroker(overrides)
  onTestFinished(() => broker.stop())
  return { ...connectTo(broker.address), broker }
}

/** The properties of a flow us->central; `more` overrides them. */
export function properties(us: Cluster, central: Cluster, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    clusters: 'us, central',
    'us.bootstrap.servers': us.address,
    'central.bootstrap.servers': central.address,
    'us->central.enabled': 'true',
    'offset.map.flush.interval.ms': '100',
    ...more,
  }
}

export async function mirrorOf(given: Record<string, string>): Promise<MirrorService> {
  const service = await startMirrors(given, quietSystem())
  onTestFinished(() => service.close())
  return service
}

export interface ReadRecord {
  offset: number
  key: string | null
  value: string | null
  timestamp: number
  headers: string
}

/** All records of a partition, and the payloads of its batches as they are in the log. */
export async function readAll({ client }: Cluster, topic: string, partition = 0): Promise<{ records: ReadRecord[]; payloads: string[] }> {
  const [start] = await client.admin.listOffsets([{ topic, partition, spec: 'earliest' }])
  const [end] = await client.admin.listOffsets([{ topic, partition, spec: 'latest' }])
  const records: ReadRecord[] = []
  const payloads: string[] = []
  const scan = { client, clock: realClock, random: realRandom, signal: new AbortController().signal }
  for await (const { header, bytes } of scanBatches(scan, topic, partition, start!.offset, end!.offset)) {
    if (header.attributes & 0x20) continue
    payloads.push(bytes.subarray(BATCH_OVERHEAD).toString('base64'))
    for (const record of decodeRecords(bytes, { fromOffset: start!.offset })) {
      records.push({
        offset: record.offset,
        key: record.key?.toString() ?? null,
        value: record.value?.toString() ?? null,
        timestamp: record.timestamp,
        headers: record.headers.map((header) => `${header.key}=${header.value}`).join(),
      })
    }
  }
  return { records, payloads }
}

/** Of each record, what must be equal at the source and at the target. */
export const content = (records: readonly ReadRecord[]) => records.map(({ offset: _, ...rest }) => rest)

/** Waits until a flow runs without lag and its target has `records` records. */
export async function caughtUp(service: MirrorService, name: string, records: number, timeoutMs = 30_000): Promise<void> {
  await until(
    () => {
      const status = service.status(name)
      if (status.state === 'FAILED') throw new Error(status.trace)
      const sum = status.partitions.reduce((total, each) => total + (each.topic === 'heartbeats' ? 0 : each.targetEndOffset), 0)
      return (
        status.state === 'RUNNING' &&
        status.partitions.every((each) => each.topic === 'heartbeats' || each.lagRecords === 0) &&
        sum >= records
      )
    },
    `${name} has mirrored ${records} records`,
    timeoutMs,
  )
}

/** Young enough that no retention deletes the records. */
const FIRST_TIME = Date.now() - 3_600_000

/** Writes `count` numbered records, spread over the partitions, with every part that a record can have. */
export async function write(
  { client }: Cluster,
  topic: string,
  count: number,
  options: { from?: number; partitions?: number; codec?: 'none' | 'lz4' | 'zstd' } = {},
): Promise<void> {
  const producer = client.producer({ compressionType: options.codec ?? 'none', batchSize: 2_000, lingerMs: 2 })
  const { from = 0, partitions = 1 } = options
  const records = Array.from({ length: count }, (_, i) => ({
    topic,
    partition: (from + i) % partitions,
    key: Buffer.from(`key ${from + i}`),
    value: i % 17 === 16 ? null : Buffer.from(`value ${from + i} `.padEnd(60, '.')),
    timestamp: FIRST_TIME + from + i,
    headers: i % 5 === 0 ? [{ key: 'h', value: Buffer.from(String(i)) }] : [],
  }))
  const sent = await producer.send(records)
  await producer.close()
  if (sent.failures) throw sent.failures.values().next().value
}

export async function createTopic({ client }: Cluster, name: string, partitions = 1, configs: Record<string, string> = {}): Promise<void> {
  const result = (await client.admin.createTopics([{ name, partitions, replicationFactor: 1, configs }])).get(name)
  if (result) throw result
  await until(
    async () => (await client.topic(name, { refresh: true }))?.partitions.every((partition) => partition.leader >= 0),
    `leaders of ${name}`,
  )
}
