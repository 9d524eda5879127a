/**
 * What becomes of a record that cannot be taken: tried again, passed over or the end of its task, as the connector's `errors.*` settings
 * say. It decides for all loops; none of them decides for itself.
 */
import type { System } from '../../core/system/index.ts'
import { Retriable } from '../sdk/index.ts'
import type { CommonConfig } from './connector-settings.ts'

/** Where in a record's way it went wrong, in Kafka Connect's words. */
export type Stage = 'TASK_PUT' | 'TASK_POLL' | 'TRANSFORMATION' | 'KEY_CONVERTER' | 'VALUE_CONVERTER' | 'HEADER_CONVERTER' | 'KAFKA_PRODUCE'

/** A stage's failure on one record. */
export class StageFailure extends Error {
  override name = 'ConnectException'
  readonly stage: Stage
  readonly executing: string

  constructor(stage: Stage, executing: string, cause: unknown) {
    super(`Tolerance exceeded in error handler: ${stage} in ${executing}: ${(cause as Error)?.message ?? cause}`, { cause })
    this.stage = stage
    this.executing = executing
  }
}

const FIRST_DELAY_MS = 300

export class Tolerance {
  readonly #config: CommonConfig
  readonly #system: System
  readonly #about: object
  skipped = 0

  constructor(config: CommonConfig, system: System, about: object) {
    this.#config = config
    this.#system = system
    this.#about = about
  }

  get all(): boolean {
    return this.#config['errors.tolerance'] === 'all'
  }

  /** The wait before try number `attempt` (from 0), null when the time for trying is over. */
  delay(attempt: number, sinceMs: number): number | null {
    const timeout = this.#config['errors.retry.timeout']
    if (timeout === 0) return null
    const delay = this.backoff(attempt)
    return timeout === -1 || sinceMs + delay <= timeout ? delay : null
  }

  /** Doubles from 300 ms to `errors.retry.delay.max.ms`; at that bound it varies, so that tasks do not all come at once. */
  backoff(attempt: number): number {
    const most = this.#config['errors.retry.delay.max.ms']
    const delay = FIRST_DELAY_MS * 2 ** Math.min(attempt, 30)
    return delay < most ? delay : most - (most > 1 ? this.#system.random.below(Math.ceil(most / 4)) : 0)
  }

  /** Runs `work` again after what may be tried again, while the time for it lasts. */
  async again<T>(work: () => T, first: unknown, signal: AbortSignal): Promise<T> {
    const begin = this.#system.clock.monotonic()
    let last = first
    for (let attempt = 0; last instanceof Retriable; attempt++) {
      const delay = this.delay(attempt, this.#system.clock.monotonic() - begin)
      if (delay === null || signal.aborted) break
      await this.#system.clock.sleep(delay, signal)
      try {
        return work()
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  /** A record is lost to `failure`: passed over where that is tolerated, else the failure is thrown. `which` is logged only where users asked for it. */
  bad(failure: StageFailure, which: () => object): void {
    if (this.#config['errors.log.enable'])
      this.#system.logger.error(
        {
          ...this.#about,
          stage: failure.stage,
          executing: failure.executing,
          err: failure.cause,
          ...(this.#config['errors.log.include.messages'] ? { record: which() } : {}),
        },
        'a record could not be taken',
      )
    if (!this.all) throw failure
    this.skipped++
  }
}
