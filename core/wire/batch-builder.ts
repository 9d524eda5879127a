/**
 * Writes batches of format v2: records go straight into one growing buffer, without an object for a record, with one compression and one
 * CRC.
 */
import { at, attributes, BATCH_OVERHEAD, type CodecName, codecs, LOG_OVERHEAD, MAGIC, rewriteCrc, writeInt64 } from './batch-header.ts'
import { compress } from './compression/index.ts'

export interface RecordHeader {
  key: string
  value: Buffer | null
}

/** Bytes that are made where they are wanted: they are written once, and not copied. */
export interface WritableBytes {
  readonly length: number
  /** Writes all of them to `target`, from `start` on. Called once. */
  writeTo(target: Buffer, start: number): void
}

/** The bytes in a buffer of their own. */
export function toBuffer(value: Buffer | WritableBytes | null): Buffer | null {
  if (value === null || value instanceof Uint8Array) return value
  const bytes = Buffer.allocUnsafe(value.length)
  value.writeTo(bytes, 0)
  return bytes
}

export interface BatchRecord {
  key: Buffer | null
  value: Buffer | null
  headers?: readonly RecordHeader[] | undefined
  /** Milliseconds since the epoch. */
  timestamp: number
}

/** The fields of a batch's header. */
export interface BatchOptions {
  codec?: CodecName | undefined
  producerId?: number | undefined
  producerEpoch?: number | undefined
  baseSequence?: number | undefined
  transactional?: boolean | undefined
  control?: boolean | undefined
  baseOffset?: number | undefined
  leaderEpoch?: number | undefined
  /** Set where the last offsets of the batch have no record, as after compaction. */
  lastOffsetDelta?: number | undefined
  /** Set where the batch has LogAppendTime. */
  logAppendTime?: number | undefined
}

/** Bytes of the largest varint and varlong. */
const MAX_VARINT_BYTES = 5
const MAX_VARLONG_BYTES = 10

/** Bytes of a varint whose zig-zag form is `raw` (unsigned). */
const rawSize = (raw: number): number => (raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x20_0000 ? 3 : raw < 0x1000_0000 ? 4 : 5)
/** Bytes of the varint of a length, -1 included. */
const lengthSize = (length: number): number => (length < 0x40 ? 1 : rawSize(length * 2))

function writeRaw(buffer: Buffer, value: number, position: number): number {
  let rest = value
  let end = position
  while (rest >= 0x80) {
    buffer[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[end++] = rest
  return end
}

export function writeLength(buffer: Buffer, length: number, position: number): number {
  if (length < 0x40) {
    buffer[position] = length < 0 ? 1 : length << 1
    return position + 1
  }
  return writeRaw(buffer, length * 2, position)
}

const isShort = (value: number): boolean => value >= -0x4000_0000 && value < 0x4000_0000
/** The zig-zag form is a safe integer. */
const isMedium = (value: number): boolean => value > -(2 ** 52) && value < 2 ** 52
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)

export function varlongSize(value: number): number {
  if (isShort(value)) return rawSize(((value << 1) ^ (value >> 31)) >>> 0)
  if (isMedium(value)) {
    let size = 5
    for (let above = zigzag(value) / 2 ** 35; above >= 1; above /= 0x80) size++
    return size
  }
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  let size = 1
  while ((rest >>= 7n) > 0n) size++
  return size
}

export function writeVarlong(buffer: Buffer, value: number, position: number): number {
  if (isShort(value)) return writeRaw(buffer, ((value << 1) ^ (value >> 31)) >>> 0, position)
  if (isMedium(value)) {
    let low = zigzag(value)
    let at = position
    for (; low >= 0x80; low = Math.floor(low / 0x80)) buffer[at++] = (low % 0x80) | 0x80
    buffer[at++] = low
    return at
  }
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

function writeHeaders(buffer: Buffer, headers: readonly RecordHeader[], position: number): number {
  let end = writeLength(buffer, headers.length, position)
  for (const header of headers) {
    const length = Buffer.byteLength(header.key)
    end = writeLength(buffer, length, end)
    end += buffer.write(header.key, end, length, 'utf8')
    end = writeBytes(buffer, header.value, end)
  }
  return end
}

/** The last headers that cannot change, with their bytes: all records of a task may have the same. */
let fixedHeaders: readonly RecordHeader[] = []
let fixedBytes = Buffer.alloc(0)

function sizeOfHeaders(headers: readonly RecordHeader[]): number {
  if (headers === fixedHeaders) return fixedBytes.length
  const size = headersSize(headers)
  if (Object.isFrozen(headers)) {
    fixedBytes = Buffer.allocUnsafeSlow(size)
    writeHeaders(fixedBytes, headers, 0)
    fixedHeaders = headers
  }
  return size
}

/** Up to this many bytes a loop is faster than the call of a native copy. */
const SMALL_COPY = 24

function writeValue(buffer: Buffer, value: Buffer | WritableBytes | null, position: number): number {
  if (value === null || value instanceof Uint8Array) return writeBytes(buffer, value, position)
  const start = writeLength(buffer, value.length, position)
  value.writeTo(buffer, start)
  return start + value.length
}

function writeBytes(buffer: Buffer, value: Buffer | null, position: number): number {
  if (value === null) {
    buffer[position] = 1
    return position + 1
  }
  const length = value.length
  const start = writeLength(buffer, length, position)
  if (length <= SMALL_COPY) for (let i = 0; i < length; i++) buffer[start + i] = value[i]!
  else buffer.set(value, start)
  return start + length
}

/** An upper bound of the bytes that `record` adds to a batch. */
export function recordSizeBound(record: {
  key: Buffer | null
  value: Buffer | WritableBytes | null
  headers?: readonly RecordHeader[] | undefined
}): number {
  const { key, value, headers } = record
  const fixed = 1 + MAX_VARINT_BYTES * 4 + MAX_VARLONG_BYTES
  return fixed + (key === null ? 0 : key.length) + (value === null ? 0 : value.length) + (headers?.length ? sizeOfHeaders(headers) : 1)
}

const INITIAL_CAPACITY = 1024

/** Collects records into one buffer, which `build` returns as a batch; the builder must not be used afterwards. */
export class BatchBuilder {
  #buffer: Buffer
  #end = BATCH_OVERHEAD
  #baseTimestamp = 0
  #maxTimestamp = -1
  #lastDelta = -1
  /** Appended records. */
  count = 0

  /** Grows out of `memory` where that is too small. */
  constructor(memory: Buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY)) {
    this.#buffer = memory.length < BATCH_OVERHEAD ? Buffer.allocUnsafeSlow(INITIAL_CAPACITY) : memory
  }

  /** What the records are in: `build` returns a part of it, unless it compresses. */
  get memory(): Buffer {
    return this.#buffer
  }

  /** Bytes of the batch without compression. */
  get sizeBytes(): number {
    return this.#end
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#end + bytes))
    this.#buffer.copy(larger, 0, 0, this.#end)
    this.#buffer = larger
  }

  append(record: BatchRecord, offsetDelta = this.#lastDelta + 1): void {
    this.appendParts(record.key, record.value, record.headers, record.timestamp, offsetDelta)
  }

  /** `append` without an object for the record. Offset deltas must increase. */
  appendParts(
    key: Buffer | null,
    value: Buffer | WritableBytes | null,
    headers: readonly RecordHeader[] | undefined,
    timestamp: number,
    offsetDelta = this.#lastDelta + 1,
  ): void {
    if (this.count === 0) this.#baseTimestamp = timestamp
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const timestampDelta = timestamp - this.#baseTimestamp
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
      (withHeaders ? sizeOfHeaders(headers) : 1)
    if (this.#end + body + MAX_VARINT_BYTES > this.#buffer.length) this.#grow(body + MAX_VARINT_BYTES)
    const buffer = this.#buffer
    let position = writeLength(buffer, body, this.#end)
    buffer[position++] = 0
    position = writeVarlong(buffer, timestampDelta, position)
    position = writeLength(buffer, offsetDelta, position)
    position = writeBytes(buffer, key, position)
    position = writeValue(buffer, value, position)
    if (!withHeaders) buffer[position++] = 0
    else if (headers === fixedHeaders) {
      buffer.set(fixedBytes, position)
      position += fixedBytes.length
    } else position = writeHeaders(buffer, headers, position)
    this.#end = position
    this.#lastDelta = offsetDelta
    this.count++
  }

  build(options: BatchOptions = {}): Buffer {
    const codec = options.codec ?? 'none'
    let batch: Buffer
    if (codec === 'none' || this.count === 0) batch = this.#buffer.subarray(0, this.#end)
    else {
      const payload = compress(codec, this.#buffer.subarray(BATCH_OVERHEAD, this.#end))
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
    batch.writeInt32BE(options.lastOffsetDelta ?? Math.max(this.#lastDelta, 0), at.lastOffsetDelta)
    writeInt64(batch, this.count === 0 ? -1 : this.#baseTimestamp, at.baseTimestamp)
    writeInt64(batch, logAppendTime ?? this.#maxTimestamp, at.maxTimestamp)
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
  const builder = new BatchBuilder(Buffer.allocUnsafeSlow(size))
  for (const record of records) builder.append(record)
  return builder.build(options)
}

/** Sets the producer of a batch in place, and corrects its CRC. */
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
