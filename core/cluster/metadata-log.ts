/**
 * The partition `__cluster_metadata-0` as the leader of a quorum of one voter writes it: batches with the epoch of its election, first of
 * all a LeaderChange. A batch is atomic, and is durable when `append` resolves, also under log.flush=os (Invariant 1): only then the high
 * watermark passes it.
 */
import { join } from 'node:path'
import { KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { BrokerSettings } from '../settings.ts'
import type { Disk } from '../system/disk.ts'
import type { System } from '../system/index.ts'
import type { BatchHeader } from '../wire/batch-header.ts'
import { encodeControlRecord, type NewControlRecord } from '../wire/control-records.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
  type NewMetadataRecord,
  recordVersion,
} from '../wire/metadata-records.ts'
import { batches, encodeBatch } from '../wire/record-batch.ts'
import { formatQuorumState, parseQuorumState, QUORUM_STATE_FILE, type QuorumState } from './quorum-state.ts'

export const METADATA_TOPIC = '__cluster_metadata'
/** Kafka's topic id of the metadata log. */
const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const READ_BYTES = 1024 * 1024
/** The limits of one batch, as in Kafka (Invariant 13). */
export const MAX_RECORDS_PER_BATCH = 10_000
export const MAX_BATCH_BYTES = 8 * 1024 * 1024

function logConfig({ values }: BrokerSettings): LogConfig {
  return {
    segmentBytes: values['metadata.log.segment.bytes'],
    segmentMs: values['metadata.log.segment.ms'],
    // Only snapshots decide about deletion.
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
    fileDeleteDelayMs: values['log.segment.delete.delay.ms'],
  }
}

export interface LogBatch {
  readonly header: BatchHeader
  readonly bytes: Buffer
}

export interface AppendedRecords {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** As a reader of the log finds them: every field is present. */
  readonly records: readonly MetadataRecord[]
}

export class MetadataLog {
  readonly folder: string
  readonly #log: PartitionLog
  readonly #system: System
  readonly #nodeId: number
  readonly #storedEpoch: number | null
  /** -1 until this node leads. */
  #epoch = -1
  #lastTimestamp = 0

  private constructor(log: PartitionLog, folder: string, system: System, nodeId: number, storedEpoch: number | null) {
    this.#log = log
    this.folder = folder
    this.#storedEpoch = storedEpoch
    this.#system = system
    this.#nodeId = nodeId
  }

  /** Opens the log. One that is damaged elsewhere than at its end is refused: a guess about metadata loses topics. */
  static async open(settings: BrokerSettings, logs: Logs, system: System): Promise<MetadataLog> {
    const { id: directory, path } = logs.metadataDirectory
    const epoch = storedEpoch(system.disk, join(metadataFolder(path), QUORUM_STATE_FILE), settings.nodeId)
    const options = { onDamage: 'refuse', alwaysDurable: true, directory } as const
    const log = await logs.open(METADATA_TOPIC, METADATA_TOPIC_ID, 0, logConfig(settings), options)
    return new MetadataLog(log, metadataFolder(path), system, settings.nodeId, epoch)
  }

  get startOffset(): number {
    return this.#log.logStartOffset
  }

  /** The offset of the next record. */
  get endOffset(): number {
    return this.#log.logEndOffset
  }

  /** Records before it are committed: those of a sole voter are when they are durable. */
  get highWatermark(): number {
    return this.#log.highWatermark
  }

  get sizeBytes(): number {
    return this.#log.sizeBytes
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The time of the newest batch that was read or written. */
  get lastTimestamp(): number {
    return this.#lastTimestamp
  }

  /** The newest epoch in the log. */
  get lastEpoch(): number {
    return this.#log.leaderEpoch
  }

  /** All batches from the one that holds `offset` on. */
  async *read(from: number): AsyncIterable<LogBatch> {
    let offset = from
    while (offset < this.#log.logEndOffset) {
      const result = await this.#log.read(offset, READ_BYTES, true, 'end')
      // A copy: decoded records may keep views of it, and the chunks are pooled.
      const bytes = Buffer.concat(result.chunks)
      result.release()
      const before = offset
      for (const batch of batches(bytes)) {
        this.#lastTimestamp = Math.max(this.#lastTimestamp, batch.header.maxTimestamp)
        offset = batch.header.lastOffset + 1
        yield batch
      }
      if (offset === before) throw new KafkaError('KAFKA_STORAGE_ERROR', `${METADATA_TOPIC}-0 cannot be read at offset ${offset}`)
    }
  }

  /**
   * This node becomes the leader of a new epoch, and `controls` follow the LeaderChange in its batch. The epoch is on disk before it is
   * used: a voter that has led in an epoch never leads in it again. The log alone has the newest epoch too where it has records.
   */
  async lead(kraftVersion: number, controls: readonly NewControlRecord[]): Promise<void> {
    const { disk, logger } = this.#system
    const path = join(this.folder, QUORUM_STATE_FILE)
    if (this.#storedEpoch === null && this.endOffset > 0)
      logger.warn({ file: path }, 'the quorum state is missing: the next epoch is taken from the metadata log, which the only voter may do')
    const epoch = Math.max(this.#storedEpoch ?? 0, this.endOffset > 0 ? this.lastEpoch : 0, 0) + 1
    await disk.replaceFile(path, formatQuorumState(this.#nodeId, epoch, kraftVersion))
    this.#epoch = epoch
    this.#log.lead(epoch)
    const voters = [{ voterId: this.#nodeId }]
    const leaderChange: NewControlRecord = { type: 'LeaderChange', version: 0, leaderId: this.#nodeId, voters, grantingVoters: voters }
    await this.appendControls([leaderChange, ...controls])
  }

  /** Appends `controls` as one batch. Throws KAFKA_STORAGE_ERROR. */
  async appendControls(controls: readonly NewControlRecord[]): Promise<void> {
    const timestamp = this.#system.clock.now()
    const records = controls.map((record) => ({ ...encodeControlRecord(record), timestamp }))
    await this.#append(encodeBatch(records, { control: true }), timestamp)
  }

  /** Appends `records` as one batch, in the versions of `metadataVersion`. Throws KAFKA_STORAGE_ERROR. */
  async append(records: readonly NewMetadataRecord[], metadataVersion: number): Promise<AppendedRecords> {
    const timestamp = this.#system.clock.now()
    const values = records.map((record) => encodeMetadataRecord(record, recordVersion(record.type, metadataVersion)))
    const batch = encodeBatch(values.map((value) => ({ key: null, value, timestamp })))
    if (records.length > MAX_RECORDS_PER_BATCH || batch.length > MAX_BATCH_BYTES)
      throw new KafkaError(
        'POLICY_VIOLATION',
        `Unable to perform excessively large batch operation: ${records.length} records of ${batch.length} bytes.`,
      )
    // Before the append: a record that cannot be read would stop every later start.
    const written = values.map((value) => decodeMetadataRecord(value))
    return { baseOffset: await this.#append(batch, timestamp), sizeBytes: batch.length, records: written }
  }

  /** The start rises to `offset`, and the segments before it are deleted; the active one too where that is the end. */
  async deleteBefore(offset: number): Promise<void> {
    if (offset <= this.startOffset) return
    const { config } = this.#log
    if (offset === this.endOffset) this.#log.configure({ ...config, retentionBytes: 0 })
    try {
      await this.#log.deleteRecordsBefore(offset)
    } finally {
      this.#log.configure(config)
    }
  }

  async #append(batch: Buffer, timestamp: number): Promise<number> {
    const result = this.#log.append(batch, 'coordinator')
    await result.durable
    this.#lastTimestamp = Math.max(this.#lastTimestamp, timestamp)
    return result.baseOffset
  }
}

/** The epoch in the quorum state of the folder, null where there is none. Throws where the quorum is another than this node alone. */
function storedEpoch(disk: Disk, path: string, nodeId: number): number | null {
  const text = disk.readFile(path)?.toString('utf8')
  if (text === undefined) return null
  let state: QuorumState
  try {
    state = parseQuorumState(text)
  } catch (cause) {
    const repair = 'restore it from a copy, or remove it: the next epoch is then taken from the metadata log'
    throw new Error(`${path}: ${(cause as Error).message}; ${repair}`, { cause })
  }
  const others = [...new Set([...(state.voters ?? []), state.leaderId])].filter((id) => id >= 0 && id !== nodeId)
  if (others.length > 0)
    throw new Error(
      `${path}: the quorum has node ${others.join(', ')}, this is node ${nodeId}. Tributary is its own controller: ` +
        'it cannot open the folder of a node that is only a broker, nor one of several voters',
    )
  return state.leaderEpoch
}

export const metadataFolder = (directory: string): string => join(directory, `${METADATA_TOPIC}-0`)
