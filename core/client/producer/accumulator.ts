/**
 * Appends records to batches: one queue for each partition, a batch closes when it is full. The key decides the partition (murmur2, as in
 * the Java client); records without a key stay on one partition for a whole batch (KIP-480). It sends nothing, and does nothing per record
 * but the append.
 */
import { KafkaError } from '../../errors.ts'
import type { Random } from '../../system/random.ts'
import { recordSizeBound } from '../../wire/record-batch.ts'
import type { ProducerIdAndEpoch } from '../producer-id.ts'
import type { TopicMetadata } from '../types.ts'
import { partitionOf } from './murmur2.ts'
import type { PendingSend } from './pending-send.ts'
import { ProducerBatch } from './producer-batch.ts'

const MAX_SEQUENCE = 0x7fff_ffff
const SMALLEST_LIMIT_BYTES = 16 * 1024

/** The batches of one partition, in order: sent, ready to send, open. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Batches in requests without a response yet. */
  inFlight = 0
  /** Of those, the ones that were sent before. */
  retriesInFlight = 0
  /** Sent without success: sent again, in order, when nothing of the partition is in flight. */
  readonly failed: ProducerBatch[] = []
  /** Closed. */
  readonly ready: ProducerBatch[] = []
  /** Records are appended to it. */
  open: ProducerBatch | null = null
  /** Producer id and epoch of the batches of this partition. */
  producer: ProducerIdAndEpoch | null = null
  /** Of the next batch that is built. */
  nextSequence = 0
  /** The broker misses a batch that has failed: sequence numbers restart under a new epoch. */
  needsNewEpoch = false
  /** Monotonic ms of the next attempt after a failure. */
  retryAt = 0
  /**
   * A partition takes any first sequence number of a producer that it knows nothing of. So until it has acknowledged a batch, one is in
   * flight: another one, behind a batch that fails, would be stored before it.
   */
  isProducerKnown = false
  /** The number of the transaction that the partition was added to; -1 for none. */
  transaction = -1
  /** Of the last full batch: the next one allocates as much at once. */
  #fullBytes = 0
  /** Above it the topic's max.message.bytes, which a producer is not told, has refused a batch. */
  #largestBytes = Number.POSITIVE_INFINITY

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get empty(): boolean {
    return this.open === null && this.ready.length === 0 && this.failed.length === 0 && this.inFlight === 0
  }

  get first(): ProducerBatch | null {
    return this.ready[0] ?? this.open
  }

  /**
   * The batch that may be sent next. One that was never sent waits for those that are sent again: a leader knows the last five batches of a
   * producer (KIP-98), and finds a repeated one only among these.
   */
  get sendable(): ProducerBatch | null {
    const { first } = this
    return first !== null && first.attempts === 0 && this.retriesInFlight > 0 ? null : first
  }

  /** The first batch is in a request from now on. */
  sent(batch: ProducerBatch): void {
    this.removeFirst()
    this.inFlight++
    if (batch.attempts > 0) this.retriesInFlight++
    batch.attempts++
  }

  /** Its request has a response, or failed. */
  answered(batch: ProducerBatch): void {
    this.inFlight--
    if (batch.attempts > 1) this.retriesInFlight--
  }

  /** A new open batch. */
  openBatch(order: number, nowMs: number): ProducerBatch {
    this.open = new ProducerBatch(this.partition, order, nowMs, this.#fullBytes)
    return this.open
  }

  /** A batch of this producer's size for a partition with `batchSize` as the setting. */
  maxBatchBytes(batchSize: number): number {
    return Math.min(batchSize, this.#largestBytes)
  }

  /** A batch of so many bytes was too large: further ones are smaller at once, but one large record must not make all others small. */
  refusedAsTooLarge(bytes: number): void {
    this.#largestBytes = Math.max(Math.floor(bytes / 2), SMALLEST_LIMIT_BYTES)
  }

  /** The open batch is full. */
  closeBatch(maxBytes: number): void {
    const batch = this.open!
    this.#fullBytes = Math.min(maxBytes, batch.builder!.sizeBytes)
    this.ready.push(batch)
    this.open = null
  }

  /** Removes the first batch. */
  removeFirst(): void {
    if (this.ready.length > 0) this.ready.shift()
    else this.open = null
  }

  sequenceFor(count: number): number {
    const sequence = this.nextSequence
    const after = sequence + count
    this.nextSequence = after > MAX_SEQUENCE ? after - MAX_SEQUENCE - 1 : after
    return sequence
  }

  /** Removes the batches that were never sent. */
  takeUnsent(): ProducerBatch[] {
    const unsent = this.ready.filter((batch) => batch.bytes === null)
    const sent = this.ready.filter((batch) => batch.bytes !== null)
    this.ready.splice(0, this.ready.length, ...sent)
    if (this.open) unsent.push(this.open)
    this.open = null
    return unsent
  }

  /** Failed batches are sent again before those that were never sent. */
  requeueFailed(): void {
    this.failed.sort((a, b) => a.order - b.order)
    this.ready.unshift(...this.failed)
    this.failed.length = 0
  }

  /** Restarts sequence numbers under `producer`, also those of encoded batches. Only while nothing is in flight. */
  startEpoch(producer: ProducerIdAndEpoch): void {
    if (this.producer?.producerId !== producer.producerId) this.isProducerKnown = false
    this.producer = producer
    this.nextSequence = 0
    this.needsNewEpoch = false
    for (const batch of this.ready) if (batch.bytes) batch.renumber(producer, this.sequenceFor(batch.count))
  }
}

class TopicQueues {
  readonly queues: PartitionQueue[] = []
  /** A topic that was deleted and created again may have fewer partitions than there are queues. */
  count = 0
  /** The partition of records without a key, until its batch is full. */
  sticky = 0
  /** Partitions with a leader. */
  available: number[] = []
}

export class Accumulator {
  /** Of all batches that are not completed. */
  pendingBytes = 0
  /** Queues that may have batches, in the order in which they are served. */
  readonly active = new Set<PartitionQueue>()
  readonly #topics = new Map<string, TopicQueues>()
  readonly #batchSize: number
  readonly #maxRequestSize: number
  readonly #bufferMemory: number
  readonly #random: Random
  readonly #onRefused: (error: Error) => Error
  #nextOrder = 0

  /** `onRefused` gets the error of each record that fits in no batch, and returns what its caller gets. */
  constructor(
    settings: { batchSize: number; maxRequestSize: number; bufferMemory: number },
    random: Random,
    onRefused: (error: Error) => Error = (error) => error,
  ) {
    this.#batchSize = settings.batchSize
    this.#maxRequestSize = settings.maxRequestSize
    this.#bufferMemory = settings.bufferMemory
    this.#random = random
    this.#onRefused = onRefused
  }

  /** A queue was served: the other queues go first. */
  moveToEnd(queue: PartitionQueue): void {
    this.active.delete(queue)
    this.active.add(queue)
  }

  hasTopic(topic: string): boolean {
    return this.#topics.has(topic)
  }

  topicNames(): string[] {
    return [...this.#topics.keys()]
  }

  updateTopic(metadata: TopicMetadata): void {
    let topic = this.#topics.get(metadata.name)
    if (!topic) {
      topic = new TopicQueues()
      this.#topics.set(metadata.name, topic)
    }
    topic.count = metadata.partitions.length
    for (let p = topic.queues.length; p < topic.count; p++) topic.queues.push(new PartitionQueue(metadata.name, p))
    topic.available = metadata.partitions.filter((partition) => partition.leader >= 0).map((partition) => partition.index)
    if (!topic.available.includes(topic.sticky)) this.#chooseSticky(topic)
  }

  #chooseSticky(topic: TopicQueues): void {
    const candidates = topic.available.length > 0 ? topic.available : topic.queues.slice(0, topic.count).map((queue) => queue.partition)
    if (candidates.length > 1) topic.sticky = candidates[this.#random.below(candidates.length)]!
    else topic.sticky = candidates[0] ?? 0
  }

  /**
   * Appends the records of `send` from `from` on, until all are appended, the buffer memory is full, or a topic is unknown. Returns the
   * index to continue from. A record that fits in no batch fails at once.
   */
  append(send: PendingSend, from: number, nowMs: number): number {
    const { records, now } = send
    let name: string | undefined
    let topic: TopicQueues | undefined
    let index = from
    for (; index < records.length && this.pendingBytes < this.#bufferMemory; index++) {
      const record = records[index]!
      if (record.topic !== name || !topic) {
        name = record.topic
        topic = this.#topics.get(name)
        if (!topic) return index
      }
      const { key } = record
      const partition = record.partition ?? (key === null ? topic.sticky : partitionOf(key, topic.count))
      const queue = partition < topic.count ? topic.queues[partition] : undefined
      const recordBytes = recordSizeBound(record)
      if (!queue || recordBytes > this.#maxRequestSize) {
        index = this.refuse(send, index, this.#appendError(record.topic, topic.count, partition, queue && recordBytes)) - 1
        continue
      }
      let batch = queue.open
      if (batch && batch.builder!.sizeBytes + recordBytes > queue.maxBatchBytes(this.#batchSize)) {
        queue.closeBatch(this.#batchSize)
        batch = null
        if (partition === topic.sticky && record.partition === undefined && key === null) {
          this.#chooseSticky(topic)
          if (topic.sticky !== partition) {
            // The record is appended to the next partition.
            index--
            continue
          }
        }
      }
      if (!batch) {
        batch = queue.openBatch(this.#nextOrder++, nowMs)
        this.active.add(queue)
      }
      const builder = batch.builder!
      const before = builder.sizeBytes
      builder.appendParts(key, record.value, record.headers, record.timestamp ?? now)
      const addedBytes = builder.sizeBytes - before
      batch.bufferedBytes += addedBytes
      this.pendingBytes += addedBytes
      send.setBatch(index, batch, batch.addOwner(send))
    }
    return index
  }

  #appendError(topic: string, count: number, partition: number, recordBytes: number | undefined): KafkaError {
    return recordBytes === undefined
      ? new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has ${count} partitions, none is ${partition}`)
      : new KafkaError(
          'MESSAGE_TOO_LARGE',
          `a record of about ${recordBytes} bytes for ${topic}: max.request.size is ${this.#maxRequestSize}`,
        )
  }

  /** Record `index` of `send` cannot be sent, and those after it neither where the caller wants that. Returns the next index. */
  refuse(send: PendingSend, index: number, error: Error): number {
    this.fail(send, index, error)
    if (!send.onRefused) return index + 1
    send.onRefused(error)
    for (let later = index + 1; later < send.count; later++) this.fail(send, later, error)
    return send.count
  }

  /** Record `index` of `send` fails without a batch. */
  fail(send: PendingSend, index: number, error: Error): void {
    send.setBatch(index, ProducerBatch.failed(this.#onRefused(error)), 0)
    send.onRecordsCompleted(1, true)
  }

  /** Completes a batch and frees its buffer memory. */
  complete(batch: ProducerBatch, error: Error | null, baseOffset = -1, logAppendTime = -1): void {
    const freed = batch.complete(error, baseOffset, logAppendTime)
    if (freed) this.pendingBytes -= freed.bufferedBytes
  }
}
