/**
 * Connections that have not said who they are: their number and their time are bounded (Invariant 13). Whoever waits longest is closed
 * first: clients that mean it are done in a moment, and must not wait for those that do not.
 */
export class Newcomers<T> {
  readonly #max: number
  readonly #maxMs: number
  /** In the order of arrival, each with the time of it. */
  readonly #since = new Map<T, number>()
  readonly #close: (newcomer: T, why: 'late' | 'crowded') => void

  constructor(max: number, maxMs: number, close: (newcomer: T, why: 'late' | 'crowded') => void) {
    this.#max = max
    this.#maxMs = maxMs
    this.#close = close
  }

  get size(): number {
    return this.#since.size
  }

  add(newcomer: T, now: number): void {
    this.#since.set(newcomer, now)
    if (this.#since.size <= this.#max) return
    const [oldest] = this.#since.keys()
    this.#drop(oldest!, 'crowded')
  }

  delete(newcomer: T): void {
    this.#since.delete(newcomer)
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#since.keys()
  }

  closeLate(now: number): void {
    for (const [newcomer, since] of this.#since) {
      if (now - since < this.#maxMs) return
      this.#drop(newcomer, 'late')
    }
  }

  #drop(newcomer: T, why: 'late' | 'crowded'): void {
    this.#since.delete(newcomer)
    this.#close(newcomer, why)
  }
}
