/**
 * How long the oldest record that is not on the target yet has waited at the source, as far as we saw: each time the source's end is seen
 * to have grown, the end and the time are noted; what has been mirrored is struck off. Record timestamps say nothing about that.
 */

/** Notes kept of one partition; beyond it neighbours become one with the older time, so that waiting is never told too short. */
const MAX_NOTES = 64

export class LagTracker {
  readonly #ends: number[] = []
  readonly #times: number[] = []
  #highest: number
  /** When the source told its end last (monotonic ms); null where it never did. */
  heardMs: number | null = null

  constructor(end: number) {
    this.#highest = end
  }

  get end(): number {
    return this.#highest
  }

  /** The source's end as seen now (monotonic ms). */
  seen(end: number, nowMs: number): void {
    this.heardMs = nowMs
    if (end <= this.#highest) return
    this.#highest = end
    const ends = this.#ends
    const times = this.#times
    if (ends.length === MAX_NOTES) {
      for (let i = 0; i < MAX_NOTES / 2; i++) {
        ends[i] = ends[2 * i + 1]!
        times[i] = times[2 * i]!
      }
      ends.length = MAX_NOTES / 2
      times.length = MAX_NOTES / 2
    }
    ends.push(end)
    times.push(nowMs)
  }

  /** Everything below `position` is on the target or accounted for. */
  done(position: number): void {
    const ends = this.#ends
    const times = this.#times
    let gone = 0
    while (gone < ends.length && ends[gone]! <= position) gone++
    if (gone > 0) {
      ends.splice(0, gone)
      times.splice(0, gone)
    }
  }

  /** The source's log begins anew: its end may be lower than before. */
  reset(end: number): void {
    this.#highest = end
    this.#ends.length = 0
    this.#times.length = 0
  }

  /** 0 where nothing waits. */
  waitedMs(nowMs: number): number {
    return this.#times.length === 0 ? 0 : Math.max(0, nowMs - this.#times[0]!)
  }
}
