/**
 * Long polls of Fetch: each waits until enough bytes are there, its time is over, or what it reads from is gone. One structure for all of
 * them: a log that advances looks at its own waiters only, and nothing polls.
 */

import type { Clock, Timer } from '../system/clock.ts'
import type { PartitionLog, ReadBound } from './types.ts'

export interface WaitedPartition {
  readonly log: PartitionLog
  readonly offset: number
  readonly maxBytes: number
}

export interface DelayedFetch {
  readonly partitions: readonly WaitedPartition[]
  readonly minBytes: number
  readonly maxWaitMs: number
  readonly bound: ReadBound
  /** Ends the wait early: the connection went. */
  onClose(task: () => void): () => void
}

export interface FetchWaiters {
  readonly size: number
  /** Resolves when `wait` is over; why does not matter, because the answer is read anew. */
  wait(wait: DelayedFetch): Promise<void>
  /** Ends the waits on these logs: their topic is gone. */
  release(logs: readonly PartitionLog[]): void
  /** Ends all waits. */
  close(): void
}

/** The bytes that reading `partitions` now would give. */
export function availableBytes(partitions: readonly WaitedPartition[], bound: ReadBound): number {
  let sum = 0
  for (const { log, offset, maxBytes } of partitions) sum += Math.min(log.available(offset, bound), maxBytes)
  return sum
}

interface Waiter extends DelayedFetch {
  timer: Timer
  forget: () => void
  resolve: () => void
}

interface Watch {
  readonly waiters: Set<Waiter>
  readonly stop: () => void
}

export class FetchPurgatory implements FetchWaiters {
  readonly #clock: Clock
  readonly #watches = new Map<PartitionLog, Watch>()
  readonly #all = new Set<Waiter>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#all.size
  }

  wait(wait: DelayedFetch): Promise<void> {
    return new Promise((resolve) => {
      const waiter: Waiter = { ...wait, resolve, timer: this.#clock.after(wait.maxWaitMs, () => this.#end(waiter)), forget: () => {} }
      this.#all.add(waiter)
      for (const { log } of wait.partitions) this.#watch(log).waiters.add(waiter)
      waiter.forget = wait.onClose(() => this.#end(waiter))
    })
  }

  release(logs: readonly PartitionLog[]): void {
    for (const log of logs) for (const waiter of [...(this.#watches.get(log)?.waiters ?? [])]) this.#end(waiter)
  }

  close(): void {
    for (const waiter of [...this.#all]) this.#end(waiter)
  }

  #watch(log: PartitionLog): Watch {
    let watch = this.#watches.get(log)
    if (!watch) {
      watch = { waiters: new Set(), stop: log.onAdvance(() => this.#advance(log)) }
      this.#watches.set(log, watch)
    }
    return watch
  }

  #advance(log: PartitionLog): void {
    for (const waiter of this.#watches.get(log)?.waiters ?? []) {
      // most polls ask for one byte, which this very advance has brought
      if (waiter.minBytes <= 1 || availableBytes(waiter.partitions, waiter.bound) >= waiter.minBytes) this.#end(waiter)
    }
  }

  #end(waiter: Waiter): void {
    if (!this.#all.delete(waiter)) return
    waiter.timer.cancel()
    waiter.forget()
    for (const { log } of waiter.partitions) {
      const watch = this.#watches.get(log)
      watch?.waiters.delete(waiter)
      if (watch?.waiters.size === 0) {
        this.#watches.delete(log)
        watch.stop()
      }
    }
    waiter.resolve()
  }
}
