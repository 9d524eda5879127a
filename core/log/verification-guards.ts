/**
 * The appends of a partition that wait for the transaction coordinator (KIP-890): before the first append of a transaction the coordinator
 * is asked whether the partition belongs to it. The guard that the producer gets meanwhile is void once a marker ends the transaction, so
 * that no late append begins a transaction that nobody ends. Pure.
 */
import type { VerificationGuard } from './types.ts'

/** The most producers per partition that wait (Invariant 13). The append of an older one is rejected, and its producer retries. */
export const MAX_GUARDS = 10_000

interface Guard extends VerificationGuard {
  readonly createdMs: number
}

export class VerificationGuards {
  /** By producer id, in the order of their creation. */
  readonly #guards = new Map<number, Guard>()

  get size(): number {
    return this.#guards.size
  }

  get(producerId: number): VerificationGuard | undefined {
    return this.#guards.size === 0 ? undefined : this.#guards.get(producerId)
  }

  /** Requests of a producer share a guard: the lowest sequence must be appended first. */
  create(producerId: number, producerEpoch: number, sequence: number, supportsEpochBump: boolean, nowMs: number): VerificationGuard {
    const guard = this.#guards.get(producerId)
    if (guard !== undefined) {
      if (producerEpoch > guard.producerEpoch) {
        guard.producerEpoch = producerEpoch
        guard.lowestSequence = sequence
      } else if (producerEpoch === guard.producerEpoch && sequence < guard.lowestSequence) guard.lowestSequence = sequence
      return guard
    }
    const created: Guard = { producerEpoch, lowestSequence: sequence, supportsEpochBump, createdMs: nowMs }
    this.#guards.set(producerId, created)
    if (this.#guards.size > MAX_GUARDS) this.#guards.delete(this.#guards.keys().next().value!)
    return created
  }

  clear(producerId: number): void {
    if (this.#guards.size > 0) this.#guards.delete(producerId)
  }

  /** Removes guards whose append never came. */
  expire(cutoffMs: number): void {
    for (const [producerId, { createdMs }] of this.#guards) if (createdMs < cutoffMs) this.#guards.delete(producerId)
  }
}
