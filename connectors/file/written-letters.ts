/**
 * The dead letters that were replayed into the file. People replay them in any order, so that no offset says which are there: each of the
 * last ones is known by itself. A letter comes twice only where its request is repeated after a crash.
 */
import type { SinkRecord } from '../../connect/sdk/index.ts'

/** As many as one request replays. */
const MAX_LETTERS = 5_000

export class WrittenLetters {
  readonly #ids: Set<string>

  constructor(ids: readonly string[] = []) {
    this.#ids = new Set(ids.slice(-MAX_LETTERS))
  }

  has(record: SinkRecord): boolean {
    return this.#ids.has(idOf(record))
  }

  add(record: SinkRecord): void {
    this.#ids.add(idOf(record))
    if (this.#ids.size > MAX_LETTERS) this.#ids.delete(this.#ids.values().next().value!)
  }

  /** Oldest first, as the constructor takes them. */
  ids(): string[] {
    return [...this.#ids]
  }
}

/** The timestamp tells a letter of a topic that was created again. */
const idOf = ({ replayOf, timestamp }: SinkRecord): string =>
  `${replayOf!.topic} ${replayOf!.partition} ${replayOf!.offset} ${timestamp ?? ''}`
