/**
 * Walks over the records of a batch for those who ask when and where they are and not what they hold: a broker, which must stay small whatever a
 * producer packed. Takes no memory for a record, a key or a header; what is decompressed is bounded (Invariant 13). Every lie is a WireError.
 */
import { BATCH_OVERHEAD, codecOf } from './batch-header.ts'
import { decompress } from './compression/index.ts'
import { limits } from './limits.ts'
import { Reader, WireError } from './reader.ts'
import { checkedHeader, MIN_RECORD_BYTES } from './record-batch.ts'

/** The bytes of a whole batch's records, decompressed. */
export function recordBytes(batch: Buffer, checkCrc: boolean): Buffer {
  const header = checkedHeader(batch, checkCrc)
  const codec = codecOf(header.attributes)
  if (codec === undefined) throw new WireError('unknown compression')
  const packed = batch.subarray(BATCH_OVERHEAD)
  const bytes = codec === 'none' || header.count === 0 ? packed : decompress(codec, packed, limits.decompressedBytes)
  if (header.count > bytes.length / MIN_RECORD_BYTES) throw new WireError(`${header.count} records in ${bytes.length} bytes`)
  return bytes
}

/** Calls `visit` for each record, `bytes` being those of `recordBytes`; ends where it says true. */
export function walkRecords(batch: Buffer, bytes: Buffer, visit: (offset: number, timestamp: number, hasKey: boolean) => boolean): void {
  const { baseOffset, baseTimestamp, lastOffsetDelta, count } = checkedHeader(batch, false)
  const reader = new Reader(bytes)
  let last = -1
  for (let index = 0; index < count; index++) {
    const length = reader.varint()
    const end = reader.position + length
    if (length < MIN_RECORD_BYTES - 1 || end > bytes.length) throw new WireError(`record ${index} has ${length} bytes`)
    reader.skip(1)
    const timestamp = baseTimestamp + reader.varlong()
    const delta = reader.varint()
    if (delta <= last || delta > lastOffsetDelta)
      throw new WireError(`record ${index} at offset ${delta} of the batch, between ${last} and ${lastOffsetDelta} expected`)
    last = delta
    if (visit(baseOffset + delta, timestamp, reader.varint() >= 0)) return
    if (reader.position > end) throw new WireError(`record ${index} has another length than its content`)
    reader.position = end
  }
  if (reader.remaining > 0) throw new WireError(`${reader.remaining} bytes behind the last record of a batch`)
}
