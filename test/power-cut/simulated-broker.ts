/**
 * A broker in this process on a recording disk: small segments, snapshots and checkpoints all the time, and a cleaner of its own, because
 * the threads of a broker know the real disk only. What it has stored is read without a client.
 */
import { type Client, createClient } from '../../core/client/index.ts'
import { type RunningBroker, startBroker } from '../../core/index.ts'
import { CleaningFailed } from '../../core/log/cleaner/cleaning-thread.ts'
import { LogCleaner } from '../../core/log/cleaner/log-cleaner.ts'
import { cleanLog } from '../../core/log/cleaner/log-cleaning.ts'
import type { LogDirectory } from '../../core/log/log-directory.ts'
import type { StoredPartitionLog } from '../../core/log/partition-log.ts'
import type { PartitionLog } from '../../core/log/types.ts'
import { type Clock, realClock } from '../../core/system/clock.ts'
import { realHostNames } from '../../core/system/host-names.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { Metrics } from '../../core/system/metrics.ts'
import { realRandom } from '../../core/system/random.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { batches, controlType, controlTypes, decodeRecords } from '../../core/wire/record-batch.ts'
import { cleanerSettings } from '../core/log/scratch-log.ts'
import { until } from '../until.ts'
import type { RecordingDisk } from './recording-disk.ts'

export const DATA = '/data'
export const GROUP = 'shop'
export const TRANSACTIONAL_ID = 'till'
/** Periodic tasks run much more often than in a broker, so that their writes are among the steps. */
const PERIOD_MS = 25
const busyClock: Clock = { ...realClock, every: (periodMs, task) => realClock.every(Math.min(periodMs, PERIOD_MS), task) }
export const TRANSACTION_TIMEOUT_MS = 60_000
const laterClock: Clock = { ...realClock, now: () => realClock.now() + 2 * TRANSACTION_TIMEOUT_MS }
const READ_BYTES = 1024 * 1024
const PATIENT_MS = 30_000
/** Of transactional ids without a transaction. */
const ENDED_STATES = ['Empty', 'CompleteCommit', 'CompleteAbort']
/** A transactional id whose previous transaction is still being ended is asked again. */
const MAX_FENCE_ATTEMPTS = 500

export const brokerProperties: Properties = {
  listeners: 'PLAINTEXT://127.0.0.1:0',
  'node.id': '1',
  'log.dirs': DATA,
  // A client that asks for a deleted topic would create it.
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '10',
  'log.roll.ms': '20',
  'log.cleaner.enable': 'false',
  'log.cleaner.min.cleanable.ratio': '0.01',
  'log.segment.delete.delay.ms': '0',
  'metadata.log.segment.ms': '50',
  'metadata.log.max.record.bytes.between.snapshots': '2000',
  'metadata.max.retention.bytes': '6000',
  'group.initial.rebalance.delay.ms': '0',
}

export const systemOn = (disk: RecordingDisk, clock: Clock = realClock) => ({
  clock,
  disk,
  random: realRandom,
  hostNames: realHostNames,
  logger: silentLogger,
  metrics: new Metrics(),
})

/** Of a broker, beside or instead of `brokerProperties`. */
export type Properties = Readonly<Record<string, string>>

export interface StartOptions {
  readonly properties?: Properties
  /** True for a start after the timeout of every transaction. */
  readonly isLater?: boolean
}

export const startOn = (disk: RecordingDisk, { properties = {}, isLater = false }: StartOptions = {}): Promise<RunningBroker> =>
  startBroker({ ...brokerProperties, ...properties }, systemOn(disk, isLater ? laterClock : realClock))

export interface SimulatedBroker {
  readonly broker: RunningBroker
  readonly client: Client
  readonly cleaner: LogCleaner
  /** A client that gives up after `requestTimeoutMs`; closed with the broker at the latest. */
  impatientClient(requestTimeoutMs: number): Client
  close(): Promise<void>
}

export async function startSimulated(disk: RecordingDisk, properties: Properties = {}): Promise<SimulatedBroker> {
  const system = systemOn(disk, busyClock)
  const broker = await startBroker({ ...brokerProperties, ...properties }, system)
  const clients: Client[] = []
  const newClient = (requestTimeoutMs: number) => {
    const client = createClient({ bootstrapServers: broker.address, clientId: 'power-cut', requestTimeoutMs }, system)
    clients.push(client)
    return client
  }
  const cleaner = cleanerOf(broker, disk)
  cleaner.configure({ ...cleanerSettings, backoffMs: 0, dedupeBufferBytes: 1 << 16, ioBufferBytes: 1 << 14 })
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()))
    await cleaner.close()
    await broker.close()
  }
  return { broker, client: newClient(PATIENT_MS), cleaner, impatientClient: newClient, close }
}

/** The broker's cleaner, with cleanings in this thread. */
function cleanerOf(broker: RunningBroker, disk: RecordingDisk): LogCleaner {
  const directories = broker.logs.directories as readonly LogDirectory[]
  const directoryOf = (partition: string) => {
    const log = [...broker.logs.all()].find((candidate) => partitionKey(candidate) === partition)
    return directories.find(({ id }) => log && id === broker.logs.directoryOf(log.topic, log.partition))
  }
  return new LogCleaner(
    {
      clock: realClock,
      random: realRandom,

      logger: silentLogger,
      newThread: () => {
        let running: Promise<unknown> = Promise.resolve()
        return {
          bytesPerSecond: 0,
          clean(request, replace) {
            const cleaning = cleanLog(request, { disk, transferred: () => undefined, replace }).catch((cause: NodeJS.ErrnoException) => {
              throw new CleaningFailed(cause.message, cause.code)
            })
            running = cleaning.catch(() => {})
            return cleaning
          },
          abort: async () => void (await running),
          end: async () => {},
        }
      },
    },
    {
      *logs() {
        for (const log of broker.logs.all()) yield [partitionKey(log), log as StoredPartitionLog]
      },
      cleanedUpTo: (partition) => directoryOf(partition)?.checkpointed('cleaner', partition),
      setCleanedUpTo: async (partition, offset) => directoryOf(partition)?.setCleanedUpTo(partition, offset),
    },
  )
}

export interface StoredRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

/** What is in a log, or of it what a read_committed consumer gets. */
export async function recordsOf(log: PartitionLog, isolation: 'uncommitted' | 'committed'): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  const end = isolation === 'committed' ? log.lastStableOffset : log.logEndOffset
  const aborted = isolation === 'committed' ? log.abortedTransactions(log.logStartOffset, end) : []
  aborted.sort((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  for (let offset = log.logStartOffset; offset < end; ) {
    const read = await log.read(offset, READ_BYTES, true, isolation === 'committed' ? 'lastStableOffset' : 'end')
    const bytes = Buffer.concat(read.chunks)
    read.release()
    // Of a log whose last records were compacted away.
    if (bytes.length === 0) break
    for (const { header, bytes: batch } of batches(bytes)) {
      offset = header.lastOffset + 1
      while (aborted.length > 0 && aborted[0]!.firstOffset <= header.lastOffset) aborting.add(aborted.shift()!.producerId)
      if (header.attributes & attributes.control) {
        const [marker] = decodeRecords(batch)
        if (marker && controlType(marker.key) === controlTypes.abort) aborting.delete(header.producerId)
      } else if ((header.attributes & attributes.transactional) === 0 || !aborting.has(header.producerId))
        for (const { offset: at, key, value } of decodeRecords(batch))
          records.push({ offset: at, key: key?.toString() ?? null, value: value?.subarray(0, 40).toString().trim() ?? null })
    }
  }
  return records.filter(({ offset }) => offset >= log.logStartOffset)
}

/** The offset that the group has committed for partition 0 of `topic`, -1 for none. */
export async function committedOffset(broker: RunningBroker, topic: string): Promise<number> {
  const request = {
    groupId: '',
    topics: null,
    groups: [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics: [{ name: topic, topicId: '', partitionIndexes: [0] }] }],
    requireStable: false,
  }
  const caller = { version: 9, clientId: null, peer: { host: '/127.0.0.1', closed: false, onClose: () => () => {} } }
  const response = await broker.groups.fetch(request, caller)
  return response.groups[0]!.topics[0]!.partitions[0]!.committedOffset
}

/** Waits until the coordinator has ended all that is open at a start with `isLater`. Returns how many transactions it has aborted. */
export async function timeOutTransactions(broker: RunningBroker): Promise<number> {
  const all = { stateFilters: [], producerIdFilters: [], durationFilterMs: -1, transactionalIdPattern: null }
  await until(async () => {
    const { error, transactions } = await broker.transactions.list(all)
    if (error !== 'NONE' || transactions.some(({ state }) => !ENDED_STATES.includes(state))) return false
    return [...broker.logs.all()].every((log) => log.lastStableOffset === log.highWatermark)
  }, 'what was open is ended')
  return broker.transactions.counters.timedOut
}

/** Ends what the last producer with the transactional id has left open, as its next start does. */
export async function fenceProducer(broker: RunningBroker): Promise<void> {
  if (!broker.cluster.topic('__transaction_state')) return
  for (let attempt = 0; attempt < MAX_FENCE_ATTEMPTS; attempt++) {
    const { error } = await broker.transactions.initProducerId({
      transactionalId: TRANSACTIONAL_ID,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      producerId: -1,
      producerEpoch: -1,
      enable2Pc: false,
      keepPreparedTxn: false,
    })
    if (error === 'NONE') return
    await realClock.sleep(2)
  }
  throw new Error('the transaction of an earlier producer was not ended')
}
