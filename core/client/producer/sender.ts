/**
 * Sends the accumulator's batches: a few Produce requests in flight to each node on one connection, one batch of a partition in each.
 * Failed batches are sent again in order when nothing of their partition is in flight; the broker recognizes them by producer id, epoch and
 * sequence number, so each record is stored once and in order (Invariant 5). After a batch that has failed for good the next ones get a new
 * epoch; in a transaction they fail, and the transaction has to be aborted.
 */
import { accessHint, KafkaError } from '../../errors.ts'
import { WakeTimer } from '../../system/wake-timer.ts'
import { partitionKey } from '../../topic-partition.ts'
import type { CodecName } from '../../wire/batch-header.ts'
import { ZERO_UUID } from '../../wire/types.ts'
import { type ProducedBatch, produceRaw } from '../raw-batches.ts'
import { MetadataRefresher } from '../transport/metadata-refresher.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { Accumulator, PartitionQueue } from './accumulator.ts'
import { IdempotentId } from './idempotent-id.ts'
import { batchVerdict, LEADER_MOVED } from './produce-errors.ts'
import type { ProducerBatch } from './producer-batch.ts'
import { concurrentBackoffMs } from './transaction-requests.ts'
import type { Transactions } from './transactions.ts'

const MAX_EPOCH = 32_766
/** Estimates for max.request.size: of a request, and of a batch besides its records. */
const REQUEST_OVERHEAD_BYTES = 256
const BATCH_OVERHEAD_BYTES = 16

interface SenderSettings {
  acks: -1 | 0 | 1
  idempotent: boolean
  codec: CodecName
  lingerMs: number
  /** linger.ms is not set: a batch is sent at once while nothing is in flight to its node. */
  eager: boolean
  maxInFlight: number
  maxRequestSize: number
  allowCreation: boolean
  deliveryTimeoutMs: number
  requestTimeoutMs: number
}

/** A batch in a request. */
interface SentBatch {
  queue: PartitionQueue
  batch: ProducerBatch
  topicId: string
}

export class Sender {
  readonly #router: RequestRouter
  readonly #accumulator: Accumulator
  readonly #settings: SenderSettings
  readonly #transactions: Transactions | null
  readonly #channel: string
  /** Requests in flight by node id. */
  readonly #inFlight = new Map<number, number>()
  readonly #removeListener: () => void
  readonly #closing = new AbortController()
  /** Batches are completed: buffer memory may be free. */
  readonly #onCompleted: () => void
  readonly #timer: WakeTimer
  readonly #metadata: MetadataRefresher
  readonly #id: IdempotentId
  #scheduled = false
  /** A permanent error of InitProducerId: every send fails. */
  #failure: Error | null = null
  /** Flushes in progress: batches are sent without linger. */
  #flushes = 0

  /** With `transactions` every batch belongs to one. */
  constructor(
    router: RequestRouter,
    accumulator: Accumulator,
    settings: SenderSettings,
    transactions: Transactions | null,
    onCompleted: () => void,
  ) {
    this.#router = router
    this.#transactions = transactions
    this.#accumulator = accumulator
    this.#settings = settings
    this.#onCompleted = onCompleted
    this.#channel = router.newChannel('produce')
    // Keeps the process alive: there are records to deliver.
    this.#timer = new WakeTimer(router.system.clock, () => this.schedule(), { keepsAlive: true })
    this.#metadata = new MetadataRefresher(router, {
      // A topic that was deleted may be created again.
      allowCreation: settings.allowCreation,
      signal: this.#closing.signal,
      onRefreshed: () => this.schedule(),
      onRefused: (topics, error) => this.#failWaiting(topics, error),
      onDelayed: (time) => this.#timer.wakeAt(time),
    })
    this.#id = new IdempotentId(router, {
      signal: this.#closing.signal,
      onSettled: () => this.schedule(),
      onFailed: (error) => {
        this.#failure = error
      },
    })
    this.#removeListener = router.metadata.onUpdated(() => this.#updateTopics())
  }

  #updateTopics(): void {
    for (const name of this.#accumulator.topicNames()) {
      const topic = this.#router.metadata.peek(name)
      if (topic) this.#accumulator.updateTopic(topic)
    }
    this.schedule()
  }

  /** Batches are sent without linger until the same number of `endFlush`. */
  beginFlush(): void {
    this.#flushes++
    this.schedule()
  }

  endFlush(): void {
    this.#flushes--
  }

  schedule(): void {
    if (this.#scheduled || this.#closing.signal.aborted) return
    this.#scheduled = true
    this.#router.system.clock.soon(() => {
      this.#scheduled = false
      if (!this.#closing.signal.aborted) this.#sendDue()
    })
  }

  #sendDue(): void {
    const now = this.#router.system.clock.monotonic()
    const { active } = this.#accumulator
    const abortCause = this.#transactions?.state.abortCause ?? null
    if (this.#transactions?.state.phase === 'FATAL_ERROR') this.#failure ??= abortCause
    const byLeader = new Map<number, PartitionQueue[]>()
    const leaderless: string[] = []
    for (const queue of active) {
      if (queue.empty) {
        active.delete(queue)
        continue
      }
      if (this.#failure) {
        this.#failAll(queue, this.#failure)
        continue
      }
      if (abortCause) this.#failUnsent(queue, abortCause)
      if (!this.#isDue(queue, now)) continue
      const leader = this.#leaderOf(queue)
      if (leader < 0) {
        leaderless.push(queue.topic)
        continue
      }
      if (queue.ready.length === 0 && !this.#isLingerOver(queue.open!, leader, now)) {
        this.#timer.wakeAt(queue.open!.createdAt + this.#settings.lingerMs)
        continue
      }
      const queues = byLeader.get(leader)
      if (queues) queues.push(queue)
      else byLeader.set(leader, [queue])
    }
    if (leaderless.length > 0) this.#metadata.request(leaderless)
    if (byLeader.size === 0) return
    if (this.#settings.idempotent && !this.#transactions && !this.#id.current) {
      this.#id.request()
      return
    }
    for (const [leader, queues] of byLeader) this.#sendTo(leader, queues)
  }

  /** Whether the first batch of the queue may be sent now, as far as the queue alone decides. */
  #isDue(queue: PartitionQueue, now: number): boolean {
    if (queue.failed.length > 0) {
      // Batches in flight may fail as well: the order of the retry is known after that.
      if (queue.inFlight > 0) return false
      queue.requeueFailed()
    }
    this.#expire(queue, now)
    const { first } = queue
    if (first) this.#timer.wakeAt(first.createdAt + this.#settings.deliveryTimeoutMs)
    if (queue.needsNewEpoch && queue.inFlight === 0) this.#startNewEpoch(queue)
    if (queue.needsNewEpoch || queue.inFlight >= this.#maxInFlight(queue)) return false
    if (queue.retryAt > now) {
      this.#timer.wakeAt(queue.retryAt)
      return false
    }
    return queue.sendable !== null && (this.#transactions?.mayProduce(queue) ?? true)
  }

  /** Of batches of one partition. */
  #maxInFlight(queue: PartitionQueue): number {
    return this.#settings.idempotent && !queue.isProducerKnown ? 1 : this.#settings.maxInFlight
  }

  #isLingerOver(batch: ProducerBatch, leader: number, now: number): boolean {
    const { eager, lingerMs } = this.#settings
    return this.#flushes > 0 || (eager && (this.#inFlight.get(leader) ?? 0) === 0) || batch.createdAt + lingerMs <= now
  }

  #leaderOf({ topic, partition }: PartitionQueue): number {
    return this.#router.metadata.peek(topic)?.partitions[partition]?.leader ?? -1
  }

  /** Requests with one batch of each queue, as many as may be in flight. */
  #sendTo(leader: number, queues: PartitionQueue[]): void {
    const { maxInFlight, maxRequestSize } = this.#settings
    const node = this.#router.metadata.node(leader)
    // Without an open connection there is one request at a time: while they wait for it they could overtake each other.
    const limit = node && this.#router.pool.ready(node, this.#channel) ? maxInFlight : 1
    let inFlight = this.#inFlight.get(leader) ?? 0
    let candidates = queues
    while (inFlight < limit && candidates.length > 0) {
      const sentBatches: SentBatch[] = []
      const next: PartitionQueue[] = []
      let bytes = REQUEST_OVERHEAD_BYTES
      for (const queue of candidates) {
        const batch = queue.inFlight < this.#maxInFlight(queue) ? queue.sendable : null
        if (!batch) continue
        next.push(queue)
        if (sentBatches.length > 0 && bytes + batch.sizeBytes > maxRequestSize) continue
        bytes += this.#prepare(queue, batch).length + BATCH_OVERHEAD_BYTES
        sentBatches.push({ queue, batch, topicId: this.#router.metadata.peek(queue.topic)?.id ?? ZERO_UUID })
        this.#accumulator.moveToEnd(queue)
      }
      if (sentBatches.length === 0) return
      inFlight++
      this.#inFlight.set(leader, inFlight)
      void this.#send(leader, sentBatches)
      // An open batch has waited for linger; a second one has not.
      candidates = next.filter((queue) => queue.ready.length > 0)
    }
  }

  #prepare(queue: PartitionQueue, batch: ProducerBatch): Buffer {
    queue.sent(batch)
    if (batch.bytes) return batch.bytes
    if (this.#transactions) return this.#buildInTransaction(queue, batch, this.#transactions)
    if (!this.#settings.idempotent) return batch.build(this.#settings.codec, null, -1)
    if (!queue.producer) queue.startEpoch(this.#id.current!)
    return batch.build(this.#settings.codec, queue.producer, queue.sequenceFor(batch.count))
  }

  #buildInTransaction(queue: PartitionQueue, batch: ProducerBatch, transactions: Transactions): Buffer {
    const producer = transactions.state.producer!
    transactions.onSend()
    if (queue.producer !== producer) queue.startEpoch(producer)
    return batch.build(this.#settings.codec, producer, queue.sequenceFor(batch.count), true)
  }

  /** One request. Never rejects: each of its batches is completed or failed. */
  async #send(leader: number, sentBatches: SentBatch[]): Promise<void> {
    const { acks, requestTimeoutMs } = this.#settings
    try {
      const results = await produceRaw(
        this.#router,
        leader,
        sentBatches.map(({ queue: { topic, partition }, batch, topicId }) => ({ topic, partition, topicId, records: batch.bytes! })),
        {
          channel: this.#channel,
          acks,
          ackTimeoutMs: requestTimeoutMs,
          timeoutMs: requestTimeoutMs,
          signal: this.#closing.signal,
          transactionalId: this.#transactions?.transactionalId,
          maxVersion: this.#transactions?.maxProduceVersion,
        },
      )
      this.#handleResults(sentBatches, results)
    } catch (error) {
      const failure = this.#closing.signal.aborted
        ? closedError()
        : error instanceof KafkaError
          ? error
          : new KafkaError('UNKNOWN_SERVER_ERROR', (error as Error).message, { cause: error })
      for (const { queue, batch } of sentBatches) this.#onFailed(queue, batch, failure)
    }
    this.#inFlight.set(leader, this.#inFlight.get(leader)! - 1)
    // close() has failed the queues; the batches of this request have to fail as well.
    if (this.#closing.signal.aborted) for (const { queue } of sentBatches) this.#failAll(queue, this.#failure ?? closedError())
    this.#onCompleted()
    this.schedule()
  }

  #handleResults(sentBatches: SentBatch[], results: readonly ProducedBatch[]): void {
    const missing = new Map(sentBatches.map((sentBatch) => [partitionKey(sentBatch.queue), sentBatch]))
    for (const result of results) {
      const key = partitionKey(result)
      const sentBatch = missing.get(key)
      if (!sentBatch) continue
      missing.delete(key)
      const { queue, batch } = sentBatch
      if (result.error === null || result.error === 'DUPLICATE_SEQUENCE_NUMBER')
        this.#onAcknowledged(queue, batch, result.baseOffset, result.logAppendTimeMs)
      else this.#onFailed(queue, batch, new KafkaError(result.error, `${key}: ${result.message}${accessHint(result.error, 'WRITE')}`))
    }
    for (const [key, { queue, batch }] of missing)
      this.#onFailed(queue, batch, new KafkaError('UNKNOWN_SERVER_ERROR', `${key} is missing in the response to Produce`))
  }

  #onAcknowledged(queue: PartitionQueue, batch: ProducerBatch, baseOffset: number, logAppendTime: number): void {
    queue.answered(batch)
    queue.isProducerKnown = true
    this.#metadata.succeeded()
    this.#accumulator.complete(batch, null, baseOffset, logAppendTime)
  }

  #onFailed(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    const { idempotent, acks, deliveryTimeoutMs } = this.#settings
    queue.answered(batch)
    const now = this.#router.system.clock.monotonic()
    const verdict = batchVerdict({
      error: error.error,
      count: batch.count,
      isIdempotent: idempotent,
      isInTransaction: this.#transactions !== null,
      // Responses of one connection come in order: no earlier batch is still in flight.
      isFirst: queue.failed.every((failed) => failed.order > batch.order),
      isExpired: now >= batch.createdAt + deliveryTimeoutMs,
      mayRetry: acks !== 0 && !this.#closing.signal.aborted,
    })
    if (verdict === 'split') {
      queue.refusedAsTooLarge(batch.sizeBytes)
      queue.failed.push(...batch.split())
    } else if (verdict === 'renumber' || verdict === 'follow') {
      if (verdict === 'renumber') queue.needsNewEpoch = true
      // Another producer has raised the epoch of this id: another id is needed.
      if (error.error === 'INVALID_PRODUCER_EPOCH' && queue.producer?.producerId === this.#id.current?.producerId) this.#id.current = null
      queue.failed.push(batch)
    } else {
      if (LEADER_MOVED.includes(error.error)) this.#metadata.request([queue.topic])
      if (verdict !== 'retry') {
        this.#fail(batch, verdict === 'expire' ? this.#timeoutError(queue, error) : error)
        return
      }
      queue.failed.push(batch)
      queue.retryAt = now + this.#backoffMs(error, batch)
      this.#router.system.logger.debug(
        { topic: queue.topic, partition: queue.partition, err: error, attempts: batch.attempts },
        'Produce failed; the batch is sent again',
      )
    }
  }

  #backoffMs({ error }: KafkaError, { attempts }: ProducerBatch): number {
    return error === 'CONCURRENT_TRANSACTIONS' ? concurrentBackoffMs(this.#router, attempts - 1) : this.#router.backoffMs(attempts - 1)
  }

  /** The batch has failed for good. */
  #fail(batch: ProducerBatch, error: KafkaError): void {
    this.#accumulator.complete(batch, this.#transactions?.batchFailed(error, batch.bytes !== null) ?? error)
  }

  #timeoutError(queue: PartitionQueue, cause?: KafkaError): KafkaError {
    const why = `${partitionKey(queue)}: not delivered within delivery.timeout.ms (${this.#settings.deliveryTimeoutMs})`
    return new KafkaError('REQUEST_TIMED_OUT', cause ? `${why}: ${cause.message}` : why, { cause })
  }

  /** Renumbers the batches of a partition under the next epoch, or under another producer id. */
  #startNewEpoch(queue: PartitionQueue): void {
    const { producer } = queue
    if (producer && producer.producerEpoch < MAX_EPOCH && this.#id.current?.producerId === producer.producerId)
      queue.startEpoch({ producerId: producer.producerId, producerEpoch: producer.producerEpoch + 1 })
    else if (this.#id.current && this.#id.current.producerId !== producer?.producerId) queue.startEpoch(this.#id.current)
    else {
      this.#id.current = null
      this.#id.request()
    }
  }

  /** Fails batches older than delivery.timeout.ms. */
  #expire(queue: PartitionQueue, now: number): void {
    const oldest = now - this.#settings.deliveryTimeoutMs
    for (let batch = queue.first; batch && batch.createdAt <= oldest; batch = queue.first) {
      queue.removeFirst()
      this.#fail(batch, this.#timeoutError(queue))
      this.#onCompleted()
    }
  }

  /** Batches that may have been sent get their outcome from the broker: the next sequence number is then certain. */
  #failUnsent(queue: PartitionQueue, error: Error): void {
    const unsent = queue.takeUnsent()
    for (const batch of unsent) this.#accumulator.complete(batch, error)
    if (unsent.length > 0) this.#onCompleted()
  }

  /** Batches that wait for a leader. Those in flight get their own outcome. */
  #failWaiting(topics: readonly string[], error: KafkaError): void {
    for (const queue of this.#accumulator.active) {
      if (!topics.includes(queue.topic) || queue.inFlight > 0) continue
      queue.requeueFailed()
      for (let batch = queue.first; batch; batch = queue.first) {
        queue.removeFirst()
        this.#fail(batch, error)
      }
    }
    this.#onCompleted()
  }

  #failAll(queue: PartitionQueue, error: Error): void {
    queue.requeueFailed()
    for (let batch = queue.first; batch; batch = queue.first) {
      queue.removeFirst()
      this.#accumulator.complete(batch, error)
    }
    this.#onCompleted()
  }

  /** Fails batches that are not delivered. */
  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#removeListener()
    this.#timer.cancel()
    this.#router.pool.closeChannel(this.#channel)
    this.#failure ??= closedError()
    for (const queue of this.#accumulator.active) this.#failAll(queue, this.#failure)
  }
}

const closedError = () => new KafkaError('NETWORK_EXCEPTION', 'the producer was closed before the records were delivered')
