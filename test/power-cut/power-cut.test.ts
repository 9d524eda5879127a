/**
 * Goal: a power cut at any moment breaks no promise (Invariants 1 to 5 and 8): what was acknowledged is there, offsets and producer ids are
 * used once, transactions are whole or absent, deleted topics stay deleted, and the next start works. Method: a broker works on a disk in
 * memory; the disk is built again as a cut at a step may leave it, a broker opens it, and is compared with what clients knew at that step;
 * some of these starts are cut again. POWER_CUTS=n tries n moments. Disks that lie about their syncs show that the comparison finds losses.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { readBrokerSettings } from '../../core/index.ts'
import { formatStorage } from '../../core/storage/format.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { seededRandom } from '../random.ts'
import { until } from '../until.ts'
import { ClientKnowledge } from './client-knowledge.ts'
import { type Lie, RecordingDisk, type Unsynced } from './recording-disk.ts'
import { brokerProperties, fenceProducer, startOn, startSimulated, systemOn } from './simulated-broker.ts'
import { Workload } from './workload.ts'

/** Moments that the usual run tries. */
const CUTS = Number(process.env.POWER_CUTS ?? 150)
const ROUNDS = 4
const CLEANINGS = 3
/** Of the starts after a cut: the share that is cut again. */
const CUT_AGAIN = 0.25
const CLUSTER_ID = 'Lq-bXQhATFW9yJ-rYQ_9Pw'
const FORMAT = 'the format'
const random = seededRandom()
/** Of records that are appended after a cut. */
let afterCuts = 0

interface Recording {
  readonly disk: RecordingDisk
  readonly knowledge: ClientKnowledge
  /** The steps at which parts of the run begin; the last one is its end. */
  readonly parts: { readonly name: string; readonly from: number }[]
}

/** As `kafka-storage format --standalone --ignore-formatted`. */
const format = (disk: RecordingDisk): Promise<void> =>
  formatStorage(
    readBrokerSettings(brokerProperties),
    { clusterId: CLUSTER_ID, standalone: true, ignoreFormatted: true },
    systemOn(disk),
    () => {},
  )

/** A node is formatted, starts for the first time, works, stops, starts again and works until the power is cut. */
async function record(lies?: Lie): Promise<Recording> {
  const disk = new RecordingDisk(lies)
  const knowledge = new ClientKnowledge(() => disk.step)
  const parts: { name: string; from: number }[] = []
  const begin = (name: string) => parts.push({ name, from: disk.step })
  const failed: unknown[] = []
  const onError = (error: unknown) => failed.push(error)
  begin(FORMAT)
  await format(disk)
  for (const start of ['first', 'second']) {
    begin(`the ${start} start`)
    const { client, cleaner, close } = await startSimulated(disk)
    begin(`the work after the ${start} start`)
    const workload = new Workload({ client, knowledge, name: start, onError })
    await workload.run(ROUNDS)
    // What follows is appended beside cleaned segments. Only segments that are rolled are cleaned, and only records roll them.
    let extra = 0
    await until(async () => {
      if (cleaner.status.runs >= CLEANINGS) return true
      await workload.writeKeys(extra++)
      return false
    }, 'logs are cleaned')
    await workload.run(ROUNDS)
    await workload.close()
    begin(`the stop after the ${start} start`)
    expect(failed).toEqual([])
    expect(cleaner.status.uncleanable).toEqual([])
    await close()
  }
  begin('the end')
  return { disk, knowledge, parts }
}

/** One moment in each of `count` equal parts of each part of the run: all are met, whatever the seed. */
function* moments({ parts }: Recording, count: number): Iterable<{ step: number; during: string }> {
  const total = parts.at(-1)!.from
  for (const [index, { name, from }] of parts.slice(0, -1).entries()) {
    const steps = parts[index + 1]!.from - from
    // Half of the moments by steps, half of them by parts: the format has few steps.
    const share = Math.min(steps, Math.ceil((count * steps) / total / 2 + count / (parts.length - 1) / 2))
    for (let at = 0; at < share; at++) yield { step: from + Math.floor(((at + random()) / share) * steps), during: name }
  }
}

/** Opens what a cut at `step` leaves and compares it with what clients knew. */
async function cutAt({ disk, knowledge }: Recording, step: number, unsynced: Unsynced, during: string): Promise<void> {
  const left = disk.afterPowerCut(step, unsynced, random)
  const where = `power cut at step ${step} during ${during}, unsynced changes ${unsynced}`
  // As with Kafka's, a format that was interrupted is repeated.
  if (during === FORMAT) await format(left)
  await open(left, knowledge, step, where)
  if (during === FORMAT || random() >= CUT_AGAIN) return
  const again = Math.floor(random() * left.step)
  await open(left.afterPowerCut(again, unsynced, random), knowledge, step, `${where}, and again at step ${again} of the next start`)
}

async function open(disk: RecordingDisk, knowledge: ClientKnowledge, step: number, where: string): Promise<void> {
  const broker = await startOn(disk).catch((cause: Error) => {
    throw new Error(`${where}: the next start fails: ${cause.message}`, { cause })
  })
  try {
    await fenceProducer(broker)
    await knowledge.check(broker, step, where)
    // The logs go on.
    for (const log of broker.logs.all())
      if (log.topic === 'orders')
        await log.append(encodeBatch([{ key: null, value: Buffer.from(`after the power cut, ${afterCuts++}`), timestamp: Date.now() }]))
          .durable
  } finally {
    await broker.close()
  }
}

describe('a power cut at any step', { timeout: 3_600_000 }, () => {
  let recording: Recording
  beforeAll(async () => {
    recording = await record()
  }, 120_000)

  test('is tried where transactions and cleanings are', () => {
    expect(recording.knowledge.length).toBeGreaterThan(100)
    expect(recording.knowledge.transactions.filter(({ end }) => end?.committed).length).toBeGreaterThan(4)
    expect(recording.knowledge.transactions.filter(({ end }) => end?.committed === false).length).toBeGreaterThan(2)
  })

  test.each(['lost', 'torn', 'kept'] as const)('keeps every promise when unsynced changes are %s', async (unsynced) => {
    for (const { step, during } of moments(recording, CUTS / 3)) await cutAt(recording, step, unsynced, during)
  })
})

describe('a disk that lies about its syncs', { timeout: 600_000 }, () => {
  test.each([
    ['records', /\/orders-\d\//, /order .* is at orders/],
    ['committed offsets', /__consumer_offsets-0\//, /offset \d+ is committed|payment .* is whole/],
    ['the states of transactions', /__transaction_state-0\//, /payment .* is whole/],
    ['the records of a transaction', /\/payments-\d\//, /payment .* is whole/],
    ['metadata', /__cluster_metadata-0\/.*log$/, /fails|is created|is set|is given|is deleted/],
    ['the names of partitions', /^\/data$/, /is created|is at/],
    ['cleaned segments', /\.(cleaned|swap)$/, /contradicts/],
    ['log start offsets', /log-start-offset-checkpoint/, /records before \d+ of clicks are deleted/],
  ] as const)('for %s breaks a promise, which is named', async (_, path, promise) => {
    const recording = await record((synced) => path.test(synced))
    const cuts = async () => {
      for (const { step, during } of moments(recording, CUTS)) await cutAt(recording, step, 'lost', during)
    }
    await expect(cuts()).rejects.toThrow(promise)
  })
})
