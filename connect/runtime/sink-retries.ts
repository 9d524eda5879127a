/**
 * Tries of a sink again, and the polls between them: all partitions are paused then, and the task stays in its group. Records that such a
 * poll still returns are consumed again later. The status of the task says meanwhile what it waits for.
 */
import type { Consumer } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { Retriable, type TaskLogger } from '../sdk/index.ts'
import type { RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import type { TaskControl } from './task-control.ts'
import type { ProgressStage } from './task-progress.ts'

/** The longest of these polls. */
const POLL_TIMEOUT_MS = 100

export interface SinkRetriesOptions {
  consumer: Consumer
  context: { log: TaskLogger }
  retryWithTolerance: RetryWithToleranceOperator
  system: System
  /** Whether the task is paused: then its partitions stay so. */
  isPaused(): boolean
}

export class SinkRetries {
  readonly #options: SinkRetriesOptions
  #polling = false

  constructor(options: SinkRetriesOptions) {
    this.#options = options
  }

  /** Partitions that are assigned meanwhile are to be paused too. */
  get polling(): boolean {
    return this.#polling
  }

  /** Runs `work` until it does not throw Retriable. False where the task stops before. */
  async whileRetriable(stage: 'put' | 'flush' | 'replay', control: TaskControl, work: () => Promise<void>): Promise<boolean> {
    control.progress.begin(stage)
    try {
      return await this.#retried(stage, control, work)
    } finally {
      control.progress.end(stage)
    }
  }

  async #retried(stage: ProgressStage, control: TaskControl, work: () => Promise<void>): Promise<boolean> {
    const { consumer, system, retryWithTolerance, context, isPaused } = this.#options
    for (let attempt = 0; ; attempt++) {
      try {
        await work()
        if (attempt > 0 && !isPaused()) consumer.resume(consumer.assignment)
        return true
      } catch (error) {
        if (!(error instanceof Retriable)) throw error
        control.progress.retrying(stage, error, attempt + 1)
        const delay = error.afterMs ?? retryWithTolerance.backoff(attempt)
        context.log.warn(`the sink retries in ${delay} ms: ${error.message}`, { err: error })
        const until = system.clock.monotonic() + delay
        do {
          if (control.stopping) return false
          await this.poll(Math.max(0, until - system.clock.monotonic()), control)
        } while (system.clock.monotonic() < until)
      }
    }
  }

  /** Waits for `timeoutMs`, or for 100 ms where that is less. */
  async poll(timeoutMs: number, control: TaskControl): Promise<void> {
    const { consumer } = this.#options
    consumer.pause(consumer.assignment)
    this.#polling = true
    try {
      for (const { topic, partition, records } of await consumer.poll(Math.min(POLL_TIMEOUT_MS, timeoutMs), control.signal))
        if (records[0]) consumer.seek({ topic, partition }, records[0].offset)
    } finally {
      this.#polling = false
    }
  }
}
