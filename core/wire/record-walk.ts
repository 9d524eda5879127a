/**
 * Walks over the records of a batch without materializing them: the whole structure is checked, and of each record only offset, timestamp
 * and whether it has a key are read. It allocates nothing for a record, a key or a header, and decompression is bounded (Invariant 13). A
 * record that contradicts the header or itself is a WireError.
 */
import { BATCH_OVERHEAD, codecOf } from './batch-header.ts'
import { decompress } from './compression/index.ts'
import { limits } from './limits.ts'
import { WireError } from './reader.ts'
import { checkedHeader, MIN_RECORD_BYTES } from './record-batch.ts'
import { readVarint, readVarlong, varintEnd } from './varint.ts'

/** The records of a whole batch as bytes, decompressed. */
export function recordBytes(batch: Buffer, checkCrc: boolean): Buffer {
  const header = checkedHeader(batch, checkCrc)
  const codec = codecOf(header.attributes)
  if (codec === undefined) throw new WireError('unknown compression')
  const payload = batch.subarray(BATCH_OVERHEAD)
  const bytes = codec === 'none' || header.count === 0 ? payload : decompress(codec, payload, limits.decompressedBytes)
  if (header.count > bytes.length / MIN_RECORD_BYTES) throw new WireError(`${header.count} records in ${bytes.length} bytes`)
  return bytes
}

/** The position after the headers of a record that ends at `end`. */
function skipHeaders(bytes: Buffer, position: number, end: number, index: number): number {
  const count = readVarint(bytes, position)
  let at = varintEnd
  if (count < 0 || count > (end - at) / 2) throw new WireError(`${count} headers in record ${index}`)
  for (let header = 0; header < count; header++) {
    const keyLength = readVarint(bytes, at)
    if (keyLength < 0 || keyLength > end - varintEnd) throw new WireError(`a header key of ${keyLength} bytes in record ${index}`)
    const valueLength = readVarint(bytes, varintEnd + keyLength)
    at = varintEnd
    if (valueLength < -1 || valueLength > end - at) throw new WireError(`a header value of ${valueLength} bytes in record ${index}`)
    if (valueLength > 0) at += valueLength
  }
  return at
}

/** Calls `visit` for each record; `bytes` are those of `recordBytes`. Ends when `visit` returns true. */
export function walkRecords(batch: Buffer, bytes: Buffer, visit: (offset: number, timestamp: number, hasKey: boolean) => boolean): void {
  const { baseOffset, baseTimestamp, lastOffsetDelta, count } = checkedHeader(batch, false)
  let position = 0
  let last = -1
  for (let index = 0; index < count; index++) {
    const length = readVarint(bytes, position)
    const end = varintEnd + length
    if (length < MIN_RECORD_BYTES - 1 || end > bytes.length) throw new WireError(`record ${index} has ${length} bytes`)
    // The length is followed by one byte of attributes, which are unused.
    const timestamp = baseTimestamp + readVarlong(bytes, varintEnd + 1)
    const delta = readVarint(bytes, varintEnd)
    if (delta <= last || delta > lastOffsetDelta)
      throw new WireError(`record ${index} at offset ${delta} of the batch, between ${last} and ${lastOffsetDelta} expected`)
    last = delta
    const keyLength = readVarint(bytes, varintEnd)
    position = varintEnd
    if (keyLength < -1 || keyLength > end - position) throw new WireError(`a key of ${keyLength} bytes in record ${index}`)
    const valueLength = readVarint(bytes, keyLength > 0 ? position + keyLength : position)
    position = varintEnd
    if (valueLength < -1 || valueLength > end - position) throw new WireError(`a value of ${valueLength} bytes in record ${index}`)
    if (valueLength > 0) position += valueLength
    position = bytes[position] === 0 ? position + 1 : skipHeaders(bytes, position, end, index)
    if (position !== end) throw new WireError(`record ${index} has another length than its content`)
    if (visit(baseOffset + delta, timestamp, keyLength >= 0)) return
  }
  if (position < bytes.length) throw new WireError(`${bytes.length - position} bytes after the last record of a batch`)
}
