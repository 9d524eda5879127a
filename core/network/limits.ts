/**
 * Bounds on what one connection, or all of them, can make the broker hold (Invariant 13). Those that Kafka has a setting for are settings.
 */
export const limits = {
  /** Requests of one connection that are under way; beyond it nothing more is read from it. */
  requestsPerConnection: 1024,
  /** Bytes of such requests, and `elementBytes` for each element of their arrays. */
  requestBytesPerConnection: 32 * 1024 * 1024,
  /** Bytes of requests under way over all connections, where queued.max.request.bytes is -1. */
  requestBytes: 256 * 1024 * 1024,
  /** What one element of an array takes once it is read, roughly: an object with a few fields. */
  elementBytes: 64,
  /** Bytes that wait to be sent on one connection; beyond it no further request of that connection is begun. */
  unsentBytesPerConnection: 1024 * 1024,
  /** Bytes that wait to be sent over all connections; as they near it, answers that can be smaller are. */
  unsentBytes: 128 * 1024 * 1024,
  /** What such an answer may always take. */
  leastAnswerBytes: 64 * 1024,
  /** A frame up to this size gets its memory at once; a larger one as its bytes come, so that a length alone takes nothing. */
  eagerFrameBytes: 1024 * 1024,
  /** How long a stopping broker lets answers go out. */
  stopMs: 3000,
} as const
