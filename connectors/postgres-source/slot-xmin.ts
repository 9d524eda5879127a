/**
 * The slot's xmin for `source.xmin`, read from time to time where `xmin.fetch.interval.ms` asks for it. The stream does not wait for it
 * after the first time.
 */
import type { TaskLogger } from '../../connect/sdk/index.ts'
import type { Database } from './database.ts'

export class SlotXmin {
  readonly #database: Database
  readonly #slot: string
  readonly #intervalMs: number
  readonly #log: TaskLogger
  readonly #set: (xmin: number | null) => void
  #dueMs = 0
  #reading: Promise<void> | null = null

  constructor(database: Database, slot: string, intervalMs: number, log: TaskLogger, set: (xmin: number | null) => void) {
    this.#database = database
    this.#slot = slot
    this.#intervalMs = intervalMs
    this.#log = log
    this.#set = set
  }

  async first(nowMs: number): Promise<void> {
    if (this.#intervalMs === 0) return
    this.#dueMs = nowMs + this.#intervalMs
    await this.#read()
  }

  /** Reads it again where that is due. */
  refresh(nowMs: number): void {
    if (this.#intervalMs === 0 || nowMs < this.#dueMs || this.#reading) return
    this.#dueMs = nowMs + this.#intervalMs
    this.#reading = this.#read()
      .catch((error: Error) => this.#log.warn(`the slot's xmin could not be read: ${error.message}`))
      .finally(() => {
        this.#reading = null
      })
  }

  async #read(): Promise<void> {
    const [row] = await this.#database.query<{ xmin: string | null }>(
      'SELECT catalog_xmin::text AS xmin FROM pg_catalog.pg_replication_slots WHERE slot_name = $1',
      [this.#slot],
    )
    this.#set(row?.xmin == null ? null : Number(row.xmin))
  }
}
