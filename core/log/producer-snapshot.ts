/**
 * The producer state of a partition in Kafka's `.snapshot` format, version 1: version int16, CRC-32C of the rest, entries. It has only the
 * last batch of each producer. Pure; a damaged file decodes to null, and recovery uses an older one and the log.
 */
import { readInt64, writeInt64 } from '../wire/batch-header.ts'
import { crc32c } from '../wire/crc32c.ts'
import { MAX_PRODUCERS, type ProducerStateEntry } from './producer-state.ts'

const VERSION = 1
const CRC_AT = 2
const ENTRIES_AT = 6
const COUNT_BYTES = 4
const ENTRY_BYTES = 46

export function encodeSnapshot(producers: readonly ProducerStateEntry[]): Buffer {
  const bytes = Buffer.alloc(ENTRIES_AT + COUNT_BYTES + producers.length * ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(producers.length, ENTRIES_AT)
  let at = ENTRIES_AT + COUNT_BYTES
  for (const producer of producers) {
    const last = producer.batches.at(-1)
    writeInt64(bytes, producer.producerId, at)
    bytes.writeInt16BE(producer.epoch, at + 8)
    bytes.writeInt32BE(last?.lastSequence ?? -1, at + 10)
    writeInt64(bytes, last?.lastOffset ?? -1, at + 14)
    bytes.writeInt32BE(last ? last.lastOffset - last.baseOffset : 0, at + 22)
    writeInt64(bytes, producer.lastTimestamp, at + 26)
    bytes.writeInt32BE(producer.coordinatorEpoch, at + 34)
    writeInt64(bytes, producer.currentTxnFirstOffset, at + 38)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(crc32c(bytes, ENTRIES_AT) >>> 0, CRC_AT)
  return bytes
}

/** Null where the file is damaged or of another version. */
export function decodeSnapshot(bytes: Buffer): ProducerStateEntry[] | null {
  if (bytes.length < ENTRIES_AT + COUNT_BYTES || bytes.readInt16BE(0) !== VERSION) return null
  const count = bytes.readInt32BE(ENTRIES_AT)
  if (count < 0 || count > MAX_PRODUCERS * 10 || bytes.length !== ENTRIES_AT + COUNT_BYTES + count * ENTRY_BYTES) return null
  if (crc32c(bytes, ENTRIES_AT) >>> 0 !== bytes.readUInt32BE(CRC_AT)) return null
  const producers: ProducerStateEntry[] = []
  for (let at = ENTRIES_AT + COUNT_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const lastSequence = bytes.readInt32BE(at + 10)
    const lastOffset = readInt64(bytes, at + 14)
    const delta = bytes.readInt32BE(at + 22)
    const timestamp = readInt64(bytes, at + 26)
    const first = lastSequence - delta
    // A sequence that has wrapped; none of the batches of the group coordinator may have one.
    const firstSequence = lastSequence < 0 ? -1 : first < 0 ? first + 0x8000_0000 : first
    producers.push({
      producerId: readInt64(bytes, at),
      epoch: bytes.readInt16BE(at + 8),
      batches: lastOffset < 0 ? [] : [{ firstSequence, lastSequence, baseOffset: lastOffset - delta, lastOffset, timestamp }],
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTxnFirstOffset: readInt64(bytes, at + 38),
      lastTimestamp: timestamp,
    })
  }
  return producers
}
