/**
 * The transactions that a source defines itself: collects what it asks for while it makes a batch, and cuts the batch into the segments at
 * whose ends a transaction is committed or aborted. It sends nothing.
 */
import type { Position, SourceBatch, SourceRecord, TransactionContext, TransactionEnd } from '../sdk/index.ts'

export type SegmentEnd = 'commit' | 'abort' | null

/** A part of a batch: all of its records belong to one transaction. */
export interface SourceSegment {
  records: readonly SourceRecord[]
  /** After the last of its records. */
  positions: readonly Position[]
  /** What the source asks for after it. */
  end: SegmentEnd
}

interface RecordRequest {
  end: 'commit' | 'abort'
  positions: readonly Position[]
}

export class WorkerTransactionContext implements TransactionContext {
  #batchEnd: SegmentEnd = null
  #byRecord = new Map<SourceRecord, RecordRequest>()
  /** A source that asks for both must fail, even where it catches what it is told. */
  #conflict: string | null = null

  commitTransaction(after?: TransactionEnd): void {
    this.#request('commit', after)
  }

  abortTransaction(after?: TransactionEnd): void {
    this.#request('abort', after)
  }

  #request(end: 'commit' | 'abort', after: TransactionEnd | undefined): void {
    if (!after) {
      if (this.#batchEnd !== null && this.#batchEnd !== end)
        this.#conflict = 'Connector requested both commit and abort of same transaction'
      this.#batchEnd = end
      return
    }
    const before = this.#byRecord.get(after.record)
    if (before && before.end !== end)
      this.#conflict =
        'Connector requested both commit and abort of same record against topic/partition ' +
        `${after.record.topic}/${after.record.partition}`
    this.#byRecord.set(after.record, { end, positions: after.positions })
  }

  /** Forgets what was asked for: the source is read again. */
  clear(): void {
    this.#batchEnd = null
    this.#byRecord = new Map()
    this.#conflict = null
  }

  /** The segments of the batch that the source has given. */
  cut(batch: SourceBatch): SourceSegment[] {
    if (this.#conflict !== null) throw new Error(this.#conflict)
    const segments: SourceSegment[] = []
    let start = 0
    if (this.#byRecord.size > 0) {
      for (const [index, record] of batch.records.entries()) {
        const request = this.#byRecord.get(record)
        if (!request) continue
        segments.push({ records: batch.records.slice(start, index + 1), positions: request.positions, end: request.end })
        start = index + 1
      }
      if (segments.length < this.#byRecord.size)
        throw new Error('the connector asked for the end of a transaction after a record that is not in the batch it gave next')
    }
    const last = segments.at(-1)
    if (last && start === batch.records.length && this.#batchEnd === null) {
      // The positions of the batch are those after its last record, and count where both name a source partition.
      last.positions = [...last.positions, ...batch.positions]
    } else segments.push({ records: batch.records.slice(start), positions: batch.positions, end: this.#batchEnd })
    this.clear()
    return segments
  }
}
