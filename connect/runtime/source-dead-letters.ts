/**
 * The dead letters of a source, which Kafka Connect does not have: records whose conversion or transforms failed. It only makes them: the
 * task sends them with the batch that they belong to, so that its position is stored after they are acknowledged (Invariant 6).
 */
import type { ProducerRecord, TopicPartition } from '../../core/client/types.ts'
import { type Converter, type Position, parseSettings, type SourceRecord } from '../sdk/index.ts'
import type { DeadLetterConfig } from './connector-settings.ts'
import { type DeadLetter, type LetterContext, positionsOf, replayedSourceRecord, sourceLetter } from './dead-letter.ts'
import type { ErrorMetrics } from './error-metrics.ts'
import { loggedSource, type Pipeline } from './pipeline.ts'
import { ProcessingError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'

/** JsonConverter with schemas, which keeps a null that its field has a default for. Loaded where a source has letters. */
export async function letterConverter(): Promise<Converter> {
  const { default: json } = await import('../converters/json.ts')
  const settings = parseSettings(json.settings, { 'schemas.enable': 'true', 'replace.null.with.default': 'false' })
  return json.create(settings, false)
}

export class SourceDeadLetters {
  readonly #config: DeadLetterConfig
  readonly #json: Converter
  readonly #context: LetterContext
  readonly #metrics: ErrorMetrics
  readonly #createTopic: () => Promise<void>
  #isReady = false

  /** `createTopic` creates the topic where it is missing. */
  constructor(config: DeadLetterConfig, json: Converter, context: LetterContext, metrics: ErrorMetrics, createTopic: () => Promise<void>) {
    this.#createTopic = createTopic
    this.#config = config
    this.#json = json
    this.#context = context
    this.#metrics = metrics
  }

  /** Resolves when the topic exists. Rejects where it cannot be created: a source that has no letters does not need it. */
  async ready(): Promise<void> {
    if (this.#isReady) return
    await this.#createTopic()
    this.#isReady = true
  }

  /** `positions` are those after the record's batch. */
  letter(
    record: SourceRecord,
    positions: readonly Position[],
    error: ProcessingError,
    replayOf?: TopicPartition & { offset: number },
  ): ProducerRecord {
    this.#metrics.deadLetters(1)
    const { 'errors.deadletterqueue.topic.name': topic, 'errors.deadletterqueue.context.headers.enable': withContext } = this.#config
    return sourceLetter(topic, withContext, this.#json, record, positions, error, this.#context, replayOf)
  }

  /** The record of a letter, as the connector gave it. */
  recordOf = (letter: DeadLetter): SourceRecord => replayedSourceRecord(letter, this.#json)
}

/** Converts dead letters again. What fails again is a new letter, whatever errors.tolerance says. */
export async function convertLetters(
  pipeline: Pipeline,
  deadLetters: SourceDeadLetters,
  retryWithTolerance: RetryWithToleranceOperator,
  letters: readonly DeadLetter[],
): Promise<{ records: ProducerRecord[]; letters: readonly ProducerRecord[] }> {
  const records: ProducerRecord[] = []
  const again: ProducerRecord[] = []
  for (const letter of letters) {
    const record = deadLetters.recordOf(letter)
    try {
      const converted = await pipeline.replayToKafka(record)
      if (converted) records.push(converted)
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error
      const { topic, partition } = letter
      again.push(deadLetters.letter(record, positionsOf(letter.record), error, { topic, partition, offset: letter.record.offset }))
      retryWithTolerance.logFailure(error, () => loggedSource(record))
    }
  }
  return { records, letters: again }
}
