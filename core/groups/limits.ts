/**
 * Bounds on what clients can make the group room keep (Invariant 13). Apache Kafka has none of its own here besides group.max.size; these
 * lie far above what a healthy group needs.
 */
export const limits = {
  /** Groups in memory on one broker. */
  groups: 1_000_000,
  /** Members of one group, where group.max.size is larger. */
  members: 100_000,
  /** Member ids of one group that were given out and have not come back yet (KIP-394). */
  pendingMembers: 10_000,
  /** Names and metadata of one member's protocols. The group must fit into one record anyway. */
  memberMetadataBytes: 4 * 1024 * 1024,
  /** How long a parked JoinGroup of a member that never was in a generation may wait; Kafka's own five minutes. */
  newMemberJoinTimeoutMs: 300_000,
} as const
