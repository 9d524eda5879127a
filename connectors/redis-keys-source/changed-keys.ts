/**
 * The keys that have changed and are to be read, each once, in the order of their first change. They outlive a read that fails: Redis tells
 * each change once.
 */

export class ChangedKeys {
  /** By their bytes as text. */
  readonly #keys = new Map<string, Buffer>()
  readonly #most: number
  /** Changes of keys that found no room. */
  dropped = 0

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#keys.size
  }

  /** False where the key is dropped. */
  add(key: Buffer): boolean {
    const text = key.toString('latin1')
    if (!this.#keys.has(text) && this.#keys.size >= this.#most) {
      this.dropped++
      return false
    }
    this.#keys.set(text, key)
    return true
  }

  /** Takes the first keys, `most` of them. */
  take(most: number): Buffer[] {
    const taken: Buffer[] = []
    for (const [text, key] of this.#keys) {
      if (taken.length >= most) break
      taken.push(key)
      this.#keys.delete(text)
    }
    return taken
  }
}

/** Of a task, which has one config object. */
const ofTasks = new WeakMap<object, ChangedKeys>()

export function changedKeysOf(config: { readonly 'redis.keys.buffer': number }): ChangedKeys {
  let keys = ofTasks.get(config)
  if (!keys) {
    keys = new ChangedKeys(config['redis.keys.buffer'])
    ofTasks.set(config, keys)
  }
  return keys
}
