/**
 * What the worker's three backing stores are built on: keyed records of which the newest of each key counts, read to the end at the start
 * and followed afterwards. On a compacted topic, in a file or in memory; all three pass the same tests.
 */
export interface LogRecord {
  key: string
  /** Null deletes the key. */
  value: string | null
}

export interface LogEntry extends LogRecord {
  /** The offset of the record in its partition. A log without offsets counts its records. */
  offset: number
}

export interface RecordLog {
  /** Reads all records and follows the log: `apply` gets each record, in the order of its partition. To be called once. */
  start(apply: (entry: LogEntry) => void): Promise<void>
  /** Keeps the order within a partition; resolves when all are durable. They are read back through `apply`. */
  append(records: readonly LogRecord[]): Promise<void>
  /** Resolves when every record that existed at the call has been applied. */
  readToEnd(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}
