/**
 * The start offset of each leader epoch, ascending, as `leader-epoch-checkpoint` stores them. Pure: the caller writes the checkpoint after
 * a change.
 */
import type { EpochStart } from './checkpoint.ts'

export class LeaderEpochCache {
  #starts: EpochStart[]

  constructor(starts: readonly EpochStart[] = []) {
    this.#starts = [...starts].sort((a, b) => a.startOffset - b.startOffset || a.epoch - b.epoch)
  }

  get entries(): readonly EpochStart[] {
    return this.#starts
  }

  get latestEpoch(): number {
    return this.#starts.at(-1)?.epoch ?? -1
  }

  /** Adds `epoch` with its start offset unless it is known. True when it was added. */
  assign(epoch: number, startOffset: number): boolean {
    if (epoch < 0 || epoch <= this.latestEpoch) return false
    while (this.#starts.length > 0 && this.#starts.at(-1)!.startOffset >= startOffset) this.#starts.pop()
    this.#starts.push({ epoch, startOffset })
    return true
  }

  epochForOffset(offset: number): number {
    let epochOfOffset = -1
    for (const { epoch, startOffset } of this.#starts) {
      if (startOffset > offset) break
      epochOfOffset = epoch
    }
    return epochOfOffset
  }

  /** The largest epoch at or below `epoch` and its end offset; -1, -1 where it is unknown (KIP-101, KIP-279). */
  endOffsetFor(epoch: number, logEndOffset: number): { leaderEpoch: number; endOffset: number } {
    if (epoch < 0 || this.#starts.length === 0) return { leaderEpoch: -1, endOffset: -1 }
    if (epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset }
    if (epoch > this.latestEpoch) return { leaderEpoch: -1, endOffset: -1 }
    let next = this.#starts.findIndex((start) => start.epoch > epoch)
    if (next < 0) next = this.#starts.length
    const floor = this.#starts[next - 1]
    const endOffset = this.#starts[next]!.startOffset
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset }
  }

  /** Removes the epochs that start at or after the end of a truncated log. True when something changed. */
  truncateFromEnd(endOffset: number): boolean {
    const before = this.#starts.length
    this.#starts = this.#starts.filter((start) => start.startOffset < endOffset)
    return this.#starts.length !== before
  }

  /** Removes the epochs that end before a raised log start offset. True when something changed. */
  truncateFromStart(startOffset: number): boolean {
    const covering = this.#starts.findLastIndex((start) => start.startOffset <= startOffset)
    if (covering < 0 || (covering === 0 && this.#starts[0]!.startOffset === startOffset)) return false
    this.#starts = this.#starts.slice(covering)
    this.#starts[0] = { epoch: this.#starts[0]!.epoch, startOffset }
    return true
  }
}
