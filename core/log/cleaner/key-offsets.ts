/**
 * The last offset of each key in the dirty part of a log: a hash table without objects, outside of the heap. It consists of shards that
 * grow alone, so that a growing table is never in memory twice; it ends at a limit of bytes, and the log is cleaned in several rounds then.
 */
import type { KeyHash } from './key-hash.ts'

/** A power of two; the first bits of a hash choose the shard. */
const SHARDS = 64
const SHARD_SHIFT = 26
/** Four words of hash, and the distance from the first offset plus one; 0 is an empty slot. */
const SLOT_WORDS = 5
export const SLOT_BYTES = SLOT_WORDS * 4
const FIRST_SLOTS = 32
const TWO_32 = 0x1_0000_0000
const MAX_DISTANCE = 0x7fff_ffff

/** Bytes below which a map cannot work. */
export const MIN_MAP_BYTES = SHARDS * 2 * SLOT_BYTES

export class KeyOffsets {
  readonly #shards: Int32Array<ArrayBuffer>[]
  readonly #counts = new Int32Array(SHARDS)
  readonly #startOffset: number
  readonly #loadFactor: number
  /** The most slots of one shard. */
  readonly #maxSlots: number
  size = 0
  /** The map is complete up to this offset. */
  latestOffset: number

  constructor(options: { startOffset: number; maxBytes: number; loadFactor: number }) {
    this.#startOffset = options.startOffset
    this.#loadFactor = options.loadFactor
    this.#maxSlots = Math.floor(options.maxBytes / SLOT_BYTES / SHARDS)
    this.latestOffset = options.startOffset - 1
    const slots = Math.min(FIRST_SLOTS, this.#maxSlots)
    this.#shards = Array.from({ length: SHARDS }, () => new Int32Array(slots * SLOT_WORDS))
  }

  /** The bytes of all shards. */
  get bytes(): number {
    let bytes = 0
    for (const shard of this.#shards) bytes += shard.byteLength
    return bytes
  }

  /** The share of the slots that are in use at the limit. */
  get utilization(): number {
    return this.size / (this.#maxSlots * SHARDS)
  }

  /** Sets the offset of the key that was hashed last. False where there is no room. */
  put(key: KeyHash, offset: number): boolean {
    const distance = offset - this.#startOffset + 1
    if (distance > MAX_DISTANCE) return false
    const { h0, h1, h2, h3 } = key
    const index = h0 >>> SHARD_SHIFT
    let shard = this.#shards[index]!
    let at = this.#find(shard, h0, h1, h2, h3)
    if (shard[at + 4] === 0) {
      const slots = shard.length / SLOT_WORDS
      if (this.#counts[index]! + 1 > slots * this.#loadFactor || this.#counts[index]! + 1 === slots) {
        if (slots === this.#maxSlots) return false
        shard = this.#grow(index, slots)
        at = this.#find(shard, h0, h1, h2, h3)
      }
      this.#counts[index]!++
      this.size++
      shard[at] = h0
      shard[at + 1] = h1
      shard[at + 2] = h2
      shard[at + 3] = h3
    }
    shard[at + 4] = distance
    this.latestOffset = offset
    return true
  }

  /** The last offset of the key that was hashed last, -1 where the map does not have it. */
  get(key: KeyHash): number {
    const shard = this.#shards[key.h0 >>> SHARD_SHIFT]!
    const distance = shard[this.#find(shard, key.h0, key.h1, key.h2, key.h3) + 4]!
    return distance === 0 ? -1 : this.#startOffset + distance - 1
  }

  /** Frees its memory at once: a thread that waits for its next cleaning collects no garbage. */
  release(): void {
    for (const shard of this.#shards.splice(0)) shard.buffer.transfer(0)
  }

  /** The position of the slot with this hash, or of the empty one where it belongs. A shard is never full. */
  #find(shard: Int32Array, h0: number, h1: number, h2: number, h3: number): number {
    const end = shard.length
    let at = Math.floor(((h1 >>> 0) / TWO_32) * (end / SLOT_WORDS)) * SLOT_WORDS
    while (shard[at + 4] !== 0) {
      if (shard[at + 1] === h1 && shard[at] === h0 && shard[at + 2] === h2 && shard[at + 3] === h3) return at
      at += SLOT_WORDS
      if (at === end) at = 0
    }
    return at
  }

  #grow(index: number, slots: number): Int32Array<ArrayBuffer> {
    const before = this.#shards[index]!
    const larger = new Int32Array(Math.min(slots * 2, this.#maxSlots) * SLOT_WORDS)
    for (let from = 0; from < before.length; from += SLOT_WORDS) {
      if (before[from + 4] === 0) continue
      const to = this.#find(larger, before[from]!, before[from + 1]!, before[from + 2]!, before[from + 3]!)
      for (let word = 0; word < SLOT_WORDS; word++) larger[to + word] = before[from + word]!
    }
    this.#shards[index] = larger
    return larger
  }
}
