/**
 * Which of a partition's oldest segments have outlived their topic's settings. Pure. Never one that reaches past the high watermark, and never any of a
 * topic that is only compacted.
 */
import type { LogConfig } from './types.ts'

export interface SegmentAge {
  /** Where the next one begins; the log's end for the active one. */
  endOffset: number
  sizeBytes: number
  /** Asked only where time decides. */
  latestTimestamp(): number
}

export interface RetentionFacts {
  logStartOffset: number
  highWatermark: number
  nowMs: number
}

/** How many of `segments`, oldest first, may go. The active one is the last and may be among them once it is not empty. */
export function expiredSegments(segments: readonly SegmentAge[], config: LogConfig, facts: RetentionFacts): number {
  const deletes = config.cleanupPolicy.includes('delete')
  let total = 0
  for (const segment of segments) total += segment.sizeBytes
  let count = 0
  for (const segment of segments) {
    if (segment.sizeBytes === 0 || segment.endOffset > facts.highWatermark) break
    const isActive = count === segments.length - 1
    const belowStart = segment.endOffset <= facts.logStartOffset && !isActive
    const tooMuch = deletes && config.retentionBytes >= 0 && total - segment.sizeBytes >= config.retentionBytes
    const tooOld = deletes && config.retentionMs >= 0 && facts.nowMs - segment.latestTimestamp() > config.retentionMs
    if (!belowStart && !tooMuch && !tooOld) break
    total -= segment.sizeBytes
    count++
  }
  return count
}
