/**
 * The bounds of the client (Invariant 13): fixed limits, and the defaults of its settings.
 */
export const clientLimits = {
  /** Requests in flight on one connection. */
  requestsInFlight: 10_000,
  /** A frame before the connection is authenticated: the peer may be anybody. */
  unauthenticatedFrameBytes: 1024 * 1024,
  /** Requests of one authentication; SCRAM and OAUTHBEARER need two. */
  saslRounds: 10,
  /** From the first SYN until the connection is authenticated. */
  connectTimeoutMs: 10_000,
  /** How long close() waits for deliveries in flight, or for a listener that commits. */
  closeTimeoutMs: 3_000,
  /** How long close() waits for LeaveGroup, and for the callbacks of a group member to end. */
  leaveTimeoutMs: 1_000,
  /** Bytes that a consumer fetches ahead of poll() for all partitions, not counting the fetches in flight (fetch.max.bytes each). */
  prefetchBytes: 64 * 1024 * 1024,
  /**
   * Bytes fetched ahead of poll() for one partition before it is left out of fetches: about two responses (max.partition.fetch.bytes), so
   * that one comes while another is read. More would outlive collections of new objects, and wait in memory for one of the old ones.
   */
  prefetchPartitionBytes: 2 * 1024 * 1024,
  /** Fetches in flight to one node: the second is for partitions that the first long poll does not have. */
  fetchesPerNode: 2,
  /** Calls of send() that wait for buffer memory or metadata. */
  waitingSends: 100_000,
  /** Calls of sendOffsets() of one producer that wait for the one before. */
  waitingOffsets: 1_000,
  /** The first wait while the coordinator completes the previous transaction. */
  concurrentTransactionsBackoffMs: 20,
  /** Rounds of the sticky assignor's balancing. */
  balancingRounds: 100,
  /** Access control list entries of one CreateAcls request; Kafka's controller accepts 10,000. */
  aclsPerRequest: 1_000,
  /** Topics with cached metadata. */
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
