/**
 * The exact offset map of one partition: ranges of (first upstream offset, first downstream offset, length); a partition without gaps is
 * one range. Upstream is the source, downstream the target, as in MirrorMaker 2. It translates in both directions, never past the true
 * offset (Invariant 10); offsets that it no longer knows get a lower bound. Pure: the progress store writes it to the target.
 */
import { invariant } from '../core/errors.ts'

/** An upstream and a downstream offset of the same record. */
export interface OffsetPair {
  upstreamOffset: number
  downstreamOffset: number
}

/** `length` consecutive records, from the first record's pair of offsets on. */
export interface MappedRange extends OffsetPair {
  length: number
}

export interface Translation {
  /** The offset on the target from which a consumer continues. */
  downstreamOffset: number
  /** True: exactly the next record. False: at or before it. */
  exact: boolean
  /** The committed offset is past what has been mirrored: `downstreamOffset` is the end so far and will grow. */
  ahead: boolean
}

/** Ranges of one page: a full page is written once and never again. */
export const PAGE_RANGES = 256
/** Ranges stored of one partition; older offsets are translated to a lower bound. */
export const MAX_RANGES = 256 * PAGE_RANGES

export class OffsetMap {
  #nextUpstreamOffset: number
  #nextDownstreamOffset: number
  #origin: OffsetPair
  readonly #ranges: MappedRange[]
  /** Number of whole pages removed from the front. */
  #droppedPages: number

  constructor(
    nextUpstreamOffset: number,
    nextDownstreamOffset: number,
    restored: { origin?: OffsetPair; ranges?: MappedRange[]; droppedPages?: number } = {},
  ) {
    this.#nextUpstreamOffset = nextUpstreamOffset
    this.#nextDownstreamOffset = nextDownstreamOffset
    this.#origin = restored.origin ?? { upstreamOffset: nextUpstreamOffset, downstreamOffset: nextDownstreamOffset }
    this.#ranges = restored.ranges ?? []
    this.#droppedPages = restored.droppedPages ?? 0
  }

  /** The next offset to read from the source: all records below it are on the target or counted as missing. */
  get nextUpstreamOffset(): number {
    return this.#nextUpstreamOffset
  }

  /** The offset after the last mirrored record on the target. */
  get nextDownstreamOffset(): number {
    return this.#nextDownstreamOffset
  }

  /** Where mirroring of this topic id began: records before it on the target are not of this mirror. */
  get origin(): OffsetPair {
    return this.#origin
  }

  get firstPage(): number {
    return this.#droppedPages
  }

  /** The number of the page that still grows: it contains the last range. */
  get openPage(): number {
    return this.#droppedPages + Math.max(0, Math.ceil(this.#ranges.length / PAGE_RANGES) - 1)
  }

  /** The offsets of the newest mirrored record; null if there is none. */
  get newest(): OffsetPair | null {
    const last = this.#ranges.at(-1)
    if (!last) return null
    const { upstreamOffset, downstreamOffset, length } = last
    return { upstreamOffset: upstreamOffset + length - 1, downstreamOffset: downstreamOffset + length - 1 }
  }

  page(number: number): readonly MappedRange[] {
    const start = (number - this.#droppedPages) * PAGE_RANGES
    return this.#ranges.slice(start, start + PAGE_RANGES)
  }

  /** Adds `length` consecutive records that begin at these offsets. */
  append(upstreamOffset: number, downstreamOffset: number, length: number): void {
    invariant(
      length > 0 && upstreamOffset >= this.#nextUpstreamOffset && downstreamOffset >= this.#nextDownstreamOffset,
      `range ${upstreamOffset}→${downstreamOffset}+${length} is before ${this.#nextUpstreamOffset}→${this.#nextDownstreamOffset}`,
    )
    const last = this.#ranges.at(-1)
    if (last && last.upstreamOffset + last.length === upstreamOffset && last.downstreamOffset + last.length === downstreamOffset)
      last.length += length
    else {
      this.#ranges.push({ upstreamOffset, downstreamOffset, length })
      if (this.#ranges.length > MAX_RANGES) {
        this.#ranges.splice(0, PAGE_RANGES)
        this.#droppedPages++
      }
    }
    this.#nextUpstreamOffset = upstreamOffset + length
    this.#nextDownstreamOffset = downstreamOffset + length
  }

  /** The source has no more records below `upstreamOffset`. */
  advance(upstreamOffset: number): void {
    invariant(
      upstreamOffset >= this.#nextUpstreamOffset,
      `the source position would go back from ${this.#nextUpstreamOffset} to ${upstreamOffset}`,
    )
    this.#nextUpstreamOffset = upstreamOffset
  }

  /** The target has records of other producers up to `downstreamOffset`. */
  skipTarget(downstreamOffset: number): void {
    invariant(
      downstreamOffset >= this.#nextDownstreamOffset,
      `the target position would go back from ${this.#nextDownstreamOffset} to ${downstreamOffset}`,
    )
    this.#nextDownstreamOffset = downstreamOffset
  }

  /** The source topic was recreated and is read from `upstreamOffset` on: offsets of the deleted topic are meaningless now. */
  resetSource(upstreamOffset: number): void {
    this.#ranges.length = 0
    this.#nextUpstreamOffset = upstreamOffset
    this.#origin = { upstreamOffset, downstreamOffset: this.#nextDownstreamOffset }
  }

  /** The source log was truncated to `upstreamOffset`: offsets from there on are forgotten. */
  truncateSource(upstreamOffset: number): void {
    this.#truncate((range) => upstreamOffset - range.upstreamOffset)
    this.#nextUpstreamOffset = upstreamOffset
    if (upstreamOffset < this.#origin.upstreamOffset || this.#ranges.length === 0)
      this.#origin = { upstreamOffset, downstreamOffset: this.#nextDownstreamOffset }
  }

  /** The target log ends at `downstreamOffset`. Returns the upstream offset from which records must be sent again. */
  truncateTarget(downstreamOffset: number): number {
    const upstreamOffset = this.translateUpstream(downstreamOffset)
    this.#truncate((range) => downstreamOffset - range.downstreamOffset)
    this.#nextUpstreamOffset = upstreamOffset
    this.#nextDownstreamOffset = downstreamOffset
    if (downstreamOffset < this.#origin.downstreamOffset) this.#origin = { upstreamOffset, downstreamOffset }
    return upstreamOffset
  }

  /** Shortens or removes ranges from the end until the last one fits its remaining length. */
  #truncate(remainingLength: (range: MappedRange) => number): void {
    while (this.#ranges.length > 0) {
      const last = this.#ranges.at(-1)!
      const length = remainingLength(last)
      if (length >= last.length) return
      if (length > 0) {
        last.length = length
        return
      }
      this.#ranges.pop()
    }
  }

  /**
   * Where a group that has committed `upstreamOffset` continues on the target: never after a record that it has not read (Invariant 10).
   */
  translateDownstream(upstreamOffset: number): Translation {
    if (upstreamOffset >= this.#nextUpstreamOffset)
      return { downstreamOffset: this.#nextDownstreamOffset, exact: true, ahead: upstreamOffset > this.#nextUpstreamOffset }
    const index = this.#lastBeginningAt((range) => range.upstreamOffset, upstreamOffset)
    if (index < 0) {
      const first = this.#ranges[0] ?? { upstreamOffset: this.#nextUpstreamOffset, downstreamOffset: this.#nextDownstreamOffset }
      // Each offset has one record at most: the exact offset is not further back than the distance, nor before the origin.
      const bound = first.downstreamOffset - (first.upstreamOffset - upstreamOffset)
      const downstreamOffset = Math.max(upstreamOffset >= this.#origin.upstreamOffset ? this.#origin.downstreamOffset : 0, bound)
      return { downstreamOffset, exact: downstreamOffset === first.downstreamOffset, ahead: false }
    }
    const range = this.#ranges[index]!
    const distance = Math.min(upstreamOffset - range.upstreamOffset, range.length)
    return { downstreamOffset: range.downstreamOffset + distance, exact: true, ahead: false }
  }

  /** The most records that a group at `upstreamOffset` reads again after its translation: 0 if that is exact. */
  rereads(upstreamOffset: number): number {
    const { downstreamOffset, exact } = this.translateDownstream(upstreamOffset)
    return exact ? 0 : Math.max(0, (this.#ranges[0]?.downstreamOffset ?? this.#nextDownstreamOffset) - downstreamOffset)
  }

  /** The upstream offset of the first record at or after `downstreamOffset`. */
  translateUpstream(downstreamOffset: number): number {
    if (downstreamOffset >= this.#nextDownstreamOffset) return this.#nextUpstreamOffset
    const index = this.#lastBeginningAt((range) => range.downstreamOffset, downstreamOffset)
    // Before the first known range there may be gaps of any size: only the origin is safe.
    if (index < 0) return this.#origin.upstreamOffset
    const range = this.#ranges[index]!
    const distance = downstreamOffset - range.downstreamOffset
    if (distance < range.length) return range.upstreamOffset + distance
    return this.#ranges[index + 1]?.upstreamOffset ?? this.#nextUpstreamOffset
  }

  /** The index of the last range that begins at or before `offset`; -1 if there is none. */
  #lastBeginningAt(beginning: (range: MappedRange) => number, offset: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (beginning(this.#ranges[middle]!) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
