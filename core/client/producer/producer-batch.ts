/**
 * A batch of one partition: filled record by record, built once, sent until it is completed. It knows the owners of its records, and, where
 * the broker found it too large, the two halves that are sent in its place.
 */
import { BufferPool } from '../../system/buffer-pool.ts'
import { attributes, type CodecName, codecOf, readBatchHeader } from '../../wire/batch-header.ts'
import { BatchBuilder, decodeRecords, stampProducer } from '../../wire/record-batch.ts'
import type { ProducerIdAndEpoch } from '../producer-id.ts'
import type { RecordOwner } from './record-owner.ts'

/** The memory that a batch allocates first; it grows with its records. */
const INITIAL_BYTES = 4096
/** Memory of batches that are acknowledged, for the next ones: of all producers of the process. */
const memory = new BufferPool(8 * 1024 * 1024)
const MAX_SEQUENCE = 0x7fff_ffff

export class ProducerBatch {
  readonly partition: number
  /** Rises with the order of the records in the partition; the second half of a split batch lies between its neighbours. */
  readonly order: number
  /** Monotonic ms: delivery.timeout.ms counts from here. */
  readonly createdAt: number
  builder: BatchBuilder | null
  bytes: Buffer | null = null
  count = 0
  /** Its part of buffer.memory. */
  bufferedBytes = 0
  sequence = -1
  baseOffset = -1
  /** Of the broker, ms since the epoch; -1 where records keep their own timestamps. */
  logAppendTime = -1
  attempts = 0
  error: Error | null = null
  completed = false
  /** How far `order` is from that of the next batch. */
  readonly #orderWidth: number
  readonly #owners: RecordOwner[] = []
  /** How many records each owner has, in their order. */
  readonly #ownerCounts: number[] = []
  /** Of its records, without compression. */
  #memory: Buffer | null = null
  #halves: [ProducerBatch, ProducerBatch] | null = null
  #parent: ProducerBatch | null = null

  constructor(partition: number, order: number, createdAt: number, expectedBytes = 0, orderWidth = 1) {
    this.partition = partition
    this.order = order
    this.#orderWidth = orderWidth
    this.createdAt = createdAt
    this.builder = new BatchBuilder(expectedBytes > INITIAL_BYTES ? memory.allocate(expectedBytes) : Buffer.allocUnsafeSlow(INITIAL_BYTES))
  }

  /** A batch that has failed already, for a record that fits in no batch. */
  static failed(error: Error): ProducerBatch {
    const batch = new ProducerBatch(-1, 0, 0)
    batch.builder = null
    batch.completed = true
    batch.error = error
    return batch
  }

  /** The record that was appended last belongs to `owner`. Returns the record's index in the batch. */
  addOwner(owner: RecordOwner): number {
    const last = this.#owners.length - 1
    if (last >= 0 && this.#owners[last] === owner) this.#ownerCounts[last]!++
    else {
      this.#owners.push(owner)
      this.#ownerCounts.push(1)
    }
    return this.count++
  }

  get sizeBytes(): number {
    return this.bytes?.length ?? this.builder?.sizeBytes ?? 0
  }

  /** Encodes the batch; later calls return the same bytes. */
  build(codec: CodecName, producer: ProducerIdAndEpoch | null, sequence: number, transactional = false): Buffer {
    if (this.builder) {
      this.sequence = sequence
      this.bytes = this.builder.build({ codec, ...producer, baseSequence: sequence, transactional })
      this.#memory = this.builder.memory
      this.builder = null
    }
    return this.bytes!
  }

  /** Gives the encoded batch another producer and sequence number; that of a transaction never gets one. */
  renumber(producer: ProducerIdAndEpoch, sequence: number): void {
    this.sequence = sequence
    if (this.bytes) stampProducer(this.bytes, { ...producer, baseSequence: sequence })
  }

  /** The batch that has record `index` now, and the index there. */
  find(index: number): { batch: ProducerBatch; index: number } {
    if (!this.#halves) return { batch: this, index }
    const [first, second] = this.#halves
    return index < first.count ? first.find(index) : second.find(index - first.count)
  }

  /** Two batches with half of the records each, under the same sequence numbers. */
  split(): [ProducerBatch, ProducerBatch] {
    const header = readBatchHeader(this.bytes!)
    const codec = codecOf(header.attributes) ?? 'none'
    const records = decodeRecords(this.bytes!)
    const middle = Math.ceil(records.length / 2)
    const half = (from: number, to: number, order: number): ProducerBatch => {
      const batch = new ProducerBatch(this.partition, order, this.createdAt, 0, this.#orderWidth / 2)
      for (const { key, value, headers, timestamp } of records.slice(from, to)) batch.builder!.appendParts(key, value, headers, timestamp)
      batch.count = to - from
      batch.#parent = this
      const producer = header.producerId < 0 ? null : { producerId: header.producerId, producerEpoch: header.producerEpoch }
      const transactional = (header.attributes & attributes.transactional) !== 0
      batch.build(codec, producer, header.baseSequence < 0 ? -1 : (header.baseSequence + from) % (MAX_SEQUENCE + 1), transactional)
      return batch
    }
    this.#memory = null
    this.#halves = [half(0, middle, this.order), half(middle, records.length, this.order + this.#orderWidth / 2)]
    this.bytes = null
    return this.#halves
  }

  /** Acknowledged, or failed with `error`; only the first call counts. Returns the batch whose buffer memory is free now, if any. */
  complete(error: Error | null, baseOffset = -1, logAppendTime = -1): ProducerBatch | null {
    if (this.completed) return null
    this.completed = true
    this.error = error
    this.baseOffset = baseOffset
    this.logAppendTime = logAppendTime
    // Where it was sent twice, the first request may still be in a connection that is closing.
    if (baseOffset >= 0 && this.attempts === 1) memory.deallocate(this.#memory!)
    this.#memory = null
    this.bytes = null
    this.builder = null
    if (this.#parent) return this.#parent.#onHalfCompleted()
    this.#notifyOwners(error !== null)
    return this
  }

  #onHalfCompleted(): ProducerBatch | null {
    if (!this.#halves!.every((half) => half.completed)) return null
    this.completed = true
    const failed = this.#halves!.some((half) => half.error !== null)
    if (failed) this.error = this.#halves![0].error ?? this.#halves![1].error
    if (this.#parent) return this.#parent.#onHalfCompleted()
    this.#notifyOwners(failed)
    return this
  }

  #notifyOwners(failed: boolean): void {
    for (let i = 0; i < this.#owners.length; i++) this.#owners[i]!.onRecordsCompleted(this.#ownerCounts[i]!, failed)
  }
}
