/**
 * Which leader epoch wrote which offsets: ascending pairs of an epoch and its first offset, as `leader-epoch-checkpoint` keeps them. Pure; who changes
 * it writes the checkpoint.
 */
import type { EpochStart } from './checkpoint.ts'

export class LeaderEpochs {
  #starts: EpochStart[]

  constructor(starts: readonly EpochStart[] = []) {
    this.#starts = [...starts].sort((a, b) => a.startOffset - b.startOffset || a.epoch - b.epoch)
  }

  get entries(): readonly EpochStart[] {
    return this.#starts
  }

  get latest(): number {
    return this.#starts.at(-1)?.epoch ?? -1
  }

  /** Notes that `epoch` begins at `startOffset` unless it is known; true when that is news. */
  assign(epoch: number, startOffset: number): boolean {
    if (epoch < 0 || epoch <= this.latest) return false
    while (this.#starts.length > 0 && this.#starts.at(-1)!.startOffset >= startOffset) this.#starts.pop()
    this.#starts.push({ epoch, startOffset })
    return true
  }

  epochAt(offset: number): number {
    let found = -1
    for (const { epoch, startOffset } of this.#starts) {
      if (startOffset > offset) break
      found = epoch
    }
    return found
  }

  /** The largest epoch at or below `epoch` and where it ends; what this log does not know is -1, -1 (KIP-101, KIP-279). */
  endOffset(epoch: number, logEndOffset: number): { leaderEpoch: number; endOffset: number } {
    if (epoch < 0 || this.#starts.length === 0) return { leaderEpoch: -1, endOffset: -1 }
    if (epoch === this.latest) return { leaderEpoch: epoch, endOffset: logEndOffset }
    if (epoch > this.latest) return { leaderEpoch: -1, endOffset: -1 }
    let next = this.#starts.findIndex((start) => start.epoch > epoch)
    if (next < 0) next = this.#starts.length
    const known = this.#starts[next - 1]
    const following = this.#starts[next]!
    return known ? { leaderEpoch: known.epoch, endOffset: following.startOffset } : { leaderEpoch: epoch, endOffset: following.startOffset }
  }

  /** Forgets what lies at or past the end of a log that became shorter; true when that changed something. */
  truncateEnd(endOffset: number): boolean {
    const before = this.#starts.length
    this.#starts = this.#starts.filter((start) => start.startOffset < endOffset)
    return this.#starts.length !== before
  }

  /** Lets the oldest known epoch begin at a log start that moved up; true when that changed something. */
  truncateStart(startOffset: number): boolean {
    const covering = this.#starts.findLastIndex((start) => start.startOffset <= startOffset)
    if (covering < 0 || (covering === 0 && this.#starts[0]!.startOffset === startOffset)) return false
    this.#starts = this.#starts.slice(covering)
    this.#starts[0] = { epoch: this.#starts[0]!.epoch, startOffset }
    return true
  }
}
