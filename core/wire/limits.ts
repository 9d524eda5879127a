/**
 * Bounds on everything that a peer can make this process read. Checked before memory is allocated (Invariant 13). Values are those of
 * Apache Kafka 4.4 where it has such a limit.
 */
export const limits = {
  /** Elements of one array in a request or response. */
  arrayElements: 1_000_000,
  /** Elements of all arrays of one request together. */
  requestElements: 1_000_000,
  /** Bytes of a string. Kafka refuses longer ones in every message, and in its metadata log: it could not start on a log that has one. */
  stringBytes: 32_767,
  /** Tagged fields of one structure. */
  taggedFields: 10_000,
  /** One frame on a client's socket; Kafka's `socket.request.max.bytes`. */
  frameBytes: 104_857_600,
  /** Bytes of one decompressed record batch. */
  decompressedBytes: 256 * 1024 * 1024,
  /** Headers of one record. */
  recordHeaders: 100_000,
  /** Headers of all records of one batch, where they are decoded: each becomes an object, and compressed they need few bytes. */
  batchHeaders: 4_000_000,
} as const
