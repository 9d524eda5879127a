/**
 * What does compaction cost? 1 GiB (--mb=N) of records of 100 bytes with 500,000 keys: the time from cleanup.policy=compact until the
 * cleaner has reached the active segment, as cleaner-offset-checkpoint says, the highest memory meanwhile, and what is left; then the
 * same again under a load of 500 records/s, whose produce and end-to-end p99 are compared with those without. Beside Apache Kafka.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import produce from '../core/apis/00-produce.ts'
import fetch from '../core/apis/01-fetch.ts'
import createTopics from '../core/apis/19-create-topics.ts'
import incrementalAlterConfigs from '../core/apis/44-incremental-alter-configs.ts'
import { at, batchSize, readBatchHeader } from '../core/wire/batch-header.ts'
import { encodeBatch } from '../core/wire/record-batch.ts'
import { until } from '../test/until.ts'
import { type Contender, flag, startContender, turnAbout } from './contenders.ts'
import { decodeResponse, frame, RawConnection } from './raw-connection.ts'
import { quantile, show, usage } from './table.ts'

const MEGABYTES = Number(flag('mb') ?? 1024)
const KEYS = 500_000
/** A key of 13 bytes and the head of a record make it 100 bytes in the log. */
const VALUE_BYTES = 77
const RECORDS_PER_BATCH = 600
const IN_FLIGHT = 5
const SEGMENT_BYTES = 100 * 2 ** 20
const CLEAN_MS = 600_000
const QUIET_MS = 8_000
const LOAD_EVERY_MS = 2
const PRODUCE_VERSION = 7
const FETCH_VERSION = 11
const ALTER_SET = 0
const TOPIC_RESOURCE = 2

async function createTopic(connection: RawConnection, name: string): Promise<void> {
  const configs = [
    { name: 'segment.bytes', value: `${SEGMENT_BYTES}` },
    { name: 'min.cleanable.dirty.ratio', value: '0.01' },
  ]
  const { topics } = await connection.request(createTopics, 5, {
    topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs }],
    timeoutMs: 30_000,
    validateOnly: false,
  })
  if (topics[0]!.errorCode !== 0) throw new Error(`topic ${name}: error ${topics[0]!.errorCode}`)
}

/** Batches with all keys once each, in no order: sent again and again, each key is as often in the log as any other. */
function batchesOfAllKeys(): Buffer[] {
  const keys = Array.from({ length: KEYS }, (_, index) => `station-${String(index).padStart(7, '0')}`.slice(-13))
  for (let index = KEYS - 1; index > 0; index--) {
    const other = (index * 7_919 + 104_729) % (index + 1)
    ;[keys[index], keys[other]] = [keys[other]!, keys[index]!]
  }
  const noise = randomBytes(VALUE_BYTES)
  // Retention would delete older records before cleanup.policy=compact.
  const nowMs = Date.now()
  return Array.from({ length: Math.ceil(KEYS / RECORDS_PER_BATCH) }, (_, batch) =>
    encodeBatch(
      keys
        .slice(batch * RECORDS_PER_BATCH, (batch + 1) * RECORDS_PER_BATCH)
        .map((key) => ({ key: Buffer.from(key), value: noise, timestamp: nowMs })),
    ),
  )
}

const produceFrame = (topic: string, records: Buffer): Buffer =>
  frame(produce, PRODUCE_VERSION, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })

function produced(body: Buffer): void {
  const { errorCode } = decodeResponse(produce, PRODUCE_VERSION, body).responses[0]!.partitionResponses[0]!
  if (errorCode !== 0) throw new Error(`the broker failed a produce request with error ${errorCode}`)
}

async function fill(address: string, topic: string, batches: readonly Buffer[]): Promise<void> {
  const connection = await RawConnection.open(address)
  let left = MEGABYTES * 2 ** 20
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (left > 0) {
        const batch = batches[next++ % batches.length]!
        left -= batch.length
        produced(await connection.send(produceFrame(topic, batch)))
      }
    }),
  )
  connection.close()
}

/** Where the active segment of the partition begins: the cleaner goes that far. */
function activeSegment(broker: Contender, topic: string): number {
  const starts = readdirSync(join(broker.dir, `${topic}-0`))
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number(name.slice(0, -4)))
  return Math.max(...starts)
}

function cleanedTo(broker: Contender, topic: string): number {
  const lines = readFileSync(join(broker.dir, 'cleaner-offset-checkpoint'), 'utf8').split('\n')
  return Number(lines.find((line) => line.startsWith(`${topic} 0 `))?.split(' ')[2] ?? -1)
}

function logMegabytes(broker: Contender, topic: string): number {
  const folder = join(broker.dir, `${topic}-0`)
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return logs.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) / 2 ** 20
}

/** Turns compaction on; resolves with the seconds until the cleaner has reached the active segment. */
async function compact(broker: Contender, topic: string): Promise<number> {
  const connection = await RawConnection.open(broker.address)
  const active = activeSegment(broker, topic)
  const startedMs = performance.now()
  const { responses } = await connection.request(incrementalAlterConfigs, 0, {
    resources: [
      {
        resourceType: TOPIC_RESOURCE,
        resourceName: topic,
        configs: [{ name: 'cleanup.policy', configOperation: ALTER_SET, value: 'compact' }],
      },
    ],
    validateOnly: false,
  })
  connection.close()
  if (responses[0]!.errorCode !== 0) throw new Error(`cleanup.policy: ${responses[0]!.errorMessage}`)
  await until(() => cleanedTo(broker, topic) >= active, `${topic} is clean up to ${active}`, CLEAN_MS)
  return (performance.now() - startedMs) / 1000
}

interface Latencies {
  readonly produceMs: number[]
  readonly endToEndMs: number[]
}

/** A record every two milliseconds, and a reader with long polls, until `during` is settled. */
async function underLoad(address: string, topic: string, during: () => Promise<unknown>): Promise<Latencies> {
  const [writer, reader] = [await RawConnection.open(address), await RawConnection.open(address)]
  const latencies: Latencies = { produceMs: [], endToEndMs: [] }
  const sentMs: number[] = []
  const bytes = produceFrame(topic, encodeBatch([{ key: null, value: Buffer.alloc(100, 'calm rising '), timestamp: Date.now() }]))
  let stopped = false
  let offset = await endOf(reader, topic)
  const first = offset
  const acknowledged: Promise<void>[] = []
  const writing = (async () => {
    while (!stopped) {
      const startedMs = performance.now()
      sentMs.push(startedMs)
      acknowledged.push(
        writer.send(bytes).then((body) => {
          produced(body)
          latencies.produceMs.push(performance.now() - startedMs)
        }),
      )
      await pause(LOAD_EVERY_MS)
    }
    await Promise.all(acknowledged)
  })()
  const reading = (async () => {
    while (!stopped || offset - first < sentMs.length) {
      const batches = await fetchFrom(reader, topic, offset)
      const arrivedMs = performance.now()
      for (let position = 0; position + at.count < batches.length; position += batchSize(batches, position)) {
        offset = readBatchHeader(batches, position).lastOffset + 1
        latencies.endToEndMs.push(arrivedMs - sentMs[offset - 1 - first]!)
      }
    }
  })()
  await during()
  stopped = true
  await Promise.all([writing, reading])
  writer.close()
  reader.close()
  return latencies
}

async function fetchFrom(connection: RawConnection, topic: string, fetchOffset: number): Promise<Buffer> {
  const { responses } = await connection.request(fetch, FETCH_VERSION, {
    maxWaitMs: 200,
    minBytes: 1,
    maxBytes: 1 << 20,
    isolationLevel: 0,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }],
  })
  const { errorCode, records } = responses[0]!.partitions[0]!
  if (errorCode !== 0) throw new Error(`the broker failed a fetch with error ${errorCode}`)
  return records ?? Buffer.alloc(0)
}

async function endOf(connection: RawConnection, topic: string): Promise<number> {
  let offset = 0
  for (;;) {
    const batches = await fetchFrom(connection, topic, offset)
    if (batches.length === 0) return offset
    for (let position = 0; position + at.count < batches.length; position += batchSize(batches, position))
      offset = readBatchHeader(batches, position).lastOffset + 1
  }
}

/** Memory at its highest is measured from here on. */
const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')

async function main(): Promise<void> {
  const batches = batchesOfAllKeys()
  const rows = await turnAbout(async (side, comparison) => {
    const broker = await startContender(side, { 'log.cleaner.backoff.ms': 100 })
    try {
      const connection = await RawConnection.open(broker.address)
      for (const topic of ['alone', 'loaded', 'load']) await createTopic(connection, topic)
      connection.close()
      for (const topic of ['alone', 'loaded']) await fill(broker.address, topic, batches)
      await underLoad(broker.address, 'load', () => pause(QUIET_MS / 4))
      const quiet = await underLoad(broker.address, 'load', () => pause(QUIET_MS))

      forgetPeak(broker.pid)
      const before = usage(broker.pid)
      const sizeMb = logMegabytes(broker, 'alone')
      const seconds = await compact(broker, 'alone')
      comparison.add(side, `compaction of ${MEGABYTES} MiB, s`, seconds)
      comparison.add(side, 'CPU, s', usage(broker.pid).cpuS - before.cpuS)
      comparison.add(side, 'memory at its highest, MB', usage(broker.pid).peakMb)
      comparison.add(side, 'memory gained at its highest, MB', usage(broker.pid).peakMb - before.residentMb)
      comparison.add(side, 'log after it, part of its size', logMegabytes(broker, 'alone') / sizeMb)

      const busy = await underLoad(broker.address, 'load', () => compact(broker, 'loaded'))
      for (const [what, latencies] of [
        ['without compaction', quiet],
        ['during compaction', busy],
      ] as const) {
        comparison.add(side, `produce p99 ${what}, ms`, quantile(latencies.produceMs, 0.99))
        comparison.add(side, `end to end p99 ${what}, ms`, quantile(latencies.endToEndMs, 0.99))
      }
    } finally {
      await broker.stop()
    }
  })
  show('What does compaction cost?', rows)
}

if (import.meta.main) await main()
