/**
 * How many entries of a stream were removed before they were read. Redis does not tell; it can be computed where it is known how many
 * entries are left to read: all of them, where the first one is after the position, or none. Pure.
 */

/** The id of an entry as two numbers, which may exceed what is safe. */
function parts(id: string): [bigint, bigint] {
  const [ms, sequence = '0'] = id.split('-')
  return [BigInt(ms!), BigInt(sequence)]
}

/** Negative where `a` is before `b`. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0
  const [aMs, aSequence] = parts(a)
  const [bMs, bSequence] = parts(b)
  if (aMs !== bMs) return aMs < bMs ? -1 : 1
  return aSequence === bSequence ? 0 : aSequence < bSequence ? -1 : 1
}

export const NO_ENTRY = '0-0'

export interface StreamState {
  length: number
  /** NO_ENTRY where the stream is empty. */
  firstId: string
  lastId: string
  /** All that were ever added; null before Redis 7. */
  added: number | null
}

/** Entries of the stream that are after `position`; null where only Redis could count them. */
export function leftToRead(state: StreamState, position: string): number | null {
  if (state.length === 0 || compareIds(state.lastId, position) <= 0) return 0
  return compareIds(state.firstId, position) > 0 ? state.length : null
}

/**
 * For a reader that is alone: `rank` is how many entries the stream had ever got up to the position. Null where nothing can be said.
 */
export function missedByRank(state: StreamState, position: string, rank: number): number | null {
  const left = leftToRead(state, position)
  if (left === null || state.added === null) return null
  // A stream that was deleted counts from 0 again.
  return Math.max(0, state.added - left - rank)
}

/** The rank of a position; null where it cannot be known. */
export function rankOf(state: StreamState, position: string): number | null {
  const left = leftToRead(state, position)
  return left === null || state.added === null ? null : state.added - left
}

/** What Redis says of a group. */
export interface GroupProgress {
  delivered: string
  lag: number | null
  read: number | null
}

/**
 * For a group: Redis counts what the group has got. What it has not got, and is not in the stream any more, was missed. Redis before 7.4
 * never counts what was missed as read; later ones do when the next entry is read, and then it can be told no more. A replica, and a server
 * that loads its append-only file, may have a count from long ago (Redis 7.0 does not replicate it): then it is counted anew from there.
 */
export class GroupGaps {
  /** What was missed and told already. */
  missed: number
  /** What the group has got at least, by an earlier count of Redis and what came since. */
  leastRead: number
  #isOutdated = false

  constructor(missed: number, leastRead = 0) {
    this.missed = missed
    this.leastRead = leastRead
  }

  /** So many entries have come that the group had not got. */
  took(count: number): void {
    this.leastRead += count
  }

  /** How many were missed since the last call. Null where nothing can be said. */
  newlyMissed(state: StreamState, { delivered, lag, read }: GroupProgress): number | null {
    if (read !== null) {
      if (read < this.leastRead) this.#isOutdated = true
      this.leastRead = read
    }
    const left = leftToRead(state, delivered)
    // The lag of later versions leaves out what is not there any more. A new group has no count yet.
    const notRead = read !== null && state.added !== null ? state.added - read : lag
    if (left === null || notRead === null) return null
    const before = this.missed
    this.missed = Math.max(0, notRead - left)
    if (!this.#isOutdated) return Math.max(0, this.missed - before)
    this.#isOutdated = false
    return 0
  }
}
