/**
 * Tells a source what became of each record of a batch, where the batch wants to know. Made only for such batches, so that no other one
 * pays for it.
 */
import type { SendResult } from '../../core/client/types.ts'
import type { SourceBatch, SourceRecord } from '../sdk/index.ts'

export class RecordOutcomes {
  readonly #batch: SourceBatch
  readonly #indexes: ReadonlyMap<SourceRecord, number>

  private constructor(batch: SourceBatch) {
    this.#batch = batch
    this.#indexes = new Map(batch.records.map((record, index) => [record, index]))
  }

  /** Null where the batch does not want to know. */
  static of(batch: SourceBatch): RecordOutcomes | null {
    return batch.stored || batch.rejected ? new RecordOutcomes(batch) : null
  }

  /** `sources` are the records that were sent, in this order; a source hears nothing of dead letters. Throws what its code throws. */
  stored(sources: readonly SourceRecord[], result: SendResult): void {
    if (!this.#batch.stored) return
    for (let sent = 0; sent < sources.length; sent++) {
      const index = this.#indexes.get(sources[sent]!)
      if (index !== undefined && !result.failures?.has(sent)) this.#batch.stored(index, result.at(sent))
    }
  }

  rejected(record: SourceRecord, error: Error): void {
    const index = this.#indexes.get(record)
    if (index !== undefined) this.#batch.rejected?.(index, error)
  }
}
