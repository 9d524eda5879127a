/**
 * One cleaning of a log: reads its dirty part into a map of the last offset of each key, then copies all segments before the end of the
 * map, a group at a time, without the records that a later one replaces. It runs in a thread of its own, and in tests with a disk that
 * fails; it changes nothing but files ending in `.cleaned` and `.swap`. The owner of the log puts each complete segment in place.
 */
import type { Disk } from '../../system/disk.ts'
import { readMarker } from '../control-record.ts'
import { MAX_INDEX_BYTES } from '../offset-index.ts'
import { CLEANED, offsetFileName, suffixes } from '../segment.ts'
import type { AbortedTxn } from '../transaction-index.ts'
import { BatchFilter } from './batch-filter.ts'
import { batchRetention, isControl, type LastBatch } from './batch-retention.ts'
import { CleanedSegment } from './cleaned-segment.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { KeyHash } from './key-hash.ts'
import { KeyOffsets, MIN_MAP_BYTES } from './key-offsets.ts'
import { RecordFields } from './record-fields.ts'
import { SegmentFile } from './segment-file.ts'
import { type GroupedSegment, groupSegments } from './segment-groups.ts'

/** A segment before the first uncleanable offset. */
export interface SourceSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
}

/** All that a cleaning needs to know; it can be sent to a thread. */
export interface CleaningRequest {
  readonly folder: string
  /** In offset order, from the start of the log. */
  readonly segments: readonly SourceSegment[]
  readonly firstDirtyOffset: number
  readonly firstUncleanableOffset: number
  /** The aborted transactions of the whole log. */
  readonly aborted: readonly AbortedTxn[]
  /** By producer id. */
  readonly lastBatches: ReadonlyMap<number, LastBatch>
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly segmentBytes: number
  readonly indexIntervalBytes: number
  readonly mapBytes: number
  readonly loadFactor: number
  /** Bytes of one buffer; there are two. */
  readonly bufferBytes: number
  readonly secret: Uint8Array
}

/** The complete segment `baseOffset` in place of `replaced`. */
export interface CleanedGroup {
  readonly replaced: readonly number[]
  readonly baseOffset: number
  readonly sizeBytes: number
}

export interface CleaningEffects {
  readonly disk: Disk
  /**
   * Called for all bytes that are read or written: waits for log.cleaner.io.max.bytes.per.second, and throws where the cleaning must end.
   */
  transferred(bytes: number): Promise<void> | undefined
  /** Puts a segment in place of others. False where nothing was changed. Rejects where the log has failed in between. */
  replace(group: CleanedGroup): Promise<boolean>
}

export interface CleaningStats {
  mapBytesRead: number
  bytesRead: number
  bytesWritten: number
  recordsRead: number
  recordsKept: number
  invalidRecords: number
  keys: number
  /** Bytes of memory of the map. */
  mapBytes: number
  mapUtilization: number
}

export interface CleaningResult {
  /** The log is clean up to it. */
  readonly endOffset: number
  /** False where a segment could not be put in place. */
  readonly isComplete: boolean
  readonly stats: CleaningStats
}

export async function cleanLog(request: CleaningRequest, effects: CleaningEffects): Promise<CleaningResult> {
  removeIncomplete(request.folder, effects.disk)
  const cleaning = new LogCleaning(request, effects)
  try {
    await cleaning.buildMap()
    return await cleaning.copySegments()
  } finally {
    cleaning.release()
  }
}

/** A crash or a failure may have left files of an earlier cleaning. Next to complete ones they would make a start discard those. */
function removeIncomplete(folder: string, disk: Disk): void {
  for (const { name } of disk.list(folder)) if (name.endsWith(CLEANED)) disk.unlink(`${folder}/${name}`)
}

interface SizedSegment extends SourceSegment, GroupedSegment {}

class LogCleaning {
  readonly #request: CleaningRequest
  readonly #effects: CleaningEffects
  readonly #key: KeyHash
  readonly #map: KeyOffsets
  readonly #stats: CleaningStats = {
    mapBytesRead: 0,
    bytesRead: 0,
    bytesWritten: 0,
    recordsRead: 0,
    recordsKept: 0,
    invalidRecords: 0,
    keys: 0,
    mapBytes: 0,
    mapUtilization: 0,
  }

  constructor(request: CleaningRequest, effects: CleaningEffects) {
    this.#request = request
    this.#effects = effects
    this.#key = new KeyHash(request.secret)
    this.#map = new KeyOffsets({
      startOffset: request.firstDirtyOffset,
      maxBytes: Math.max(MIN_MAP_BYTES, request.mapBytes),
      loadFactor: request.loadFactor,
    })
  }

  release(): void {
    this.#map.release()
  }

  /** Reads the dirty segments until the map is full. */
  async buildMap(): Promise<void> {
    const { segments, firstDirtyOffset, firstUncleanableOffset, aborted } = this.#request
    const transactions = new CleanedTransactions(aborted.filter(({ lastOffset }) => lastOffset >= firstDirtyOffset))
    const map = this.#map
    for (const [index, segment] of segments.entries()) {
      const endOffset = segments[index + 1]?.baseOffset ?? firstUncleanableOffset
      if (endOffset <= firstDirtyOffset) continue
      if (!(await this.#mapSegment(segment, transactions))) break
      // Offsets without a record are clean too.
      map.latestOffset = Math.max(map.latestOffset, endOffset - 1)
    }
    this.#stats.keys = map.size
    this.#stats.mapBytes = map.bytes
    this.#stats.mapUtilization = map.utilization
  }

  /** False where the map is full. */
  async #mapSegment(segment: SourceSegment, transactions: CleanedTransactions): Promise<boolean> {
    const { firstDirtyOffset, bufferBytes } = this.#request
    const map = this.#map
    const key = this.#key
    const records = new RecordFields()
    let isFull = false
    const file = this.#open(segment)
    try {
      await file.forEachBatch(
        0,
        bufferBytes,
        (header, bytes, start) => {
          if (isControl(header)) {
            const committed = header.count === 0 ? null : markerOf(bytes, start, header.sizeBytes)
            if (committed === null) transactions.passOffset(header.lastOffset)
            else transactions.passMarker(header.producerId, header.lastOffset, committed)
          } else if (!transactions.pass(header) && header.lastOffset >= firstDirtyOffset) {
            records.begin(header, bytes, start)
            while (records.next()) {
              if (!records.hasKey || records.offset < firstDirtyOffset) continue
              key.hash(records.bytes, records.keyStart, records.keyEnd)
              if (!map.put(key, records.offset)) {
                isFull = true
                return false
              }
            }
          }
          if (header.lastOffset > map.latestOffset) map.latestOffset = header.lastOffset
          return true
        },
        (bytes) => {
          this.#stats.mapBytesRead += bytes
          return this.#effects.transferred(bytes)
        },
      )
    } finally {
      file.close()
    }
    return !isFull
  }

  /** Copies the segments before the end of the map, and has them replaced. */
  async copySegments(): Promise<CleaningResult> {
    const { disk } = this.#effects
    const { folder, segmentBytes, firstUncleanableOffset, aborted } = this.#request
    const endOffset = this.#map.latestOffset + 1
    if (endOffset <= this.#request.firstDirtyOffset)
      throw new Error(`${folder}: the map has no room for the keys of one batch: raise log.cleaner.dedupe.buffer.size`)
    const bytesOf = (baseOffset: number, suffix: string) => disk.stat(`${folder}/${offsetFileName(baseOffset, suffix)}`)?.bytes ?? 0
    const sized: SizedSegment[] = this.#request.segments
      .filter(({ baseOffset }) => baseOffset < endOffset)
      .map((segment) => ({
        ...segment,
        indexBytes: bytesOf(segment.baseOffset, suffixes.index),
        timeIndexBytes: bytesOf(segment.baseOffset, suffixes.timeIndex),
      }))
    const transactions = new CleanedTransactions(aborted)
    for (const group of groupSegments(sized, { segmentBytes, indexBytes: MAX_INDEX_BYTES, endOffset: firstUncleanableOffset })) {
      const isReplaced = await this.#cleanGroup(group, transactions)
      if (!isReplaced) return { endOffset, isComplete: false, stats: this.#stats }
    }
    return { endOffset, isComplete: true, stats: this.#stats }
  }

  async #cleanGroup(group: readonly SizedSegment[], transactions: CleanedTransactions): Promise<boolean> {
    const { disk, replace } = this.#effects
    const { folder, bufferBytes, indexIntervalBytes } = this.#request
    const { baseOffset } = group[0]!
    const output = new CleanedSegment({ disk, folder, baseOffset, bufferBytes, indexIntervalBytes })
    try {
      for (const segment of group) await this.#copyInto(output, segment, transactions)
      await output.complete(disk.stat(this.#pathOf(group.at(-1)!))?.modifiedMs ?? this.#request.nowMs)
    } catch (error) {
      output.discard()
      throw error
    }
    const { sizeBytes } = output.segment
    this.#stats.bytesWritten += sizeBytes
    // Where this throws, the files may be all that is left of the group: the next start puts them in place.
    const isReplaced = await replace({ replaced: group.map((segment) => segment.baseOffset), baseOffset, sizeBytes })
    if (!isReplaced) output.discard()
    return isReplaced
  }

  async #copyInto(output: CleanedSegment, segment: SourceSegment, transactions: CleanedTransactions): Promise<void> {
    const { firstUncleanableOffset, lastBatches, nowMs, deleteRetentionMs, bufferBytes } = this.#request
    const filter = new BatchFilter(this.#map, this.#key, { nowMs, deleteRetentionMs })
    const current: { bytes: Buffer; start: number; sizeBytes: number } = { bytes: Buffer.alloc(0), start: 0, sizeBytes: 0 }
    const facts = {
      nowMs,
      endOffset: firstUncleanableOffset,
      lastBatches,
      transactions,
      committed: () => markerOf(current.bytes, current.start, current.sizeBytes),
    }
    const stats = this.#stats
    const file = this.#open(segment)
    let writtenBefore = output.writtenBytes
    try {
      await file.forEachBatch(
        0,
        bufferBytes,
        (header, bytes, start) => {
          current.bytes = bytes
          current.start = start
          current.sizeBytes = header.sizeBytes
          filter.filter(header, bytes, start, batchRetention(header, facts), output)
          return true
        },
        (bytes) => {
          stats.bytesRead += bytes
          const written = output.writtenBytes - writtenBefore
          writtenBefore = output.writtenBytes
          const waiting = this.#effects.transferred(bytes + written)
          return output.needsSync ? syncAfter(waiting, output) : waiting
        },
      )
    } finally {
      file.close()
    }
    stats.recordsRead += filter.recordsRead
    stats.recordsKept += filter.recordsKept
    stats.invalidRecords += filter.invalidRecords
  }

  #pathOf({ baseOffset }: SourceSegment): string {
    return `${this.#request.folder}/${offsetFileName(baseOffset, suffixes.log)}`
  }

  #open(segment: SourceSegment): SegmentFile {
    return new SegmentFile(this.#effects.disk, this.#pathOf(segment), segment.sizeBytes)
  }
}

/** One after the other: a cleaning that ends during the wait closes the file. */
async function syncAfter(waiting: Promise<void> | undefined, output: CleanedSegment): Promise<void> {
  await waiting
  await output.sync()
}

/** Whether a marker commits; null for control batches that end no transaction. */
const markerOf = (bytes: Buffer, start: number, sizeBytes: number): boolean | null =>
  readMarker(bytes.subarray(start, start + sizeBytes))?.commit ?? null
