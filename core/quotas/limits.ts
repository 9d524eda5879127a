/**
 * Bounds on what the quotas keep (Invariant 13).
 */
export const limits = {
  /** Quota entities whose use of one kind of quota is kept; beyond it those unused for longest are forgotten. Clients name themselves. */
  sensors: 10_000,
  /** How long an unused one is kept, as in Kafka. */
  sensorExpirationMs: 3_600_000,
  expirationCheckMs: 60_000,
} as const
