/**
 * Timers by key that are cheap to restart: a heartbeat only moves the deadline, and a timer that expires before it is started again.
 * Monotonic time: a step of the wall clock ends no session.
 */
import type { Clock, Timer } from '../system/clock.ts'

/** The longest delay of a platform timer. */
const LONGEST_MS = 2_147_483_647

interface KeyedTimer {
  deadline: number
  expiresAt: number
  timer: Timer
}

export class KeyedTimers<K> {
  readonly #clock: Clock
  readonly #keyOf: (timer: K) => string
  readonly #onExpired: (timer: K) => void
  readonly #timers = new Map<string, KeyedTimer>()

  constructor(clock: Clock, keyOf: (timer: K) => string, onExpired: (timer: K) => void) {
    this.#clock = clock
    this.#keyOf = keyOf
    this.#onExpired = onExpired
  }

  restart(timer: K, delayMs: number): void {
    const key = this.#keyOf(timer)
    const now = this.#clock.monotonic()
    const deadline = now + delayMs
    const running = this.#timers.get(key)
    if (running && running.expiresAt <= deadline) {
      running.deadline = deadline
      return
    }
    running?.timer.cancel()
    this.#start(timer, deadline, now)
  }

  #start(timer: K, deadline: number, now: number): void {
    const delayMs = Math.min(Math.max(deadline - now, 0), LONGEST_MS)
    this.#timers.set(this.#keyOf(timer), {
      deadline,
      expiresAt: now + delayMs,
      timer: this.#clock.after(Math.ceil(delayMs), () => this.#expired(timer)),
    })
  }

  #expired(timer: K): void {
    const key = this.#keyOf(timer)
    const entry = this.#timers.get(key)
    if (!entry) return
    const now = this.#clock.monotonic()
    this.#timers.delete(key)
    if (now < entry.deadline) this.#start(timer, entry.deadline, now)
    else this.#onExpired(timer)
  }

  cancel(timer: K): void {
    const key = this.#keyOf(timer)
    this.#timers.get(key)?.timer.cancel()
    this.#timers.delete(key)
  }

  clear(): void {
    for (const { timer } of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
