/**
 * Reads batches of format v2: iterates over whole batches, and decodes the records of one. Counts and lengths are checked against the bytes
 * before memory is allocated; a contradiction is a WireError (Invariant 13). Keys and values are views of the batch: no copy, and no array
 * for a record without headers. Batches are written by batch-builder.ts, which is re-exported here.
 */
import type { RecordHeader } from './batch-builder.ts'
import {
  at,
  attributes,
  BATCH_OVERHEAD,
  type BatchHeader,
  batchSize,
  codecOf,
  computeCrc,
  LOG_OVERHEAD,
  MAGIC,
  readBatchHeader,
} from './batch-header.ts'
import { decompress } from './compression/index.ts'
import { limits } from './limits.ts'
import { WireError } from './reader.ts'
import { readVarint, readVarlong, varintEnd } from './varint.ts'

export {
  BatchBuilder,
  type BatchOptions,
  type BatchRecord,
  encodeBatch,
  type RecordHeader,
  recordSizeBound,
  stampProducer,
  toBuffer,
  type WritableBytes,
} from './batch-builder.ts'

export interface DecodedRecord {
  offset: number
  timestamp: number
  timestampType: 'CreateTime' | 'LogAppendTime'
  key: Buffer | null
  value: Buffer | null
  headers: readonly RecordHeader[]
}

/** The smallest record: length, attributes, two deltas, null key, null value, no headers. */
export const MIN_RECORD_BYTES = 7
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/** Whole batches, in order, without an incomplete last batch. Only length and magic of a batch are checked. */
export function* batches(buffer: Buffer): Iterable<{ header: BatchHeader; bytes: Buffer }> {
  let position = 0
  while (position + BATCH_OVERHEAD <= buffer.length) {
    const size = batchSize(buffer, position)
    if (size < BATCH_OVERHEAD) throw new WireError(`a record batch of ${size} bytes at ${position}`)
    if (buffer.readInt8(position + at.magic) !== MAGIC)
      throw new WireError(`record format ${buffer.readInt8(position + at.magic)} at ${position}, only format 2 is supported`)
    if (position + size > buffer.length) return
    yield { header: readBatchHeader(buffer, position), bytes: buffer.subarray(position, position + size) }
    position += size
  }
}

/** The end of the last whole batch. */
export function wholeBatchesEnd(buffer: Buffer): number {
  let position = 0
  while (position + LOG_OVERHEAD <= buffer.length) {
    const size = batchSize(buffer, position)
    if (size < BATCH_OVERHEAD) throw new WireError(`a record batch of ${size} bytes at ${position}`)
    if (position + size > buffer.length) break
    position += size
  }
  return position
}

export interface DecodeOptions {
  /** Records below this offset are skipped. */
  fromOffset?: number
  limitBytes?: number
  /** False where the CRC is already checked. */
  checkCrc?: boolean
  /** The records are appended to it; by default to a new array. */
  into?: DecodedRecord[]
}

function readHeaders(bytes: Buffer, position: number, end: number, count: number): RecordHeader[] {
  if (count > limits.recordHeaders || count * 2 > end - position) throw new WireError(`${count} headers in ${end - position} bytes`)
  const headers: RecordHeader[] = []
  let at = position
  for (let i = 0; i < count; i++) {
    const keyLength = readVarint(bytes, at)
    at = varintEnd
    if (keyLength < 0 || keyLength > end - at) throw new WireError(`a header key of ${keyLength} bytes, ${end - at} left`)
    const key = bytes.toString('utf8', at, at + keyLength)
    at += keyLength
    const valueLength = readVarint(bytes, at)
    at = varintEnd
    if (valueLength < -1 || valueLength > end - at) throw new WireError(`a header value of ${valueLength} bytes, ${end - at} left`)
    headers.push({ key, value: valueLength < 0 ? null : bytes.subarray(at, at + valueLength) })
    if (valueLength > 0) at += valueLength
  }
  if (at !== end) throw new WireError(`${end - at} bytes after the headers of a record`)
  return headers
}

/** The records of one whole batch. */
export function decodeRecords(batch: Buffer, options: DecodeOptions = {}): DecodedRecord[] {
  const out = options.into ?? []
  const header = checkedHeader(batch, options.checkCrc ?? true)
  const codec = codecOf(header.attributes)
  if (codec === undefined) throw new WireError(`unknown compression ${header.attributes & attributes.codecMask}`)
  let bytes = batch
  let position = BATCH_OVERHEAD
  if (codec !== 'none' && header.count > 0) {
    bytes = decompress(codec, batch.subarray(BATCH_OVERHEAD), options.limitBytes ?? limits.decompressedBytes)
    position = 0
  }
  if (header.count > (bytes.length - position) / MIN_RECORD_BYTES)
    throw new WireError(`${header.count} records in ${bytes.length - position} bytes`)
  const { baseOffset, lastOffsetDelta, baseTimestamp } = header
  const logAppendTime = (header.attributes & attributes.logAppendTime) !== 0
  const timestampType = logAppendTime ? 'LogAppendTime' : 'CreateTime'
  const fromOffset = options.fromOffset ?? 0
  let lastDelta = -1
  let remainingHeaders: number = limits.batchHeaders
  for (let index = 0; index < header.count; index++) {
    let byte = bytes[position]!
    let length: number
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      position++
    } else {
      length = readVarint(bytes, position)
      position = varintEnd
    }
    const end = position + length
    if (length < MIN_RECORD_BYTES - 1 || end > bytes.length)
      throw new WireError(`record ${index} has ${length} bytes, ${bytes.length - position} left`)
    position++
    let timestamp = header.maxTimestamp
    byte = bytes[position]!
    if (byte < 0x80) {
      if (!logAppendTime) timestamp = baseTimestamp + ((byte >>> 1) ^ -(byte & 1))
      position++
    } else {
      const second = bytes[position + 1]!
      if (second < 0x80) {
        const raw = (byte & 0x7f) | (second << 7)
        if (!logAppendTime) timestamp = baseTimestamp + ((raw >>> 1) ^ -(raw & 1))
        position += 2
      } else {
        const delta = readVarlong(bytes, position)
        if (!logAppendTime) timestamp = baseTimestamp + delta
        position = varintEnd
      }
    }
    byte = bytes[position]!
    let offsetDelta: number
    if (byte < 0x80) {
      offsetDelta = (byte >>> 1) ^ -(byte & 1)
      position++
    } else {
      offsetDelta = readVarint(bytes, position)
      position = varintEnd
    }
    if (offsetDelta <= lastDelta || offsetDelta > lastOffsetDelta)
      throw new WireError(`record ${index} at offset ${offsetDelta} of the batch, between ${lastDelta} and ${lastOffsetDelta} expected`)
    lastDelta = offsetDelta
    let key: Buffer | null = null
    byte = bytes[position]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      position++
    } else {
      length = readVarint(bytes, position)
      position = varintEnd
    }
    if (length >= 0) {
      if (length > end - position) throw new WireError(`a key of ${length} bytes, ${end - position} left in record ${index}`)
      key = bytes.subarray(position, position + length)
      position += length
    } else if (length < -1) throw new WireError(`a key of ${length} bytes`)
    let value: Buffer | null = null
    byte = bytes[position]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      position++
    } else {
      length = readVarint(bytes, position)
      position = varintEnd
    }
    if (length >= 0) {
      if (length > end - position) throw new WireError(`a value of ${length} bytes, ${end - position} left in record ${index}`)
      value = bytes.subarray(position, position + length)
      position += length
    } else if (length < -1) throw new WireError(`a value of ${length} bytes`)
    let headers = NO_HEADERS
    if (position < end && bytes[position] === 0) position++
    else {
      const count = readVarint(bytes, position)
      remainingHeaders -= count
      if (count < 0 || remainingHeaders < 0) throw new WireError(`${count} headers in record ${index}`)
      headers = readHeaders(bytes, varintEnd, end, count)
      position = end
    }
    if (position !== end) throw new WireError(`record ${index} has another length than its content`)
    const offset = baseOffset + offsetDelta
    if (offset >= fromOffset) out.push({ offset, timestamp, timestampType, key, value, headers })
  }
  if (position !== bytes.length) throw new WireError(`${bytes.length - position} bytes after the last record of a batch`)
  return out
}

/** The header of one whole batch, checked against its bytes. */
export function checkedHeader(batch: Buffer, checkCrc: boolean): BatchHeader {
  if (batch.length < BATCH_OVERHEAD) throw new WireError(`a record batch of ${batch.length} bytes, ${BATCH_OVERHEAD} is the minimum`)
  const header = readBatchHeader(batch)
  if (header.magic !== MAGIC) throw new WireError(`record format ${header.magic}, only format 2 is supported`)
  if (header.sizeBytes !== batch.length) throw new WireError(`a record batch of ${batch.length} bytes declares ${header.sizeBytes}`)
  if (header.count < 0 || header.lastOffsetDelta < 0 || header.count > header.lastOffsetDelta + 1)
    throw new WireError(`${header.count} records over ${header.lastOffsetDelta + 1} offsets`)
  if (!Number.isSafeInteger(header.baseOffset) || !Number.isSafeInteger(header.baseTimestamp) || !Number.isSafeInteger(header.maxTimestamp))
    throw new WireError('an offset or a time outside the safe range')
  if (checkCrc && computeCrc(batch, 0, batch.length) !== header.crc)
    throw new WireError(`record batch at offset ${header.baseOffset}: its CRC does not match its content`)
  return header
}

/** The type of a control record, by its key. */
export const controlTypes = { abort: 0, commit: 1 } as const
export function controlType(key: Buffer | null): number {
  if (key === null || key.length < 4) throw new WireError('a control record without its type')
  return key.readInt16BE(2)
}
