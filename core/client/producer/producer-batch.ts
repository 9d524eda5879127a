/**
 * A batch on its way: filled record by record, built once, sent until it is decided. It knows the deliveries that wait for it, and, where
 * the broker found it too large, the two halves that took its place.
 */
import { type CodecName, codecOf, readBatchHeader } from '../../wire/batch-header.ts'
import { BatchBuilder, decodeRecords, stampProducer } from '../../wire/record-batch.ts'

type PendingSend = { settle(count: number, failed: boolean): void }

export interface Identity {
  producerId: number
  producerEpoch: number
}

/** What one batch takes of memory at first; it grows to its size. */
const FIRST_BYTES = 4096

export class ProducerBatch {
  readonly partition: number
  /** Rises with the records' order in the partition; a half lies between its neighbours. */
  readonly order: number
  /** Monotonic ms: the delivery timeout counts from here. */
  readonly createdAt: number
  builder: BatchBuilder | null
  bytes: Buffer | null = null
  count = 0
  /** What it holds of the buffer memory. */
  heldBytes = 0
  sequence = -1
  baseOffset = -1
  logAppendTime = -1
  attempts = 0
  error: Error | null = null
  decided = false
  readonly #width: number
  readonly #deliveries: PendingSend[] = []
  readonly #counts: number[] = []
  #halves: [ProducerBatch, ProducerBatch] | null = null
  #parent: ProducerBatch | null = null

  constructor(partition: number, order: number, createdAt: number, expectedBytes = 0, width = 1) {
    this.partition = partition
    this.order = order
    this.#width = width
    this.createdAt = createdAt
    this.builder = new BatchBuilder(Math.max(FIRST_BYTES, expectedBytes))
  }

  /** Already decided against: for records that never got into a batch. */
  static refused(error: Error): ProducerBatch {
    const batch = new ProducerBatch(-1, 0, 0)
    batch.builder = null
    batch.decided = true
    batch.error = error
    return batch
  }

  /** The last record that was appended belongs to `delivery`. Returns its place. */
  noteOwner(delivery: PendingSend): number {
    const last = this.#deliveries.length - 1
    if (last >= 0 && this.#deliveries[last] === delivery) this.#counts[last]!++
    else {
      this.#deliveries.push(delivery)
      this.#counts.push(1)
    }
    return this.count++
  }

  get sizeBytes(): number {
    return this.bytes?.length ?? this.builder?.sizeBytes ?? 0
  }

  build(codec: CodecName, identity: Identity | null, sequence: number): Buffer {
    if (this.builder) {
      this.sequence = sequence
      this.bytes = this.builder.build({ codec, ...identity, baseSequence: sequence })
      this.builder = null
    }
    return this.bytes!
  }

  /** Gives a built batch another identity and place in the sequence. */
  restamp(identity: Identity, sequence: number): void {
    this.sequence = sequence
    if (this.bytes) stampProducer(this.bytes, { ...identity, baseSequence: sequence })
  }

  /** Where record `place` is now. */
  locate(place: number): { batch: ProducerBatch; place: number } {
    if (!this.#halves) return { batch: this, place }
    const [first, second] = this.#halves
    return place < first.count ? first.locate(place) : second.locate(place - first.count)
  }

  /** Two batches with half of the records each, in the same sequence numbers. */
  split(): [ProducerBatch, ProducerBatch] {
    const header = readBatchHeader(this.bytes!)
    const codec = codecOf(header.attributes) ?? 'none'
    const records = decodeRecords(this.bytes!)
    const middle = Math.ceil(records.length / 2)
    const half = (from: number, to: number, order: number): ProducerBatch => {
      const batch = new ProducerBatch(this.partition, order, this.createdAt, 0, this.#width / 2)
      for (const { key, value, headers, timestamp } of records.slice(from, to)) batch.builder!.appendParts(key, value, headers, timestamp)
      batch.count = to - from
      batch.#parent = this
      const identity = header.producerId < 0 ? null : { producerId: header.producerId, producerEpoch: header.producerEpoch }
      batch.build(codec, identity, header.baseSequence < 0 ? -1 : (header.baseSequence + from) % 0x8000_0000)
      return batch
    }
    this.#halves = [half(0, middle, this.order), half(middle, records.length, this.order + this.#width / 2)]
    this.bytes = null
    return this.#halves
  }

  /** Once: tells the deliveries. Returns the batch whose memory is free now, if any. */
  decide(error: Error | null, baseOffset = -1, logAppendTime = -1): ProducerBatch | null {
    if (this.decided) return null
    this.decided = true
    this.error = error
    this.baseOffset = baseOffset
    this.logAppendTime = logAppendTime
    this.bytes = null
    this.builder = null
    if (this.#parent) return this.#parent.#halfDecided()
    this.#tell(error !== null)
    return this
  }

  #halfDecided(): ProducerBatch | null {
    if (!this.#halves!.every((half) => half.decided)) return null
    this.decided = true
    const failed = this.#halves!.some((half) => half.error !== null)
    if (failed) this.error = this.#halves![0].error ?? this.#halves![1].error
    if (this.#parent) return this.#parent.#halfDecided()
    this.#tell(failed)
    return this
  }

  #tell(failed: boolean): void {
    for (let i = 0; i < this.#deliveries.length; i++) this.#deliveries[i]!.settle(this.#counts[i]!, failed)
  }
}
