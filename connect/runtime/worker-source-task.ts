/**
 * The inside of a source task: takes batches from the connector, converts and sends them in bulk, and stores positions behind them. It keeps
 * Invariant 6: a position goes to the store only when `Acks` says that its records are durable.
 */
import type { Producer } from '../../core/client/types.ts'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import {
  Disconnected,
  EndOfSource,
  type Position,
  Retriable,
  type Settings,
  type SourceBatch,
  type SourceContext,
  type SourceSide,
} from '../sdk/index.ts'
import type { OffsetStore } from '../storage/offset-backing-store.ts'
import type { Pipeline } from './pipeline.ts'
import { StageFailure, type Tolerance } from './retry-with-tolerance-operator.ts'
import { SubmittedRecords } from './submitted-records.ts'
import type { TaskControl, TaskLoop } from './task-control.ts'
import type { TopicCreation } from './topic-creation.ts'

/** How much may be sent and not yet acknowledged before the connector is asked for no more (Invariant 13). */
const MAX_RECORDS_UNDER_WAY = 10_000
const MAX_BYTES_UNDER_WAY = 4 * 1024 * 1024
/** Positions cost little to store, and what is not stored is sent twice after a crash: they go sooner than `offset.flush.interval.ms` asks. */
const POSITIONS_MS = 200
/** How long the loop runs before it lets the process do its I/O. */
const TURN_MS = 5

export interface SourceLoopParts {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: SourceSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<SourceContext<any>, 'signal' | 'positions'>
  pipeline: Pipeline
  producer: Producer
  offsets: OffsetStore
  topics: TopicCreation
  tolerance: Tolerance
  system: System
  flushIntervalMs: number
  flushTimeoutMs: number
  /** Told of the topics that the task writes to, once for each batch. */
  usesTopic(topic: string): void
  /** Told how many records were acknowledged. */
  delivered(records: number): void
}

/** What the connector says may go better, and what the cluster does. */
export function mayBeTriedAgain(error: unknown): error is Error {
  return error instanceof Retriable || error instanceof Disconnected || (error instanceof KafkaError && error.retriable)
}

export class SourceLoop implements TaskLoop {
  readonly #parts: SourceLoopParts
  readonly #acks = new SubmittedRecords()
  readonly #seenTopics = new Set<string>()
  #lastTopic = ''
  #records = 0
  #bytes = 0
  #failure: Error | null = null
  #waker: (() => void) | null = null
  #endReading = () => {}
  #committing: Promise<boolean> | null = null
  #turnBegan = 0
  #attempts = 0

  constructor(parts: SourceLoopParts) {
    this.#parts = parts
  }

  async run(control: TaskControl): Promise<void> {
    const { system, flushIntervalMs, producer } = this.#parts
    const timer = system.clock.every(Math.min(flushIntervalMs, POSITIONS_MS), () => void this.#commit(control))
    this.#turnBegan = system.clock.monotonic()
    // a closed producer fails what it holds, so that nothing here waits for a cluster that does not answer
    control.abandonment.addEventListener('abort', () => void producer.close(), { once: true })
    try {
      while (!control.stopping && (await this.#session(control)));
      await this.#drained()
      if (this.#failure) throw this.#failure
      await control.ended()
    } finally {
      timer.cancel()
      // what was sent counts even where the task failed: its position is stored, so that it is not read again
      await this.#drained()
      await this.#commit(control)
      await producer.close()
    }
  }

  /** One run of the connector's reading. True: begin another, from the last stored position. */
  async #session(control: TaskControl): Promise<boolean> {
    // a record that is refused ends the reading also where the connector waits for something new
    const ending = new AbortController()
    this.#endReading = () => ending.abort()
    control.signal.addEventListener('abort', this.#endReading, { once: true })
    let reading: ReturnType<SourceSide<Settings>['read']> | null = null
    try {
      await this.#parts.offsets.refresh()
      if (control.stopping) return false
      reading = this.#parts.side.read({ ...this.#parts.context, signal: ending.signal, positions: this.#positions })
      for (;;) {
        if (control.paused) await control.active()
        if (control.stopping) return false
        const next = await reading.next()
        if (this.#failure) throw this.#failure
        if (control.abandoned) return false
        if (next.done) return false
        await this.#take(next.value, control)
        if (this.#failure) throw this.#failure
        this.#attempts = 0
      }
    } catch (error) {
      if (this.#failure) throw this.#failure
      if (error instanceof EndOfSource || (control.stopping && (error as Error)?.name === 'AbortError')) return false
      if (!mayBeTriedAgain(error)) throw error
      return await this.#again(error, control)
    } finally {
      control.signal.removeEventListener('abort', this.#endReading)
      await reading?.return()
    }
  }

  /** Waits until what was read is stored, so that the next reading begins behind it. */
  async #again(error: Error, control: TaskControl): Promise<boolean> {
    const delay = (error instanceof Retriable ? error.afterMs : undefined) ?? this.#parts.tolerance.backoff(this.#attempts)
    this.#attempts++
    this.#parts.context.log.warn(`reading again in ${delay} ms: ${error.message}`, { err: error })
    await this.#drained()
    if (this.#failure) throw this.#failure
    await this.#parts.system.clock.sleep(delay, control.signal)
    while (!control.stopping && !(await this.#commit(control))) await this.#parts.system.clock.sleep(delay, control.signal)
    return !control.stopping
  }

  readonly #positions = {
    get: async (partition: Position['partition']) => this.#parts.offsets.get(this.#parts.context.connector, partition),
  }

  async #take(batch: SourceBatch, control: TaskControl): Promise<void> {
    const made = await this.#parts.pipeline.toKafka(batch.records)
    this.#lastTopic = ''
    let bytes = 0
    for (const record of made) {
      if (record.topic !== this.#lastTopic) await this.#uses(record.topic)
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + 64
    }
    if (control.abandoned) return
    const ticket = this.#acks.taken(batch.positions)
    if (made.length === 0) {
      ticket.done()
    } else {
      this.#records += made.length
      this.#bytes += bytes
      this.#parts.producer.send(made).then(
        () => this.#settled(made.length, bytes, () => ticket.done()),
        (error: Error) => this.#settled(made.length, bytes, () => this.#unsent(error, ticket)),
      )
    }
    await this.#breathe()
    while (this.#records > MAX_RECORDS_UNDER_WAY || this.#bytes > MAX_BYTES_UNDER_WAY) await this.#settlement()
  }

  async #uses(topic: string): Promise<void> {
    this.#lastTopic = topic
    if (!this.#seenTopics.has(topic)) await this.#parts.topics.ensure(topic)
    this.#seenTopics.add(topic)
    this.#parts.usesTopic(topic)
  }

  #settled(records: number, bytes: number, then: () => void): void {
    this.#records -= records
    this.#bytes -= bytes
    this.#parts.delivered(records)
    then()
    const waker = this.#waker
    this.#waker = null
    waker?.()
  }

  /** What the cluster refused for good is passed over where that is tolerated; else it fails the task and its position is never stored. */
  #unsent(error: Error, ticket: { done(): void }): void {
    try {
      this.#parts.tolerance.bad(new StageFailure('KAFKA_PRODUCE', 'org.apache.kafka.clients.producer.KafkaProducer', error), () => ({}))
      ticket.done()
    } catch (failure) {
      this.#failure ??= failure as Error
      this.#endReading()
    }
  }

  #settlement(): Promise<void> {
    return new Promise((resolve) => {
      this.#waker = resolve
    })
  }

  async #drained(): Promise<void> {
    while (this.#records > 0) await this.#settlement()
  }

  /** A connector that never waits would keep the process from its I/O. */
  async #breathe(): Promise<void> {
    const { clock } = this.#parts.system
    if (clock.monotonic() - this.#turnBegan < TURN_MS) return
    await new Promise<void>((resolve) => clock.soon(resolve))
    this.#turnBegan = clock.monotonic()
  }

  /** Stores what may be stored. False where it could not: it is tried again at the next turn. */
  #commit(control: TaskControl): Promise<boolean> {
    if (this.#committing) return this.#committing.then((stored) => stored && this.#commit(control))
    // Invariant 9: a task that was given up on leaves the positions to its successor
    if (control.abandoned) return Promise.resolve(true)
    const positions = this.#acks.take()
    if (positions.length === 0) return Promise.resolve(true)
    this.#committing = this.#store(positions).finally(() => {
      this.#committing = null
    })
    return this.#committing
  }

  async #store(positions: Position[]): Promise<boolean> {
    const { offsets, context, system, flushTimeoutMs } = this.#parts
    const timeout = new AbortController()
    try {
      const stored = offsets.put(context.connector, positions).then(() => true) // Invariant 6: these are acknowledged
      const late = system.clock.sleep(flushTimeoutMs, timeout.signal).then(() => false)
      if (await Promise.race([stored, late])) return true
      stored.catch(() => {}) // its failure is the same news as its lateness
      context.log.warn(`positions were not stored within ${flushTimeoutMs} ms; they are tried again`)
    } catch (error) {
      context.log.error('positions could not be stored; they are tried again', { err: error })
    } finally {
      timeout.abort()
    }
    this.#acks.putBack(positions)
    return false
  }
}
