/**
 * The delayed fetches of a broker: each waits until enough bytes are available, max.wait.ms has passed, its client disconnects, or a log
 * that it reads is removed. A log that advances checks only the fetches that watch it; nothing polls.
 */
import type { Clock, Timer } from '../system/clock.ts'
import type { PartitionLog, ReadBound } from './types.ts'

export interface WatchedPartition {
  readonly log: PartitionLog
  readonly offset: number
  readonly maxBytes: number
}

export interface DelayedFetch {
  readonly partitions: readonly WatchedPartition[]
  readonly minBytes: number
  readonly maxWaitMs: number
  readonly bound: ReadBound
  /** Calls `task` when the client disconnects. Returns a function that unsubscribes it. */
  onClose(task: () => void): () => void
}

/** The bytes that reading `partitions` now would return. */
function availableBytes(partitions: readonly WatchedPartition[], bound: ReadBound): number {
  let sum = 0
  for (const { log, offset, maxBytes } of partitions) sum += Math.min(log.available(offset, bound), maxBytes)
  return sum
}

interface WatchedFetch extends DelayedFetch {
  timer: Timer
  unsubscribe: () => void
  resolve: () => void
}

/** The fetches that watch one log. */
interface Watchers {
  readonly fetches: Set<WatchedFetch>
  readonly unsubscribe: () => void
}

export class FetchPurgatory {
  readonly #clock: Clock
  readonly #watchersOf = new Map<PartitionLog, Watchers>()
  readonly #fetches = new Set<WatchedFetch>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Fetches that wait. */
  get size(): number {
    return this.#fetches.size
  }

  /** Resolves when the wait is over, for whatever reason: the caller reads the partitions again. */
  wait(delayed: DelayedFetch): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(delayed.maxWaitMs, () => this.#complete(fetch))
      const fetch: WatchedFetch = { ...delayed, resolve, timer, unsubscribe: () => {} }
      this.#fetches.add(fetch)
      for (const { log } of delayed.partitions) this.#watchers(log).fetches.add(fetch)
      fetch.unsubscribe = delayed.onClose(() => this.#complete(fetch))
    })
  }

  /** Ends the waits on these logs, because their topic is deleted. */
  completeFor(logs: readonly PartitionLog[]): void {
    for (const log of logs) for (const fetch of [...(this.#watchersOf.get(log)?.fetches ?? [])]) this.#complete(fetch)
  }

  /** Ends all waits. */
  close(): void {
    for (const fetch of [...this.#fetches]) this.#complete(fetch)
  }

  #watchers(log: PartitionLog): Watchers {
    let watchers = this.#watchersOf.get(log)
    if (!watchers) {
      watchers = { fetches: new Set(), unsubscribe: log.onAdvance(() => this.#check(log)) }
      this.#watchersOf.set(log, watchers)
    }
    return watchers
  }

  #check(log: PartitionLog): void {
    for (const fetch of this.#watchersOf.get(log)?.fetches ?? []) {
      // Most consumers have fetch.min.bytes=1: every advance completes their fetch, but for records of an ongoing transaction.
      if ((fetch.minBytes <= 1 && fetch.bound !== 'lastStableOffset') || availableBytes(fetch.partitions, fetch.bound) >= fetch.minBytes)
        this.#complete(fetch)
    }
  }

  #complete(fetch: WatchedFetch): void {
    if (!this.#fetches.delete(fetch)) return
    fetch.timer.cancel()
    fetch.unsubscribe()
    for (const { log } of fetch.partitions) {
      const watchers = this.#watchersOf.get(log)
      watchers?.fetches.delete(fetch)
      if (watchers?.fetches.size === 0) {
        this.#watchersOf.delete(log)
        watchers.unsubscribe()
      }
    }
    fetch.resolve()
  }
}
