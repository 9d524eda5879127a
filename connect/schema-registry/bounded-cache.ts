/**
 * A map of bounded size, with an optional time to live: the entry that was used least recently leaves first. And a cache of what must be
 * loaded: a synchronous caller gets the value, or SchemaPending with the load that it has to wait for.
 */
import { SchemaPending } from '../sdk/index.ts'

interface Entry<V> {
  value: V
  endMs: number
}

export class BoundedCache<K, V> {
  readonly #max: number
  readonly #entries = new Map<K, Entry<V>>()

  constructor(max: number) {
    this.#max = Math.max(1, max)
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K, nowMs = 0): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    if (entry.endMs <= nowMs) return undefined
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: K, value: V, endMs = Number.POSITIVE_INFINITY): V {
    this.#entries.delete(key)
    this.#entries.set(key, { value, endMs })
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value!)
    return value
  }
}

export class LoadingCache<V> {
  readonly #cache: BoundedCache<string, V>
  readonly #loads = new Map<string, Promise<unknown>>()
  readonly #now: () => number
  readonly #ttlMs: number

  /** With `ttlMs` null, values stay until others push them out. */
  constructor(max: number, ttlMs: number | null, now: () => number) {
    this.#cache = new BoundedCache(max)
    this.#ttlMs = ttlMs ?? Number.POSITIVE_INFINITY
    this.#now = now
  }

  /** Throws SchemaPending while the value is loaded. A load that fails is forgotten: the next call loads again. */
  get(key: string, what: string, load: () => Promise<V>): V {
    const now = this.#ttlMs === Number.POSITIVE_INFINITY ? 0 : this.#now()
    const value = this.#cache.get(key, now)
    if (value !== undefined) return value
    let pending = this.#loads.get(key)
    if (!pending) {
      pending = load()
        .then((loaded) => this.#cache.set(key, loaded, this.#now() + this.#ttlMs))
        .finally(() => this.#loads.delete(key))
      this.#loads.set(key, pending)
    }
    throw new SchemaPending(what, pending)
  }
}
