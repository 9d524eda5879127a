/**
 * The newest batches of a partition, kept in memory so that who follows the log is answered without a read and without a copy. Bounded per partition and,
 * by the budget that all tails share, in all; what counts is the memory that a batch keeps alive, not its own length.
 */
/** Memory that one partition's tail may hold, and that all may hold together (Invariant 13). */
const PARTITION_BYTES = 1024 * 1024
const ALL_BYTES = 16 * 1024 * 1024
/** Batches in one tail: bounds the bookkeeping where batches are tiny. */
const PARTITION_BATCHES = 8192
/** Batches up to this size that would keep much more alive than themselves are copied together into slabs of the partition's own. */
const LARGEST_COPY = 24 * 1024
const SMALLEST_SLAB = 4 * 1024
const LARGEST_SLAB = 64 * 1024

export interface TailBatch {
  readonly bytes: Buffer
  /** What keeping `bytes` keeps alive. */
  readonly heldBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Where it begins in the partition's bytes. */
  readonly position: number
}

/** What all tails hold together. */
export class TailBudget {
  usedBytes = 0
  readonly #tails = new Set<LogTail>()

  join(tail: LogTail): void {
    this.#tails.add(tail)
  }

  leave(tail: LogTail): void {
    this.#tails.delete(tail)
  }

  /** Makes the other tails shorter, those first that were filled first, until all fit. */
  relieve(newest: LogTail): void {
    for (const tail of this.#tails) {
      if (this.usedBytes <= ALL_BYTES) return
      if (tail !== newest) tail.halve()
    }
    if (this.usedBytes > ALL_BYTES) newest.halve()
  }
}

export class LogTail {
  readonly #budget: TailBudget
  #batches: TailBatch[] = []
  /** Batches before this index are gone; the array is cut when half of it is. */
  #first = 0
  #usedBytes = 0
  #slab: Buffer | null = null
  #slabUsed = 0

  constructor(budget: TailBudget) {
    this.#budget = budget
  }

  /** The first offset that is here; infinite while nothing is. */
  get startOffset(): number {
    return this.#batches[this.#first]?.baseOffset ?? Number.POSITIVE_INFINITY
  }

  /** A batch that is in the file. Takes small ones over into a slab: the bytes that were given may go. */
  push(given: Buffer, baseOffset: number, lastOffset: number, position: number): void {
    const bytes = this.#compact(given)
    const heldBytes = bytes === given ? given.buffer.byteLength : bytes.length
    if (this.#batches.length === this.#first) this.#budget.join(this)
    this.#batches.push({ bytes, heldBytes, baseOffset, lastOffset, position })
    this.#usedBytes += heldBytes
    this.#budget.usedBytes += heldBytes
    while (this.#usedBytes > PARTITION_BYTES || this.#batches.length - this.#first > PARTITION_BATCHES) this.#drop()
    if (this.#budget.usedBytes > ALL_BYTES) this.#budget.relieve(this)
  }

  /** Index of the first batch that ends at or after `offset`, or -1 where the tail begins after it or ends before it. */
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

  at(index: number): TailBatch {
    return this.#batches[index]!
  }

  /** Whole batches from index `start` up to `maxBytes` and to `endOffset`, neighbours in memory as one piece. */
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

  halve(): void {
    for (let left = Math.ceil((this.#batches.length - this.#first) / 2); left > 0; left--) this.#drop()
  }

  clear(): void {
    while (this.#first < this.#batches.length) this.#drop()
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

  #drop(): void {
    const { heldBytes } = this.#batches[this.#first]!
    this.#usedBytes -= heldBytes
    this.#budget.usedBytes -= heldBytes
    this.#first++
    if (this.#first === this.#batches.length) {
      this.#batches = []
      this.#first = 0
      this.#slab = null
      this.#budget.leave(this)
    } else if (this.#first > 64 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first)
      this.#first = 0
    }
  }
}
