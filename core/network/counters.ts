/** What the network counts: plain numbers, counted on the hot path and read when the metrics are scraped. */
export interface NetworkCounters {
  /** By API key. */
  requests: Map<number, number>
  bytesIn: number
  bytesOut: number
  /** Encoded, and not yet accepted by the kernel. */
  unsentBytes: number
  closedForErrors: number
  /** Logins by SASL, renewals included. */
  loginsSucceeded: number
  loginsFailed: number
  tlsHandshakesFailed: number
}
