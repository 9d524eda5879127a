/**
 * The target state of one task, as its run loop sees it: running, paused, stopping or cancelled. It only signals: the loop itself pauses,
 * flushes and ends.
 */
import { aborted, Condition } from '../../core/system/condition.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { TaskProgress } from './task-progress.ts'

export class TaskControl {
  readonly #stopper = new AbortController()
  readonly #canceller = new AbortController()
  #pauser = new AbortController()
  readonly #resumed = new Condition()
  /** The loop says here what it is in the middle of. */
  readonly progress: TaskProgress

  constructor(paused: boolean, progress: TaskProgress) {
    this.progress = progress
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

/** What has become of dead letters that were replayed. */
export interface ReplayCounts {
  delivered: number
  /** Failed again, each with a new letter. */
  failed: number
}

/** What a WorkerTask runs. */
export interface RunnableTask {
  /** Returns when the control says stop, throws what fails the task, and has closed what it opened when it settles. */
  run(control: TaskControl): Promise<void>
  /**
   * Processes dead letters again, besides what the task does. Calls `done` once they are durable in the system, or in the dead-letter queue
   * again, and resolves after it. Rejects, without a call of `done`, where it could not process them.
   */
  replay?(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts>
  /** Releases what the task was built with, also where it never runs. */
  release?(): Promise<void>
}
