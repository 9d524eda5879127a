/**
 * Runs a sink task: consumes its share of the topics, converts, delivers batches to the connector and commits their offsets. Invariant 7:
 * an offset is committed only after the sink has flushed the records before it, and the dead-letter queue has those it could not process.
 */
import type { Consumer, RebalanceListener } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { BadRecord, Disconnected, Retriable, type SinkContext, type SinkSide, type SinkTask } from '../sdk/index.ts'
import type { DeadLetterQueueReporter } from './dead-letter-queue-reporter.ts'
import type { OriginalRecord, Pipeline, SinkBatch } from './pipeline.ts'
import { ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { SinkOffsets } from './sink-offsets.ts'
import type { RunnableTask, TaskControl } from './task-control.ts'

export interface WorkerSinkTaskOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: SinkSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<SinkContext<any>, 'signal'>
  pipeline: Pipeline
  consumer: Consumer
  topics: readonly string[] | RegExp
  deadLetterQueue: DeadLetterQueueReporter | null
  /** Resolves when the cluster has accepted the task's clients; rejects where it never will. */
  accepted(signal: AbortSignal): Promise<void>
  retryWithTolerance: RetryWithToleranceOperator
  system: System
  flushIntervalMs: number
  /** Called for the topic of each delivered batch. */
  recordActiveTopic(topic: string): void
  onDelivered(records: number): void
}

/** A sink commits more often than `offset.flush.interval.ms`, because what is not committed is delivered again after a crash. */
const COMMIT_INTERVAL_MS = 1_000
/** It commits less often if flushes would take more than one part in this many of the time. */
const FLUSH_TIME_SHARE = 20
/** The task checks its target state this often. */
const POLL_TIMEOUT_MS = 500
/** The timeout of the polls that only keep the group membership alive. */
const RETRY_POLL_TIMEOUT_MS = 100

export class WorkerSinkTask implements RunnableTask {
  readonly #options: WorkerSinkTaskOptions
  readonly #offsets = new SinkOffsets()
  #task: SinkTask | null = null
  #paused = false
  #pausedForRetry = false
  #nextCommitMs = 0
  #lastFlushMs = 0

  constructor(options: WorkerSinkTaskOptions) {
    this.#options = options
  }

  async run(control: TaskControl): Promise<void> {
    const { consumer, side, context, topics, deadLetterQueue } = this.#options
    const closeConsumer = () => consumer.close().catch((error) => context.log.warn('the consumer could not be closed', { err: error }))
    control.cancellation.addEventListener('abort', () => void closeConsumer(), { once: true })
    try {
      await this.#options.accepted(control.signal)
      if (control.stopping) return
      this.#task = await side.start({ ...context, signal: control.signal })
      consumer.subscribe(topics, this.#rebalanceListener(control))
      this.#scheduleCommit()
      while (!control.stopping) await this.#iteration(control)
      await this.#finalCommit(control)
    } finally {
      // First, so that other members take the partitions over at once. They read again what was not committed.
      await consumer.close()
      await this.#stopTask()
      await deadLetterQueue?.close()
    }
  }

  async #iteration(control: TaskControl): Promise<void> {
    const { consumer, system, pipeline, deadLetterQueue } = this.#options
    try {
      if (control.paused !== this.#paused) await this.#setPaused(control.paused, control)
      const batches = await consumer.poll(POLL_TIMEOUT_MS, control.signal)
      if (batches.length > 0 && !control.cancelled) {
        this.#offsets.polled()
        for (const batch of batches) this.#offsets.consumed(batch, batch.records[0]?.offset ?? batch.nextOffset)
        const converted = await pipeline.toConnect(batches, (original, error) => deadLetterQueue?.report(original, error))
        if (await this.#deliver(converted, control)) {
          for (const batch of batches) {
            this.#offsets.delivered(batch, batch.nextOffset)
            this.#options.recordActiveTopic(batch.topic)
          }
          this.#options.onDelivered(converted.records.length)
        }
      }
      if (system.clock.monotonic() >= this.#nextCommitMs) await this.#commit(control)
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error
      await this.#reconnect(error, control)
    }
  }

  async #setPaused(paused: boolean, control: TaskControl): Promise<void> {
    const { consumer } = this.#options
    this.#paused = paused
    if (!paused) {
      consumer.resume(consumer.assignment)
      return
    }
    consumer.pause(consumer.assignment)
    await this.#commit(control)
  }

  /** Delivers a batch, and retries where the sink asks for it. False where the task stops before. */
  async #deliver(batch: SinkBatch, control: TaskControl): Promise<boolean> {
    if (batch.records.length === 0) return true
    let { records, originals } = batch
    return await this.#retryWhileRetriable(control, async () => {
      const assigned = this.#offsets.stillAssigned(originals)
      if (assigned) {
        records = records.filter((_, index) => assigned[index])
        originals = originals.filter((_, index) => assigned[index])
      }
      if (records.length === 0) return
      try {
        await this.#task!.write(records)
      } catch (error) {
        if (!(error instanceof BadRecord)) throw error
        for (const bad of [error, ...error.also]) this.#reportBadRecord(bad, originals)
      }
    })
  }

  #reportBadRecord(bad: BadRecord, originals: readonly OriginalRecord[]): void {
    const { side, deadLetterQueue, retryWithTolerance } = this.#options
    const original = originals[bad.index]
    const error = new ProcessingError('TASK_PUT', side.class, bad)
    if (original) deadLetterQueue?.report(original, error)
    retryWithTolerance.handleFailure(error, () => ({
      topic: original?.topic,
      partition: original?.partition,
      offset: original?.record.offset,
    }))
  }

  /** Runs `work` until it does not throw Retriable. Between two tries all partitions are paused, and polls keep the membership alive. */
  async #retryWhileRetriable(control: TaskControl, work: () => Promise<void>): Promise<boolean> {
    const { consumer, system, retryWithTolerance, context } = this.#options
    for (let attempt = 0; ; attempt++) {
      try {
        await work()
        if (attempt > 0 && !this.#paused) consumer.resume(consumer.assignment)
        return true
      } catch (error) {
        if (!(error instanceof Retriable)) throw error
        const delay = error.afterMs ?? retryWithTolerance.backoff(attempt)
        context.log.warn(`the sink retries in ${delay} ms: ${error.message}`, { err: error })
        const until = system.clock.monotonic() + delay
        do {
          if (control.stopping) return false
          await this.#pollPaused(Math.max(0, Math.min(RETRY_POLL_TIMEOUT_MS, until - system.clock.monotonic())), control)
        } while (system.clock.monotonic() < until)
      }
    }
  }

  /** A poll that only keeps the membership alive: records that it still returns are consumed again later. */
  async #pollPaused(timeoutMs: number, control: TaskControl): Promise<void> {
    const { consumer } = this.#options
    consumer.pause(consumer.assignment)
    this.#pausedForRetry = true
    try {
      for (const { topic, partition, records } of await consumer.poll(timeoutMs, control.signal))
        if (records[0]) consumer.seek({ topic, partition }, records[0].offset)
    } finally {
      this.#pausedForRetry = false
    }
  }

  #scheduleCommit(): void {
    const intervalMs = Math.max(COMMIT_INTERVAL_MS, this.#lastFlushMs * FLUSH_TIME_SHARE)
    this.#nextCommitMs = this.#options.system.clock.monotonic() + Math.min(intervalMs, this.#options.flushIntervalMs)
  }

  /** Flushes, then commits what was delivered before. */
  async #commit(control: TaskControl): Promise<void> {
    if (!control.cancelled && this.#offsets.dirty) {
      const { clock } = this.#options.system
      const start = clock.monotonic()
      if (await this.#retryWhileRetriable(control, () => this.#task!.flush(this.#offsets.uncommitted()))) {
        this.#lastFlushMs = clock.monotonic() - start
        await this.#commitFlushed(control)
      }
    }
    this.#scheduleCommit()
  }

  /** Invariant 7: everything that was delivered has been flushed. */
  async #commitFlushed(control: TaskControl): Promise<void> {
    const { consumer, context, deadLetterQueue } = this.#options
    await deadLetterQueue?.flush()
    // Invariant 9: the task may have been cancelled during the flush.
    if (control.cancelled) return
    const offsets = this.#offsets.uncommitted()
    try {
      await consumer.commit(offsets)
      this.#offsets.committed(offsets)
    } catch (error) {
      context.log.warn('offsets could not be committed; the next commit includes them', { err: error })
    }
  }

  #rebalanceListener(control: TaskControl): RebalanceListener {
    return {
      assigned: async (partitions) => {
        this.#offsets.assigned(partitions)
        await this.#task?.open?.(partitions)
        if (this.#paused || this.#pausedForRetry) this.#options.consumer.pause(partitions)
      },
      revoked: async (partitions) => {
        if (!control.cancelled && this.#offsets.dirty) {
          try {
            await this.#task!.flush(this.#offsets.uncommitted())
            await this.#commitFlushed(control)
          } catch (error) {
            // Nothing is lost: the next owner consumes it again.
            this.#options.context.log.warn('records could not be flushed before a rebalance, and are delivered again', { err: error })
          }
        }
        await this.#task?.close?.(partitions)
        this.#offsets.revoked(partitions)
      },
      lost: async (partitions) => {
        this.#offsets.revoked(partitions)
        await this.#task?.close?.(partitions)
      },
    }
  }

  /** The sink has lost its system: a new SinkTask of the connector continues after the last commit. */
  async #reconnect(error: Disconnected, control: TaskControl): Promise<void> {
    const { context, side, system, retryWithTolerance, consumer } = this.#options
    let reason: Error = error
    for (let attempt = 0; !control.stopping; attempt++) {
      const delay = retryWithTolerance.backoff(attempt)
      context.log.warn(`the sink has lost its connection and reconnects in ${delay} ms: ${reason.message}`, { err: reason })
      await this.#stopTask()
      await this.#rewind()
      await system.clock.sleep(delay, control.signal)
      if (control.stopping) return
      try {
        this.#task = await side.start({ ...context, signal: control.signal })
        await this.#task.open?.(this.#offsets.partitions())
        if (!this.#paused) consumer.resume(consumer.assignment)
        return
      } catch (next) {
        if (!(next instanceof Disconnected || next instanceof Retriable)) throw next
        reason = next
      }
    }
  }

  async #rewind(): Promise<void> {
    const { consumer } = this.#options
    const partitions = this.#offsets.partitions()
    if (partitions.length === 0) return
    const stored = await consumer.committed(partitions)
    for (const partition of partitions) {
      const offset = this.#offsets.rewindOffset(partition, stored.get(partitionKey(partition)))
      if (offset !== undefined) consumer.seek(partition, offset)
    }
    this.#offsets.rewound()
  }

  async #finalCommit(control: TaskControl): Promise<void> {
    if (control.cancelled || !this.#task) return
    if (this.#offsets.dirty) {
      await this.#task.flush(this.#offsets.uncommitted())
      await this.#commitFlushed(control)
    }
  }

  async #stopTask(): Promise<void> {
    const task = this.#task
    this.#task = null
    await task?.stop?.()
  }
}
