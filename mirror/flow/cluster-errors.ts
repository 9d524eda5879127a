/**
 * Whether the two clusters of a flow work now: the last error of each while it does not. A cluster that stops working is logged once, and
 * so is its recovery.
 */
import type { Logger } from '../../core/system/logger.ts'

export class ClusterErrors {
  readonly #name: string
  readonly #logger: Logger
  #source: Error | null = null
  #target: Error | null = null

  /** @param name of the flow, for the log. */
  constructor(name: string, logger: Logger) {
    this.#name = name
    this.#logger = logger
  }

  /** Why the source does not respond; null while it does. */
  get source(): Error | null {
    return this.#source
  }

  /** Why the target does not accept batches; null while it does. */
  get target(): Error | null {
    return this.#target
  }

  sourceUnavailable(error: Error): void {
    if (!this.#source) this.#logger.warn({ mirror: this.#name, err: error }, 'the source does not respond; retrying')
    this.#source = error
  }

  sourceResponded(): void {
    if (this.#source) this.#logger.info({ mirror: this.#name }, 'the source responds again')
    this.#source = null
  }

  targetUnavailable(error: Error): void {
    if (!this.#target) this.#logger.warn({ mirror: this.#name, err: error }, 'the target does not accept batches; retrying')
    this.#target = error
  }

  targetAccepted(): void {
    if (this.#target) this.#logger.info({ mirror: this.#name }, 'the target accepts batches again')
    this.#target = null
  }
}
