/**
 * The transactions that a cleaning passes, in the order of the log: which batches are aborted, and whether batches of a transaction are
 * left when its marker is reached. Pure. It relies on the transaction index, so nothing at or after the last stable offset may be passed.
 */
import { attributes, type BatchHeader } from '../../wire/batch-header.ts'
import type { AbortedTxn } from '../transaction-index.ts'

interface OngoingAbort {
  readonly transaction: AbortedTxn
  hasBatches: boolean
}

export class CleanedTransactions {
  /** By first offset. */
  readonly #aborted: readonly AbortedTxn[]
  #next = 0
  readonly #ongoingAborts = new Map<number, OngoingAbort>()
  readonly #ongoingCommits = new Set<number>()

  /** `aborted` are those of the whole range that is passed. */
  constructor(aborted: readonly AbortedTxn[]) {
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** True where a batch of records is aborted. */
  pass({ attributes: bits, producerId, lastOffset }: BatchHeader): boolean {
    this.#beginUpTo(lastOffset)
    if ((bits & attributes.transactional) === 0) return false
    const abort = this.#ongoingAborts.get(producerId)
    if (abort === undefined) {
      this.#ongoingCommits.add(producerId)
      return false
    }
    abort.hasBatches = true
    return true
  }

  /**
   * The end of a transaction. `isDone`: no batch of it is left, the marker is no longer needed. `aborted`: the entry of the transaction
   * index that stays with the marker.
   */
  passMarker(producerId: number, lastOffset: number, committed: boolean): { isDone: boolean; aborted: AbortedTxn | null } {
    this.#beginUpTo(lastOffset)
    if (committed) return { isDone: !this.#ongoingCommits.delete(producerId), aborted: null }
    const abort = this.#ongoingAborts.get(producerId)
    this.#ongoingAborts.delete(producerId)
    return abort?.hasBatches ? { isDone: false, aborted: abort.transaction } : { isDone: true, aborted: null }
  }

  /** A control batch that ends no transaction. */
  passOffset(lastOffset: number): void {
    this.#beginUpTo(lastOffset)
  }

  #beginUpTo(offset: number): void {
    for (; this.#next < this.#aborted.length && this.#aborted[this.#next]!.firstOffset <= offset; this.#next++) {
      const transaction = this.#aborted[this.#next]!
      if (!this.#ongoingAborts.has(transaction.producerId))
        this.#ongoingAborts.set(transaction.producerId, { transaction, hasBatches: false })
    }
  }
}
