/**
 * The segment that a cleaning writes in place of a group of segments. Its files end with `.cleaned` until they are complete and durable,
 * and with `.swap` from then on: a start after a crash removes the former and puts the latter in place. Invariant 8.
 */
import type { Disk, DiskFile } from '../../system/disk.ts'
import type { BatchHeader } from '../../wire/batch-header.ts'
import { OpenFiles } from '../open-files.ts'
import { type AppendedBatch, CLEANED, Segment, SWAP, suffixes } from '../segment.ts'

/**
 * So many bytes become durable at a time. The fdatasync of an append to another log waits in the file system's journal for bytes that are
 * on their way to the device: for these at the most, and not for a whole segment.
 */
const SYNC_BYTES = 8 * 2 ** 20

export interface CleanedSegmentOptions {
  readonly disk: Disk
  readonly folder: string
  readonly baseOffset: number
  readonly bufferBytes: number
  readonly indexIntervalBytes: number
}

export class CleanedSegment {
  readonly segment: Segment
  /** Bytes that are not written yet; valid until the next call. */
  buffer: Buffer
  /** Bytes that were written to the file. */
  writtenBytes = 0
  readonly #disk: Disk
  readonly #folder: string
  readonly #indexIntervalBytes: number
  readonly #file: DiskFile
  #used = 0
  #syncedBytes = 0
  #isClosed = false

  constructor({ disk, folder, baseOffset, bufferBytes, indexIntervalBytes }: CleanedSegmentOptions) {
    this.#disk = disk
    this.#folder = folder
    this.#indexIntervalBytes = indexIntervalBytes
    this.segment = new Segment(new OpenFiles(disk), folder, baseOffset, 0, CLEANED)
    this.buffer = Buffer.allocUnsafeSlow(bufferBytes)
    this.#file = this.segment.log.use('fresh')
    this.segment.log.pin()
  }

  /** Makes room for `bytes` and returns their position in `buffer`. */
  reserve(bytes: number): number {
    if (this.#used + bytes > this.buffer.length) {
      this.#write()
      // A batch that is larger than the buffer; its own length, checked before, is the limit.
      if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafeSlow(bytes)
    }
    return this.#used
  }

  /** Adds the batch that was written at the position of the last `reserve`. */
  commit(batch: AppendedBatch): void {
    this.#used += batch.sizeBytes
    this.segment.indexBatch(batch, this.#indexIntervalBytes)
  }

  /** Adds the batch at `start` of `source` as it is. */
  copy(header: BatchHeader, source: Buffer, start: number): void {
    const position = this.reserve(header.sizeBytes)
    source.copy(this.buffer, position, start, start + header.sizeBytes)
    this.commit(header)
  }

  get needsSync(): boolean {
    return this.writtenBytes - this.#syncedBytes >= SYNC_BYTES
  }

  /** Makes the bytes durable that were written so far. */
  async sync(): Promise<void> {
    this.#syncedBytes = this.writtenBytes
    await this.#disk.fdatasync(this.#file)
  }

  /** Makes the files durable, with the time of the last write of what they replace. They end with `.swap` then. */
  async complete(modifiedMs: number): Promise<void> {
    this.#write()
    const paths = this.segment.writeIndexes()
    await Promise.all([this.sync(), ...paths.map((path) => this.#disk.syncFile(path))])
    for (const path of [this.segment.log.path, ...paths]) this.#disk.setModified(path, modifiedMs)
    this.segment.rename(SWAP)
    await this.#disk.syncFolder(this.#folder)
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.segment.log.unpin()
    this.segment.log.retire()
  }

  /** Removes the files: the `.log` first, without which the others mean nothing. */
  discard(): void {
    this.close()
    for (const suffix of [suffixes.log, suffixes.index, suffixes.timeIndex, suffixes.transactions])
      this.#disk.unlink(this.segment.path(suffix))
  }

  #write(): void {
    let from = 0
    while (from < this.#used) {
      const count = this.#disk.writeSync(this.#file, this.buffer.subarray(from, this.#used), this.writtenBytes)
      if (count === 0) throw new Error(`${this.segment.log.path}: wrote ${from} of ${this.#used} bytes`)
      this.writtenBytes += count
      from += count
    }
    this.#used = 0
  }
}
