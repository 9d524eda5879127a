/**
 * The producer state of a partition: the epoch and the last five batches of each producer, to recognize duplicates (Invariant 5), and the
 * ongoing transactions, which limit the last stable offset (Invariant 4). Pure: `check` decides about a batch, `apply` adds it, `revert`
 * removes it.
 */
import { KafkaError } from '../errors.ts'
import type { BatchHeader } from '../wire/batch-header.ts'
import { attributes } from '../wire/batch-header.ts'
import type { AbortedTxn } from './transaction-index.ts'

/** Kafka's number of batches per producer among which a duplicate is recognized; clients keep no more in flight. */
export const BATCHES_TO_RETAIN = 5

/** The most producers per partition (Invariant 13); the least recently active one is evicted first. */
export const MAX_PRODUCERS = 100_000

const MAX_SEQUENCE = 0x7fff_ffff

export interface BatchMetadata {
  firstSequence: number
  lastSequence: number
  baseOffset: number
  lastOffset: number
  timestamp: number
}

/** Immutable: to revert a batch is to set the previous entry. */
export interface ProducerStateEntry {
  readonly producerId: number
  readonly epoch: number
  /** Oldest first. */
  readonly batches: readonly BatchMetadata[]
  readonly coordinatorEpoch: number
  /** The first offset of the ongoing transaction, or -1. */
  readonly currentTxnFirstOffset: number
  readonly lastTimestamp: number
}

export type EndTransactionMarker = { commit: boolean; coordinatorEpoch: number }

interface CompletedTxn {
  firstOffset: number
  markerOffset: number
}

/** The sequence `count` records after `sequence`; 0 follows 2147483647. */
export function advanceSequence(sequence: number, count: number): number {
  const next = sequence + count
  return next > MAX_SEQUENCE ? next - MAX_SEQUENCE - 1 : next
}

/** The header must have its offsets in the log. */
export const batchMetadata = (header: BatchHeader): BatchMetadata => ({
  firstSequence: header.baseSequence,
  lastSequence: advanceSequence(header.baseSequence, header.lastOffsetDelta),
  baseOffset: header.baseOffset,
  lastOffset: header.lastOffset,
  timestamp: header.maxTimestamp,
})

export class ProducerState {
  /** In the order of their last batch. */
  readonly #entries = new Map<number, ProducerStateEntry>()
  readonly #ongoing = new Map<number, number>()
  /** Transactions whose marker is at or after the high watermark. */
  #completed: CompletedTxn[] = []

  get size(): number {
    return this.#entries.size
  }

  all(): Iterable<ProducerStateEntry> {
    return this.#entries.values()
  }

  get(producerId: number): ProducerStateEntry | undefined {
    return this.#entries.get(producerId)
  }

  /**
   * The stored batch that an idempotent producer's batch duplicates, or null for a new one. Throws Kafka's error for a wrong epoch or
   * sequence.
   */
  check(header: BatchHeader): BatchMetadata | null {
    const entry = this.#entries.get(header.producerId)
    if (!entry) return null
    const about = `producer id ${header.producerId}`
    if (header.producerEpoch < entry.epoch) {
      throw new KafkaError(
        'INVALID_PRODUCER_EPOCH',
        `${about}: epoch ${header.producerEpoch} is older than the current epoch ${entry.epoch}`,
      )
    }
    const first = header.baseSequence
    if (header.producerEpoch > entry.epoch) {
      if (first === 0 || entry.epoch < 0) return null
      throw new KafkaError(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
        `${about}: the new epoch ${header.producerEpoch} must begin with sequence 0, not ${first}`,
      )
    }
    const last = advanceSequence(first, header.lastOffsetDelta)
    for (const batch of entry.batches) if (batch.firstSequence === first && batch.lastSequence === last) return batch
    const latest = entry.batches.at(-1)
    const expected = latest ? advanceSequence(latest.lastSequence, 1) : 0
    if (first === expected) return null
    throw new KafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER', `${about}: sequence ${first} arrived where ${expected} was expected`)
  }

  /** Adds a batch; returns the previous entry, for `revert`. The header must have its offsets in the log. */
  apply(header: BatchHeader): ProducerStateEntry | undefined {
    const before = this.#entries.get(header.producerId)
    const sameEpoch = before !== undefined && before.epoch === header.producerEpoch
    const batch = batchMetadata(header)
    const kept = sameEpoch ? (before.batches.length < BATCHES_TO_RETAIN ? before.batches : before.batches.slice(1)) : []
    const transactional = (header.attributes & attributes.transactional) !== 0
    const transactionStart =
      before && before.currentTxnFirstOffset >= 0 ? before.currentTxnFirstOffset : transactional ? header.baseOffset : -1
    this.set({
      producerId: header.producerId,
      epoch: header.producerEpoch,
      batches: [...kept, batch],
      coordinatorEpoch: before?.coordinatorEpoch ?? -1,
      currentTxnFirstOffset: transactionStart,
      lastTimestamp: header.maxTimestamp,
    })
    return before
  }

  /** Ends a transaction. Returns the entry for the transaction index where it was aborted. */
  applyMarker(header: BatchHeader, marker: EndTransactionMarker): AbortedTxn | null {
    const before = this.#entries.get(header.producerId)
    const firstOffset = this.#ongoing.get(header.producerId) ?? -1
    this.set({
      producerId: header.producerId,
      epoch: header.producerEpoch,
      batches: before && before.epoch === header.producerEpoch ? before.batches : [],
      coordinatorEpoch: marker.coordinatorEpoch,
      currentTxnFirstOffset: -1,
      lastTimestamp: header.maxTimestamp,
    })
    if (firstOffset < 0) return null
    let lastStableOffset = header.lastOffset + 1
    for (const start of this.#ongoing.values()) if (start < lastStableOffset) lastStableOffset = start
    this.#completed.push({ firstOffset, markerOffset: header.lastOffset })
    return marker.commit ? null : { producerId: header.producerId, firstOffset, lastOffset: header.lastOffset, lastStableOffset }
  }

  /** The first offset that a read-committed consumer must not reach; null without an undecided transaction. Invariant 4. */
  firstUnstableOffset(highWatermark: number): number | null {
    if (this.#completed.length > 0) this.#completed = this.#completed.filter((done) => done.markerOffset >= highWatermark)
    if (this.#ongoing.size === 0 && this.#completed.length === 0) return null
    let first = Number.POSITIVE_INFINITY
    for (const start of this.#ongoing.values()) if (start < first) first = start
    for (const done of this.#completed) if (done.firstOffset < first) first = done.firstOffset
    return first
  }

  /** Restores the entry of a producer after a batch that could not be written. */
  revert(producerId: number, before: ProducerStateEntry | undefined): void {
    if (before) this.set(before)
    else {
      this.#entries.delete(producerId)
      this.#ongoing.delete(producerId)
    }
  }

  /** Sets the batches of a producer that a snapshot does not contain. Ignored unless they end with its last batch. */
  setBatches(producerId: number, batches: readonly BatchMetadata[]): void {
    const entry = this.#entries.get(producerId)
    const last = entry?.batches.at(-1)
    if (entry && last && last.lastOffset === batches.at(-1)?.lastOffset) this.#entries.set(producerId, { ...entry, batches })
  }

  /** Removes producers without a batch since `cutoffMs` and without an ongoing transaction. */
  expire(cutoffMs: number): void {
    for (const [producerId, entry] of this.#entries) {
      if (entry.currentTxnFirstOffset < 0 && entry.lastTimestamp < cutoffMs) this.#entries.delete(producerId)
    }
  }

  set(entry: ProducerStateEntry): void {
    this.#entries.delete(entry.producerId)
    this.#entries.set(entry.producerId, entry)
    if (entry.currentTxnFirstOffset >= 0) this.#ongoing.set(entry.producerId, entry.currentTxnFirstOffset)
    else this.#ongoing.delete(entry.producerId)
    if (this.#entries.size > MAX_PRODUCERS) this.#evictOldest()
  }

  #evictOldest(): void {
    for (const [producerId, entry] of this.#entries) {
      if (entry.currentTxnFirstOffset >= 0) continue
      this.#entries.delete(producerId)
      return
    }
  }
}
