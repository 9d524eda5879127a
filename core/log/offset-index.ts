/**
 * The offset index of a segment, in Kafka's format: entries of 8 bytes (the relative last offset of a batch, its file position), one per
 * index.interval.bytes. That of the active segment grows in memory and is written at the roll and at a clean stop: recovery can rebuild it
 * from the log. Lookups in rolled segments read the file and keep no memory.
 */
export const OFFSET_ENTRY_BYTES = 8
export const TIME_ENTRY_BYTES = 12

/** The default of Kafka's `segment.index.bytes`: a segment with a full index rolls (Invariant 13). */
export const MAX_INDEX_BYTES = 10 * 1024 * 1024

const FIRST_BYTES = 1024
const NONE = Buffer.alloc(0)

/** Fixed-size entries in memory. */
export class GrowingIndex {
  readonly entryBytes: number
  #bytes: Buffer
  #used = 0

  constructor(entryBytes: number, content?: Buffer) {
    this.entryBytes = entryBytes
    this.#bytes = content ?? NONE
    this.#used = content?.length ?? 0
  }

  get count(): number {
    return this.#used / this.entryBytes
  }

  get isFull(): boolean {
    return this.#used + this.entryBytes > MAX_INDEX_BYTES
  }

  /** A view of the entries so far. */
  get content(): Buffer {
    return this.#bytes.subarray(0, this.#used)
  }

  /** Adds an entry and returns where to write it. */
  extend(): { bytes: Buffer; at: number } {
    if (this.#used + this.entryBytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_INDEX_BYTES, Math.max(FIRST_BYTES, this.#bytes.length * 2)))
      this.#bytes.copy(larger, 0, 0, this.#used)
      this.#bytes = larger
    }
    const at = this.#used
    this.#used += this.entryBytes
    return { bytes: this.#bytes, at }
  }
}

/** Reads `length` bytes at `position` of an index, in memory or from its file. */
export type EntryReader = (position: number, length: number) => Buffer

/** The last steps of a search read this many entries at once. */
const SEARCH_WINDOW = 64

/**
 * The greatest entry whose key is at or below `target`, or null. `keyAt` reads the key of the entry that begins at `at` in `bytes`.
 */
export function searchIndex(
  count: number,
  entryBytes: number,
  read: EntryReader,
  keyAt: (bytes: Buffer, at: number) => number,
  target: number,
): Buffer | null {
  let low = 0
  let high = count
  while (high - low > SEARCH_WINDOW) {
    const middle = (low + high) >>> 1
    if (keyAt(read(middle * entryBytes, entryBytes), 0) <= target) low = middle
    else high = middle
  }
  if (high === low) return null
  const window = read(low * entryBytes, (high - low) * entryBytes)
  let best = -1
  let first = 0
  let last = high - low - 1
  while (first <= last) {
    const middle = (first + last) >>> 1
    if (keyAt(window, middle * entryBytes) <= target) {
      best = middle
      first = middle + 1
    } else last = middle - 1
  }
  return best < 0 ? null : window.subarray(best * entryBytes, (best + 1) * entryBytes)
}

export const relativeOffsetAt = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at)
