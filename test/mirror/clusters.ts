/**
 * What the mirror's tests share: two clusters to mirror between, records to write, and everything of a topic read back record by record.
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

/** One of ours, for the length of a test. */
export async function ourCluster(overrides: Readonly<Record<string, string | number>> = {}): Promise<Cluster & { broker: TestBroker }> {
  const broker = await startTestBroker(overrides)
  onTestFinished(() => broker.stop())
  return { ...connectTo(broker.address), broker }
}

/** The properties of a flow us->central; `more` goes on top. */
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

export interface Seen {
  offset: number
  key: string | null
  value: string | null
  timestamp: number
  headers: string
}

/** All records of a partition, and the payloads of its batches as they lie there. */
export async function readAll({ client }: Cluster, topic: string, partition = 0): Promise<{ records: Seen[]; payloads: string[] }> {
  const [start] = await client.admin.listOffsets([{ topic, partition, spec: 'earliest' }])
  const [end] = await client.admin.listOffsets([{ topic, partition, spec: 'latest' }])
  const records: Seen[] = []
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

/** What must be the same on both sides. */
export const content = (records: readonly Seen[]) => records.map(({ offset: _, ...rest }) => rest)

/** Waits until a flow has nothing left to do and has seen `records` of them. */
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

/** Young enough that no retention takes them. */
const FIRST_TIME = Date.now() - 3_600_000

/** `count` numbered records, spread over the partitions, with every part that a record can have. */
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
