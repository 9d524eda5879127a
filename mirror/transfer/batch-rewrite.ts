/**
 * What a batch of the source needs before the target takes it: most go as they are with a new head, written into the bytes that were
 * received; some must be encoded again, some are left out. A payload is opened only where it must be.
 */
import { at, attributes, BATCH_OVERHEAD, type BatchHeader, codecOf, writeInt64 } from '../../core/wire/batch-header.ts'
import { BatchBuilder, decodeRecords } from '../../core/wire/record-batch.ts'
import { patchCrc } from './crc-patch.ts'

export type Passage =
  /** With a new head. */
  | 'pass'
  /** Nothing in it for the target: a transaction's marker, or all of it compacted away. */
  | 'skip'
  /** Offsets that are not dense, or times that only the batch's head knows. */
  | 'recode'

export interface PassageOptions {
  /** The first offset that is wanted: a fetch answers with the whole batch around it. */
  fromOffset: number
  /** The target's topic stamps records itself. */
  targetAppendTime: boolean
}

export function passageOf(header: BatchHeader, options: PassageOptions): Passage {
  if (header.attributes & attributes.control || header.count === 0) return 'skip'
  if (header.baseOffset < options.fromOffset || header.count !== header.lastOffsetDelta + 1) return 'recode'
  if (header.attributes & attributes.logAppendTime && !options.targetAppendTime) return 'recode'
  return 'pass'
}

export interface ProducerStamp {
  producerId: number
  producerEpoch: number
  baseSequence: number
}

const HEAD_BYTES = BATCH_OVERHEAD - at.attributes
const before = new Uint8Array(HEAD_BYTES)
/** Bits that say something about the source's log and nothing about the records. */
const FOREIGN_BITS = attributes.logAppendTime | attributes.transactional | attributes.deleteHorizon

/**
 * Gives the batch at `position` our producer in place, takes the source's own marks off it, and sets its CRC right without reading the
 * payload. The base offset becomes 0: a broker opens a compressed batch that does not begin there.
 */
export function restamp(buffer: Buffer, position: number, sizeBytes: number, stamp: ProducerStamp): void {
  const start = position + at.attributes
  before.set(buffer.subarray(start, start + HEAD_BYTES))
  buffer.writeInt16BE(buffer.readInt16BE(start) & ~FOREIGN_BITS, start)
  writeInt64(buffer, stamp.producerId, position + at.producerId)
  buffer.writeInt16BE(stamp.producerEpoch, position + at.producerEpoch)
  buffer.writeInt32BE(stamp.baseSequence, position + at.baseSequence)
  const crc = patchCrc(buffer.readUInt32BE(position + at.crc), before, buffer, start, sizeBytes - BATCH_OVERHEAD)
  buffer.writeUInt32BE(crc, position + at.crc)
  writeInt64(buffer, 0, position + at.baseOffset)
  buffer.writeInt32BE(-1, position + at.leaderEpoch)
}

/** Records that follow each other at the source. */
export interface OffsetRange {
  up: number
  length: number
}

export interface Recoded {
  bytes: Buffer
  count: number
  stretches: OffsetRange[]
}

/** The records of a batch from `fromOffset` on, encoded again without gaps, in the same codec; null where none is left. */
export function recode(batch: Buffer, header: BatchHeader, fromOffset: number): Recoded | null {
  const records = decodeRecords(batch, { fromOffset })
  if (records.length === 0) return null
  const builder = new BatchBuilder(Math.max(batch.length, 1024))
  const stretches: OffsetRange[] = []
  for (const record of records) {
    builder.appendParts(record.key, record.value, record.headers, record.timestamp)
    const last = stretches.at(-1)
    if (last && last.up + last.length === record.offset) last.length++
    else stretches.push({ up: record.offset, length: 1 })
  }
  return { bytes: builder.build({ codec: codecOf(header.attributes) }), count: records.length, stretches }
}
