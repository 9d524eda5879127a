/**
 * Limits on what transactional producers can make the coordinator keep (Invariant 13). Apache Kafka has none of them; these are far above
 * the needs of a healthy cluster.
 */
export const limits = {
  /** Transactional ids in memory. */
  transactionalIds: 1_000_000,
  /** Partitions in all transactions that are not complete: so many markers are pending at most. */
  partitions: 1_000_000,
  /** The record of one transaction: below max.message.bytes, so that its end can be written as well. */
  recordBytes: 1_000_000,
  /** Markers that are being written at a time. */
  concurrentMarkers: 1_000,
  /** Tombstones of expired transactional ids in one batch. */
  tombstonesPerBatch: 500,
  /** How long a request waits for its transactional id to be loaded, until its client is told to try again. */
  loadWaitMs: 2_000,
  /** The pattern of a ListTransactions request. */
  patternLength: 1_000,
  /** How long matching with it may take, and the memory that it may take. */
  patternMs: 5_000,
  patternThreadMb: 128,
} as const
