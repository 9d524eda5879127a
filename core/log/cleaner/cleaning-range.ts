/**
 * Decides what of a compacted log can be cleaned, and which log is the filthiest one. Pure. The active segment, everything at or after the
 * last stable offset, and segments younger than min.compaction.lag.ms are never cleaned.
 */
import type { LogConfig } from '../types.ts'

export interface CleanableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** The largest timestamp of its records; called only where min.compaction.lag.ms decides. */
  largestTimestamp(): number
  /** The timestamp of its first batch; called only where max.compaction.lag.ms decides. */
  firstTimestamp(): number
}

export interface CleanableLog {
  readonly config: LogConfig
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly lastStableOffset: number
  /** In offset order, the active one last. */
  readonly segments: readonly CleanableSegment[]
}

export interface CleaningRange {
  readonly firstDirtyOffset: number
  /** The base offset of the first segment that is not cleaned. */
  readonly firstUncleanableOffset: number
  readonly cleanBytes: number
  readonly cleanableBytes: number
  /** How much longer than max.compaction.lag.ms the oldest dirty record has waited. */
  readonly compactionDelayMs: number
  /** The checkpointed offset is outside of the log: it is replaced by `firstDirtyOffset`. */
  readonly isReset: boolean
}

/** `checkpointed` is the end of the last cleaning. */
export function cleaningRange(log: CleanableLog, checkpointed: number | undefined, nowMs: number): CleaningRange {
  const { config, segments, logStartOffset } = log
  const isReset = checkpointed !== undefined && (checkpointed < logStartOffset || checkpointed > log.logEndOffset)
  const firstDirtyOffset = isReset ? logStartOffset : (checkpointed ?? logStartOffset)
  const active = segments[segments.length - 1]!
  const rolled = segments.slice(0, -1)
  const dirty = rolled.slice(floorIndex(rolled, firstDirtyOffset))
  const young =
    config.minCompactionLagMs > 0 ? dirty.find((segment) => segment.largestTimestamp() > nowMs - config.minCompactionLagMs) : undefined
  const limit = Math.max(firstDirtyOffset, Math.min(log.lastStableOffset, active.baseOffset, young?.baseOffset ?? Number.POSITIVE_INFINITY))
  // The limit may lie within a segment, which is not cleaned then.
  const end = limit >= active.baseOffset ? segments.length - 1 : floorIndex(segments, limit)
  const firstUncleanableOffset = segments[end]!.baseOffset
  const start = floorIndex(segments, Math.min(firstDirtyOffset, firstUncleanableOffset))
  return {
    firstDirtyOffset,
    firstUncleanableOffset,
    cleanBytes: sumBytes(segments.filter(({ baseOffset }) => baseOffset < firstDirtyOffset)),
    cleanableBytes: sumBytes(segments.slice(start, end)),
    compactionDelayMs: compactionDelay(dirty, config.maxCompactionLagMs, nowMs),
    isReset,
  }
}

/** The share of bytes that are dirty; 0 for an empty log. */
export function dirtyRatio({ cleanBytes, cleanableBytes }: CleaningRange): number {
  const total = cleanBytes + cleanableBytes
  return total === 0 ? 0 : cleanableBytes / total
}

/** True where the log is dirty enough, or where max.compaction.lag.ms is over. */
export function needsCleaning(range: CleaningRange, config: LogConfig): boolean {
  if (range.cleanBytes + range.cleanableBytes === 0) return false
  return (range.compactionDelayMs > 0 && range.cleanableBytes > 0) || dirtyRatio(range) > config.minCleanableDirtyRatio
}

/** The index of the segment that contains `offset`; 0 for offsets before it. */
function floorIndex(segments: readonly CleanableSegment[], offset: number): number {
  return Math.max(
    0,
    segments.findLastIndex(({ baseOffset }) => baseOffset <= offset),
  )
}

const sumBytes = (segments: readonly CleanableSegment[]): number => segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

/** The largest time of a clock that this is compared with: a longer lag is "never". */
const NEVER_MS = Number.MAX_SAFE_INTEGER

function compactionDelay(dirty: readonly CleanableSegment[], maxCompactionLagMs: number, nowMs: number): number {
  if (maxCompactionLagMs >= NEVER_MS) return 0
  let earliest = Number.POSITIVE_INFINITY
  for (const segment of dirty) {
    const timestamp = segment.firstTimestamp()
    if (timestamp > 0 && timestamp < earliest) earliest = timestamp
  }
  return Math.max(0, nowMs - Math.max(maxCompactionLagMs, 0) - earliest)
}
