/**
 * The newest batches of a partition in memory: consumers at the end of the log are served without a disk read and without a copy. Bounded
 * per partition and, by a shared budget, in total. The bounds count the memory that a batch retains, not its length.
 */

/** The memory of one cache, and of all caches together (Invariant 13). */
const PARTITION_BYTES = 1024 * 1024
const ALL_BYTES = 16 * 1024 * 1024
/** The most batches in one cache, for topics with tiny batches. */
const PARTITION_BATCHES = 8192
/** Batches up to this size that retain much more memory than their length are copied into slabs of the partition. */
const LARGEST_COPY = 24 * 1024
const SMALLEST_SLAB = 4 * 1024
const LARGEST_SLAB = 64 * 1024

export interface CachedBatch {
  readonly bytes: Buffer
  /** The memory that `bytes` keeps from being collected. */
  readonly retainedBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Its position in the partition. */
  readonly position: number
}

/** The memory of all caches. */
export class TailCacheBudget {
  usedBytes = 0
  readonly #caches = new Set<TailCache>()

  add(cache: TailCache): void {
    this.#caches.add(cache)
  }

  remove(cache: TailCache): void {
    this.#caches.delete(cache)
  }

  /** Evicts half of each other cache, oldest first, until all caches are within the budget. */
  evict(newest: TailCache): void {
    for (const cache of this.#caches) {
      if (this.usedBytes <= ALL_BYTES) return
      if (cache !== newest) cache.evictHalf()
    }
    if (this.usedBytes > ALL_BYTES) newest.evictHalf()
  }
}

export class TailCache {
  readonly #budget: TailCacheBudget
  #batches: CachedBatch[] = []
  /** Batches before this index are evicted. The array is sliced when they are half of it. */
  #first = 0
  #usedBytes = 0
  #slab: Buffer | null = null
  #slabUsed = 0

  constructor(budget: TailCacheBudget) {
    this.#budget = budget
  }

  /** The first cached offset; infinite while the cache is empty. */
  get startOffset(): number {
    return this.#batches[this.#first]?.baseOffset ?? Number.POSITIVE_INFINITY
  }

  /** Adds a written batch. A small one is copied to a slab, so that the received bytes can be collected. */
  append(received: Buffer, baseOffset: number, lastOffset: number, position: number): void {
    const bytes = this.#compact(received)
    const retainedBytes = bytes === received ? received.buffer.byteLength : bytes.length
    if (this.#batches.length === this.#first) this.#budget.add(this)
    this.#batches.push({ bytes, retainedBytes, baseOffset, lastOffset, position })
    this.#usedBytes += retainedBytes
    this.#budget.usedBytes += retainedBytes
    while (this.#usedBytes > PARTITION_BYTES || this.#batches.length - this.#first > PARTITION_BATCHES) this.#evictOldest()
    if (this.#budget.usedBytes > ALL_BYTES) this.#budget.evict(this)
  }

  /** The index of the first batch that ends at or after `offset`; -1 where `offset` is before or after the cache. */
  find(offset: number): number {
    if (offset < this.startOffset) return -1
    let low = this.#first
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low < this.#batches.length ? low : -1
  }

  at(index: number): CachedBatch {
    return this.#batches[index]!
  }

  /** Whole batches from index `start` up to `maxBytes` and `endOffset`; batches next to each other in memory are one chunk. */
  collect(start: number, maxBytes: number, atLeastOne: boolean, endOffset: number): { chunks: Buffer[]; bytes: number } {
    const chunks: Buffer[] = []
    let bytes = 0
    let memory: ArrayBufferLike | null = null
    let from = 0
    let to = 0
    for (let index = start; index < this.#batches.length; index++) {
      const batch = this.#batches[index]!
      const size = batch.bytes.length
      if (batch.lastOffset >= endOffset || (bytes + size > maxBytes && !(bytes === 0 && atLeastOne))) break
      if (memory === batch.bytes.buffer && to === batch.bytes.byteOffset) to += size
      else {
        if (memory !== null) chunks.push(Buffer.from(memory as ArrayBuffer, from, to - from))
        memory = batch.bytes.buffer
        from = batch.bytes.byteOffset
        to = from + size
      }
      bytes += size
    }
    if (memory !== null) chunks.push(Buffer.from(memory as ArrayBuffer, from, to - from))
    return { chunks, bytes }
  }

  /** Evicts the batches that end before `offset`. */
  evictBefore(offset: number): void {
    while (this.#first < this.#batches.length && this.#batches[this.#first]!.lastOffset < offset) this.#evictOldest()
  }

  evictHalf(): void {
    for (let count = Math.ceil((this.#batches.length - this.#first) / 2); count > 0; count--) this.#evictOldest()
  }

  clear(): void {
    while (this.#first < this.#batches.length) this.#evictOldest()
  }

  #compact(bytes: Buffer): Buffer {
    const length = bytes.length
    if (length > LARGEST_COPY || length * 2 >= bytes.buffer.byteLength) return bytes
    if (this.#slab === null || this.#slabUsed + length > this.#slab.length) {
      const size = Math.min(LARGEST_SLAB, Math.max(SMALLEST_SLAB, (this.#slab?.length ?? 0) * 2))
      this.#slab = Buffer.allocUnsafeSlow(Math.max(size, length))
      this.#slabUsed = 0
    }
    const start = this.#slabUsed
    this.#slabUsed += length
    this.#slab.set(bytes, start)
    return this.#slab.subarray(start, this.#slabUsed)
  }

  #evictOldest(): void {
    const { retainedBytes } = this.#batches[this.#first]!
    this.#usedBytes -= retainedBytes
    this.#budget.usedBytes -= retainedBytes
    this.#first++
    if (this.#first === this.#batches.length) {
      this.#batches = []
      this.#first = 0
      this.#slab = null
      this.#budget.remove(this)
    } else if (this.#first > 64 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first)
      this.#first = 0
    }
  }
}
