/**
 * A record's way between connector and Kafka: transforms and converters, a batch at a time. One encode per record and no wait per record;
 * only a stage that fails costs more.
 */
import type { ConsumedBatch, ConsumedRecord, ProducerRecord, RecordHeader } from '../../core/client/types.ts'
import type { ConnectRecord, Converter, Header, SinkRecord, SourceRecord, Transform } from '../sdk/index.ts'
import { type Stage, StageFailure, type Tolerance } from './retry-with-tolerance-operator.ts'

export interface Link {
  /** What the config calls it. */
  class: string
  apply: Transform
}

export interface Conversion {
  transforms: readonly Link[]
  key: Converter
  value: Converter
  header: Converter
  /** The converters' class names, for reports. */
  classes: Readonly<Record<'key' | 'value' | 'header', string>>
}

/** A consumed record with where it comes from. */
export interface RawRecord {
  topic: string
  partition: number
  record: ConsumedRecord
}

/** Told of each record that is lost, before anything is decided about it. */
export type OnBad = (raw: RawRecord, failure: StageFailure) => void

export interface SinkBatch {
  records: SinkRecord[]
  /** What each was made of, at the same index. */
  raw: RawRecord[]
}

const NO_HEADERS: readonly Header[] = []
const NO_RAW_HEADERS: readonly RecordHeader[] = []

export class Pipeline {
  readonly #stages: Conversion
  readonly #tolerance: Tolerance
  readonly #signal: AbortSignal
  #stage: Stage = 'TRANSFORMATION'
  #executing = ''

  constructor(stages: Conversion, tolerance: Tolerance, signal: AbortSignal) {
    this.#stages = stages
    this.#tolerance = tolerance
    this.#signal = signal
  }

  /** What goes to Kafka; records that transforms drop or that are passed over are not in it. */
  async toKafka(records: readonly SourceRecord[]): Promise<ProducerRecord[]> {
    const out: ProducerRecord[] = []
    for (const record of records) {
      let made: ProducerRecord | null
      try {
        made = this.#encode(record)
      } catch (error) {
        const stage = this.#stage
        const executing = this.#executing
        try {
          made = await this.#tolerance.again(() => this.#encode(record), error, this.#signal)
        } catch (last) {
          this.#tolerance.bad(new StageFailure(stage, executing, last), () => ({
            topic: record.topic,
            key: record.key,
            value: record.value,
          }))
          continue
        }
      }
      if (made) out.push(made)
    }
    return out
  }

  #encode(given: SourceRecord): ProducerRecord | null {
    const { key, value, classes } = this.#stages
    const record = this.#stages.transforms.length === 0 ? given : this.#transform(given)
    if (!record) return null
    const { topic } = record
    const headers = record.headers.length === 0 ? NO_RAW_HEADERS : this.#encodeHeaders(topic, record.headers)
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
    this.#executing = this.#stages.classes.header
    return headers.map(({ key, value, schema }) => ({ key, value: this.#stages.header.fromConnect(topic, schema, value) }))
  }

  #transform<R extends ConnectRecord>(given: R): R | null {
    this.#stage = 'TRANSFORMATION'
    let record: R | null = given
    for (const link of this.#stages.transforms) {
      this.#executing = link.class
      record = link.apply(record)
      if (!record) return null
    }
    return record
  }

  /** What goes to the sink. */
  async toConnect(batches: readonly ConsumedBatch[], onBad: OnBad): Promise<SinkBatch> {
    const records: SinkRecord[] = []
    const raw: RawRecord[] = []
    for (const batch of batches) {
      for (const record of batch.records) {
        const from: RawRecord = { topic: batch.topic, partition: batch.partition, record }
        let made: SinkRecord | null
        try {
          made = this.#decode(from)
        } catch (error) {
          const stage = this.#stage
          const executing = this.#executing
          try {
            made = await this.#tolerance.again(() => this.#decode(from), error, this.#signal)
          } catch (last) {
            const failure = new StageFailure(stage, executing, last)
            onBad(from, failure)
            this.#tolerance.bad(failure, () => ({ topic: batch.topic, partition: batch.partition, offset: record.offset }))
            continue
          }
        }
        if (!made) continue
        records.push(made)
        raw.push(from)
      }
    }
    return { records, raw }
  }

  #decode({ topic, partition, record }: RawRecord): SinkRecord | null {
    const { key, value, classes } = this.#stages
    this.#stage = 'KEY_CONVERTER'
    this.#executing = classes.key
    const { schema: keySchema, value: keyValue } = key.toConnect(topic, record.key)
    this.#stage = 'VALUE_CONVERTER'
    this.#executing = classes.value
    const { schema: valueSchema, value: valueValue } = value.toConnect(topic, record.value)
    const made: SinkRecord = {
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
    return this.#stages.transforms.length === 0 ? made : this.#transform(made)
  }

  #decodeHeaders(topic: string, headers: readonly RecordHeader[]): Header[] {
    this.#stage = 'HEADER_CONVERTER'
    this.#executing = this.#stages.classes.header
    return headers.map((header) => ({ key: header.key, ...this.#stages.header.toConnect(topic, header.value) }))
  }
}
