/**
 * How long the oldest record that is not on the target yet has waited at the source, as far as it was observed. Each time the source's end
 * offset is observed to have grown, the end offset and the time are kept until they are mirrored. Record timestamps are not used.
 */

/** Observations kept of one partition. When there are more, pairs are merged with the older time, so that the lag is never too low. */
const MAX_OBSERVATIONS = 64

/** The part that other files may read. */
export interface ObservedLag {
  readonly endOffset: number
  /** When the source's end offset was observed last (monotonic ms). */
  readonly observedMs: number
  /** How long the oldest record that is not on the target has waited; 0 where none waits. */
  lagMs(nowMs: number): number
}

export class LagTracker implements ObservedLag {
  readonly #endOffsets: number[] = []
  readonly #timesMs: number[] = []
  #endOffset: number
  #observedMs: number

  constructor(endOffset: number, nowMs: number) {
    this.#endOffset = endOffset
    this.#observedMs = nowMs
  }

  get endOffset(): number {
    return this.#endOffset
  }

  get observedMs(): number {
    return this.#observedMs
  }

  observeEnd(endOffset: number, nowMs: number): void {
    this.#observedMs = nowMs
    if (endOffset <= this.#endOffset) return
    this.#endOffset = endOffset
    const offsets = this.#endOffsets
    const times = this.#timesMs
    if (offsets.length === MAX_OBSERVATIONS) {
      for (let i = 0; i < MAX_OBSERVATIONS / 2; i++) {
        offsets[i] = offsets[2 * i + 1]!
        times[i] = times[2 * i]!
      }
      offsets.length = MAX_OBSERVATIONS / 2
      times.length = MAX_OBSERVATIONS / 2
    }
    offsets.push(endOffset)
    times.push(nowMs)
  }

  /** Everything below `offset` is on the target or known to be missing at the source. */
  mirroredTo(offset: number): void {
    const offsets = this.#endOffsets
    let mirrored = 0
    while (mirrored < offsets.length && offsets[mirrored]! <= offset) mirrored++
    if (mirrored > 0) {
      offsets.splice(0, mirrored)
      this.#timesMs.splice(0, mirrored)
    }
  }

  /** The source's log was recreated or truncated: its end offset may be lower than before. */
  reset(endOffset: number): void {
    this.#endOffset = endOffset
    this.#endOffsets.length = 0
    this.#timesMs.length = 0
  }

  lagMs(nowMs: number): number {
    return this.#timesMs.length === 0 ? 0 : Math.max(0, nowMs - this.#timesMs[0]!)
  }
}
