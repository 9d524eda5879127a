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
  /** A request up to this size gets its memory at once. */
  eagerFrameBytes: 1024 * 1024,
  /** The same before a login. */
  eagerLoginBytes: 4 * 1024,
  /** Memory of requests that are not complete, over all connections before their login; beyond it the oldest one is closed. */
  loginBytes: 16 * 1024 * 1024,
  /** The same after the login, and without one: bytes that were received. */
  partialRequestBytes: 512 * 1024 * 1024,
  /** Unsent bytes of one connection before its login. */
  unsentLoginBytes: 16 * 1024,
  /** Elements of the arrays of one request before its login. */
  loginElements: 1000,
  /** Clients of one listener that wait to be accepted, beside those in its backlog; further ones are closed. */
  waitingConnections: 1024,
  /** Clients of one listener that connect too fast and are not closed yet; beyond it the oldest one is. */
  throttledConnections: 1024,
  /** Addresses whose rate of connections is known, where they have a quota; beyond it that of the one that connected first is forgotten. */
  addressRates: 8192,
  /** TLS handshakes, those without a first byte included; beyond it the oldest one is closed. */
  tlsHandshakes: 2048,
  tlsHandshakeMs: 10_000,
  /** The first message of a TLS client, with the headers of its records. */
  clientHelloBytes: 17 * 1024,
  /** Handshakes of one listener that begin in a turn of the event loop: the signature of each holds up all other clients. */
  tlsHandshakesPerTurn: 1,
  /** Connections before the end of their SASL login; beyond it the oldest one is closed. */
  logins: 4096,
  loginMs: 30_000,
  /** Log lines about closed connections in `closeLinesMs`; further ones are counted. */
  closeLines: 100,
  closeLinesMs: 10_000,
  /** How long a throttled connection is muted at most: only then it is seen that its client is gone. */
  muteMs: 600_000,
  /** How long a broker that stops waits for responses to be sent. */
  closeTimeoutMs: 3000,
} as const
