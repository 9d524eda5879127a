/**
 * The log room's words: what one partition on disk promises to the rest of the engine.
 */
import type { KafkaError } from '../errors.ts'

/** What a topic's settings say to its logs. Sizes in bytes, times in ms, -1 for no bound. */
export interface LogConfig {
  segmentBytes: number
  segmentMs: number
  retentionBytes: number
  retentionMs: number
  indexIntervalBytes: number
  maxMessageBytes: number
  cleanupPolicy: readonly ('delete' | 'compact')[]
  messageTimestampType: 'CreateTime' | 'LogAppendTime'
  messageTimestampBeforeMaxMs: number
  messageTimestampAfterMaxMs: number
  compressionType: string
  fileDeleteDelayMs: number
}

export interface AppendResult {
  /** The offset of the first record: the stored one where the batch is a repeat of an idempotent producer's (Invariant 5). */
  baseOffset: number
  lastOffset: number
  /** The broker's time where the topic stamps on append, else -1. */
  logAppendTimeMs: number
  logStartOffset: number
  /** Resolves when the batch is in the file: enough for acks=1. Rejects with KAFKA_STORAGE_ERROR. */
  written: Promise<void>
  /** Resolves when the batch is durable (the same promise as `written` under log.flush=os): needed for acks=all. Shared by a group commit. */
  durable: Promise<void>
}

export interface ReadResult {
  /** Whole batches as they are on disk, in pieces; the first may begin before the asked offset. Empty when nothing is there. */
  chunks: Buffer[]
  bytes: number
  /** Gives pooled memory back; call once the bytes have left. */
  release(): void
}

export type ReadBound = 'highWatermark' | 'lastStableOffset' | 'end'

export interface TimestampedOffset {
  offset: number
  timestamp: number
  leaderEpoch: number
}

export interface AbortedTransaction {
  producerId: number
  firstOffset: number
}

export interface PartitionLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly config: LogConfig
  /** Invariant 3: none of these goes back by itself. */
  readonly logStartOffset: number
  /** The offset that the next record gets. */
  readonly logEndOffset: number
  /** Records below it are durable and may be served. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly leaderEpoch: number
  /** Bytes of all segments. */
  readonly sizeBytes: number
  /** Set when the disk failed: appends are refused with KAFKA_STORAGE_ERROR. */
  readonly failure: KafkaError | null

  /**
   * Takes one produced `records` field: checks it as Kafka does (exactly one batch, magic, length, CRC, counts, producer state, timestamps,
   * keys where compacted), writes base offset and leader epoch in place, and queues it for the write of this turn. Synchronous: the order of
   * calls is the order in the log. Throws KafkaError (CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_RECORD, OUT_OF_ORDER_SEQUENCE_NUMBER, …).
   * The log owns `batch` from here on.
   */
  append(batch: Buffer, origin?: 'client' | 'coordinator'): AppendResult
  /** Batches from `offset` up to `maxBytes`; the first batch always whole when `atLeastOne` (KIP-74). Throws OFFSET_OUT_OF_RANGE. */
  read(offset: number, maxBytes: number, atLeastOne: boolean, bound?: ReadBound): ReadResult | Promise<ReadResult>
  /** Bytes that a read from `offset` could give now, counted cheaply and without decoding; for min_bytes of a long poll. */
  available(offset: number, bound?: ReadBound): number
  /** True when `offset` lies in an older segment than the active one, so that a waiting fetch answers at once. */
  isBehindActiveSegment(offset: number): boolean
  abortedTransactions(from: number, to: number): AbortedTransaction[]
  /** The first offset whose timestamp is at or after `timestamp`; null when there is none. Looks into the batch (decompressing) for the exact record. */
  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | null>
  /** The record with the largest timestamp (ListOffsets -3). */
  maxTimestamp(): Promise<TimestampedOffset | null>
  /** The epoch that `offset` belongs to, -1 when unknown. */
  epochAt(offset: number): number
  /** The end offset of the largest epoch at or below `epoch` (KIP-101, KIP-279). */
  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number }
  /** Raises the log start (DeleteRecords). `offset` -1 is the high watermark. Durable when it resolves. Returns the new start. */
  deleteRecordsBefore(offset: number): Promise<number>
  /** Called with every rise of the high watermark. Returns how to stop. */
  onAdvance(listener: () => void): () => void
  configure(config: LogConfig): void
}

export interface LogsOptions {
  /** `log.dirs`. */
  dirs: readonly string[]
  nodeId: number
  /** `commit` (the default) makes acks=all durable by fdatasync; `os` leaves it to the page cache as Kafka does. */
  flush: 'commit' | 'os'
  retentionCheckIntervalMs: number
  flushOffsetCheckpointIntervalMs: number
  flushStartOffsetCheckpointIntervalMs: number
  producerIdExpirationMs: number
}

/**
 * What becomes of a log that shows damage, other than what a crash tears off its end. `cut`: it goes on with what lies before, as Kafka does. `refuse`: it is
 * left as it is and the opening fails with a sentence. What is appended to such a log must be durable before the next append.
 */
export type OnDamage = 'cut' | 'refuse'

/** All partitions of this broker's folders. */
export interface Logs {
  /** Of `meta.properties`; made at the first start. */
  readonly clusterId: string
  /** After how long a silent producer is forgotten. */
  producerIdExpirationMs: number
  get(topic: string, partition: number): PartitionLog | undefined
  /** Opens the partition's log, or makes it. `config` is the topic's. */
  open(topic: string, topicId: string, partition: number, config: LogConfig, damage?: OnDamage): Promise<PartitionLog>
  /** Renames the folder to `…-delete` at once and unlinks it after file.delete.delay.ms. */
  remove(topic: string, partition: number): Promise<void>
  /** Sets aside the folders of partitions that nobody opened: their topics are gone. */
  renameStrays(): void
  all(): Iterable<PartitionLog>
  /** Writes what is queued, the checkpoints and .kafka_cleanshutdown, and lets go of the lock. */
  close(): Promise<void>
}
