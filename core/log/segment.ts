/**
 * One segment of a partition: its `.log`, and beside it `.index`, `.timeindex` and `.txnindex` under the same 20 digits. While it is the active one its
 * indexes grow in memory; `seal` writes them. Holds positions and bookkeeping only: what may be appended or read is decided elsewhere.
 */
import { join } from 'node:path'
import type { Disk } from '../system/disk.ts'
import { GrowingIndex, OFFSET_ENTRY_BYTES, relativeOffsetAt, searchIndex, TIME_ENTRY_BYTES } from './offset-index.ts'
import { LogFile, type OpenFiles } from './open-files.ts'
import { WarmRanges } from './page-cache-ranges.ts'
import { appendTimeEntry, readTimeEntry, timestampAt } from './time-index.ts'
import { type AbortedEntry, decodeAborted, encodeAborted } from './transaction-index.ts'

const OFFSET_DIGITS = 20
const MAX_RELATIVE_OFFSET = 0x7fff_ffff

export const suffixes = { log: '.log', index: '.index', timeIndex: '.timeindex', transactions: '.txnindex', snapshot: '.snapshot' } as const

export const offsetFileName = (offset: number, suffix: string): string => `${String(offset).padStart(OFFSET_DIGITS, '0')}${suffix}`

/** What one batch adds to a segment's bookkeeping. */
export interface AppendedBatch {
  readonly lastOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
}

export class Segment {
  readonly folder: string
  readonly baseOffset: number
  readonly log: LogFile
  readonly warm = new WarmRanges()
  readonly #disk: Disk
  /** Bytes in the file; what is queued is not among them. */
  sizeBytes = 0
  /** Where it begins in the partition's bytes since the log was opened, counted over all segments. */
  startPosition = 0
  /** When its first batch was written, by the batch's own timestamp; -1 while it is empty. */
  firstTimestamp = -1
  createdMs: number
  /** True until the folder's entry for it is durable. */
  isNew = false
  /** True once retention took its files away. */
  isDropped = false
  /** Null once sealed: then they are read from their files. */
  #offsets: GrowingIndex | null
  #times: GrowingIndex | null
  #aborted: AbortedEntry[] | null = null
  #bytesSinceEntry = 0
  /** Null until somebody asks, for a sealed segment. */
  #latest: { timestamp: number; offset: number } | null

  constructor(files: OpenFiles, folder: string, baseOffset: number, createdMs: number) {
    this.#disk = files.disk
    this.folder = folder
    this.baseOffset = baseOffset
    this.createdMs = createdMs
    this.log = new LogFile(files, join(folder, offsetFileName(baseOffset, suffixes.log)))
    this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES)
    this.#times = new GrowingIndex(TIME_ENTRY_BYTES)
    this.#latest = { timestamp: -1, offset: -1 }
  }

  path(suffix: string): string {
    return join(this.folder, offsetFileName(this.baseOffset, suffix))
  }

  get isIndexFull(): boolean {
    return this.#offsets !== null && this.#times !== null && (this.#offsets.isFull || this.#times.isFull)
  }

  /** The first offset that its index has no room for. */
  get endOfOffsets(): number {
    return this.baseOffset + MAX_RELATIVE_OFFSET + 1
  }

  /** True when `lastOffset` cannot be told relative to the base in the index's 32 bits. */
  overflows(lastOffset: number): boolean {
    return lastOffset >= this.endOfOffsets
  }

  /** Takes in a batch that was written at the end of the file. */
  note(batch: AppendedBatch, indexIntervalBytes: number): void {
    const latest = this.#latest!
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

  noteAborted(entry: AbortedEntry): void {
    this.abortedTransactions().push(entry)
  }

  abortedTransactions(): AbortedEntry[] {
    if (this.#aborted === null)
      this.#aborted = decodeAborted(this.#disk.readFile(this.path(suffixes.transactions)) ?? Buffer.alloc(0)) ?? []
    return this.#aborted
  }

  /** Forgets bookkeeping that is about to be made again from the log. */
  reset(): void {
    this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES)
    this.#times = new GrowingIndex(TIME_ENTRY_BYTES)
    this.#latest = { timestamp: -1, offset: -1 }
    this.#aborted = []
    this.#bytesSinceEntry = 0
    this.sizeBytes = 0
    this.firstTimestamp = -1
  }

  /** Writes the indexes to their files (not yet synced) and returns the paths. */
  writeIndexes(): string[] {
    if (this.#offsets === null || this.#times === null) return []
    if (this.#latest !== null && this.#latest.timestamp >= 0)
      appendTimeEntry(this.#times, this.#latest.timestamp, this.#latest.offset - this.baseOffset)
    const paths = [this.path(suffixes.index), this.path(suffixes.timeIndex)]
    this.#disk.writeFile(paths[0]!, this.#offsets.content)
    this.#disk.writeFile(paths[1]!, this.#times.content)
    if (this.#aborted !== null && this.#aborted.length > 0) {
      paths.push(this.path(suffixes.transactions))
      this.#disk.writeFile(paths[2]!, Buffer.concat(this.#aborted.map(encodeAborted)))
    }
    return paths
  }

  /** The segment takes no more: its indexes, written before, are files from here on. */
  seal(): void {
    this.#offsets = null
    this.#times = null
  }

  /** For a segment found on disk whose index files are whole: nothing of them is read before somebody asks. */
  adoptSealed(sizeBytes: number): void {
    this.sizeBytes = sizeBytes
    this.#offsets = null
    this.#times = null
    this.#latest = null
  }

  /** For the active segment found on disk after a clean stop: the entries go on growing. */
  adoptActive(offsets: Buffer, times: Buffer): void {
    this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES, offsets)
    this.#times = new GrowingIndex(TIME_ENTRY_BYTES, times)
    const last = times.length > 0 ? readTimeEntry(times, times.length - TIME_ENTRY_BYTES) : null
    this.#latest = last ? { timestamp: last.timestamp, offset: this.baseOffset + last.relativeOffset } : { timestamp: -1, offset: -1 }
  }

  /** Takes a batch's timestamp in that the time index may not know. */
  noteLatest(batch: AppendedBatch): void {
    if (batch.maxTimestamp > this.#latest!.timestamp) this.#latest = { timestamp: batch.maxTimestamp, offset: batch.lastOffset }
  }

  adoptSize(sizeBytes: number, firstTimestamp: number, bytesSinceEntry: number): void {
    this.sizeBytes = sizeBytes
    this.firstTimestamp = firstTimestamp
    this.#bytesSinceEntry = bytesSinceEntry
  }

  /** A file position at or before the batch that holds `offset`, and an offset that the batch there does not pass: what the index promises of it. */
  floor(offset: number): { position: number; lastOffset: number } {
    const relative = offset - this.baseOffset
    const entry = relative > 0 ? this.#search(this.#offsets, suffixes.index, OFFSET_ENTRY_BYTES, relativeOffsetAt, relative) : null
    if (entry === null) return { position: 0, lastOffset: Number.POSITIVE_INFINITY }
    return { position: Math.min(entry.readUInt32BE(4), this.sizeBytes), lastOffset: this.baseOffset + relativeOffsetAt(entry, 0) }
  }

  /** Goes on without an offset index that did not keep its promise; where it was a file, the next start makes it again. */
  dropOffsetIndex(): void {
    if (this.#offsets === null) this.#disk.unlink(this.path(suffixes.index))
    else this.#offsets = new GrowingIndex(OFFSET_ENTRY_BYTES)
  }

  /** An offset such that every record before the batch that holds it is earlier than `timestamp`. */
  floorOffsetFor(timestamp: number): number {
    const entry = this.#search(this.#times, suffixes.timeIndex, TIME_ENTRY_BYTES, timestampAt, timestamp - 1)
    return this.baseOffset + (entry ? readTimeEntry(entry).relativeOffset : 0)
  }

  /** The largest timestamp and the last offset of the batch that has it; -1, -1 where there is none. */
  largest(): { timestamp: number; offset: number } {
    if (this.#latest === null) {
      const bytes = this.#disk.readFile(this.path(suffixes.timeIndex)) ?? Buffer.alloc(0)
      const last =
        bytes.length >= TIME_ENTRY_BYTES ? readTimeEntry(bytes, bytes.length - (bytes.length % TIME_ENTRY_BYTES) - TIME_ENTRY_BYTES) : null
      this.#latest = last ? { timestamp: last.timestamp, offset: this.baseOffset + last.relativeOffset } : { timestamp: -1, offset: -1 }
    }
    return this.#latest
  }

  /** For retention by time: where no record has a timestamp, the time of the last write speaks. */
  ageTimestamp(): number {
    const { timestamp } = this.largest()
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
