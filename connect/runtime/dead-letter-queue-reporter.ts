/**
 * Writes records that a sink could not process to its dead-letter queue. Offsets are committed only after `flush` (Invariant 7). The caller
 * gives it the producer: its own, or the one of a transaction.
 */
import { createMissingTopics } from '../../core/client/topic-setup.ts'
import type { Client, Producer, ProducerRecord } from '../../core/client/types.ts'
import type { TaskContext } from '../sdk/index.ts'
import type { DeadLetterConfig } from './connector-settings.ts'
import { type LetterContext, sinkLetter } from './dead-letter.ts'
import type { ErrorMetrics } from './error-metrics.ts'
import type { OriginalRecord } from './pipeline.ts'
import type { ProcessingError } from './retry-with-tolerance-operator.ts'

/** At most this many records wait to be sent (Invariant 13). */
const MAX_UNSENT_RECORDS = 1_000

type ReporterContext = LetterContext & Pick<TaskContext<unknown>, 'log'>

/** Creates the topic of a dead-letter queue, with one partition, where it is missing. */
export async function createDeadLetterTopic(admin: Client, config: DeadLetterConfig): Promise<void> {
  const setting = 'errors.deadletterqueue.topic.replication.factor'
  const name = config['errors.deadletterqueue.topic.name']
  await createMissingTopics(admin, [{ name, partitions: 1, replicationFactor: config[setting] }], setting)
}

export class DeadLetterQueueReporter {
  readonly #producer: Producer
  readonly #topic: string
  readonly #withHeaders: boolean
  readonly #context: ReporterContext
  readonly #metrics: ErrorMetrics
  #unsent: ProducerRecord[] = []
  #sending: Promise<void> = Promise.resolve()

  /** It closes the producer. */
  constructor(producer: Producer, config: DeadLetterConfig, context: ReporterContext, metrics: ErrorMetrics) {
    this.#producer = producer
    this.#topic = config['errors.deadletterqueue.topic.name']
    this.#withHeaders = config['errors.deadletterqueue.context.headers.enable']
    this.#context = context
    this.#metrics = metrics
  }

  report(original: OriginalRecord, error: ProcessingError): void {
    this.#unsent.push(sinkLetter(this.#topic, this.#withHeaders, original, error, this.#context))
    this.#metrics.deadLetters(1)
    if (this.#unsent.length >= MAX_UNSENT_RECORDS) this.#send()
  }

  #send(): void {
    if (this.#unsent.length === 0) return
    const records = this.#unsent
    this.#unsent = []
    const sent = this.#producer.send(records)
    sent.catch(() => this.#metrics.deadLetterFailures(records.length))
    this.#sending = Promise.all([this.#sending, sent]).then(() => {})
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
