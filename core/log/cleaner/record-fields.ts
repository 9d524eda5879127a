/**
 * The fields of the records of a batch that a cleaning needs: offset, timestamp, where the key is, whether there is a value. One walk holds
 * the fields of one record after another: nothing is allocated for a record. Lengths are checked, a contradiction is a WireError.
 */
import { BATCH_OVERHEAD, type BatchHeader, codecOf } from '../../wire/batch-header.ts'
import { decompress } from '../../wire/compression/index.ts'
import { limits } from '../../wire/limits.ts'
import { WireError } from '../../wire/reader.ts'
import { MIN_RECORD_BYTES } from '../../wire/record-batch.ts'
import { readVarint, readVarlong, varintEnd } from '../../wire/varint.ts'

export class RecordFields {
  bytes: Buffer = Buffer.alloc(0)
  /** Where the record begins, with its length, and ends. */
  start = 0
  end = 0
  /** The position after the timestamp: what follows does not depend on the header of the batch. */
  restStart = 0
  offset = 0
  /** Relative to the base timestamp of the batch. */
  timestampDelta = 0
  /** The position of the key and its end; equal for an empty key. */
  keyStart = 0
  keyEnd = 0
  hasKey = false
  hasValue = false
  #header!: BatchHeader
  #index = 0
  #lastDelta = -1
  #bytesEnd = 0

  /** Begins before the first record of the batch at `start` of `buffer`; its CRC is checked already. */
  begin(header: BatchHeader, buffer: Buffer, start: number): void {
    const codec = codecOf(header.attributes)
    if (codec === undefined) throw new WireError('unknown compression')
    const batchEnd = start + header.sizeBytes
    const isPlain = codec === 'none' || header.count === 0
    this.bytes = isPlain ? buffer : decompress(codec, buffer.subarray(start + BATCH_OVERHEAD, batchEnd), limits.decompressedBytes)
    this.end = isPlain ? start + BATCH_OVERHEAD : 0
    this.#bytesEnd = isPlain ? batchEnd : this.bytes.length
    this.#header = header
    this.#index = 0
    this.#lastDelta = -1
  }

  /** Reads the next record. False after the last one. */
  next(): boolean {
    const { bytes } = this
    if (this.#index === this.#header.count) {
      if (this.end !== this.#bytesEnd) throw new WireError(`${this.#bytesEnd - this.end} bytes after the last record of a batch`)
      return false
    }
    this.start = this.end
    const length = readVarint(bytes, this.start)
    this.end = varintEnd + length
    if (length < MIN_RECORD_BYTES - 1 || this.end > this.#bytesEnd) throw this.#invalid(`has ${length} bytes`)
    // The length is followed by one byte of attributes, which are unused.
    this.timestampDelta = readVarlong(bytes, varintEnd + 1)
    this.restStart = varintEnd
    const delta = readVarint(bytes, varintEnd)
    if (delta <= this.#lastDelta || delta > this.#header.lastOffsetDelta) throw this.#invalid(`has the offset delta ${delta}`)
    this.#lastDelta = delta
    this.offset = this.#header.baseOffset + delta
    const keyLength = readVarint(bytes, varintEnd)
    this.keyStart = varintEnd
    this.hasKey = keyLength >= 0
    this.keyEnd = keyLength > 0 ? varintEnd + keyLength : varintEnd
    if (this.keyEnd > this.end) throw this.#invalid(`has a key of ${keyLength} bytes`)
    this.hasValue = readVarint(bytes, this.keyEnd) >= 0
    this.#index++
    return true
  }

  #invalid(what: string): WireError {
    return new WireError(`record ${this.#index} of the batch at offset ${this.#header.baseOffset} ${what}`)
  }
}
