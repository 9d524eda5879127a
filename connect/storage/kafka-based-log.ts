/**
 * A record log on a compacted topic, as Kafka Connect's internal topics are. A missing topic is created; one that would lose records is
 * refused. It is consumed without a group, and followed until it is closed.
 */
import { awaitTopicLeaders, createMissingTopics } from '../../core/client/topic-setup.ts'
import type { Client, Consumer, Producer, TopicMetadata } from '../../core/client/types.ts'
import { type ErrorName, invariant, isRetriable, KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

export interface KafkaBasedLogSettings {
  topic: string
  partitions: number
  /** The order of all records matters. */
  singlePartition?: boolean
  replicationFactor: number
  /** The setting that names the topic, for messages. */
  setting: string
  /** The one of its replication factor; without it, the one that belongs to `setting`. */
  replicationSetting?: string
  /** Records of transactions are read once they are committed. */
  readCommitted?: boolean
}

export interface KafkaBasedLogClients {
  /** Finds and creates the topic. */
  admin: Client
  consumer: Client
  /** Null where nothing is appended. The log does not close it. */
  producer: Producer | null
}

const [READ_UNCOMMITTED, READ_COMMITTED] = [0, 1] as const
const POLL_TIMEOUT_MS = 1_000
const READ_TO_END_TIMEOUT_MS = 60_000
const RETRY_BACKOFF = { baseMs: 100, maxMs: 5_000 }

interface ReadToEndWaiter {
  ends: ReadonlyMap<number, number>
  resolve(): void
}

export class KafkaBasedLog implements RecordLog {
  readonly #clients: KafkaBasedLogClients
  readonly #settings: KafkaBasedLogSettings
  readonly #system: System
  readonly #stopping = new AbortController()
  readonly #waiters = new Set<ReadToEndWaiter>()
  readonly #positions = new Map<number, number>()
  #consumer: Consumer | null = null
  #polling: Promise<void> = Promise.resolve()
  #apply: (entry: LogEntry) => void = () => {}

  constructor(clients: KafkaBasedLogClients, settings: KafkaBasedLogSettings, system: System) {
    this.#clients = clients
    this.#settings = settings
    this.#system = system
  }

  async start(apply: (entry: LogEntry) => void): Promise<void> {
    this.#apply = apply
    const { topic } = this.#settings
    const { count, isNew } = await this.#createTopic()
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    for (const { partition } of partitions) this.#positions.set(partition, 0)
    this.#consumer = this.#clients.consumer.consumer({
      autoOffsetReset: 'earliest',
      maxPollRecords: 10_000,
      fetchMaxWaitMs: 500,
      isolationLevel: this.#settings.readCommitted ? 'read_committed' : 'read_uncommitted',
    })
    this.#consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
    this.#polling = this.#pollLoop(this.#consumer)
    // A new topic has no records, and its leaders may take a while to be elected.
    if (!isNew) await this.#readTo(READ_TO_END_TIMEOUT_MS, this.#settings.readCommitted ? READ_COMMITTED : READ_UNCOMMITTED)
  }

  /** The number of partitions, and whether the topic was created by this call. */
  async #createTopic(): Promise<{ count: number; isNew: boolean }> {
    const { topic, partitions, replicationFactor, setting, replicationSetting } = this.#settings
    const spec = { name: topic, partitions, replicationFactor, configs: { 'cleanup.policy': 'compact' } }
    const created = (
      await createMissingTopics(this.#clients.admin, [spec], replicationSetting ?? setting.replace(/topic$/, 'replication.factor'))
    ).has(topic)
    // A new topic has the requested settings, and no records that would have to be read first.
    if (created && partitions > 0) return { count: partitions, isNew: true }
    const metadata = await awaitTopicLeaders(this.#clients.admin, this.#system.clock, topic, { signal: this.#stopping.signal })
    if (!created) await this.#verifyTopic(metadata)
    return { count: metadata.partitions.length, isNew: false }
  }

  /** Refuses a topic that deletes records by age, and one that has more partitions than the order of its records allows. */
  async #verifyTopic(metadata: TopicMetadata): Promise<void> {
    const { topic, setting, singlePartition } = this.#settings
    if (singlePartition && metadata.partitions.length > 1)
      throw new Error(
        `Topic '${topic}' supplied via the '${setting}' property is required to have a single partition in order to guarantee consistency of ` +
          `connector configurations, but found ${metadata.partitions.length} partitions.`,
      )
    const configs = (await this.#clients.admin.admin.describeTopicConfigs([topic])).get(topic) ?? []
    const policy = configs.find((config) => config.name === 'cleanup.policy')?.value ?? 'compact'
    if (policy !== 'compact')
      throw new Error(
        `Topic '${topic}' supplied via the '${setting}' property is required to have 'cleanup.policy=compact' to guarantee consistency ` +
          `and durability of connector configurations, but found the topic currently has 'cleanup.policy=${policy}'. ` +
          `Continuing would likely result in eventually losing connector configurations and problems restarting this Connect cluster in the future. ` +
          `Change the '${setting}' property in the Connect worker configurations to use a topic with 'cleanup.policy=compact'.`,
      )
  }

  async #pollLoop(consumer: Consumer): Promise<void> {
    let attempt = 0
    while (!this.#stopping.signal.aborted) {
      try {
        for (const batch of await consumer.poll(POLL_TIMEOUT_MS, this.#stopping.signal)) {
          for (const record of batch.records)
            if (record.key)
              this.#apply({ key: record.key.toString('utf8'), value: record.value?.toString('utf8') ?? null, offset: record.offset })
          this.#positions.set(batch.partition, batch.nextOffset)
        }
        attempt = 0
        this.#wake()
      } catch (error) {
        if (this.#stopping.signal.aborted) break
        const delayMs = backoffMs(RETRY_BACKOFF, attempt++, this.#system.random)
        this.#system.logger.warn({ err: error, topic: this.#settings.topic, delayMs }, 'an internal topic could not be read; retrying')
        await this.#system.clock.sleep(delayMs, this.#stopping.signal)
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

  /** The consumer may be past offsets without records, which compaction and control batches leave. */
  #position(partition: number): number {
    const consumed = this.#consumer?.position({ topic: this.#settings.topic, partition })
    return Math.max(this.#positions.get(partition) ?? 0, consumed ?? 0)
  }

  /** Waits for the end of transactions that are open now: what was committed before the call may lie behind their first records. */
  readToEnd(timeoutMs = READ_TO_END_TIMEOUT_MS): Promise<void> {
    return this.#readTo(timeoutMs, READ_UNCOMMITTED)
  }

  async #readTo(timeoutMs: number, isolationLevel: 0 | 1): Promise<void> {
    const { topic } = this.#settings
    const ends = await this.#endOffsets(this.#system.clock.monotonic() + timeoutMs, isolationLevel)
    if (this.#reached(ends)) return
    await new Promise<void>((resolve, reject) => {
      const waiter: ReadToEndWaiter = {
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

  /** The end offset of each partition. Retries while a partition has no leader. */
  async #endOffsets(deadline: number, isolationLevel: 0 | 1): Promise<Map<number, number>> {
    const { topic } = this.#settings
    const partitions = [...this.#positions.keys()].map((partition) => ({ topic, partition, spec: 'latest' as const }))
    for (let attempt = 0; ; attempt++) {
      const ends = await this.#clients.admin.admin.listOffsets(partitions, isolationLevel)
      const failed = ends.find((end) => end.error !== null)
      if (!failed) return new Map(ends.map(({ partition, offset }) => [partition, offset]))
      const error = failed.error as ErrorName
      if (!isRetriable(error) || this.#stopping.signal.aborted || this.#system.clock.monotonic() > deadline)
        throw new KafkaError(error, `the end offset of ${topic}-${failed.partition} is unknown: ${error}`)
      await this.#system.clock.sleep(backoffMs(RETRY_BACKOFF, attempt, this.#system.random), this.#stopping.signal)
    }
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    const { topic } = this.#settings
    invariant(this.#clients.producer, `the log of ${topic} is read only`)
    await this.#clients.producer.send(
      records.map(({ key, value }) => ({ topic, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) })),
    )
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#polling
    await this.#consumer?.close()
  }
}
