/** Decides whether the active segment rolls before a batch is appended. Pure. */
import type { AppendedBatch, Segment } from './segment.ts'
import type { LogConfig } from './types.ts'

/** `queuedBytes` are appended to `active` and not written yet. */
export function shouldRoll(active: Segment, queuedBytes: number, batch: AppendedBatch, config: LogConfig, nowMs: number): boolean {
  const used = active.sizeBytes + queuedBytes
  if (used === 0) return false
  if (used + batch.sizeBytes > config.segmentBytes || active.isIndexFull || active.overflows(batch.lastOffset)) return true
  if (active.firstTimestamp >= 0 && batch.maxTimestamp >= 0) return batch.maxTimestamp - active.firstTimestamp > maxSegmentMs(config)
  return nowMs - active.createdMs > maxSegmentMs(config)
}

/** The active segment is never cleaned: it must roll before max.compaction.lag.ms is over. */
function maxSegmentMs({ cleanupPolicy, segmentMs, maxCompactionLagMs }: LogConfig): number {
  return cleanupPolicy.includes('compact') ? Math.min(segmentMs, Math.max(maxCompactionLagMs, 0)) : segmentMs
}
