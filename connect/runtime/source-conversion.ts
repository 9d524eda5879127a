/**
 * From the records of a source to those of the producer: transformations, converters, and topics that exist. What fails becomes a dead
 * letter in the same batch. Both kinds of source tasks use it. It sends nothing.
 */
import type { ProducerRecord } from '../../core/client/types.ts'
import { KafkaError } from '../../core/errors.ts'
import { recordSizeBound } from '../../core/wire/record-batch.ts'
import type { Position, SourceRecord } from '../sdk/index.ts'
import type { DeadLetter } from './dead-letter.ts'
import { loggedSource, type Pipeline } from './pipeline.ts'
import type { RecordOutcomes } from './record-outcomes.ts'
import { ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { convertLetters, type SourceDeadLetters } from './source-dead-letters.ts'
import type { TopicCreation } from './topic-creation.ts'

/** The bytes of a record besides its key and value. */
const RECORD_OVERHEAD_BYTES = 64
/** As Kafka Connect names what sends the records of a source. */
export const SENDING_CLASS = 'org.apache.kafka.connect.runtime.WorkerSourceTask'

export interface ConvertedRecords {
  /** The dead letters are the last of them: one acknowledgement, or one transaction, covers both (Invariant 6). */
  records: ProducerRecord[]
  /** How many of `records` are dead letters. */
  letters: number
  /** What the other records were converted from; null where nobody asks. */
  sources: ConvertedFrom | null
  bytes: number
}

export interface ConvertedFrom {
  readonly given: readonly SourceRecord[]
  /** Of each converted record in `given`: records that a transform drops, or that are skipped, are missing. */
  readonly indexes: readonly number[]
}

export interface SourceConversionOptions {
  pipeline: Pipeline
  deadLetters: SourceDeadLetters | null
  retryWithTolerance: RetryWithToleranceOperator
  topics: TopicCreation
  /** Called for each run of records to the same topic. */
  recordActiveTopic(topic: string): void
  /** Throws where the task must not write to a topic. Called once for each topic. */
  checkTopic?(topic: string): void
  /** Where a record that the producer does not take fails the task: the producer's max.request.size. */
  maxRecordBytes?: number
  /** Sends the letters of a batch that fails the task. A task whose transaction is aborted then cannot. */
  sendLastLetters?(letters: readonly ProducerRecord[]): Promise<void>
}

const sizeOf = ({ key, value }: ProducerRecord): number => (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES

export class SourceConversion {
  readonly #options: SourceConversionOptions
  readonly #ensuredTopics = new Set<string>()
  readonly #replayPipeline: Pipeline

  constructor(options: SourceConversionOptions) {
    this.#options = options
    this.#replayPipeline = options.pipeline.another()
  }

  /** `positions` are those after the records. */
  async convert(
    sourceRecords: readonly SourceRecord[],
    positions: readonly Position[],
    outcomes: RecordOutcomes | null = null,
  ): Promise<ConvertedRecords> {
    const { pipeline, deadLetters, retryWithTolerance, sendLastLetters } = this.#options
    const letters: ProducerRecord[] = []
    const indexes: number[] | null = deadLetters || outcomes ? [] : null
    let records: ProducerRecord[]
    try {
      const onFailure = (record: SourceRecord, error: ProcessingError, index: number) => {
        if (retryWithTolerance.mayBeRefused(error) && outcomes?.refused(index, error)) return true
        if (deadLetters) letters.push(deadLetters.letter(record, positions, error))
        outcomes?.rejected(index, error)
        return false
      }
      records = await pipeline.toKafka(sourceRecords, onFailure, indexes)
    } catch (error) {
      if (letters.length > 0) await sendLastLetters?.(letters)
      outcomes?.failed(error)
      throw error
    }
    if (outcomes?.mayRefuse) await this.#refuseUnsendable(records, indexes!, sourceRecords, outcomes)
    return await this.#prepared(records, letters, indexes && { given: sourceRecords, indexes })
  }

  /** Converts dead letters again. What fails again is a new letter, whatever errors.tolerance says. */
  async convertLetters(replayed: readonly DeadLetter[]): Promise<ConvertedRecords> {
    const { deadLetters, retryWithTolerance } = this.#options
    if (!deadLetters) throw new Error('the source has no errors.deadletterqueue.topic.name')
    const { records, letters } = await convertLetters(this.#replayPipeline, deadLetters, retryWithTolerance, replayed)
    return await this.#prepared(records, letters, null)
  }

  /** Drops the records that their source refuses because they can never be sent: their topic cannot be had, or they are too large. */
  async #refuseUnsendable(
    records: ProducerRecord[],
    indexes: number[],
    given: readonly SourceRecord[],
    outcomes: RecordOutcomes,
  ): Promise<void> {
    const { retryWithTolerance } = this.#options
    let kept = 0
    for (let at = 0; at < records.length; at++) {
      const [record, index] = [records[at]!, indexes[at]!]
      const problem = await this.#sendProblem(record)
      const failure = problem && new ProcessingError('KAFKA_PRODUCE', SENDING_CLASS, problem)
      if (failure && retryWithTolerance.mayBeRefused(failure) && outcomes.refused(index, failure)) {
        retryWithTolerance.metrics.failure()
        retryWithTolerance.handleRefused(failure, () => loggedSource(given[index]!))
        continue
      }
      records[kept] = record
      indexes[kept++] = index
    }
    records.length = kept
    indexes.length = kept
  }

  /** Why a record can never be sent; null where it may be. */
  async #sendProblem(record: ProducerRecord): Promise<Error | null> {
    const { maxRecordBytes = Number.POSITIVE_INFINITY } = this.#options
    const bytes = recordSizeBound(record)
    if (bytes > maxRecordBytes)
      return new KafkaError(
        'MESSAGE_TOO_LARGE',
        `a record of about ${bytes} bytes for ${record.topic}: max.request.size is ${maxRecordBytes}`,
      )
    try {
      this.#options.checkTopic?.(record.topic)
      await this.#options.topics.ensure(record.topic)
      return null
    } catch (error) {
      // Where the source does not refuse the record, the topic is asked for again, and fails the task.
      return error as Error
    }
  }

  /** The topics of the records and of the letters exist. */
  async #prepared(records: ProducerRecord[], letters: readonly ProducerRecord[], sources: ConvertedFrom | null): Promise<ConvertedRecords> {
    if (letters.length > 0) await this.#options.deadLetters?.ready()
    let lastTopic = ''
    let bytes = 0
    for (const record of records) {
      if (record.topic !== lastTopic) {
        lastTopic = record.topic
        await this.#ensureTopic(lastTopic)
      }
      bytes += sizeOf(record)
    }
    for (const letter of letters) {
      bytes += sizeOf(letter)
      records.push(letter)
    }
    return { records, letters: letters.length, sources, bytes }
  }

  async #ensureTopic(topic: string): Promise<void> {
    if (!this.#ensuredTopics.has(topic)) {
      this.#options.checkTopic?.(topic)
      await this.#options.topics.ensure(topic)
    }
    this.#ensuredTopics.add(topic)
    this.#options.recordActiveTopic(topic)
  }
}
