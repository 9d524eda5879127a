/**
 * Makes the segments of a partition trustworthy: reads through what the last stop did not vouch for, makes indexes and producer state again, and cuts the log
 * at its first invalid byte. After it, everything that is left is durable. Invariants 1, 2, 5.
 */
import type { Logger } from '../system/logger.ts'
import { attributes, BATCH_OVERHEAD, type BatchHeader, readBatchHeader } from '../wire/batch-header.ts'
import { holdsBatchBehind, holdsOldFormat, scanBatches } from './batch-scan.ts'
import { readMarker } from './control-record.ts'
import type { LoadedLog, LoadRequest } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from './offset-index.ts'
import { completeBatches } from './producer-batch-recovery.ts'
import { decodeSnapshot } from './producer-snapshot.ts'
import { offsetFileName, type Segment, suffixes } from './segment.ts'
import { decodeAborted } from './transaction-index.ts'

export interface Recovered {
  logEndOffset: number
  /** True when files were cut, removed or made again. */
  changed: boolean
}

/** How much of a segment is read. `whole`: every byte is checked. `tail`: from the last index entry on. `skip`: nothing. */
type Effort = 'whole' | 'tail' | 'skip'

export async function recoverSegments(
  context: LogContext,
  logger: Logger,
  request: LoadRequest,
  loaded: LoadedLog,
  snapshots: readonly number[],
): Promise<Recovered> {
  const { segments } = loaded
  const efforts = segments.map((segment, index) => effortFor(context, request, segment, segments[index + 1]?.baseOffset ?? null))
  const firstWhole = efforts.indexOf('whole')
  const from = firstWhole < 0 ? segments.length - 1 : firstWhole
  const limit = firstWhole < 0 ? Number.POSITIVE_INFINITY : segments[from]!.baseOffset
  const replayFrom = await loadProducers(context, request, loaded, snapshots, limit)
  let changed = firstWhole >= 0
  let nextOffset = segments[0]!.baseOffset
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!
    const isLast = index === segments.length - 1
    const end = segments[index + 1]?.baseOffset ?? segment.endOfOffsets
    const bytes = context.disk.stat(segment.log.path)!.bytes
    nextOffset = Math.max(nextOffset, segment.baseOffset)
    if (efforts[index] === 'skip') {
      segment.adoptSealed(bytes)
      if (end > replayFrom) await replay(context, loaded, segment, bytes, end, replayFrom)
      nextOffset = end
      continue
    }
    let found = efforts[index] === 'tail' ? await readTail(context, loaded, segment, bytes, replayFrom) : null
    if (found === null) {
      found = await readWhole(context, loaded, segment, bytes, end, replayFrom, request.indexIntervalBytes)
      changed = true
    }
    nextOffset = found.nextOffset
    // Two segments are synced side by side at a roll: a power cut may leave the newer one and not the end of the older one.
    const hasGap = !isLast && !request.isCompacted && efforts[index] === 'whole' && found.nextOffset < end
    if (found.position < bytes || hasGap) {
      cutAt(context, logger, request, loaded, index, found.position, bytes, nextOffset)
      changed = true
      break
    }
    if (!isLast && efforts[index] === 'whole') {
      for (const path of segment.writeIndexes()) await context.disk.syncFile(path)
      segment.seal()
    }
  }
  if (changed) await makeDurable(context, loaded, firstWhole < 0 ? loaded.segments.length - 1 : from)
  dropSnapshots(context, loaded, snapshots, nextOffset)
  return { logEndOffset: nextOffset, changed }
}

/** `nextBase` is null for the active segment. */
function effortFor(context: LogContext, request: LoadRequest, segment: Segment, nextBase: number | null): Effort {
  if (request.damage === 'refuse' || (!request.clean && (nextBase === null || nextBase > request.recoveryPoint))) return 'whole'
  const { disk } = context
  if (nextBase === null && disk.stat(segment.log.path)?.bytes === 0) return 'tail'
  const offsets = disk.stat(segment.path(suffixes.index))
  const times = disk.stat(segment.path(suffixes.timeIndex))
  const transactions = disk.readFile(segment.path(suffixes.transactions))
  const isWhole =
    offsets !== null &&
    times !== null &&
    offsets.bytes % OFFSET_ENTRY_BYTES === 0 &&
    times.bytes % TIME_ENTRY_BYTES === 0 &&
    (transactions === null || decodeAborted(transactions) !== null)
  if (!isWhole) return 'whole'
  return nextBase === null ? 'tail' : 'skip'
}

/** Loads the newest usable snapshot at or before `limit`. Returns the offset from which the log must be replayed. */
async function loadProducers(
  context: LogContext,
  request: LoadRequest,
  loaded: LoadedLog,
  snapshots: readonly number[],
  limit: number,
): Promise<number> {
  for (const offset of snapshots.toReversed()) {
    if (offset > limit) continue
    const bytes = context.disk.readFile(`${loaded.folder}/${offsetFileName(offset, suffixes.snapshot)}`)
    const producers = bytes && decodeSnapshot(bytes)
    if (!producers) continue
    for (const producer of producers) loaded.producers.put(producer)
    const writtenMs = context.disk.stat(loaded.segments.at(-1)!.log.path)?.modifiedMs ?? 0
    if (writtenMs >= request.repeatsSinceMs) await completeBatches(context.disk, loaded.segments, offset, loaded.producers)
    return offset
  }
  return 0
}

/** Takes one batch of the log into producer state and epochs, and an aborted transaction into `segment`'s index where that is being made again. */
function takeIn(loaded: LoadedLog, segment: Segment | null, header: BatchHeader, bytes: Buffer, replayFrom: number): void {
  loaded.epochs.assign(header.leaderEpoch, header.baseOffset)
  if (header.producerId < 0 || header.lastOffset < replayFrom) return
  if ((header.attributes & attributes.control) === 0) {
    loaded.producers.apply(header)
    return
  }
  const marker = readMarker(bytes)
  const aborted = marker && loaded.producers.applyMarker(header, marker)
  if (aborted && segment) segment.noteAborted(aborted)
}

/** Producer state alone, from a segment whose files are whole. */
async function replay(
  context: LogContext,
  loaded: LoadedLog,
  segment: Segment,
  end: number,
  endOffset: number,
  replayFrom: number,
): Promise<void> {
  const file = segment.log.pin()
  try {
    await scanBatches(
      context.disk,
      file,
      { position: 0, end, nextOffset: segment.baseOffset, endOffset, checkCrc: false },
      (header, bytes) => takeIn(loaded, null, header, bytes, replayFrom),
    )
  } finally {
    segment.log.unpin()
  }
}

async function readWhole(
  context: LogContext,
  loaded: LoadedLog,
  segment: Segment,
  end: number,
  endOffset: number,
  replayFrom: number,
  indexIntervalBytes: number,
): Promise<{ position: number; nextOffset: number }> {
  segment.reset()
  const file = segment.log.pin()
  try {
    return await scanBatches(
      context.disk,
      file,
      { position: 0, end, nextOffset: segment.baseOffset, endOffset, checkCrc: true },
      (header, bytes) => {
        takeIn(loaded, segment, header, bytes, replayFrom)
        segment.note(header, indexIntervalBytes)
      },
    )
  } finally {
    segment.log.unpin()
  }
}

/** Trusts the active segment's indexes and reads what lies behind their last entry. Null when that does not fit the file. */
async function readTail(
  context: LogContext,
  loaded: LoadedLog,
  segment: Segment,
  bytes: number,
  replayFrom: number,
): Promise<{ position: number; nextOffset: number } | null> {
  const { disk } = context
  if (bytes === 0) return { position: 0, nextOffset: segment.baseOffset }
  const offsets = disk.readFile(segment.path(suffixes.index)) ?? Buffer.alloc(0)
  const times = disk.readFile(segment.path(suffixes.timeIndex)) ?? Buffer.alloc(0)
  const last = offsets.length > 0 ? offsets.subarray(offsets.length - OFFSET_ENTRY_BYTES) : null
  const indexed = last ? last.readUInt32BE(4) : 0
  if (bytes < BATCH_OVERHEAD || indexed > bytes || (last !== null && indexed === 0)) return null
  segment.adoptActive(offsets, times)
  const file = segment.log.pin()
  try {
    const head = Buffer.allocUnsafe(BATCH_OVERHEAD)
    disk.readSync(file, head, 0, BATCH_OVERHEAD, 0)
    const needsReplay = last !== null && replayFrom <= segment.baseOffset + last.readUInt32BE(0)
    const range = {
      position: needsReplay ? 0 : indexed,
      end: bytes,
      nextOffset: segment.baseOffset,
      endOffset: segment.endOfOffsets,
      checkCrc: false,
    }
    const found = await scanBatches(disk, file, range, (header, batch, at) => {
      takeIn(loaded, null, header, batch, replayFrom)
      if (at >= indexed) segment.noteLatest(header)
    })
    if (found.position !== bytes) return null
    segment.adoptSize(bytes, readBatchHeader(head).maxTimestamp, bytes - indexed)
    return found
  } finally {
    segment.log.unpin()
  }
}

/** Ends the log in segment `index`: bytes behind go, and every later segment with its files. */
function cutAt(
  context: LogContext,
  logger: Logger,
  request: LoadRequest,
  loaded: LoadedLog,
  index: number,
  position: number,
  bytes: number,
  nextOffset: number,
): void {
  const segment = loaded.segments[index]!
  const dropped = loaded.segments.slice(index + 1)
  const facts = { file: segment.log.path, position, bytesCut: bytes - position, segmentsDropped: dropped.length, logEndOffset: nextOffset }
  if (holdsOldFormat(context.disk, segment.log.use(), position, bytes)) {
    throw new Error(
      `${segment.log.path} holds records of the format before Kafka 0.11 at ${position}, which cannot be read: ` +
        'let an Apache Kafka broker of version 3 expire or rewrite them first, or move the folder away',
    )
  }
  if (request.damage === 'refuse' && (request.clean || isDamage(context, request, segment, dropped, position, bytes, nextOffset))) {
    throw new Error(
      `${segment.log.path} is damaged at byte ${position}, and what lies behind it was durable: put a copy of the folder in its place, ` +
        `or, to go on without that, cut the file there (truncate -s ${position})`,
    )
  }
  if (nextOffset < request.recoveryPoint)
    logger.error(facts, 'the log is damaged before its recovery point: records that were durable are lost')
  else logger.warn(facts, 'the log ends in bytes that are no whole batch: they are cut off')
  context.disk.truncate(segment.log.use(), position)
  for (const later of dropped) {
    later.log.retire()
    for (const suffix of Object.values(suffixes)) context.disk.unlink(later.path(suffix))
  }
  loaded.segments = loaded.segments.slice(0, index + 1)
}

/** True where the log does not end as a crash ends it, which is in the last append. */
const isDamage = (
  context: LogContext,
  request: LoadRequest,
  segment: Segment,
  dropped: readonly Segment[],
  position: number,
  bytes: number,
  nextOffset: number,
): boolean =>
  nextOffset < request.recoveryPoint || dropped.length > 0 || holdsBatchBehind(context.disk, segment.log.use(), position, bytes, nextOffset)

/** Bytes that a process wrote before it was killed may be in the page cache alone: they are served only once they are on the disk. */
async function makeDurable(context: LogContext, loaded: LoadedLog, from: number): Promise<void> {
  for (const segment of loaded.segments.slice(from)) {
    const file = segment.log.pin()
    try {
      await context.disk.fdatasync(file)
    } finally {
      segment.log.unpin()
    }
  }
  await context.disk.syncFolder(loaded.folder)
}

/** Snapshots past the end are wrong now; others are kept where a segment begins, and the newest. */
function dropSnapshots(context: LogContext, loaded: LoadedLog, snapshots: readonly number[], logEndOffset: number): void {
  const bases = new Set(loaded.segments.map((segment) => segment.baseOffset))
  const valid = snapshots.filter((offset) => offset <= logEndOffset)
  for (const offset of snapshots) {
    if (offset <= logEndOffset && (bases.has(offset) || offset === valid.at(-1))) continue
    context.disk.unlink(`${loaded.folder}/${offsetFileName(offset, suffixes.snapshot)}`)
  }
}
