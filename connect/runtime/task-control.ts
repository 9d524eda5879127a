/**
 * What a task's loop is told from outside: pause, resume, stop, and that it was given up on. It only carries the word.
 */
export class TaskControl {
  readonly #stopper = new AbortController()
  #wakers: (() => void)[] = []
  #pausing = false
  readonly #giver = new AbortController()

  constructor(paused: boolean) {
    this.#pausing = paused
  }

  /** Aborts when the task is to end. */
  get signal(): AbortSignal {
    return this.#stopper.signal
  }
  get stopping(): boolean {
    return this.#stopper.signal.aborted
  }
  get paused(): boolean {
    return this.#pausing
  }
  /** The task took too long to end, or was taken away: it must not write or store anything any more (Invariant 9). */
  get abandoned(): boolean {
    return this.#giver.signal.aborted
  }
  /** Aborts when the task is given up on: what it waits for need not come any more. */
  get abandonment(): AbortSignal {
    return this.#giver.signal
  }

  pause(): void {
    this.#pausing = true
  }

  resume(): void {
    this.#pausing = false
    this.#wake()
  }

  stop(): void {
    this.#stopper.abort()
    this.#wake()
  }

  abandon(): void {
    this.#giver.abort()
    this.stop()
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const waker of wakers) waker()
  }

  /** Waits while the task is paused. */
  async active(): Promise<void> {
    while (this.#pausing && !this.stopping) await new Promise<void>((resolve) => this.#wakers.push(resolve))
  }

  /** Waits for the end. */
  async ended(): Promise<void> {
    while (!this.stopping) await new Promise<void>((resolve) => this.#wakers.push(resolve))
  }
}

/** The inside of a task. `run` ends when the control says so, throws what fails the task, and has cleaned up when it settles. */
export interface TaskLoop {
  run(control: TaskControl): Promise<void>
}
