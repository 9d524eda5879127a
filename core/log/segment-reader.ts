/**
 * Reads batches of one partition from its files: the way of every read that the tail in memory cannot answer. What is likely in the page cache is read
 * at once; what is not is brought in by an asynchronous read first, so that a cold disk stalls nobody else. Cuts at whole batches.
 */
import { KafkaError } from '../errors.ts'
import { at, BATCH_OVERHEAD, type BatchHeader, batchSize, MAGIC, readBatchHeader, readInt64 } from '../wire/batch-header.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'
import type { ReadResult } from './types.ts'

/** Bytes read at once while looking for a batch from an index entry on. */
const SCAN_BYTES = 16 * 1024

/** Readers that go on where they stopped and are spared the index (Invariant 13). */
const MAX_HINTS = 64

const nothing = () => {}
export const emptyRead: ReadResult = Object.freeze({ chunks: [], bytes: 0, release: nothing })

const lastOffsetAt = (buffer: Buffer, position: number): number =>
  readInt64(buffer, position) + buffer.readInt32BE(position + at.lastOffsetDelta)

interface Approximate {
  position: number
  /** The batch at `position` ends no later. */
  lastOffset: number
  exact: boolean
  bytes: number
}

export class SegmentReader {
  readonly #context: LogContext
  /** Where the batch with an offset begins, for offsets that somebody is likely to ask for next. */
  readonly #hints = new Map<number, { segment: Segment; position: number; bytes: number }>()

  constructor(context: LogContext) {
    this.#context = context
  }

  /** A position at or before the batch that holds `offset`, whether it is exactly there, and how much its reader took last (0 unknown). */
  approximate(segment: Segment, offset: number): Approximate {
    const hint = this.#hints.get(offset)
    if (hint !== undefined && hint.segment === segment)
      return { position: hint.position, lastOffset: Number.POSITIVE_INFINITY, exact: true, bytes: hint.bytes }
    const { position, lastOffset } = segment.translateOffset(offset)
    return { position, lastOffset, exact: false, bytes: 0 }
  }

  /** Batches of `segment` from `offset` on that end before `endOffset`. Null where the segment holds nothing at or after `offset`. */
  read(
    segment: Segment,
    offset: number,
    maxBytes: number,
    atLeastOne: boolean,
    endOffset: number,
  ): ReadResult | null | Promise<ReadResult | null> {
    const { position, exact } = this.approximate(segment, offset)
    const length = Math.min(segment.sizeBytes - position, maxBytes + SCAN_BYTES)
    if (length <= 0 && (exact || position === 0)) return null
    const now = this.#context.clock.now()
    if (segment.pageCache.isLikelyCached(position, length, now)) return this.#readNow(segment, offset, maxBytes, atLeastOne, endOffset)
    return this.#warmUp(segment, position, length).then(() => this.#readNow(segment, offset, maxBytes, atLeastOne, endOffset))
  }

  /** The first batch of `segment` that ends at or after `offset` and passes `wanted`; null when there is none. */
  async find(segment: Segment, offset: number, wanted: (header: BatchHeader) => boolean): Promise<Buffer | null> {
    const floor = this.approximate(segment, offset)
    await this.#warmUp(segment, floor.position, Math.min(segment.sizeBytes - floor.position, SCAN_BYTES))
    const found = this.#scan(
      segment,
      floor,
      (buffer, index) => lastOffsetAt(buffer, index) >= offset && wanted(readBatchHeader(buffer, index)),
    )
    if (found < 0) return null
    const head = Buffer.allocUnsafe(BATCH_OVERHEAD)
    this.#fill(segment, head, BATCH_OVERHEAD, found)
    const batch = Buffer.allocUnsafe(this.#sizeOf(segment, head, 0, found))
    this.#fill(segment, batch, batch.length, found)
    return batch
  }

  /** Forgets where batches lie: after the files changed under it. */
  forget(): void {
    this.#hints.clear()
  }

  async #warmUp(segment: Segment, position: number, length: number): Promise<void> {
    if (length <= 0) return
    const { disk, pool, clock } = this.#context
    const buffer = pool.allocate(length)
    const file = segment.log.pin()
    try {
      await disk.read(file, buffer, 0, length, position)
      segment.pageCache.recordAccess(position, length, clock.now())
    } catch (cause) {
      throw this.#failed(segment, position, cause)
    } finally {
      segment.log.unpin()
      pool.deallocate(buffer)
    }
  }

  #readNow(segment: Segment, offset: number, maxBytes: number, atLeastOne: boolean, endOffset: number): ReadResult | null {
    const { pool } = this.#context
    const floor = this.approximate(segment, offset)
    const before = floor.bytes
    const position = floor.exact ? floor.position : this.#scan(segment, floor, (buffer, index) => lastOffsetAt(buffer, index) >= offset)
    if (position < 0) return null
    const length = Math.min(segment.sizeBytes - position, Math.max(maxBytes, BATCH_OVERHEAD))
    let buffer = pool.allocate(length)
    // batches of a topic are alike: what was taken last, and one head more, tells where the next answer ends without reading what it cannot hold
    let there = before === 0 ? length : Math.min(length, before + BATCH_OVERHEAD)
    this.#fill(segment, buffer, there, position)
    if (there < length && !this.#endsWithin(buffer, there, Math.min(length, maxBytes))) {
      this.#fill(segment, buffer.subarray(there), length - there, position + there)
      there = length
    }
    let { bytes, nextOffset } = this.#cut(segment, buffer, Math.min(there, maxBytes), endOffset, position)
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
      // batches end where reading may end: to answer with nothing would keep the reader waiting for ever
      if (lastOffset >= endOffset) throw this.#failed(segment, position, new Error(`a batch there claims to end at offset ${lastOffset}`))
      return emptyRead
    }
    this.#remember(nextOffset, segment, position + bytes, bytes)
    let released = false
    const release = () => {
      if (released) return
      released = true
      pool.deallocate(buffer)
    }
    return { chunks: [buffer.subarray(0, bytes)], bytes, release }
  }

  /** True when the first `there` bytes show a batch that ends behind `most`: no more whole batches fit than are there already. */
  #endsWithin(buffer: Buffer, there: number, most: number): boolean {
    let end = 0
    while (end + BATCH_OVERHEAD <= there) {
      const size = batchSize(buffer, end)
      if (size < BATCH_OVERHEAD) return false
      end += size
      if (end > most) return true
    }
    return false
  }

  /** How many of the first `length` bytes are whole batches that end before `endOffset`. */
  #cut(segment: Segment, buffer: Buffer, length: number, endOffset: number, position: number): { bytes: number; nextOffset: number } {
    let bytes = 0
    let nextOffset = -1
    while (bytes + BATCH_OVERHEAD <= length) {
      const lastOffset = lastOffsetAt(buffer, bytes)
      if (lastOffset >= endOffset) break
      // what lies before a damaged batch is served all the same; who asks for that one is told
      if (bytes > 0 && !this.#isBatch(segment, buffer, bytes, position + bytes)) break
      const size = this.#sizeOf(segment, buffer, bytes, position + bytes)
      if (bytes + size > length) break
      bytes += size
      nextOffset = lastOffset + 1
    }
    return { bytes, nextOffset }
  }

  /** The position of the first batch from `from` on that passes, or -1. `wanted` sees the header's bytes. */
  #scan(segment: Segment, from: Approximate, wanted: (buffer: Buffer, index: number) => boolean): number {
    const { pool } = this.#context
    const buffer = pool.allocate(SCAN_BYTES)
    try {
      let { position } = from
      if (position > 0 && !from.exact && !this.#isPromised(segment, from, buffer)) {
        this.#context.logger.error({ file: segment.log.path }, 'its offset index is damaged: the segment is read without it')
        segment.dropOffsetIndex()
        position = 0
      }
      while (position + BATCH_OVERHEAD <= segment.sizeBytes) {
        const length = Math.min(SCAN_BYTES, segment.sizeBytes - position)
        this.#fill(segment, buffer, length, position)
        let index = 0
        while (index + BATCH_OVERHEAD <= length) {
          if (wanted(buffer, index)) return position + index
          index += this.#sizeOf(segment, buffer, index, position + index)
        }
        position += index
      }
      return -1
    } finally {
      pool.deallocate(buffer)
    }
  }

  /** True where the batch lies there that the index speaks of: a turned bit in it must not make a reader skip records, or stop. */
  #isPromised(segment: Segment, { position, lastOffset }: Approximate, buffer: Buffer): boolean {
    if (position + BATCH_OVERHEAD > segment.sizeBytes) return false
    this.#fill(segment, buffer, BATCH_OVERHEAD, position)
    return (
      buffer[at.magic] === MAGIC &&
      readInt64(buffer, at.baseOffset) >= segment.baseOffset &&
      lastOffsetAt(buffer, 0) <= lastOffset &&
      batchSize(buffer) >= BATCH_OVERHEAD
    )
  }

  #isBatch(segment: Segment, buffer: Buffer, index: number, position: number): boolean {
    const size = batchSize(buffer, index)
    return size >= BATCH_OVERHEAD && position + size <= segment.sizeBytes
  }

  #sizeOf(segment: Segment, buffer: Buffer, index: number, position: number): number {
    if (this.#isBatch(segment, buffer, index, position)) return batchSize(buffer, index)
    throw new KafkaError('KAFKA_STORAGE_ERROR', `${segment.log.path} holds no batch at ${position}: the file was changed by somebody else`)
  }

  #fill(segment: Segment, buffer: Buffer, length: number, position: number): void {
    let got: number
    try {
      got = this.#context.disk.readSync(segment.log.use(), buffer, 0, length, position)
    } catch (cause) {
      throw this.#failed(segment, position, cause)
    }
    if (got < length) throw this.#failed(segment, position, new Error(`${length} bytes asked, ${got} there`))
    segment.pageCache.recordAccess(position, length, this.#context.clock.now())
  }

  #failed(segment: Segment, position: number, cause: unknown): KafkaError {
    return new KafkaError('KAFKA_STORAGE_ERROR', `${segment.log.path} cannot be read at ${position}: ${(cause as Error).message}`, {
      cause,
    })
  }

  #remember(offset: number, segment: Segment, position: number, bytes: number): void {
    if (this.#hints.size >= MAX_HINTS) this.#hints.delete(this.#hints.keys().next().value!)
    this.#hints.set(offset, { segment, position, bytes })
  }
}
