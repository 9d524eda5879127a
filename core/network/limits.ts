/**
 * Bounds on what one connection, or all of them, can make the broker buffer (Invariant 13). What Kafka has a setting for is a setting.
 */
export const limits = {
  /** Requests in flight on one connection; beyond it nothing more is read from it. */
  requestsPerConnection: 1024,
  /** Bytes of such requests, and `elementBytes` for each element of their arrays. */
  requestBytesPerConnection: 32 * 1024 * 1024,
  /** Bytes of requests in flight over all connections, where queued.max.request.bytes is -1. */
  requestBytes: 256 * 1024 * 1024,
  /** Memory of one element of an array once it is read, roughly: an object with a few fields. */
  elementBytes: 64,
  /** Unsent bytes of one connection; beyond it no further request of that connection is started. */
  unsentBytesPerConnection: 1024 * 1024,
  /** Unsent bytes over all connections; the closer to it, the smaller the fetch responses. */
  unsentBytes: 128 * 1024 * 1024,
  /** Bytes that a fetch response may always have. */
  minResponseBytes: 64 * 1024,
  /** A frame up to this size gets its memory at once, a larger one as its bytes arrive: a length alone allocates nothing. */
  eagerFrameBytes: 1024 * 1024,
  /** How long a broker that stops waits for responses to be sent. */
  closeTimeoutMs: 3000,
} as const
