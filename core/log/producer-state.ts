/**
 * The producer state of a partition: the epoch and the last five batches of each producer, to recognize duplicates (Invariant 5), and the
 * ongoing transactions, which limit the last stable offset (Invariant 4). Pure: `check` decides about a batch, `apply` adds it, `revert`
 * removes it; likewise for markers.
 */
import { KafkaError } from '../errors.ts'
import type { BatchHeader } from '../wire/batch-header.ts'
import { attributes } from '../wire/batch-header.ts'
import type { AppendOrigin } from './log-validator.ts'
import type { AbortedTxn } from './transaction-index.ts'
import type { ActiveProducer, Verification } from './types.ts'
import { VerificationGuards } from './verification-guards.ts'

/** Kafka's number of batches per producer among which a duplicate is recognized; clients keep no more in flight. */
export const BATCHES_TO_RETAIN = 5

/** The most producers per partition (Invariant 13); the least recently active one is evicted first. */
export const MAX_PRODUCERS = 100_000

const MAX_SEQUENCE = 0x7fff_ffff
const MAX_EPOCH = 0x7fff

/** Kafka's transaction.version from which on the coordinator raises the epoch of a producer with each transaction (KIP-890). */
const EPOCH_PER_TRANSACTION = 2

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

/** What a marker changed. */
export interface AppliedMarker {
  /** The entry before it. */
  readonly previous: ProducerStateEntry | undefined
  /** For the transaction index, where it aborted a transaction. */
  readonly aborted: AbortedTxn | null
}

/** The sequence `count` records after `sequence`; 0 follows 2147483647. */
export function advanceSequence(sequence: number, count: number): number {
  const next = sequence + count
  return next > MAX_SEQUENCE ? next - MAX_SEQUENCE - 1 : next
}

/** The header must have its offsets in the log. */
export const batchMetadata = (header: BatchHeader): BatchMetadata => ({
  firstSequence: header.baseSequence,
  // The batches of the group coordinator may have no sequence.
  lastSequence: header.baseSequence < 0 ? -1 : advanceSequence(header.baseSequence, header.lastOffsetDelta),
  baseOffset: header.baseOffset,
  lastOffset: header.lastOffset,
  timestamp: header.maxTimestamp,
})

function duplicateOf(header: BatchHeader, entry: ProducerStateEntry | undefined): BatchMetadata | null {
  if (!entry || header.producerEpoch !== entry.epoch) return null
  const first = header.baseSequence
  const last = advanceSequence(first, header.lastOffsetDelta)
  for (const batch of entry.batches) if (batch.firstSequence === first && batch.lastSequence === last) return batch
  return null
}

const olderEpoch = ({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }, { epoch }: ProducerStateEntry) =>
  new KafkaError('INVALID_PRODUCER_EPOCH', `producer id ${producerId}: epoch ${producerEpoch} is older than the current epoch ${epoch}`)

const outOfOrder = ({ producerId, producerEpoch, baseSequence }: BatchHeader, expected: number) =>
  new KafkaError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `producer id ${producerId}, epoch ${producerEpoch}: sequence ${baseSequence} arrived where ${expected} was expected`,
  )

export class ProducerState {
  /** In the order of their last batch. */
  readonly #entries = new Map<number, ProducerStateEntry>()
  readonly #guards = new VerificationGuards()
  /** The first offsets of the ongoing transactions, by producer id. */
  readonly #ongoing = new Map<number, number>()
  #firstOngoing = Number.POSITIVE_INFINITY
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

  /** As DescribeProducers shows them. */
  active(): ActiveProducer[] {
    return Array.from(this.#entries.values(), (entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.currentTxnFirstOffset,
    }))
  }

  /**
   * The guard for the first append of a transaction; `ongoing` where the transaction has begun in this partition. Throws Kafka's error for
   * an older epoch: its producer is fenced here, and the partition must not join a transaction.
   */
  startVerification(producerId: number, producerEpoch: number, sequence: number, supportsEpochBump: boolean, nowMs: number): Verification {
    const entry = this.#entries.get(producerId)
    if (entry && producerEpoch < entry.epoch) throw olderEpoch({ producerId, producerEpoch }, entry)
    if (this.#isOngoing(producerId, producerEpoch)) return 'ongoing'
    return this.#guards.create(producerId, producerEpoch, sequence, supportsEpochBump, nowMs)
  }

  /**
   * The stored batch that an idempotent producer's batch duplicates, or null for a new one. Throws Kafka's error for a wrong epoch or
   * sequence, and for a batch that does not fit to the transaction of its producer.
   */
  check(header: BatchHeader, origin: AppendOrigin = 'client', verification: Verification = 'ongoing'): BatchMetadata | null {
    const entry = this.#entries.get(header.producerId)
    const duplicate = origin === 'client' ? duplicateOf(header, entry) : null
    if (duplicate !== null) return duplicate
    const transactional = (header.attributes & attributes.transactional) !== 0
    if (transactional) this.#checkVerified(header, verification)
    if (entry && header.producerEpoch < entry.epoch) throw olderEpoch(header, entry)
    if (origin === 'client') this.#checkSequence(header, entry)
    if (!transactional && entry && entry.currentTxnFirstOffset >= 0)
      throw new KafkaError('INVALID_TXN_STATE', `producer id ${header.producerId}: a batch without transaction during a transaction`)
    return null
  }

  #isOngoing(producerId: number, producerEpoch: number): boolean {
    return this.#ongoing.has(producerId) && this.#entries.get(producerId)!.epoch === producerEpoch
  }

  /** Invariant 4: no transaction begins here without the knowledge of the coordinator, as nobody would end it. */
  #checkVerified({ producerId, producerEpoch }: BatchHeader, verification: Verification): void {
    if (verification === 'disabled' || this.#isOngoing(producerId, producerEpoch)) return
    if (verification === 'ongoing' || this.#guards.get(producerId) !== verification)
      throw new KafkaError('INVALID_TXN_STATE', `producer id ${producerId}: the batch is not part of an ongoing transaction`)
  }

  #checkSequence(header: BatchHeader, entry: ProducerStateEntry | undefined): void {
    const first = header.baseSequence
    const latest = entry?.batches.at(-1)
    const guard = this.#guards.get(header.producerId)
    if (guard?.supportsEpochBump && first !== 0 && latest === undefined) throw outOfOrder(header, 0)
    if (guard && first > guard.lowestSequence) throw outOfOrder(header, guard.lowestSequence)
    // Without state, because its batches were deleted, any sequence is accepted.
    if (!entry || entry.epoch < 0) return
    if (header.producerEpoch !== entry.epoch) {
      if (first !== 0) throw outOfOrder(header, 0)
      return
    }
    const expected = latest ? advanceSequence(latest.lastSequence, 1) : 0
    if (first !== expected) throw outOfOrder(header, expected)
  }

  /**
   * Throws Kafka's error for a marker of an older epoch or of an older coordinator. With an epoch for each transaction, that of a marker is
   * above that of its transaction (KIP-1228); a repeated marker is accepted, as the coordinator sends it again after a lost response.
   */
  checkMarker(marker: { producerId: number; producerEpoch: number; coordinatorEpoch: number; transactionVersion: number }): void {
    const entry = this.#entries.get(marker.producerId)
    if (!entry) return
    const epochPerTransaction = marker.transactionVersion >= EPOCH_PER_TRANSACTION
    const isRepeated =
      epochPerTransaction && marker.producerEpoch === entry.epoch && (entry.currentTxnFirstOffset < 0 || marker.producerEpoch === MAX_EPOCH)
    if (!isRepeated && (marker.producerEpoch < entry.epoch || (epochPerTransaction && marker.producerEpoch === entry.epoch)))
      throw olderEpoch(marker, entry)
    if (marker.coordinatorEpoch < entry.coordinatorEpoch)
      throw new KafkaError(
        'TRANSACTION_COORDINATOR_FENCED',
        `producer id ${marker.producerId}: coordinator epoch ${marker.coordinatorEpoch} is older than ${entry.coordinatorEpoch}`,
      )
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
    if (transactional) this.#guards.clear(header.producerId)
    return before
  }

  /** Ends a transaction. */
  applyMarker(header: BatchHeader, marker: EndTransactionMarker): AppliedMarker {
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
    this.#guards.clear(header.producerId)
    if (firstOffset < 0) return { previous: before, aborted: null }
    this.#completed.push({ firstOffset, markerOffset: header.lastOffset })
    const lastStableOffset = Math.min(this.#firstOngoing, header.lastOffset + 1)
    const aborted = marker.commit ? null : { producerId: header.producerId, firstOffset, lastOffset: header.lastOffset, lastStableOffset }
    return { previous: before, aborted }
  }

  /** The first offset that a read-committed consumer must not reach; null without an undecided transaction. Invariant 4. */
  firstUnstableOffset(highWatermark: number): number | null {
    if (this.#completed.length > 0) this.#completed = this.#completed.filter((done) => done.markerOffset >= highWatermark)
    if (this.#ongoing.size === 0 && this.#completed.length === 0) return null
    let first = this.#firstOngoing
    for (const done of this.#completed) if (done.firstOffset < first) first = done.firstOffset
    return first
  }

  /** Restores the entry of a producer after a batch that could not be written. */
  revert(producerId: number, before: ProducerStateEntry | undefined): void {
    if (before) this.set(before)
    else {
      this.#entries.delete(producerId)
      this.#setOngoing(producerId, -1)
    }
  }

  /** `revert` for the marker at `markerOffset`. */
  revertMarker(producerId: number, before: ProducerStateEntry | undefined, markerOffset: number): void {
    this.#completed = this.#completed.filter((done) => done.markerOffset !== markerOffset)
    this.revert(producerId, before)
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
    this.#guards.expire(cutoffMs)
  }

  set(entry: ProducerStateEntry): void {
    this.#entries.delete(entry.producerId)
    this.#entries.set(entry.producerId, entry)
    this.#setOngoing(entry.producerId, entry.currentTxnFirstOffset)
    if (this.#entries.size > MAX_PRODUCERS) this.#evictOldest()
  }

  /** `firstOffset` is -1 without a transaction. */
  #setOngoing(producerId: number, firstOffset: number): void {
    if (firstOffset >= 0) {
      this.#ongoing.set(producerId, firstOffset)
      if (firstOffset < this.#firstOngoing) this.#firstOngoing = firstOffset
      return
    }
    const ended = this.#ongoing.get(producerId)
    if (ended === undefined) return
    this.#ongoing.delete(producerId)
    if (ended !== this.#firstOngoing) return
    this.#firstOngoing = Number.POSITIVE_INFINITY
    for (const start of this.#ongoing.values()) if (start < this.#firstOngoing) this.#firstOngoing = start
  }

  #evictOldest(): void {
    for (const [producerId, entry] of this.#entries) {
      if (entry.currentTxnFirstOffset >= 0) continue
      this.#entries.delete(producerId)
      return
    }
  }
}
