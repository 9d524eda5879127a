/**
 * What a sink reports bad records to (KIP-610). It knows the records of the batches that were delivered since the last flush: their offsets
 * are not committed yet, so that a report is in the dead-letter queue before they are (Invariant 7).
 */
import type { ErrantRecordReporter, SinkRecord } from '../sdk/index.ts'
import type { DeadLetterQueueReporter } from './dead-letter-queue-reporter.ts'
import { loggedOriginal, type OriginalRecord, type SinkBatch } from './pipeline.ts'
import { ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'

/** Kafka Connect's name of the class that fails at TASK_PUT, whatever the connector. */
export const SINK_TASK_CLASS = 'org.apache.kafka.connect.sink.SinkTask'

/** With more records than this since the last flush, the task flushes at once (Invariant 13). */
const MAX_UNFLUSHED_RECORDS = 50_000

interface Delivered extends SinkBatch {
  /** Built at the first report of one of its records. */
  originalOf: Map<SinkRecord, OriginalRecord> | null
}

export class WorkerErrantRecordReporter implements ErrantRecordReporter {
  readonly #deadLetterQueue: DeadLetterQueueReporter | null
  readonly #retryWithTolerance: RetryWithToleranceOperator
  #used = false
  #delivered: Delivered[] = []
  #count = 0
  #failure: ProcessingError | null = null
  #failedReplays = 0

  constructor(deadLetterQueue: DeadLetterQueueReporter | null, retryWithTolerance: RetryWithToleranceOperator) {
    this.#deadLetterQueue = deadLetterQueue
    this.#retryWithTolerance = retryWithTolerance
  }

  /** For the sink. Only from then on are batches kept. */
  use(): ErrantRecordReporter {
    this.#used = true
    return this
  }

  get full(): boolean {
    return this.#count > MAX_UNFLUSHED_RECORDS
  }

  /** The batch is given to the sink now. */
  delivering({ records, originalAt }: SinkBatch): void {
    if (!this.#used) return
    this.#delivered.push({ records, originalAt, originalOf: null })
    this.#count += records.length
  }

  /** The sink has flushed, or it starts again after the last commit. */
  clear(): void {
    this.#delivered = []
    this.#count = 0
  }

  /** How many of the replayed records were reported since the last call. They fail no task. */
  takeFailedReplays(): number {
    const count = this.#failedReplays
    this.#failedReplays = 0
    return count
  }

  /** The error of a report where errors.tolerance is none: it fails the task also where the sink ignores it. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure
  }

  report(record: SinkRecord, cause: Error): Promise<void> {
    const reported = this.#report(record, cause)
    // A sink need not wait for it: the task fails at the next step of its loop.
    reported.catch(() => {})
    return reported
  }

  async #report(record: SinkRecord, cause: Error): Promise<void> {
    const original = this.#originalOf(record)
    if (!original)
      throw new Error(
        `The record ${record.topic}-${record.partition}@${record.offset} cannot be reported: it was flushed before. Report records until ` +
          'flush() resolves.',
      )
    const error = new ProcessingError('TASK_PUT', SINK_TASK_CLASS, cause)
    this.#retryWithTolerance.metrics.failure()
    this.#deadLetterQueue?.report(original, error)
    try {
      if (original.replayOf) {
        this.#failedReplays++
        this.#retryWithTolerance.logFailure(error, () => loggedOriginal(original))
      } else this.#retryWithTolerance.handleFailure(error, () => loggedOriginal(original))
    } catch (failure) {
      this.#failure ??= failure as ProcessingError
      throw failure
    }
    await this.#deadLetterQueue?.flush()
  }

  /** The newest batch is searched first: most sinks report while they write. */
  #originalOf(record: SinkRecord): OriginalRecord | undefined {
    for (let index = this.#delivered.length - 1; index >= 0; index--) {
      const batch = this.#delivered[index]!
      batch.originalOf ??= new Map(batch.records.map((delivered, at) => [delivered, batch.originalAt(at)!]))
      const original = batch.originalOf.get(record)
      if (original) return original
    }
    return undefined
  }
}
