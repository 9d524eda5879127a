/**
 * What the log offers to the rest of the broker: the log of one partition, and all logs of the broker's log directories. Types only: other
 * rooms import these, and no file that implements them.
 */
import type { KafkaError } from '../errors.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { CleanerSettings, CleanerStatus } from './cleaner/cleaner-settings.ts'

/** The settings of a topic that its logs use. Sizes in bytes, times in ms, -1 for no limit. */
export interface LogConfig {
  segmentBytes: number
  segmentMs: number
  retentionBytes: number
  retentionMs: number
  indexIntervalBytes: number
  maxMessageBytes: number
  cleanupPolicy: readonly ('delete' | 'compact')[]
  minCompactionLagMs: number
  maxCompactionLagMs: number
  deleteRetentionMs: number
  minCleanableDirtyRatio: number
  messageTimestampType: 'CreateTime' | 'LogAppendTime'
  messageTimestampBeforeMaxMs: number
  messageTimestampAfterMaxMs: number
  compressionType: string
  fileDeleteDelayMs: number
}

export interface AppendResult {
  /** The offset of the first record; of the stored batch where an idempotent producer sent a duplicate (Invariant 5). */
  baseOffset: number
  lastOffset: number
  /** The broker's time under message.timestamp.type=LogAppendTime, else -1. */
  logAppendTimeMs: number
  logStartOffset: number
  /** Resolves when the batch is written to the file: enough for acks=1. Rejects with KAFKA_STORAGE_ERROR. */
  written: Promise<void>
  /** Resolves when the batch is durable, needed for acks=all. The same promise as `written` under log.flush=os. */
  durable: Promise<void>
}

export interface ReadResult {
  /** Whole batches as they are on disk; the first may begin before the requested offset. Empty when there is none. */
  chunks: Buffer[]
  bytes: number
  /** Returns pooled memory. To be called once the bytes are sent. */
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

/** A marker of the transaction coordinator: the end of a producer's transaction in this partition. */
export interface MarkerOfProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  /** Markers of an older coordinator are rejected. */
  readonly coordinatorEpoch: number
  /** Kafka's transaction.version: from 2 on the epoch of a marker is above that of its transaction. */
  readonly transactionVersion: number
}

/** Given to the first append of a transaction, while the coordinator is asked. The log compares its identity. */
export interface VerificationGuard {
  producerEpoch: number
  /** Of the batches that wait. */
  lowestSequence: number
  /** The client raises the epoch with each transaction: a producer without state starts with sequence 0. */
  readonly supportsEpochBump: boolean
}

/**
 * How a transactional append is verified. `ongoing`: its transaction has begun in the partition. A guard: the coordinator has confirmed
 * that it may begin. `disabled`: transaction.partition.verification.enable=false.
 */
export type Verification = VerificationGuard | 'ongoing' | 'disabled'

export interface ActiveProducer {
  producerId: number
  producerEpoch: number
  /** -1 without a batch of this epoch. */
  lastSequence: number
  lastTimestamp: number
  /** Of the last marker, -1 without one. */
  coordinatorEpoch: number
  /** -1 without an ongoing transaction. */
  currentTxnStartOffset: number
}

export interface PartitionLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly config: LogConfig
  /** Invariant 3: none of these offsets decreases. */
  readonly logStartOffset: number
  /** The offset that the next record gets. */
  readonly logEndOffset: number
  /** Records before it are durable and may be served. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** That of the next batch. After `open` it is the newest one in the log. */
  readonly leaderEpoch: number
  /** Bytes of all segments. */
  readonly sizeBytes: number
  /** Set after a disk failure: appends are rejected with KAFKA_STORAGE_ERROR. */
  readonly failure: KafkaError | null

  /**
   * Validates the `records` field of a Produce request as Kafka does (exactly one batch, magic, length, CRC, counts, producer state,
   * timestamps, keys where compacted), assigns base offset and leader epoch in place, and queues the batch for the write of this turn of
   * the event loop. Synchronous: the order of the calls is the order in the log. Throws KafkaError (CORRUPT_MESSAGE, MESSAGE_TOO_LARGE,
   * INVALID_RECORD, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, …). The log owns `batch` afterwards.
   */
  append(batch: Buffer, origin?: 'client' | 'coordinator', verification?: Verification): AppendResult
  /** The verification of the first batch of a transaction, of which the sequence is given (-1 for none). */
  startVerification(producerId: number, producerEpoch: number, sequence: number, supportsEpochBump: boolean): Verification
  /**
   * Ends the transaction of a producer. The last stable offset rises once the marker is durable. Throws KafkaError (INVALID_PRODUCER_EPOCH,
   * TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR).
   */
  appendEndTxnMarker(marker: MarkerOfProducer): AppendResult
  /** Batches from `offset` up to `maxBytes`; with `atLeastOne` the first one whatever its size (KIP-74). Throws OFFSET_OUT_OF_RANGE. */
  read(offset: number, maxBytes: number, atLeastOne: boolean, bound?: ReadBound): ReadResult | Promise<ReadResult>
  /** The bytes that a read from `offset` can return, estimated from positions: for `min_bytes` of Fetch. */
  available(offset: number, bound?: ReadBound): number
  /** True when `offset` lies in an older segment than the active one: a delayed fetch completes at once then. */
  isBehindActiveSegment(offset: number): boolean
  abortedTransactions(from: number, to: number): AbortedTransaction[]
  /** The producers of the partition, for DescribeProducers. */
  activeProducers(): ActiveProducer[]
  /** The first record whose timestamp is at or after `timestamp`, or null. Decompresses the batch for the exact record. */
  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | null>
  /** The record with the largest timestamp (ListOffsets -3), or null. */
  maxTimestamp(): Promise<TimestampedOffset | null>
  /** The leader epoch of `offset`, -1 when unknown. */
  epochAt(offset: number): number
  /** The end offset of the largest epoch at or below `epoch` (KIP-101, KIP-279). */
  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number }
  /** Raises the log start offset (DeleteRecords); -1 is the high watermark. Durable when it resolves. Returns the new log start offset. */
  deleteRecordsBefore(offset: number): Promise<number>
  /** Calls `listener` whenever the high watermark advances. Returns a function that unsubscribes it. */
  onAdvance(listener: () => void): () => void
  /** The controller has made this node the leader in `leaderEpoch`: the next batches have it. Epochs only rise. */
  lead(leaderEpoch: number): void
  configure(config: LogConfig): void
}

export interface LogsOptions {
  /** `log.dirs`. */
  dirs: readonly string[]
  /** `metadata.log.dir`; by default the first of `dirs`. No other partition is placed there unless it is one of `dirs`. */
  metadataDir?: string | null
  nodeId: number
  /** `commit` (the default) acknowledges acks=all after fdatasync; `os` after the write to the page cache, as Kafka does. */
  flush: 'commit' | 'os'
  retentionCheckIntervalMs: number
  flushOffsetCheckpointIntervalMs: number
  flushStartOffsetCheckpointIntervalMs: number
  producerIdExpirationMs: number
}

/**
 * What to do with a log that is damaged elsewhere than at its end, where a crash may tear the last append. `truncate`: keep what is before
 * the damage, as Kafka does. `refuse`: leave the files alone and fail. With `refuse`, an append must be durable before the next one.
 */
export type OnDamage = 'truncate' | 'refuse'

/** One of the broker's log directories, as it was found at the start. */
export interface FoundDirectory {
  readonly path: string
  readonly id: string
  readonly wasClean: boolean
  /** The broker epoch of the process that shut down cleanly, else -1. */
  readonly previousBrokerEpoch: number
}

export interface OpenLogOptions {
  onDamage?: OnDamage
  /** Appends wait for fdatasync under log.flush=os too. */
  alwaysDurable?: boolean
  /** The id of the directory of a new log; by default the one with the fewest partitions. */
  directory?: string
}

/** A partition of a topic that was just created. */
export interface NewPartition extends TopicPartition {
  readonly topicId: string
  readonly config: LogConfig
  /** The id of its log directory. */
  readonly directoryId: string
}

/** The logs of all partitions in the broker's log directories. */
export interface Logs {
  /** Of `meta.properties`; generated at the first start. */
  readonly clusterId: string
  /** `log.dirs`. */
  readonly directories: readonly FoundDirectory[]
  readonly metadataDirectory: FoundDirectory
  /** Of this incarnation of the broker, for the mark of a clean shutdown; -1 before its registration. */
  brokerEpoch: number
  /** The id of the directory that has the log of a partition, open or not; null where there is none. */
  directoryOf(topic: string, partition: number): string | null
  /** The newest epoch in the leader epoch checkpoint of a partition that is not open yet; -1 for none. */
  storedLeaderEpoch(topic: string, partition: number): number
  /** The high watermark of a partition in the checkpoint of the last run; 0 for none. */
  storedHighWatermark(topic: string, partition: number): number
  /** The ids of the directories for `count` new partitions: each gets the one with the fewest. */
  directoriesForNew(count: number): string[]
  /** True where folders of partitions were found that are not open. */
  readonly hasUnopened: boolean
  /** How long the state of an inactive producer is kept. */
  producerIdExpirationMs: number
  readonly cleaner: CleanerStatus
  /** The first call starts the cleaner: to be made when all logs are open. */
  configureCleaner(settings: CleanerSettings): void
  get(topic: string, partition: number): PartitionLog | undefined
  /** The log of each is created at its first use, or between other work. A start creates those that are missing. */
  create(partitions: readonly NewPartition[]): void
  /** Opens or creates the log of the partition. `config` is the topic's. */
  open(topic: string, topicId: string, partition: number, config: LogConfig, options?: OpenLogOptions): Promise<PartitionLog>
  configure(topic: string, partition: number, config: LogConfig): void
  /** Renames the folder to `…-delete` at once and deletes it after file.delete.delay.ms. Resolves with the log, where it was open. */
  remove(topic: string, partition: number): Promise<PartitionLog | undefined>
  /** Renames the folders of partitions that are not open to `…-stray`: their topics do not exist. */
  renameStrays(): void
  all(): Iterable<PartitionLog>
  /** Writes queued appends, the checkpoints and .kafka_cleanshutdown, and releases the lock. */
  close(): Promise<void>
}
