/**
 * Watches one running task: says once when it stalls, and once when it goes on. A task that is paused or has failed is not watched.
 */
import type { Clock, Timer } from '../../core/system/clock.ts'
import type { Stall, TaskProgress } from './task-progress.ts'

/** A stall is noticed this long after the timeout, at most. */
const MAX_CHECK_INTERVAL_MS = 5_000
/** The timeout is checked this often within itself, where it is short. */
const CHECKS_PER_TIMEOUT = 4

export class StallWatch {
  readonly #timer: Timer
  #stalled = false

  /** `onChange` gets the stall, and null when it is over. */
  constructor(clock: Clock, progress: TaskProgress, timeoutMs: number, onChange: (stall: Stall | null) => void) {
    const intervalMs = Math.max(1, Math.min(MAX_CHECK_INTERVAL_MS, timeoutMs / CHECKS_PER_TIMEOUT))
    this.#timer = clock.every(intervalMs, () => {
      const stall = progress.stall(timeoutMs)
      if ((stall !== null) === this.#stalled) return
      this.#stalled = stall !== null
      onChange(stall)
    })
  }

  cancel(): void {
    this.#timer.cancel()
  }
}
