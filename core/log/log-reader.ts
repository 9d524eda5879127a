/**
 * Serves one partition's batches: from the tail in memory where the asked offset is there, else from the segments' files. Knows no bounds of its own: who
 * calls says where reading ends.
 */
import type { LogContext } from './log-context.ts'
import type { QueuedBatch } from './log-writer.ts'
import type { Segment } from './segment.ts'
import { emptyRead, SegmentReader } from './segment-reader.ts'
import type { Segments } from './segments.ts'
import { LogTail } from './tail-cache.ts'
import type { ReadResult } from './types.ts'

export class LogReader {
  readonly files: SegmentReader
  readonly #segments: Segments
  readonly #tail: LogTail

  constructor(context: LogContext, segments: Segments) {
    this.files = new SegmentReader(context)
    this.#segments = segments
    this.#tail = new LogTail(context.tails)
  }

  /** Takes in a batch that is in the file at `position` of the partition's bytes. */
  follow(batch: QueuedBatch, position: number): void {
    this.#tail.push(batch.bytes, batch.baseOffset, batch.lastOffset, position)
  }

  /** Whole batches from the one with `offset` on that end before `end`. */
  read(offset: number, maxBytes: number, atLeastOne: boolean, end: number): ReadResult | Promise<ReadResult> {
    const index = this.#tail.find(offset)
    if (index >= 0) {
      const { chunks, bytes } = this.#tail.collect(index, maxBytes, atLeastOne, end)
      return bytes === 0 ? emptyRead : { chunks, bytes, release: emptyRead.release }
    }
    const segment = this.#segments.floor(offset)
    const found = this.files.read(segment, offset, maxBytes, atLeastOne, end)
    if (found !== null && !(found instanceof Promise)) return found
    return this.#readOn(segment, found, maxBytes, atLeastOne, end)
  }

  /** Where the batch with `offset` begins in the partition's bytes, or a little before; the end where it is not written yet. */
  positionOf(offset: number): number {
    const index = this.#tail.find(offset)
    if (index >= 0) return this.#tail.at(index).position
    const { active } = this.#segments
    if (offset >= this.#tail.startOffset) return active.startPosition + active.sizeBytes
    const segment = this.#segments.floor(offset)
    return segment.startPosition + this.files.approximate(segment, offset).position
  }

  close(): void {
    this.#tail.clear()
  }

  /** Goes on into the following segments where one ends in a gap that compaction left. */
  async #readOn(
    first: Segment,
    found: Promise<ReadResult | null> | null,
    maxBytes: number,
    atLeastOne: boolean,
    end: number,
  ): Promise<ReadResult> {
    let result = await found
    for (let segment = this.#segments.after(first); result === null && segment !== undefined; segment = this.#segments.after(segment)) {
      result = await this.files.read(segment, segment.baseOffset, maxBytes, atLeastOne, end)
    }
    return result ?? emptyRead
  }
}
