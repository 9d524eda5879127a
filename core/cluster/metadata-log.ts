/**
 * The metadata log of the cluster: JSON records in the partition `__cluster_metadata-0`, with the recovery and the group commit of a
 * partition log. A record applies once it is durable, also under log.flush=os (Invariant 1). A batch is atomic.
 */
import { KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { Clock } from '../system/clock.ts'
import { batches, decodeRecords, encodeBatch } from '../wire/record-batch.ts'
import type { MetadataImage, MetadataRecord } from './metadata-image.ts'

export const METADATA_TOPIC = '__cluster_metadata'
/** Kafka's topic id of the metadata log. */
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
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 0,
  minCleanableDirtyRatio: 1,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  compressionType: 'producer',
  fileDeleteDelayMs: 0,
}

function decodeRecord(value: Buffer | null, offset: number): MetadataRecord {
  try {
    const parsed = JSON.parse(value?.toString('utf8') ?? '') as { v?: number; event?: MetadataRecord }
    if (parsed.v === FORMAT && parsed.event) return parsed.event
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new Error(
    `${METADATA_TOPIC}-0, offset ${offset}: this is not a metadata record of Tributary. The folder belongs to Apache Kafka or to a newer release: set log.dirs to another folder.`,
  )
}

export class MetadataLog {
  readonly #log: PartitionLog
  readonly #clock: Clock
  /** Records that revert failed changes. They are written with the next batch. */
  #pendingReverts: MetadataRecord[] = []
  #recordCount = 0

  private constructor(log: PartitionLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** Opens the metadata log and applies its records to `image`. */
  static async open(logs: Logs, clock: Clock, image: MetadataImage): Promise<MetadataLog> {
    const log = await logs.open(METADATA_TOPIC, METADATA_TOPIC_ID, 0, config, 'refuse')
    const metadataLog = new MetadataLog(log, clock)
    await metadataLog.#replay(image)
    return metadataLog
  }

  /** Resolves when all of `records` are durable. Throws KAFKA_STORAGE_ERROR. */
  async append(records: readonly MetadataRecord[]): Promise<void> {
    const timestamp = this.#clock.now()
    const reverts = this.#pendingReverts.length
    const all = [...this.#pendingReverts, ...records]
    const encoded = all.map((event) => ({ key: null, value: Buffer.from(JSON.stringify({ v: FORMAT, event })), timestamp }))
    const result = this.#log.append(encodeBatch(encoded), 'coordinator')
    await result.durable
    this.#pendingReverts = this.#pendingReverts.slice(reverts)
    this.#recordCount += all.length
  }

  /** Reverts a failed change: at once, or with the next batch if this append fails too. */
  async revert(undo: MetadataRecord): Promise<void> {
    this.#pendingReverts.push(undo)
    try {
      await this.append([])
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
    }
  }

  /** Writes a snapshot of the image and deletes the records before it, once the log is much larger than the image. */
  async snapshotIfLarge(image: MetadataImage): Promise<void> {
    if (this.#recordCount < 2 * image.size + 1000) return
    const start = this.#log.logEndOffset
    const records = image.toRecords()
    await this.append(records)
    await this.#log.deleteRecordsBefore(start)
    this.#recordCount = records.length
  }

  async #replay(image: MetadataImage): Promise<void> {
    let offset = this.#log.logStartOffset
    while (offset < this.#log.logEndOffset) {
      const result = await this.#log.read(offset, READ_BYTES, true, 'end')
      const bytes = Buffer.concat(result.chunks)
      result.release()
      const before = offset
      for (const batch of batches(bytes)) {
        for (const record of decodeRecords(batch.bytes)) {
          if (record.offset < offset) continue
          image.apply(decodeRecord(record.value, record.offset))
          this.#recordCount++
        }
        offset = batch.header.lastOffset + 1
      }
      if (offset === before) throw new KafkaError('KAFKA_STORAGE_ERROR', `${METADATA_TOPIC}-0 cannot be read at offset ${offset}`)
    }
  }
}
