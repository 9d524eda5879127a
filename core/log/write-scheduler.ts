/**
 * Group commit. A `Turn` stands for the appends that go down in one write, a `SyncGroup` for the turns that one fdatasync makes durable: waiters share
 * their promises, which exist only where somebody asks. The `WriteScheduler` gathers the logs that have something to write at the end of this turn of
 * the event loop.
 */
import type { Clock } from '../system/clock.ts'

const nothing = () => {}
const done: Promise<void> = Promise.resolve()

/** A promise that is made when it is asked for, and never makes noise when nobody listens. */
export class LazyPromise {
  #state: 'open' | 'done' | 'failed' = 'open'
  #error: Error | null = null
  #made: Promise<void> | null = null
  #resolveMade: () => void = nothing
  #rejectMade: (error: Error) => void = nothing

  get promise(): Promise<void> {
    if (this.#made !== null) return this.#made
    if (this.#state === 'done') return done
    this.#made =
      this.#state === 'failed'
        ? Promise.reject(this.#error)
        : new Promise((resolve, reject) => {
            this.#resolveMade = resolve
            this.#rejectMade = reject
          })
    this.#made.catch(nothing)
    return this.#made
  }

  resolve(): void {
    this.#state = 'done'
    this.#resolveMade()
  }

  reject(error: Error): void {
    this.#state = 'failed'
    this.#error = error
    this.#rejectMade(error)
  }
}

export const resolved: LazyPromise = new LazyPromise()
resolved.resolve()

/** A log that has appends to write. Must not throw. */
export interface Writable {
  writeQueued(): void
}

export class WriteScheduler {
  readonly #clock: Clock
  #waiting: Writable[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Each log asks once a turn. */
  add(log: Writable): void {
    this.#waiting.push(log)
    if (this.#waiting.length === 1) this.#clock.soon(this.#run)
  }

  readonly #run = (): void => {
    const logs = this.#waiting
    this.#waiting = []
    for (const log of logs) log.writeQueued()
  }
}
