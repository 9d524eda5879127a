/**
 * Serves reads of one partition: from the tail cache where it has the requested offset, else from the segment files. The caller decides
 * at which offset the read ends.
 */
import { at, batchSize, readInt64 } from '../wire/batch-header.ts'
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
    if (result !== null && !(result instanceof Promise) && !beginsEmptied(result)) return result
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
   * Continues in the following segments where one ends with an offset gap, as compaction leaves it, or has only emptied batches from
   * `firstOffset` on, and again at the same offset where a cleaning replaced the segment during the read.
   */
  async #readOn(
    first: Segment,
    firstResult: ReadResult | Promise<ReadResult | null> | null,
    firstOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
    end: number,
  ): Promise<ReadResult> {
    let segment = first
    let offset = firstOffset
    let reading: ReturnType<SegmentReader['read']> = firstResult
    // Emptied batches alone do not move some clients on (kafkajs): they are returned only where no other batch follows.
    let emptied: ReadResult | null = null
    for (;;) {
      try {
        const result = await reading
        if (result !== null) {
          if (result.bytes === 0 && emptied !== null) return emptied
          emptied?.release()
          emptied = null
          const next = offsetAfterEmptied(result)
          if (next < 0 || next >= end) return result
          emptied = result
          offset = next
        } else {
          const next = segment.isDeleted ? undefined : this.#segments.higherSegment(segment)
          if (next === undefined && !segment.isDeleted) return emptied ?? emptyRead
          if (next !== undefined) offset = next.baseOffset
        }
      } catch (error) {
        if (emptied !== null) return emptied
        // Retention deletes segments too: then the caller finds the offset out of range.
        if (!segment.isDeleted || offset < this.#segments.first.baseOffset) throw error
      }
      segment = this.#segments.floorSegment(offset)
      reading = this.files.read(segment, offset, maxBytes, atLeastOne, end)
    }
  }
}

/** Compaction keeps the header of the last batch of each producer, with its sequences, also where it has removed all of its records. */
const isEmptied = (chunk: Buffer, position: number): boolean => chunk.readInt32BE(position + at.count) === 0

const beginsEmptied = ({ chunks, bytes }: ReadResult): boolean => bytes > 0 && isEmptied(chunks[0]!, 0)

/** The offset after the last batch where all batches are emptied, else -1. */
function offsetAfterEmptied({ chunks, bytes }: ReadResult): number {
  if (bytes === 0) return -1
  let next = -1
  for (const chunk of chunks) {
    for (let position = 0; position < chunk.length; position += batchSize(chunk, position)) {
      if (!isEmptied(chunk, position)) return -1
      next = readInt64(chunk, position) + chunk.readInt32BE(position + at.lastOffsetDelta) + 1
    }
  }
  return next
}
