/**
 * Reads the batches of a log file in large reads and stops at the first bytes that are not a whole valid batch, as a crash leaves them.
 * Used by recovery.
 */
import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../system/disk.ts'
import { at, BATCH_OVERHEAD, type BatchHeader, batchSize, computeCrc, LOG_OVERHEAD, MAGIC, readBatchHeader } from '../wire/batch-header.ts'

/** Bytes per read. A larger batch gets a buffer of its size, which the length of the file limits (Invariant 13). */
const CHUNK_BYTES = 1024 * 1024

export interface ScanRange {
  position: number
  /** The position at which the scan ends. */
  end: number
  /** No batch may have a smaller base offset. */
  nextOffset: number
  /** No batch may have this last offset or a larger one. */
  endOffset: number
  checkCrc: boolean
}

export interface ScanEnd {
  /** The end of the last valid batch. */
  position: number
  nextOffset: number
}

/** Calls `visit` for each valid batch. Its `bytes` are valid during the call only. */
export async function scanBatches(
  disk: Disk,
  file: DiskFile,
  range: ScanRange,
  visit: (header: BatchHeader, bytes: Buffer, position: number) => void,
): Promise<ScanEnd> {
  let { position, nextOffset } = range
  let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(range.end - position, BATCH_OVERHEAD)))
  while (position + BATCH_OVERHEAD <= range.end) {
    const length = await disk.read(file, buffer, 0, Math.min(buffer.length, range.end - position), position)
    let index = 0
    let neededBytes = 0
    while (index + BATCH_OVERHEAD <= length) {
      const header = readBatchHeader(buffer, index)
      if (!isPlausible(header, nextOffset) || header.lastOffset >= range.endOffset || position + index + header.sizeBytes > range.end)
        return { position: position + index, nextOffset }
      if (index + header.sizeBytes > length) {
        neededBytes = header.sizeBytes
        break
      }
      if (range.checkCrc && computeCrc(buffer, index, header.sizeBytes) >>> 0 !== header.crc)
        return { position: position + index, nextOffset }
      visit(header, buffer.subarray(index, index + header.sizeBytes), position + index)
      nextOffset = header.lastOffset + 1
      index += header.sizeBytes
    }
    if (index === 0 && neededBytes <= buffer.length) break
    position += index
    if (neededBytes > buffer.length) buffer = Buffer.allocUnsafe(neededBytes)
  }
  return { position, nextOffset }
}

const isPlausible = (header: BatchHeader, nextOffset: number): boolean =>
  header.sizeBytes >= BATCH_OVERHEAD &&
  header.magic === MAGIC &&
  header.baseOffset >= nextOffset &&
  Number.isSafeInteger(header.lastOffset) &&
  header.lastOffsetDelta >= 0 &&
  header.count >= 0

/** True where there is a whole valid batch after `position`, within the size of one read (Invariant 13). */
export function hasValidBatchAfter(disk: Disk, file: DiskFile, position: number, end: number, nextOffset: number): boolean {
  const bytes = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position))
  const length = disk.readSync(file, bytes, 0, bytes.length, position)
  for (let index = 1; index + BATCH_OVERHEAD <= length; index++) {
    if (bytes[index + at.magic] !== MAGIC) continue
    const header = readBatchHeader(bytes, index)
    if (!isPlausible(header, nextOffset) || index + header.sizeBytes > length) continue
    if (computeCrc(bytes, index, header.sizeBytes) >>> 0 === header.crc) return true
  }
  return false
}

/** Offset, size and CRC of a message of the formats before 2. */
const OLD_MESSAGE_OVERHEAD = 16

/** True where there is a whole message of the formats before Kafka 0.11 at `position`: data, not the end of a torn write. */
export function isOldFormat(disk: Disk, file: DiskFile, position: number, end: number): boolean {
  const head = Buffer.alloc(OLD_MESSAGE_OVERHEAD + 1)
  if (disk.readSync(file, head, 0, head.length, position) < head.length) return false
  const size = batchSize(head)
  const magic = head.readInt8(at.magic)
  if ((magic !== 0 && magic !== 1) || size <= OLD_MESSAGE_OVERHEAD || position + size > end) return false
  const body = Buffer.allocUnsafe(size - OLD_MESSAGE_OVERHEAD)
  disk.readSync(file, body, 0, body.length, position + OLD_MESSAGE_OVERHEAD)
  return crc32(body) === head.readUInt32BE(LOG_OVERHEAD)
}
