/**
 * Lets appends go first. A thread that computes keeps its core for its whole time slice, several milliseconds, also while a thread of an
 * append waits for that core. So a cleaning rests after each piece of work during which appends were written, at most as long as it worked:
 * it goes on with half of a core or more. Without appends it never rests.
 */

/** About as long as an append takes with its fdatasync, during which it needs a core several times. */
export const MAX_REST_MS = 1

export class AppendRest {
  readonly #now: () => number
  /** The number of writes of appends so far, which wraps. */
  readonly #writes: () => number
  #seen: number
  #workingSince: number

  constructor(now: () => number, writes: () => number) {
    this.#now = now
    this.#writes = writes
    this.#seen = writes()
    this.#workingSince = now()
  }

  /** Called after each piece of work: calls `sleep` where appends were written since the last rest. */
  afterWork(sleep: (ms: number) => void): void {
    const writes = this.#writes()
    if (writes === this.#seen) return
    this.#seen = writes
    sleep(Math.min(MAX_REST_MS, this.#now() - this.#workingSince))
    this.#workingSince = this.#now()
  }
}
