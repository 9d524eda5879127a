/**
 * Recovers the segments of a partition at the start: checks everything after the recovery point, rebuilds indexes and producer state, and
 * truncates the log at the first invalid byte. What remains is durable. Invariants 1, 2, 5.
 */
import { partitionKey } from '../topic-partition.ts'
import { attributes, BATCH_OVERHEAD, type BatchHeader, readBatchHeader } from '../wire/batch-header.ts'
import { hasValidBatchAfter, isOldFormat, type ScanEnd, scanBatches } from './batch-scan.ts'
import { readMarker } from './control-record.ts'
import { rewriteFile } from './file-rewrite.ts'
import type { LoadedLog, LoadRequest } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from './offset-index.ts'
import { recoverBatchMetadata } from './producer-batch-recovery.ts'
import { decodeSnapshot } from './producer-snapshot.ts'
import { offsetFileName, type Segment, suffixes } from './segment.ts'
import { decodeAbortedTxns } from './transaction-index.ts'

export interface RecoveryRequest {
  readonly context: LogContext
  readonly request: LoadRequest
  readonly loaded: LoadedLog
  /** The offsets of the producer snapshots. */
  readonly snapshots: readonly number[]
}

export interface Recovered {
  logEndOffset: number
  /** True when files were truncated, deleted or rebuilt. */
  changed: boolean
}

/**
 * How a segment is read. `whole`: every byte is checked. `tail`: from the last index entry on. `skip`: not at all. `empty`: the active one
 * has no bytes.
 */
type SegmentCheck = 'whole' | 'tail' | 'skip' | 'empty'

interface Recovery extends RecoveryRequest {
  /** Producer state is complete up to this offset, by a snapshot. */
  readonly replayFrom: number
}

/** What is read of a segment: the bytes of its file, with batches before `endOffset`. */
interface SegmentRange {
  readonly segment: Segment
  readonly bytes: number
  readonly endOffset: number
}

export async function recoverSegments(recoveryRequest: RecoveryRequest): Promise<Recovered> {
  const { context, request, loaded, snapshots } = recoveryRequest
  const { segments } = loaded
  const sizes = segments.map((segment) => context.disk.stat(segment.log.path)!.bytes)
  const checks = segments.map((segment, index) =>
    checkFor(context, request, segment, sizes[index]!, segments[index + 1]?.baseOffset ?? null),
  )
  const firstWhole = checks.indexOf('whole')
  const limit = segments[checks.findIndex((check) => check === 'whole' || check === 'empty')]?.baseOffset ?? Number.POSITIVE_INFINITY
  const recovery: Recovery = { ...recoveryRequest, replayFrom: await loadProducers(recoveryRequest, limit) }
  let changed = firstWhole >= 0
  let nextOffset = segments[0]!.baseOffset
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!
    const isLast = index === segments.length - 1
    const endOffset = segments[index + 1]?.baseOffset ?? segment.maxEndOffset
    const range: SegmentRange = { segment, bytes: sizes[index]!, endOffset }
    nextOffset = Math.max(nextOffset, segment.baseOffset)
    if (checks[index] === 'empty') {
      segment.reset()
      // After a kill its name may be in the page cache only: it becomes durable with the first append.
      segment.isNew = !request.clean
      continue
    }
    if (checks[index] === 'skip') {
      segment.loadRolled(range.bytes)
      if (endOffset > recovery.replayFrom) await replayProducers(recovery, range)
      nextOffset = endOffset
      continue
    }
    let scanEnd = checks[index] === 'tail' ? await readTail(recovery, range) : null
    if (scanEnd === null) {
      scanEnd = await rebuild(recovery, range)
      changed = true
    }
    nextOffset = scanEnd.nextOffset
    // Two segments are flushed at the same time after a roll: a power loss may keep the newer one and not the end of the older one.
    const hasGap = !isLast && !request.isCompacted && checks[index] === 'whole' && scanEnd.nextOffset < endOffset
    if (scanEnd.position < range.bytes || hasGap) {
      truncateAt(recovery, range, index, scanEnd)
      changed = true
      break
    }
    if (!isLast && checks[index] === 'whole') {
      for (const path of segment.writeIndexes()) await context.disk.syncFile(path)
      segment.closeIndexes()
    }
  }
  if (changed) await flush(recovery, firstWhole < 0 ? loaded.segments.length - 1 : firstWhole)
  deleteSnapshots(recovery, snapshots, nextOffset)
  return { logEndOffset: nextOffset, changed }
}

/**
 * `nextBase` is null for the active segment. A segment that ends at the recovery point may have rolled just before the crash: its records
 * are durable then, its indexes not.
 */
function checkFor(context: LogContext, request: LoadRequest, segment: Segment, bytes: number, nextBase: number | null): SegmentCheck {
  if (nextBase === null && bytes === 0) return 'empty'
  if (request.onDamage === 'refuse' || (!request.clean && (nextBase === null || nextBase >= request.recoveryPoint))) return 'whole'
  const { disk } = context
  const offsets = disk.stat(segment.path(suffixes.index))
  const times = disk.stat(segment.path(suffixes.timeIndex))
  const transactions = disk.readFile(segment.path(suffixes.transactions))
  const isIndexed =
    offsets !== null &&
    times !== null &&
    offsets.bytes % OFFSET_ENTRY_BYTES === 0 &&
    times.bytes % TIME_ENTRY_BYTES === 0 &&
    (transactions === null || decodeAbortedTxns(transactions) !== null)
  if (!isIndexed) return 'whole'
  return nextBase === null ? 'tail' : 'skip'
}

/** Loads the newest valid snapshot at or before `limit`. Returns the offset from which producer state must be replayed. */
async function loadProducers({ context, request, loaded, snapshots }: RecoveryRequest, limit: number): Promise<number> {
  for (const offset of snapshots.toReversed()) {
    if (offset > limit) continue
    const bytes = context.disk.readFile(`${loaded.folder}/${offsetFileName(offset, suffixes.snapshot)}`)
    const producers = bytes && decodeSnapshot(bytes)
    if (!producers) continue
    for (const producer of producers) loaded.producers.set(producer)
    const writtenMs = context.disk.stat(loaded.segments.at(-1)!.log.path)?.modifiedMs ?? 0
    if (writtenMs >= request.producersActiveSinceMs) await recoverBatchMetadata(context.disk, loaded.segments, offset, loaded.producers)
    return offset
  }
  return 0
}

async function scan(
  { context }: Recovery,
  { segment, bytes, endOffset }: SegmentRange,
  from: { position: number; checkCrc: boolean },
  visit: (header: BatchHeader, batch: Buffer, position: number) => void,
): Promise<ScanEnd> {
  const file = segment.log.pin()
  try {
    return await scanBatches(context.disk, file, { ...from, end: bytes, nextOffset: segment.baseOffset, endOffset }, visit)
  } finally {
    segment.log.unpin()
  }
}

/** Adds a batch to producer state and leader epochs, and an aborted transaction to the index of `rebuilt`. */
function applyBatch({ loaded, replayFrom }: Recovery, rebuilt: Segment | null, header: BatchHeader, batch: Buffer): void {
  loaded.epochs.assign(header.leaderEpoch, header.baseOffset)
  if (header.producerId < 0 || header.lastOffset < replayFrom) return
  if ((header.attributes & attributes.control) === 0) {
    loaded.producers.apply(header)
    return
  }
  const marker = readMarker(batch)
  const aborted = marker && loaded.producers.applyMarker(header, marker).aborted
  if (aborted && rebuilt) rebuilt.addAbortedTxn(aborted)
}

/** Replays producer state from a segment with complete files. */
async function replayProducers(recovery: Recovery, range: SegmentRange): Promise<void> {
  await scan(recovery, range, { position: 0, checkCrc: false }, (header, batch) => applyBatch(recovery, null, header, batch))
}

/** Checks every batch and rebuilds the indexes. Of the transactions that end before the snapshot, only the index knows the aborted ones. */
function rebuild(recovery: Recovery, range: SegmentRange): Promise<ScanEnd> {
  const { segment } = range
  const known = recovery.replayFrom > segment.baseOffset ? segment.abortedTransactions() : []
  segment.reset()
  for (const entry of known) if (entry.lastOffset < recovery.replayFrom) segment.addAbortedTxn(entry)
  return scan(recovery, range, { position: 0, checkCrc: true }, (header, batch) => {
    applyBatch(recovery, segment, header, batch)
    segment.indexBatch(header, recovery.request.indexIntervalBytes)
  })
}

/** Loads the index files of the active segment and reads the batches after their last entry. Null where the files do not match. */
async function readTail(recovery: Recovery, range: SegmentRange): Promise<ScanEnd | null> {
  const { disk } = recovery.context
  const { segment, bytes } = range
  const offsets = disk.readFile(segment.path(suffixes.index)) ?? Buffer.alloc(0)
  const times = disk.readFile(segment.path(suffixes.timeIndex)) ?? Buffer.alloc(0)
  const last = offsets.length > 0 ? offsets.subarray(offsets.length - OFFSET_ENTRY_BYTES) : null
  const indexed = last ? last.readUInt32BE(4) : 0
  if (bytes < BATCH_OVERHEAD || indexed > bytes || (last !== null && indexed === 0)) return null
  segment.loadIndexes(offsets, times)
  const head = Buffer.allocUnsafe(BATCH_OVERHEAD)
  disk.readSync(segment.log.use(), head, 0, BATCH_OVERHEAD, 0)
  const needsReplay = last !== null && recovery.replayFrom <= segment.baseOffset + last.readUInt32BE(0)
  const scanEnd = await scan(recovery, range, { position: needsReplay ? 0 : indexed, checkCrc: false }, (header, batch, position) => {
    applyBatch(recovery, null, header, batch)
    if (position >= indexed) segment.updateLargestTimestamp(header)
  })
  if (scanEnd.position !== bytes) return null
  segment.setSize(bytes, readBatchHeader(head).maxTimestamp, bytes - indexed)
  return scanEnd
}

/** Ends the log in segment `index` at `position`: truncates the segment and deletes the later ones. */
function truncateAt(recovery: Recovery, { segment, bytes }: SegmentRange, index: number, { position, nextOffset }: ScanEnd): void {
  const { context, request, loaded } = recovery
  const { logger } = context
  const deleted = loaded.segments.slice(index + 1)
  const file = segment.log.path
  if (isOldFormat(context.disk, segment.log.use(), position, bytes)) {
    throw new Error(
      `${file} has records of the message format before Kafka 0.11 at byte ${position}, which is not supported: let an Apache Kafka broker ` +
        'of version 3 expire or rewrite them first, or move the folder away',
    )
  }
  // A crash ends a log in its last append.
  const isDamaged = () =>
    nextOffset < request.recoveryPoint ||
    deleted.length > 0 ||
    hasValidBatchAfter(context.disk, segment.log.use(), position, bytes, nextOffset)
  if (request.onDamage === 'refuse' && (request.clean || isDamaged())) {
    throw new Error(
      `${file} is damaged at byte ${position}, and durable records follow: restore the folder from a copy, ` +
        `or, to start without them, truncate the file there (truncate -s ${position})`,
    )
  }
  const details = {
    partition: partitionKey(loaded),
    file,
    position,
    bytesTruncated: bytes - position,
    segmentsDeleted: deleted.length,
    logEndOffset: nextOffset,
  }
  if (nextOffset < request.recoveryPoint) logger.error(details, 'the log is damaged before its recovery point: durable records are lost')
  else logger.warn(details, 'the log does not end with a whole batch: it is truncated')
  context.disk.truncate(segment.log.use(), position)
  for (const later of deleted) {
    later.log.retire()
    for (const suffix of Object.values(suffixes)) context.disk.unlink(later.path(suffix))
  }
  loaded.segments = loaded.segments.slice(0, index + 1)
}

/** The bytes of a killed process may be in the page cache only. They are served once they are durable. */
async function flush({ context, request, loaded }: Recovery, from: number): Promise<void> {
  for (const segment of loaded.segments.slice(from)) {
    const file = segment.log.pin()
    try {
      // A flush of the process before may have failed: only what is written again is durable.
      if (context.flush === 'commit')
        await rewriteFile(context.disk, file, segment.translateOffset(request.recoveryPoint).position, context.disk.size(file))
      await context.disk.fdatasync(file)
    } catch (cause) {
      const message = `${segment.log.path}: recovered records cannot be made durable: ${(cause as Error).message}`
      throw new Error(`${message}. Check the disk, then start the broker again`, { cause })
    } finally {
      segment.log.unpin()
    }
  }
  await context.disk.syncFolder(loaded.folder)
}

/** Deletes snapshots after the log end offset. Of the others it keeps those at the base offset of a segment, and the newest. */
function deleteSnapshots({ context, loaded }: Recovery, snapshots: readonly number[], logEndOffset: number): void {
  const bases = new Set(loaded.segments.map((segment) => segment.baseOffset))
  const valid = snapshots.filter((offset) => offset <= logEndOffset)
  for (const offset of snapshots) {
    if (offset <= logEndOffset && (bases.has(offset) || offset === valid.at(-1))) continue
    context.disk.unlink(`${loaded.folder}/${offsetFileName(offset, suffixes.snapshot)}`)
  }
}
