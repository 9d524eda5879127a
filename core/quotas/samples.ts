/**
 * Values in a window of samples that moves in steps of one sample, as Kafka's sampled statistics: the sum, the number of values, and the
 * rate, on which quotas are checked. Pure: times are given, in whole ms.
 */
export class Samples {
  readonly #count: number
  readonly #sampleMs: number
  readonly #starts: number[] = []
  readonly #lasts: number[] = []
  readonly #sums: number[] = []
  readonly #sizes: number[] = []
  #current = 0

  constructor(count: number, sampleMs: number) {
    this.#count = count
    this.#sampleMs = sampleMs
  }

  record(value: number, now: number): void {
    if (this.#starts.length === 0) this.#clear(0, now)
    else if (now - this.#starts[this.#current]! >= this.#sampleMs) {
      // One sample more than the window has: the oldest one may reach into it.
      this.#current = (this.#current + 1) % (this.#count + 1)
      this.#clear(this.#current, now)
    }
    this.#sums[this.#current]! += value
    this.#sizes[this.#current]!++
    this.#lasts[this.#current] = now
  }

  sum(now: number): number {
    this.#forget(now)
    return this.#sums.reduce((sum, value) => sum + value, 0)
  }

  /** The mean of the values; 0 without any. */
  mean(now: number): number {
    const sum = this.sum(now)
    const size = this.#sizes.reduce((total, value) => total + value, 0)
    return size === 0 ? 0 : sum / size
  }

  /** In a second. */
  rate(now: number): number {
    return (this.sum(now) / this.windowMs(now)) * 1000
  }

  /** The time that the rate is of: all samples but one are taken as complete, so that the first values are no burst. */
  windowMs(now: number): number {
    this.#forget(now)
    const oldest = this.#starts.reduce((least, start) => Math.min(least, start), now)
    const elapsedMs = now - oldest
    const missing = this.#count - 1 - Math.floor(elapsedMs / this.#sampleMs)
    return Math.max(1, elapsedMs + Math.max(0, missing) * this.#sampleMs)
  }

  #clear(index: number, now: number): void {
    this.#starts[index] = now
    this.#lasts[index] = now
    this.#sums[index] = 0
    this.#sizes[index] = 0
  }

  #forget(now: number): void {
    const windowMs = this.#count * this.#sampleMs
    for (let index = 0; index < this.#starts.length; index++) if (now - this.#lasts[index]! >= windowMs) this.#clear(index, now)
  }
}
