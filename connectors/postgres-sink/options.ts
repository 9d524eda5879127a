/**
 * What a Postgres sink does, whatever its settings are called: those of Confluent's class, of Debezium's and of this project's own are read
 * into these options, and nothing else reads a config.
 */
import type { ConnectionSettings } from '../postgres-driver/connection.ts'

export type InsertMode = 'insert' | 'upsert' | 'update'
export type KeyMode = 'none' | 'kafka' | 'record_key' | 'record_value' | 'record_header'

/** How a dot in the name of a topic becomes part of the name of a table. */
export type TopicDots = 'underscores' | 'separators'

export interface RetryLimits {
  /** How often a batch is written again after an error that may pass; null is without limit. */
  retries: number | null
  backoffMs: number
  /** Tries to connect, with `connectBackoffMs` between them, that count as one of `retries`; null is without limit. */
  connectAttempts: number | null
  connectBackoffMs: number
}

export interface SinkOptions {
  connection: ConnectionSettings
  retries: RetryLimits
  insertMode: InsertMode
  /** Records of one transaction, at most. */
  batchSize: number
  deletes: boolean
  truncates: boolean
  /** What a record without a value is where `deletes` is off: skipped, or bad. */
  withoutValue: 'skipped' | 'bad'
  /** Whether the schema of this name is a CloudEvent's, whose data are the row or the change event; null where none is. */
  isCloudEvent: ((schemaName: string) => boolean) | null
  tableFormat: string
  topicDots: TopicDots
  /** Whether names are lower-cased, as Postgres does it with names that are not quoted. */
  foldsNames: boolean
  keyMode: KeyMode
  keyFields: readonly string[]
  /** Whether a field of the values of a topic is written. */
  isWritten(topic: string, field: string): boolean
  /** The column of a value without fields. */
  valueColumn: string
  creates: boolean
  evolves: boolean
  /** Whether null is written as the default of the field's schema. */
  nullsAsDefaults: boolean
  /** Fields of numbers or texts that are written as timestamps, and the unit of the numbers. */
  timestampFields: ReadonlySet<string>
  timestampUnit: 'microseconds' | 'nanoseconds'
  /** The time zones in which timestamps and times, and dates, are read off the clock. */
  zone: string
  dateZone: string
  /** Whether days before 15 October 1582 are written as days of the Julian calendar. */
  julianDates: boolean
  /** The kinds of tables that may be written: TABLE, PARTITIONED TABLE, VIEW; null for all. */
  tableTypes: ReadonlySet<string> | null
  postgisSchema: string
  /** Whether errors leave out what Postgres says, because it contains values of rows. */
  hidesValues: boolean
  /** The table of offsets for writing each record once; null for at least once. */
  offsetTable: string | null
}
