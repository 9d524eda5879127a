/**
 * The target state of one task, as its run loop sees it: running, paused, stopping or cancelled. It only signals: the loop itself pauses,
 * flushes and ends.
 */
import { aborted, Condition } from '../../core/system/condition.ts'

export class TaskControl {
  readonly #stopper = new AbortController()
  readonly #canceller = new AbortController()
  #pauser = new AbortController()
  readonly #resumed = new Condition()

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
    this.#resumed.notify()
  }

  stop(): void {
    this.#stopper.abort()
  }

  cancel(): void {
    this.#canceller.abort()
    this.stop()
  }

  /** Resolves once the task is not paused, or stops. */
  awaitUnpause(): Promise<void> {
    return this.#resumed.until(() => !this.paused, this.signal)
  }

  awaitStop(): Promise<void> {
    return aborted(this.signal)
  }
}

/** What a WorkerTask runs. */
export interface RunnableTask {
  /** Returns when the control says stop, throws what fails the task, and has closed what it opened when it settles. */
  run(control: TaskControl): Promise<void>
  /** Releases what the task was built with, also where it never runs. */
  release?(): Promise<void>
}
