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

export class RetryWithToleranceOperator {
  readonly #config: CommonConfig
  readonly #system: System
  readonly #logContext: object

  constructor(config: CommonConfig, system: System, logContext: object) {
    this.#config = config
    this.#system = system
    this.#logContext = logContext
  }

  /** The delay before retry number `attempt` (from 0); null after `errors.retry.timeout`. */
  delay(attempt: number, elapsedMs: number): number | null {
    const timeout = this.#config['errors.retry.timeout']
    if (timeout === 0) return null
    const delay = this.backoff(attempt)
    return timeout === -1 || elapsedMs + delay <= timeout ? delay : null
  }

  /** Grows from 300 ms to `errors.retry.delay.max.ms`. */
  backoff(attempt: number): number {
    const maxMs = this.#config['errors.retry.delay.max.ms']
    return Math.min(maxMs, backoffMs({ baseMs: RETRY_BASE_MS, maxMs }, attempt, this.#system.random))
  }

  /** Runs `work` again after a retriable error, until `errors.retry.timeout`. */
  async retry<T>(work: () => T, firstError: unknown, signal: AbortSignal): Promise<T> {
    const start = this.#system.clock.monotonic()
    let lastError = firstError
    for (let attempt = 0; lastError instanceof Retriable; attempt++) {
      const delay = this.delay(attempt, this.#system.clock.monotonic() - start)
      if (delay === null || signal.aborted) break
      await this.#system.clock.sleep(delay, signal)
      try {
        return work()
      } catch (error) {
        lastError = error
      }
    }
    throw lastError
  }

  /**
   * Skips a failed record where errors.tolerance is all, and throws the error otherwise. A client that may not log in would lose every
   * record: it fails the task. `record` is logged where errors.log.include.messages is set.
   */
  handleFailure(error: ProcessingError, record: () => object): void {
    if (this.#config['errors.log.enable'])
      this.#system.logger.error(
        {
          ...this.#logContext,
          stage: error.stage,
          executing: error.executing,
          err: error.cause,
          ...(this.#config['errors.log.include.messages'] ? { record: record() } : {}),
        },
        'a record could not be processed',
      )
    if (this.#config['errors.tolerance'] !== 'all' || error.cause instanceof AuthenticationError) throw error
  }
}
