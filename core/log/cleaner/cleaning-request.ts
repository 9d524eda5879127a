/**
 * Collects what a cleaning has to know about a log, at the moment it begins. What the log gets meanwhile lies after the part that is
 * cleaned.
 */
import type { StoredPartitionLog } from '../partition-log.ts'
import type { LastBatch } from './batch-retention.ts'
import type { CleanerSettings } from './cleaner-settings.ts'
import type { CleanableLog, CleaningRange } from './cleaning-range.ts'
import type { CleaningRequest } from './log-cleaning.ts'

/** The least bytes of a buffer; a larger batch gets a larger one. */
const MIN_BUFFER_BYTES = 16 * 1024

/** The log as the decision about a range sees it. */
export const cleanableLog = (log: StoredPartitionLog): CleanableLog => ({
  config: log.config,
  logStartOffset: log.logStartOffset,
  logEndOffset: log.logEndOffset,
  lastStableOffset: log.lastStableOffset,
  segments: log.segments.map((segment) => ({
    baseOffset: segment.baseOffset,
    sizeBytes: segment.sizeBytes,
    largestTimestamp: () => segment.retentionTimestamp(),
    firstTimestamp: () => segment.loadFirstTimestamp(),
  })),
})

export function cleaningRequest(
  log: StoredPartitionLog,
  { firstDirtyOffset, firstUncleanableOffset }: CleaningRange,
  { dedupeBufferBytes, loadFactor, ioBufferBytes, threads }: CleanerSettings,
  { nowMs, secret }: { nowMs: number; secret: Uint8Array },
): CleaningRequest {
  const { config, folder, segments } = log
  const lastBatches = new Map<number, LastBatch>()
  for (const { producerId, epoch, batches } of log.producers)
    lastBatches.set(producerId, { lastOffset: batches.at(-1)?.lastOffset ?? -1, epoch })
  return {
    folder,
    segments: segments
      .filter(({ baseOffset }) => baseOffset < firstUncleanableOffset)
      .map(({ baseOffset, sizeBytes }) => ({ baseOffset, sizeBytes })),
    firstDirtyOffset,
    firstUncleanableOffset,
    aborted: segments.flatMap((segment) => segment.abortedTransactions()),
    lastBatches,
    nowMs,
    deleteRetentionMs: config.deleteRetentionMs,
    segmentBytes: config.segmentBytes,
    indexIntervalBytes: config.indexIntervalBytes,
    mapBytes: Math.floor(dedupeBufferBytes / threads),
    loadFactor,
    bufferBytes: Math.max(MIN_BUFFER_BYTES, Math.floor(ioBufferBytes / threads / 2)),
    secret,
  }
}
