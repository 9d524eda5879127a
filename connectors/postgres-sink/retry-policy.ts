/**
 * How often a batch is retried, as the settings say: an error that may pass is retried after a delay, until there were too many in a row.
 * Tries to connect are counted apart. Pure.
 */
import { Retriable } from '../../connect/sdk/index.ts'
import type { RetryLimits } from './options.ts'

export class RetryPolicy {
  readonly #limits: RetryLimits
  #retries = 0
  #connectFailures = 0

  constructor(limits: RetryLimits) {
    this.#limits = limits
  }

  succeeded(): void {
    this.#retries = 0
    this.#connectFailures = 0
  }

  /** What the task throws for an error that may pass. */
  failed(error: Error, isConnected: boolean): Error {
    const { retries, backoffMs, connectAttempts, connectBackoffMs } = this.#limits
    if (!isConnected) {
      this.#connectFailures++
      if (connectAttempts === null || this.#connectFailures % connectAttempts !== 0) return retriable(error, connectBackoffMs)
    }
    if (retries !== null && ++this.#retries > retries)
      return new Error(`${error.message} (after ${retries} retries). Mend the database and restart the task, or allow more retries.`, {
        cause: error,
      })
    return retriable(error, backoffMs)
  }
}

const retriable = (error: Error, afterMs: number) => new Retriable(error.message, { cause: error, afterMs })
