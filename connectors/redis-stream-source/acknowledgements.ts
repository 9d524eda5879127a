/**
 * Which entries of a group this task has and Kafka does not have yet, and which Kafka has and Redis does not know of yet. It outlives a
 * read: what Kafka acknowledges after the connection was lost is told to Redis by the next one. Pure.
 */

export class Acknowledgements {
  /** By stream: ids that were given to the worker. */
  readonly #given = new Map<string, Set<string>>()
  /** By stream: ids that are in Kafka. */
  readonly #stored = new Map<string, Set<string>>()
  #givenCount = 0
  #wake: (() => void) | null = null

  /** Entries that are given and not yet in Kafka. */
  get givenCount(): number {
    return this.#givenCount
  }

  /** Whether this task has the entry already: it must not be read again. */
  has(stream: string, id: string): boolean {
    return this.#given.get(stream)?.has(id) === true || this.#stored.get(stream)?.has(id) === true
  }

  give(stream: string, ids: readonly string[]): void {
    const given = setOf(this.#given, stream)
    for (const id of ids) given.add(id)
    this.#givenCount += ids.length
  }

  /** The records of these entries are in Kafka, or were dropped. */
  store(stream: string, ids: readonly string[]): void {
    const given = setOf(this.#given, stream)
    const stored = setOf(this.#stored, stream)
    for (const id of ids) {
      if (given.delete(id)) this.#givenCount--
      stored.add(id)
    }
    this.#wake?.()
  }

  /** What Redis must be told, by stream. */
  unsent(): (readonly [stream: string, ids: readonly string[]])[] {
    return [...this.#stored].filter(([, ids]) => ids.size > 0).map(([stream, ids]) => [stream, [...ids]] as const)
  }

  /** Redis knows of them. */
  sent(stream: string, ids: readonly string[]): void {
    const stored = setOf(this.#stored, stream)
    for (const id of ids) stored.delete(id)
  }

  /** Resolves when Kafka has further entries, or at the call of what it returns. */
  next(): { promise: Promise<void>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return { promise, cancel: resolve }
  }
}

function setOf(map: Map<string, Set<string>>, stream: string): Set<string> {
  let set = map.get(stream)
  if (!set) {
    set = new Set()
    map.set(stream, set)
  }
  return set
}
