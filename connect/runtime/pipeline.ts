/**
 * Applies transformations and converters to the records between connector and Kafka, a batch at a time. It does not await per record: only
 * a record that fails costs more.
 */
import type { ConsumedBatch, ConsumedRecord, ProducerRecord, RecordHeader } from '../../core/client/types.ts'
import type { ConnectRecord, Converter, Header, SinkRecord, SourceRecord, Transform } from '../sdk/index.ts'
import { ProcessingError, type RetryWithToleranceOperator, type Stage } from './retry-with-tolerance-operator.ts'

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
}

/** Called for each failed record, before it is skipped or fails the task. */
export type OnFailure = (original: OriginalRecord, error: ProcessingError) => void

export interface SinkBatch {
  records: SinkRecord[]
  /** Each record before its conversion, at the same index. */
  originals: OriginalRecord[]
}

const NO_HEADERS: readonly Header[] = []
const NO_RECORD_HEADERS: readonly RecordHeader[] = []

export class Pipeline {
  readonly #conversion: Conversion
  readonly #retryWithTolerance: RetryWithToleranceOperator
  readonly #signal: AbortSignal
  #stage: Stage = 'TRANSFORMATION'
  #executing = ''

  constructor(conversion: Conversion, retryWithTolerance: RetryWithToleranceOperator, signal: AbortSignal) {
    this.#conversion = conversion
    this.#retryWithTolerance = retryWithTolerance
    this.#signal = signal
  }

  /** The records to send, without those that a transformation drops or that are skipped. */
  async toKafka(records: readonly SourceRecord[]): Promise<ProducerRecord[]> {
    const converted: ProducerRecord[] = []
    for (const record of records) {
      let result: ProducerRecord | null
      try {
        result = this.#encode(record)
      } catch (error) {
        const stage = this.#stage
        const executing = this.#executing
        try {
          result = await this.#retryWithTolerance.retry(() => this.#encode(record), error, this.#signal)
        } catch (lastError) {
          this.#retryWithTolerance.handleFailure(new ProcessingError(stage, executing, lastError), () => ({
            topic: record.topic,
            key: record.key,
            value: record.value,
          }))
          continue
        }
      }
      if (result) converted.push(result)
    }
    return converted
  }

  #encode(sourceRecord: SourceRecord): ProducerRecord | null {
    const { key, value, classes } = this.#conversion
    const record = this.#conversion.transformations.length === 0 ? sourceRecord : this.#transform(sourceRecord)
    if (!record) return null
    const { topic } = record
    const headers = record.headers.length === 0 ? NO_RECORD_HEADERS : this.#encodeHeaders(topic, record.headers)
    this.#stage = 'KEY_CONVERTER'
    this.#executing = classes.key
    const keyBytes = record.key === null && record.keySchema === null ? null : key.fromConnect(topic, record.keySchema, record.key)
    this.#stage = 'VALUE_CONVERTER'
    this.#executing = classes.value
    return {
      topic,
      partition: record.partition ?? undefined,
      key: keyBytes,
      value: value.fromConnect(topic, record.valueSchema, record.value),
      headers,
      timestamp: record.timestamp ?? undefined,
    }
  }

  #encodeHeaders(topic: string, headers: readonly Header[]): RecordHeader[] {
    this.#stage = 'HEADER_CONVERTER'
    this.#executing = this.#conversion.classes.header
    return headers.map(({ key, value, schema }) => ({ key, value: this.#conversion.header.fromConnect(topic, schema, value) }))
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
    const records: SinkRecord[] = []
    const originals: OriginalRecord[] = []
    for (const batch of batches) {
      for (const record of batch.records) {
        const original: OriginalRecord = { topic: batch.topic, partition: batch.partition, record }
        let result: SinkRecord | null
        try {
          result = this.#decode(original)
        } catch (error) {
          const stage = this.#stage
          const executing = this.#executing
          try {
            result = await this.#retryWithTolerance.retry(() => this.#decode(original), error, this.#signal)
          } catch (lastError) {
            const failure = new ProcessingError(stage, executing, lastError)
            onFailure(original, failure)
            this.#retryWithTolerance.handleFailure(failure, () => ({
              topic: batch.topic,
              partition: batch.partition,
              offset: record.offset,
            }))
            continue
          }
        }
        if (!result) continue
        records.push(result)
        originals.push(original)
      }
    }
    return { records, originals }
  }

  #decode({ topic, partition, record }: OriginalRecord): SinkRecord | null {
    const { key, value, classes } = this.#conversion
    this.#stage = 'KEY_CONVERTER'
    this.#executing = classes.key
    const { schema: keySchema, value: keyValue } = key.toConnect(topic, record.key)
    this.#stage = 'VALUE_CONVERTER'
    this.#executing = classes.value
    const { schema: valueSchema, value: valueValue } = value.toConnect(topic, record.value)
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

  #decodeHeaders(topic: string, headers: readonly RecordHeader[]): Header[] {
    this.#stage = 'HEADER_CONVERTER'
    this.#executing = this.#conversion.classes.header
    return headers.map((header) => ({ key: header.key, ...this.#conversion.header.toConnect(topic, header.value) }))
  }
}
