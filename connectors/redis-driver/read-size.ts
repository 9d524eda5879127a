/**
 * How many things to ask Redis for at once. Redis limits its replies by a number, not by bytes, so the number follows the size of what came
 * last: of things that are suddenly much larger, one reply may be larger than the target. Pure.
 */

/** The bytes of one reply, about (Invariant 13). */
const TARGET_BYTES = 8 * 1024 * 1024
/** While nothing is known of their size. */
const FIRST_COUNT = 10

export class ReadSize {
  readonly #most: number
  #count: number

  constructor(most: number) {
    this.#most = most
    this.#count = Math.min(most, FIRST_COUNT)
  }

  /** At least 1. */
  get count(): number {
    return this.#count
  }

  /** So many have come, with so many bytes together. The next request asks for the count `among` times, as of each of some streams. */
  took(count: number, bytes: number, among = 1): void {
    if (count === 0) return
    const fitting = bytes === 0 ? this.#most : Math.max(1, Math.floor((TARGET_BYTES * count) / (bytes * among)))
    this.#count = Math.min(this.#most, fitting, this.#count * 2)
  }
}
