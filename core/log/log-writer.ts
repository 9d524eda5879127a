/**
 * Writes and flushes the appends of one partition: all batches of a turn of the event loop in one write, and one fdatasync at a time, which
 * covers everything written before it started. A failed flush is neither retried nor acknowledged: the kernel may have dropped any of the
 * dirty pages. Invariant 1.
 */
import { KafkaError } from '../errors.ts'
import type { DiskFile } from '../system/disk.ts'
import { GroupCommit } from './group-commit.ts'
import type { LogContext } from './log-context.ts'
import { allSynced, isTooManyOpenFiles, REOPEN_BACKOFF_MS } from './open-files.ts'
import type { ProducerStateEntry } from './producer-state.ts'
import type { AppendedBatch, Segment } from './segment.ts'
import type { Segments } from './segments.ts'

export interface QueuedBatch extends AppendedBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  /** -1 for none. */
  readonly producerId: number
  /** The state of the producer before this batch, restored when the write fails. */
  readonly previousProducer: ProducerStateEntry | undefined
  /** `abort`: the marker has an entry in the transaction index. */
  readonly marker: 'commit' | 'abort' | null
}

/** Paths that must be durable before the first acknowledgement: the folder and the files of a new partition. */
export interface NamesToSync {
  files: string[]
  folders: string[]
}

/** Implemented by the partition. */
export interface WriterEvents {
  onWritten(batch: QueuedBatch, position: number): void
  /** Everything before `endOffset` is as durable as log.flush requires. */
  onDurable(endOffset: number, endPosition: number): void
  /** `batches` are not in the log; the first of them had `offset`. */
  onReverted(batches: readonly QueuedBatch[], offset: number): void
  onFailed(error: KafkaError): void
}

/** A full disk: the one failure of a write after which a later write may succeed. */
const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')

export class LogWriter {
  readonly #context: LogContext
  readonly #segments: Segments
  readonly #events: WriterEvents
  readonly #indexIntervalBytes: () => number
  #namesToSync: NamesToSync
  /** The batches of this turn of the event loop, and their commit. */
  #queue: QueuedBatch[] = []
  #current: GroupCommit
  queuedBytes = 0
  /** Written, not yet part of a flush. */
  #unflushed: GroupCommit[] = []
  /** Part of the running flush. */
  #inFlush: GroupCommit[] = []
  #flush: Promise<void> | null = null
  /** Segments with writes that are not flushed, pinned. */
  #dirty: Segment[] = []
  /** True while flushes fail because too many files are open. */
  #isOutOfFiles = false
  /** True once the log closes: nothing is retried any more. */
  #isDraining = false
  failure: KafkaError | null = null

  constructor(context: LogContext, segments: Segments, events: WriterEvents, indexIntervalBytes: () => number, namesToSync: NamesToSync) {
    this.#context = context
    this.#segments = segments
    this.#events = events
    this.#indexIntervalBytes = indexIntervalBytes
    this.#namesToSync = namesToSync
    this.#current = new GroupCommit(context.flush)
  }

  /** Queues a batch for this turn's write to the active segment. */
  enqueue(batch: QueuedBatch): GroupCommit {
    if (this.#queue.length === 0) this.#context.scheduler.add(this)
    this.#queue.push(batch)
    this.queuedBytes += batch.sizeBytes
    return this.#current
  }

  /** The commit that covers all appends so far, null when all are durable. */
  get latest(): GroupCommit | null {
    return this.#queue.length > 0 ? this.#current : (this.#unflushed.at(-1) ?? this.#inFlush.at(-1) ?? null)
  }

  writeQueued(): void {
    const queue = this.#queue
    const commit = this.#current
    if (queue.length === 0) return
    const bytes = this.queuedBytes
    this.#queue = []
    this.queuedBytes = 0
    this.#current = new GroupCommit(this.#context.flush)
    const segment = this.#segments.active
    let file: DiskFile | null = null
    try {
      file = this.#pinDirty(segment)
      this.#writeAll(
        file,
        queue.map((batch) => batch.bytes),
        segment.sizeBytes,
        bytes,
      )
    } catch (error) {
      this.#writeFailed(segment, file, queue, commit, error)
      return
    }
    segment.pageCache.recordAccess(segment.sizeBytes, bytes, this.#context.clock.now())
    const interval = this.#indexIntervalBytes()
    for (const batch of queue) {
      this.#events.onWritten(batch, segment.startPosition + segment.sizeBytes)
      segment.indexBatch(batch, interval)
    }
    commit.endOffset = queue[queue.length - 1]!.lastOffset + 1
    commit.endPosition = segment.startPosition + segment.sizeBytes
    if (this.#context.flush === 'os') {
      this.#unpinDirty()
      this.#events.onDurable(commit.endOffset, commit.endPosition)
      commit.written.resolve()
      return
    }
    commit.written.resolve()
    this.#unflushed.push(commit)
    if (this.#flush === null) this.#startFlush()
  }

  /** Resolves when all earlier appends are written, and durable under log.flush=commit. Rejects when one cannot be. */
  async drain(): Promise<void> {
    this.writeQueued()
    this.#isDraining = true
    if (this.#flush === null && this.#unflushed.length > 0) this.#startFlush()
    while (this.#flush !== null) await this.#flush
    if (this.failure !== null) throw this.failure
  }

  /** Rejects all appends in progress and every later one. */
  fail(error: KafkaError): void {
    if (this.failure !== null) return
    this.failure = error
    const commits = [...this.#inFlush, ...this.#unflushed, this.#current]
    this.#inFlush = []
    this.#unflushed = []
    this.#queue = []
    this.queuedBytes = 0
    this.#unpinDirty()
    this.#events.onFailed(error)
    for (const commit of commits) commit.reject(error)
  }

  #writeAll(file: DiskFile, chunks: Buffer[], position: number, total: number): void {
    const { disk } = this.#context
    let writtenBytes = chunks.length === 1 ? disk.writeSync(file, chunks[0]!, position) : disk.writevSync(file, chunks, position)
    if (writtenBytes === total) return
    // A short write reports no error; writing the rest does.
    const rest = Buffer.concat(chunks)
    while (writtenBytes < total) {
      const count = disk.writeSync(file, rest.subarray(writtenBytes), position + writtenBytes)
      if (count === 0) throw new Error(`wrote ${writtenBytes} of ${total} bytes`)
      writtenBytes += count
    }
  }

  /** `file` is null where it could not be opened. */
  #writeFailed(segment: Segment, file: DiskFile | null, queue: QueuedBatch[], commit: GroupCommit, cause: unknown): void {
    const error = new KafkaError('KAFKA_STORAGE_ERROR', `${segment.log.path} cannot be written: ${(cause as Error).message}`, { cause })
    if (isFull(cause) || file === null) {
      try {
        if (file !== null) this.#context.disk.truncate(file, segment.sizeBytes)
        if (this.#context.flush === 'os') this.#unpinDirty()
        const why = file === null ? 'a segment file cannot be opened' : 'the disk is full'
        this.#context.logger.warn({ err: error }, `${why}: appends are rejected until this is resolved`)
        this.#events.onReverted(queue, queue[0]!.baseOffset)
        commit.reject(error)
        return
      } catch (err) {
        this.#context.logger.error({ err, path: segment.log.path }, 'a partial write could not be truncated; the next start truncates it')
      }
    }
    commit.reject(error)
    this.fail(error)
  }

  #pinDirty(segment: Segment): DiskFile {
    if (this.#dirty.includes(segment)) return segment.log.use()
    const file = segment.log.pin()
    this.#dirty.push(segment)
    return file
  }

  #unpinDirty(): void {
    for (const segment of this.#dirty) segment.log.unpin()
    this.#dirty = []
  }

  #startFlush(): void {
    const segments = this.#dirty
    this.#dirty = []
    this.#inFlush = this.#unflushed
    this.#unflushed = []
    this.#flush = this.#syncSegments(segments).then(
      () => {
        for (const segment of segments) segment.log.unpin()
        this.#flushed()
      },
      (cause: unknown) => {
        this.#flush = null
        if (isTooManyOpenFiles(cause) && this.failure === null && !this.#isDraining) {
          this.#retryFlush(segments, cause)
          return
        }
        for (const segment of segments) segment.log.unpin()
        const message = `${this.#segments.folder} cannot be flushed: ${(cause as Error).message}`
        this.fail(new KafkaError('KAFKA_STORAGE_ERROR', message, { cause }))
      },
    )
  }

  /** Nothing was lost: the commits stay pending and the segments stay pinned. */
  #retryFlush(segments: readonly Segment[], cause: unknown): void {
    const { clock, logger } = this.#context
    if (!this.#isOutOfFiles) logger.warn({ err: cause, folder: this.#segments.folder }, 'too many open files: the flush is retried')
    this.#isOutOfFiles = true
    this.#unflushed = [...this.#inFlush, ...this.#unflushed]
    this.#inFlush = []
    for (const segment of segments) {
      if (this.#dirty.includes(segment)) segment.log.unpin()
      else this.#dirty.push(segment)
    }
    clock.after(REOPEN_BACKOFF_MS, () => {
      if (this.#flush === null && this.failure === null && this.#unflushed.length > 0) this.#startFlush()
    })
  }

  #flushed(): void {
    this.#flush = null
    this.#isOutOfFiles = false
    const commits = this.#inFlush
    this.#inFlush = []
    if (this.failure !== null) return
    const last = commits[commits.length - 1]!
    if (this.#unflushed.length > 0) this.#startFlush()
    this.#events.onDurable(last.endOffset, last.endPosition)
    for (const commit of commits) commit.durable.resolve()
  }

  #syncSegments(segments: readonly Segment[]): Promise<void> {
    const { disk } = this.#context
    if (segments.length === 1 && !segments[0]!.isNew && this.#namesToSync.folders.length === 0)
      return disk.fdatasync(segments[0]!.log.use())
    return this.#syncWithNames(segments)
  }

  /** The slow path, once per new file: its bytes, then the folder entries that lead to it. */
  async #syncWithNames(segments: readonly Segment[]): Promise<void> {
    const { disk } = this.#context
    const names = this.#namesToSync
    await allSynced([...segments.map((segment) => disk.fdatasync(segment.log.use())), ...names.files.map((path) => disk.syncFile(path))])
    await allSynced([this.#segments.folder, ...names.folders].map((folder) => disk.syncFolder(folder)))
    this.#namesToSync = { files: [], folders: [] }
    for (const segment of segments) segment.isNew = false
  }
}
