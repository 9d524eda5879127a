/**
 * The values that the parts of the Postgres source hand to each other: tables and rows as the catalog and pgoutput give them, mappings of
 * rows to Connect's data, where a change comes from, positions, and what snapshots and signals may use. Rows are in Postgres's text
 * output, of the stream and of COPY alike, so that one decoder serves both.
 */
import type pg from 'pg'
import type { Schema, SourceBatch, SourceContext, SourceOffset, SourcePartition, SourceRecord } from '../../connect/sdk/index.ts'
import type { PostgresSourceConfig } from './settings.ts'

/** A log sequence number as a number: 2^53 bytes of WAL are 9 PB. */
export type Lsn = number

export interface Column {
  name: string
  typeOid: number
  /** -1 where the type has none. */
  typeModifier: number
  isOptional: boolean
  /** As pg_get_expr prints it; null where there is none. */
  defaultExpression: string | null
  isGenerated: boolean
  /** Its attnum. */
  position: number
}

export interface Table {
  schema: string
  name: string
  oid: number
  /** In the stream without generated columns, which pgoutput leaves out. */
  columns: readonly Column[]
  /** Names, in the order of the index: the primary key's, else those of a unique index, whose columns may be NULL. */
  key: readonly string[]
  replicaIdentity: 'default' | 'full' | 'nothing' | 'index'
}

/**
 * In the order of table.columns. Null is NULL; undefined is a TOASTed value that did not change (of the stream only), or a column that the
 * old row does not have.
 */
export type TextRow = readonly (string | null | undefined)[]

export interface PgType {
  oid: number
  name: string
  schema: string
  kind: 'base' | 'enum' | 'domain' | 'array' | 'range' | 'multirange' | 'composite' | 'pseudo'
  /** Of an array. */
  element?: number
  /** Of a domain. */
  base?: number
  /** Of a domain: the type modifier of its base; -1 where there is none. */
  baseModifier?: number
  /** Of an enum, in order. */
  labels?: readonly string[]
}

/** What becomes of the rows of one version of a table. Its schemas are the same objects for all rows. */
export interface TableMapping {
  topic: string
  keySchema: Schema | null
  rowSchema: Schema
  envelopeSchema: Schema
  /** The names of the columns of keys, in order. */
  keyColumns: readonly string[]
  /** The names of the columns that `key` and `row` read. */
  columns: ReadonlySet<string>
  key(row: TextRow): Record<string, unknown> | null
  row(row: TextRow): Record<string, unknown>
}

/** Debezium's markers in `source.snapshot`. */
export type SnapshotMarker = 'false' | 'true' | 'first' | 'first_in_data_collection' | 'last_in_data_collection' | 'last' | 'incremental'

/** Where a change comes from, for `source` of the envelope. */
export interface ChangeSource {
  schema: string
  table: string
  /** µs since the epoch: of the commit in the stream, of the read in a snapshot. */
  timestampMicros: number
  snapshot: SnapshotMarker
  /** `["<lsn of the last commit before>","<lsn>"]`. */
  sequence: string | null
  txId: number | null
  lsn: Lsn | null
}

/** A change of a row in the stream, before its record is made. */
export interface RowChange {
  operation: 'c' | 'u' | 'd'
  table: Table
  before: TextRow | null
  after: TextRow | null
  source: ChangeSource
}

/** Makes records of changes. One for a task; its headers are the same for all records. */
export interface ChangeRecords {
  /** A row of a snapshot: op `r`. */
  read(mapping: TableMapping, row: TextRow, source: ChangeSource): SourceRecord
}

/** Where the stream is. Debezium's fields of the offset are made of it by `streamOffset`. */
export interface StreamPosition {
  /** Of the last change or commit that was read. */
  lsn: Lsn
  /** The end of the last transaction that was read completely; null before the first. */
  commitLsn: Lsn | null
  txId: number | null
  timestampMicros: number | null
  /** Of the last message: INSERT, UPDATE, DELETE, TRUNCATE, MESSAGE, COMMIT; null after a snapshot. */
  messageType: string | null
}

/** What snapshots and signals use of the task. */
export interface SourceStage {
  readonly context: SourceContext<PostgresSourceConfig>
  readonly partition: SourcePartition
  readonly records: ChangeRecords
  readonly catalog: Catalog
  /** Compiled once for each version of a table. */
  mapping(table: Table): TableMapping
  /** Whether the include and exclude lists of schemas and tables let a table through. */
  isCaptured(schema: string, table: string): boolean
  /** A new connection with the settings of the session for text output, closed by the caller. Rejects with Retriable or a sentence. */
  connect(): Promise<pg.Client>
}

/** The tables and types of the database. */
export interface Catalog {
  /** Those that the filters let through and that are base or partitioned tables, in Debezium's order, as they are now. */
  capturedTables(): Promise<Table[]>
  /** As it is now; null where there is none. */
  table(schema: string, name: string): Promise<Table | null>
  type(oid: number): PgType
}

/** How a slot begins: made by this start with its snapshot, or there before. */
export interface SlotStart {
  /** Where the stream of a new slot begins; of an old one its confirmed flush. */
  lsn: Lsn
  /** For SET TRANSACTION SNAPSHOT; null where the slot was there before. It holds until `startStream`. */
  snapshotName: string | null
}

/** Sees the stream for signals and incremental snapshots. One task has at most one. */
export interface StreamListener {
  /** Whether `change` is called for the rows of a table. Asked once for each version of a table. */
  watches(table: Table): boolean
  /** Called in the order of the stream, before the record of the change is made; synchronous. */
  change(change: RowChange): void
  /** Whether `work` is to be called here, before the next change. All of the log before `reached` was given to `change`. */
  hasWork(reached: Lsn): boolean
  /** Its batches come after all changes before; the stream waits. Positions are made by `offset`, with the fields of `offsetFields`. */
  work(position: StreamPosition): AsyncGenerator<SourceBatch, void, void>
  /** Fields to add to each stored offset, such as `incremental_snapshot_*`. */
  offsetFields(): SourceOffset
  /** Calls `wake` when `hasWork` became true outside the stream, such as by a file. */
  onWork(wake: () => void): void
  close(): Promise<void>
}
