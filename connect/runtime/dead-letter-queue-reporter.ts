/**
 * The dead-letter topic of a sink: records that could not be taken, as they came, with headers that tell why. A commit waits for what was
 * sent here (Invariant 7).
 */

import { createMissingTopics } from '../../core/client/topic-setup.ts'
import type { Client, Producer, ProducerRecord, ProducerSettings, RecordHeader } from '../../core/client/types.ts'
import type { SinkConfig } from './connector-settings.ts'
import type { RawRecord } from './pipeline.ts'
import type { StageFailure } from './retry-with-tolerance-operator.ts'
import { traceOf } from './worker-task.ts'

/** Java's names of what our stages throw, where tools look for them. */
const javaNames: Readonly<Record<string, string>> = {
  DataException: 'org.apache.kafka.connect.errors.DataException',
  RetriableException: 'org.apache.kafka.connect.errors.RetriableException',
  ConnectException: 'org.apache.kafka.connect.errors.ConnectException',
}

/** Records that wait to be sent together. */
const MAX_WAITING = 1_000

export class DeadLetter {
  readonly #producer: Producer
  readonly #topic: string
  readonly #withHeaders: boolean
  readonly #connector: string
  readonly #task: number
  #waiting: ProducerRecord[] = []
  #sending: Promise<void> = Promise.resolve()
  sent = 0

  private constructor(producer: Producer, config: SinkConfig, connector: string, task: number) {
    this.#producer = producer
    this.#topic = config['errors.deadletterqueue.topic.name']
    this.#withHeaders = config['errors.deadletterqueue.context.headers.enable']
    this.#connector = connector
    this.#task = task
  }

  /** Null where the config names no topic. The topic is created with one partition where it is missing. */
  static async open(
    client: Client,
    config: SinkConfig,
    settings: ProducerSettings,
    connector: string,
    task: number,
  ): Promise<DeadLetter | null> {
    const topic = config['errors.deadletterqueue.topic.name']
    if (topic === '') return null
    const setting = 'errors.deadletterqueue.topic.replication.factor'
    await createMissingTopics(client, [{ name: topic, partitions: 1, replicationFactor: config[setting] }], setting)
    return new DeadLetter(client.producer(settings), config, connector, task)
  }

  report(raw: RawRecord, failure: StageFailure): void {
    const headers = this.#withHeaders ? [...raw.record.headers, ...this.#context(raw, failure)] : raw.record.headers
    const { key, value, timestamp } = raw.record
    this.#waiting.push({ topic: this.#topic, key, value, headers, timestamp: timestamp >= 0 ? timestamp : undefined })
    if (this.#waiting.length >= MAX_WAITING) this.#send()
  }

  #context(raw: RawRecord, { stage, executing, cause }: StageFailure): RecordHeader[] {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const told = {
      topic: raw.topic,
      partition: raw.partition,
      offset: raw.record.offset,
      'connector.name': this.#connector,
      'task.id': this.#task,
      stage,
      'class.name': executing,
      'exception.class.name': javaNames[error.name] ?? error.name,
      'exception.message': error.message,
      'exception.stacktrace': traceOf(error),
    }
    return Object.entries(told).map(([name, value]) => ({ key: `__connect.errors.${name}`, value: Buffer.from(String(value)) }))
  }

  #send(): void {
    if (this.#waiting.length === 0) return
    const records = this.#waiting
    this.#waiting = []
    const sent = this.#producer.send(records).then(() => {
      this.sent += records.length
    })
    const before = this.#sending
    this.#sending = before.then(() => sent)
    // the failure is told to whoever flushes; until then nobody may be listening
    this.#sending.catch(() => {})
    sent.catch(() => {})
  }

  /** Resolves when everything reported is durable; rejects for good where something is not. */
  flush(): Promise<void> {
    this.#send()
    return this.#sending
  }

  /** What was reported goes out also where it failed the task: whoever restarts it looks here first. */
  close(): Promise<void> {
    this.#send()
    return this.#producer.close()
  }
}
