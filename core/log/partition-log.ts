/**
 * The log of one partition: appends batches, assigns their offsets, serves reads. The order of the calls of `append` is the order in the
 * log (Invariant 2); nothing is served before it is durable (Invariant 1). Pure parts decide about validation, segment roll and retention;
 * the LogWriter writes.
 */
import { invariant, KafkaError } from '../errors.ts'
import { partitionKey } from '../topic-partition.ts'
import { attributes, type BatchHeader, readBatchHeader } from '../wire/batch-header.ts'
import { assignOffset, recompress } from './batch-rewrite.ts'
import { encodeMarker } from './control-record.ts'
import { resolved } from './lazy-promise.ts'
import type { LoadedLog } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { LogReader } from './log-reader.ts'
import { type AppendOrigin, validateBatch, validateRecords } from './log-validator.ts'
import { LogWriter, type QueuedBatch } from './log-writer.ts'
import { PendingAppend } from './pending-append.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import type { BatchMetadata, ProducerStateEntry } from './producer-state.ts'
import { expiredSegments } from './retention.ts'
import { RolledSegmentFlusher } from './rolled-segment-flusher.ts'
import { offsetFileName, type Segment, suffixes } from './segment.ts'
import { emptyRead } from './segment-reader.ts'
import { shouldRoll } from './segment-roll.ts'
import { Segments } from './segments.ts'
import { findMaxTimestamp, findTimestamp, searchSegments } from './timestamp-search.ts'
import type {
  AbortedTransaction,
  ActiveProducer,
  AppendResult,
  LogConfig,
  MarkerOfProducer,
  PartitionLog,
  ReadBound,
  ReadResult,
  TimestampedOffset,
  Verification,
} from './types.ts'

/** The checkpoint files of the partition and of its log directory. */
export interface LogCheckpoints {
  /** Writes the log start offsets of the log directory; durable when it resolves. */
  saveLogStarts(): Promise<void>
  saveEpochs(): Promise<void>
  /** Resolves when no write of leader epochs is in progress, successful or not. */
  epochsWritten(): Promise<void>
}

export class StoredPartitionLog implements PartitionLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly folder: string
  readonly epochs: LoadedLog['epochs']
  config: LogConfig
  logStartOffset: number
  logEndOffset: number
  highWatermark: number
  leaderEpoch: number
  /** Everything before it is durable, the indexes of rolled segments included: recovery after a crash starts here. */
  recoveryPoint: number
  /** False while the files on disk are complete: a clean stop has nothing to write then. */
  #needsFlush: boolean
  readonly #context: LogContext
  readonly #checkpoints: LogCheckpoints
  readonly #name: string
  readonly #segments: Segments
  readonly #producers: LoadedLog['producers']
  readonly #writer: LogWriter
  readonly #reader: LogReader
  readonly #flusher: RolledSegmentFlusher
  readonly #listeners = new Set<() => void>()
  /** The position of the high watermark in the partition. */
  #watermarkPosition: number
  #writtenOffset: number
  #closed: KafkaError | null = null
  /** A new leader epoch is written with its first append: an idle partition causes no write. */
  #epochsSaved: boolean

  constructor(context: LogContext, checkpoints: LogCheckpoints, loaded: LoadedLog, config: LogConfig) {
    this.#context = context
    this.#checkpoints = checkpoints
    this.topic = loaded.topic
    this.topicId = loaded.topicId
    this.partition = loaded.partition
    this.folder = loaded.folder
    this.#name = partitionKey(loaded)
    this.config = config
    this.logStartOffset = loaded.logStartOffset
    this.logEndOffset = loaded.logEndOffset
    this.highWatermark = loaded.logEndOffset
    this.#writtenOffset = loaded.logEndOffset
    this.recoveryPoint = loaded.logEndOffset
    this.#needsFlush = loaded.needsFlush
    this.epochs = loaded.epochs
    this.leaderEpoch = loaded.leaderEpoch
    this.#epochsSaved = !this.epochs.assign(loaded.leaderEpoch, loaded.logEndOffset)
    this.#producers = loaded.producers
    this.#segments = new Segments(context, loaded.folder, loaded.segments)
    this.#watermarkPosition = this.#segments.active.startPosition + this.#segments.active.sizeBytes
    this.#reader = new LogReader(context, this.#segments)
    this.#writer = new LogWriter(
      context,
      this.#segments,
      {
        onWritten: (batch, position) => {
          this.#reader.cache(batch, position)
          this.#writtenOffset = batch.lastOffset + 1
        },
        onDurable: (endOffset, endPosition) => this.#advance(endOffset, endPosition),
        onReverted: (batches, offset) => this.#revert(batches, offset),
        onFailed: (error) =>
          context.logger.error({ err: error, partition: this.#name }, 'the partition rejects appends until the broker restarts'),
      },
      () => this.config.indexIntervalBytes,
      loaded.namesToSync,
    )
    this.#writer.failure = loaded.failure
    this.#flusher = new RolledSegmentFlusher(context, loaded.folder, {
      onFlushed: (offset) => {
        this.recoveryPoint = Math.max(this.recoveryPoint, offset)
      },
      onFailed: (error) => this.#writer.fail(error),
    })
  }

  get failure(): KafkaError | null {
    return this.#writer.failure ?? this.#closed
  }

  /** True after a disk failure: the files must be recovered at the next start. */
  get hasFailed(): boolean {
    return this.#writer.failure !== null
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  /** Invariant 4. The records of an ongoing transaction may be deleted: the offset is never before the start of the log. */
  get lastStableOffset(): number {
    const firstUnstable = this.#producers.firstUnstableOffset(this.highWatermark)
    return firstUnstable === null ? this.highWatermark : Math.min(Math.max(firstUnstable, this.logStartOffset), this.highWatermark)
  }

  append(batch: Buffer, origin: AppendOrigin = 'client', verification: Verification = 'ongoing'): AppendResult {
    if (this.failure !== null) throw this.failure
    let bytes = batch
    let header = validateBatch(bytes, this.config, origin, this.#name)
    const now = this.#context.clock.now()
    if (origin === 'client') {
      const records = validateRecords(bytes, header, this.config, now, this.#name)
      // Invariant 5: a duplicate gets the offsets of the stored batch.
      const duplicate = header.producerId >= 0 ? this.#producers.check(header, origin, verification) : null
      if (duplicate !== null) return this.#duplicateResult(duplicate)
      bytes = recompress(bytes, header, records, this.config.compressionType)
      if (bytes !== batch) header = validateBatch(bytes, this.config, origin, this.#name)
    } else if (header.producerId >= 0) this.#producers.check(header, origin, verification)
    // The control batches of a raft log have no producer.
    invariant((header.attributes & attributes.control) === 0 || header.producerId < 0, 'a marker is appended by appendEndTxnMarker')
    return this.#enqueue(bytes, header, now, null)
  }

  startVerification(producerId: number, producerEpoch: number, sequence: number, supportsEpochBump: boolean): Verification {
    return this.#producers.startVerification(producerId, producerEpoch, sequence, supportsEpochBump, this.#context.clock.now())
  }

  appendEndTxnMarker(marker: MarkerOfProducer): AppendResult {
    if (this.failure !== null) throw this.failure
    this.#producers.checkMarker(marker)
    const now = this.#context.clock.now()
    const bytes = encodeMarker(marker, now)
    return this.#enqueue(bytes, readBatchHeader(bytes), now, marker)
  }

  /** Adds a valid batch to the log. `marker` is the one in it. */
  #enqueue(bytes: Buffer, header: BatchHeader, now: number, marker: MarkerOfProducer | null): AppendResult {
    const isLogAppendTime = this.config.messageTimestampType === 'LogAppendTime' && marker === null
    if (isLogAppendTime) header.maxTimestamp = now
    if (shouldRoll(this.#segments.active, this.#writer.queuedBytes, this.#batchAtEnd(header), this.config, now)) this.#roll()
    header.baseOffset = this.logEndOffset
    header.lastOffset = header.baseOffset + header.lastOffsetDelta
    assignOffset(bytes, header, this.leaderEpoch, isLogAppendTime)
    if (!this.#epochsSaved) this.#saveEpochs()
    const applied = marker && this.#producers.applyMarker(header, { commit: marker.committed, coordinatorEpoch: marker.coordinatorEpoch })
    if (applied?.aborted) this.#segments.active.addAbortedTxn(applied.aborted)
    const previousProducer = applied ? applied.previous : header.producerId >= 0 ? this.#producers.apply(header) : undefined
    this.logEndOffset = header.lastOffset + 1
    this.#needsFlush = true
    const commit = this.#writer.enqueue({
      bytes,
      sizeBytes: header.sizeBytes,
      baseOffset: header.baseOffset,
      lastOffset: header.lastOffset,
      maxTimestamp: header.maxTimestamp,
      producerId: header.producerId,
      previousProducer,
      marker: applied && (applied.aborted ? 'abort' : 'commit'),
    })
    return new PendingAppend(
      header.baseOffset,
      header.lastOffset,
      isLogAppendTime ? now : -1,
      this.logStartOffset,
      commit.written,
      commit.durable,
    )
  }

  read(offset: number, maxBytes: number, atLeastOne: boolean, bound: ReadBound = 'highWatermark'): ReadResult | Promise<ReadResult> {
    if (this.#closed !== null) throw this.#closed
    if (offset < this.logStartOffset || offset > this.logEndOffset) throw this.#outOfRange(offset)
    const end = this.#boundOffset(bound)
    if (offset >= end || maxBytes < 0) return emptyRead
    const result = this.#reader.read(offset, maxBytes, atLeastOne, end)
    return result instanceof Promise ? result.catch((error: unknown) => Promise.reject(this.#readError(error, offset))) : result
  }

  available(offset: number, bound: ReadBound = 'highWatermark'): number {
    const end = this.#boundOffset(bound)
    if (offset >= end || offset < this.logStartOffset) return 0
    const endPosition = end === this.highWatermark ? this.#watermarkPosition : this.#reader.positionOf(end)
    return Math.max(0, endPosition - this.#reader.positionOf(offset))
  }

  isBehindActiveSegment(offset: number): boolean {
    return offset < this.#segments.active.baseOffset
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    return this.#segments.abortedTransactions(from, to)
  }

  activeProducers(): ActiveProducer[] {
    return this.#producers.active()
  }

  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | null> {
    return searchSegments(this.#segments, (all) =>
      findTimestamp(all, this.#reader.files, timestamp, this.logStartOffset, this.highWatermark),
    )
  }

  maxTimestamp(): Promise<TimestampedOffset | null> {
    return searchSegments(this.#segments, (all) => findMaxTimestamp(all, this.#reader.files, this.logStartOffset, this.highWatermark))
  }

  epochAt(offset: number): number {
    return this.epochs.epochForOffset(offset)
  }

  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.epochs.endOffsetFor(epoch, this.logEndOffset)
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    if (this.failure !== null) throw this.failure
    if (!this.config.cleanupPolicy.includes('delete')) {
      throw new KafkaError('POLICY_VIOLATION', `Records of partition ${this.#name} can not be deleted due to the configured policy`)
    }
    const newStartOffset = offset === -1 ? this.highWatermark : offset
    if (newStartOffset > this.highWatermark || newStartOffset < 0) {
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `${this.#name}: records before ${offset} cannot be deleted, the high watermark is ${this.highWatermark}`,
      )
    }
    await this.#raiseLogStart(newStartOffset)
    this.applyRetention(this.#context.clock.now())
    return this.logStartOffset
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  lead(leaderEpoch: number): void {
    if (leaderEpoch <= this.leaderEpoch) return
    this.leaderEpoch = leaderEpoch
    if (this.epochs.assign(leaderEpoch, this.logEndOffset)) this.#epochsSaved = false
  }

  configure(config: LogConfig): void {
    this.config = config
  }

  /** Deletes expired segments. Rolls the active one first where it is expired too. */
  applyRetention(nowMs: number): void {
    if (this.failure !== null) return
    const facts = { logStartOffset: this.logStartOffset, highWatermark: this.highWatermark, nowMs }
    const ages = () =>
      this.#segments.all.map((segment, index, all) => ({
        endOffset: all[index + 1]?.baseOffset ?? this.logEndOffset,
        sizeBytes: segment.sizeBytes,
        latestTimestamp: () => segment.retentionTimestamp(),
      }))
    let expired = expiredSegments(ages(), this.config, facts)
    if (expired === 0) return
    if (expired === this.#segments.all.length) {
      this.#roll()
      expired = expiredSegments(ages(), this.config, facts)
    }
    this.#segments.deleteOldest(expired, this.config.fileDeleteDelayMs)
    this.#reader.forgetBefore(this.#segments.first.baseOffset)
    const start = Math.max(this.logStartOffset, this.#segments.first.baseOffset)
    this.#context.logger.info({ partition: this.#name, segments: expired, logStartOffset: start }, 'segments deleted')
    this.logStartOffset = start
    if (this.epochs.truncateFromStart(start)) this.#saveEpochs()
  }

  /** In offset order, the active one last. */
  get segments(): readonly Segment[] {
    return this.#segments.all
  }

  get producers(): Iterable<ProducerStateEntry> {
    return this.#producers.all()
  }

  /**
   * Puts a cleaned segment in place of those with `baseOffsets`; durable when it resolves. False where these segments are not there any
   * more. Invariant 4: what is read of the old segments and the aborted transactions of the new one never meet in one response.
   */
  async replaceSegments(baseOffsets: readonly number[], sizeBytes: number): Promise<boolean> {
    if (this.failure !== null || !this.#segments.isReplaceable(baseOffsets)) return false
    try {
      const replacing = this.#segments.replace(baseOffsets, sizeBytes, this.config.fileDeleteDelayMs)
      this.#reader.forgetBefore(this.#segments.higherSegment(this.#segments.floorSegment(baseOffsets[0]!))!.baseOffset)
      await replacing
      return true
    } catch (cause) {
      const message = `${this.folder}: a cleaned segment could not replace others: ${(cause as Error).message}`
      const error = new KafkaError('KAFKA_STORAGE_ERROR', message, { cause })
      this.#writer.fail(error)
      throw error
    }
  }

  expireProducers(cutoffMs: number): void {
    this.#producers.expire(cutoffMs)
  }

  /**
   * Writes everything that is queued and closes the files. `clean` writes indexes and producer state too, so that no recovery is needed.
   */
  async close(clean: boolean): Promise<void> {
    if (this.#closed !== null) return
    this.#flusher.stopRetrying()
    try {
      if (this.#writer.failure === null) await this.#writer.drain()
      // Only now: an append during the drain may have rolled a segment.
      await this.#flusher.flushed()
      await this.#checkpoints.epochsWritten()
      if (clean && this.#needsFlush && this.#writer.failure === null) await this.#writeClean()
    } finally {
      this.#closed = new KafkaError('NOT_LEADER_FOR_PARTITION', `${this.#name}: the log is closed`)
      this.#reader.close()
      for (const segment of this.#segments.all) segment.log.retire()
    }
  }

  async #writeClean(): Promise<void> {
    const { disk } = this.#context
    const { active } = this.#segments
    const paths = [...active.writeIndexes(), this.#writeSnapshot()]
    if (this.#context.flush === 'os' || active.isNew) paths.push(active.log.path)
    await Promise.all(paths.map((path) => disk.syncFile(path)))
    await disk.syncFolder(this.folder)
    this.recoveryPoint = this.logEndOffset
    this.#needsFlush = false
  }

  #boundOffset(bound: ReadBound): number {
    if (bound === 'highWatermark') return this.highWatermark
    return bound === 'lastStableOffset' ? this.lastStableOffset : this.#writtenOffset
  }

  /** The segment may have been deleted during the read. */
  #readError(error: unknown, offset: number): unknown {
    if (this.#closed !== null) return this.#closed
    return offset < this.logStartOffset ? this.#outOfRange(offset) : error
  }

  #outOfRange(offset: number): KafkaError {
    return new KafkaError(
      'OFFSET_OUT_OF_RANGE',
      `${this.#name}: offset ${offset} is not between ${this.logStartOffset} and ${this.logEndOffset}`,
    )
  }

  #batchAtEnd(header: BatchHeader): { lastOffset: number; sizeBytes: number; maxTimestamp: number } {
    return { lastOffset: this.logEndOffset + header.lastOffsetDelta, sizeBytes: header.sizeBytes, maxTimestamp: header.maxTimestamp }
  }

  #duplicateResult(batch: BatchMetadata): AppendResult {
    const pending = batch.lastOffset >= this.highWatermark ? this.#writer.latest : null
    return new PendingAppend(
      batch.baseOffset,
      batch.lastOffset,
      // As Kafka: of a duplicate, whatever the timestamps of the topic are.
      batch.timestamp,
      this.logStartOffset,
      pending !== null && batch.lastOffset >= this.#writtenOffset ? pending.written : resolved,
      pending !== null ? pending.durable : resolved,
    )
  }

  #revert(batches: readonly QueuedBatch[], offset: number): void {
    for (const { producerId, previousProducer, marker, baseOffset } of batches.toReversed()) {
      if (marker !== null) this.#producers.revertMarker(producerId, previousProducer, baseOffset)
      else if (producerId >= 0) this.#producers.revert(producerId, previousProducer)
      // A batch that could not be written was queued for the active segment.
      if (marker === 'abort') this.#segments.active.removeLastAbortedTxn()
    }
    this.logEndOffset = offset
  }

  /** Invariant 3: the high watermark never decreases. */
  #advance(endOffset: number, endPosition: number): void {
    if (endOffset <= this.highWatermark) return
    this.highWatermark = endOffset
    this.#watermarkPosition = endPosition
    if (this.#context.flush === 'commit' && this.#flusher.isIdle) this.recoveryPoint = endOffset
    for (const listener of this.#listeners) listener()
  }

  /** Starts a new active segment. The indexes and the producer state of the old one are flushed in the background. */
  #roll(): void {
    const expected = this.logEndOffset
    this.#writer.writeQueued()
    if (this.failure !== null) throw this.failure
    const rolled = this.#segments.active
    try {
      if (this.logEndOffset !== expected) throw new Error('the queued batches could not be written')
      const paths = [...rolled.writeIndexes(), this.#writeSnapshot()]
      const next = this.#segments.add(this.logEndOffset)
      rolled.closeIndexes()
      this.#flusher.flush(rolled, paths, next.baseOffset)
    } catch (cause) {
      const message = `${this.folder}: a new segment could not be created: ${(cause as Error).message}`
      throw new KafkaError('KAFKA_STORAGE_ERROR', message, { cause })
    }
  }

  #writeSnapshot(): string {
    const path = `${this.folder}/${offsetFileName(this.logEndOffset, suffixes.snapshot)}`
    this.#context.disk.writeFile(path, encodeSnapshot([...this.#producers.all()]))
    return path
  }

  async #raiseLogStart(offset: number): Promise<void> {
    if (offset > this.logStartOffset) {
      this.logStartOffset = offset
      this.#needsFlush = true
      if (this.epochs.truncateFromStart(offset)) this.#saveEpochs()
    }
    try {
      await this.#checkpoints.saveLogStarts()
    } catch (cause) {
      const message = `${this.#name}: the log start offset ${offset} could not be written: ${(cause as Error).message}`
      throw new KafkaError('KAFKA_STORAGE_ERROR', message, { cause })
    }
  }

  #saveEpochs(): void {
    this.#epochsSaved = true
    this.#checkpoints.saveEpochs().catch((err: unknown) => {
      this.#context.logger.warn({ err, partition: this.#name }, 'leader epochs could not be written; recovery rebuilds them from the log')
    })
  }
}
