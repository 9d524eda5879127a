/**
 * Runs a source task: reads batches from the connector, converts and sends them, and stores positions after them. Invariant 6: a position
 * is stored only when SubmittedRecords returns it, so after its records are acknowledged.
 */
import type { Producer, ProducerRecord, SendResult } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import type { Position, SourceBatch, SourceSide } from '../sdk/index.ts'
import type { SourceOffsets } from '../storage/offset-backing-store.ts'
import { BatchAcknowledgements } from './batch-acknowledgements.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { Pipeline } from './pipeline.ts'
import type { TaskRateLimit } from './rate-limit.ts'
import { RecordOutcomes } from './record-outcomes.ts'
import type { RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { type ConvertedFrom, SourceConversion } from './source-conversion.ts'
import type { SourceDeadLetters } from './source-dead-letters.ts'
import { type SourceDelivery, SourceReading, type SourceTaskContext } from './source-reading.ts'
import { SourceSends } from './source-sends.ts'
import { SubmittedRecords } from './submitted-records.ts'
import type { ReplayCounts, RunnableTask, TaskControl } from './task-control.ts'
import type { TopicCreation } from './topic-creation.ts'

/**
 * Positions are stored more often than `offset.flush.interval.ms`: it costs little, and what is not stored is sent again after a
 * crash.
 */
const COMMIT_INTERVAL_MS = 200

/** What both kinds of source tasks need. */
export interface SourceTaskOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: SourceSide<any>
  context: SourceTaskContext
  pipeline: Pipeline
  /** Null without a dead-letter queue. */
  deadLetters: SourceDeadLetters | null
  topics: TopicCreation
  /** Resolves when the cluster has accepted the task's clients; rejects where it never will. */
  accepted(signal: AbortSignal): Promise<void>
  retryWithTolerance: RetryWithToleranceOperator
  rateLimit?: TaskRateLimit | undefined
  system: System
  /** Called for each run of records to the same topic. */
  recordActiveTopic(topic: string): void
  onAcknowledged(records: number): void
}

export interface WorkerSourceTaskOptions extends SourceTaskOptions {
  producer: Producer
  offsets: SourceOffsets
  flushIntervalMs: number
  flushTimeoutMs: number
}

export class WorkerSourceTask implements RunnableTask, SourceDelivery {
  readonly #options: WorkerSourceTaskOptions
  readonly #conversion: SourceConversion
  readonly #reading: SourceReading
  readonly #submitted = new SubmittedRecords()
  readonly #acknowledgements = new BatchAcknowledgements()
  readonly #sends: SourceSends
  #failure: Error | null = null
  #committing: Promise<boolean> | null = null

  constructor(options: WorkerSourceTaskOptions) {
    this.#options = options
    this.#sends = new SourceSends({ ...options, fail: (error) => this.#fail(error) })
    this.#conversion = new SourceConversion({ ...options, sendLastLetters: (letters) => this.#sendLastLetters(letters) })
    this.#reading = new SourceReading(options, this)
  }

  get failure(): Error | null {
    return this.#failure
  }

  async run(control: TaskControl): Promise<void> {
    const { system, flushIntervalMs, producer, offsets, context } = this.#options
    const timer = system.clock.every(Math.min(flushIntervalMs, COMMIT_INTERVAL_MS), () => void this.#commitPositions(control))
    // A closed producer fails its unacknowledged records, so that a cancelled task does not wait for a cluster that does not respond.
    const closeProducer = () => producer.close().catch((error) => context.log.warn('the producer could not be closed', { err: error }))
    control.cancellation.addEventListener('abort', () => void closeProducer(), { once: true })
    try {
      await control.progress.during('start', async () => {
        await this.#options.accepted(control.signal)
        await offsets.open(control.signal)
      })
      await this.#reading.run(control)
      await this.#sends.allDone()
      if (this.#failure) throw this.#failure
      await control.awaitStop()
    } finally {
      timer.cancel()
      // The positions of acknowledged records are stored also where the task fails, so that they are not read again.
      await this.#sends.allDone()
      await this.#commitPositions(control)
      await producer.close()
      await offsets.release()
    }
  }

  async settle(control: TaskControl, delayMs: number): Promise<void> {
    const { clock } = this.#options.system
    await this.#sends.allDone()
    if (this.#failure) throw this.#failure
    await clock.sleep(delayMs, control.signal)
    while (!control.stopping && !(await this.#commitPositions(control))) await clock.sleep(delayMs, control.signal)
  }

  async finish(control: TaskControl): Promise<void> {
    await this.#sends.allDone()
    await this.#commitPositions(control)
  }

  async deliver(batch: SourceBatch, control: TaskControl): Promise<number> {
    const { progress } = control
    const outcomes = RecordOutcomes.of(batch, () => this.#mayTell(control))
    const converted = await progress.during('convert', () => this.#conversion.convert(batch.records, batch.positions, outcomes))
    if (control.cancelled) return converted.bytes
    const ack = this.#submit(batch, converted.sources, outcomes, control)
    if (converted.records.length === 0) ack(null)
    else this.#sends.send({ converted, positions: batch.positions, outcomes, ack }, progress)
    if (this.#sends.refused) await this.#sends.allDone()
    if (this.#failure) throw this.#failure
    await this.#sends.mayReadOn()
    return converted.bytes
  }

  /** Returns what to call when the batch is in Kafka. It keeps no record: a function that `deliver` makes would keep all that it has. */
  #submit(
    batch: SourceBatch,
    sources: ConvertedFrom | null,
    outcomes: RecordOutcomes | null,
    control: TaskControl,
  ): (result: SendResult | null) => void {
    const submitted = this.#submitted.submit(batch.positions)
    const acknowledged = this.#acknowledgements.add(batch)
    return (result) => {
      if (outcomes) this.#call(() => outcomes.tell(sources!.indexes, result))
      submitted.ack()
      acknowledged()
      if (this.#mayTell(control)) this.#call(() => this.#acknowledgements.tell())
    }
  }

  /** Whatever a source does when it hears that a batch is acknowledged, the successor of a cancelled task does. */
  #mayTell(control: TaskControl): boolean {
    return !this.#failure && !control.cancelled
  }

  /** Calls code of the connector: what it throws fails the task. */
  #call(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#reading.end()
  }

  /** The task fails anyway, with an error that says more. */
  async #sendLastLetters(letters: readonly ProducerRecord[]): Promise<void> {
    const { producer, retryWithTolerance, deadLetters, context } = this.#options
    try {
      await deadLetters?.ready()
      await producer.send(letters)
    } catch (error) {
      retryWithTolerance.metrics.deadLetterFailures(letters.length)
      context.log.error('records could not be written to the dead-letter queue', { err: error })
    }
  }

  /** Converts dead letters again and produces them. They have no position: nothing of the source is read for them. */
  async replay(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    const converted = await this.#conversion.convertLetters(letters)
    if (converted.records.length > 0) await this.#options.producer.send(converted.records)
    this.#options.onAcknowledged(converted.records.length - converted.letters)
    await done()
    return { delivered: letters.length - converted.letters, failed: converted.letters }
  }

  /** Stores the positions that may be stored. False where they could not be stored: the next call retries. */
  #commitPositions(control: TaskControl): Promise<boolean> {
    if (this.#committing) return this.#committing.then((stored) => stored && this.#commitPositions(control))
    // Invariant 9: a cancelled task leaves the positions to its successor.
    if (control.cancelled) return Promise.resolve(true)
    const positions = this.#submitted.committablePositions()
    if (positions.length === 0) return Promise.resolve(true)
    control.progress.begin('store positions')
    this.#committing = this.#storePositions(positions).finally(() => {
      this.#committing = null
    })
    void this.#committing.then((stored) => stored && control.progress.end('store positions'))
    return this.#committing
  }

  async #storePositions(positions: Position[]): Promise<boolean> {
    const { offsets, context, system, flushTimeoutMs } = this.#options
    try {
      const stored = offsets.put(context.connector, positions) // Invariant 6: their records are acknowledged.
      if (await within(system.clock, flushTimeoutMs, stored)) {
        await stored
        if (!this.#failure) this.#call(() => this.#reading.stored(positions))
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
