/**
 * Decides which of the oldest segments are deleted, by retention.bytes, retention.ms and the log start offset. Pure. Never one with records
 * at or after the high watermark; of a topic that is only compacted, only those before the log start offset.
 */
import type { LogConfig } from './types.ts'

export interface SegmentAge {
  /** The base offset of the next segment; the log end offset for the active one. */
  endOffset: number
  sizeBytes: number
  /** Called only where retention.ms decides. */
  latestTimestamp(): number
}

export interface RetentionFacts {
  logStartOffset: number
  highWatermark: number
  nowMs: number
}

/** How many of `segments`, oldest first, are expired. The active one is the last; it counts unless it is empty. */
export function expiredSegments(segments: readonly SegmentAge[], config: LogConfig, facts: RetentionFacts): number {
  const deletes = config.cleanupPolicy.includes('delete')
  let total = 0
  for (const segment of segments) total += segment.sizeBytes
  let count = 0
  for (const segment of segments) {
    const isActive = count === segments.length - 1
    // A cleaning may leave an empty segment.
    if ((isActive && segment.sizeBytes === 0) || segment.endOffset > facts.highWatermark) break
    const belowStart = segment.endOffset <= facts.logStartOffset && !isActive
    const tooMuch = deletes && config.retentionBytes >= 0 && total - segment.sizeBytes >= config.retentionBytes
    const tooOld = deletes && config.retentionMs >= 0 && facts.nowMs - segment.latestTimestamp() > config.retentionMs
    if (!belowStart && !tooMuch && !tooOld) break
    total -= segment.sizeBytes
    count++
  }
  return count
}
