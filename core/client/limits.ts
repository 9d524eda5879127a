/**
 * The bounds of the client. What a setting can move is a default here; the rest is fixed. Invariant 13.
 */
export const clientLimits = {
  /** Requests that wait for an answer on one connection. */
  requestsInFlight: 10_000,
  /** From the first SYN until the connection is negotiated. */
  connectTimeoutMs: 10_000,
  /** How long close() waits for what is under way: deliveries, a listener that commits. */
  closeTimeoutMs: 3_000,
  /** How long close() waits for a group to be told, and for its callbacks to end. */
  leaveTimeoutMs: 1_000,
  /** Bytes that a consumer fetches ahead of poll(), over all partitions; what is under way (fetch.max.bytes each) may come on top. */
  prefetchBytes: 64 * 1024 * 1024,
  /** Bytes fetched ahead of one partition before it is left out of fetches. */
  prefetchPartitionBytes: 8 * 1024 * 1024,
  /** Fetches under way to one node: the second serves partitions that a long poll does not cover. */
  fetchesPerNode: 2,
  /** send() calls that wait for buffer memory or metadata. */
  waitingSends: 100_000,
  /** Rounds of the sticky assignor's balancing. */
  balancingRounds: 100,
  /** Topics of which metadata is kept; the least used go first. */
  topics: 100_000,
} as const

export const clientDefaults = {
  requestTimeoutMs: 30_000,
  metadataMaxAgeMs: 300_000,
  connectionsMaxIdleMs: 540_000,
  reconnectBackoffMs: 50,
  reconnectBackoffMaxMs: 1_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1_000,
  clientRack: '',
} as const
