/** Notices that the pages of a poll lead in a circle, with one page in memory: that of the last power of two (Brent's algorithm). Pure. */
import { isSamePage } from './paging.ts'
import type { PollPosition } from './position.ts'

export class PageCircle {
  #known: PollPosition
  #steps = 0
  #span = 1

  constructor(first: PollPosition) {
    this.#known = first
  }

  isClosedBy(at: PollPosition): boolean {
    // A page may be read on at another place.
    if (isSamePage(at, this.#known)) return at.index === this.#known.index && at.seen === this.#known.seen
    if (++this.#steps === this.#span) {
      this.#known = at
      this.#steps = 0
      this.#span *= 2
    }
    return false
  }
}
