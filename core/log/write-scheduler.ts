/**
 * Gathers the logs with queued appends and writes them at the end of this turn of the event loop.
 */
import type { Clock } from '../system/clock.ts'

/** A log with queued appends. Must not throw. */
export interface Writable {
  writeQueued(): void
}

export class WriteScheduler {
  /** How often appends were written, modulo 2^32. A cleaning thread reads it too. */
  readonly writes = new Int32Array(new SharedArrayBuffer(4))
  readonly #clock: Clock
  #scheduled: Writable[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A log calls it once per turn, with its first append. */
  add(log: Writable): void {
    this.#scheduled.push(log)
    if (this.#scheduled.length === 1) this.#clock.soon(this.#run)
  }

  readonly #run = (): void => {
    const logs = this.#scheduled
    this.#scheduled = []
    this.writes[0]!++
    for (const log of logs) log.writeQueued()
  }
}
