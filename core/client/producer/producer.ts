/**
 * The producer: sends thousands of records with one promise for each call. It is idempotent unless this is turned off. Records are appended
 * in the order of the calls, also while a call waits for buffer memory or for a topic's metadata. No record is lost silently: each has an
 * outcome in the result of its call.
 */
import { KafkaError } from '../../errors.ts'
import { within } from '../../system/within.ts'
import { clientLimits } from '../limits.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { ProduceOptions, Producer, ProducerRecord, ProducerSettings, SendResult } from '../types.ts'
import { Accumulator } from './accumulator.ts'
import { PendingSend } from './pending-send.ts'
import { Sender } from './sender.ts'
import type { Transactions } from './transactions.ts'

export const DEFAULT_MAX_REQUEST_SIZE = 1024 * 1024

const producerDefaults = {
  acks: 'all',
  enableIdempotence: true,
  compressionType: 'none',
  // Kafka's default is 16 KiB. A broker takes half the CPU for batches as large as these, and they fill up only where records queue.
  batchSize: 256 * 1024,
  lingerMs: 5,
  bufferMemory: 32 * 1024 * 1024,
  maxInFlight: 5,
  maxRequestSize: DEFAULT_MAX_REQUEST_SIZE,
  allowAutoCreateTopics: true,
  deliveryTimeoutMs: 120_000,
} as const

/** A broker remembers this many batches of a producer: with more in flight it could not recognize a repeated one. */
const IDEMPOTENT_IN_FLIGHT = 5

/** A call whose records are not all appended. */
interface WaitingSend {
  send: PendingSend
  /** The next record to append. */
  next: number
  /** By topic: why it cannot be written to. */
  errors: Map<string, Error>
}

export class BatchingProducer implements Producer {
  readonly #router: RequestRouter
  readonly #transactions: Transactions | null
  readonly #accumulator: Accumulator
  readonly #sender: Sender
  /** Calls with records that have no outcome yet. */
  readonly #incomplete = new Set<PendingSend>()
  /** In the order of the calls. */
  readonly #waiting: WaitingSend[] = []
  readonly #bufferMemory: number
  readonly #allowCreation: boolean
  #appending = false
  #closed = false
  #onMemoryFree: (() => void) | null = null
  readonly #closing = new AbortController()

  constructor(router: RequestRouter, userSettings: ProducerSettings, transactions: Transactions | null = null) {
    const defined = Object.fromEntries(Object.entries(userSettings).filter(([, value]) => value !== undefined)) as ProducerSettings
    const settings = { ...producerDefaults, requestTimeoutMs: router.settings.requestTimeoutMs, ...defined }
    const idempotent = settings.enableIdempotence && settings.acks === 'all'
    if (userSettings.enableIdempotence && settings.acks !== 'all')
      throw new KafkaError(
        'INVALID_CONFIG',
        `enable.idempotence needs acks=all, not ${settings.acks}: set acks to all or enable.idempotence to false`,
      )
    if (userSettings.enableIdempotence && settings.maxInFlight > IDEMPOTENT_IN_FLIGHT)
      throw new KafkaError(
        'INVALID_CONFIG',
        `enable.idempotence needs max.in.flight.requests.per.connection of at most ${IDEMPOTENT_IN_FLIGHT}, not ${settings.maxInFlight}`,
      )
    this.#router = router
    this.#bufferMemory = settings.bufferMemory
    this.#allowCreation = settings.allowAutoCreateTopics
    this.#transactions = transactions
    this.#accumulator = new Accumulator(settings, router.system.random, (error) => transactions?.batchFailed(error, false) ?? error)
    this.#sender = new Sender(
      router,
      this.#accumulator,
      {
        acks: settings.acks === 'all' ? -1 : settings.acks,
        idempotent,
        codec: settings.compressionType,
        lingerMs: settings.lingerMs,
        eager: userSettings.lingerMs === undefined,
        maxInFlight: idempotent ? Math.min(settings.maxInFlight, IDEMPOTENT_IN_FLIGHT) : settings.maxInFlight,
        maxRequestSize: settings.maxRequestSize,
        allowCreation: settings.allowAutoCreateTopics,
        deliveryTimeoutMs: settings.deliveryTimeoutMs,
        requestTimeoutMs: settings.requestTimeoutMs,
      },
      transactions,
      () => this.#onCompleted(),
    )
  }

  /** Batches may be sent, or have to fail. */
  schedule(): void {
    this.#sender.schedule()
  }

  get pendingBytes(): number {
    return this.#accumulator.pendingBytes
  }

  /** Not an async function: while it waits, it would keep the records. */
  send(records: readonly ProducerRecord[], options: ProduceOptions = {}): Promise<SendResult> {
    if (this.#closed) return Promise.reject(new KafkaError('NETWORK_EXCEPTION', 'the producer is closed'))
    if (this.#waiting.length >= clientLimits.waitingSends) {
      const reason = `${this.#waiting.length} calls of send() wait already: await some of them`
      return Promise.reject(new KafkaError('REQUEST_TIMED_OUT', reason))
    }
    const { clock } = this.#router.system
    const send = new PendingSend(records, clock.now(), options.onRefused)
    if (records.length === 0) return send.promise
    this.#incomplete.add(send)
    const next = this.#appending ? 0 : this.#accumulator.append(send, 0, clock.monotonic())
    if (next > 0) this.#sender.schedule()
    if (next < records.length) {
      this.#waiting.push({ send, next, errors: new Map() })
      if (!this.#appending) void this.#appendWaiting()
    }
    return send.promise.finally(() => this.#incomplete.delete(send))
  }

  /** Never rejects. */
  async #appendWaiting(): Promise<void> {
    this.#appending = true
    while (this.#waiting.length > 0) {
      const entry = this.#waiting[0]!
      const { send } = entry
      const abortCause = this.#transactions?.state.abortCause ?? null
      if (this.#closed || abortCause) {
        const error = abortCause ?? new KafkaError('NETWORK_EXCEPTION', 'the producer was closed before the record was appended')
        while (entry.next < send.count) this.#accumulator.fail(send, entry.next++, error)
        this.#waiting.shift()
        continue
      }
      const before = entry.next
      entry.next = this.#accumulator.append(send, entry.next, this.#router.system.clock.monotonic())
      if (entry.next > before) this.#sender.schedule()
      if (entry.next >= send.count) {
        this.#waiting.shift()
        continue
      }
      const { topic } = send.records[entry.next]!
      if (this.#accumulator.hasTopic(topic)) {
        await this.#awaitMemory()
        continue
      }
      const error = entry.errors.get(topic) ?? (await this.#addTopic(topic))
      if (error) {
        entry.errors.set(topic, error)
        entry.next = this.#accumulator.refuse(send, entry.next, error)
        if (entry.next >= send.count) this.#waiting.shift()
      }
    }
    this.#appending = false
  }

  /** Null, or why the topic cannot be written to. */
  async #addTopic(topic: string): Promise<Error | null> {
    try {
      const metadata = await this.#router.metadata.topic(topic, { allowCreation: this.#allowCreation, signal: this.#closing.signal })
      if (!metadata) return new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} does not exist and was not created`)
      this.#accumulator.updateTopic(metadata)
      return null
    } catch (error) {
      return error as Error
    }
  }

  async #awaitMemory(): Promise<void> {
    if (this.#closed || this.#accumulator.pendingBytes < this.#bufferMemory) return
    this.#sender.beginFlush()
    await new Promise<void>((resolve) => {
      this.#onMemoryFree = resolve
    })
    this.#sender.endFlush()
  }

  #onCompleted(): void {
    if (!this.#onMemoryFree || (!this.#closed && this.#accumulator.pendingBytes >= this.#bufferMemory)) return
    const resolve = this.#onMemoryFree
    this.#onMemoryFree = null
    resolve()
  }

  async flush(): Promise<void> {
    if (this.#incomplete.size === 0) return
    this.#sender.beginFlush()
    try {
      await Promise.allSettled([...this.#incomplete].map((send) => send.promise))
    } finally {
      this.#sender.endFlush()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await within(this.#router.system.clock, clientLimits.closeTimeoutMs, this.flush())
    this.#closed = true
    this.#closing.abort()
    this.#sender.close()
    this.#onCompleted()
  }
}
