/**
 * What connectors hand over and receive. Values follow Kafka Connect's data model: with a schema a struct is a plain object keyed by field
 * name, an int64 is a number where it is safe and a bigint where it is not, bytes are Buffers, Decimal/Date/Time/Timestamp are named by
 * their logical type (Decimal as a string of digits, the others as Date). Without a schema any JSON value goes.
 */
import type { Schema } from './schema.ts'

export interface Header {
  key: string
  value: unknown
  schema: Schema | null
}

export interface ConnectRecord {
  topic: string
  partition: number | null
  key: unknown
  keySchema: Schema | null
  value: unknown
  valueSchema: Schema | null
  /** ms since the epoch. */
  timestamp: number | null
  headers: readonly Header[]
}

/** What a source gives. `partition` null lets the producer's partitioner choose. */
export interface SourceRecord extends ConnectRecord {}

/** What a sink gets. */
export interface SinkRecord extends ConnectRecord {
  partition: number
  offset: number
  timestampType: 'CreateTime' | 'LogAppendTime'
}

const NO_HEADERS: readonly Header[] = []

/** A source record with the usual parts left out. */
export function sourceRecord(parts: { topic: string } & Partial<SourceRecord>): SourceRecord {
  return {
    partition: null,
    key: null,
    keySchema: null,
    value: null,
    valueSchema: null,
    timestamp: null,
    headers: NO_HEADERS,
    ...parts,
  }
}
