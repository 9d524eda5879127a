/**
 * Goal: a power cut at any moment breaks no promise: what was acknowledged is there at its offset, offsets and producer ids are used once,
 * committed transactions are whole and aborted ones invisible, a deleted topic stays deleted. Method: a broker works on a disk in memory
 * that records every write and sync; the disk is built again as the cut at each step may leave it, a broker opens it, and its records are
 * compared with the acknowledgements that clients had by then. POWER_CUTS=n tries n moments instead of a few hundred.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { type RunningBroker, startBroker } from '../../core/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import { realClock } from '../../core/system/clock.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { Metrics } from '../../core/system/metrics.ts'
import { realRandom } from '../../core/system/random.ts'
import { batches, decodeRecords } from '../../core/wire/record-batch.ts'
import { seededRandom } from '../random.ts'
import { RecordingDisk, type Unsynced } from './recording-disk.ts'

/** Moments that the usual run tries. */
const CUTS = Number(process.env.POWER_CUTS ?? 240)
const DATA = '/data'
/** Periodic tasks run much more often than in a broker, so that their writes are among the steps. */
const PERIOD_MS = 25
const busyClock: Clock = { ...realClock, every: (periodMs, task) => realClock.every(Math.min(periodMs, PERIOD_MS), task) }
const READ_BYTES = 1024 * 1024

const settings = {
  listeners: 'PLAINTEXT://127.0.0.1:0',
  'log.dirs': DATA,
  'offsets.topic.num.partitions': '1',
  'log.segment.bytes': '1048576',
  'group.initial.rebalance.delay.ms': '0',
}

const systemOn = (disk: RecordingDisk) => ({
  clock: busyClock,
  disk,
  random: realRandom,
  logger: silentLogger,
  metrics: new Metrics(),
})

/** What a client knew at a step. */
interface Acknowledged {
  readonly step: number
  readonly what: string
  /** Throws where the broker contradicts it. */
  holds(opened: Opened): void | Promise<void>
}

/** A broker after a power cut, and all records of a partition. */
interface Opened {
  readonly broker: RunningBroker
  values(topic: string, partition: number, bound?: 'end' | 'lastStableOffset'): Promise<Map<number, string>>
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(disk: RecordingDisk): Promise<{ broker: RunningBroker; client: Client }> {
  const broker = await startBroker(settings, systemOn(disk))
  const client = createClient({ bootstrapServers: broker.address, clientId: 'power-cut' }, systemOn(disk))
  closers.push(() => broker.close())
  closers.push(() => client.close())
  return { broker, client }
}

async function valuesOf(broker: RunningBroker, topic: string, partition: number): Promise<Map<number, string>> {
  const values = new Map<number, string>()
  const log = broker.logs.get(topic, partition)
  if (!log) return values
  let offset = log.logStartOffset
  while (offset < log.logEndOffset) {
    const read = await log.read(offset, READ_BYTES, true, 'end')
    const bytes = Buffer.concat(read.chunks)
    read.release()
    for (const batch of batches(bytes)) {
      for (const record of decodeRecords(batch.bytes)) values.set(record.offset, record.value?.subarray(0, 40).toString() ?? '')
      offset = batch.header.lastOffset + 1
    }
  }
  return values
}

/** Some of everything that writes: topics, records, offsets, configs, deletions. */
async function work(disk: RecordingDisk, acknowledged: Acknowledged[]): Promise<void> {
  const { client } = await start(disk)
  const acknowledge = (what: string, holds: Acknowledged['holds']) => void acknowledged.push({ step: disk.step, what, holds })
  const createTopic = async (name: string, partitions: number) => {
    await client.admin.createTopics([{ name, partitions, replicationFactor: 1, configs: {} }])
    acknowledge(`topic ${name} is created`, ({ broker }) => {
      if (deleted.has(name)) return
      expect(broker.cluster.topic(name)?.partitions).toBeGreaterThanOrEqual(partitions)
      for (let partition = 0; partition < partitions; partition++) expect(broker.logs.get(name, partition)).toBeDefined()
    })
  }
  const deleted = new Set<string>()
  await createTopic('orders', 2)
  const producer = client.producer({ lingerMs: 0 })
  const filler = 'x'.repeat(60_000)
  const produce = async (topic: string, value: string, partition: number) => {
    const result = await producer.send([{ topic, partition, value: Buffer.from(value.padEnd(40) + (value.endsWith('0') ? filler : '')) }])
    const { offset } = result.at(0)
    acknowledge(`${value} is at ${topic}-${partition}, offset ${offset}`, async ({ values }) => {
      expect((await values(topic, partition)).get(offset)?.trim()).toBe(value)
    })
  }
  for (let round = 0; round < 6; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, index) => produce('orders', `order ${round}.${index * 5}`, index % 2)))
    await client.admin.alterGroupOffsets('shop', [{ topic: 'orders', partition: 0, offset: round }])
    acknowledge(`offset ${round} is committed`, async ({ broker }) => {
      expect(await committedOffset(broker)).toBeGreaterThanOrEqual(round)
    })
    const name = `short-lived-${round}`
    await createTopic(name, 1)
    await produce(name, `record of ${name}`, 0)
    deleted.add(name)
    await client.admin.deleteTopics([name])
    acknowledge(`topic ${name} is deleted`, ({ broker }) => {
      expect(broker.cluster.topic(name)).toBeUndefined()
    })
    await client.admin.alterTopicConfigs(new Map([['orders', [{ name: 'retention.ms', operation: 0, value: `${1_000_000_000 + round}` }]]]))
    acknowledge(`retention.ms of round ${round} is set`, ({ broker }) => {
      expect(Number(broker.cluster.topic('orders')?.configs['retention.ms'])).toBeGreaterThanOrEqual(1_000_000_000 + round)
    })
    await client.admin.createPartitions('orders', 3 + round)
    const { producerId } = await client.raw().initProducerId()
    acknowledge(`producer id ${producerId} is given`, async ({ broker }) => {
      expect(await broker.cluster.nextProducerId()).toBeGreaterThan(producerId)
    })
  }
  await producer.close()
}

async function committedOffset(broker: RunningBroker): Promise<number> {
  const request = {
    groupId: '',
    topics: null,
    groups: [{ groupId: 'shop', memberId: null, memberEpoch: -1, topics: [{ name: 'orders', topicId: '', partitionIndexes: [0] }] }],
    requireStable: false,
  }
  const caller = { version: 9, clientId: null, peer: { host: '/127.0.0.1', closed: false, onClose: () => () => {} } }
  const response = await broker.groups.fetch(request, caller)
  return response.groups[0]!.topics[0]!.partitions[0]!.committedOffset
}

/** Opens the disk as it is after a cut at `step`, and compares it with what clients knew then. */
async function openAfterCut(disk: RecordingDisk, step: number, unsynced: Unsynced, random: () => number, acknowledged: Acknowledged[]) {
  const broker = await startBroker(settings, systemOn(disk.afterPowerCut(step, unsynced, random)))
  try {
    const read = new Map<string, Promise<Map<number, string>>>()
    const values: Opened['values'] = (topic, partition) => {
      const key = `${topic}-${partition}`
      if (!read.has(key)) read.set(key, valuesOf(broker, topic, partition))
      return read.get(key)!
    }
    for (const { step: known, what, holds } of acknowledged) {
      if (known > step) break
      try {
        await holds({ broker, values })
      } catch (cause) {
        throw new Error(`power cut at step ${step}, unsynced changes ${unsynced}: ${what} (step ${known}), and the next start contradicts it`, {
          cause,
        })
      }
    }
    const seen = new Set<string>()
    for (let partition = 0; partition < 2; partition++)
      for (const value of (await values('orders', partition)).values()) {
        expect(seen, `${value.trim()} is stored twice after a cut at step ${step}`).not.toContain(value)
        seen.add(value)
      }
  } finally {
    await broker.close()
  }
}

describe('a power cut at any step', () => {
  test.each(['lost', 'torn', 'kept'] as const)('keeps every promise when unsynced changes are %s', { timeout: 600_000 }, async (unsynced) => {
    const random = seededRandom()
    const disk = new RecordingDisk()
    disk.makeFolder(DATA)
    await disk.syncFolder('/')
    const acknowledged: Acknowledged[] = []
    await work(disk, acknowledged)
    const steps = disk.step
    const cuts = Math.min(Math.ceil(CUTS / 3), steps)
    for (let cut = 0; cut < cuts; cut++) {
      // One moment in each part of the run: all parts are met, whatever the seed.
      const step = Math.floor(((cut + random()) / cuts) * steps)
      await openAfterCut(disk, step, unsynced, random, acknowledged)
    }
    expect(acknowledged.length).toBeGreaterThan(50)
  })
})
