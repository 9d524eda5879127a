/**
 * Named timers that can be set again at no cost: a heartbeat only moves the deadline, and the timer that rings early goes back to sleep.
 * Monotonic time, so that a step of the wall clock throws nobody out.
 */
import type { Clock, Timer } from '../system/clock.ts'

/** The longest delay that a timer of the platform takes. */
const LONGEST_MS = 2_147_483_647

interface KeyedTimer {
  deadline: number
  ringsAt: number
  timer: Timer
}

export class KeyedTimers<K> {
  readonly #clock: Clock
  readonly #nameOf: (what: K) => string
  readonly #ring: (what: K) => void
  readonly #alarms = new Map<string, KeyedTimer>()

  constructor(clock: Clock, nameOf: (what: K) => string, ring: (what: K) => void) {
    this.#clock = clock
    this.#nameOf = nameOf
    this.#ring = ring
  }

  set(what: K, delayMs: number): void {
    const name = this.#nameOf(what)
    const now = this.#clock.monotonic()
    const deadline = now + delayMs
    const known = this.#alarms.get(name)
    if (known && known.ringsAt <= deadline) {
      known.deadline = deadline
      return
    }
    known?.timer.cancel()
    this.#arm(what, deadline, now)
  }

  #arm(what: K, deadline: number, now: number): void {
    const delayMs = Math.min(Math.max(deadline - now, 0), LONGEST_MS)
    this.#alarms.set(this.#nameOf(what), {
      deadline,
      ringsAt: now + delayMs,
      timer: this.#clock.after(Math.ceil(delayMs), () => this.#rang(what)),
    })
  }

  #rang(what: K): void {
    const name = this.#nameOf(what)
    const alarm = this.#alarms.get(name)
    if (!alarm) return
    const now = this.#clock.monotonic()
    this.#alarms.delete(name)
    if (now < alarm.deadline) this.#arm(what, alarm.deadline, now)
    else this.#ring(what)
  }

  cancel(what: K): void {
    const name = this.#nameOf(what)
    this.#alarms.get(name)?.timer.cancel()
    this.#alarms.delete(name)
  }

  clear(): void {
    for (const { timer } of this.#alarms.values()) timer.cancel()
    this.#alarms.clear()
  }
}
