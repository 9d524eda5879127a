/**
 * Sends the records of an at-least-once source, and decides about those that the producer could not send: with errors.tolerance=all each is
 * skipped, once its dead letter is in Kafka where the source has them; else it fails the task. A letter is never a letter again.
 */
import type { ProduceOptions, Producer, ProducerRecord, SendFailure, SendResult } from '../../core/client/types.ts'
import { Condition } from '../../core/system/condition.ts'
import type { Position, TaskLogger } from '../sdk/index.ts'
import { loggedSource } from './pipeline.ts'
import type { RecordOutcomes } from './record-outcomes.ts'
import { isTooLarge } from './refusal-reason.ts'
import { ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { type ConvertedRecords, SENDING_CLASS } from './source-conversion.ts'
import type { SourceDeadLetters } from './source-dead-letters.ts'
import type { TaskProgress } from './task-progress.ts'

/** No further batch is read while more than this is sent and not acknowledged (Invariant 13). */
export const MAX_UNACKED_RECORDS = 10_000
/** More than a batch of a snapshot, so that one is read while the one before is sent. */
export const MAX_UNACKED_BYTES = 12 * 1024 * 1024

export interface SourceSendsOptions {
  producer: Producer
  deadLetters: SourceDeadLetters | null
  retryWithTolerance: RetryWithToleranceOperator
  context: { log: TaskLogger }
  onAcknowledged(records: number): void
  /** Called with what the task must fail with. */
  fail(error: Error): void
}

/** A batch that is sent. `ack` is called when it is in Kafka, or what of it is not may be skipped. */
export interface SentBatch {
  converted: ConvertedRecords
  positions: readonly Position[]
  outcomes: RecordOutcomes | null
  /** With what became of each record, where the producer knows. */
  ack(result: SendResult | null): void
}

/** What is kept of it until then: its records are in the producer's batches. */
interface UnackedBatch extends Omit<SentBatch, 'converted'>, Omit<ConvertedRecords, 'records'> {
  count: number
}

export class SourceSends {
  readonly #options: SourceSendsOptions
  readonly #sendOptions: ProduceOptions
  readonly #done = new Condition()
  #unackedRecords = 0
  #unackedBytes = 0
  #refused = false

  constructor(options: SourceSendsOptions) {
    this.#options = options
    const onRefused = () => {
      this.#refused = true
    }
    this.#sendOptions = options.retryWithTolerance.skipsFailedRecords ? {} : { onRefused }
  }

  /** The producer has refused a record, and the task will fail: as in Kafka Connect, nothing is sent after it. */
  get refused(): boolean {
    return this.#refused
  }

  async allDone(): Promise<void> {
    await this.#done.until(() => this.#unackedRecords <= 0)
  }

  /** Resolves when a further batch may be read. */
  async mayReadOn(): Promise<void> {
    const may = () => this.#unackedRecords <= MAX_UNACKED_RECORDS && this.#unackedBytes <= MAX_UNACKED_BYTES
    if (!may()) await this.#done.until(may)
  }

  send({ converted: { records, ...rest }, ...batch }: SentBatch, progress: TaskProgress): void {
    this.#begin(records.length, rest.bytes, progress)
    // Where a source refuses records one by one, those after them are sent.
    const sent = this.#options.producer.send(records, batch.outcomes?.mayRefuse ? {} : this.#sendOptions)
    this.#onSent(sent, { ...batch, ...rest, count: records.length }, progress)
  }

  #onSent(sent: Promise<SendResult>, batch: UnackedBatch, progress: TaskProgress): void {
    const { count, bytes, letters } = batch
    sent.then(
      (result) => {
        this.#options.onAcknowledged(count - letters)
        this.#end(count, bytes, progress, () => batch.ack(result))
      },
      (error: Error & Partial<SendFailure>) => this.#end(count, bytes, progress, () => this.#onFailed(error, batch, progress)),
    )
  }

  #begin(records: number, bytes: number, progress: TaskProgress): void {
    this.#unackedRecords += records
    this.#unackedBytes += bytes
    progress.begin('produce')
  }

  #end(records: number, bytes: number, progress: TaskProgress, then: () => void): void {
    // What it sends is on its way before the batch counts as done.
    then()
    this.#unackedRecords -= records
    this.#unackedBytes -= bytes
    if (this.#unackedRecords > 0) progress.advance('produce')
    else progress.end('produce')
    this.#done.notify()
  }

  #onFailed(error: Error & Partial<SendFailure>, batch: UnackedBatch, progress: TaskProgress): void {
    const { onAcknowledged, retryWithTolerance, fail } = this.#options
    const { count, letters } = batch
    const own = count - letters
    // A producer that is closed rejects without a result: none of the records is known to be acknowledged.
    const failures: readonly (readonly [number, Error])[] = error.result
      ? [...(error.result.failures ?? [])]
      : Array.from({ length: count }, (_, index) => [index, error] as const)
    const failed = failures.filter(([index]) => index < own)
    const lostLetters = failures.length - failed.length
    onAcknowledged(own - failed.length)
    retryWithTolerance.metrics.deadLetterFailures(lostLetters)
    // Invariant 6: no position goes past a letter that is lost, whatever errors.tolerance says.
    if (lostLetters > 0) {
      fail(error)
      return
    }
    try {
      this.#tolerate(failed, error.result ?? null, batch, progress)
    } catch (failure) {
      fail(failure as Error)
    }
  }

  /** Throws where errors.tolerance is none. */
  #tolerate(failed: readonly (readonly [number, Error])[], result: SendResult | null, batch: UnackedBatch, progress: TaskProgress): void {
    const { retryWithTolerance, deadLetters } = this.#options
    const { sources } = batch
    const letters: ProducerRecord[] = []
    for (const [index, cause] of failed) {
      const error = new ProcessingError('KAFKA_PRODUCE', SENDING_CLASS, cause)
      const given = sources?.indexes[index]
      const source = given === undefined ? undefined : sources!.given[given]
      const logged = () =>
        source ? loggedSource(source) : { text: 'where the records of a batch were sent', details: { topic: result?.at(index).topic } }
      retryWithTolerance.metrics.failure()
      if (given !== undefined && retryWithTolerance.mayBeRefused(error) && batch.outcomes?.refused(given, cause)) {
        retryWithTolerance.handleRefused(error, logged)
        continue
      }
      if (given !== undefined) batch.outcomes?.rejected(given, cause)
      try {
        retryWithTolerance.handleFailure(error, logged)
      } catch (failure) {
        batch.outcomes?.failed(cause)
        throw failure
      }
      if (deadLetters && source) letters.push(deadLetters.letter(source, batch.positions, error))
    }
    const ack = () => batch.ack(result)
    if (letters.length === 0) ack()
    else void this.#sendLetters(letters, ack, progress)
  }

  /** Never rejects. */
  async #sendLetters(letters: readonly ProducerRecord[], ack: () => void, progress: TaskProgress): Promise<void> {
    const { producer, deadLetters, retryWithTolerance, context, fail } = this.#options
    this.#begin(letters.length, 0, progress)
    let then = ack
    try {
      await deadLetters!.ready()
      await producer.send(letters)
    } catch (failure) {
      const error = failure as Error & Partial<SendFailure>
      const lost = [...(error.result?.failures?.values() ?? [error])]
      retryWithTolerance.metrics.deadLetterFailures(lost.length)
      // Nothing mends it: a task that failed for it would fail again after each restart.
      if (lost.every(isTooLarge)) context.log.error('records are too large for the dead-letter queue too, and are skipped', { err: error })
      else then = () => fail(error)
    }
    this.#end(letters.length, 0, progress, then)
  }
}
