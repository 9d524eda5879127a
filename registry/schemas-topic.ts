/**
 * The topic that stores the registry: one partition, compacted, read from its beginning without a group and followed until it is closed. A
 * write resolves when it is durable and has been read back, so that whoever wrote reads what they wrote. A topic that has lost what was
 * read from it is not written to.
 */
import { awaitTopicLeaders, createMissingTopics } from '../core/client/topic-setup.ts'
import type { Client, Consumer, Producer, TopicMetadata } from '../core/client/types.ts'
import { type ErrorName, isRetriable, KafkaError } from '../core/errors.ts'
import { backoffMs } from '../core/system/backoff.ts'
import type { System } from '../core/system/index.ts'

export interface SchemasTopicSettings {
  readonly topic: string
  readonly replicationFactor: number
  /** The configs of the topic where it is created. */
  readonly configs: Readonly<Record<string, string>>
  readonly skipValidation: boolean
  readonly initTimeoutMs: number
}

export interface TopicEntry {
  readonly key: string
  readonly value: string | null
  readonly offset: number
  readonly timestamp: number
}

export interface TopicWrite {
  readonly key: string
  readonly value: string | null
}

const POLL_TIMEOUT_MS = 1_000
const RETRY_BACKOFF = { baseMs: 100, maxMs: 5_000 }
const POLL_RECORDS = 10_000
const PARTITION = 0

interface OffsetWaiter {
  readonly offset: number
  resolve(): void
  reject(error: Error): void
}

/** The topic is not the one that was read: what is written to it now would contradict what it had. */
export class SchemasTopicLost extends Error {
  override name = 'SchemasTopicLost'

  constructor(topic: string) {
    super(
      `The topic ${topic} was deleted or cut off while the registry ran. Schemas are still read from memory, but none can be written. ` +
        'Restore the topic, or register the schemas again after a restart.',
    )
  }
}

type TopicSystem = Pick<System, 'clock' | 'logger' | 'random'>

export class SchemasTopic {
  readonly #client: Client
  readonly #producer: Producer
  readonly #settings: SchemasTopicSettings
  readonly #system: TopicSystem
  readonly #stopping = new AbortController()
  readonly #waiters = new Set<OffsetWaiter>()
  #consumer: Consumer | null = null
  #polling: Promise<void> = Promise.resolve()
  #position = 0
  readonly #failed = Promise.withResolvers<never>()
  #lost: SchemasTopicLost | null = null

  /** Closes the client, which is its own. */
  constructor(client: Client, settings: SchemasTopicSettings, system: TopicSystem) {
    this.#client = client
    // A broker would create the topic with its own cleanup.policy, which deletes schemas by their age.
    this.#producer = client.producer({ acks: 'all', deliveryTimeoutMs: settings.initTimeoutMs, allowAutoCreateTopics: false })
    this.#settings = settings
    this.#system = system
    // An error that nothing awaits yet must not end the process.
    this.#failed.promise.catch(() => {})
  }

  /** Rejects when `apply` has thrown: the image is no longer the topic's. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /** Creates the topic where it is missing, and reads it to its end. `apply` gets its records in their order. */
  async start(apply: (entry: TopicEntry) => void): Promise<void> {
    const { topic, initTimeoutMs } = this.#settings
    await this.#createTopic()
    this.#consumer = this.#client.consumer({ autoOffsetReset: 'none', maxPollRecords: POLL_RECORDS, fetchMaxWaitMs: 500 })
    this.#consumer.assign([{ topic, partition: PARTITION, offset: 'earliest' }])
    this.#polling = this.#pollLoop(this.#consumer, apply)
    await Promise.race([this.readToEnd(initTimeoutMs), this.failed])
  }

  async #createTopic(): Promise<void> {
    const { topic, skipValidation } = this.#settings
    const { clock } = this.#system
    if (!skipValidation && (await this.#createMissing())) return
    const metadata = await awaitTopicLeaders(this.#client, clock, topic, { signal: this.#stopping.signal })
    if (!skipValidation) await this.#verify(metadata)
  }

  /** Whether this call created it. With fewer brokers than the replication factor it has as many replicas as there are brokers. */
  async #createMissing(): Promise<boolean> {
    const { topic, replicationFactor, configs } = this.#settings
    for (let replicas = replicationFactor; ; replicas--) {
      try {
        const spec = { name: topic, partitions: 1, replicationFactor: replicas, configs }
        const created = (await createMissingTopics(this.#client, [spec], 'kafkastore.topic.replication.factor')).has(topic)
        if (created && replicas < replicationFactor)
          this.#system.logger.warn(
            { topic, replicas, wanted: replicationFactor },
            'the topic of the registry has fewer replicas than kafkastore.topic.replication.factor: add brokers, and replicas to the topic',
          )
        return created
      } catch (error) {
        if (!(error instanceof KafkaError) || error.error !== 'INVALID_REPLICATION_FACTOR' || replicas === 1) throw error
      }
    }
  }

  async #verify(metadata: TopicMetadata): Promise<void> {
    const { topic } = this.#settings
    const count = metadata.partitions.length
    if (count !== 1)
      throw new Error(`The schema topic ${topic} should have only 1 partition but has ${count}: set kafkastore.topic to another topic`)
    const configs = (await this.#client.admin.describeTopicConfigs([topic])).get(topic) ?? []
    const policy = configs.find(({ name }) => name === 'cleanup.policy')?.value ?? 'compact'
    if (policy !== 'compact')
      throw new Error(
        `The retention policy of the schema topic ${topic} is incorrect. Expected cleanup.policy to be 'compact' but it is ${policy}: ` +
          'schemas would be deleted by their age. Set cleanup.policy of the topic to compact.',
      )
  }

  async #pollLoop(consumer: Consumer, apply: (entry: TopicEntry) => void): Promise<void> {
    let attempt = 0
    while (!this.#stopping.signal.aborted) {
      try {
        for (const batch of await consumer.poll(POLL_TIMEOUT_MS, this.#stopping.signal)) {
          for (const { key, value, offset, timestamp } of batch.records)
            if (key) this.#apply(apply, { key: key.toString('utf8'), value: value?.toString('utf8') ?? null, offset, timestamp })
          this.#position = batch.nextOffset
        }
        attempt = 0
        this.#wake()
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        if (error instanceof KafkaError && error.error === 'OFFSET_OUT_OF_RANGE') {
          this.#lose()
          return
        }
        const delayMs = backoffMs(RETRY_BACKOFF, attempt++, this.#system.random)
        this.#system.logger.warn(
          { err: error, topic: this.#settings.topic, delayMs },
          'the topic of the registry could not be read; retrying',
        )
        await this.#system.clock.sleep(delayMs, this.#stopping.signal)
      }
    }
  }

  #apply(apply: (entry: TopicEntry) => void, entry: TopicEntry): void {
    try {
      apply(entry)
    } catch (cause) {
      this.#stopping.abort()
      const error = new Error(
        `the registry cannot go on at offset ${entry.offset} of ${this.#settings.topic}: ${(cause as Error).message}`,
        {
          cause,
        },
      )
      for (const waiter of this.#waiters) waiter.reject(error)
      this.#failed.reject(error)
      throw error
    }
  }

  #lose(): SchemasTopicLost {
    if (this.#lost) return this.#lost
    const { topic } = this.#settings
    this.#lost = new SchemasTopicLost(topic)
    this.#system.logger.error({ topic, position: this.#position }, this.#lost.message)
    for (const waiter of this.#waiters) waiter.reject(this.#lost)
    return this.#lost
  }

  #reached = (offset: number): boolean =>
    // The consumer may be past offsets without records, which compaction leaves.
    Math.max(this.#position, this.#consumer?.position({ topic: this.#settings.topic, partition: PARTITION }) ?? 0) > offset

  #wake(): void {
    for (const waiter of this.#waiters) if (this.#reached(waiter.offset)) waiter.resolve()
  }

  /** Resolves when the record at `offset` has been applied. @throws KafkaError REQUEST_TIMED_OUT. */
  async #awaitOffset(offset: number, deadline: number): Promise<void> {
    if (this.#lost) throw this.#lost
    if (this.#reached(offset)) return
    const { clock } = this.#system
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { offset, resolve, reject }
    const timer = clock.after(Math.max(0, deadline - clock.monotonic()), () =>
      reject(new KafkaError('REQUEST_TIMED_OUT', `${this.#settings.topic} was not read to offset ${offset} in time`)),
    )
    this.#waiters.add(waiter)
    try {
      await promise
    } finally {
      timer.cancel()
      this.#waiters.delete(waiter)
    }
  }

  /** Resolves when every record that is durable now has been applied. */
  async readToEnd(timeoutMs: number): Promise<void> {
    const { clock, random } = this.#system
    const deadline = clock.monotonic() + timeoutMs
    const { topic } = this.#settings
    for (let attempt = 0; ; attempt++) {
      const [end] = await this.#client.admin.listOffsets([{ topic, partition: PARTITION, spec: 'latest' }])
      const error = end!.error as ErrorName | null
      if (error === null) return await this.#awaitOffset(end!.offset - 1, deadline)
      if (!isRetriable(error) || this.#stopping.signal.aborted || clock.monotonic() > deadline)
        throw new KafkaError(error, `the end offset of ${topic} is unknown: ${error}`)
      await clock.sleep(backoffMs(RETRY_BACKOFF, attempt, random), this.#stopping.signal)
    }
  }

  /**
   * Resolves when the records are durable and have been applied.
   * @throws KafkaError, and what it has written then is not known; SchemasTopicLost.
   */
  async write(records: readonly TopicWrite[], timeoutMs: number): Promise<void> {
    if (this.#lost) throw this.#lost
    const { topic } = this.#settings
    const { clock } = this.#system
    const end = this.#position
    const deadline = clock.monotonic() + timeoutMs
    const sent = this.#producer.send(
      records.map(({ key, value }) => ({
        topic,
        partition: PARTITION,
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
      })),
    )
    const timer = new AbortController()
    const late = clock.sleep(timeoutMs, timer.signal).then(() => null)
    try {
      const result = await Promise.race([sent, late])
      if (!result) throw new KafkaError('REQUEST_TIMED_OUT', `${topic} did not acknowledge a write within ${timeoutMs} ms`)
      if (result.at(0).offset < end) throw this.#lose()
      await this.#awaitOffset(result.at(result.count - 1).offset, deadline)
    } finally {
      timer.abort()
      // A failure after the deadline has no other listener.
      sent.catch(() => {})
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#polling
    await this.#consumer?.close()
    await this.#client.close()
  }
}
