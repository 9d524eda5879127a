/**
 * What the worker's three stores stand on: keyed records, the newest of each key counting, read to the end at the start and followed
 * afterwards. On a compacted topic, in a file, or in memory; all three pass the same suite.
 */
export interface LogRecord {
  key: string
  /** Null takes the key away. */
  value: string | null
}

export interface LogEntry extends LogRecord {
  /** Where the record stands in its partition. A log without offsets counts its records. */
  offset: number
}

export interface RecordLog {
  /** Reads all that is there, giving each record to `apply` in the order of its partition, and goes on doing so. Once. */
  start(apply: (entry: LogEntry) => void): Promise<void>
  /** In this order within a partition; resolves when all are durable. They come back through `apply`. */
  append(records: readonly LogRecord[]): Promise<void>
  /** Resolves when everything that was there at the call has been applied. */
  readToEnd(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}
