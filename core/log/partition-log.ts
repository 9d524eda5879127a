/**
 * One partition on disk: takes batches, gives them offsets, serves them back. The order of calls of `append` is the order in the log (Invariant 2);
 * nothing is served before it is durable (Invariant 1). Checks, rolls and retention are decided by pure parts; writing is the LogWriter's.
 */
import { KafkaError } from '../errors.ts'
import { attributes, type BatchHeader } from '../wire/batch-header.ts'
import { recompress, stampBatch } from './batch-rewrite.ts'
import { readMarker } from './control-record.ts'
import type { LoadedLog } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { LogReader } from './log-reader.ts'
import { type AppendOrigin, validateBatch, validateRecords } from './log-validator.ts'
import { type GroupCommit, LogWriter, type QueuedBatch } from './log-writer.ts'
import { allSynced, isOutOfFiles, OPEN_AGAIN_MS } from './open-files.ts'
import { Appended } from './pending-append.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import type { SequencedBatch } from './producer-state.ts'
import { expiredSegments } from './retention.ts'
import { offsetFileName, type Segment, suffixes } from './segment.ts'
import { emptyRead } from './segment-reader.ts'
import { shouldRoll } from './segment-roll.ts'
import { Segments } from './segments.ts'
import { findMaxTimestamp, findTimestamp } from './timestamp-search.ts'
import type { AbortedTransaction, AppendResult, LogConfig, PartitionLog, ReadBound, ReadResult, TimestampedOffset } from './types.ts'
import { settled } from './write-scheduler.ts'

/** What the folder that a partition lies in does for it. */
export interface PartitionHome {
  /** Writes the log starts of the folder's partitions; durable when it resolves. */
  saveLogStarts(): Promise<void>
  saveEpochs(): Promise<void>
  /** Resolves when no write of epochs is on its way, whatever came of it. */
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
  /** Everything before it is durable, indexes of sealed segments included: where recovery begins after a crash. */
  recoveryPoint: number
  /** False while nothing was appended since the files were last known whole: a stop has nothing to write then. */
  #touched: boolean
  readonly #context: LogContext
  readonly #home: PartitionHome
  readonly #where: string
  readonly #segments: Segments
  readonly #producers: LoadedLog['producers']
  readonly #writer: LogWriter
  readonly #reader: LogReader
  readonly #listeners = new Set<() => void>()
  /** Where the high watermark lies in the partition's bytes. */
  #watermarkPosition: number
  #writtenOffset: number
  #sealing: Promise<void> = Promise.resolve()
  #sealsRunning = 0
  #closed: KafkaError | null = null
  #isClosing = false
  /** The epoch of this opening is written with its first append: a partition that nobody writes to costs nothing. */
  #epochsSaved: boolean

  constructor(context: LogContext, home: PartitionHome, loaded: LoadedLog, config: LogConfig) {
    this.#context = context
    this.#home = home
    this.topic = loaded.topic
    this.topicId = loaded.topicId
    this.partition = loaded.partition
    this.folder = loaded.folder
    this.#where = `${loaded.topic}-${loaded.partition}`
    this.config = config
    this.logStartOffset = loaded.logStartOffset
    this.logEndOffset = loaded.logEndOffset
    this.highWatermark = loaded.logEndOffset
    this.#writtenOffset = loaded.logEndOffset
    this.recoveryPoint = loaded.logEndOffset
    this.#touched = loaded.touched
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
        written: (batch, position) => {
          this.#reader.follow(batch, position)
          this.#writtenOffset = batch.lastOffset + 1
        },
        settled: (endOffset, endPosition) => this.#advance(endOffset, endPosition),
        takenBack: (batches, offset) => this.#takeBack(batches, offset),
        failed: (error) =>
          context.logger.error({ err: error, partition: this.#where }, 'the partition takes no more appends until a restart'),
      },
      () => this.config.indexIntervalBytes,
      loaded.namesToSync,
    )
  }

  get failure(): KafkaError | null {
    return this.#writer.failure ?? this.#closed
  }

  /** True when the disk failed it: its files are not to be vouched for. */
  get hasFailed(): boolean {
    return this.#writer.failure !== null
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  /** Invariant 4. */
  get lastStableOffset(): number {
    return Math.min(this.#producers.firstUnstable(this.highWatermark) ?? this.highWatermark, this.highWatermark)
  }

  append(batch: Buffer, origin: AppendOrigin = 'client'): AppendResult {
    if (this.failure !== null) throw this.failure
    let bytes = batch
    let header = validateBatch(bytes, this.config, origin, this.#where)
    const now = this.#context.clock.now()
    if (origin === 'client') {
      validateRecords(bytes, header, this.config, now, this.#where)
      // Invariant 5: a repeat is answered with the offsets it got the first time.
      const repeated = header.producerId >= 0 ? this.#producers.check(header) : null
      if (repeated !== null) return this.#repeat(repeated)
      bytes = recompress(bytes, header, this.config.compressionType, this.#where)
      if (bytes !== batch) header = validateBatch(bytes, this.config, origin, this.#where)
    }
    const stamped = this.config.messageTimestampType === 'LogAppendTime' && (header.attributes & attributes.control) === 0
    if (stamped) header.maxTimestamp = now
    if (shouldRoll(this.#segments.active, this.#writer.queuedBytes, this.#placed(header), this.config, now)) this.#roll()
    header.baseOffset = this.logEndOffset
    header.lastOffset = header.baseOffset + header.lastOffsetDelta
    stampBatch(bytes, header, this.leaderEpoch, stamped)
    if (!this.#epochsSaved) this.#saveEpochs()
    const isMarker = (header.attributes & attributes.control) !== 0
    const producerBefore = header.producerId >= 0 && !isMarker ? this.#producers.apply(header) : undefined
    if (isMarker) this.#applyMarker(bytes, header)
    this.logEndOffset = header.lastOffset + 1
    this.#touched = true
    const turn = this.#writer.enqueue({
      bytes,
      sizeBytes: header.sizeBytes,
      baseOffset: header.baseOffset,
      lastOffset: header.lastOffset,
      maxTimestamp: header.maxTimestamp,
      producerId: isMarker ? -1 : header.producerId,
      producerBefore,
      isMarker,
    })
    return new Appended(header.baseOffset, header.lastOffset, stamped ? now : -1, this.logStartOffset, turn.written, turn.durable)
  }

  read(offset: number, maxBytes: number, atLeastOne: boolean, bound: ReadBound = 'highWatermark'): ReadResult | Promise<ReadResult> {
    if (this.#closed !== null) throw this.#closed
    if (offset < this.logStartOffset || offset > this.logEndOffset) throw this.#outOfRange(offset)
    const end = this.#boundOffset(bound)
    if (offset >= end || maxBytes < 0) return emptyRead
    const found = this.#reader.read(offset, maxBytes, atLeastOne, end)
    return found instanceof Promise ? found.catch((error: unknown) => Promise.reject(this.#explain(error, offset))) : found
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
    const found: AbortedTransaction[] = []
    for (const segment of this.#segments.from(this.#segments.floor(from))) {
      for (const entry of segment.abortedTransactions()) {
        if (entry.lastOffset >= from && entry.firstOffset < to) found.push({ producerId: entry.producerId, firstOffset: entry.firstOffset })
        if (entry.lastStableOffset >= to) return found
      }
    }
    return found
  }

  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | null> {
    return findTimestamp(this.#segments.all, this.#reader.files, timestamp, this.logStartOffset, this.highWatermark)
  }

  maxTimestamp(): Promise<TimestampedOffset | null> {
    return findMaxTimestamp(this.#segments.all, this.#reader.files, this.logStartOffset, this.highWatermark)
  }

  epochAt(offset: number): number {
    return this.epochs.epochAt(offset)
  }

  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.epochs.endOffset(epoch, this.logEndOffset)
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    if (this.failure !== null) throw this.failure
    if (!this.config.cleanupPolicy.includes('delete')) {
      throw new KafkaError('POLICY_VIOLATION', `Records of partition ${this.#where} can not be deleted due to the configured policy`)
    }
    const wanted = offset === -1 ? this.highWatermark : offset
    if (wanted > this.highWatermark || wanted < 0) {
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `${this.#where}: records before ${offset} cannot go, the high watermark is ${this.highWatermark}`,
      )
    }
    await this.#raiseLogStart(wanted)
    this.retain(this.#context.clock.now())
    return this.logStartOffset
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  configure(config: LogConfig): void {
    this.config = config
  }

  /** Lets go of segments that outlived the topic's settings. Rolls the active one first where time has run out for it. */
  retain(nowMs: number): void {
    if (this.failure !== null) return
    const facts = { logStartOffset: this.logStartOffset, highWatermark: this.highWatermark, nowMs }
    const ages = () =>
      this.#segments.all.map((segment, index, all) => ({
        endOffset: all[index + 1]?.baseOffset ?? this.logEndOffset,
        sizeBytes: segment.sizeBytes,
        latestTimestamp: () => segment.ageTimestamp(),
      }))
    let expired = expiredSegments(ages(), this.config, facts)
    if (expired === 0) return
    if (expired === this.#segments.all.length) {
      this.#roll()
      expired = expiredSegments(ages(), this.config, facts)
    }
    this.#segments.dropOldest(expired, this.config.fileDeleteDelayMs)
    this.#reader.files.forget()
    const start = Math.max(this.logStartOffset, this.#segments.first.baseOffset)
    this.#context.logger.info({ partition: this.#where, segments: expired, logStartOffset: start }, 'segments deleted')
    this.logStartOffset = start
    if (this.epochs.truncateStart(start)) this.#saveEpochs()
  }

  expireProducers(cutoffMs: number): void {
    this.#producers.expire(cutoffMs)
  }

  /** What is written here is whole from here on: everything in its files and, where asked, indexes and producers with it. */
  async close(clean: boolean): Promise<void> {
    if (this.#closed !== null) return
    this.#isClosing = true
    try {
      if (this.#writer.failure === null) await this.#writer.drain()
      await this.#sealing
      await this.#home.epochsWritten()
      if (clean && this.#touched && this.#writer.failure === null) await this.#writeClean()
    } finally {
      this.#closed = new KafkaError('NOT_LEADER_FOR_PARTITION', `${this.#where}: its log is closed`)
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
    this.#touched = false
  }

  #boundOffset(bound: ReadBound): number {
    if (bound === 'highWatermark') return this.highWatermark
    return bound === 'lastStableOffset' ? this.lastStableOffset : this.#writtenOffset
  }

  /** The segment may have gone while the disk was asked. */
  #explain(error: unknown, offset: number): unknown {
    if (this.#closed !== null) return this.#closed
    return offset < this.logStartOffset ? this.#outOfRange(offset) : error
  }

  #outOfRange(offset: number): KafkaError {
    return new KafkaError(
      'OFFSET_OUT_OF_RANGE',
      `${this.#where}: offset ${offset} is outside of ${this.logStartOffset} to ${this.logEndOffset}`,
    )
  }

  #placed(header: BatchHeader): { lastOffset: number; sizeBytes: number; maxTimestamp: number } {
    return { lastOffset: this.logEndOffset + header.lastOffsetDelta, sizeBytes: header.sizeBytes, maxTimestamp: header.maxTimestamp }
  }

  #repeat(batch: SequencedBatch): AppendResult {
    const { latest } = this.#writer
    const onItsWay: GroupCommit | null = batch.lastOffset >= this.highWatermark ? latest : null
    return new Appended(
      batch.baseOffset,
      batch.lastOffset,
      this.config.messageTimestampType === 'LogAppendTime' ? batch.timestamp : -1,
      this.logStartOffset,
      batch.lastOffset >= this.#writtenOffset && onItsWay ? onItsWay.written : settled,
      onItsWay ? onItsWay.durable : settled,
    )
  }

  #applyMarker(bytes: Buffer, header: BatchHeader): void {
    const marker = readMarker(bytes)
    if (marker === null) return
    const aborted = this.#producers.applyMarker(header, marker)
    if (aborted !== null) this.#segments.active.noteAborted(aborted)
  }

  #takeBack(batches: readonly QueuedBatch[], offset: number): void {
    for (const batch of batches.toReversed()) if (batch.producerId >= 0) this.#producers.undo(batch.producerId, batch.producerBefore)
    this.logEndOffset = offset
  }

  /** Invariant 3: only ever up. */
  #advance(endOffset: number, endPosition: number): void {
    if (endOffset <= this.highWatermark) return
    this.highWatermark = endOffset
    this.#watermarkPosition = endPosition
    if (this.#context.flush === 'commit' && this.#sealsRunning === 0) this.recoveryPoint = endOffset
    for (const listener of this.#listeners) listener()
  }

  /** Ends the active segment. Its indexes and the producers' state are made durable behind the appends' back. */
  #roll(): void {
    const expected = this.logEndOffset
    this.#writer.writeQueued()
    if (this.failure !== null) throw this.failure
    const ended = this.#segments.active
    try {
      if (this.logEndOffset !== expected) throw new Error('what was queued before could not be written')
      const paths = [...ended.writeIndexes(), this.#writeSnapshot()]
      const next = this.#segments.add(this.logEndOffset)
      ended.seal()
      this.#sealsRunning++
      ended.log.pin()
      this.#sealing = this.#sealing.then(() => this.#syncSealed(ended, paths, next.baseOffset))
    } catch (cause) {
      throw new KafkaError('KAFKA_STORAGE_ERROR', `${this.folder}: no new segment could be begun: ${(cause as Error).message}`, { cause })
    }
  }

  async #syncSealed(ended: Segment, paths: readonly string[], nextOffset: number): Promise<void> {
    const { clock, disk } = this.#context
    try {
      for (;;) {
        try {
          await allSynced([disk.fdatasync(ended.log.use()), ...paths.map((path) => disk.syncFile(path))])
          await disk.syncFolder(this.folder)
          break
        } catch (cause) {
          if (!isOutOfFiles(cause) || this.#isClosing) throw cause
          await clock.sleep(OPEN_AGAIN_MS)
        }
      }
      this.recoveryPoint = Math.max(this.recoveryPoint, nextOffset)
    } catch (cause) {
      // Retention may have taken its files away meanwhile.
      if (ended.isDropped) return
      const message = `${this.folder}: a full segment cannot be made durable: ${(cause as Error).message}`
      this.#writer.fail(new KafkaError('KAFKA_STORAGE_ERROR', message, { cause }))
    } finally {
      ended.log.unpin()
      this.#sealsRunning--
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
      this.#touched = true
      if (this.epochs.truncateStart(offset)) this.#saveEpochs()
    }
    await this.#home.saveLogStarts()
  }

  #saveEpochs(): void {
    this.#epochsSaved = true
    this.#home.saveEpochs().catch((err: unknown) => {
      this.#context.logger.warn(
        { err, partition: this.#where },
        'leader epochs could not be written; recovery makes them again from the log',
      )
    })
  }
}
