/**
 * One segment of a partition: its `.log`, `.index`, `.timeindex` and `.txnindex`, named by the base offset. The indexes of the active
 * segment grow in memory and are written at the roll; those of other segments are read from their files. It does not decide what is
 * appended or read.
 */
import { join } from 'node:path'
import type { Disk } from '../system/disk.ts'
import { BATCH_OVERHEAD, readBatchHeader } from '../wire/batch-header.ts'
import { GrowingIndex, OFFSET_ENTRY_BYTES, relativeOffsetAt, searchIndex, TIME_ENTRY_BYTES } from './offset-index.ts'
import { LogFile, type OpenFiles } from './open-files.ts'
import { PageCacheRanges } from './page-cache-ranges.ts'
import { appendTimeEntry, readTimeEntry, timestampAt } from './time-index.ts'
import { type AbortedTxn, decodeAbortedTxns, encodeAbortedTxn } from './transaction-index.ts'

const OFFSET_DIGITS = 20
const MAX_RELATIVE_OFFSET = 0x7fff_ffff

export const suffixes = { log: '.log', index: '.index', timeIndex: '.timeindex', transactions: '.txnindex', snapshot: '.snapshot' } as const

/** What the names of the files of a segment end with while it replaces others: before and after it is complete. */
export const CLEANED = '.cleaned'
export const SWAP = '.swap'
export type SegmentEnding = '' | typeof CLEANED | typeof SWAP

export const offsetFileName = (offset: number, suffix: string): string => `${String(offset).padStart(OFFSET_DIGITS, '0')}${suffix}`

/** The fields of a batch that the indexes use. */
export interface AppendedBatch {
  readonly lastOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
}

export class Segment {
  readonly folder: string
  readonly baseOffset: number
  readonly log: LogFile
  readonly pageCache = new PageCacheRanges()
  readonly #disk: Disk
  #ending: SegmentEnding
  /** Bytes in the file, without queued batches. */
  sizeBytes = 0
  /** The position of its first byte in the partition: the sum of the sizes of the segments before it, since the log was opened. */
  startPosition = 0
  /** The timestamp of its first batch; -1 while it is empty or, of a rolled segment, not loaded. */
  firstTimestamp = -1
  createdMs: number
  /** True until its folder entry is durable. */
  isNew = false
  /** True once retention has deleted its files, or a cleaning has replaced it. */
  isDeleted = false
  /** Null after the roll: the index files are read then. */
  #offsets: GrowingIndex | null
  #times: GrowingIndex | null
  #aborted: AbortedTxn[] | null = null
  #bytesSinceEntry = 0
  /** Null until it is read from the time index of a rolled segment. */
  #largest: { timestamp: number; offset: number } | null

  constructor(files: OpenFiles, folder: string, baseOffset: number, createdMs: number, ending: SegmentEnding = '') {
    this.#disk = files.disk
    this.folder = folder
    this.baseOffset = baseOffset
    this.createdMs = createdMs
    this.#ending = ending
    this.log = new LogFile(files, this.path(suffixes.log))
    this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES)
    this.#times = new GrowingIndex(TIME_ENTRY_BYTES)
    this.#largest = { timestamp: -1, offset: -1 }
  }

  path(suffix: string): string {
    return join(this.folder, offsetFileName(this.baseOffset, suffix) + this.#ending)
  }

  /** Renames its files, the `.log` last: where it has the new ending, all have. */
  rename(ending: SegmentEnding): void {
    const present = [suffixes.index, suffixes.timeIndex, suffixes.transactions].filter((suffix) => this.#disk.exists(this.path(suffix)))
    const names = [...present, suffixes.log].map((suffix) => ({
      from: this.path(suffix),
      to: offsetFileName(this.baseOffset, suffix) + ending,
    }))
    for (const { from, to } of names) this.#disk.rename(from, join(this.folder, to))
    this.#ending = ending
    this.log.moved(this.path(suffixes.log))
  }

  get isIndexFull(): boolean {
    return this.#offsets !== null && this.#times !== null && (this.#offsets.isFull || this.#times.isFull)
  }

  /** The first offset that cannot be stored relative to the base offset. */
  get maxEndOffset(): number {
    return this.baseOffset + MAX_RELATIVE_OFFSET + 1
  }

  /** True when `lastOffset` cannot be stored relative to the base offset, in the 32 bits of an index entry. */
  overflows(lastOffset: number): boolean {
    return lastOffset >= this.maxEndOffset
  }

  /** Adds a batch that was written at the end of the file. */
  indexBatch(batch: AppendedBatch, indexIntervalBytes: number): void {
    const latest = this.#largest!
    if (batch.maxTimestamp > latest.timestamp) {
      latest.timestamp = batch.maxTimestamp
      latest.offset = batch.lastOffset
    }
    if (this.sizeBytes === 0) this.firstTimestamp = batch.maxTimestamp
    const offsets = this.#offsets!
    if (this.#bytesSinceEntry > indexIntervalBytes && !offsets.isFull) {
      const { bytes, at } = offsets.extend()
      bytes.writeUInt32BE(batch.lastOffset - this.baseOffset, at)
      bytes.writeUInt32BE(this.sizeBytes, at + 4)
      appendTimeEntry(this.#times!, latest.timestamp, latest.offset - this.baseOffset)
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.sizeBytes
    this.sizeBytes += batch.sizeBytes
  }

  addAbortedTxn(entry: AbortedTxn): void {
    this.abortedTransactions().push(entry)
  }

  /** Removes the newest one, whose marker could not be written. */
  removeLastAbortedTxn(): void {
    this.abortedTransactions().pop()
  }

  abortedTransactions(): AbortedTxn[] {
    if (this.#aborted === null)
      this.#aborted = decodeAbortedTxns(this.#disk.readFile(this.path(suffixes.transactions)) ?? Buffer.alloc(0)) ?? []
    return this.#aborted
  }

  /** Empties the indexes, to rebuild them from the log. */
  reset(): void {
    this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES)
    this.#times = new GrowingIndex(TIME_ENTRY_BYTES)
    this.#largest = { timestamp: -1, offset: -1 }
    this.#aborted = []
    this.#bytesSinceEntry = 0
    this.sizeBytes = 0
    this.firstTimestamp = -1
  }

  /** Writes the index files, without syncing them, and returns their paths. */
  writeIndexes(): string[] {
    if (this.#offsets === null || this.#times === null) return []
    if (this.#largest !== null && this.#largest.timestamp >= 0)
      appendTimeEntry(this.#times, this.#largest.timestamp, this.#largest.offset - this.baseOffset)
    const paths = [this.path(suffixes.index), this.path(suffixes.timeIndex)]
    this.#disk.writeFile(paths[0]!, this.#offsets.content)
    this.#disk.writeFile(paths[1]!, this.#times.content)
    if (this.#aborted !== null && this.#aborted.length > 0) {
      paths.push(this.path(suffixes.transactions))
      this.#disk.writeFile(paths[2]!, Buffer.concat(this.#aborted.map(encodeAbortedTxn)))
    } else if (this.#aborted !== null) {
      // Of a segment whose markers were truncated: the file would hide records that are committed later.
      this.#disk.unlink(this.path(suffixes.transactions))
    }
    return paths
  }

  /** Ends the segment: the index files, written before, are read afterwards. */
  closeIndexes(): void {
    this.#offsets = null
    this.#times = null
  }

  /** For a rolled segment with complete index files. They are read on demand. */
  loadRolled(sizeBytes: number): void {
    this.sizeBytes = sizeBytes
    this.#offsets = null
    this.#times = null
    this.#largest = null
  }

  /** For the active segment after a clean stop: continues with the entries of its index files. */
  loadIndexes(offsets: Buffer, times: Buffer): void {
    this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES, offsets)
    this.#times = new GrowingIndex(TIME_ENTRY_BYTES, times)
    const last = times.length > 0 ? readTimeEntry(times, times.length - TIME_ENTRY_BYTES) : null
    this.#largest = last ? { timestamp: last.timestamp, offset: this.baseOffset + last.relativeOffset } : { timestamp: -1, offset: -1 }
  }

  /** Adds the timestamp of a batch that the time index may not contain. */
  updateLargestTimestamp(batch: AppendedBatch): void {
    if (batch.maxTimestamp > this.#largest!.timestamp) this.#largest = { timestamp: batch.maxTimestamp, offset: batch.lastOffset }
  }

  setSize(sizeBytes: number, firstTimestamp: number, bytesSinceEntry: number): void {
    this.sizeBytes = sizeBytes
    this.firstTimestamp = firstTimestamp
    this.#bytesSinceEntry = bytesSinceEntry
  }

  /** A file position at or before the batch that contains `offset`, and the last offset that the index gives for the batch there. */
  translateOffset(offset: number): { position: number; lastOffset: number } {
    const relative = offset - this.baseOffset
    const entry = relative > 0 ? this.#search(this.#offsets, suffixes.index, OFFSET_ENTRY_BYTES, relativeOffsetAt, relative) : null
    if (entry === null) return { position: 0, lastOffset: Number.POSITIVE_INFINITY }
    return { position: Math.min(entry.readUInt32BE(4), this.sizeBytes), lastOffset: this.baseOffset + relativeOffsetAt(entry, 0) }
  }

  /** Drops a damaged offset index. A deleted index file is rebuilt at the next start. */
  dropOffsetIndex(): void {
    if (this.#offsets === null) this.#disk.unlink(this.path(suffixes.index))
    else this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES)
  }

  /** An offset: every record before the batch that contains it is earlier than `timestamp`. */
  floorOffsetForTimestamp(timestamp: number): number {
    const entry = this.#search(this.#times, suffixes.timeIndex, TIME_ENTRY_BYTES, timestampAt, timestamp - 1)
    return this.baseOffset + (entry ? readTimeEntry(entry).relativeOffset : 0)
  }

  /** The largest timestamp and the last offset of its batch; -1, -1 where there is none. */
  largestTimestamp(): { timestamp: number; offset: number } {
    if (this.#largest === null) {
      const bytes = this.#disk.readFile(this.path(suffixes.timeIndex)) ?? Buffer.alloc(0)
      const last =
        bytes.length >= TIME_ENTRY_BYTES ? readTimeEntry(bytes, bytes.length - (bytes.length % TIME_ENTRY_BYTES) - TIME_ENTRY_BYTES) : null
      this.#largest = last ? { timestamp: last.timestamp, offset: this.baseOffset + last.relativeOffset } : { timestamp: -1, offset: -1 }
    }
    return this.#largest
  }

  loadFirstTimestamp(): number {
    if (this.firstTimestamp < 0 && this.sizeBytes >= BATCH_OVERHEAD) {
      const head = Buffer.allocUnsafe(BATCH_OVERHEAD)
      this.#disk.readSync(this.log.use(), head, 0, BATCH_OVERHEAD, 0)
      this.firstTimestamp = readBatchHeader(head).maxTimestamp
    }
    return this.firstTimestamp
  }

  /** The timestamp for retention.ms: the largest one, or the time of the last write where no record has one. */
  retentionTimestamp(): number {
    const { timestamp } = this.largestTimestamp()
    return timestamp >= 0 ? timestamp : (this.#disk.stat(this.log.path)?.modifiedMs ?? this.createdMs)
  }

  #search(
    growing: GrowingIndex | null,
    suffix: string,
    entryBytes: number,
    keyAt: (bytes: Buffer, at: number) => number,
    target: number,
  ): Buffer | null {
    if (growing !== null) {
      const content = growing.content
      return searchIndex(growing.count, entryBytes, (position, length) => content.subarray(position, position + length), keyAt, target)
    }
    const path = this.path(suffix)
    if (!this.#disk.exists(path)) return null
    const file = this.#disk.open(path, 'read')
    try {
      const read = (position: number, length: number): Buffer => {
        const bytes = Buffer.allocUnsafe(length)
        this.#disk.readSync(file, bytes, 0, length, position)
        return bytes
      }
      return searchIndex(Math.floor(this.#disk.size(file) / entryBytes), entryBytes, read, keyAt, target)
    } finally {
      this.#disk.close(file)
    }
  }
}
