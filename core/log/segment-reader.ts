/**
 * Reads batches of one partition from its segment files, for reads that the tail cache cannot serve. A range that is likely in the page
 * cache is read synchronously; another one is first loaded by an asynchronous read, so that a cold disk blocks no other request. Returns
 * whole batches.
 */
import { KafkaError } from '../errors.ts'
import { at, BATCH_OVERHEAD, type BatchHeader, batchSize, MAGIC, readBatchHeader, readInt64 } from '../wire/batch-header.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'
import type { ReadResult } from './types.ts'

/** Bytes per read of a scan from an index entry to a batch. */
const SCAN_BYTES = 16 * 1024

/** The most readers whose next position is known without the index (Invariant 13). */
const MAX_HINTS = 64

const ignore = () => {}
export const emptyRead: ReadResult = Object.freeze({ chunks: [], bytes: 0, release: ignore })

const lastOffsetAt = (buffer: Buffer, position: number): number =>
  readInt64(buffer, position) + buffer.readInt32BE(position + at.lastOffsetDelta)

interface FloorPosition {
  position: number
  /** The batch at `position` has no larger last offset. */
  lastOffset: number
  isExact: boolean
  /** The size of the previous read that ended here, 0 when unknown. */
  bytes: number
}

export class SegmentReader {
  readonly #context: LogContext
  /** By offset: the position of its batch, where the previous read of a consumer ended. */
  readonly #hints = new Map<number, { segment: Segment; position: number; bytes: number }>()

  constructor(context: LogContext) {
    this.#context = context
  }

  /** The position of the batch that contains `offset`, or one before it. */
  floorPosition(segment: Segment, offset: number): FloorPosition {
    const hint = this.#hints.get(offset)
    if (hint !== undefined && hint.segment === segment)
      return { position: hint.position, lastOffset: Number.POSITIVE_INFINITY, isExact: true, bytes: hint.bytes }
    const { position, lastOffset } = segment.translateOffset(offset)
    return { position, lastOffset, isExact: false, bytes: 0 }
  }

  /** Batches of `segment` from `offset` on that end before `endOffset`. Null where the segment has none at or after `offset`. */
  read(
    segment: Segment,
    offset: number,
    maxBytes: number,
    atLeastOne: boolean,
    endOffset: number,
  ): ReadResult | null | Promise<ReadResult | null> {
    const { position, isExact } = this.floorPosition(segment, offset)
    const length = Math.min(segment.sizeBytes - position, maxBytes + SCAN_BYTES)
    if (length <= 0 && (isExact || position === 0)) return null
    const now = this.#context.clock.now()
    if (segment.pageCache.isLikelyCached(position, length, now)) return this.#readSync(segment, offset, maxBytes, atLeastOne, endOffset)
    return this.#loadIntoPageCache(segment, position, length).then(() => this.#readSync(segment, offset, maxBytes, atLeastOne, endOffset))
  }

  /** The first batch of `segment` that ends at or after `offset` and matches; null when there is none. */
  async find(segment: Segment, offset: number, matches: (header: BatchHeader) => boolean): Promise<Buffer | null> {
    const floor = this.floorPosition(segment, offset)
    await this.#loadIntoPageCache(segment, floor.position, Math.min(segment.sizeBytes - floor.position, SCAN_BYTES))
    const batchPosition = this.#scan(
      segment,
      floor,
      (buffer, index) => lastOffsetAt(buffer, index) >= offset && matches(readBatchHeader(buffer, index)),
    )
    if (batchPosition < 0) return null
    const head = Buffer.allocUnsafe(BATCH_OVERHEAD)
    this.#fill(segment, head, BATCH_OVERHEAD, batchPosition)
    const batch = Buffer.allocUnsafe(this.#sizeOf(segment, head, 0, batchPosition))
    this.#fill(segment, batch, batch.length, batchPosition)
    return batch
  }

  /** To be called when segments were deleted. */
  clearHints(): void {
    this.#hints.clear()
  }

  async #loadIntoPageCache(segment: Segment, position: number, length: number): Promise<void> {
    if (length <= 0) return
    const { disk, pool, clock } = this.#context
    const buffer = pool.allocate(length)
    const file = segment.log.pin()
    try {
      await disk.read(file, buffer, 0, length, position)
      segment.pageCache.recordAccess(position, length, clock.now())
    } catch (cause) {
      throw this.#readFailed(segment, position, cause)
    } finally {
      segment.log.unpin()
      pool.deallocate(buffer)
    }
  }

  #readSync(segment: Segment, offset: number, maxBytes: number, atLeastOne: boolean, endOffset: number): ReadResult | null {
    const { pool } = this.#context
    const floor = this.floorPosition(segment, offset)
    const position = floor.isExact ? floor.position : this.#scan(segment, floor, (buffer, index) => lastOffsetAt(buffer, index) >= offset)
    if (position < 0) return null
    const length = Math.min(segment.sizeBytes - position, Math.max(maxBytes, BATCH_OVERHEAD))
    let buffer = pool.allocate(length)
    // Batches of a topic have similar sizes: the size of the previous read and one header more often show where this read ends.
    let filled = floor.bytes === 0 ? length : Math.min(length, floor.bytes + BATCH_OVERHEAD)
    this.#fill(segment, buffer, filled, position)
    if (filled < length && !this.#exceeds(buffer, filled, Math.min(length, maxBytes))) {
      this.#fill(segment, buffer.subarray(filled), length - filled, position + filled)
      filled = length
    }
    let { bytes, nextOffset } = this.#wholeBatches(segment, buffer, Math.min(filled, maxBytes), endOffset, position)
    if (bytes === 0 && atLeastOne && lastOffsetAt(buffer, 0) < endOffset) {
      bytes = this.#sizeOf(segment, buffer, 0, position)
      nextOffset = lastOffsetAt(buffer, 0) + 1
      pool.deallocate(buffer)
      buffer = pool.allocate(bytes)
      this.#fill(segment, buffer, bytes, position)
    }
    if (bytes === 0) {
      const lastOffset = lastOffsetAt(buffer, 0)
      pool.deallocate(buffer)
      // `endOffset` is the end of a batch. An empty result for a damaged batch would let the consumer poll for ever.
      if (lastOffset >= endOffset) throw this.#readFailed(segment, position, new Error(`the last offset of its batch is ${lastOffset}`))
      return emptyRead
    }
    this.#addHint(nextOffset, segment, position + bytes, bytes)
    let released = false
    const release = () => {
      if (released) return
      released = true
      pool.deallocate(buffer)
    }
    return { chunks: [buffer.subarray(0, bytes)], bytes, release }
  }

  /** True when the headers in the first `filled` bytes show a batch that ends after `limit`: all whole batches up to it are read. */
  #exceeds(buffer: Buffer, filled: number, limit: number): boolean {
    let end = 0
    while (end + BATCH_OVERHEAD <= filled) {
      const size = batchSize(buffer, end)
      if (size < BATCH_OVERHEAD) return false
      end += size
      if (end > limit) return true
    }
    return false
  }

  /** How many of the first `length` bytes are whole batches that end before `endOffset`. */
  #wholeBatches(
    segment: Segment,
    buffer: Buffer,
    length: number,
    endOffset: number,
    position: number,
  ): { bytes: number; nextOffset: number } {
    let bytes = 0
    let nextOffset = -1
    while (bytes + BATCH_OVERHEAD <= length) {
      const lastOffset = lastOffsetAt(buffer, bytes)
      if (lastOffset >= endOffset) break
      const size = this.#sizeAt(segment, buffer, bytes, position + bytes)
      if (size === 0) {
        // The batches before a damaged one are served. Only a read of the damaged batch itself fails.
        if (bytes === 0) throw this.#noBatch(segment, position)
        break
      }
      if (bytes + size > length) break
      bytes += size
      nextOffset = lastOffset + 1
    }
    return { bytes, nextOffset }
  }

  /** The position of the first batch from `from` on that matches, or -1. `matches` reads the header's bytes. */
  #scan(segment: Segment, from: FloorPosition, matches: (buffer: Buffer, index: number) => boolean): number {
    const { pool } = this.#context
    const buffer = pool.allocate(SCAN_BYTES)
    try {
      let { position } = from
      if (position > 0 && !from.isExact && !this.#isIndexed(segment, from, buffer)) {
        this.#context.logger.error({ file: segment.log.path }, 'the offset index of the segment is damaged and not used any more')
        segment.dropOffsetIndex()
        position = 0
      }
      while (position + BATCH_OVERHEAD <= segment.sizeBytes) {
        const length = Math.min(SCAN_BYTES, segment.sizeBytes - position)
        this.#fill(segment, buffer, length, position)
        let index = 0
        while (index + BATCH_OVERHEAD <= length) {
          if (matches(buffer, index)) return position + index
          index += this.#sizeOf(segment, buffer, index, position + index)
        }
        position += index
      }
      return -1
    } finally {
      pool.deallocate(buffer)
    }
  }

  /** True where the batch of the index entry is at its position. A flipped bit in the index must not make a reader skip records or fail. */
  #isIndexed(segment: Segment, { position, lastOffset }: FloorPosition, buffer: Buffer): boolean {
    if (position + BATCH_OVERHEAD > segment.sizeBytes) return false
    this.#fill(segment, buffer, BATCH_OVERHEAD, position)
    return (
      buffer[at.magic] === MAGIC &&
      readInt64(buffer, at.baseOffset) >= segment.baseOffset &&
      lastOffsetAt(buffer, 0) <= lastOffset &&
      batchSize(buffer) >= BATCH_OVERHEAD
    )
  }

  /** The size of the batch at `index` of the buffer, which is `position` in the file; 0 where there is no whole batch. */
  #sizeAt(segment: Segment, buffer: Buffer, index: number, position: number): number {
    const size = batchSize(buffer, index)
    return size >= BATCH_OVERHEAD && position + size <= segment.sizeBytes ? size : 0
  }

  #sizeOf(segment: Segment, buffer: Buffer, index: number, position: number): number {
    const size = this.#sizeAt(segment, buffer, index, position)
    if (size === 0) throw this.#noBatch(segment, position)
    return size
  }

  #fill(segment: Segment, buffer: Buffer, length: number, position: number): void {
    let readBytes: number
    try {
      readBytes = this.#context.disk.readSync(segment.log.use(), buffer, 0, length, position)
    } catch (cause) {
      throw this.#readFailed(segment, position, cause)
    }
    if (readBytes < length) throw this.#readFailed(segment, position, new Error(`the file ends after ${readBytes} of ${length} bytes`))
    segment.pageCache.recordAccess(position, length, this.#context.clock.now())
  }

  #noBatch(segment: Segment, position: number): KafkaError {
    return new KafkaError('KAFKA_STORAGE_ERROR', `${segment.log.path} has no batch at ${position}: the file is damaged`)
  }

  #readFailed(segment: Segment, position: number, cause: unknown): KafkaError {
    return new KafkaError('KAFKA_STORAGE_ERROR', `${segment.log.path} cannot be read at ${position}: ${(cause as Error).message}`, {
      cause,
    })
  }

  #addHint(offset: number, segment: Segment, position: number, bytes: number): void {
    if (this.#hints.size >= MAX_HINTS) this.#hints.delete(this.#hints.keys().next().value!)
    this.#hints.set(offset, { segment, position, bytes })
  }
}
