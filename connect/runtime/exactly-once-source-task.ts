/**
 * Runs a source task with exactly-once support (KIP-618): records and the positions after them are committed in one transaction, or neither
 * is. Before its first transaction the tasks of older generations are fenced. While a transaction is committed the next batches are read
 * and converted; what fails a transaction fails the task, which then goes on at the last committed position.
 */
import { isAbortable } from '../../core/client/index.ts'
import type { TransactionalProducer } from '../../core/client/types.ts'
import type { Timer } from '../../core/system/clock.ts'
import { aborted, Condition } from '../../core/system/condition.ts'
import type { Position, SourceBatch } from '../sdk/index.ts'
import { canonicalPartition, type SourceOffsets } from '../storage/offset-backing-store.ts'
import { BatchAcknowledgements } from './batch-acknowledgements.ts'
import type { DeadLetter } from './dead-letter.ts'
import { RecordOutcomes } from './record-outcomes.ts'
import { type ConvertedRecords, SourceConversion } from './source-conversion.ts'
import { type SourceDelivery, SourceReading } from './source-reading.ts'
import { MAX_UNACKED_BYTES, MAX_UNACKED_RECORDS } from './source-sends.ts'
import type { ReplayCounts, RunnableTask, TaskControl } from './task-control.ts'
import type { TaskFencing } from './task-fencing.ts'
import type { ProgressStage, TaskProgress } from './task-progress.ts'
import type { TransactionBoundary } from './transaction-boundary.ts'
import { type SegmentEnd, WorkerTransactionContext } from './transaction-context.ts'
import { initializationError, transactionError } from './transaction-errors.ts'
import type { SourceTaskOptions } from './worker-source-task.ts'

/** The task reads no further batch while more than this waits for a transaction (Invariant 13). */
const MAX_QUEUED_RECORDS = 10_000
const MAX_QUEUED_BYTES = 4 * 1024 * 1024

export interface ExactlyOnceSourceTaskOptions extends SourceTaskOptions {
  producer: TransactionalProducer
  offsets: SourceOffsets
  /** That of the producer: a larger record fails its transaction. */
  maxRecordBytes: number
  /** Where the positions go, in the cluster of the producer. */
  offsetsTopic: string
  boundary: TransactionBoundary
  fencing: TaskFencing
  /** Called with the records of each transaction that is committed. */
  onTransaction(records: number): void
}

interface ReplayedLetters {
  converted: ConvertedRecords
  resolve(): void
  reject(error: Error): void
}

interface QueuedSegment extends ConvertedRecords {
  positions: readonly Position[]
  end: SegmentEnd
  outcomes: RecordOutcomes | null
  /** Of the last segment of a batch: the batch is sent. */
  sent?: (() => void) | undefined
}

export class ExactlyOnceSourceTask implements RunnableTask, SourceDelivery {
  readonly #options: ExactlyOnceSourceTaskOptions
  readonly #conversion: SourceConversion
  readonly #reading: SourceReading
  readonly #transactions: WorkerTransactionContext | undefined
  readonly #acknowledgements = new BatchAcknowledgements()
  #queue: QueuedSegment[] = []
  #queuedRecords = 0
  #queuedBytes = 0
  #unackedRecords = 0
  #unackedBytes = 0
  /** A transaction is open: it has records, or had them and was aborted by the producer. */
  #open = false
  /** Of the open transaction. */
  #records = 0
  #positions = new Map<string, Position>()
  /** Each tells the source of records of the open transaction, or of a batch that has none. */
  #untold: (() => void)[] = []
  /** The open transaction is to be committed though no batch says so. */
  #commitRequested = false
  #aborting = false
  /** Dead letters that are converted again, each with a transaction of its own. */
  #replays: ReplayedLetters[] = []
  /** The producer is initialized. */
  #ready = false
  #progress: TaskProgress | null = null
  #cancellation: AbortSignal | null = null
  #draining: Promise<void> | null = null
  readonly #changed = new Condition()
  #timer: Timer | null = null
  #failure: Error | null = null

  constructor(options: ExactlyOnceSourceTaskOptions) {
    this.#options = options
    this.#transactions = options.boundary.name === 'connector' ? new WorkerTransactionContext() : undefined
    const checkTopic = (topic: string) => {
      // A read of the positions would wait for the transaction, and the transaction for the next batch.
      if (topic === options.offsetsTopic)
        throw new Error('Source tasks may not produce to their own offsets topics when exactly-once support is enabled')
    }
    this.#conversion = new SourceConversion({ ...options, checkTopic })
    this.#reading = new SourceReading({ ...options, context: { ...options.context, transaction: this.#transactions } }, this)
  }

  get failure(): Error | null {
    return this.#failure
  }

  async run(control: TaskControl): Promise<void> {
    const { producer, offsets, context } = this.#options
    const closeProducer = () => producer.close().catch((error) => context.log.warn('the producer could not be closed', { err: error }))
    control.cancellation.addEventListener('abort', () => void closeProducer(), { once: true })
    this.#progress = control.progress
    this.#cancellation = control.cancellation
    try {
      if (!(await control.progress.during('start', () => this.#prepare(control)))) return
      this.#ready = true
      if (this.#replays.length > 0) this.#startDraining()
      await this.#reading.run(control)
      await this.#commitOpen(control)
      await control.awaitStop()
    } finally {
      this.#timer?.cancel()
      // What a failed source has given before is committed where its boundary says so. The rest is aborted.
      await this.#draining
      this.#timer?.cancel()
      this.#ready = false
      for (const { reject } of this.#replays.splice(0)) reject(new Error('the task has stopped'))
      await producer.close()
      await offsets.release()
    }
  }

  /** False where the task stops before it may write. */
  async #prepare(control: TaskControl): Promise<boolean> {
    const { producer, offsets, fencing, accepted, context } = this.#options
    await accepted(control.signal)
    await fencing.fenceOlder(control.signal)
    // A task that stops must not fence its successor.
    if (control.stopping) return false
    const initialized = producer.initTransactions().catch((error: Error) => {
      throw initializationError(error, context)
    })
    initialized.catch(() => {})
    await Promise.race([initialized, aborted(control.signal)])
    if (control.stopping) return false
    await fencing.verify()
    await offsets.open(control.signal)
    return !control.stopping
  }

  async deliver(batch: SourceBatch, control: TaskControl): Promise<number> {
    let bytes = 0
    const segments = this.#transactions?.cut(batch) ?? [{ records: batch.records, positions: batch.positions, end: null }]
    const sent = this.#acknowledgements.add(batch)
    let from = 0
    for (const [index, { records, positions, end }] of segments.entries()) {
      const outcomes = RecordOutcomes.of(batch, () => this.#mayTell, from)
      from += records.length
      const converted = await control.progress.during('convert', () => this.#conversion.convert(records, positions, outcomes))
      bytes += converted.bytes
      if (control.cancelled) return bytes
      this.#queue.push({ ...converted, positions, end, outcomes, ...(index === segments.length - 1 ? { sent } : {}) })
      this.#queuedRecords += converted.records.length
      this.#queuedBytes += converted.bytes
    }
    this.#startDraining()
    const tooMuch = () => this.#queuedRecords > MAX_QUEUED_RECORDS || this.#queuedBytes > MAX_QUEUED_BYTES
    await this.#changed.until(() => this.#failure !== null || !tooMuch(), control.cancellation)
    return bytes
  }

  /** The source is read again after the last committed position: what it has not ended itself is read once more. */
  async settle(control: TaskControl, delayMs: number): Promise<void> {
    this.#transactions?.clear()
    await this.#commitOpen(control)
    if (this.#open && !control.cancelled) await this.#abort()
    await this.#options.system.clock.sleep(delayMs, control.signal)
  }

  async finish(control: TaskControl): Promise<void> {
    // What it fails with is the failure of the task.
    await this.#commitOpen(control).catch(() => {})
  }

  /** Resolves when what was delivered is committed, as far as the boundary allows. */
  async #commitOpen(control: TaskControl): Promise<void> {
    if (!control.cancelled && !this.#failure) {
      this.#commitRequested = this.#options.boundary.commitsAtEnd
      this.#startDraining()
    }
    await this.#draining
    if (this.#failure) throw this.#failure
  }

  #startDraining(): void {
    this.#draining ??= this.#drain()
      .catch((error) => this.#fail(error as Error))
      .finally(() => {
        this.#draining = null
        this.#changed.notify()
      })
  }

  /** Sends what is queued, and ends transactions where the boundary says so. One at a time. */
  async #drain(): Promise<void> {
    const { boundary, system } = this.#options
    while (this.#failure === null && (this.#queue.length > 0 || this.#commitRequested || this.#mayReplay)) {
      if (this.#mayReplay) await this.#replayNext(this.#replays.shift()!)
      const group = boundary.gathers ? this.#queue : this.#queue.slice(0, 1)
      this.#queue = boundary.gathers ? [] : this.#queue.slice(1)
      for (const segment of group) await this.#send(segment)
      if (this.#failure) return
      const decision = group.length > 0 ? boundary.after(group.at(-1)!.end, system.clock.monotonic()) : null
      if (decision === 'abort') await this.#abort(true)
      else if (decision === 'commit' || (this.#commitRequested && this.#queue.length === 0)) await this.#commit()
      else if (!this.#open && this.#positions.size === 0) this.#tellSource([])
      else this.#schedule()
    }
  }

  /** A replay is no part of a transaction that the source may abort. */
  get #mayReplay(): boolean {
    return this.#ready && this.#replays.length > 0 && !this.#open && this.#failure === null
  }

  /** Converts dead letters again. They have no position: nothing of the source is read for them. */
  async replay(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    const converted = await this.#conversion.convertLetters(letters)
    if (converted.records.length > 0)
      await new Promise<void>((resolve, reject) => {
        if (this.#failure) return reject(this.#failure)
        this.#replays.push({ converted, resolve, reject })
        this.#commitRequested ||= this.#options.boundary.commitsAtEnd
        this.#startDraining()
      })
    await done()
    return { delivered: letters.length - converted.letters, failed: converted.letters }
  }

  async #replayNext({ converted, resolve, reject }: ReplayedLetters): Promise<void> {
    const { producer, onAcknowledged } = this.#options
    try {
      producer.beginTransaction()
      const sent = producer.send(converted.records)
      // The commit rejects with the same error.
      sent.catch(() => {})
      await this.#during('replay', () => producer.commitTransaction())
      onAcknowledged(converted.records.length - converted.letters)
      resolve()
    } catch (error) {
      reject(error as Error)
      if (!isAbortable(error)) throw error
      await producer.abortTransaction()
    }
  }

  #during<T>(stage: ProgressStage, work: () => Promise<T>): Promise<T> {
    return this.#progress ? this.#progress.during(stage, work) : work()
  }

  async #send(segment: QueuedSegment): Promise<void> {
    const { records, letters, bytes, positions, outcomes, sources } = segment
    this.#queuedRecords -= records.length
    this.#queuedBytes -= bytes
    this.#changed.notify()
    for (const position of positions) this.#positions.set(canonicalPartition(position.partition), position)
    segment.sent?.()
    if (records.length === 0) {
      if (outcomes) this.#untold.push(() => outcomes.tell([], null))
      return
    }
    this.#begin()
    this.#records += records.length - letters
    this.#progress?.begin('produce')
    // The functions below must not keep the records.
    const count = records.length
    this.#unackedRecords += count
    this.#unackedBytes += bytes
    const done = () => {
      this.#unackedRecords -= count
      this.#unackedBytes -= bytes
      if (this.#unackedRecords > 0) this.#progress?.advance('produce')
      else this.#progress?.end('produce')
      this.#changed.notify()
    }
    const untold = this.#untold
    this.#options.producer.send(records).then(
      (result) => {
        if (outcomes && sources) untold.push(() => outcomes.tell(sources.indexes, result))
        done()
      },
      (error) => {
        done()
        // Records that were not sent yet fail with their transaction.
        if (!this.#aborting) this.#fail(error)
      },
    )
    const tooMuch = () => this.#unackedRecords > MAX_UNACKED_RECORDS || this.#unackedBytes > MAX_UNACKED_BYTES
    if (tooMuch()) await this.#changed.until(() => this.#failure !== null || !tooMuch())
  }

  #begin(): void {
    if (this.#open) return
    this.#options.producer.beginTransaction()
    this.#open = true
  }

  /** Commits records and positions together (Invariant 6). Their requests are on their way at the same time. */
  async #commit(): Promise<void> {
    const { producer, offsets, offsetsTopic, boundary, context, system, onAcknowledged, onTransaction } = this.#options
    this.#commitRequested = false
    this.#timer?.cancel()
    this.#timer = null
    const positions = [...this.#positions.values()]
    if (this.#open || positions.length > 0) {
      this.#begin()
      if (positions.length > 0)
        producer
          .send(offsets.records(context.connector, positions).map(({ key, value }) => toRecord(offsetsTopic, key, value)))
          .catch((error) => this.#fail(error))
      const records = this.#records
      await this.#during('commit', () => producer.commitTransaction())
      const untold = this.#untold
      this.#ended()
      this.#tell(untold)
      onAcknowledged(records)
      onTransaction(records)
      offsets.copy(context.connector, positions)
    }
    this.#tellSource(positions)
    boundary.committed(system.clock.monotonic())
  }

  /** Nothing is open. Whatever a source does then, the successor of a cancelled task does. */
  #tellSource(stored: readonly Position[]): void {
    this.#tell([...this.#untold.splice(0), () => this.#acknowledgements.tell()])
    if (stored.length > 0) this.#tell([() => this.#reading.stored(stored)])
  }

  get #mayTell(): boolean {
    return !this.#cancellation?.aborted && !this.#failure
  }

  /** What code of the connector throws fails the task. */
  #tell(works: readonly (() => void)[]): void {
    try {
      for (const work of works) if (this.#mayTell) work()
    } catch (error) {
      this.#failWith(error as Error)
    }
  }

  /** Drops the records of the open transaction. With `keepPositions` the source goes on after them: their positions are committed. */
  async #abort(keepPositions = false): Promise<void> {
    const { producer } = this.#options
    this.#aborting = true
    if (this.#open) await this.#during('commit', () => producer.abortTransaction())
    this.#aborting = false
    const positions = keepPositions ? this.#positions : new Map<string, Position>()
    this.#ended()
    if (!keepPositions) {
      this.#acknowledgements.forget()
      return
    }
    this.#positions = positions
    await this.#commit()
  }

  #ended(): void {
    this.#open = false
    this.#records = 0
    this.#positions = new Map()
    this.#untold = []
  }

  /** An open transaction ends in time also where the source gives nothing more. */
  #schedule(): void {
    const { boundary, system } = this.#options
    if (boundary.dueAt === null || this.#timer || (!this.#open && this.#positions.size === 0)) return
    this.#timer = system.clock.after(Math.max(0, boundary.dueAt - system.clock.monotonic()), () => {
      this.#timer = null
      this.#commitRequested = true
      this.#startDraining()
    })
  }

  #fail(error: Error): void {
    this.#failWith(transactionError(error, `${this.#options.context.connector}-${this.#options.context.task}`))
  }

  #failWith(error: Error): void {
    if (this.#failure) return
    this.#failure = error
    for (const { reject } of this.#replays.splice(0)) reject(this.#failure)
    this.#reading.end()
    this.#changed.notify()
  }
}

const toRecord = (topic: string, key: string, value: string | null) => ({
  topic,
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
})
