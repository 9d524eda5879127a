/**
 * Limits on the groups that clients can create (Invariant 13). Apache Kafka has only group.max.size; these are far above the needs of a
 * healthy group.
 */
export const limits = {
  /** Groups in memory on one broker. */
  groups: 1_000_000,
  /** Members of one group, where group.max.size is larger. */
  members: 100_000,
  /** Member ids of one group that were generated and have not joined yet (KIP-394). */
  pendingMembers: 10_000,
  /** Names and metadata of one member's protocols. A group is stored in one record. */
  memberMetadataBytes: 4 * 1024 * 1024,
  /** Offset commits of ongoing transactions on one broker. */
  pendingTransactionalCommits: 1_000_000,
  /** How long a request waits for its group to be loaded, until its client is told to try again. */
  loadWaitMs: 2_000,
  /** How long the JoinGroup of a new member may wait, as in Kafka. */
  newMemberJoinTimeoutMs: 300_000,
} as const
