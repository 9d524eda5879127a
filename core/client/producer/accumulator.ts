/**
 * Where records become batches: one queue per partition, batches closed by size, the partition chosen by the key (murmur2, as Java) or kept
 * for a whole batch where there is no key. Nothing here is per record but the append itself. It sends nothing.
 */
import { KafkaError } from '../../errors.ts'
import type { Random } from '../../system/random.ts'
import { recordSizeBound } from '../../wire/record-batch.ts'
import type { TopicMetadata } from '../types.ts'
import { partitionOf } from './murmur2.ts'
import type { PendingSend } from './pending-send.ts'
import { type Identity, ProducerBatch } from './producer-batch.ts'

const MAX_SEQUENCE = 0x7fff_ffff

/** The batches of one partition, in order: sent, to be sent, being filled. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Under way. */
  inFlight = 0
  /** Came back undelivered; they go again, in order, when nothing is under way any more. */
  readonly failed: ProducerBatch[] = []
  /** Closed, to be sent. */
  ready: ProducerBatch[] = []
  /** Being filled. */
  open: ProducerBatch | null = null
  /** Whom the broker knows us as in this partition, and the sequence number of the next new batch. */
  identity: Identity | null = null
  nextSequence = 0
  /** The broker misses a batch that we have given up: sequence numbers must begin anew under a new epoch. */
  needsNewEpoch = false
  /** How large the last batch was that was full: the next one takes as much at once instead of growing to it. */
  closedBytes = 0
  /** Monotonic ms before which nothing is tried again. */
  notBefore = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get empty(): boolean {
    return this.open === null && this.ready.length === 0 && this.failed.length === 0 && this.inFlight === 0
  }

  /** The batch to send next: `open` too, when `due` says so. */
  head(due: (batch: ProducerBatch) => boolean): ProducerBatch | null {
    if (this.ready.length > 0) return this.ready[0]!
    return this.open && due(this.open) ? this.open : null
  }

  take(batch: ProducerBatch): void {
    if (this.open === batch) this.open = null
    else this.ready.shift()
  }

  sequenceFor(count: number): number {
    const sequence = this.nextSequence
    const after = sequence + count
    this.nextSequence = after > MAX_SEQUENCE ? after - MAX_SEQUENCE - 1 : after
    return sequence
  }

  /** Puts what came back before what was never sent. */
  requeue(): void {
    this.failed.sort((a, b) => a.order - b.order)
    this.ready.unshift(...this.failed)
    this.failed.length = 0
  }

  /** Everything that was numbered and is not decided is numbered anew. Only when nothing is under way. */
  begin(identity: Identity): void {
    this.identity = identity
    this.nextSequence = 0
    this.needsNewEpoch = false
    for (const batch of this.ready) if (batch.bytes) batch.restamp(identity, this.sequenceFor(batch.count))
  }
}

class TopicQueues {
  readonly queues: PartitionQueue[] = []
  /** A topic that was made anew may have fewer partitions than there are queues. */
  count = 0
  sticky = 0
  available: number[] = []
}

export class Accumulator {
  /** Bytes that are taken and not decided. */
  pendingBytes = 0
  /** Partitions with anything to do. */
  readonly active = new Set<PartitionQueue>()
  readonly #topics = new Map<string, TopicQueues>()
  readonly #batchSize: number
  readonly #maxRequestSize: number
  readonly #bufferMemory: number
  readonly #random: Random
  #nextOrder = 0

  constructor(settings: { batchSize: number; maxRequestSize: number; bufferMemory: number }, random: Random) {
    this.#batchSize = settings.batchSize
    this.#maxRequestSize = settings.maxRequestSize
    this.#bufferMemory = settings.bufferMemory
    this.#random = random
  }

  knows(topic: string): boolean {
    return this.#topics.has(topic)
  }

  names(): string[] {
    return [...this.#topics.keys()]
  }

  learn(metadata: TopicMetadata): void {
    let topic = this.#topics.get(metadata.name)
    if (!topic) {
      topic = new TopicQueues()
      this.#topics.set(metadata.name, topic)
    }
    topic.count = metadata.partitions.length
    for (let p = topic.queues.length; p < topic.count; p++) topic.queues.push(new PartitionQueue(metadata.name, p))
    topic.available = metadata.partitions.filter((partition) => partition.leader >= 0).map((partition) => partition.index)
    if (!topic.available.includes(topic.sticky)) this.#turn(topic)
  }

  #turn(topic: TopicQueues): void {
    const among = topic.available.length > 0 ? topic.available : topic.queues.slice(0, topic.count).map((queue) => queue.partition)
    if (among.length > 1) topic.sticky = among[this.#random.below(among.length)]!
    else topic.sticky = among[0] ?? 0
  }

  /**
   * Takes the records of `delivery` from `from` on, until all are taken, the memory is used up, or a topic is unknown. Returns the index to go
   * on from. Records that no batch can take are refused at once.
   */
  take(delivery: PendingSend, from: number, nowMs: number): number {
    const { records, now } = delivery
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
      const bound = recordSizeBound(record)
      if (!queue || bound > this.#maxRequestSize) {
        this.refuse(
          delivery,
          index,
          queue
            ? new KafkaError(
                'MESSAGE_TOO_LARGE',
                `a record of about ${bound} bytes for ${name}: max.request.size is ${this.#maxRequestSize}`,
              )
            : new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has ${topic.count} partitions, none is ${partition}`),
        )
        continue
      }
      let batch = queue.open
      if (batch && batch.builder!.sizeBytes + bound > this.#batchSize) {
        queue.closedBytes = Math.min(this.#batchSize, batch.builder!.sizeBytes)
        queue.ready.push(batch)
        queue.open = batch = null
        if (partition === topic.sticky && record.partition === undefined && key === null) {
          this.#turn(topic)
          // The record opens the batch of the partition that is next.
          if (topic.sticky !== partition) {
            index--
            continue
          }
        }
      }
      if (!batch) {
        batch = queue.open = new ProducerBatch(partition, this.#nextOrder++, nowMs, queue.closedBytes)
        this.active.add(queue)
      }
      const builder = batch.builder!
      const before = builder.sizeBytes
      builder.appendParts(key, record.value, record.headers, record.timestamp ?? now)
      const grown = builder.sizeBytes - before
      batch.heldBytes += grown
      this.pendingBytes += grown
      delivery.put(index, batch, batch.noteOwner(delivery))
    }
    return index
  }

  refuse(delivery: PendingSend, index: number, error: Error): void {
    delivery.put(index, ProducerBatch.refused(error), 0)
    delivery.settle(1, true)
  }

  /** Decides a batch and frees its memory. */
  decide(batch: ProducerBatch, error: Error | null, baseOffset = -1, logAppendTime = -1): void {
    const freed = batch.decide(error, baseOffset, logAppendTime)
    if (freed) this.pendingBytes -= freed.heldBytes
  }
}
