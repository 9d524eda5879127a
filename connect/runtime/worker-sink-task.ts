/**
 * Runs a sink task: consumes its share of the topics, converts, delivers batches to the connector and commits their offsets. Invariant 7:
 * an offset is committed only after the sink has flushed the records before it, and the dead-letter queue has those it could not process.
 */
import type { ConsumedBatch, Consumer, RebalanceListener, TopicPattern } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { BadRecord, Disconnected, Retriable, type SinkContext, type SinkOffset, type SinkSide, type SinkTask } from '../sdk/index.ts'
import { ConnectError } from '../types.ts'
import { type DeadLetter, replayedRecord } from './dead-letter.ts'
import type { DeadLetterQueueReporter } from './dead-letter-queue-reporter.ts'
import { SINK_TASK_CLASS, type WorkerErrantRecordReporter } from './errant-record-reporter.ts'
import { keptOf, loggedOriginal, type OriginalRecord, type Pipeline, type SinkBatch } from './pipeline.ts'
import type { TaskRateLimit } from './rate-limit.ts'
import { ReplayQueue } from './replay-queue.ts'
import { ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { SinkOffsets } from './sink-offsets.ts'
import { SinkRetries } from './sink-retries.ts'
import type { ReplayCounts, RunnableTask, TaskControl } from './task-control.ts'

export interface WorkerSinkTaskOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: SinkSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<SinkContext<any>, 'signal'>
  pipeline: Pipeline
  consumer: Consumer
  topics: readonly string[] | TopicPattern
  deadLetterQueue: DeadLetterQueueReporter | null
  errantRecords: WorkerErrantRecordReporter
  /** Resolves when the cluster has accepted the task's clients; rejects where it never will. */
  accepted(signal: AbortSignal): Promise<void>
  retryWithTolerance: RetryWithToleranceOperator
  rateLimit?: TaskRateLimit | undefined
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
/** Dead letters of one write. */
const REPLAY_BATCH_RECORDS = 500

export class WorkerSinkTask implements RunnableTask {
  readonly #options: WorkerSinkTaskOptions
  readonly #offsets = new SinkOffsets()
  readonly #replays = new ReplayQueue()
  readonly #retries: SinkRetries
  #task: SinkTask | null = null
  #paused = false
  #throttled = false
  #nextCommitMs = 0
  #lastFlushMs = 0

  constructor(options: WorkerSinkTaskOptions) {
    this.#options = options
    this.#retries = new SinkRetries({ ...options, isPaused: () => this.#paused })
  }

  async run(control: TaskControl): Promise<void> {
    const { consumer, side, context, topics, deadLetterQueue } = this.#options
    const closeConsumer = () => consumer.close().catch((error) => context.log.warn('the consumer could not be closed', { err: error }))
    control.cancellation.addEventListener('abort', () => void closeConsumer(), { once: true })
    try {
      await control.progress.during('start', () => this.#options.accepted(control.signal))
      if (control.stopping) return
      this.#task = await control.progress.during('start', async () => side.start({ ...context, signal: control.signal }))
      consumer.subscribe(topics, this.#rebalanceListener(control))
      this.#scheduleCommit()
      while (!control.stopping) await this.#iteration(control)
      await this.#finalCommit(control)
    } finally {
      this.#replays.close()
      // First, so that other members take the partitions over at once. They read again what was not committed.
      await consumer.close()
      await this.#stopTask()
      await deadLetterQueue?.close()
    }
  }

  async #iteration(control: TaskControl): Promise<void> {
    const { system, pipeline, deadLetterQueue, errantRecords } = this.#options
    const { progress } = control
    try {
      if (control.paused !== this.#paused) await this.#setPaused(control.paused, control)
      if (this.#replays.waits) await this.#replays.run((letters) => this.#replay(letters, control))
      const batches = await this.#poll(control)
      if (batches.length > 0 && !control.cancelled) {
        this.#offsets.polled()
        for (const batch of batches) this.#offsets.consumed(batch, batch.records[0]?.offset ?? batch.nextOffset)
        const converted = await progress.during('convert', () =>
          pipeline.toConnect(batches, (original, error) => deadLetterQueue?.report(original, error)),
        )
        if (await this.#deliver(converted, control)) {
          for (const batch of batches) {
            this.#offsets.delivered(batch, batch.nextOffset)
            this.#options.recordActiveTopic(batch.topic)
          }
          this.#options.onDelivered(converted.records.length)
          this.#countMoved(converted)
        }
      }
      if (system.clock.monotonic() >= this.#nextCommitMs || errantRecords.full) await this.#commit(control)
    } catch (error) {
      // The task stops while a converter waits for a schema: what is not delivered is consumed again.
      if (control.stopping && error === control.signal.reason) return
      if (!(error instanceof Disconnected)) throw error
      await this.#reconnect(error, control)
    }
  }

  /** Nothing while the rate is above its limit: then a poll only keeps the membership alive, and commits go on. */
  async #poll(control: TaskControl): Promise<readonly ConsumedBatch[]> {
    const { consumer, rateLimit, system } = this.#options
    const waitMs = rateLimit?.waitMs(system.clock.monotonic()) ?? 0
    if (waitMs > 0) {
      this.#throttled = true
      await this.#retries.poll(waitMs, control)
      return []
    }
    if (this.#throttled) {
      this.#throttled = false
      if (!this.#paused) consumer.resume(consumer.assignment)
    }
    return await control.progress.during('poll', () => consumer.poll(POLL_TIMEOUT_MS, control.signal))
  }

  #countMoved({ records, originalAt }: SinkBatch): void {
    const { rateLimit, system } = this.#options
    if (!rateLimit) return
    let bytes = 0
    for (let index = 0; rateLimit.limitsBytes && index < records.length; index++) {
      const { record } = originalAt(index)!
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
    }
    rateLimit.moved(records.length, bytes, system.clock.monotonic())
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
    let delivered = batch
    this.#options.errantRecords.delivering(batch)
    return await this.#retries.whileRetriable('put', control, async () => {
      const assigned = this.#offsets.stillAssigned(delivered)
      if (assigned) delivered = keptOf(delivered, assigned)
      const { records } = delivered
      if (records.length === 0) return
      try {
        await this.#task!.write(records)
      } catch (error) {
        if (!(error instanceof BadRecord)) throw error
        this.#badRecords(error, delivered, (failure, original) =>
          this.#options.retryWithTolerance.handleFailure(failure, () => loggedOriginal(original)),
        )
      }
      this.#options.errantRecords.throwFailure()
    })
  }

  /** Reports the records of a BadRecord to the dead-letter queue, then calls `handle`. Returns how many they are. */
  #badRecords(
    first: BadRecord,
    { records, originalAt }: SinkBatch,
    handle: (error: ProcessingError, original: OriginalRecord) => void,
  ): number {
    const { deadLetterQueue, retryWithTolerance, side } = this.#options
    const all = [first, ...first.also]
    for (const bad of all) {
      const original = originalAt(bad.index)
      if (!original) throw new Error(`${side.class} says that record ${bad.index} of ${records.length} is bad`, { cause: bad })
      const error = new ProcessingError('TASK_PUT', SINK_TASK_CLASS, bad)
      retryWithTolerance.metrics.failure()
      deadLetterQueue?.report(original, error)
      handle(error, original)
    }
    return all.length
  }

  replay(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    return this.#replays.add(letters, done)
  }

  /** Delivers dead letters again, between two batches. What fails again is a new letter, whatever errors.tolerance says. */
  async #replay(letters: readonly DeadLetter[], control: TaskControl): Promise<ReplayCounts> {
    const { pipeline, deadLetterQueue, errantRecords, retryWithTolerance } = this.#options
    const records: SinkBatch['records'] = []
    const originals: OriginalRecord[] = []
    let failed = 0
    // Those of a replay that was given up.
    errantRecords.takeFailedReplays()
    for (const letter of letters) {
      const original = replayedRecord(letter)
      try {
        const record = await pipeline.replayToConnect(original)
        if (!record) continue
        records.push(record)
        originals.push(original)
      } catch (error) {
        if (!(error instanceof ProcessingError)) throw error
        deadLetterQueue?.report(original, error)
        retryWithTolerance.logFailure(error, () => loggedOriginal(original))
        failed++
      }
    }
    for (let from = 0; from < records.length; from += REPLAY_BATCH_RECORDS) {
      const own = originals.slice(from, from + REPLAY_BATCH_RECORDS)
      const batch: SinkBatch = { records: records.slice(from, from + REPLAY_BATCH_RECORDS), originalAt: (index) => own[index] }
      errantRecords.delivering(batch)
      await this.#whileRunning('replay', control, async () => {
        try {
          await this.#task!.write(batch.records)
        } catch (error) {
          if (!(error instanceof BadRecord)) throw error
          failed += this.#badRecords(error, batch, (failure, original) =>
            retryWithTolerance.logFailure(failure, () => loggedOriginal(original)),
          )
        }
        errantRecords.throwFailure()
      })
    }
    let flushed: readonly SinkOffset[] | null = null
    await this.#whileRunning('replay', control, async () => {
      flushed = await this.#flush()
    })
    failed += errantRecords.takeFailedReplays()
    await this.#commitFlushed(flushed, control)
    return { delivered: letters.length - failed, failed }
  }

  async #whileRunning(stage: 'replay', control: TaskControl, work: () => Promise<void>): Promise<void> {
    if (!(await this.#retries.whileRetriable(stage, control, work)) || control.cancelled)
      throw new ConnectError(409, 'The task was stopped while it replayed dead letters: replay them again.')
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
      let flushed: readonly SinkOffset[] | null = null
      const flush = async () => {
        flushed = await this.#flush()
      }
      if (await this.#retries.whileRetriable('flush', control, flush)) {
        this.#lastFlushMs = clock.monotonic() - start
        await this.#commitFlushed(flushed, control)
      }
    }
    this.#scheduleCommit()
  }

  /** The offsets that the sink names; null where it has made all durable that was delivered. */
  async #flush(): Promise<readonly SinkOffset[] | null> {
    const named = await this.#task!.flush(this.#offsets.uncommitted())
    return Array.isArray(named) ? named : null
  }

  /** Invariant 7: everything that was delivered, or what the sink names of it, is durable. */
  async #commitFlushed(flushed: readonly SinkOffset[] | null, control: TaskControl): Promise<void> {
    const { consumer, context, deadLetterQueue, errantRecords } = this.#options
    errantRecords.throwFailure()
    await control.progress.during('produce', async () => deadLetterQueue?.flush())
    errantRecords.clear()
    // Invariant 9: the task may have been cancelled during the flush.
    if (control.cancelled) return
    const offsets = this.#offsets.committable(flushed)
    if (offsets.length === 0) return
    try {
      await control.progress.during('commit', () => consumer.commit(offsets))
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
        if (this.#paused || this.#retries.polling) this.#options.consumer.pause(partitions)
      },
      revoked: async (partitions) => {
        if (!control.cancelled && this.#offsets.dirty) {
          try {
            await this.#commitFlushed(await this.#flush(), control)
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
    this.#options.errantRecords.clear()
    await control.progress.during('reconnect', () => this.#startAgain(error, control))
  }

  async #startAgain(error: Disconnected, control: TaskControl): Promise<void> {
    const { context, side, system, retryWithTolerance, consumer } = this.#options
    let reason: Error = error
    for (let attempt = 0; !control.stopping; attempt++) {
      const delay = retryWithTolerance.backoff(attempt)
      control.progress.retrying('reconnect', reason, attempt + 1)
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
    if (this.#offsets.dirty) await this.#commitFlushed(await this.#flush(), control)
  }

  async #stopTask(): Promise<void> {
    const task = this.#task
    this.#task = null
    await task?.stop?.()
  }
}
