/**
 * Batches of format v2 with a right length and a right CRC whose records contradict the header or themselves: what a broken or hostile
 * producer may send. Each is built byte by byte.
 */
import {
  at,
  attributes,
  BATCH_OVERHEAD,
  type CodecName,
  codecs,
  LOG_OVERHEAD,
  MAGIC,
  rewriteCrc,
  writeInt64,
} from '../core/wire/batch-header.ts'
import { compress } from '../core/wire/compression/index.ts'

/** A zig-zag varint. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

interface RecordParts {
  timestampDelta?: number | Buffer
  offsetDelta?: number
  key?: Buffer
  value?: Buffer
  headers?: Buffer
  /** The declared length, where it is not the real one. */
  length?: number | Buffer
}

const field = (text: string): Buffer => Buffer.concat([varint(text.length), Buffer.from(text)])
const bytesOf = (value: number | Buffer): Buffer => (typeof value === 'number' ? varint(value) : value)

export function record(offsetDelta: number, parts: RecordParts = {}): Buffer {
  const { timestampDelta = 0, key = varint(-1), value = field('value'), headers = varint(0) } = parts
  const body = Buffer.concat([Buffer.from([0]), bytesOf(timestampDelta), varint(parts.offsetDelta ?? offsetDelta), key, value, headers])
  return Buffer.concat([bytesOf(parts.length ?? body.length), body])
}

interface BatchParts {
  codec?: CodecName
  count?: number
  lastOffsetDelta?: number
  maxTimestamp?: number
  baseTimestamp?: number
  /** The bytes behind the header, where they are not the packed records. */
  payload?: Buffer
}

export function batchOfRecords(records: readonly Buffer[], parts: BatchParts = {}): Buffer {
  const { codec = 'none', count = records.length, baseTimestamp = Date.now() } = parts
  const payload = parts.payload ?? compress(codec, Buffer.concat(records))
  const batch = Buffer.concat([Buffer.alloc(BATCH_OVERHEAD), payload])
  batch.writeInt32BE(batch.length - LOG_OVERHEAD, at.batchLength)
  batch.writeInt32BE(-1, at.leaderEpoch)
  batch.writeInt8(MAGIC, at.magic)
  batch.writeInt16BE(codecs.indexOf(codec) & attributes.codecMask, at.attributes)
  batch.writeInt32BE(parts.lastOffsetDelta ?? count - 1, at.lastOffsetDelta)
  writeInt64(batch, baseTimestamp, at.baseTimestamp)
  writeInt64(batch, parts.maxTimestamp ?? baseTimestamp, at.maxTimestamp)
  writeInt64(batch, -1, at.producerId)
  batch.writeInt16BE(-1, at.producerEpoch)
  batch.writeInt32BE(-1, at.baseSequence)
  batch.writeInt32BE(count, at.count)
  rewriteCrc(batch, 0, batch.length)
  return batch
}

/** Name → records, and the count in the header where it is not theirs. */
export const malformedRecords: Readonly<Record<string, { records: Buffer[]; count?: number }>> = {
  'fewer records than count and last offset say': { records: [record(0), record(1)], count: 3 },
  'more records than count and last offset say': { records: [record(0), record(1)], count: 1 },
  'a count of millions over one record': { records: [record(0)], count: 2_000_000 },
  'no records at all': { records: [], count: 1 },
  'zeros instead of records': { records: [Buffer.alloc(50)], count: 1 },
  'text instead of records': { records: [Buffer.from('this is no record at all, and it never was one')], count: 1 },
  'bytes behind the last record': { records: [record(0), record(1), Buffer.from([1, 2, 3])], count: 2 },
  'the same offset delta twice': { records: [record(0), record(0)] },
  'offset deltas that fall': { records: [record(1), record(0)] },
  'offset deltas with a gap': { records: [record(0), record(2)] },
  'offset deltas that do not begin with 0': { records: [record(1), record(2)] },
  'a negative offset delta': { records: [record(-1), record(0)] },
  'a negative record length': { records: [record(0, { length: -5 })] },
  'a record length of 0': { records: [record(0, { length: 0 })] },
  'a record length beyond the batch': { records: [record(0, { length: 5000 })] },
  'a record length of 2 GiB': { records: [record(0, { length: 2 ** 31 - 1 })] },
  'a record length that is short': { records: [record(0, { length: 8 }), record(1)] },
  'a record length that reaches into the next record': { records: [record(0, { length: 14 }), record(1)] },
  'a record length that does not end': { records: [record(0), Buffer.from([0x80, 0x80])], count: 2 },
  'a record length of more than 5 bytes': { records: [record(0, { length: Buffer.from([0x96, 0x80, 0x80, 0x80, 0x80, 0x00]) })] },
  'a timestamp of more than 10 bytes': { records: [record(0, { timestampDelta: Buffer.from([...Array(10).fill(0x80), 0x00]) })] },
  'a key beyond its record': { records: [record(0, { key: varint(500) })] },
  'a key length of -2': { records: [record(0, { key: varint(-2) })] },
  'a value beyond its record': { records: [record(0, { value: varint(500) })] },
  'a value that reaches into the next record': { records: [record(0, { value: varint(9) }), record(1)] },
  'a value length of -2': { records: [record(0, { value: varint(-2) })] },
  'a negative count of headers': { records: [record(0, { headers: varint(-1) })] },
  'more headers than bytes': { records: [record(0, { headers: varint(1_000_000) })] },
  'a header without a key': { records: [record(0, { headers: Buffer.concat([varint(1), varint(-1), varint(-1)]) })] },
  'a header key beyond its record': { records: [record(0, { headers: Buffer.concat([varint(1), varint(100), varint(-1)]) })] },
  'a header value beyond its record': { records: [record(0, { headers: Buffer.concat([varint(1), field('k'), varint(100)]) })] },
  'a header value length of -2': { records: [record(0, { headers: Buffer.concat([varint(1), field('k'), varint(-2)]) })] },
  'bytes between a record and its end': { records: [record(0, { headers: Buffer.from([0, 7, 7]) })] },
}

/** Name → what follows the header of a compressed batch of two records, made from the right bytes. */
export const malformedPayloads: Readonly<Record<string, (payload: Buffer) => Buffer>> = {
  'text instead of compressed records': () => Buffer.from('this is not compressed'),
  'nothing instead of compressed records': () => Buffer.alloc(0),
  'compressed records that are cut off': (payload) => payload.subarray(0, -6),
  'compressed records without the last byte of their frame': (payload) => payload.subarray(0, -1),
  'compressed records without the end mark of LZ4': (payload) => payload.subarray(0, -4),
}
