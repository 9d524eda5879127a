/**
 * Brings one partition's appends to the disk: what is queued in a turn of the event loop goes down in one write, and one fdatasync at a time covers all
 * that was written before it began; what arrives meanwhile goes with the next. A failed sync is never tried again and never acknowledged: after it nobody
 * knows which pages the kernel dropped. Invariant 1.
 */
import { KafkaError } from '../errors.ts'
import type { DiskFile } from '../system/disk.ts'
import type { LogContext } from './log-context.ts'
import { allSynced, isTooManyOpenFiles, REOPEN_BACKOFF_MS } from './open-files.ts'
import type { ProducerStateEntry } from './producer-state.ts'
import type { AppendedBatch, Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import { LazyPromise } from './write-scheduler.ts'

export interface QueuedBatch extends AppendedBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  /** -1 for none. */
  readonly producerId: number
  /** What the producer was before, to be put back when the write fails. */
  readonly previousProducer: ProducerStateEntry | undefined
  /** Ends a transaction: cannot be taken back. */
  readonly isMarker: boolean
}

/** The appends that go down together. Under log.flush=os both outcomes are one. */
export class GroupCommit {
  readonly written = new LazyPromise()
  readonly durable: LazyPromise
  /** The offset behind its last batch, and where that ends in the partition's bytes; set when it is written. */
  endOffset = 0
  endPosition = 0

  constructor(flush: 'commit' | 'os') {
    this.durable = flush === 'os' ? this.written : new LazyPromise()
  }
}

/** What the partition does at each step. */
export interface WriterEvents {
  written(batch: QueuedBatch, position: number): void
  /** Everything before `endOffset` keeps its promise now. */
  durable(endOffset: number, endPosition: number): void
  /** Batches that never were: the first of them began at `offset`. */
  reverted(batches: readonly QueuedBatch[], offset: number): void
  failed(error: KafkaError): void
}

/** The disk is full: the one failure of a write after which a later one may succeed. */
const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')

export class LogWriter {
  readonly #context: LogContext
  readonly #segments: Segments
  readonly #events: WriterEvents
  readonly #indexIntervalBytes: () => number
  /** Paths whose names must be durable before the first acknowledgement: a new partition's folder and files. */
  #namesToSync: { files: string[]; folders: string[] }
  #queue: QueuedBatch[] = []
  #current: GroupCommit
  queuedBytes = 0
  /** Written and not yet synced. */
  #unsynced: GroupCommit[] = []
  #dirty: Segment[] = []
  #syncing: Promise<void> | null = null
  /** For files to be closed, so that others can be opened; told once. */
  #isWaiting = false
  /** No time is left to try anything again. */
  #isDraining = false
  failure: KafkaError | null = null

  constructor(
    context: LogContext,
    segments: Segments,
    events: WriterEvents,
    indexIntervalBytes: () => number,
    namesToSync: { files: string[]; folders: string[] },
  ) {
    this.#context = context
    this.#segments = segments
    this.#events = events
    this.#indexIntervalBytes = indexIntervalBytes
    this.#namesToSync = namesToSync
    this.#current = new GroupCommit(context.flush)
  }

  /** Takes a batch for this turn's write into the active segment. */
  enqueue(batch: QueuedBatch): GroupCommit {
    if (this.#queue.length === 0) this.#context.scheduler.add(this)
    this.#queue.push(batch)
    this.queuedBytes += batch.sizeBytes
    return this.#current
  }

  /** Outcomes that cover all that was appended so far: for the repeat of a batch that is still on its way. */
  get latest(): GroupCommit | null {
    return this.#queue.length > 0 ? this.#current : (this.#unsynced.at(-1) ?? this.#inFlight.at(-1) ?? null)
  }
  #inFlight: GroupCommit[] = []

  writeQueued(): void {
    const queue = this.#queue
    const turn = this.#current
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
      this.#writeFailed(segment, file, queue, turn, error)
      return
    }
    segment.pageCache.recordAccess(segment.sizeBytes, bytes, this.#context.clock.now())
    const interval = this.#indexIntervalBytes()
    for (const batch of queue) {
      this.#events.written(batch, segment.startPosition + segment.sizeBytes)
      segment.indexBatch(batch, interval)
    }
    turn.endOffset = queue[queue.length - 1]!.lastOffset + 1
    turn.endPosition = segment.startPosition + segment.sizeBytes
    if (this.#context.flush === 'os') {
      this.#unpinDirty()
      this.#events.durable(turn.endOffset, turn.endPosition)
      turn.written.resolve()
      return
    }
    turn.written.resolve()
    this.#unsynced.push(turn)
    if (this.#syncing === null) this.#startSync()
  }

  /** Resolves when all that was appended before is written, and durable under log.flush=commit. Rejects when it cannot be. */
  async drain(): Promise<void> {
    this.writeQueued()
    this.#isDraining = true
    if (this.#syncing === null && this.#unsynced.length > 0) this.#startSync()
    while (this.#syncing !== null) await this.#syncing
    if (this.failure !== null) throw this.failure
  }

  fail(error: KafkaError): void {
    if (this.failure !== null) return
    this.failure = error
    const turns = [...this.#inFlight, ...this.#unsynced, this.#current]
    this.#inFlight = []
    this.#unsynced = []
    this.#queue = []
    this.queuedBytes = 0
    this.#unpinDirty()
    this.#events.failed(error)
    for (const turn of turns) {
      turn.written.reject(error)
      turn.durable.reject(error)
    }
  }

  #writeAll(file: DiskFile, chunks: Buffer[], position: number, total: number): void {
    const { disk } = this.#context
    let done = chunks.length === 1 ? disk.writeSync(file, chunks[0]!, position) : disk.writevSync(file, chunks, position)
    if (done === total) return
    // A short write says nothing about why; the next one does.
    const rest = Buffer.concat(chunks)
    while (done < total) {
      const wrote = disk.writeSync(file, rest.subarray(done), position + done)
      if (wrote === 0) throw new Error(`wrote ${done} of ${total} bytes`)
      done += wrote
    }
  }

  /** `file` is null where it could not even be opened. */
  #writeFailed(segment: Segment, file: DiskFile | null, queue: QueuedBatch[], turn: GroupCommit, cause: unknown): void {
    const error = new KafkaError('KAFKA_STORAGE_ERROR', `${segment.log.path} cannot be written: ${(cause as Error).message}`, { cause })
    const offset = queue[0]!.baseOffset
    if ((isFull(cause) || file === null) && !queue.some((batch) => batch.isMarker)) {
      try {
        if (file !== null) this.#context.disk.truncate(file, segment.sizeBytes)
        if (this.#context.flush === 'os') this.#unpinDirty()
        const why = file === null ? 'the file cannot be opened' : 'the disk is full'
        this.#context.logger.warn({ err: error }, `${why}: appends fail until that is over`)
        this.#events.reverted(queue, offset)
        turn.written.reject(error)
        turn.durable.reject(error)
        return
      } catch (err) {
        this.#context.logger.error({ err, path: segment.log.path }, 'a partial write could not be cut off')
      }
    }
    turn.written.reject(error)
    turn.durable.reject(error)
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

  #startSync(): void {
    const segments = this.#dirty
    this.#dirty = []
    this.#inFlight = this.#unsynced
    this.#unsynced = []
    this.#syncing = this.#syncSegments(segments).then(
      () => {
        for (const segment of segments) segment.log.unpin()
        this.#flushed()
      },
      (cause: unknown) => {
        this.#syncing = null
        if (isTooManyOpenFiles(cause) && this.failure === null && !this.#isDraining) {
          this.#syncAgain(segments, cause)
          return
        }
        for (const segment of segments) segment.log.unpin()
        this.fail(
          new KafkaError('KAFKA_STORAGE_ERROR', `${this.#segments.folder} cannot be made durable: ${(cause as Error).message}`, { cause }),
        )
      },
    )
  }

  /** Nothing was lost: what waits goes on waiting, and the segments stay pinned. */
  #syncAgain(segments: readonly Segment[], cause: unknown): void {
    const { clock, logger } = this.#context
    if (!this.#isWaiting) logger.warn({ err: cause, folder: this.#segments.folder }, 'too many files are open: what was appended waits')
    this.#isWaiting = true
    this.#unsynced = [...this.#inFlight, ...this.#unsynced]
    this.#inFlight = []
    for (const segment of segments) {
      if (this.#dirty.includes(segment)) segment.log.unpin()
      else this.#dirty.push(segment)
    }
    clock.after(REOPEN_BACKOFF_MS, () => {
      if (this.#syncing === null && this.failure === null && this.#unsynced.length > 0) this.#startSync()
    })
  }

  #flushed(): void {
    this.#syncing = null
    this.#isWaiting = false
    const turns = this.#inFlight
    this.#inFlight = []
    if (this.failure !== null) return
    const last = turns[turns.length - 1]!
    if (this.#unsynced.length > 0) this.#startSync()
    this.#events.durable(last.endOffset, last.endPosition)
    for (const turn of turns) turn.durable.resolve()
  }

  #syncSegments(segments: readonly Segment[]): Promise<void> {
    const { disk } = this.#context
    if (segments.length === 1 && !segments[0]!.isNew && this.#namesToSync.folders.length === 0)
      return disk.fdatasync(segments[0]!.log.use())
    return this.#syncNames(segments)
  }

  /** The slow way, once for each new file: its bytes, then the names that lead to it. */
  async #syncNames(segments: readonly Segment[]): Promise<void> {
    const { disk } = this.#context
    const names = this.#namesToSync
    await allSynced([...segments.map((segment) => disk.fdatasync(segment.log.use())), ...names.files.map((path) => disk.syncFile(path))])
    await allSynced([this.#segments.folder, ...names.folders].map((folder) => disk.syncFolder(folder)))
    this.#namesToSync = { files: [], folders: [] }
    for (const segment of segments) segment.isNew = false
  }
}
