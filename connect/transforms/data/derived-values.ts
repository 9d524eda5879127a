/**
 * What is derived from keys, for a bounded number of them: the one that was unused for longest goes first.
 */
export class DerivedValues<K, V> {
  readonly #limit: number
  readonly #entries = new Map<K, V>()

  constructor(limit: number) {
    this.#limit = Math.max(limit, 1)
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K, derive: (key: K) => V): V {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      // While nothing must go, the order does not matter.
      if (this.#entries.size < this.#limit) return known
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known
    }
    const derived = derive(key)
    if (this.#entries.size >= this.#limit) this.#entries.delete(this.#entries.keys().next().value as K)
    this.#entries.set(key, derived)
    return derived
  }
}
