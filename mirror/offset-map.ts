/**
 * The exact map of one partition: runs (first offset at the source, first offset at the target, length), one run where nothing is missing.
 * Both sides rise. It answers in both directions and never past the truth (Invariant 10); what it no longer knows it bounds from below.
 * Pure: the ledger keeps it on the target.
 */
import { invariant } from '../core/errors.ts'

/** Offsets that belong together: of the source and of the target. */
export interface OffsetPair {
  up: number
  down: number
}

export interface Run extends OffsetPair {
  length: number
}

export interface Translation {
  /** The offset on the target to go on from. */
  down: number
  /** True: exactly the next record. False: at or before it. */
  exact: boolean
  /** The committed offset lies past what has been mirrored: `down` is the end so far and will grow. */
  ahead: boolean
}

/** Runs of one page: a full page is written once and never again. */
export const PAGE_RUNS = 256
/** Runs kept of one partition; older ones are answered by their lower bound. */
export const MAX_RUNS = 256 * PAGE_RUNS

export class OffsetMap {
  /** The source's offset to read next: everything below it is on the target, or accounted for as missing. */
  nextUp: number
  /** The target's offset behind the last record that is ours. */
  nextDown: number
  /** Where the mirror (or this life of the source's topic) began: what lies before on the target is not ours to send again. */
  origin: OffsetPair
  readonly #runs: Run[]
  /** Whole pages that are forgotten. */
  #droppedPages: number

  constructor(nextUp: number, nextDown: number, known: { origin?: OffsetPair; runs?: Run[]; droppedPages?: number } = {}) {
    this.nextUp = nextUp
    this.nextDown = nextDown
    this.origin = known.origin ?? { up: nextUp, down: nextDown }
    this.#runs = known.runs ?? []
    this.#droppedPages = known.droppedPages ?? 0
  }

  get size(): number {
    return this.#runs.length
  }

  get firstPage(): number {
    return this.#droppedPages
  }

  /** The page that still grows: it holds the last run. */
  get openPage(): number {
    return this.#droppedPages + Math.max(0, Math.ceil(this.#runs.length / PAGE_RUNS) - 1)
  }

  /** Where the newest record stands on both sides; null where there is none. */
  get newest(): OffsetPair | null {
    const last = this.#runs.at(-1)
    return last ? { up: last.up + last.length - 1, down: last.down + last.length - 1 } : null
  }

  page(number: number): readonly Run[] {
    const start = (number - this.#droppedPages) * PAGE_RUNS
    return this.#runs.slice(start, start + PAGE_RUNS)
  }

  /** `length` records that follow each other stand at `up` at the source and at `down` on the target. */
  append(up: number, down: number, length: number): void {
    invariant(
      length > 0 && up >= this.nextUp && down >= this.nextDown,
      `run ${up}→${down}+${length} behind ${this.nextUp}→${this.nextDown}`,
    )
    const last = this.#runs.at(-1)
    if (last && last.up + last.length === up && last.down + last.length === down) last.length += length
    else {
      this.#runs.push({ up, down, length })
      if (this.#runs.length > MAX_RUNS) {
        this.#runs.splice(0, PAGE_RUNS)
        this.#droppedPages++
      }
    }
    this.nextUp = up + length
    this.nextDown = down + length
  }

  /** The source has nothing more below `up`. */
  advance(up: number): void {
    invariant(up >= this.nextUp, `the position of the source goes back from ${this.nextUp} to ${up}`)
    this.nextUp = up
  }

  /** Records of somebody else lie on the target up to `down`. */
  skipTarget(down: number): void {
    invariant(down >= this.nextDown, `the end of the target goes back from ${this.nextDown} to ${down}`)
    this.nextDown = down
  }

  /** Another topic has the name now, and is read from `up` on: the offsets of the one before mean nothing any more. */
  beginAnew(up: number): void {
    this.#runs.length = 0
    this.nextUp = up
    this.origin = { up, down: this.nextDown }
  }

  /** The source was truncated to `up`: what was known from there on no longer holds. */
  restartSource(up: number): void {
    this.#cut((run) => up - run.up)
    this.nextUp = up
    if (up < this.origin.up || this.#runs.length === 0) this.origin = { up, down: this.nextDown }
  }

  /** The target holds nothing from `down` on: gives the source's offset from which it must be sent again. */
  restartTarget(down: number): number {
    const up = this.upstream(down)
    this.#cut((run) => down - run.down)
    this.nextUp = up
    this.nextDown = down
    if (down < this.origin.down) this.origin = { up, down }
    return up
  }

  #cut(keep: (run: Run) => number): void {
    while (this.#runs.length > 0) {
      const last = this.#runs.at(-1)!
      const length = keep(last)
      if (length >= last.length) return
      if (length > 0) {
        last.length = length
        return
      }
      this.#runs.pop()
    }
  }

  /** Where a group that has committed `up` at the source goes on at the target. Invariant 10: never behind a record it has not read. */
  translate(up: number): Translation {
    if (up >= this.nextUp) return { down: this.nextDown, exact: true, ahead: up > this.nextUp }
    const index = this.#find((run) => run.up, up)
    if (index < 0) {
      const first = this.#runs[0]
      const [knownUp, knownDown] = first ? [first.up, first.down] : [this.nextUp, this.nextDown]
      // at most one record stands at each offset, so the truth is not further back than the distance, nor before where all of it began
      const down = Math.max(up >= this.origin.up ? this.origin.down : 0, knownDown - (knownUp - up))
      return { down, exact: down === knownDown, ahead: false }
    }
    const run = this.#runs[index]!
    return { down: run.down + Math.min(up - run.up, run.length), exact: true, ahead: false }
  }

  /** The most records that a group at `up` reads again by its translation: 0 where that is exact. */
  rereads(up: number): number {
    const { down, exact } = this.translate(up)
    return exact ? 0 : Math.max(0, (this.#runs[0]?.down ?? this.nextDown) - down)
  }

  /** The source's offset of the first record that stands at `down` or behind it. */
  upstream(down: number): number {
    if (down >= this.nextDown) return this.nextUp
    const index = this.#find((run) => run.down, down)
    // before the first known run there may be gaps of any size: only the beginning is safe
    if (index < 0) return this.origin.up
    const run = this.#runs[index]!
    const distance = down - run.down
    if (distance < run.length) return run.up + distance
    return this.#runs[index + 1]?.up ?? this.nextUp
  }

  /** The last run that begins at or before `offset`; -1 where none does. */
  #find(start: (run: Run) => number, offset: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (start(this.#runs[middle]!) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
