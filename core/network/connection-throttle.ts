/**
 * How long one connection is throttled: nothing is read from it, and none of its requests starts.
 */
import type { Clock, Timer } from '../system/clock.ts'
import { limits } from './limits.ts'
import type { RequestThrottle } from './request-throttle.ts'

/** The throttled connections of a broker are counted. */
type Throttled = Pick<RequestThrottle, 'throttledConnections'>

export class ConnectionThrottle {
  readonly #clock: Clock
  readonly #all: Throttled
  readonly #onEnd: () => void
  #timer: Timer | null = null
  #endsAt = 0

  constructor(clock: Clock, all: Throttled, onEnd: () => void) {
    this.#clock = clock
    this.#all = all
    this.#onEnd = onEnd
  }

  get isActive(): boolean {
    return this.#timer !== null
  }

  /** From now on; the later end counts, and `limits.muteMs`. */
  extend(throttleTimeMs: number): void {
    const durationMs = Math.min(throttleTimeMs, limits.muteMs)
    const endsAt = this.#clock.monotonic() + durationMs
    if (this.#timer !== null && endsAt <= this.#endsAt) return
    if (this.#timer === null) this.#all.throttledConnections++
    this.#timer?.cancel()
    this.#endsAt = endsAt
    this.#timer = this.#clock.after(durationMs, () => this.end())
  }

  end(): void {
    if (this.#timer === null) return
    this.#timer.cancel()
    this.#timer = null
    this.#all.throttledConnections--
    this.#onEnd()
  }
}
