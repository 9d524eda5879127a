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
  let best: Segment | null = null
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
    if (next <= from || segment.largestTimestamp().timestamp < 0) continue
    if (best === null || segment.largestTimestamp().timestamp > best.largestTimestamp().timestamp) best = segment
  }
  if (best === null) return null
  const { timestamp, offset } = best.largestTimestamp()
  const batch = await reader.find(best, offset, () => true)
  const match = batch === null ? null : recordIn(batch, (record) => record.timestamp === timestamp)
  return match !== null && match.offset >= from && match.offset < end ? match : null
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
