/**
 * The transaction index of a segment, in Kafka's format: the aborted transactions in the order of their markers, entries of 34 bytes
 * (version, producer id, first offset, last offset, last stable offset). A read-committed consumer filters by them: Invariant 4.
 */
import { readInt64, writeInt64 } from '../wire/batch-header.ts'

const ABORTED_TXN_BYTES = 34

export interface AbortedTxn {
  producerId: number
  firstOffset: number
  lastOffset: number
  lastStableOffset: number
}

export function encodeAbortedTxn(entry: AbortedTxn): Buffer {
  const bytes = Buffer.alloc(ABORTED_TXN_BYTES)
  writeInt64(bytes, entry.producerId, 2)
  writeInt64(bytes, entry.firstOffset, 10)
  writeInt64(bytes, entry.lastOffset, 18)
  writeInt64(bytes, entry.lastStableOffset, 26)
  return bytes
}

/** Null where the bytes are not complete entries of version 0. */
export function decodeAbortedTxns(bytes: Buffer): AbortedTxn[] | null {
  if (bytes.length % ABORTED_TXN_BYTES !== 0) return null
  const entries: AbortedTxn[] = []
  for (let at = 0; at < bytes.length; at += ABORTED_TXN_BYTES) {
    if (bytes.readInt16BE(at) !== 0) return null
    entries.push({
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    })
  }
  return entries
}
