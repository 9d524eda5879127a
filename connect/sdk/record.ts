/**
 * The records of connectors, with values of Kafka Connect's data model. With a schema, a struct is a plain object, an int64 is a number
 * where that is safe and else a bigint, bytes are Buffers, a Decimal is a string of digits, and Date, Time and Timestamp are Date objects.
 * Without a schema, any JSON value is allowed.
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

/** A record of a source. With `partition` null the producer's partitioner chooses. */
export interface SourceRecord extends ConnectRecord {
  /**
   * Why the source could not read the record whole: `errors.tolerance` decides about it, as about one that cannot be converted. The record
   * has what could be read, for its dead letter; no transform is given it.
   */
  unreadable?: Error | undefined
}

/** A record for a sink. */
export interface SinkRecord extends ConnectRecord {
  partition: number
  offset: number
  timestampType: 'CreateTime' | 'LogAppendTime'
  /**
   * Where the record is a dead letter that is replayed: the place of the letter. Topic, partition and offset are those of the record that
   * failed, which is older than those that were delivered since. A sink that skips what it has by offset goes by this place instead.
   */
  replayOf?: { topic: string; partition: number; offset: number } | undefined
}

const NO_HEADERS: readonly Header[] = []

/** A source record with defaults for fields that are not set. */
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
