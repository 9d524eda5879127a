/**
 * Loads something once for each key: the first caller starts the load, the others wait for it, and after a failure the next caller retries.
 * What it loads from may disappear meanwhile: `clear` forgets all loads, those in progress included.
 */

/** `complete` marks the key as loaded, once its content is in memory; false where `clear` was called during the load. */
export type Load = (key: number, complete: () => boolean) => Promise<void>

export class KeyedLoads {
  readonly #load: Load
  readonly #loads = new Map<number, Promise<void>>()
  readonly #loaded = new Set<number>()
  #clears = 0

  constructor(load: Load) {
    this.#load = load
  }

  isLoaded(key: number): boolean {
    return this.#loaded.has(key)
  }

  /** Resolves when the key is loaded. Rejects with the error of the load. */
  load(key: number): Promise<void> {
    let load = this.#loads.get(key)
    if (!load) {
      const clears = this.#clears
      const complete = () => {
        if (clears !== this.#clears) return false
        this.#loaded.add(key)
        return true
      }
      load = this.#load(key, complete).catch((error: unknown) => {
        if (this.#loads.get(key) === load) {
          this.#loads.delete(key)
          this.#loaded.delete(key)
        }
        throw error
      })
      this.#loads.set(key, load)
    }
    return load
  }

  clear(): void {
    this.#clears++
    this.#loads.clear()
    this.#loaded.clear()
  }
}
