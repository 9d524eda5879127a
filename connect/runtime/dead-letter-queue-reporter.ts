/**
 * Writes records that a sink could not process to its dead-letter queue: unchanged, with headers that give the reason. Offsets are
 * committed only after `flush` (Invariant 7).
 */
import { createMissingTopics } from '../../core/client/topic-setup.ts'
import type { Client, Producer, ProducerRecord, ProducerSettings, RecordHeader } from '../../core/client/types.ts'
import type { TaskContext } from '../sdk/index.ts'
import type { SinkConfig } from './connector-settings.ts'
import type { OriginalRecord } from './pipeline.ts'
import type { ProcessingError } from './retry-with-tolerance-operator.ts'
import { traceOf } from './worker-task.ts'

/** The Java classes of our errors, which tools expect in the headers. */
const javaClasses: Readonly<Record<string, string>> = {
  DataException: 'org.apache.kafka.connect.errors.DataException',
  RetriableException: 'org.apache.kafka.connect.errors.RetriableException',
  ConnectException: 'org.apache.kafka.connect.errors.ConnectException',
}

/** At most this many records wait to be sent (Invariant 13). */
const MAX_UNSENT_RECORDS = 1_000

type ReporterContext = Pick<TaskContext<unknown>, 'connector' | 'task' | 'log'>

export class DeadLetterQueueReporter {
  readonly #producer: Producer
  readonly #topic: string
  readonly #withHeaders: boolean
  readonly #context: ReporterContext
  #unsent: ProducerRecord[] = []
  #sending: Promise<void> = Promise.resolve()

  private constructor(producer: Producer, config: SinkConfig, context: ReporterContext) {
    this.#producer = producer
    this.#topic = config['errors.deadletterqueue.topic.name']
    this.#withHeaders = config['errors.deadletterqueue.context.headers.enable']
    this.#context = context
  }

  /** Null where the config names no topic. A missing topic is created with one partition. */
  static async open(
    clients: { readonly admin: Client; readonly producer: Client },
    config: SinkConfig,
    settings: ProducerSettings,
    context: ReporterContext,
  ): Promise<DeadLetterQueueReporter | null> {
    const topic = config['errors.deadletterqueue.topic.name']
    if (topic === '') return null
    const setting = 'errors.deadletterqueue.topic.replication.factor'
    await createMissingTopics(clients.admin, [{ name: topic, partitions: 1, replicationFactor: config[setting] }], setting)
    return new DeadLetterQueueReporter(clients.producer.producer(settings), config, context)
  }

  report(original: OriginalRecord, error: ProcessingError): void {
    const { key, value, timestamp } = original.record
    const headers = this.#withHeaders ? [...original.record.headers, ...this.#contextHeaders(original, error)] : original.record.headers
    this.#unsent.push({ topic: this.#topic, key, value, headers, timestamp: timestamp >= 0 ? timestamp : undefined })
    if (this.#unsent.length >= MAX_UNSENT_RECORDS) this.#send()
  }

  #contextHeaders({ topic, partition, record }: OriginalRecord, { stage, executing, cause }: ProcessingError): RecordHeader[] {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const values = {
      topic,
      partition,
      offset: record.offset,
      'connector.name': this.#context.connector,
      'task.id': this.#context.task,
      stage,
      'class.name': executing,
      'exception.class.name': javaClasses[error.name] ?? error.name,
      'exception.message': error.message,
      'exception.stacktrace': traceOf(error),
    }
    return Object.entries(values).map(([name, value]) => ({ key: `__connect.errors.${name}`, value: Buffer.from(String(value)) }))
  }

  #send(): void {
    if (this.#unsent.length === 0) return
    const records = this.#unsent
    this.#unsent = []
    this.#sending = Promise.all([this.#sending, this.#producer.send(records)]).then(() => {})
    // An error that nothing awaits yet must not end the process. The next flush throws it, and close logs it.
    this.#sending.catch(() => {})
  }

  /** Resolves when all that was reported is durable; rejects for good where something is not. */
  async flush(): Promise<void> {
    this.#send()
    await this.#sending
  }

  /** Sends what was reported also where it failed the task: users look in the dead-letter queue before they restart it. */
  async close(): Promise<void> {
    this.#send()
    await this.#producer.close()
    await this.#sending.catch((error) => {
      this.#context.log.error(`records could not be written to the dead-letter queue ${this.#topic}`, { err: error })
    })
  }
}
