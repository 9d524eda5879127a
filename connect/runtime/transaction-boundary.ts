/**
 * When an exactly-once source commits its transaction: the decision of each `transaction.boundary`. Pure: it sends nothing and keeps no
 * timer.
 */
import type { SegmentEnd } from './transaction-context.ts'

export type TransactionBoundaryName = 'poll' | 'interval' | 'connector'

export class TransactionBoundary {
  readonly name: TransactionBoundaryName
  readonly #intervalMs: number
  #committedAt: number

  /** `intervalMs` is for the boundary `interval` alone. */
  constructor(name: TransactionBoundaryName, intervalMs: number, now: number) {
    this.name = name
    this.#intervalMs = intervalMs
    this.#committedAt = now
  }

  /**
   * Whether all batches that are ready become one transaction: those that were read while the one before it was committed. Each batch is in
   * one transaction as a whole.
   */
  get gathers(): boolean {
    return this.name !== 'connector'
  }

  /** Whether an open transaction is committed when the task stops or is paused: a source that defines its own decides itself. */
  get commitsAtEnd(): boolean {
    return this.name !== 'connector'
  }

  /** What happens after segments of which the last one ends with `end`. */
  after(end: SegmentEnd, now: number): SegmentEnd {
    if (this.name === 'poll') return 'commit'
    if (this.name === 'connector') return end
    return now >= this.dueAt! ? 'commit' : null
  }

  /** When an open transaction has to be committed though no further batch arrives; null where only a batch can end it. */
  get dueAt(): number | null {
    return this.name === 'interval' ? this.#committedAt + this.#intervalMs : null
  }

  committed(now: number): void {
    this.#committedAt = now
  }
}
