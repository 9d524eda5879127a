/**
 * The target state of one task, as its run loop sees it: running, paused, stopping or cancelled. It only signals: the loop itself pauses,
 * flushes and ends.
 */
export class TaskControl {
  readonly #stopper = new AbortController()
  readonly #canceller = new AbortController()
  #pauser = new AbortController()
  #wakers: (() => void)[] = []

  constructor(paused: boolean) {
    if (paused) this.#pauser.abort()
  }

  /** Aborts when the task must stop. */
  get signal(): AbortSignal {
    return this.#stopper.signal
  }
  get stopping(): boolean {
    return this.#stopper.signal.aborted
  }
  /** Aborts at the next pause; aborted while the task is paused. */
  get pauseSignal(): AbortSignal {
    return this.#pauser.signal
  }
  get paused(): boolean {
    return this.#pauser.signal.aborted
  }
  /** Aborts when the task is cancelled: nothing that it waits for is needed. */
  get cancellation(): AbortSignal {
    return this.#canceller.signal
  }
  /** The task did not stop in time, or is no longer assigned to this worker: it must not write or store anything (Invariant 9). */
  get cancelled(): boolean {
    return this.#canceller.signal.aborted
  }

  pause(): void {
    this.#pauser.abort()
  }

  resume(): void {
    this.#pauser = new AbortController()
    this.#wake()
  }

  stop(): void {
    this.#stopper.abort()
    this.#wake()
  }

  cancel(): void {
    this.#canceller.abort()
    this.stop()
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }

  /** Resolves once the task is not paused, or stops. */
  async awaitUnpause(): Promise<void> {
    while (this.paused && !this.stopping) await new Promise<void>((resolve) => this.#wakers.push(resolve))
  }

  async awaitStop(): Promise<void> {
    while (!this.stopping) await new Promise<void>((resolve) => this.#wakers.push(resolve))
  }
}

/**
 * What a WorkerTask runs. `run` returns when the control says stop, throws what fails the task, and has released everything when it
 * settles.
 */
export interface RunnableTask {
  run(control: TaskControl): Promise<void>
}
