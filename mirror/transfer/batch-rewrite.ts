/**
 * Turns a batch of the source into a batch for the target. Most batches only get a new header, written into the received bytes; some are
 * encoded again, some are skipped. A payload is decoded only where that is necessary.
 */
import { at, attributes, BATCH_OVERHEAD, type BatchHeader, codecOf, writeInt64 } from '../../core/wire/batch-header.ts'
import { BatchBuilder, decodeRecords } from '../../core/wire/record-batch.ts'
import { patchCrc } from './crc-patch.ts'

export type BatchRewrite =
  /** A new header, the same payload. */
  | 'restamp'
  /** It has no records for the target: a transaction marker, or every record was compacted away. */
  | 'skip'
  /** Offsets with gaps, records before the fetch offset, or timestamps that only the header has (LogAppendTime). */
  | 'reencode'

export interface RewriteOptions {
  /** The first offset to mirror: a fetch returns the whole batch around it. */
  fetchOffset: number
  /** The target's topic has message.timestamp.type=LogAppendTime. */
  targetAppendTime: boolean
}

export function requiredRewrite(header: BatchHeader, options: RewriteOptions): BatchRewrite {
  if (header.attributes & attributes.control || header.count === 0) return 'skip'
  if (header.baseOffset < options.fetchOffset || header.count !== header.lastOffsetDelta + 1) return 'reencode'
  if (header.attributes & attributes.logAppendTime && !options.targetAppendTime) return 'reencode'
  return 'restamp'
}

export interface ProducerStamp {
  producerId: number
  producerEpoch: number
  baseSequence: number
}

const HEADER_BYTES = BATCH_OVERHEAD - at.attributes
const headerBefore = new Uint8Array(HEADER_BYTES)
/** Attributes that describe the source's log and not the records. */
const SOURCE_LOG_ATTRIBUTES = attributes.logAppendTime | attributes.transactional | attributes.deleteHorizon

/**
 * Writes the mirror's producer into the header of the batch at `position`, clears the attributes of the source's log, and corrects the CRC
 * without reading the payload. The base offset becomes 0: a broker decompresses a compressed batch with another base offset.
 */
export function restamp(buffer: Buffer, position: number, sizeBytes: number, stamp: ProducerStamp): void {
  const start = position + at.attributes
  headerBefore.set(buffer.subarray(start, start + HEADER_BYTES))
  buffer.writeInt16BE(buffer.readInt16BE(start) & ~SOURCE_LOG_ATTRIBUTES, start)
  writeInt64(buffer, stamp.producerId, position + at.producerId)
  buffer.writeInt16BE(stamp.producerEpoch, position + at.producerEpoch)
  buffer.writeInt32BE(stamp.baseSequence, position + at.baseSequence)
  const crc = patchCrc(buffer.readUInt32BE(position + at.crc), headerBefore, buffer, start, sizeBytes - BATCH_OVERHEAD)
  buffer.writeUInt32BE(crc, position + at.crc)
  writeInt64(buffer, 0, position + at.baseOffset)
  buffer.writeInt32BE(-1, position + at.leaderEpoch)
}

/** Records with consecutive offsets at the source. */
export interface OffsetRange {
  upstreamOffset: number
  length: number
}

export interface ReencodedBatch {
  bytes: Buffer
  count: number
  ranges: OffsetRange[]
}

/** The records of a batch from `fetchOffset` on, encoded again without gaps, in the same codec; null where none is left. */
export function reencode(batch: Buffer, header: BatchHeader, fetchOffset: number): ReencodedBatch | null {
  const records = decodeRecords(batch, { fromOffset: fetchOffset })
  if (records.length === 0) return null
  const builder = new BatchBuilder(Buffer.allocUnsafeSlow(batch.length))
  const ranges: OffsetRange[] = []
  for (const record of records) {
    builder.appendParts(record.key, record.value, record.headers, record.timestamp)
    const last = ranges.at(-1)
    if (last && last.upstreamOffset + last.length === record.offset) last.length++
    else ranges.push({ upstreamOffset: record.offset, length: 1 })
  }
  return { bytes: builder.build({ codec: codecOf(header.attributes) }), count: records.length, ranges }
}
