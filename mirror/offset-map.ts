/**
 * The exact map of one partition: runs (first offset at the source, first offset at the target, length), one run where nothing is missing.
 * Both sides rise. It answers in both directions and never past the truth (Invariant 10); what it no longer knows it bounds from below.
 * Pure: the ledger keeps it on the target.
 */
import { invariant } from '../core/errors.ts'

/** Offsets that belong together: of the source and of the target. */
export interface OffsetPair {
  upstreamOffset: number
  downstreamOffset: number
}

export interface MappedRange extends OffsetPair {
  length: number
}

export interface Translation {
  /** The offset on the target to go on from. */
  downstreamOffset: number
  /** True: exactly the next record. False: at or before it. */
  exact: boolean
  /** The committed offset lies past what has been mirrored: `down` is the end so far and will grow. */
  ahead: boolean
}

/** Runs of one page: a full page is written once and never again. */
export const PAGE_RANGES = 256
/** Runs kept of one partition; older ones are answered by their lower bound. */
export const MAX_RANGES = 256 * PAGE_RANGES

export class OffsetMap {
  /** The source's offset to read next: everything below it is on the target, or accounted for as missing. */
  nextUpstreamOffset: number
  /** The target's offset behind the last record that is ours. */
  nextDownstreamOffset: number
  /** Where the mirror (or this life of the source's topic) began: what lies before on the target is not ours to send again. */
  origin: OffsetPair
  readonly #ranges: MappedRange[]
  /** Whole pages that are forgotten. */
  #droppedPages: number

  constructor(nextUp: number, nextDown: number, known: { origin?: OffsetPair; runs?: MappedRange[]; droppedPages?: number } = {}) {
    this.nextUpstreamOffset = nextUp
    this.nextDownstreamOffset = nextDown
    this.origin = known.origin ?? { upstreamOffset: nextUp, downstreamOffset: nextDown }
    this.#ranges = known.runs ?? []
    this.#droppedPages = known.droppedPages ?? 0
  }

  get size(): number {
    return this.#ranges.length
  }

  get firstPage(): number {
    return this.#droppedPages
  }

  /** The page that still grows: it holds the last run. */
  get openPage(): number {
    return this.#droppedPages + Math.max(0, Math.ceil(this.#ranges.length / PAGE_RANGES) - 1)
  }

  /** Where the newest record stands on both sides; null where there is none. */
  get newest(): OffsetPair | null {
    const last = this.#ranges.at(-1)
    return last
      ? { upstreamOffset: last.upstreamOffset + last.length - 1, downstreamOffset: last.downstreamOffset + last.length - 1 }
      : null
  }

  page(number: number): readonly MappedRange[] {
    const start = (number - this.#droppedPages) * PAGE_RANGES
    return this.#ranges.slice(start, start + PAGE_RANGES)
  }

  /** `length` records that follow each other stand at `up` at the source and at `down` on the target. */
  append(up: number, down: number, length: number): void {
    invariant(
      length > 0 && up >= this.nextUpstreamOffset && down >= this.nextDownstreamOffset,
      `run ${up}→${down}+${length} behind ${this.nextUpstreamOffset}→${this.nextDownstreamOffset}`,
    )
    const last = this.#ranges.at(-1)
    if (last && last.upstreamOffset + last.length === up && last.downstreamOffset + last.length === down) last.length += length
    else {
      this.#ranges.push({ upstreamOffset: up, downstreamOffset: down, length })
      if (this.#ranges.length > MAX_RANGES) {
        this.#ranges.splice(0, PAGE_RANGES)
        this.#droppedPages++
      }
    }
    this.nextUpstreamOffset = up + length
    this.nextDownstreamOffset = down + length
  }

  /** The source has nothing more below `up`. */
  advance(up: number): void {
    invariant(up >= this.nextUpstreamOffset, `the position of the source goes back from ${this.nextUpstreamOffset} to ${up}`)
    this.nextUpstreamOffset = up
  }

  /** Records of somebody else lie on the target up to `down`. */
  skipTarget(down: number): void {
    invariant(down >= this.nextDownstreamOffset, `the end of the target goes back from ${this.nextDownstreamOffset} to ${down}`)
    this.nextDownstreamOffset = down
  }

  /** Another topic has the name now, and is read from `up` on: the offsets of the one before mean nothing any more. */
  resetSource(up: number): void {
    this.#ranges.length = 0
    this.nextUpstreamOffset = up
    this.origin = { upstreamOffset: up, downstreamOffset: this.nextDownstreamOffset }
  }

  /** The source was truncated to `up`: what was known from there on no longer holds. */
  truncateSource(up: number): void {
    this.#cut((run) => up - run.upstreamOffset)
    this.nextUpstreamOffset = up
    if (up < this.origin.upstreamOffset || this.#ranges.length === 0)
      this.origin = { upstreamOffset: up, downstreamOffset: this.nextDownstreamOffset }
  }

  /** The target holds nothing from `down` on: gives the source's offset from which it must be sent again. */
  truncateTarget(down: number): number {
    const up = this.translateUpstream(down)
    this.#cut((run) => down - run.downstreamOffset)
    this.nextUpstreamOffset = up
    this.nextDownstreamOffset = down
    if (down < this.origin.downstreamOffset) this.origin = { upstreamOffset: up, downstreamOffset: down }
    return up
  }

  #cut(keep: (run: MappedRange) => number): void {
    while (this.#ranges.length > 0) {
      const last = this.#ranges.at(-1)!
      const length = keep(last)
      if (length >= last.length) return
      if (length > 0) {
        last.length = length
        return
      }
      this.#ranges.pop()
    }
  }

  /** Where a group that has committed `up` at the source goes on at the target. Invariant 10: never behind a record it has not read. */
  translateDownstream(up: number): Translation {
    if (up >= this.nextUpstreamOffset)
      return { downstreamOffset: this.nextDownstreamOffset, exact: true, ahead: up > this.nextUpstreamOffset }
    const index = this.#find((run) => run.upstreamOffset, up)
    if (index < 0) {
      const first = this.#ranges[0]
      const [knownUp, knownDown] = first
        ? [first.upstreamOffset, first.downstreamOffset]
        : [this.nextUpstreamOffset, this.nextDownstreamOffset]
      // at most one record stands at each offset, so the truth is not further back than the distance, nor before where all of it began
      const down = Math.max(up >= this.origin.upstreamOffset ? this.origin.downstreamOffset : 0, knownDown - (knownUp - up))
      return { downstreamOffset: down, exact: down === knownDown, ahead: false }
    }
    const run = this.#ranges[index]!
    return { downstreamOffset: run.downstreamOffset + Math.min(up - run.upstreamOffset, run.length), exact: true, ahead: false }
  }

  /** The most records that a group at `up` reads again by its translation: 0 where that is exact. */
  rereads(up: number): number {
    const { downstreamOffset: down, exact } = this.translateDownstream(up)
    return exact ? 0 : Math.max(0, (this.#ranges[0]?.downstreamOffset ?? this.nextDownstreamOffset) - down)
  }

  /** The source's offset of the first record that stands at `down` or behind it. */
  translateUpstream(down: number): number {
    if (down >= this.nextDownstreamOffset) return this.nextUpstreamOffset
    const index = this.#find((run) => run.downstreamOffset, down)
    // before the first known run there may be gaps of any size: only the beginning is safe
    if (index < 0) return this.origin.upstreamOffset
    const run = this.#ranges[index]!
    const distance = down - run.downstreamOffset
    if (distance < run.length) return run.upstreamOffset + distance
    return this.#ranges[index + 1]?.upstreamOffset ?? this.nextUpstreamOffset
  }

  /** The last run that begins at or before `offset`; -1 where none does. */
  #find(start: (run: MappedRange) => number, offset: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (start(this.#ranges[middle]!) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
