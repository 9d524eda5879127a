/**
 * Sends what the objects of a task have, in the background and a few at a time, and bounds their memory: what is full is sent, then what is
 * large enough for a part, and the rest goes to the disk.
 */
import { Retriable, type TaskLogger } from '../../connect/sdk/index.ts'
import { type HeldMemory, OBJECT_BYTES } from './held-memory.ts'
import type { ObjectUpload } from './object-upload.ts'
import type { TaggingOptions } from './options.ts'
import type { RecordFile } from './record-file.ts'
import type { FileGroup, TopicPartitionWriter } from './topic-partition-writer.ts'

const MIB = 1024 * 1024
/** Objects that are sent at the same time. Of small ones a request takes the time of the network, and many fit beside each other. */
const LARGE_CONCURRENCY = 4
const SMALL_CONCURRENCY = 12
const SMALL_BYTES = MIB

export interface UploaderParts {
  writers(): readonly TopicPartitionWriter[]
  /** Awaited before anything is sent. */
  before(): Promise<void>
  tagging: TaggingOptions | null
  memory: HeldMemory
  maxHeldBytes: number
  retryBackoffMs: number
  log: TaskLogger
}

interface Work {
  /** What it may send, or move. */
  readonly bytes: number
  run(): Promise<void>
}

export class Uploader {
  readonly #parts: UploaderParts
  /** The work that is under way; it never rejects. */
  #running: Promise<void> | null = null
  #failure: unknown = null
  /** Wakes who waits for the next piece of work to end. */
  #wake: (() => void) | null = null
  /** Objects that are in the store, with their tags. */
  readonly #settled = new WeakSet<ObjectUpload>()
  objectsWritten = 0

  constructor(parts: UploaderParts) {
    this.#parts = parts
  }

  #openUploads(): ObjectUpload[] {
    return this.#parts.writers().flatMap(({ open }) => (open ? uploadsOf(open) : []))
  }

  /** Sends what is due, in the background. */
  start(): void {
    this.#run(() => [...this.#dueWork(), ...this.#endedWork()])
  }

  /** Resolves once there is memory for a batch of records. Throws what has failed since the last call, as Retriable where it may pass. */
  async makeRoom(): Promise<void> {
    const { memory, maxHeldBytes } = this.#parts
    this.#throwFailure()
    this.#requireFewObjects()
    while (memory.bytes >= maxHeldBytes) {
      this.start()
      if (!this.#running) break
      // Not until all is sent: a consumer that does not poll for long leaves its group.
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#throwFailure()
    }
    if (memory.bytes < maxHeldBytes) return
    this.#run(() => this.#reliefWork())
    await this.idle()
    this.#throwFailure()
  }

  /** The other half of the memory is for what is in the objects: else each batch would go to the disk. */
  #requireFewObjects(): void {
    const { memory, maxHeldBytes } = this.#parts
    const most = Math.floor(maxHeldBytes / 2 / OBJECT_BYTES)
    if (memory.growing <= most) return
    throw new Error(
      `This task has ${memory.growing} open objects, and buffer.memory.mb=${maxHeldBytes / MIB} is enough for ${most}. Let them end sooner: lower ` +
        'flush.size, or set partitioner.max.open.files. Or choose a partitioner with fewer folders, or raise buffer.memory.mb.',
    )
  }

  /** Resolves once each object that has ended is in the store. */
  async finishEnded(): Promise<void> {
    this.#throwFailure()
    await this.idle()
    this.#throwFailure()
    this.#run(() => this.#endedWork())
    await this.idle()
    this.#throwFailure()
  }

  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = null
    if (failure === null) return
    throw failure instanceof Retriable ? new Retriable(failure.message, { cause: failure, afterMs: this.#parts.retryBackoffMs }) : failure
  }

  /** One run at a time: an object is never sent by two. */
  #run(find: () => readonly Work[]): void {
    if (this.#running || this.#failure !== null) return
    const work = find()
    if (work.length === 0) return
    this.#running = this.#work(work).then(
      () => {
        this.#running = null
        this.#progressed()
      },
      (error: unknown) => {
        this.#running = null
        this.#failure = error
        this.#progressed()
      },
    )
  }

  #progressed(): void {
    this.#wake?.()
    this.#wake = null
  }

  async #work(all: readonly Work[]): Promise<void> {
    await this.#parts.before()
    let failed = false
    const worker = async (queue: Iterator<Work>) => {
      for (let { value, done } = queue.next(); !failed && !done; { value, done } = queue.next()) {
        try {
          await value!.run()
          this.#progressed()
        } catch (error) {
          failed = true
          throw error
        }
      }
    }
    const workersOf = (work: readonly Work[], count: number) => {
      const queue = work.values()
      return Array.from({ length: Math.min(count, work.length) }, () => worker(queue))
    }
    const small = all.filter(({ bytes }) => bytes <= SMALL_BYTES)
    const large = all.filter(({ bytes }) => bytes > SMALL_BYTES)
    const results = await Promise.allSettled([...workersOf(large, LARGE_CONCURRENCY), ...workersOf(small, SMALL_CONCURRENCY)])
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown)
    // What does not pass counts more than what may.
    const [failure] = failures.sort((a, b) => Number(a instanceof Retriable) - Number(b instanceof Retriable))
    if (failures.length > 0) throw failure
  }

  #dueWork(): Work[] {
    return [...this.#parts.memory.due].map((upload) => ({ bytes: upload.unsentBytes, run: () => upload.advance() }))
  }

  #endedWork(): Work[] {
    return this.#parts.writers().flatMap((writer) => {
      const files = writer.ended.flatMap((group) => [...group.files.values()].map((file) => ({ group, file })))
      const waiting = files.filter(({ file }) => !file.isStored)
      return waiting.map(({ group, file }) => ({
        bytes: file.uploads.reduce((sum, { unsentBytes }) => sum + unsentBytes, 0),
        run: () => this.#finish(writer, group, file),
      }))
    })
  }

  /** Largest first: parts of what has enough for one, then the disk, until half of the memory is free. */
  #reliefWork(): Work[] {
    const { memory, maxHeldBytes } = this.#parts
    const open = this.#openUploads().sort((a, b) => b.heldBytes - a.heldBytes)
    let excess = memory.bytes - maxHeldBytes / 2
    const work: Work[] = []
    for (const upload of open) {
      if (excess <= 0) break
      excess -= upload.heldBytes
      work.push({ bytes: upload.unsentBytes, run: () => (upload.canSendEarly ? upload.advance(true) : upload.spill()) })
    }
    return work
  }

  async #finish(writer: TopicPartitionWriter, group: FileGroup, file: RecordFile): Promise<void> {
    for (const upload of file.uploads) {
      if (this.#settled.has(upload)) continue
      await upload.finish()
      await this.#tag(upload, file)
      this.#settled.add(upload)
      this.objectsWritten++
    }
    file.isStored = true
    group.storedFiles++
    // A group leaves in order: the offsets of a later one say nothing about an earlier one.
    const isDone = ({ files, storedFiles }: FileGroup) => storedFiles === files.size
    while (writer.ended[0] && isDone(writer.ended[0])) writer.ended.shift()
  }

  async #tag(upload: ObjectUpload, { startOffset, endOffset, recordCount }: RecordFile): Promise<void> {
    const { tagging, log } = this.#parts
    if (!tagging) return
    const own = { startOffset: String(startOffset), endOffset: String(endOffset), recordCount: String(recordCount) }
    try {
      await upload.tag({ ...own, ...tagging.tags })
    } catch (error) {
      if (!tagging.ignoresErrors || error instanceof Retriable) throw error
      log.warn(`an object has no tags: ${(error as Error).message}`)
    }
  }
}

const uploadsOf = ({ files }: FileGroup): ObjectUpload[] => [...files.values()].flatMap((file) => file.uploads)
