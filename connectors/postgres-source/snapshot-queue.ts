/**
 * Takes the rows of several connections to one reader, in the order in
 * which they arrive. A connection waits until its rows are taken.
 */
import type pg from 'pg'
import { CopyReader } from './copy-reader.ts'
import type { SnapshotItem } from './snapshot-items.ts'
import type { TextRow } from './types.ts'

/** Rows of an item; none at its end. */
export interface SnapshotRows {
  item: SnapshotItem
  rows: readonly TextRow[]
}

interface Waiting extends SnapshotRows {
  taken(): void
}

export class SnapshotQueue {
  readonly #items: SnapshotItem[]
  readonly #readAheadRows: number
  readonly #waiting: Waiting[] = []
  #readers = 0
  #error: unknown = null
  #wake: (() => void) | null = null

  /** `items` are begun in their order. */
  constructor(items: readonly SnapshotItem[], readAheadRows: number) {
    this.#items = [...items]
    this.#readAheadRows = readAheadRows
  }

  /** Reads items on the connection until none is left. `failure` names an error for people. */
  read(client: pg.Client, failure: (error: unknown, item: SnapshotItem) => Error): void {
    this.#readers++
    void this.#readItems(client, failure)
      .then(
        () => this.#readers--,
        (error: unknown) => {
          this.#error ??= error
        },
      )
      .then(() => this.#wakeReader())
  }

  /** The next rows; null after the last item. Rejects with the first error of a connection. */
  async next(): Promise<SnapshotRows | null> {
    for (;;) {
      if (this.#error) throw this.#error
      const waiting = this.#waiting.shift()
      if (waiting) {
        waiting.taken()
        return waiting
      }
      if (this.#readers === 0) return null
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Ends `next` with an error: the task stops. */
  fail(error: unknown): void {
    this.#error ??= error
    this.#wakeReader()
  }

  async #readItems(client: pg.Client, failure: (error: unknown, item: SnapshotItem) => Error): Promise<void> {
    for (let item = this.#items.shift(); item; item = this.#items.shift()) {
      try {
        const reader = new CopyReader(client, item.sql, this.#readAheadRows)
        for (let rows = await reader.next(); rows.length > 0; rows = await reader.next()) await this.#put(item, rows)
      } catch (error) {
        throw failure(error, item)
      }
      await this.#put(item, [])
    }
  }

  #put(item: SnapshotItem, rows: readonly TextRow[]): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#waiting.push({ item, rows, taken: resolve })
      this.#wakeReader()
    })
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
