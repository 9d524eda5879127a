/**
 * Named timers that can be set again at no cost: a heartbeat only moves the deadline, and the timer that rings early goes back to sleep.
 * Monotonic time, so that a step of the wall clock throws nobody out.
 */
import type { Clock, Timer } from '../system/clock.ts'

/** The longest delay that a timer of the platform takes. */
const LONGEST_MS = 2_147_483_647

interface KeyedTimer {
  deadline: number
  expiresAt: number
  timer: Timer
}

export class KeyedTimers<K> {
  readonly #clock: Clock
  readonly #nameOf: (what: K) => string
  readonly #onExpired: (what: K) => void
  readonly #timers = new Map<string, KeyedTimer>()

  constructor(clock: Clock, nameOf: (what: K) => string, ring: (what: K) => void) {
    this.#clock = clock
    this.#nameOf = nameOf
    this.#onExpired = ring
  }

  restart(what: K, delayMs: number): void {
    const name = this.#nameOf(what)
    const now = this.#clock.monotonic()
    const deadline = now + delayMs
    const known = this.#timers.get(name)
    if (known && known.expiresAt <= deadline) {
      known.deadline = deadline
      return
    }
    known?.timer.cancel()
    this.#start(what, deadline, now)
  }

  #start(what: K, deadline: number, now: number): void {
    const delayMs = Math.min(Math.max(deadline - now, 0), LONGEST_MS)
    this.#timers.set(this.#nameOf(what), {
      deadline,
      expiresAt: now + delayMs,
      timer: this.#clock.after(Math.ceil(delayMs), () => this.#expired(what)),
    })
  }

  #expired(what: K): void {
    const name = this.#nameOf(what)
    const alarm = this.#timers.get(name)
    if (!alarm) return
    const now = this.#clock.monotonic()
    this.#timers.delete(name)
    if (now < alarm.deadline) this.#start(what, alarm.deadline, now)
    else this.#onExpired(what)
  }

  cancel(what: K): void {
    const name = this.#nameOf(what)
    this.#timers.get(name)?.timer.cancel()
    this.#timers.delete(name)
  }

  clear(): void {
    for (const { timer } of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
