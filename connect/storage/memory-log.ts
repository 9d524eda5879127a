/**
 * A record log in memory, for standalone workers and tests. Several logs on one `MemoryRecords` read each other's records, as workers on
 * one topic do.
 */
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

export class MemoryRecords {
  readonly entries: LogEntry[] = []
  readonly readers = new Set<(entry: LogEntry) => void>()
}

export class MemoryLog implements RecordLog {
  readonly #records: MemoryRecords
  #apply: ((entry: LogEntry) => void) | null = null

  constructor(records = new MemoryRecords()) {
    this.#records = records
  }

  async start(apply: (entry: LogEntry) => void): Promise<void> {
    this.#apply = apply
    for (const entry of this.#records.entries) apply(entry)
    this.#records.readers.add(apply)
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const record of records) {
      const entry = { ...record, offset: this.#records.entries.length }
      this.#records.entries.push(entry)
      for (const reader of this.#records.readers) reader(entry)
    }
  }

  async readToEnd(): Promise<void> {}

  async close(): Promise<void> {
    if (this.#apply) this.#records.readers.delete(this.#apply)
  }
}
