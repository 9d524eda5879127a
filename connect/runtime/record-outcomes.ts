/**
 * Tells a source what became of each record of a batch, where the batch wants to know. Made only for such batches, so that no other one
 * pays for it. Records are known by their index: a batch may have the same record twice.
 */
import type { SendResult } from '../../core/client/types.ts'
import type { SourceBatch } from '../sdk/index.ts'
import { refusalReason } from './refusal-reason.ts'

interface Rejection {
  readonly index: number
  readonly error: Error
}

export class RecordOutcomes {
  readonly #stored: SourceBatch['stored']
  readonly #rejected: SourceBatch['rejected']
  readonly #refused: SourceBatch['refused']
  readonly #mayTell: () => boolean
  readonly #from: number
  #rejections: Rejection[] = []

  private constructor(batch: SourceBatch, mayTell: () => boolean, from: number) {
    // The records of a batch must not stay in memory until they are acknowledged.
    if (batch.stored) this.#stored = (index, at) => batch.stored!(index, at)
    if (batch.rejected) this.#rejected = (index, error, reason) => batch.rejected!(index, error, reason)
    if (batch.refused) this.#refused = (index, error, reason) => batch.refused!(index, error, reason)
    this.#mayTell = mayTell
    this.#from = from
  }

  /**
   * Of the records from index `from` on, which count from 0 here. Null where the batch does not want to know. A task that `mayTell` does
   * not allow it tells nothing: its successor reads the records again.
   */
  static of(batch: SourceBatch, mayTell: () => boolean, from = 0): RecordOutcomes | null {
    return batch.stored || batch.rejected || batch.refused ? new RecordOutcomes(batch, mayTell, from) : null
  }

  /** Whether the source may refuse records to their senders. */
  get mayRefuse(): boolean {
    return this.#refused !== undefined
  }

  /** Whether the source has refused the record to its sender: else errors.tolerance decides about it. Throws what its code throws. */
  refused(index: number, error: Error): boolean {
    return this.#mayTell() && this.#refused?.(this.#from + index, error, refusalReason(error)) === true
  }

  /** The record is skipped: the source hears of it by `tell`, when its dead letter is in Kafka. */
  rejected(index: number, error: Error): void {
    if (this.#rejected) this.#rejections.push({ index, error })
  }

  /** The task fails with `error`. If it is that of a record, the source hears at once of this record, and of no other one. */
  failed(error: unknown): void {
    const last = this.#rejections.at(-1)
    this.#rejections = []
    if (last && last.error === error) this.#tellRejected(last)
  }

  /**
   * The records are in Kafka, or skipped. `sent` has the index of each record that was sent; what `result` has more are dead letters.
   * Throws what the code of the source throws.
   */
  tell(sent: readonly number[], result: SendResult | null): void {
    const rejections = this.#rejections
    this.#rejections = []
    for (const rejection of rejections) this.#tellRejected(rejection)
    if (!this.#stored || !result) return
    for (let index = 0; index < sent.length; index++) {
      if (!this.#mayTell()) return
      if (!result.failures?.has(index)) this.#stored(this.#from + sent[index]!, result.at(index))
    }
  }

  #tellRejected({ index, error }: Rejection): void {
    if (this.#mayTell()) this.#rejected?.(this.#from + index, error, refusalReason(error))
  }
}
