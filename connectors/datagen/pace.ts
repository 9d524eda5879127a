/**
 * When records are due: each a random part of max.interval after the one before, or as many in a second as records.per.second says.
 * Pure: times are given, in ms.
 */
/** A task that could not send for a while makes up for this time, and not for more. */
const MAX_BEHIND_MS = 1000

export interface PaceOptions {
  /** ms between records at the most; with 0 and no rate they are always due. */
  readonly maxIntervalMs: number
  readonly recordsPerSecond: number | null
  /** From 0 to below 1. */
  random(): number
}

export class Pace {
  readonly #options: PaceOptions
  #dueMs: number

  constructor(options: PaceOptions, nowMs: number) {
    this.#options = options
    this.#dueMs = nowMs + this.#interval()
  }

  /** The ms until the next record is due; 0 where it is. */
  waitMs(nowMs: number): number {
    return Math.max(this.#dueMs - nowMs, 0)
  }

  /** How many records are due, at most `most`. They count as sent. */
  take(nowMs: number, most: number): number {
    const { maxIntervalMs, recordsPerSecond } = this.#options
    if (maxIntervalMs <= 0 && recordsPerSecond === null) return most
    this.#dueMs = Math.max(this.#dueMs, nowMs - MAX_BEHIND_MS)
    let count = 0
    while (count < most && this.#dueMs <= nowMs) {
      count++
      this.#dueMs += this.#interval()
    }
    return count
  }

  #interval(): number {
    const { maxIntervalMs, recordsPerSecond, random } = this.#options
    return recordsPerSecond === null ? Math.max(maxIntervalMs, 0) * random() : 1000 / recordsPerSecond
  }
}
