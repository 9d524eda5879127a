/**
 * The journal of the cluster: events as JSON records in the partition log `__cluster_metadata-0`, so that it has the log's crash recovery and
 * group commit. An event counts once it is durable, also under log.flush=os (Invariant 1). One batch is one step: all of it or nothing.
 */
import { KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { Clock } from '../system/clock.ts'
import { batches, decodeRecords, encodeBatch } from '../wire/record-batch.ts'
import type { ClusterEvent, ClusterImage } from './metadata-image.ts'

export const METADATA_TOPIC = '__cluster_metadata'
/** The id that Kafka gives its own metadata log. */
const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const READ_BYTES = 1024 * 1024
const FORMAT = 1

const config: LogConfig = {
  segmentBytes: 64 * 1024 * 1024,
  segmentMs: Number.MAX_SAFE_INTEGER,
  retentionBytes: -1,
  retentionMs: -1,
  indexIntervalBytes: 4096,
  maxMessageBytes: 0x7fff_ffff,
  cleanupPolicy: ['delete'],
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  compressionType: 'producer',
  fileDeleteDelayMs: 0,
}

function decodeEvent(value: Buffer | null, offset: number): ClusterEvent {
  try {
    const parsed = JSON.parse(value?.toString('utf8') ?? '') as { v?: number; event?: ClusterEvent }
    if (parsed.v === FORMAT && parsed.event) return parsed.event
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new Error(
    `${METADATA_TOPIC}-0, offset ${offset}: this is no event of Tributary's. The folder belongs to Apache Kafka or to a newer release; give log.dirs a folder of its own.`,
  )
}

export class Journal {
  readonly #log: PartitionLog
  readonly #clock: Clock
  /** What takes back a step that the journal tells and that was never made: it goes before the next step. */
  #owed: ClusterEvent[] = []
  #count = 0

  private constructor(log: PartitionLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** Opens the journal and makes `image` from it. */
  static async open(logs: Logs, clock: Clock, image: ClusterImage): Promise<Journal> {
    const log = await logs.open(METADATA_TOPIC, METADATA_TOPIC_ID, 0, config, 'refuse')
    const journal = new Journal(log, clock)
    await journal.#replay(image)
    return journal
  }

  /** Resolves when all of `events` are durable. Throws KAFKA_STORAGE_ERROR. */
  async append(events: readonly ClusterEvent[]): Promise<void> {
    const timestamp = this.#clock.now()
    const owed = this.#owed.length
    const all = [...this.#owed, ...events]
    const records = all.map((event) => ({ key: null, value: Buffer.from(JSON.stringify({ v: FORMAT, event })), timestamp }))
    const result = this.#log.append(encodeBatch(records), 'coordinator')
    await result.durable
    this.#owed = this.#owed.slice(owed)
    this.#count += all.length
  }

  /** Takes back a step that could not be made: at once, or where the disk refuses that too, together with the next step. */
  async takeBack(undoing: ClusterEvent): Promise<void> {
    this.#owed.push(undoing)
    try {
      await this.append([])
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
    }
  }

  /** Writes the image down as one step and drops what came before, where the journal has grown well past the image. */
  async shorten(image: ClusterImage): Promise<void> {
    if (this.#count < 2 * image.size + 1000) return
    const start = this.#log.logEndOffset
    const events = image.events()
    await this.append(events)
    await this.#log.deleteRecordsBefore(start)
    this.#count = events.length
  }

  async #replay(image: ClusterImage): Promise<void> {
    let offset = this.#log.logStartOffset
    while (offset < this.#log.logEndOffset) {
      const read = await this.#log.read(offset, READ_BYTES, true, 'end')
      const bytes = Buffer.concat(read.chunks)
      read.release()
      const before = offset
      for (const batch of batches(bytes)) {
        for (const record of decodeRecords(batch.bytes)) {
          if (record.offset < offset) continue
          image.apply(decodeEvent(record.value, record.offset))
          this.#count++
        }
        offset = batch.header.lastOffset + 1
      }
      if (offset === before) throw new KafkaError('KAFKA_STORAGE_ERROR', `${METADATA_TOPIC}-0 cannot be read at offset ${offset}`)
    }
  }
}
