/**
 * The producer: takes records by the thousand with one promise for each call, idempotent unless told otherwise. Calls are taken in their
 * order, also while one waits for buffer memory or for a topic's metadata. No record is lost in silence: each ends in its call's result.
 */
import { KafkaError } from '../../errors.ts'
import { within } from '../../system/within.ts'
import { clientLimits } from '../limits.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { Producer, ProducerRecord, ProducerSettings, SendResult } from '../types.ts'
import { Accumulator } from './accumulator.ts'
import { PendingSend } from './pending-send.ts'
import { Sender } from './sender.ts'

export const producerDefaults = {
  acks: 'all',
  enableIdempotence: true,
  compressionType: 'none',
  batchSize: 64 * 1024,
  lingerMs: 5,
  bufferMemory: 32 * 1024 * 1024,
  maxInFlight: 5,
  maxRequestSize: 1024 * 1024,
  deliveryTimeoutMs: 120_000,
} as const

/** With more requests under way the broker could not tell a repeated batch from a lost one. */
const IDEMPOTENT_IN_FLIGHT = 5

interface Waiting {
  delivery: PendingSend
  next: number
  /** Topics that are not there, and what was said of them. */
  missing: Map<string, Error>
}

export class BatchingProducer implements Producer {
  readonly #network: RequestRouter
  readonly #accumulator: Accumulator
  readonly #sender: Sender
  readonly #undecided = new Set<PendingSend>()
  readonly #waiting: Waiting[] = []
  readonly #bufferMemory: number
  #feeding = false
  #closed = false
  #roomWaiter: (() => void) | null = null
  readonly #closing = new AbortController()

  constructor(network: RequestRouter, given: ProducerSettings) {
    const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ProducerSettings
    const settings = { ...producerDefaults, requestTimeoutMs: network.settings.requestTimeoutMs, ...defined }
    const idempotent = settings.enableIdempotence && settings.acks === 'all'
    if (given.enableIdempotence && settings.acks !== 'all')
      throw new KafkaError(
        'INVALID_CONFIG',
        `enable.idempotence needs acks=all, not ${settings.acks}: set acks to all or enable.idempotence to false`,
      )
    if (given.enableIdempotence && settings.maxInFlight > IDEMPOTENT_IN_FLIGHT)
      throw new KafkaError(
        'INVALID_CONFIG',
        `enable.idempotence needs max.in.flight.requests.per.connection of at most ${IDEMPOTENT_IN_FLIGHT}, not ${settings.maxInFlight}`,
      )
    this.#network = network
    this.#bufferMemory = settings.bufferMemory
    this.#accumulator = new Accumulator(settings, network.system.random)
    this.#sender = new Sender(
      network,
      this.#accumulator,
      {
        acks: settings.acks === 'all' ? -1 : settings.acks,
        idempotent,
        codec: settings.compressionType,
        lingerMs: settings.lingerMs,
        eager: given.lingerMs === undefined,
        maxInFlight: idempotent ? Math.min(settings.maxInFlight, IDEMPOTENT_IN_FLIGHT) : settings.maxInFlight,
        maxRequestSize: settings.maxRequestSize,
        deliveryTimeoutMs: settings.deliveryTimeoutMs,
        requestTimeoutMs: settings.requestTimeoutMs,
      },
      () => this.#onDecided(),
    )
  }

  get pendingBytes(): number {
    return this.#accumulator.pendingBytes
  }

  async send(records: readonly ProducerRecord[]): Promise<SendResult> {
    if (this.#closed) throw new KafkaError('NETWORK_EXCEPTION', 'the producer is closed')
    if (this.#waiting.length >= clientLimits.waitingSends)
      throw new KafkaError('REQUEST_TIMED_OUT', `${this.#waiting.length} calls of send() wait already: await some of them`)
    const { clock } = this.#network.system
    const delivery = new PendingSend(records, clock.now())
    if (records.length === 0) return delivery.promise
    this.#undecided.add(delivery)
    const next = this.#feeding ? 0 : this.#accumulator.take(delivery, 0, clock.monotonic())
    if (next > 0) this.#sender.schedule()
    if (next < records.length) {
      this.#waiting.push({ delivery, next, missing: new Map() })
      if (!this.#feeding) void this.#feed()
    }
    try {
      return await delivery.promise
    } finally {
      this.#undecided.delete(delivery)
    }
  }

  /** Takes what waits, in order. Never rejects. */
  async #feed(): Promise<void> {
    this.#feeding = true
    while (this.#waiting.length > 0) {
      const entry = this.#waiting[0]!
      const { delivery } = entry
      if (this.#closed) {
        this.#refuseRest(entry, new KafkaError('NETWORK_EXCEPTION', 'the producer was closed before it took the record'))
        this.#waiting.shift()
        continue
      }
      const before = entry.next
      entry.next = this.#accumulator.take(delivery, entry.next, this.#network.system.clock.monotonic())
      if (entry.next > before) this.#sender.schedule()
      if (entry.next >= delivery.count) {
        this.#waiting.shift()
        continue
      }
      const { topic } = delivery.records[entry.next]!
      if (this.#accumulator.knows(topic)) {
        await this.#room()
        continue
      }
      const missing = entry.missing.get(topic) ?? (await this.#learn(topic))
      if (missing) {
        entry.missing.set(topic, missing)
        this.#accumulator.refuse(delivery, entry.next++, missing)
        if (entry.next >= delivery.count) this.#waiting.shift()
      }
    }
    this.#feeding = false
  }

  #refuseRest(entry: Waiting, error: Error): void {
    while (entry.next < entry.delivery.count) this.#accumulator.refuse(entry.delivery, entry.next++, error)
  }

  /** What keeps the topic's records from being sent, or nothing. */
  async #learn(topic: string): Promise<Error | null> {
    try {
      const metadata = await this.#network.metadata.topic(topic, { allowCreation: true, signal: this.#closing.signal })
      if (!metadata) return new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} is not there and was not created`)
      this.#accumulator.learn(metadata)
      return null
    } catch (error) {
      return error as Error
    }
  }

  #room(): Promise<void> {
    if (this.#closed || this.#accumulator.pendingBytes < this.#bufferMemory) return Promise.resolve()
    // Full buffers go without waiting for company.
    this.#sender.hurry++
    this.#sender.schedule()
    return new Promise((resolve) => {
      this.#roomWaiter = () => {
        this.#sender.hurry--
        resolve()
      }
    })
  }

  #onDecided(): void {
    if (!this.#roomWaiter || (!this.#closed && this.#accumulator.pendingBytes >= this.#bufferMemory)) return
    const waiter = this.#roomWaiter
    this.#roomWaiter = null
    waiter()
  }

  async flush(): Promise<void> {
    if (this.#undecided.size === 0) return
    this.#sender.hurry++
    this.#sender.schedule()
    try {
      await Promise.allSettled([...this.#undecided].map((delivery) => delivery.promise))
    } finally {
      this.#sender.hurry--
    }
  }

  /** Delivers what was taken, for a bounded time; the rest fails. */
  async close(): Promise<void> {
    if (this.#closed) return
    await within(this.#network.system.clock, clientLimits.closeTimeoutMs, this.flush())
    this.#closed = true
    this.#closing.abort()
    this.#sender.close()
    this.#onDecided()
  }
}
