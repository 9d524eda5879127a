/**
 * Recursion over pairs of types that never needs more of the stack than a limit: a pair that lies deeper is compared on its own first,
 * and what led to it is compared again after that. Pairs that wait for a deeper one count as being compared.
 */

/** Pairs on one way, which is what recursion needs of the stack. */
const MAX_DEPTH = 400

/** Leaves a comparison because a pair of it has to be compared first. */
class DeeperPair<T> extends Error {
  readonly first: T
  readonly second: T

  constructor(first: T, second: T) {
    super('A pair of types nests too deep')
    this.first = first
    this.second = second
  }
}

export class BoundedRecursion<T> {
  readonly #waiting = new Map<T, Set<T>>()
  #depth = 0

  /** Whether it waits until a deeper pair is compared; it is not to be compared again until then. */
  waits(first: T, second: T): boolean {
    return this.#waiting.get(first)?.has(second) ?? false
  }

  /** One step deeper, for a pair. Whatever `compare` leaves unfinished by an error it must undo. */
  descend<R>(first: T, second: T, compare: () => R): R {
    if (this.#depth >= MAX_DEPTH) throw new DeeperPair(first, second)
    this.#depth++
    try {
      return compare()
    } finally {
      this.#depth--
    }
  }

  /** `root` begins the recursion; `compare` compares one pair and keeps what it found. */
  run<R>(root: () => R, compare: (first: T, second: T) => void): R {
    const deeper: DeeperPair<T>[] = []
    for (;;) {
      const next = deeper.at(-1)
      try {
        if (!next) return root()
        this.#waiting.get(next.first)?.delete(next.second)
        compare(next.first, next.second)
        deeper.pop()
      } catch (error) {
        if (!(error instanceof DeeperPair)) throw error
        if (next) this.#wait(next)
        deeper.push(error as DeeperPair<T>)
      }
    }
  }

  #wait({ first, second }: DeeperPair<T>): void {
    const waiting = this.#waiting.get(first)
    if (waiting) waiting.add(second)
    else this.#waiting.set(first, new Set([second]))
  }
}
