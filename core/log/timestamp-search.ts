/**
 * Finds offsets by timestamp: the time index gives the segment and an approximate offset, batch headers give the batch, and only that batch
 * is decompressed.
 */
import { KafkaError } from '../errors.ts'
import { attributes, readBatchHeader } from '../wire/batch-header.ts'
import { WireError } from '../wire/reader.ts'
import { recordBytes, walkRecords } from '../wire/record-walk.ts'
import type { Segment } from './segment.ts'
import type { SegmentReader } from './segment-reader.ts'
import type { Segments } from './segments.ts'
import type { TimestampedOffset } from './types.ts'

/** Headers of so many bytes of batches are read before other requests have their turn (Invariant 13). */
const SCAN_BYTES = 8 * 1024 * 1024

/** Searches again where a cleaning replaced a segment during the search. */
export async function searchSegments(
  segments: Segments,
  search: (all: readonly Segment[]) => Promise<TimestampedOffset | null>,
): Promise<TimestampedOffset | null> {
  for (;;) {
    const { all } = segments
    try {
      return await search(all)
    } catch (error) {
      if (!all.some(({ isDeleted }) => isDeleted)) throw error
    }
  }
}

/** The first record at or after `timestamp` with an offset in [from, end). */
export async function findTimestamp(
  segments: readonly Segment[],
  reader: SegmentReader,
  timestamp: number,
  from: number,
  end: number,
): Promise<TimestampedOffset | null> {
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
    if (next <= from || segment.largestTimestamp().timestamp < timestamp) continue
    let offset = Math.max(from, segment.floorOffsetForTimestamp(timestamp))
    for (;;) {
      const batch = await reader.find(segment, offset, (header) => header.maxTimestamp >= timestamp)
      if (batch === null) break
      const match = recordIn(batch, (record) => record.timestamp >= timestamp && record.offset >= from)
      if (match !== null) return match.offset < end ? match : null
      offset = readBatchHeader(batch).lastOffset + 1
    }
  }
  return null
}

/** The first record that has the largest timestamp of all in [from, end). */
export async function findMaxTimestamp(
  segments: readonly Segment[],
  reader: SegmentReader,
  from: number,
  end: number,
): Promise<TimestampedOffset | null> {
  let best: TimestampedOffset | null = null
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
    const { timestamp, offset } = segment.largestTimestamp()
    if (next <= from || timestamp < 0 || (best !== null && timestamp <= best.timestamp)) continue
    const found: TimestampedOffset | null = await firstWith(segment, reader, timestamp, offset)
    // DeleteRecords may have deleted it, and then the time index has none of those after it.
    const remaining: TimestampedOffset | null = found !== null && found.offset < from ? await largestFrom(segment, reader, from) : found
    if (remaining !== null && (best === null || remaining.timestamp > best.timestamp)) best = remaining
  }
  return best !== null && best.offset < end ? best : null
}

/** The first record with `timestamp` in the batch at `offset`. */
async function firstWith(segment: Segment, reader: SegmentReader, timestamp: number, offset: number): Promise<TimestampedOffset | null> {
  const batch = await reader.find(segment, offset, () => true)
  return batch === null ? null : recordIn(batch, (record) => record.timestamp === timestamp)
}

/** The first record with the largest timestamp from `from` on. */
async function largestFrom(segment: Segment, reader: SegmentReader, from: number): Promise<TimestampedOffset | null> {
  const first = await reader.find(segment, from, () => true)
  if (first === null) return null
  let timestamp = -1
  recordIn(first, (record) => {
    if (record.offset >= from) timestamp = Math.max(timestamp, record.timestamp)
    return false
  })
  const inFirst = recordIn(first, (record) => record.offset >= from && record.timestamp === timestamp)
  let later = -1
  let offset = readBatchHeader(first).lastOffset + 1
  for (;;) {
    let scannedBytes = 0
    const last = await reader.find(segment, offset, (header) => {
      if (header.maxTimestamp > timestamp) {
        timestamp = header.maxTimestamp
        later = header.lastOffset
      }
      scannedBytes += header.sizeBytes
      return scannedBytes >= SCAN_BYTES
    })
    if (last === null) break
    offset = readBatchHeader(last).lastOffset + 1
  }
  return later < 0 ? inFirst : firstWith(segment, reader, timestamp, later)
}

function recordIn(batch: Buffer, matches: (record: { offset: number; timestamp: number }) => boolean): TimestampedOffset | null {
  const { baseOffset, maxTimestamp, leaderEpoch, attributes: bits } = readBatchHeader(batch)
  if ((bits & attributes.control) !== 0) {
    const record = { offset: baseOffset, timestamp: maxTimestamp }
    return matches(record) ? { ...record, leaderEpoch } : null
  }
  const isStamped = (bits & attributes.logAppendTime) !== 0
  let match: TimestampedOffset | null = null
  withCorruptMessage('a batch in the log', () =>
    walkRecords(batch, recordBytes(batch, true), (offset, timestamp) => {
      const record = { offset, timestamp: isStamped ? maxTimestamp : timestamp }
      if (matches(record)) match = { ...record, leaderEpoch }
      return match !== null
    }),
  )
  return match
}

/** Runs `read` on a batch of the log; an invalid one becomes CORRUPT_MESSAGE. */
function withCorruptMessage<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    throw new KafkaError('CORRUPT_MESSAGE', `${where}: the batch cannot be read: ${cause.message}`, { cause })
  }
}
