/**
 * Serves reads of one partition: from the tail cache where it has the requested offset, else from the segment files. The caller decides
 * at which offset the read ends.
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

  /** Adds a batch that is written at `position` of the partition. */
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
    const result = this.files.read(segment, offset, maxBytes, atLeastOne, end)
    if (result !== null && !(result instanceof Promise)) return result
    return this.#readOn(segment, result, offset, maxBytes, atLeastOne, end)
  }

  /** The position in the partition of the batch with `offset`, or one before it; the end where it is not written yet. */
  positionOf(offset: number): number {
    const index = this.#tail.find(offset)
    if (index >= 0) return this.#tail.at(index).position
    const { active } = this.#segments
    if (offset >= this.#tail.startOffset) return active.startPosition + active.sizeBytes
    const segment = this.#segments.floorSegment(offset)
    return segment.startPosition + this.files.floorPosition(segment, offset).position
  }

  /** To be called when segments were deleted or replaced: what is cached of them is not served any more. */
  forgetBefore(offset: number): void {
    this.#tail.evictBefore(offset)
    this.files.clearHints()
  }

  close(): void {
    this.#tail.clear()
  }

  /**
   * Continues in the following segments where one ends with an offset gap, as compaction leaves it, and again at the same offset where a
   * cleaning replaced the segment during the read.
   */
  async #readOn(
    first: Segment,
    firstResult: Promise<ReadResult | null> | null,
    firstOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
    end: number,
  ): Promise<ReadResult> {
    let segment = first
    let offset = firstOffset
    let reading: ReturnType<SegmentReader['read']> = firstResult
    for (;;) {
      try {
        const result = await reading
        if (result !== null) return result
        const next = segment.isDeleted ? undefined : this.#segments.higherSegment(segment)
        if (next === undefined && !segment.isDeleted) return emptyRead
        if (next !== undefined) offset = next.baseOffset
      } catch (error) {
        // Retention deletes segments too: then the caller finds the offset out of range.
        if (!segment.isDeleted || offset < this.#segments.first.baseOffset) throw error
      }
      segment = this.#segments.floorSegment(offset)
      reading = this.files.read(segment, offset, maxBytes, atLeastOne, end)
    }
  }
}
