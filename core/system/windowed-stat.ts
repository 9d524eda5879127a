/**
 * A statistic over the last windows of time, as Kafka's metrics are: rate, average, minimum and maximum of what was recorded. A recording
 * is an addition; its memory is that of a few windows.
 */
export interface StatWindows {
  /** `metrics.sample.window.ms` */
  windowMs: number
  /** `metrics.num.samples` */
  samples: number
}

export const DEFAULT_WINDOWS: StatWindows = { windowMs: 30_000, samples: 2 }

interface Sample {
  startMs: number
  count: number
  sum: number
  min: number
  max: number
}

export class WindowedStat {
  readonly #windows: StatWindows
  /** The newest one comes last. */
  readonly #samples: Sample[] = []

  constructor(windows: StatWindows = DEFAULT_WINDOWS) {
    this.#windows = windows
  }

  record(value: number, nowMs: number): void {
    let sample = this.#samples.at(-1)
    if (!sample || nowMs - sample.startMs >= this.#windows.windowMs) {
      sample = { startMs: nowMs, count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
      this.#samples.push(sample)
      if (this.#samples.length > this.#windows.samples) this.#samples.shift()
    }
    sample.count++
    sample.sum += value
    if (value < sample.min) sample.min = value
    if (value > sample.max) sample.max = value
  }

  #current(nowMs: number): readonly Sample[] {
    const { windowMs, samples } = this.#windows
    while (this.#samples[0] && nowMs - this.#samples[0].startMs >= windowMs * samples) this.#samples.shift()
    return this.#samples
  }

  /** Of what was recorded, a second. As in Kafka, windows that have not begun yet count as if nothing was recorded in them. */
  rate(nowMs: number): number {
    const current = this.#current(nowMs)
    if (current.length === 0) return 0
    const { windowMs, samples } = this.#windows
    const elapsedMs = nowMs - current[0]!.startMs
    const missing = Math.max(0, samples - 1 - Math.floor(elapsedMs / windowMs))
    const sum = current.reduce((total, sample) => total + sample.sum, 0)
    return (sum * 1000) / Math.max(1, elapsedMs + missing * windowMs)
  }

  /** NaN where nothing was recorded, as in Kafka. */
  average(nowMs: number): number {
    const current = this.#current(nowMs)
    const count = current.reduce((total, sample) => total + sample.count, 0)
    return count === 0 ? Number.NaN : current.reduce((total, sample) => total + sample.sum, 0) / count
  }

  /** NaN where nothing was recorded. */
  maximum(nowMs: number): number {
    const current = this.#current(nowMs)
    return current.length === 0 ? Number.NaN : Math.max(...current.map((sample) => sample.max))
  }

  /** NaN where nothing was recorded. */
  minimum(nowMs: number): number {
    const current = this.#current(nowMs)
    return current.length === 0 ? Number.NaN : Math.min(...current.map((sample) => sample.min))
  }
}
