/**
 * The log lines of connections that are closed because of what their clients did. A flood of such connections must not become a flood of
 * lines: beyond a number in a while they are counted, and one line says how many there were.
 */
import type { Clock } from '../system/clock.ts'
import type { Logger } from '../system/logger.ts'
import { limits } from './limits.ts'

export interface ClosedConnection {
  readonly client: string
  readonly listener: string
  readonly reason: string
}

export class CloseLog {
  readonly #logger: Logger
  readonly #clock: Pick<Clock, 'after'>
  #lines = 0
  #unsaid = 0
  #last: ClosedConnection | null = null

  constructor(logger: Logger, clock: Pick<Clock, 'after'>) {
    this.#logger = logger
    this.#clock = clock
  }

  closed(connection: ClosedConnection): void {
    if (this.#lines === 0) this.#clock.after(limits.closeLinesMs, () => this.#next())
    if (this.#lines < limits.closeLines) {
      this.#lines++
      const { client, listener, reason } = connection
      this.#logger.warn({ client, listener }, `connection closed: ${reason}`)
      return
    }
    this.#unsaid++
    this.#last = connection
  }

  #next(): void {
    this.#lines = 0
    if (this.#unsaid === 0) return
    const { client, listener, reason } = this.#last!
    this.#logger.warn({ client, listener, connections: this.#unsaid }, `${this.#unsaid} more connections closed; the last one: ${reason}`)
    this.#unsaid = 0
    this.#last = null
  }
}
