/**
 * Applies transformations and converters to the records between connector and Kafka, a batch at a time. It does not await per record: only
 * a record that fails costs more.
 */
import type { ConsumedBatch, ConsumedRecord, ProducerRecord, RecordHeader, TopicPartition } from '../../core/client/types.ts'
import {
  type ConnectRecord,
  type Converter,
  DataError,
  type Header,
  SchemaPending,
  type SinkRecord,
  type SourceRecord,
  type Transform,
} from '../sdk/index.ts'
import { type LoggedRecord, ProcessingError, type RetryWithToleranceOperator, type Stage } from './retry-with-tolerance-operator.ts'

export interface TransformationStage {
  class: string
  apply: Transform
}

export interface Conversion {
  transformations: readonly TransformationStage[]
  key: Converter
  value: Converter
  header: Converter
  /** The converters' class names, for error reports. */
  classes: Readonly<Record<'key' | 'value' | 'header', string>>
}

/** A consumed record before its conversion. */
export interface OriginalRecord {
  topic: string
  partition: number
  record: ConsumedRecord
  /** The dead letter that is replayed. */
  replayOf?: TopicPartition & { offset: number }
}

/** Called for each failed record, before it is skipped or fails the task. */
export type OnFailure = (original: OriginalRecord, error: ProcessingError) => void
/** True where the source has refused the record to its sender. */
export type OnSourceFailure = (record: SourceRecord, error: ProcessingError, index: number) => boolean

export interface SinkBatch {
  records: SinkRecord[]
  /** A record before its conversion. Nearly none is asked for, so that they are not made before. */
  originalAt(index: number): OriginalRecord | undefined
}

/** The records of a batch for which `kept` is true. */
export function keptOf({ records, originalAt }: SinkBatch, kept: readonly boolean[]): SinkBatch {
  const indexes = records.map((_, index) => index).filter((index) => kept[index])
  return { records: indexes.map((index) => records[index]!), originalAt: (index) => originalAt(indexes[index] ?? -1) }
}

/** Where the records of a batch begin among those of all. */
interface Run {
  readonly from: number
  readonly batch: ConsumedBatch
}

function originalAt(runs: readonly Run[], consumed: readonly ConsumedRecord[], index: number): OriginalRecord | undefined {
  const record = consumed[index]
  const run = runs.findLast(({ from }) => from <= index)
  return record && run && { topic: run.batch.topic, partition: run.batch.partition, record }
}

/** A consumed record in the log, without its data, as Kafka Connect writes it. */
export function loggedOriginal({ topic, partition, record: { offset, timestamp, timestampType } }: OriginalRecord): LoggedRecord {
  return {
    text: `where consumed record is {topic='${topic}', partition=${partition}, offset=${offset}, timestamp=${timestamp}, timestampType=${timestampType}}`,
    details: { topic, partition, offset },
  }
}

/** A source record in the log, with its data, as in Kafka Connect: nothing else says which one it is. */
export function loggedSource({ topic, partition, key, value, timestamp }: SourceRecord): LoggedRecord {
  return {
    text: `where source record is = SourceRecord{topic='${topic}', kafkaPartition=${partition}, timestamp=${timestamp}}`,
    details: { topic, key, value },
  }
}

/** A record needs few schemas: one that asks for more would wait forever. */
const MAX_SCHEMA_ROUNDS = 16
/** The schemas that are loaded at the same time for the records of a poll. */
const MAX_SCHEMAS_AHEAD = 16
/** Of a record that its source could not read whole. */
const READING_CLASS = 'org.apache.kafka.connect.source.SourceTask'
const NO_HEADERS: readonly Header[] = []
const NO_RECORD_HEADERS: readonly RecordHeader[] = []

/** Rejects as the promise does, and when the task stops. */
export function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** What is wrong with a record is found again when it is converted. */
function askFor(loads: Set<Promise<unknown>>, convert: () => unknown): void {
  try {
    convert()
  } catch (error) {
    if (error instanceof SchemaPending) loads.add(error.loaded)
  }
}

export class Pipeline {
  readonly #conversion: Conversion
  readonly #retryWithTolerance: RetryWithToleranceOperator
  readonly #signal: AbortSignal
  #stage: Stage = 'TRANSFORMATION'
  #executing = ''
  /** Of one batch: many of its records may have the same. */
  #lastDecoded: { topic: string; headers: readonly RecordHeader[]; decoded: readonly Header[] } | null = null
  #lastHeaders: { topic: string; headers: readonly Header[]; encoded: RecordHeader[] } | null = null

  constructor(conversion: Conversion, retryWithTolerance: RetryWithToleranceOperator, signal: AbortSignal) {
    this.#conversion = conversion
    this.#retryWithTolerance = retryWithTolerance
    this.#signal = signal
  }

  /** Another one with the same stages: one converts only one batch at a time. */
  another(): Pipeline {
    return new Pipeline(this.#conversion, this.#retryWithTolerance, this.#signal)
  }

  /**
   * The records to send, without those that a transformation drops or that are skipped. `indexes` gets the index of each of them in
   * `records`.
   */
  async toKafka(
    records: readonly SourceRecord[],
    onFailure: OnSourceFailure = () => false,
    indexes: number[] | null = null,
  ): Promise<ProducerRecord[]> {
    const converted: ProducerRecord[] = []
    this.#lastHeaders = null
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      let result: ProducerRecord | null
      try {
        result = this.#encode(record)
      } catch (error) {
        try {
          result = await this.#again(() => this.#encode(record), error)
        } catch (lastError) {
          if (this.#isStop(lastError)) throw lastError
          const failure = new ProcessingError(this.#stage, this.#executing, lastError)
          if (onFailure(record, failure, index)) this.#retryWithTolerance.handleRefused(failure, () => loggedSource(record))
          else this.#retryWithTolerance.handleFailure(failure, () => loggedSource(record))
          continue
        }
      }
      if (!result) continue
      converted.push(result)
      indexes?.push(index)
    }
    return converted
  }

  /** Converts a record again: after its schemas are loaded, and after retriable errors. Rejects with the last error. */
  async #again<T>(work: () => T, error: unknown): Promise<T> {
    try {
      if (!(error instanceof SchemaPending)) throw error
      return await this.#withSchemas(work, error)
    } catch (failure) {
      return await this.#retryWithTolerance.retry(() => this.#withSchemas(work, null), failure, this.#signal)
    }
  }

  /** The task stops while it waits for a schema: the record has not failed. */
  #isStop(error: unknown): boolean {
    return this.#signal.aborted && error === this.#signal.reason
  }

  async #withSchemas<T>(work: () => T, pending: SchemaPending | null): Promise<T> {
    let missing = pending
    for (let round = 0; ; round++) {
      if (missing) await untilAborted(missing.loaded, this.#signal)
      try {
        return work()
      } catch (error) {
        if (!(error instanceof SchemaPending)) throw error
        if (round === MAX_SCHEMA_ROUNDS) throw new DataError(`a record that needs more than ${MAX_SCHEMA_ROUNDS} schemas: ${error.message}`)
        missing = error
      }
    }
  }

  #encode(sourceRecord: SourceRecord): ProducerRecord | null {
    const { key, value, classes } = this.#conversion
    if (sourceRecord.unreadable !== undefined) {
      this.#stage = 'TASK_POLL'
      this.#executing = READING_CLASS
      throw sourceRecord.unreadable
    }
    const record = this.#conversion.transformations.length === 0 ? sourceRecord : this.#transform(sourceRecord)
    if (!record) return null
    const { topic } = record
    const added: RecordHeader[] | undefined = key.addsHeaders || value.addsHeaders ? [] : undefined
    const converted = record.headers.length === 0 ? NO_RECORD_HEADERS : this.#encodeHeaders(topic, record.headers)
    this.#stage = 'KEY_CONVERTER'
    this.#executing = classes.key
    const keyBytes = record.key === null && record.keySchema === null ? null : key.fromConnect(topic, record.keySchema, record.key, added)
    this.#stage = 'VALUE_CONVERTER'
    this.#executing = classes.value
    const valueBytes = value.toWritable
      ? value.toWritable(topic, record.valueSchema, record.value, added)
      : value.fromConnect(topic, record.valueSchema, record.value, added)
    return {
      topic,
      partition: record.partition ?? undefined,
      key: keyBytes,
      value: valueBytes,
      headers: added ? [...converted, ...added] : converted,
      timestamp: record.timestamp ?? undefined,
    }
  }

  #encodeHeaders(topic: string, headers: readonly Header[]): readonly RecordHeader[] {
    const last = this.#lastHeaders
    if (last?.headers === headers && last.topic === topic) return Object.freeze(last.encoded)
    this.#stage = 'HEADER_CONVERTER'
    this.#executing = this.#conversion.classes.header
    const encoded = headers.map(({ key, value, schema }) => ({ key, value: this.#conversion.header.fromConnect(topic, schema, value) }))
    this.#lastHeaders = { topic, headers, encoded }
    return encoded
  }

  #transform<R extends ConnectRecord>(original: R): R | null {
    this.#stage = 'TRANSFORMATION'
    let record: R | null = original
    for (const transformation of this.#conversion.transformations) {
      this.#executing = transformation.class
      record = transformation.apply(record)
      if (!record) return null
    }
    return record
  }

  /** The records to deliver, without those that a transformation drops or that are skipped. */
  async toConnect(batches: readonly ConsumedBatch[], onFailure: OnFailure): Promise<SinkBatch> {
    this.#lastDecoded = null
    const records: SinkRecord[] = []
    const consumed: ConsumedRecord[] = []
    const runs: Run[] = []
    let at = 0
    let asked = 0
    for (const batch of batches) {
      const { topic, partition } = batch
      runs.push({ from: records.length, batch })
      for (const record of batch.records) {
        at++
        let result: SinkRecord | null
        try {
          result = this.#decode(topic, partition, record)
        } catch (error) {
          if (error instanceof SchemaPending && at > asked) asked = this.#askAhead(batches, at)
          const original: OriginalRecord = { topic, partition, record }
          try {
            result = await this.#again(() => this.#decode(topic, partition, record), error)
          } catch (lastError) {
            if (this.#isStop(lastError)) throw lastError
            const failure = new ProcessingError(this.#stage, this.#executing, lastError)
            onFailure(original, failure)
            this.#retryWithTolerance.handleFailure(failure, () => loggedOriginal(original))
            continue
          }
        }
        if (!result) continue
        records.push(result)
        consumed.push(record)
      }
    }
    return { records, originalAt: (index) => originalAt(runs, consumed, index) }
  }

  /** Asks for the schemas of the records after the first `from`. Returns up to which record it has asked. */
  #askAhead(batches: readonly ConsumedBatch[], from: number): number {
    const { key, value } = this.#conversion
    const loads = new Set<Promise<unknown>>()
    let at = 0
    for (const { topic, records } of batches)
      for (const record of records) {
        if (++at <= from) continue
        askFor(loads, () => key.toConnect(topic, record.key, record.headers))
        askFor(loads, () => value.toConnect(topic, record.value, record.headers))
        if (loads.size >= MAX_SCHEMAS_AHEAD) return at
      }
    return at
  }

  /**
   * One dead letter, decoded again: the record for the sink, null where a transformation drops it.
   * @throws ProcessingError, whatever errors.tolerance says: the caller reports it.
   */
  async replayToConnect(original: OriginalRecord): Promise<SinkRecord | null> {
    const record = await this.#retried(() => this.#decode(original.topic, original.partition, original.record))
    return record && { ...record, replayOf: original.replayOf }
  }

  /** As replayToConnect, for a record of a source. */
  replayToKafka(record: SourceRecord): Promise<ProducerRecord | null> {
    return this.#retried(() => this.#encode(record))
  }

  async #retried<T>(work: () => T): Promise<T> {
    try {
      return work()
    } catch (error) {
      try {
        return await this.#again(work, error)
      } catch (lastError) {
        if (this.#isStop(lastError)) throw lastError
        throw new ProcessingError(this.#stage, this.#executing, lastError)
      }
    }
  }

  #decode(topic: string, partition: number, record: ConsumedRecord): SinkRecord | null {
    const { key, value, classes } = this.#conversion
    this.#stage = 'KEY_CONVERTER'
    this.#executing = classes.key
    const { schema: keySchema, value: keyValue } = key.toConnect(topic, record.key, record.headers)
    this.#stage = 'VALUE_CONVERTER'
    this.#executing = classes.value
    const { schema: valueSchema, value: valueValue } = value.toConnect(topic, record.value, record.headers)
    const sinkRecord: SinkRecord = {
      topic,
      partition,
      key: keyValue,
      keySchema,
      value: valueValue,
      valueSchema,
      timestamp: record.timestamp,
      headers: record.headers.length === 0 ? NO_HEADERS : this.#decodeHeaders(topic, record.headers),
      offset: record.offset,
      timestampType: record.timestampType,
    }
    return this.#conversion.transformations.length === 0 ? sinkRecord : this.#transform(sinkRecord)
  }

  #decodeHeaders(topic: string, headers: readonly RecordHeader[]): readonly Header[] {
    const last = this.#lastDecoded
    if (last?.headers === headers && last.topic === topic) return last.decoded
    this.#stage = 'HEADER_CONVERTER'
    this.#executing = this.#conversion.classes.header
    const { header: converter } = this.#conversion
    const decoded = headers.map(({ key, value: bytes }) => {
      const { schema, value } = converter.toConnect(topic, bytes)
      return { key, schema, value }
    })
    // Records must not share what their owners may change.
    if (!decoded.some(({ value }) => typeof value === 'object' && value !== null)) this.#lastDecoded = { topic, headers, decoded }
    return decoded
  }
}
