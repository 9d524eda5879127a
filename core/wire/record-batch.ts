/**
 * Records in batches of format v2: encoding, decoding, and walking over batches without looking inside.
 * Counts and lengths are checked against the bytes that are there before memory is taken; every lie is a WireError (Invariant 13).
 * Keys and values are views of the bytes that were given: no copy, and no array for a record without headers.
 */
import {
  at,
  attributes,
  BATCH_OVERHEAD,
  type BatchHeader,
  batchSize,
  type CodecName,
  codecOf,
  codecs,
  computeCrc,
  LOG_OVERHEAD,
  MAGIC,
  readBatchHeader,
  rewriteCrc,
  writeInt64,
} from './batch-header.ts'
import { compress, decompress } from './compression/index.ts'
import { limits } from './limits.ts'
import { WireError } from './reader.ts'

export interface RecordHeader {
  key: string
  value: Buffer | null
}

export interface BatchRecord {
  key: Buffer | null
  value: Buffer | null
  headers?: readonly RecordHeader[] | undefined
  /** ms since the epoch. */
  timestamp: number
}

export interface DecodedRecord {
  offset: number
  timestamp: number
  timestampType: 'CreateTime' | 'LogAppendTime'
  key: Buffer | null
  value: Buffer | null
  headers: readonly RecordHeader[]
}

/** What a batch says of itself beside its records. */
export interface BatchOptions {
  codec?: CodecName | undefined
  producerId?: number | undefined
  producerEpoch?: number | undefined
  baseSequence?: number | undefined
  transactional?: boolean | undefined
  control?: boolean | undefined
  baseOffset?: number | undefined
  leaderEpoch?: number | undefined
  /** Where the batch spans more offsets than its last record's, as after compaction. */
  lastOffsetDelta?: number | undefined
  /** Set: the batch has LogAppendTime, and this is it. */
  logAppendTime?: number | undefined
}

/** The fewest bytes of a record: length, attributes, two deltas, two absent fields, no headers. */
const MIN_RECORD_BYTES = 7
/** Length, and what stays free of it, of the largest varint. */
const MAX_VARINT_BYTES = 5
const MAX_VARLONG_BYTES = 10
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/** Bytes of a varint whose zig-zag form is `raw` (unsigned). */
const rawSize = (raw: number): number => (raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x20_0000 ? 3 : raw < 0x1000_0000 ? 4 : 5)
/** Bytes of the varint of a length, -1 included. */
const lengthSize = (length: number): number => (length < 0x40 ? 1 : rawSize(length * 2))

function putRaw(buffer: Buffer, value: number, position: number): number {
  let rest = value
  let end = position
  while (rest >= 0x80) {
    buffer[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[end++] = rest
  return end
}

function putLength(buffer: Buffer, length: number, position: number): number {
  if (length < 0x40) {
    buffer[position] = length < 0 ? 1 : length << 1
    return position + 1
  }
  return putRaw(buffer, length * 2, position)
}

const isShort = (value: number): boolean => value >= -0x4000_0000 && value < 0x4000_0000

function varlongSize(value: number): number {
  if (isShort(value)) return rawSize(((value << 1) ^ (value >> 31)) >>> 0)
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  let size = 1
  while ((rest >>= 7n) > 0n) size++
  return size
}

function putVarlong(buffer: Buffer, value: number, position: number): number {
  if (isShort(value)) return putRaw(buffer, ((value << 1) ^ (value >> 31)) >>> 0, position)
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  let end = position
  while (rest >= 0x80n) {
    buffer[end++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  buffer[end++] = Number(rest)
  return end
}

function headersSize(headers: readonly RecordHeader[]): number {
  let size = lengthSize(headers.length)
  for (const header of headers) {
    const key = Buffer.byteLength(header.key)
    const value = header.value
    size += lengthSize(key) + key + (value === null ? 1 : lengthSize(value.length) + value.length)
  }
  return size
}

function putHeaders(buffer: Buffer, headers: readonly RecordHeader[], position: number): number {
  let end = putLength(buffer, headers.length, position)
  for (const header of headers) {
    const length = Buffer.byteLength(header.key)
    end = putLength(buffer, length, end)
    end += buffer.write(header.key, end, length, 'utf8')
    end = putBytes(buffer, header.value, end)
  }
  return end
}

/** Below this many bytes a loop outruns the call of a native copy. */
const SMALL_COPY = 24

function putBytes(buffer: Buffer, value: Buffer | null, position: number): number {
  if (value === null) {
    buffer[position] = 1
    return position + 1
  }
  const length = value.length
  const start = putLength(buffer, length, position)
  if (length <= SMALL_COPY) for (let i = 0; i < length; i++) buffer[start + i] = value[i]!
  else buffer.set(value, start)
  return start + length
}

/** An upper bound of what `record` adds to a batch. */
export function recordSizeBound(record: Omit<BatchRecord, 'timestamp'>): number {
  const { key, value, headers } = record
  const fixed = 1 + MAX_VARINT_BYTES * 4 + MAX_VARLONG_BYTES
  return fixed + (key === null ? 0 : key.length) + (value === null ? 0 : value.length) + (headers?.length ? headersSize(headers) : 1)
}

/**
 * Takes records one after the other into one growing buffer and makes a batch of them: one compression, one CRC.
 * The buffer is handed out by `build`; the builder must not be used afterwards.
 */
export class BatchBuilder {
  private buffer: Buffer
  private end = BATCH_OVERHEAD
  private baseTimestamp = 0
  private maxTimestamp = -1
  private lastDelta = -1
  /** Records taken. */
  count = 0

  constructor(capacity = 1024) {
    this.buffer = Buffer.allocUnsafeSlow(Math.max(capacity, BATCH_OVERHEAD + 64))
  }

  /** Bytes of the batch without compression. */
  get sizeBytes(): number {
    return this.end
  }

  private grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.end + bytes))
    this.buffer.copy(grown, 0, 0, this.end)
    this.buffer = grown
  }

  append(record: BatchRecord, offsetDelta = this.lastDelta + 1): void {
    this.appendParts(record.key, record.value, record.headers, record.timestamp, offsetDelta)
  }

  /** `append` without an object for the record. Offset deltas rise. */
  appendParts(
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[] | undefined,
    timestamp: number,
    offsetDelta = this.lastDelta + 1,
  ): void {
    if (this.count === 0) this.baseTimestamp = timestamp
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    const timestampDelta = timestamp - this.baseTimestamp
    const withHeaders = headers !== undefined && headers.length > 0
    const keyLength = key === null ? 0 : key.length
    const valueLength = value === null ? 0 : value.length
    const body =
      1 +
      (timestampDelta >= 0 && timestampDelta < 0x40 ? 1 : varlongSize(timestampDelta)) +
      lengthSize(offsetDelta) +
      lengthSize(keyLength) +
      keyLength +
      lengthSize(valueLength) +
      valueLength +
      (withHeaders ? headersSize(headers) : 1)
    if (this.end + body + MAX_VARINT_BYTES > this.buffer.length) this.grow(body + MAX_VARINT_BYTES)
    const { buffer } = this
    let position = putLength(buffer, body, this.end)
    buffer[position++] = 0
    position = putVarlong(buffer, timestampDelta, position)
    position = putLength(buffer, offsetDelta, position)
    position = putBytes(buffer, key, position)
    position = putBytes(buffer, value, position)
    if (withHeaders) position = putHeaders(buffer, headers, position)
    else buffer[position++] = 0
    this.end = position
    this.lastDelta = offsetDelta
    this.count++
  }

  build(options: BatchOptions = {}): Buffer {
    const codec = options.codec ?? 'none'
    let batch: Buffer
    if (codec === 'none' || this.count === 0) batch = this.buffer.subarray(0, this.end)
    else {
      const payload = compress(codec, this.buffer.subarray(BATCH_OVERHEAD, this.end))
      batch = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + payload.length)
      payload.copy(batch, BATCH_OVERHEAD)
    }
    const { logAppendTime } = options
    writeInt64(batch, options.baseOffset ?? 0, at.baseOffset)
    batch.writeInt32BE(batch.length - LOG_OVERHEAD, at.batchLength)
    batch.writeInt32BE(options.leaderEpoch ?? -1, at.leaderEpoch)
    batch.writeInt8(MAGIC, at.magic)
    batch.writeInt16BE(
      codecs.indexOf(codec) |
        (logAppendTime === undefined ? 0 : attributes.logAppendTime) |
        (options.transactional ? attributes.transactional : 0) |
        (options.control ? attributes.control : 0),
      at.attributes,
    )
    batch.writeInt32BE(options.lastOffsetDelta ?? Math.max(this.lastDelta, 0), at.lastOffsetDelta)
    writeInt64(batch, this.count === 0 ? -1 : this.baseTimestamp, at.baseTimestamp)
    writeInt64(batch, logAppendTime ?? this.maxTimestamp, at.maxTimestamp)
    writeInt64(batch, options.producerId ?? -1, at.producerId)
    batch.writeInt16BE(options.producerEpoch ?? -1, at.producerEpoch)
    batch.writeInt32BE(options.baseSequence ?? -1, at.baseSequence)
    batch.writeInt32BE(this.count, at.count)
    rewriteCrc(batch, 0, batch.length)
    return batch
  }
}

export function encodeBatch(records: readonly BatchRecord[], options: BatchOptions = {}): Buffer {
  let size = BATCH_OVERHEAD
  for (const record of records) size += recordSizeBound(record)
  const builder = new BatchBuilder(size)
  for (const record of records) builder.append(record)
  return builder.build(options)
}

/** Gives a batch another producer, in place, and makes its CRC right again. */
export function stampProducer(
  batch: Buffer,
  producer: { producerId: number; producerEpoch: number; baseSequence: number; transactional?: boolean },
): void {
  writeInt64(batch, producer.producerId, at.producerId)
  batch.writeInt16BE(producer.producerEpoch, at.producerEpoch)
  batch.writeInt32BE(producer.baseSequence, at.baseSequence)
  const bits = batch.readInt16BE(at.attributes) & ~attributes.transactional
  batch.writeInt16BE(producer.transactional ? bits | attributes.transactional : bits, at.attributes)
  rewriteCrc(batch, 0, batch.length)
}

/** Whole batches, in order; a torn last one is left out. Nothing inside a batch is looked at but its length and its magic. */
export function* batches(buffer: Buffer): Iterable<{ header: BatchHeader; bytes: Buffer }> {
  let position = 0
  while (position + BATCH_OVERHEAD <= buffer.length) {
    const size = batchSize(buffer, position)
    if (size < BATCH_OVERHEAD) throw new WireError(`a record batch of ${size} bytes at ${position}`)
    if (buffer.readInt8(position + at.magic) !== MAGIC)
      throw new WireError(`record format ${buffer.readInt8(position + at.magic)} at ${position}, only format 2 is read`)
    if (position + size > buffer.length) return
    yield { header: readBatchHeader(buffer, position), bytes: buffer.subarray(position, position + size) }
    position += size
  }
}

/** Where the last whole batch ends. */
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
  /** Records below this offset are passed over. */
  fromOffset?: number
  limitBytes?: number
  /** Off where somebody has checked the CRC already. */
  checkCrc?: boolean
  /** Takes the records, behind what is there; a new array where it is not given. */
  into?: DecodedRecord[]
}

/** Where the slow readers of varints stop; the hot loop keeps its own position and reads this after a call. */
let cursor = 0

function longVarint(bytes: Buffer, position: number): number {
  let raw = 0
  let at = position
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++]
    if (byte === undefined) throw new WireError('a varint runs past the end of the batch')
    if (shift === 28 && byte > 0x0f) throw new WireError('varint longer than 32 bits')
    raw |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  cursor = at
  return (raw >>> 1) ^ -(raw & 1)
}

function longVarlong(bytes: Buffer, position: number): number {
  let raw = 0n
  let at = position
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++]
    if (byte === undefined) throw new WireError('a varlong runs past the end of the batch')
    if (shift === 63n && byte > 1) throw new WireError('varlong longer than 64 bits')
    raw |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  cursor = at
  const value = Number(raw & 1n ? -(raw >> 1n) - 1n : raw >> 1n)
  if (!Number.isSafeInteger(value)) throw new WireError('varlong is outside the safe range')
  return value
}

function readHeaders(bytes: Buffer, position: number, end: number, count: number): RecordHeader[] {
  if (count > limits.recordHeaders || count * 2 > end - position) throw new WireError(`${count} headers in ${end - position} bytes`)
  const headers: RecordHeader[] = []
  let at = position
  for (let i = 0; i < count; i++) {
    const keyLength = longVarint(bytes, at)
    at = cursor
    if (keyLength < 0 || keyLength > end - at) throw new WireError(`a header key of ${keyLength} bytes, ${end - at} left`)
    const key = bytes.toString('utf8', at, at + keyLength)
    at += keyLength
    const valueLength = longVarint(bytes, at)
    at = cursor
    if (valueLength < -1 || valueLength > end - at) throw new WireError(`a header value of ${valueLength} bytes, ${end - at} left`)
    headers.push({ key, value: valueLength < 0 ? null : bytes.subarray(at, at + valueLength) })
    if (valueLength > 0) at += valueLength
  }
  cursor = at
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
  for (let index = 0; index < header.count; index++) {
    let byte = bytes[position]!
    let length: number
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      position++
    } else {
      length = longVarint(bytes, position)
      position = cursor
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
        const delta = longVarlong(bytes, position)
        if (!logAppendTime) timestamp = baseTimestamp + delta
        position = cursor
      }
    }
    byte = bytes[position]!
    let offsetDelta: number
    if (byte < 0x80) {
      offsetDelta = (byte >>> 1) ^ -(byte & 1)
      position++
    } else {
      offsetDelta = longVarint(bytes, position)
      position = cursor
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
      length = longVarint(bytes, position)
      position = cursor
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
      length = longVarint(bytes, position)
      position = cursor
    }
    if (length >= 0) {
      if (length > end - position) throw new WireError(`a value of ${length} bytes, ${end - position} left in record ${index}`)
      value = bytes.subarray(position, position + length)
      position += length
    } else if (length < -1) throw new WireError(`a value of ${length} bytes`)
    let headers = NO_HEADERS
    if (position < end && bytes[position] === 0) position++
    else {
      const count = longVarint(bytes, position)
      if (count < 0) throw new WireError(`${count} headers in record ${index}`)
      headers = readHeaders(bytes, cursor, end, count)
      position = cursor
    }
    if (position !== end) throw new WireError(`record ${index} has another length than its content`)
    const offset = baseOffset + offsetDelta
    if (offset >= fromOffset) out.push({ offset, timestamp, timestampType, key, value, headers })
  }
  if (position !== bytes.length) throw new WireError(`${bytes.length - position} bytes behind the last record of a batch`)
  return out
}

/** The header of one whole batch, held against the bytes that are there. */
function checkedHeader(batch: Buffer, checkCrc: boolean): BatchHeader {
  if (batch.length < BATCH_OVERHEAD) throw new WireError(`a record batch of ${batch.length} bytes, ${BATCH_OVERHEAD} are the least`)
  const header = readBatchHeader(batch)
  if (header.magic !== MAGIC) throw new WireError(`record format ${header.magic}, only format 2 is read`)
  if (header.sizeBytes !== batch.length) throw new WireError(`a record batch of ${batch.length} bytes says ${header.sizeBytes}`)
  if (header.count < 0 || header.lastOffsetDelta < 0 || header.count > header.lastOffsetDelta + 1)
    throw new WireError(`${header.count} records over ${header.lastOffsetDelta + 1} offsets`)
  if (!Number.isSafeInteger(header.baseOffset) || !Number.isSafeInteger(header.baseTimestamp) || !Number.isSafeInteger(header.maxTimestamp))
    throw new WireError('an offset or a time outside the safe range')
  if (checkCrc && computeCrc(batch, 0, batch.length) !== header.crc)
    throw new WireError(`record batch at offset ${header.baseOffset}: its CRC does not fit its content`)
  return header
}

/** What the record of a control batch says, by its key. */
export const controlTypes = { abort: 0, commit: 1 } as const
export function controlType(key: Buffer | null): number {
  if (key === null || key.length < 4) throw new WireError('a control record without its type')
  return key.readInt16BE(2)
}
