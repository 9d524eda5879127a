/**
 * A record log on a compacted topic, as Kafka Connect keeps its internal topics. The topic is created where it is missing and refused where
 * it would forget records. It is read by position, without a group, and followed until closed.
 */
import { awaitTopicLeaders, createMissingTopics } from '../../core/client/topic-setup.ts'
import type { Client, Consumer, Producer, TopicMetadata } from '../../core/client/types.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

export interface TopicLogSettings {
  topic: string
  partitions: number
  /** The order of all its records counts. */
  onePartition?: boolean
  replicationFactor: number
  /** The setting that named the topic, for messages. */
  setting: string
}

/** How long one poll waits for records. */
const POLL_MS = 1_000
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

interface Waiter {
  ends: ReadonlyMap<number, number>
  resolve(): void
}

export class TopicLog implements RecordLog {
  readonly #client: Client
  readonly #producer: Producer
  readonly #settings: TopicLogSettings
  readonly #system: System
  readonly #stopping = new AbortController()
  readonly #waiters = new Set<Waiter>()
  readonly #positions = new Map<number, number>()
  #consumer: Consumer | null = null
  #following: Promise<void> = Promise.resolve()
  #apply: (entry: LogEntry) => void = () => {}

  /** The producer is the worker's: it stays open when this closes. */
  constructor(client: Client, producer: Producer, settings: TopicLogSettings, system: System) {
    this.#client = client
    this.#producer = producer
    this.#settings = settings
    this.#system = system
  }

  async start(apply: (entry: LogEntry) => void): Promise<void> {
    this.#apply = apply
    const { topic } = this.#settings
    const { count, isNew } = await this.#ensureTopic()
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    for (const { partition } of partitions) this.#positions.set(partition, 0)
    this.#consumer = this.#client.consumer({ autoOffsetReset: 'earliest', maxPollRecords: 10_000, fetchMaxWaitMs: 500 })
    this.#consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
    this.#following = this.#follow(this.#consumer)
    // what did not exist holds nothing, and its leaders may take a while to begin
    if (!isNew) await this.readToEnd()
  }

  /** How many partitions the topic has, and whether it was made just now. */
  async #ensureTopic(): Promise<{ count: number; isNew: boolean }> {
    const { topic, partitions, replicationFactor, setting } = this.#settings
    const spec = { name: topic, partitions, replicationFactor, configs: { 'cleanup.policy': 'compact' } }
    const created = (await createMissingTopics(this.#client, [spec], setting.replace(/topic$/, 'replication.factor'))).has(topic)
    // A new topic has the requested settings, and no records that would have to be read first.
    if (created && partitions > 0) return { count: partitions, isNew: true }
    const found = await awaitTopicLeaders(this.#client, this.#system.clock, topic, { signal: this.#stopping.signal })
    if (!created) await this.#refuseUnfit(found)
    return { count: found.partitions.length, isNew: false }
  }

  /** A topic that deletes by age would lose connectors and positions, and one with more partitions than order allows would mix them up. */
  async #refuseUnfit(found: TopicMetadata): Promise<void> {
    const { topic, setting, onePartition } = this.#settings
    if (onePartition && found.partitions.length > 1)
      throw new Error(
        `Topic '${topic}' supplied via the '${setting}' property is required to have a single partition in order to guarantee consistency of ` +
          `connector configurations, but found ${found.partitions.length} partitions.`,
      )
    const configs = (await this.#client.admin.describeTopicConfigs([topic])).get(topic) ?? []
    const policy = configs.find((config) => config.name === 'cleanup.policy')?.value ?? 'compact'
    if (policy !== 'compact')
      throw new Error(
        `Topic '${topic}' supplied via the '${setting}' property is required to have 'cleanup.policy=compact' to guarantee consistency ` +
          `and durability of connector configurations, but found the topic currently has 'cleanup.policy=${policy}'. ` +
          `Continuing would likely result in eventually losing connector configurations and problems restarting this Connect cluster in the future. ` +
          `Change the '${setting}' property in the Connect worker configurations to use a topic with 'cleanup.policy=compact'.`,
      )
  }

  async #follow(consumer: Consumer): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!this.#stopping.signal.aborted) {
      try {
        for (const batch of await consumer.poll(POLL_MS, this.#stopping.signal)) {
          for (const record of batch.records)
            if (record.key)
              this.#apply({ key: record.key.toString('utf8'), value: record.value?.toString('utf8') ?? null, offset: record.offset })
          this.#positions.set(batch.partition, batch.nextOffset)
        }
        retryMs = FIRST_RETRY_MS
        this.#wake()
      } catch (error) {
        if (this.#stopping.signal.aborted) break
        this.#system.logger.warn({ err: error, topic: this.#settings.topic, retryMs }, 'an internal topic could not be read; trying again')
        await this.#system.clock.sleep(retryMs, this.#stopping.signal)
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
      }
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (this.#reached(waiter.ends)) waiter.resolve()
  }

  #reached(ends: ReadonlyMap<number, number>): boolean {
    for (const [partition, end] of ends) if (this.#position(partition) < end) return false
    return true
  }

  /** A consumer may have moved past what holds no records (compaction, control batches). */
  #position(partition: number): number {
    const moved = this.#consumer?.position({ topic: this.#settings.topic, partition })
    return Math.max(this.#positions.get(partition) ?? 0, moved ?? 0)
  }

  async readToEnd(timeoutMs = 60_000): Promise<void> {
    const { topic } = this.#settings
    const ends = await this.#ends(this.#system.clock.monotonic() + timeoutMs)
    if (this.#reached(ends)) return
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        ends,
        resolve: () => {
          timer.cancel()
          this.#waiters.delete(waiter)
          resolve()
        },
      }
      const timer = this.#system.clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter)
        reject(new KafkaError('REQUEST_TIMED_OUT', `${topic} was not read to its end within ${timeoutMs} ms`))
      })
      this.#waiters.add(waiter)
    })
  }

  /** Where each partition ends now. A leader that moves or restarts is asked again. */
  async #ends(deadline: number): Promise<Map<number, number>> {
    const { topic } = this.#settings
    const asked = [...this.#positions.keys()].map((partition) => ({ topic, partition, spec: 'latest' as const }))
    for (;;) {
      const told = await this.#client.admin.listOffsets(asked)
      const failed = told.find((end) => end.error !== null)
      if (!failed) return new Map(told.map(({ partition, offset }) => [partition, offset]))
      const error = failed.error as ErrorName
      if (!isRetriable(error) || this.#stopping.signal.aborted || this.#system.clock.monotonic() > deadline)
        throw new KafkaError(error, `the end of ${topic}-${failed.partition}: ${error}`)
      await this.#system.clock.sleep(FIRST_RETRY_MS, this.#stopping.signal)
    }
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    const { topic } = this.#settings
    await this.#producer.send(
      records.map(({ key, value }) => ({ topic, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) })),
    )
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#following
    await this.#consumer?.close()
  }
}
