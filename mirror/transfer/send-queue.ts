/**
 * The batches of one partition between the fetch from the source and the acknowledgement of the target, in the order of the source. It
 * assigns the sequences of the idempotent producer, and releases a batch only when all batches before it are acknowledged (Invariants 2 and
 * 6). No I/O.
 */
import { type OffsetRange, restamp } from './batch-rewrite.ts'

/** Batches of one partition in flight to the target: as many as a broker remembers of a producer. */
export const MAX_IN_FLIGHT_BATCHES = 5

const MAX_SEQUENCE = 0x7fff_ffff
/** Sequences count records; after the largest int32 follows 0. */
const sequenceAfter = (sequence: number, count: number): number =>
  sequence > MAX_SEQUENCE - count ? count - (MAX_SEQUENCE - sequence) - 1 : sequence + count

/** A batch of the source, or (without bytes) a range of source offsets without records for the target. */
export interface PendingBatch {
  bytes: Buffer | null
  /** The number of records. */
  count: number
  /** The source offsets of its records. */
  ranges: readonly OffsetRange[]
  /** The source offset after it. */
  nextUpstreamOffset: number
  /** The leader epoch under which the source's log has it. */
  leaderEpoch: number
  maxTimestamp: number
  /** The mirror's producer and its sequence are in the header. */
  stamped: boolean
  /** Its base offset on the target; null until it is acknowledged. */
  downstreamOffset: number | null
  /** When it was sent last (monotonic ms). */
  sentMs: number
}

export class SendQueue {
  readonly #unsent: PendingBatch[] = []
  readonly #inFlight: PendingBatch[] = []
  #producerEpoch = 0
  #nextSequence = 0
  #acknowledgedSequence = 0

  get isEmpty(): boolean {
    return this.#unsent.length === 0 && this.#inFlight.length === 0
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0
  }

  get producerEpoch(): number {
    return this.#producerEpoch
  }

  /** The sequence after the last record that was released. */
  get acknowledgedSequence(): number {
    return this.#acknowledgedSequence
  }

  append(batch: PendingBatch): void {
    this.#unsent.push(batch)
  }

  /** The next batch to send, with the mirror's producer in its header; null if MAX_IN_FLIGHT_BATCHES are in flight or none is unsent. */
  next(producerId: number, nowMs: number): PendingBatch | null {
    while (this.#unsent.length > 0 && this.#inFlight.length < MAX_IN_FLIGHT_BATCHES) {
      const batch = this.#unsent.shift()!
      this.#inFlight.push(batch)
      if (batch.bytes === null || batch.downstreamOffset !== null) continue
      if (!batch.stamped) {
        const stamp = { producerId, producerEpoch: this.#producerEpoch, baseSequence: this.#nextSequence }
        restamp(batch.bytes, 0, batch.bytes.length, stamp)
        this.#nextSequence = sequenceAfter(this.#nextSequence, batch.count)
        batch.stamped = true
      }
      batch.sentMs = nowMs
      return batch
    }
    return null
  }

  /** The target has the batch at `downstreamOffset`. Returns the batches that this releases, in order. */
  acknowledge(batch: PendingBatch, downstreamOffset: number): PendingBatch[] {
    batch.downstreamOffset = downstreamOffset
    const released: PendingBatch[] = []
    // After a resend, batches that were acknowledged before are among the unsent ones.
    for (let first = this.#first; first; first = this.#first) {
      if (first.bytes !== null && first.downstreamOffset === null) break
      if (this.#inFlight.length > 0) this.#inFlight.shift()
      else this.#unsent.shift()
      this.#acknowledgedSequence = sequenceAfter(this.#acknowledgedSequence, first.count)
      released.push(first)
    }
    return released
  }

  get #first(): PendingBatch | undefined {
    return this.#inFlight[0] ?? this.#unsent[0]
  }

  /** Whether every batch before it is acknowledged. */
  isFirstUnacknowledged(batch: PendingBatch): boolean {
    return this.#inFlight.find(({ bytes, downstreamOffset }) => bytes !== null && downstreamOffset === null) === batch
  }

  /** Makes batches in flight unsent again, in order and with their sequences: a broker that has one already recognizes it. */
  requeue(): void {
    this.#unsent.unshift(...this.#inFlight.splice(0))
  }

  /** Discards all batches; the next one has sequence 0 of `producerEpoch`. */
  restart(producerEpoch: number): void {
    this.#unsent.length = 0
    this.#inFlight.length = 0
    this.#producerEpoch = producerEpoch
    this.#nextSequence = 0
    this.#acknowledgedSequence = 0
  }
}
