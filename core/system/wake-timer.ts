/**
 * Runs a task at the earliest of the requested times, with one timer. The task requests the next times.
 */
import type { Clock, Timer } from './clock.ts'

export class WakeTimer {
  readonly #clock: Clock
  readonly #task: () => void
  readonly #keepsAlive: boolean
  #timer: Timer | null = null
  #time = Number.POSITIVE_INFINITY

  /** @param keepsAlive whether the process stays alive for it. */
  constructor(clock: Clock, task: () => void, { keepsAlive }: { keepsAlive: boolean }) {
    this.#clock = clock
    this.#task = task
    this.#keepsAlive = keepsAlive
  }

  /** Runs the task at `time` (monotonic ms), unless it runs earlier. */
  wakeAt(time: number): void {
    if (time >= this.#time) return
    this.#timer?.cancel()
    this.#time = time
    this.#timer = this.#start(Math.max(0, time - this.#clock.monotonic()), () => {
      this.#timer = null
      this.#time = Number.POSITIVE_INFINITY
      this.#task()
    })
  }

  #start(delayMs: number, task: () => void): Timer {
    if (!this.#keepsAlive) return this.#clock.after(delayMs, task)
    const canceled = new AbortController()
    void this.#clock.sleep(delayMs, canceled.signal).then(() => {
      if (!canceled.signal.aborted) task()
    })
    return { cancel: () => canceled.abort() }
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#time = Number.POSITIVE_INFINITY
  }
}
