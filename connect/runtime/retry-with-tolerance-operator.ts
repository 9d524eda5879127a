/**
 * What happens with a record that cannot be processed: it is retried, skipped, or fails its task, as the connector's `errors.*` settings
 * say. It decides for all kinds of tasks.
 */
import { AuthenticationError } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import { Disconnected, Retriable } from '../sdk/index.ts'
import type { CommonConfig } from './connector-settings.ts'
import { type ErrorMetrics, errorMetrics } from './error-metrics.ts'

/** Kafka Connect's names of the stages at which a record can fail. */
export type Stage = 'TASK_PUT' | 'TASK_POLL' | 'TRANSFORMATION' | 'KEY_CONVERTER' | 'VALUE_CONVERTER' | 'HEADER_CONVERTER' | 'KAFKA_PRODUCE'

/** The error of one record at one stage. */
export class ProcessingError extends Error {
  override name = 'ConnectException'
  readonly stage: Stage
  /** The class that failed. */
  readonly executing: string

  constructor(stage: Stage, executing: string, cause: unknown) {
    super(`Tolerance exceeded in error handler: ${stage} in ${executing}: ${(cause as Error)?.message ?? cause}`, { cause })
    this.stage = stage
    this.executing = executing
  }
}

/** Errors after which a task continues: those that a connector throws as retriable, and the retriable errors of Kafka. */
export function isRetriableError(error: unknown): error is Error {
  return error instanceof Retriable || error instanceof Disconnected || (error instanceof KafkaError && error.retriable)
}

/** Kafka Connect's first delay. */
const RETRY_BASE_MS = 300

/** The record of an error, for the log. */
export interface LoggedRecord {
  /** As Kafka Connect writes it after the stage: `where consumed record is {…}`. */
  text: string
  /** What else is known of it. */
  details: object
}

export class RetryWithToleranceOperator {
  readonly #config: CommonConfig
  readonly #system: System
  readonly #task: { connector: string; task: number }
  readonly metrics: ErrorMetrics

  constructor(config: CommonConfig, system: System, task: { connector: string; task: number }) {
    this.#config = config
    this.#system = system
    this.#task = task
    this.metrics = errorMetrics(system.metrics, task.connector, task.task, () => system.clock.now())
  }

  /**
   * The delay before retry number `attempt` (from 0); null after `errors.retry.timeout`. As in Kafka Connect, the last retry is at the
   * timeout.
   */
  delay(attempt: number, elapsedMs: number): number | null {
    const timeout = this.#config['errors.retry.timeout']
    if (timeout < 0) return this.backoff(attempt)
    return elapsedMs < timeout ? Math.min(this.backoff(attempt), timeout - elapsedMs) : null
  }

  /**
   * Grows from 300 ms to `errors.retry.delay.max.ms`. Kafka Connect takes a delay of 0 or less in a config, and then fails at the first
   * retry; here it is none.
   */
  backoff(attempt: number): number {
    const maxMs = Math.max(0, this.#config['errors.retry.delay.max.ms'])
    return Math.min(maxMs, backoffMs({ baseMs: RETRY_BASE_MS, maxMs }, attempt, this.#system.random))
  }

  /** Runs `work` again after a retriable error, until `errors.retry.timeout`. */
  async retry<T>(work: () => T | Promise<T>, firstError: unknown, signal: AbortSignal): Promise<T> {
    const start = this.#system.clock.monotonic()
    let lastError = firstError
    this.metrics.failure()
    for (let attempt = 0; lastError instanceof Retriable; attempt++) {
      const delay = this.delay(attempt, this.#system.clock.monotonic() - start)
      if (delay === null || signal.aborted) break
      await this.#system.clock.sleep(delay, signal)
      this.metrics.retry()
      try {
        return await work()
      } catch (error) {
        this.metrics.failure()
        lastError = error
      }
    }
    throw lastError
  }

  get skipsFailedRecords(): boolean {
    return this.#config['errors.tolerance'] === 'all'
  }

  /**
   * Skips a failed record where errors.tolerance is all, and throws the error otherwise. A client that may not log in would lose every
   * record: it fails the task. `record` is logged where errors.log.include.messages is set.
   */
  handleFailure(error: ProcessingError, record: () => LoggedRecord): void {
    this.logFailure(error, record)
    if (!this.skipsFailedRecords || error.cause instanceof AuthenticationError) throw error
    this.metrics.skipped()
  }

  /** Whether a source may refuse a record to its sender: it would fail the task, and the client may log in. */
  mayBeRefused(error: ProcessingError): boolean {
    return !this.skipsFailedRecords && !(error.cause instanceof AuthenticationError)
  }

  /** The source has refused the record, which is skipped whatever errors.tolerance says. */
  handleRefused(error: ProcessingError, record: () => LoggedRecord): void {
    this.logFailure(error, record)
    this.metrics.skipped()
  }

  /** Counts and logs a record that failed, with the text of Kafka Connect, which people search their logs for. */
  logFailure(error: ProcessingError, record: () => LoggedRecord): void {
    this.metrics.error()
    if (!this.#config['errors.log.enable']) return
    const { connector, task } = this.#task
    const logged = this.#config['errors.log.include.messages'] ? record() : null
    this.#system.logger.error(
      { connector, task, stage: error.stage, executing: error.executing, err: error.cause, ...(logged ? { record: logged.details } : {}) },
      `Error encountered in task ${connector}-${task}. Executing stage '${error.stage}' with class '${error.executing}'` +
        `${logged ? `, ${logged.text}` : ''}.`,
    )
    this.metrics.logged()
  }
}
