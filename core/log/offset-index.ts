/**
 * The offset index of a segment: entries of 8 bytes (offset relative to the segment's base, of a batch's last offset; its file position), one after each
 * index interval. The active segment's grows in memory and is written at the roll and at a clean stop: it can always be made again from the log.
 * Lookups in closed segments go to the file, so that they hold no memory.
 */
export const OFFSET_ENTRY_BYTES = 8
export const TIME_ENTRY_BYTES = 12

/** Kafka's `segment.index.bytes`: a segment whose index has no room rolls (Invariant 13). */
export const MAX_INDEX_BYTES = 10 * 1024 * 1024

const FIRST_BYTES = 1024

/** Fixed-size entries one after the other, in memory. */
export class GrowingIndex {
  readonly entryBytes: number
  #bytes: Buffer
  #used = 0

  constructor(entryBytes: number, content?: Buffer) {
    this.entryBytes = entryBytes
    this.#bytes = content ?? Buffer.allocUnsafeSlow(0)
    this.#used = content?.length ?? 0
  }

  get count(): number {
    return this.#used / this.entryBytes
  }

  get isFull(): boolean {
    return this.#used + this.entryBytes > MAX_INDEX_BYTES
  }

  /** A view of what is there. */
  get content(): Buffer {
    return this.#bytes.subarray(0, this.#used)
  }

  /** Makes room for one entry more and returns where to write it. */
  extend(): { bytes: Buffer; at: number } {
    if (this.#used + this.entryBytes > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(MAX_INDEX_BYTES, Math.max(FIRST_BYTES, this.#bytes.length * 2)))
      this.#bytes.copy(grown, 0, 0, this.#used)
      this.#bytes = grown
    }
    const at = this.#used
    this.#used += this.entryBytes
    return { bytes: this.#bytes, at }
  }
}

/** Reads `length` bytes at `position` of an index, wherever it is kept. */
export type EntryReader = (position: number, length: number) => Buffer

/** How many entries one step of a search reads at once: the last steps are answered from one read. */
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
  let found = -1
  let first = 0
  let last = high - low - 1
  while (first <= last) {
    const middle = (first + last) >>> 1
    if (keyAt(window, middle * entryBytes) <= target) {
      found = middle
      first = middle + 1
    } else last = middle - 1
  }
  return found < 0 ? null : window.subarray(found * entryBytes, (found + 1) * entryBytes)
}

export const relativeOffsetAt = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at)
