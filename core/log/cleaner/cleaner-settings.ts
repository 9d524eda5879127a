/**
 * The settings of the cleaner, and what it shows of itself. Types only: other rooms import these.
 */

/** Kafka's `log.cleaner.*`, of all threads together. */
export interface CleanerSettings {
  readonly enable: boolean
  readonly threads: number
  readonly dedupeBufferBytes: number
  readonly loadFactor: number
  readonly ioBufferBytes: number
  readonly ioBytesPerSecond: number
  readonly backoffMs: number
}

/** Totals since the start, and the last values, for the metrics. */
export interface CleanerStatus {
  readonly runs: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly lastRunSeconds: number
  /** The share of dirty bytes of the filthiest log. */
  readonly maxDirtyRatio: number
  /** How much longer than max.compaction.lag.ms the oldest dirty record waited at the last look. */
  readonly maxCompactionDelayMs: number
  /** The largest share of the map that a cleaning used. */
  readonly mapUtilization: number
  readonly deadThreads: number
  /** Partitions that are not cleaned any more after an error. */
  readonly uncleanable: readonly string[]
}
