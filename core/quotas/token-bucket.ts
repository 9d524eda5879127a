/**
 * Tokens that come back at a rate, up to what comes in one window: a burst is paid for by waiting. Pure: times are given, in ms.
 */
import { LONGEST_THROTTLE_MS } from './throttle-time.ts'

export class TokenBucket {
  readonly #windowSeconds: number
  /** Null before the first use: the bucket is full then. */
  #tokens: number | null = null
  #updatedAt = 0

  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds
  }

  /** Below zero when more was taken than was there. `rate` is in a second; it may change. */
  tokens(rate: number, now: number): number {
    const burst = rate * this.#windowSeconds
    const earned = (rate * (now - this.#updatedAt)) / 1000
    this.#tokens = this.#tokens === null ? burst : Math.min(burst, this.#tokens + earned)
    this.#updatedAt = now
    return this.#tokens
  }

  take(count: number, rate: number, now: number): void {
    this.#tokens = this.tokens(rate, now) - count
  }
}

/** How long it takes until no token is owed; no longer than throttle_time_ms can say. */
export const refillMs = (tokens: number, rate: number): number => Math.min(LONGEST_THROTTLE_MS, Math.round((-tokens / rate) * 1000))
