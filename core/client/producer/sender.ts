/**
 * Sends the accumulator's batches: per node one connection with a few requests under way, one batch of a partition in each. What comes back
 * undelivered goes again in order once nothing of its partition is under way; the broker knows repeated batches by producer id, epoch and
 * sequence, so a record is stored once and in order (Invariant 5). When a batch is given up, the ones behind it get a new epoch.
 */
import produceApi from '../../apis/00-produce.ts'
import { type ErrorName, errorName, isRetriable, KafkaError } from '../../errors.ts'
import type { ResponseOf } from '../../wire/api.ts'
import type { CodecName } from '../../wire/batch-header.ts'
import { ZERO_UUID } from '../../wire/types.ts'
import { initProducerId } from '../raw-batches.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { Accumulator, PartitionQueue } from './accumulator.ts'
import type { Identity, ProducerBatch } from './producer-batch.ts'

const BY_NAME = 12
const MAX_EPOCH = 32_766
const EMPTY_REQUEST_BYTES = 256
/** Queues come to sendTo() with something due, and come again only with closed batches. */
const always = () => true
/** The broker does not know where we stand: the batch is not stored, and numbering has to begin anew. */
const LOST_PLACE: readonly ErrorName[] = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH']
const NEW_LEADER: readonly ErrorName[] = [
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'NETWORK_EXCEPTION',
  'KAFKA_STORAGE_ERROR',
  'BROKER_NOT_AVAILABLE',
]

export interface SenderSettings {
  acks: -1 | 0 | 1
  idempotent: boolean
  codec: CodecName
  lingerMs: number
  /** No linger was asked for: a batch goes at once while nothing is under way to its node. */
  eager: boolean
  maxInFlight: number
  maxRequestSize: number
  deliveryTimeoutMs: number
  requestTimeoutMs: number
}

interface Sending {
  queue: PartitionQueue
  batch: ProducerBatch
  topicId: string
}

export class Sender {
  readonly #network: RequestRouter
  readonly #accumulator: Accumulator
  readonly #settings: SenderSettings
  readonly #lane: string
  readonly #underway = new Map<number, number>()
  readonly #unlisten: () => void
  readonly #closing = new AbortController()
  /** Told when memory may have come free. */
  readonly #onDecided: () => void
  #scheduled = false
  #timer: AbortController | null = null
  #timerAt = Number.POSITIVE_INFINITY
  #identity: Identity | null = null
  #askingIdentity = false
  #askingMetadata = false
  #identityAttempts = 0
  #metadataNotBefore = 0
  #metadataAttempts = 0
  /** What ends the producer: no producer id can be had. */
  fatal: Error | null = null
  /** Above zero: batches go without waiting for company. */
  hurry = 0

  constructor(network: RequestRouter, accumulator: Accumulator, settings: SenderSettings, onDecided: () => void) {
    this.#network = network
    this.#accumulator = accumulator
    this.#settings = settings
    this.#onDecided = onDecided
    this.#lane = network.newLane('produce')
    this.#unlisten = network.metadata.onChange(() => this.#relearn())
  }

  #relearn(): void {
    for (const name of this.#accumulator.names()) {
      const topic = this.#network.metadata.peek(name)
      if (topic) this.#accumulator.learn(topic)
    }
    this.schedule()
  }

  schedule(): void {
    if (this.#scheduled || this.#closing.signal.aborted) return
    this.#scheduled = true
    this.#network.system.clock.soon(() => {
      this.#scheduled = false
      if (!this.#closing.signal.aborted) this.#pump()
    })
  }

  /** Keeps the process alive: there are records to deliver. */
  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return
    this.#timer?.abort()
    const timer = new AbortController()
    this.#timer = timer
    this.#timerAt = at
    const { clock } = this.#network.system
    void clock.sleep(Math.max(1, at - clock.monotonic()), timer.signal).then(() => {
      if (timer.signal.aborted) return
      this.#timer = null
      this.#timerAt = Number.POSITIVE_INFINITY
      this.schedule()
    })
  }

  /** Sends what is due and can go. */
  #pump(): void {
    const now = this.#network.system.clock.monotonic()
    const settings = this.#settings
    const accumulator = this.#accumulator
    const byLeader = new Map<number, PartitionQueue[]>()
    let leaderless: string[] | null = null
    for (const queue of accumulator.active) {
      if (queue.empty) {
        accumulator.active.delete(queue)
        continue
      }
      if (this.fatal) {
        this.#abandon(queue, this.fatal)
        continue
      }
      if (queue.failed.length > 0) {
        // Under way still: what comes back decides the order of the retry.
        if (queue.inFlight > 0) continue
        queue.requeue()
      }
      this.#expire(queue, now)
      const oldest = queue.ready[0] ?? queue.open
      if (oldest) this.#wakeAt(oldest.createdAt + settings.deliveryTimeoutMs)
      if (queue.needsNewEpoch) {
        if (queue.inFlight === 0) this.#renew(queue)
        if (queue.needsNewEpoch) continue
      }
      if (queue.inFlight >= settings.maxInFlight) continue
      if (queue.notBefore > now) {
        this.#wakeAt(queue.notBefore)
        continue
      }
      if (!oldest) continue
      const leader = this.#network.metadata.peek(queue.topic)?.partitions[queue.partition]?.leader ?? -1
      if (leader < 0) {
        leaderless ??= []
        leaderless.push(queue.topic)
        continue
      }
      const eager = settings.eager && (this.#underway.get(leader) ?? 0) === 0
      const due = (batch: ProducerBatch) => this.hurry > 0 || eager || batch.createdAt + settings.lingerMs <= now
      if (!queue.head(due)) {
        this.#wakeAt(queue.open!.createdAt + settings.lingerMs)
        continue
      }
      const queues = byLeader.get(leader)
      if (queues) queues.push(queue)
      else byLeader.set(leader, [queue])
    }
    if (leaderless) this.#askMetadata(leaderless, now)
    if (byLeader.size === 0) return
    if (settings.idempotent && !this.#identity) {
      this.#askIdentity()
      return
    }
    for (const [leader, queues] of byLeader) this.#sendTo(leader, queues)
  }

  #sendTo(leader: number, queues: PartitionQueue[]): void {
    const settings = this.#settings
    const network = this.#network
    const node = network.metadata.node(leader)
    // While there is no open connection one request at a time goes, so that they cannot overtake each other on the way to it.
    const limit = node && network.nodes.open(node, this.#lane) ? settings.maxInFlight : 1
    let underway = this.#underway.get(leader) ?? 0
    let round = queues
    while (underway < limit && round.length > 0) {
      const sendings: Sending[] = []
      const next: PartitionQueue[] = []
      let bytes = EMPTY_REQUEST_BYTES
      for (const queue of round) {
        const batch = queue.inFlight < settings.maxInFlight ? queue.head(always) : null
        if (!batch) continue
        next.push(queue)
        if (sendings.length > 0 && bytes + batch.sizeBytes > settings.maxRequestSize) continue
        const records = this.#prepare(queue, batch)
        bytes += records.length + 16
        sendings.push({ queue, batch, topicId: network.metadata.peek(queue.topic)?.id ?? ZERO_UUID })
        // Who was served goes behind those that were not.
        this.#accumulator.active.delete(queue)
        this.#accumulator.active.add(queue)
      }
      if (sendings.length === 0) return
      underway++
      this.#underway.set(leader, underway)
      void this.#send(leader, sendings)
      round = next.filter((queue) => queue.ready.length > 0)
    }
  }

  #prepare(queue: PartitionQueue, batch: ProducerBatch): Buffer {
    queue.take(batch)
    queue.inFlight++
    batch.attempts++
    if (batch.bytes) return batch.bytes
    if (!this.#settings.idempotent) return batch.build(this.#settings.codec, null, -1)
    if (!queue.identity) queue.begin(this.#identity!)
    return batch.build(this.#settings.codec, queue.identity, queue.sequenceFor(batch.count))
  }

  /** One request. Never rejects: every batch in it is decided or put back. */
  async #send(leader: number, sendings: Sending[]): Promise<void> {
    try {
      const answer = await this.#request(leader, sendings)
      if (answer === null) for (const { queue, batch } of sendings) this.#succeed(queue, batch, -1, -1)
      else this.#settle(sendings, answer)
    } catch (error) {
      const failure = this.#closing.signal.aborted
        ? closedError()
        : error instanceof KafkaError
          ? error
          : new KafkaError('UNKNOWN_SERVER_ERROR', (error as Error).message, { cause: error })
      for (const { queue, batch } of sendings) this.#fail(queue, batch, failure)
    }
    this.#underway.set(leader, this.#underway.get(leader)! - 1)
    // Nobody comes for what was put back while the producer closed.
    if (this.#closing.signal.aborted) for (const { queue } of sendings) this.#abandon(queue, this.fatal ?? closedError())
    this.#onDecided()
    this.schedule()
  }

  async #request(leader: number, sendings: Sending[]): Promise<ResponseOf<typeof produceApi> | null> {
    const settings = this.#settings
    const topics = new Map<string, { name: string; topicId: string; partitionData: { index: number; records: Buffer }[] }>()
    for (const { queue, batch, topicId } of sendings) {
      let topic = topics.get(queue.topic)
      if (!topic) {
        topic = { name: queue.topic, topicId, partitionData: [] }
        topics.set(queue.topic, topic)
      }
      topic.partitionData.push({ index: queue.partition, records: batch.bytes! })
    }
    const body = { transactionalId: null, acks: settings.acks, timeoutMs: settings.requestTimeoutMs, topicData: [...topics.values()] }
    const options = {
      lane: this.#lane,
      timeoutMs: settings.requestTimeoutMs,
      signal: this.#closing.signal,
      maxVersion: sendings.some((sending) => sending.topicId === ZERO_UUID) ? BY_NAME : undefined,
    }
    if (settings.acks !== 0) return this.#network.request(leader, produceApi, body, options)
    await this.#network.sendOneWay(leader, produceApi, body, options)
    return null
  }

  #settle(sendings: Sending[], answer: ResponseOf<typeof produceApi>): void {
    const names = new Map(sendings.map(({ queue, topicId }) => [topicId, queue.topic]))
    const open = new Map(sendings.map((sending) => [`${sending.queue.topic}-${sending.queue.partition}`, sending]))
    for (const topic of answer.responses) {
      const name = topic.name || names.get(topic.topicId)
      for (const entry of topic.partitionResponses) {
        const key = `${name}-${entry.index}`
        const sending = open.get(key)
        if (!sending) continue
        open.delete(key)
        const { queue, batch } = sending
        const error = errorName(entry.errorCode)
        if (error === 'NONE' || error === 'DUPLICATE_SEQUENCE_NUMBER') this.#succeed(queue, batch, entry.baseOffset, entry.logAppendTimeMs)
        else this.#fail(queue, batch, new KafkaError(error, `${key}: ${entry.errorMessage ?? error}${reasons(entry.recordErrors)}`))
      }
    }
    for (const { queue, batch } of open.values())
      this.#fail(queue, batch, new KafkaError('UNKNOWN_SERVER_ERROR', `${queue.topic}-${queue.partition}: the broker did not say`))
  }

  #succeed(queue: PartitionQueue, batch: ProducerBatch, baseOffset: number, logAppendTime: number): void {
    queue.inFlight--
    this.#metadataAttempts = 0
    this.#accumulator.decide(batch, null, baseOffset, logAppendTime)
  }

  #fail(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    queue.inFlight--
    const now = this.#network.system.clock.monotonic()
    if (error.error === 'MESSAGE_TOO_LARGE' && batch.count > 1) {
      queue.failed.push(...batch.split())
      return
    }
    const late = now >= batch.createdAt + this.#settings.deliveryTimeoutMs
    if (this.#settings.idempotent && LOST_PLACE.includes(error.error) && !late) {
      // The eldest tells that the broker misses something; the others only follow it.
      if (this.#isEldest(queue, batch)) queue.needsNewEpoch = true
      // Somebody has our id under a higher epoch: we take another id.
      if (error.error === 'INVALID_PRODUCER_EPOCH' && queue.identity?.producerId === this.#identity?.producerId) this.#identity = null
      queue.failed.push(batch)
      return
    }
    if (NEW_LEADER.includes(error.error)) this.#askMetadata([queue.topic], now)
    const again = isRetriable(error.error) && !late && this.#settings.acks !== 0 && !this.#closing.signal.aborted
    if (!again) {
      this.#accumulator.decide(
        batch,
        late && isRetriable(error.error)
          ? new KafkaError(
              'REQUEST_TIMED_OUT',
              `not delivered within delivery.timeout.ms (${this.#settings.deliveryTimeoutMs}): ${error.message}`,
              { cause: error },
            )
          : error,
      )
      return
    }
    queue.failed.push(batch)
    queue.notBefore = now + this.#network.backoffMs(batch.attempts - 1)
    this.#network.system.logger.debug(
      { topic: queue.topic, partition: queue.partition, err: error, attempts: batch.attempts },
      'batch goes again',
    )
  }

  #isEldest(queue: PartitionQueue, batch: ProducerBatch): boolean {
    // Requests of one connection are answered in order: an elder that is under way still would have been answered first.
    return queue.failed.every((other) => other.order > batch.order)
  }

  /** Numbers a partition's batches anew, under the next epoch or another producer id. */
  #renew(queue: PartitionQueue): void {
    const { identity } = queue
    if (identity && identity.producerEpoch < MAX_EPOCH && this.#identity?.producerId === identity.producerId)
      queue.begin({ producerId: identity.producerId, producerEpoch: identity.producerEpoch + 1 })
    else if (this.#identity && this.#identity.producerId !== identity?.producerId) queue.begin(this.#identity)
    else {
      this.#identity = null
      this.#askIdentity()
    }
  }

  #expire(queue: PartitionQueue, now: number): void {
    const oldest = now - this.#settings.deliveryTimeoutMs
    for (;;) {
      const batch = queue.ready[0] ?? queue.open
      if (!batch || batch.createdAt > oldest) return
      queue.take(batch)
      this.#accumulator.decide(
        batch,
        new KafkaError(
          'REQUEST_TIMED_OUT',
          `${queue.topic}-${queue.partition}: not delivered within delivery.timeout.ms (${this.#settings.deliveryTimeoutMs})`,
        ),
      )
      this.#onDecided()
    }
  }

  #abandon(queue: PartitionQueue, error: Error): void {
    queue.requeue()
    for (;;) {
      const batch = queue.ready[0] ?? queue.open
      if (!batch) break
      queue.take(batch)
      this.#accumulator.decide(batch, error)
    }
    this.#onDecided()
  }

  #askMetadata(topics: readonly string[], now: number): void {
    if (this.#askingMetadata || this.#closing.signal.aborted) return
    if (this.#metadataNotBefore > now) {
      this.#wakeAt(this.#metadataNotBefore)
      return
    }
    this.#askingMetadata = true
    this.#network.metadata
      // as Kafka's producers ask: a topic that was deleted may come again
      .refresh([...new Set(topics)], { allowCreation: true, signal: this.#closing.signal })
      .catch((error) => this.#network.system.logger.debug({ err: error }, 'no broker tells where partitions are'))
      .finally(() => {
        this.#askingMetadata = false
        this.#metadataNotBefore = this.#network.system.clock.monotonic() + this.#network.backoffMs(this.#metadataAttempts++)
        this.schedule()
      })
  }

  #askIdentity(): void {
    if (this.#askingIdentity) return
    this.#askingIdentity = true
    initProducerId(this.#network, this.#closing.signal)
      .then(
        (identity) => {
          this.#identity = identity
          this.#identityAttempts = 0
        },
        async (error: unknown) => {
          if (this.#closing.signal.aborted) return
          if (error instanceof KafkaError && (error.retriable || error.error === 'REQUEST_TIMED_OUT'))
            await this.#network.sleep(this.#network.backoffMs(this.#identityAttempts++), this.#closing.signal)
          else this.fatal = error as Error
        },
      )
      .finally(() => {
        this.#askingIdentity = false
        this.schedule()
      })
  }

  /** Gives up what is left. */
  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#unlisten()
    this.#timer?.abort()
    this.#timer = null
    this.#network.nodes.closeLane(this.#lane)
    this.fatal ??= closedError()
    for (const queue of this.#accumulator.active) this.#abandon(queue, this.fatal)
  }
}

const closedError = () => new KafkaError('NETWORK_EXCEPTION', 'the producer was closed before the records were delivered')

const reasons = (errors: readonly { batchIndex: number; batchIndexErrorMessage: string | null }[]): string =>
  errors.length === 0 ? '' : ` (record ${errors[0]!.batchIndex}: ${errors[0]!.batchIndexErrorMessage ?? 'refused'})`
