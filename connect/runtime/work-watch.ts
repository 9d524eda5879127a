/**
 * Says how far the work of one running task is: at once, and then no more often than a status may be written.
 */
import type { Clock, Timer } from '../../core/system/clock.ts'
import type { TaskWork } from '../sdk/index.ts'
import type { TaskProgress } from './task-progress.ts'

/** The status topic gets a record each time. */
const MIN_INTERVAL_MS = 2_000

export class WorkWatch {
  readonly #clock: Clock
  readonly #progress: TaskProgress
  readonly #onChange: (work: TaskWork | null) => void
  #timer: Timer | null = null
  #shown = 'null'
  #shownAt = Number.NEGATIVE_INFINITY

  /** `onChange` gets null when the work is done. */
  constructor(clock: Clock, progress: TaskProgress, onChange: (work: TaskWork | null) => void) {
    this.#clock = clock
    this.#progress = progress
    this.#onChange = onChange
    progress.onWork = () => this.#changed()
    this.#changed()
  }

  #changed(): void {
    if (this.#timer) return
    const waitMs = this.#shownAt + MIN_INTERVAL_MS - this.#clock.monotonic()
    if (waitMs <= 0) this.#show()
    else
      this.#timer = this.#clock.after(waitMs, () => {
        this.#timer = null
        this.#show()
      })
  }

  #show(): void {
    const { work } = this.#progress
    const text = JSON.stringify(work)
    if (text === this.#shown) return
    this.#shown = text
    this.#shownAt = this.#clock.monotonic()
    this.#onChange(work)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#progress.onWork = null
  }
}
