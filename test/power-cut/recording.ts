/**
 * A run of a broker on a recording disk, and cuts of the power in it: the disk is built again as a cut at a step may leave it, a broker
 * opens it, and is compared with what clients knew at that step. Some of these starts are cut again.
 */
import { readBrokerSettings } from '../../core/index.ts'
import { formatStorage } from '../../core/storage/format.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { seededRandom } from '../random.ts'
import { until } from '../until.ts'
import { ClientKnowledge } from './client-knowledge.ts'
import { RecordingDisk, type Unsynced } from './recording-disk.ts'
import {
  brokerProperties,
  fenceProducer,
  type Properties,
  startOn,
  startSimulated,
  systemOn,
  timeOutTransactions,
} from './simulated-broker.ts'
import { Workload } from './workload.ts'

/** Moments that the usual run tries. */
export const CUTS = Number(process.env.POWER_CUTS ?? 150)
export const HOW_UNSYNCED = ['lost', 'torn', 'kept'] as const
const ROUNDS = 4
const CLEANINGS = 3
/** Of the starts after a cut: the share that is cut again. */
const CUT_AGAIN = 0.25
/** The share after which no producer comes back: what is open times out. */
const TIMED_OUT = 0.3
const CLUSTER_ID = 'Lq-bXQhATFW9yJ-rYQ_9Pw'
const FORMAT = 'the format'
export const random = seededRandom()
/** Of records that are appended after a cut. */
let afterCuts = 0

export interface Recording {
  readonly disk: RecordingDisk
  readonly knowledge: ClientKnowledge
  readonly properties: Properties
  /** The steps at which parts of the run begin; the last one is its end. */
  readonly parts: { readonly name: string; readonly from: number }[]
}

export interface RecordingOptions {
  readonly disk?: RecordingDisk
  readonly properties?: Properties
  /** Before the first start. */
  prepare?(recording: Recording): Promise<void>
  readonly starts?: readonly string[]
  readonly rounds?: number
  readonly withCleanings?: boolean
}

/** As `kafka-storage format --standalone --ignore-formatted`. */
const format = (disk: RecordingDisk): Promise<void> =>
  formatStorage(
    readBrokerSettings(brokerProperties),
    { clusterId: CLUSTER_ID, standalone: true, ignoreFormatted: true },
    systemOn(disk),
    () => {},
  )

/** The node is formatted before its first start. */
export async function formatted({ disk, parts }: Recording): Promise<void> {
  parts.push({ name: FORMAT, from: disk.step })
  await format(disk)
}

/** A node starts for the first time, works, stops, and so again for each of `starts`. */
export async function record(options: RecordingOptions = {}): Promise<Recording> {
  const { disk = new RecordingDisk(), properties = {}, prepare, starts = ['first', 'second'], rounds = ROUNDS } = options
  const knowledge = new ClientKnowledge(() => disk.step)
  const recording: Recording = { disk, knowledge, properties, parts: [] }
  const begin = (name: string) => recording.parts.push({ name, from: disk.step })
  await prepare?.(recording)
  for (const start of starts) {
    begin(`the ${start} start`)
    const { client, cleaner, close } = await startSimulated(disk, properties)
    begin(`the work after the ${start} start`)
    const failed: unknown[] = []
    const workload = new Workload({ client, knowledge, name: start, onError: (error) => failed.push(error) })
    await workload.run(rounds)
    if (options.withCleanings !== false) {
      // What follows is appended beside cleaned segments. Only segments that are rolled are cleaned, and only records roll them.
      let extra = 0
      await until(async () => {
        if (cleaner.status.runs >= CLEANINGS) return true
        await workload.writeKeys(extra++)
        return false
      }, 'logs are cleaned')
      await workload.run(rounds)
    }
    await workload.close()
    begin(`the stop after the ${start} start`)
    if (failed.length > 0) throw new Error(`${failed.length} requests failed`, { cause: failed[0] })
    if (cleaner.status.uncleanable.length > 0) throw new Error(`not cleaned: ${cleaner.status.uncleanable.join(', ')}`)
    await close()
  }
  begin('the end')
  return recording
}

export interface Moment {
  readonly step: number
  readonly during: string
}

/** One moment in each of `count` equal parts of each part of the run: all are met, whatever the seed. */
export function* moments({ parts }: Recording, count: number): Iterable<Moment> {
  const [first] = parts
  const total = parts.at(-1)!.from - first!.from
  for (const [index, { name, from }] of parts.slice(0, -1).entries()) {
    const steps = parts[index + 1]!.from - from
    // Half of the moments by steps, half of them by parts: the format has few steps.
    const share = Math.min(steps, Math.ceil((count * steps) / total / 2 + count / (parts.length - 1) / 2))
    for (let at = 0; at < share; at++) yield { step: from + Math.floor(((at + random()) / share) * steps), during: name }
  }
}

export interface CutsResult {
  readonly cuts: number
  /** Transactions that were open at a start, and whose producer did not come back. */
  readonly timedOut: number
}

/** Throws with the first promise that a cut breaks. */
export async function cutAll(
  recording: Recording,
  all: Iterable<Moment>,
  unsynced: Unsynced,
  timedOutShare = TIMED_OUT,
): Promise<CutsResult> {
  let cuts = 0
  let timedOut = 0
  for (const moment of all) {
    timedOut += await cutAt(recording, moment, unsynced, timedOutShare)
    cuts++
  }
  return { cuts, timedOut }
}

/** Opens what a cut leaves and compares it with what clients knew. Returns how many transactions timed out. */
async function cutAt(recording: Recording, { step, during }: Moment, unsynced: Unsynced, timedOutShare: number): Promise<number> {
  const left = recording.disk.afterPowerCut(step, unsynced, random)
  const where = `power cut at step ${step} during ${during}, unsynced changes ${unsynced}`
  // As with Kafka's, a format that was interrupted is repeated.
  if (during === FORMAT) await format(left)
  const timedOut = await open(recording, left, step, where, random() < timedOutShare)
  if (during === FORMAT || random() >= CUT_AGAIN) return timedOut
  const again = Math.floor(random() * left.step)
  const leftAgain = left.afterPowerCut(again, unsynced, random)
  const whereAgain = `${where}, and again at step ${again} of the next start`
  return timedOut + (await open(recording, leftAgain, step, whereAgain, random() < timedOutShare))
}

/** A broker opens `disk` and is compared with what clients knew at `step`. Returns how many transactions timed out. */
export async function open(
  { knowledge, properties }: Recording,
  disk: RecordingDisk,
  step: number,
  where: string,
  timesOut = false,
): Promise<number> {
  const broker = await startOn(disk, { properties, isLater: timesOut }).catch((cause: Error) => {
    throw new Error(`${where}: the next start fails: ${cause.message}`, { cause })
  })
  try {
    const timedOut = timesOut ? await timeOutTransactions(broker) : 0
    // What is open now is ended by the producer that comes back.
    await fenceProducer(broker)
    for (const log of broker.logs.all())
      if (log.lastStableOffset !== log.highWatermark)
        throw new Error(`${where}: no transaction is open, and the last stable offset of ${log.topic}-${log.partition} stays behind`)
    await knowledge.check(broker, step, where)
    // The logs go on.
    for (const log of broker.logs.all())
      if (log.topic === 'orders')
        await log.append(encodeBatch([{ key: null, value: Buffer.from(`after the power cut, ${afterCuts++}`), timestamp: Date.now() }]))
          .durable
    return timedOut
  } finally {
    await broker.close()
  }
}
