/**
 * Serves one partition's batches: from the tail in memory where the asked offset is there, else from the segments' files. Knows no bounds of its own: who
 * calls says where reading ends.
 */
import type { LogContext } from './log-context.ts'
import type { QueuedBatch } from './log-writer.ts'
import type { Segment } from './segment.ts'
import { emptyRead, SegmentReader } from './segment-reader.ts'
import type { Segments } from './segments.ts'
import { TailCache } from './tail-cache.ts'
import type { ReadResult } from './types.ts'

export class LogReader {
  readonly files: SegmentReader
  readonly #segments: Segments
  readonly #tail: TailCache

  constructor(context: LogContext, segments: Segments) {
    this.files = new SegmentReader(context)
    this.#segments = segments
    this.#tail = new TailCache(context.tailCaches)
  }

  /** Takes in a batch that is in the file at `position` of the partition's bytes. */
  cache(batch: QueuedBatch, position: number): void {
    this.#tail.append(batch.bytes, batch.baseOffset, batch.lastOffset, position)
  }

  /** Whole batches from the one with `offset` on that end before `end`. */
  read(offset: number, maxBytes: number, atLeastOne: boolean, end: number): ReadResult | Promise<ReadResult> {
    const index = this.#tail.find(offset)
    if (index >= 0) {
      const { chunks, bytes } = this.#tail.collect(index, maxBytes, atLeastOne, end)
      return bytes === 0 ? emptyRead : { chunks, bytes, release: emptyRead.release }
    }
    const segment = this.#segments.floorSegment(offset)
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
    const segment = this.#segments.floorSegment(offset)
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
    for (
      let segment = this.#segments.higherSegment(first);
      result === null && segment !== undefined;
      segment = this.#segments.higherSegment(segment)
    ) {
      result = await this.files.read(segment, segment.baseOffset, maxBytes, atLeastOne, end)
    }
    return result ?? emptyRead
  }
}
