/**
 * Keeps the bytes that a cleaning reads and writes below a rate, which may change at any time.
 */
import type { Clock } from '../../system/clock.ts'

/** Bytes beyond the rate are waited for once they are worth this long. */
const MIN_WAIT_MS = 20
/** The longest wait before the rate and the end of the cleaning are looked at again. */
const MAX_WAIT_MS = 250
/** A rate of 0 stops a cleaning for as long as it applies, as in Kafka. */
const MIN_RATE = 1e-3
/** What was not used for so long is not made up for. */
const WINDOW_MS = 300

export class IoThrottle {
  readonly #clock: Clock
  readonly #bytesPerSecond: () => number
  /** Until then the rate is used up. */
  #paidUntil: number

  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock
    this.#bytesPerSecond = () => Math.max(MIN_RATE, bytesPerSecond())
    this.#paidUntil = clock.monotonic()
  }

  /** Undefined where there is nothing to wait for. `check` is called before each wait, and may throw. */
  transferred(bytes: number, check: () => void): Promise<void> | undefined {
    check()
    const now = this.#clock.monotonic()
    this.#paidUntil = Math.max(this.#paidUntil, now - WINDOW_MS) + (bytes * 1000) / this.#bytesPerSecond()
    return this.#paidUntil - now < MIN_WAIT_MS ? undefined : this.#wait(check)
  }

  async #wait(check: () => void): Promise<void> {
    let rate = this.#bytesPerSecond()
    for (;;) {
      check()
      const now = this.#clock.monotonic()
      // What is still to be waited for, at a rate that has changed.
      this.#paidUntil = now + ((this.#paidUntil - now) * rate) / this.#bytesPerSecond()
      rate = this.#bytesPerSecond()
      if (this.#paidUntil <= now) return
      await this.#clock.sleep(Math.min(MAX_WAIT_MS, this.#paidUntil - now))
    }
  }
}
