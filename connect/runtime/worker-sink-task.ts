/**
 * The inside of a sink task: reads its group's share of the topics, converts, hands batches over, and commits behind them. It keeps
 * Invariant 7: an offset is committed only after the sink flushed what lies before it, and the dead-letter topic has the rest.
 */
import type { Consumer, RebalanceListener } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { BadRecord, Disconnected, Retriable, type SinkContext, type SinkSide, type SinkTask } from '../sdk/index.ts'
import type { DeadLetter } from './dead-letter-queue-reporter.ts'
import type { Pipeline, RawRecord, SinkBatch } from './pipeline.ts'
import { StageFailure, type Tolerance } from './retry-with-tolerance-operator.ts'
import { SinkOffsets } from './sink-offsets.ts'
import type { TaskControl, TaskLoop } from './task-control.ts'

export interface SinkLoopParts {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: SinkSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<SinkContext<any>, 'signal'>
  pipeline: Pipeline
  consumer: Consumer
  topics: readonly string[] | RegExp
  deadLetter: DeadLetter | null
  tolerance: Tolerance
  system: System
  flushIntervalMs: number
  /** Told of each topic with each batch. */
  usesTopic(topic: string): void
  delivered(records: number): void
}

/** What is not committed is delivered twice after a crash, so a sink commits sooner than `offset.flush.interval.ms` asks: this often at the most… */
const COMMIT_MS = 1_000
/** …and as long as flushing takes no more than one part in this many of its time. */
const FLUSH_SHARE = 20
/** How long one poll waits: the loop looks at its orders this often. */
const POLL_MS = 500
/** How long the polls wait that only keep the membership alive. */
const ALIVE_MS = 100

export class SinkLoop implements TaskLoop {
  readonly #parts: SinkLoopParts
  readonly #offsets = new SinkOffsets()
  #task: SinkTask | null = null
  #held = false
  #resting = false
  #nextCommit = 0
  /** What the last flush took. */
  #flushMs = 0

  constructor(parts: SinkLoopParts) {
    this.#parts = parts
  }

  async run(control: TaskControl): Promise<void> {
    const { consumer, side, context, topics, deadLetter } = this.#parts
    control.abandonment.addEventListener('abort', () => void consumer.close(), { once: true })
    try {
      this.#task = await side.start({ ...context, signal: control.signal })
      consumer.subscribe(topics, this.#listener(control))
      this.#scheduleCommit()
      while (!control.stopping) await this.#turn(control)
      await this.#finish(control)
    } finally {
      // the group goes on without us at once; what was not committed is read again
      await consumer.close()
      await this.#release()
      await deadLetter?.close()
    }
  }

  async #turn(control: TaskControl): Promise<void> {
    const { consumer, system } = this.#parts
    try {
      if (control.paused !== this.#held) await this.#hold(control.paused, control)
      const batches = await consumer.poll(POLL_MS, control.signal)
      if (batches.length > 0 && !control.abandoned) {
        this.#offsets.inHand()
        for (const { topic, partition, records, nextOffset } of batches)
          this.#offsets.began(topic, partition, records[0]?.offset ?? nextOffset)
        const batch = await this.#parts.pipeline.toConnect(batches, (raw, failure) => this.#parts.deadLetter?.report(raw, failure))
        if (await this.#deliver(batch, control)) {
          for (const { topic, partition, nextOffset } of batches) {
            this.#offsets.delivered(topic, partition, nextOffset)
            this.#parts.usesTopic(topic)
          }
          this.#parts.delivered(batch.records.length)
        }
      }
      if (system.clock.monotonic() >= this.#nextCommit) await this.#commit(control)
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error
      await this.#reconnect(error, control)
    }
  }

  async #hold(pause: boolean, control: TaskControl): Promise<void> {
    const { consumer } = this.#parts
    this.#held = pause
    if (!pause) {
      consumer.resume(consumer.assignment)
      return
    }
    consumer.pause(consumer.assignment)
    await this.#commit(control)
  }

  /** Hands the batch over, again and again where the sink asks for it. False where the task ends before. */
  async #deliver(batch: SinkBatch, control: TaskControl): Promise<boolean> {
    if (batch.records.length === 0) return true
    let { records, raw } = batch
    return await this.#persist(control, async () => {
      const mine = this.#offsets.stillOurs(raw)
      if (mine) {
        records = records.filter((_, at) => mine[at])
        raw = raw.filter((_, at) => mine[at])
      }
      if (records.length === 0) return
      try {
        await this.#task!.write(records)
      } catch (error) {
        if (!(error instanceof BadRecord)) throw error
        for (const bad of [error, ...error.also]) this.#bad(bad, raw)
      }
    })
  }

  #bad(error: BadRecord, raw: readonly RawRecord[]): void {
    const from = raw[error.index]
    const failure = new StageFailure('TASK_PUT', this.#parts.side.class, error)
    if (from) this.#parts.deadLetter?.report(from, failure)
    this.#parts.tolerance.bad(failure, () => ({ topic: from?.topic, partition: from?.partition, offset: from?.record.offset }))
  }

  /** Runs `work` until it does not throw Retriable. Between tries all partitions rest while the group is kept alive. */
  async #persist(control: TaskControl, work: () => Promise<void>): Promise<boolean> {
    const { consumer, system, tolerance, context } = this.#parts
    for (let attempt = 0; ; attempt++) {
      try {
        await work()
        if (attempt > 0 && !this.#held) consumer.resume(consumer.assignment)
        return true
      } catch (error) {
        if (!(error instanceof Retriable)) throw error
        const delay = error.afterMs ?? tolerance.backoff(attempt)
        context.log.warn(`the sink asks to try again, in ${delay} ms: ${error.message}`, { err: error })
        const until = system.clock.monotonic() + delay
        do {
          if (control.stopping) return false
          await this.#rest(Math.max(0, Math.min(ALIVE_MS, until - system.clock.monotonic())), control)
        } while (system.clock.monotonic() < until)
      }
    }
  }

  /** A poll that keeps the membership alive and takes nothing: what comes all the same is given back. */
  async #rest(timeoutMs: number, control: TaskControl): Promise<void> {
    const { consumer } = this.#parts
    consumer.pause(consumer.assignment)
    this.#resting = true
    try {
      for (const { topic, partition, records } of await consumer.poll(timeoutMs, control.signal))
        if (records[0]) consumer.seek({ topic, partition }, records[0].offset)
    } finally {
      this.#resting = false
    }
  }

  #scheduleCommit(): void {
    const soon = Math.max(COMMIT_MS, this.#flushMs * FLUSH_SHARE)
    this.#nextCommit = this.#parts.system.clock.monotonic() + Math.min(soon, this.#parts.flushIntervalMs)
  }

  /** Flush, then commit: what was delivered and nothing else. */
  async #commit(control: TaskControl): Promise<void> {
    if (!control.abandoned && this.#offsets.dirty) {
      const { clock } = this.#parts.system
      const began = clock.monotonic()
      if (await this.#persist(control, () => this.#task!.flush(this.#offsets.uncommitted()))) {
        this.#flushMs = clock.monotonic() - began
        await this.#commitFlushed(control)
      }
    }
    this.#scheduleCommit()
  }

  /** Invariant 7: everything delivered so far has been flushed. */
  async #commitFlushed(control: TaskControl): Promise<void> {
    const { consumer, context, deadLetter } = this.#parts
    await deadLetter?.flush()
    // Invariant 9: given up on while it flushed
    if (control.abandoned) return
    const offsets = this.#offsets.uncommitted()
    try {
      await consumer.commit(offsets)
      this.#offsets.committed(offsets)
    } catch (error) {
      context.log.warn('offsets could not be committed; they are committed with the next ones', { err: error })
    }
  }

  #listener(control: TaskControl): RebalanceListener {
    return {
      assigned: async (partitions) => {
        this.#offsets.assigned(partitions)
        await this.#task?.open?.(partitions)
        if (this.#held || this.#resting) this.#parts.consumer.pause(partitions)
      },
      revoked: async (partitions) => {
        if (!control.abandoned && this.#offsets.dirty) {
          try {
            await this.#task!.flush(this.#offsets.uncommitted())
            await this.#commitFlushed(control)
          } catch (error) {
            // the next owner reads it again: nothing is lost by going on
            this.#parts.context.log.warn('what was delivered could not be flushed before a rebalance and will be delivered again', {
              err: error,
            })
          }
        }
        await this.#task?.close?.(partitions)
        this.#offsets.gone(partitions)
      },
      lost: async (partitions) => {
        this.#offsets.gone(partitions)
        await this.#task?.close?.(partitions)
      },
    }
  }

  /** The system is gone: a new task of the connector goes on behind the last commit. */
  async #reconnect(error: Disconnected, control: TaskControl): Promise<void> {
    const { context, side, system, tolerance } = this.#parts
    let reason = error
    for (let attempt = 0; !control.stopping; attempt++) {
      const delay = tolerance.backoff(attempt)
      context.log.warn(`the sink lost its connection and starts again in ${delay} ms: ${reason.message}`, { err: reason })
      await this.#release()
      await this.#rewind()
      await system.clock.sleep(delay, control.signal)
      if (control.stopping) return
      try {
        this.#task = await side.start({ ...context, signal: control.signal })
        await this.#task.open?.(this.#offsets.partitions())
        if (!this.#held) this.#parts.consumer.resume(this.#parts.consumer.assignment)
        return
      } catch (again) {
        if (!(again instanceof Disconnected || again instanceof Retriable)) throw again
        reason = again
      }
    }
  }

  async #rewind(): Promise<void> {
    const { consumer } = this.#parts
    const partitions = this.#offsets.partitions()
    if (partitions.length === 0) return
    const stored = await consumer.committed(partitions)
    for (const partition of partitions) {
      const begin = this.#offsets.beginning(partition, stored.get(`${partition.topic}-${partition.partition}`))
      if (begin !== undefined) consumer.seek(partition, begin)
    }
    this.#offsets.rewound()
  }

  async #finish(control: TaskControl): Promise<void> {
    if (control.abandoned || !this.#task) return
    if (this.#offsets.dirty) {
      await this.#task.flush(this.#offsets.uncommitted())
      await this.#commitFlushed(control)
    }
  }

  async #release(): Promise<void> {
    const task = this.#task
    this.#task = null
    await task?.stop?.()
  }
}
