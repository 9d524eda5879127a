/**
 * The header of a record batch, format v2 (magic 2): 61 bytes before the records. Base offset and leader epoch lie outside the CRC, so a
 * broker writes them in place; the CRC covers everything from `attributes` on.
 *
 *    0 baseOffset i64   8 batchLength i32 (bytes after it)   12 partitionLeaderEpoch i32   16 magic i8   17 crc u32   21 attributes i16
 *   23 lastOffsetDelta i32   27 baseTimestamp i64   35 maxTimestamp i64   43 producerId i64   51 producerEpoch i16   53 baseSequence i32
 *   57 recordsCount i32
 */
import { crc32c } from './crc32c.ts'

export const LOG_OVERHEAD = 12
export const BATCH_OVERHEAD = 61
export const MAGIC = 2

export const at = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CodecName = (typeof codecs)[number]

export const attributes = { codecMask: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20, deleteHorizon: 0x40 } as const

export interface BatchHeader {
  baseOffset: number
  /** Bytes of the whole batch, the first twelve included. */
  sizeBytes: number
  leaderEpoch: number
  magic: number
  crc: number
  attributes: number
  lastOffset: number
  lastOffsetDelta: number
  baseTimestamp: number
  maxTimestamp: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  count: number
}

const TWO_32 = 0x1_0000_0000
export const readInt64 = (buffer: Buffer, position: number): number =>
  buffer.readInt32BE(position) * TWO_32 + buffer.readUInt32BE(position + 4)

export function writeInt64(buffer: Buffer, value: number, position: number): void {
  buffer.writeInt32BE(Math.floor(value / TWO_32), position)
  buffer.writeUInt32BE(value >>> 0, position + 4)
}

/** The size of the batch that begins at `position`. Callers check that twelve bytes are present. */
export const batchSize = (buffer: Buffer, position = 0): number => LOG_OVERHEAD + buffer.readInt32BE(position + at.batchLength)

/** Needs 61 bytes from `position`. Checks nothing. */
export function readBatchHeader(buffer: Buffer, position = 0): BatchHeader {
  const baseOffset = readInt64(buffer, position)
  const lastOffsetDelta = buffer.readInt32BE(position + at.lastOffsetDelta)
  return {
    baseOffset,
    sizeBytes: batchSize(buffer, position),
    leaderEpoch: buffer.readInt32BE(position + at.leaderEpoch),
    magic: buffer.readInt8(position + at.magic),
    crc: buffer.readUInt32BE(position + at.crc),
    attributes: buffer.readInt16BE(position + at.attributes),
    lastOffset: baseOffset + lastOffsetDelta,
    lastOffsetDelta,
    baseTimestamp: readInt64(buffer, position + at.baseTimestamp),
    maxTimestamp: readInt64(buffer, position + at.maxTimestamp),
    producerId: readInt64(buffer, position + at.producerId),
    producerEpoch: buffer.readInt16BE(position + at.producerEpoch),
    baseSequence: buffer.readInt32BE(position + at.baseSequence),
    count: buffer.readInt32BE(position + at.count),
  }
}

export const codecOf = (attributeBits: number): CodecName | undefined => codecs[attributeBits & attributes.codecMask]

/** The CRC of the bytes that a batch's CRC covers. */
export const computeCrc = (buffer: Buffer, position: number, sizeBytes: number): number =>
  crc32c(buffer, position + at.attributes, position + sizeBytes)

/** Updates the CRC after a change of the bytes from 21 on. */
export function rewriteCrc(buffer: Buffer, position: number, sizeBytes: number): void {
  buffer.writeUInt32BE(computeCrc(buffer, position, sizeBytes) >>> 0, position + at.crc)
}
