/**
 * Runs a source task: reads batches from the connector, converts and sends them, and stores positions after them. Invariant 6: a position
 * is stored only when SubmittedRecords returns it, so after its records are acknowledged.
 */
import type { Producer, SendFailure } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import {
  EndOfSource,
  type Position,
  Retriable,
  type Settings,
  type SourceBatch,
  type SourceContext,
  type SourceSide,
} from '../sdk/index.ts'
import type { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import type { Pipeline } from './pipeline.ts'
import { isRetriableError, ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { type SubmittedBatch, SubmittedRecords } from './submitted-records.ts'
import type { RunnableTask, TaskControl } from './task-control.ts'
import type { TopicCreation } from './topic-creation.ts'

/** The task reads no further batch while more than this is sent and not acknowledged (Invariant 13). */
const MAX_UNACKED_RECORDS = 10_000
const MAX_UNACKED_BYTES = 4 * 1024 * 1024
/** The bytes of a record besides its key and value. */
const RECORD_OVERHEAD_BYTES = 64
/**
 * Positions are stored more often than `offset.flush.interval.ms`: it costs little, and what is not stored is sent again after a
 * crash.
 */
const COMMIT_INTERVAL_MS = 200
/** The task yields to the event loop after this time. */
const MAX_TURN_MS = 5

export interface WorkerSourceTaskOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: SourceSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<SourceContext<any>, 'signal' | 'positions'>
  pipeline: Pipeline
  producer: Producer
  offsets: OffsetBackingStore
  topics: TopicCreation
  /** Resolves when the cluster has accepted the task's clients; rejects where it never will. */
  accepted(signal: AbortSignal): Promise<void>
  retryWithTolerance: RetryWithToleranceOperator
  system: System
  flushIntervalMs: number
  flushTimeoutMs: number
  /** Called for each run of records to the same topic. */
  recordActiveTopic(topic: string): void
  onAcknowledged(records: number): void
}

export class WorkerSourceTask implements RunnableTask {
  readonly #options: WorkerSourceTaskOptions
  readonly #submitted = new SubmittedRecords()
  readonly #ensuredTopics = new Set<string>()
  #lastTopic = ''
  #unackedRecords = 0
  #unackedBytes = 0
  #failure: Error | null = null
  #wakeOnSendDone: (() => void) | null = null
  #endReading = () => {}
  #committing: Promise<boolean> | null = null
  #turnStart = 0
  #attempts = 0

  constructor(options: WorkerSourceTaskOptions) {
    this.#options = options
  }

  async run(control: TaskControl): Promise<void> {
    const { system, flushIntervalMs, producer, context } = this.#options
    const timer = system.clock.every(Math.min(flushIntervalMs, COMMIT_INTERVAL_MS), () => void this.#commitPositions(control))
    this.#turnStart = system.clock.monotonic()
    // A closed producer fails its unacknowledged records, so that a cancelled task does not wait for a cluster that does not respond.
    const closeProducer = () => producer.close().catch((error) => context.log.warn('the producer could not be closed', { err: error }))
    control.cancellation.addEventListener('abort', () => void closeProducer(), { once: true })
    try {
      await this.#options.accepted(control.signal)
      while (!control.stopping && (await this.#readFromStoredPosition(control)));
      await this.#allSendsDone()
      if (this.#failure) throw this.#failure
      await control.awaitStop()
    } finally {
      timer.cancel()
      // The positions of acknowledged records are stored also where the task fails, so that they are not read again.
      await this.#allSendsDone()
      await this.#commitPositions(control)
      await producer.close()
    }
  }

  /** Runs the connector's `read` once. True where the task must read again from the last stored position. */
  async #readFromStoredPosition(control: TaskControl): Promise<boolean> {
    // A failed send ends the read also while the connector waits for new data.
    const ending = new AbortController()
    this.#endReading = () => ending.abort()
    control.signal.addEventListener('abort', this.#endReading, { once: true })
    let reading: ReturnType<SourceSide<Settings>['read']> | null = null
    try {
      await this.#options.offsets.refresh()
      if (control.stopping) return false
      reading = this.#options.side.read({ ...this.#options.context, signal: ending.signal, positions: this.#positions })
      for (;;) {
        if (control.paused) await control.awaitUnpause()
        if (control.stopping) return false
        const next = await reading.next()
        if (this.#failure) throw this.#failure
        if (control.cancelled) return false
        if (next.done) return false
        await this.#sendBatch(next.value, control)
        if (this.#failure) throw this.#failure
        this.#attempts = 0
      }
    } catch (error) {
      if (this.#failure) throw this.#failure
      if (error instanceof EndOfSource || (control.stopping && (error as Error)?.name === 'AbortError')) return false
      if (!isRetriableError(error)) throw error
      return await this.#backOff(error, control)
    } finally {
      control.signal.removeEventListener('abort', this.#endReading)
      await reading?.return()
    }
  }

  /** Waits until the positions of all sent records are stored, so that the next read continues after them. False where the task stops. */
  async #backOff(error: Error, control: TaskControl): Promise<boolean> {
    const { clock } = this.#options.system
    const delay = (error instanceof Retriable ? error.afterMs : undefined) ?? this.#options.retryWithTolerance.backoff(this.#attempts)
    this.#attempts++
    this.#options.context.log.warn(`the source is read again in ${delay} ms: ${error.message}`, { err: error })
    await this.#allSendsDone()
    if (this.#failure) throw this.#failure
    await clock.sleep(delay, control.signal)
    while (!control.stopping && !(await this.#commitPositions(control))) await clock.sleep(delay, control.signal)
    return !control.stopping
  }

  readonly #positions = {
    get: async (partition: Position['partition']) => this.#options.offsets.get(this.#options.context.connector, partition),
  }

  async #sendBatch(batch: SourceBatch, control: TaskControl): Promise<void> {
    const records = await this.#options.pipeline.toKafka(batch.records)
    this.#lastTopic = ''
    let bytes = 0
    for (const record of records) {
      if (record.topic !== this.#lastTopic) await this.#ensureTopic(record.topic)
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + RECORD_OVERHEAD_BYTES
    }
    if (control.cancelled) return
    const submitted = this.#submitted.submit(batch.positions)
    if (records.length === 0) {
      submitted.ack()
    } else {
      this.#unackedRecords += records.length
      this.#unackedBytes += bytes
      this.#options.producer.send(records).then(
        () => {
          this.#options.onAcknowledged(records.length)
          this.#onSendDone(records.length, bytes, () => submitted.ack())
        },
        (error: Error & Partial<SendFailure>) => {
          // A producer that is closed rejects without a result: none of the records is known to be acknowledged.
          this.#options.onAcknowledged(error.result ? records.length - (error.result.failures?.size ?? 0) : 0)
          this.#onSendDone(records.length, bytes, () => this.#onSendFailed(error, submitted))
        },
      )
    }
    await this.#yieldToEventLoop()
    while (this.#unackedRecords > MAX_UNACKED_RECORDS || this.#unackedBytes > MAX_UNACKED_BYTES) await this.#nextSendDone()
  }

  async #ensureTopic(topic: string): Promise<void> {
    this.#lastTopic = topic
    if (!this.#ensuredTopics.has(topic)) await this.#options.topics.ensure(topic)
    this.#ensuredTopics.add(topic)
    this.#options.recordActiveTopic(topic)
  }

  #onSendDone(records: number, bytes: number, then: () => void): void {
    this.#unackedRecords -= records
    this.#unackedBytes -= bytes
    then()
    const wake = this.#wakeOnSendDone
    this.#wakeOnSendDone = null
    wake?.()
  }

  /**
   * A batch that the producer could not send is skipped where errors.tolerance is all. Else it fails the task and its position is never
   * stored.
   */
  #onSendFailed(cause: Error, submitted: SubmittedBatch): void {
    const error = new ProcessingError('KAFKA_PRODUCE', 'org.apache.kafka.clients.producer.KafkaProducer', cause)
    try {
      this.#options.retryWithTolerance.handleFailure(error, () => ({}))
      submitted.ack()
    } catch (failure) {
      this.#failure ??= failure as Error
      this.#endReading()
    }
  }

  #nextSendDone(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeOnSendDone = resolve
    })
  }

  async #allSendsDone(): Promise<void> {
    while (this.#unackedRecords > 0) await this.#nextSendDone()
  }

  /** A connector that never waits would block the I/O of the process. */
  async #yieldToEventLoop(): Promise<void> {
    const { clock } = this.#options.system
    if (clock.monotonic() - this.#turnStart < MAX_TURN_MS) return
    await new Promise<void>((resolve) => clock.soon(resolve))
    this.#turnStart = clock.monotonic()
  }

  /** Stores the positions that may be stored. False where they could not be stored: the next call retries. */
  #commitPositions(control: TaskControl): Promise<boolean> {
    if (this.#committing) return this.#committing.then((stored) => stored && this.#commitPositions(control))
    // Invariant 9: a cancelled task leaves the positions to its successor.
    if (control.cancelled) return Promise.resolve(true)
    const positions = this.#submitted.committablePositions()
    if (positions.length === 0) return Promise.resolve(true)
    this.#committing = this.#storePositions(positions).finally(() => {
      this.#committing = null
    })
    return this.#committing
  }

  async #storePositions(positions: Position[]): Promise<boolean> {
    const { offsets, context, system, flushTimeoutMs } = this.#options
    try {
      const stored = offsets.put(context.connector, positions) // Invariant 6: their records are acknowledged.
      if (await within(system.clock, flushTimeoutMs, stored)) {
        await stored
        return true
      }
      context.log.warn(`positions were not stored within ${flushTimeoutMs} ms; retrying`)
    } catch (error) {
      context.log.error('positions could not be stored; retrying', { err: error })
    }
    this.#submitted.restore(positions)
    return false
  }
}
