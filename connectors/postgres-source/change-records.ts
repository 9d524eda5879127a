/**
 * The records of changes: envelopes with Debezium's fields, their keys, tombstones and headers. A change of the key becomes a delete and a
 * create. Schemas and headers are the same objects for all records, and nothing is built twice for the changes of one transaction.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Header, type SourceRecord, schemas } from '../../connect/sdk/index.ts'
import type { ChangeRecords, ChangeSource, Lsn, RowChange, TableMapping, TextRow } from './types.ts'

/** The transaction of a change, for records that name it. */
export interface TransactionBlock {
  id: string
  total_order: number
  data_collection_order: number
}

export interface ChangeRecordsOptions {
  /** `topic.prefix`. */
  prefix: string
  database: string
  version: string
  /** Of all records; none where `extended.headers.enabled` is off. */
  headers: readonly Header[]
  tombstones: boolean
  skipsUnchanged: boolean
  /** c, u, d, t. */
  skippedOperations: ReadonlySet<string>
  /** ms since the epoch. */
  now(): number
}

/** Which transaction a record belongs to: called for each record that is made, in their order. */
export type TransactionOf = (table: string, lsn: Lsn | null) => TransactionBlock | null

type Struct = Record<string, unknown>
type Operation = 'r' | 'c' | 'u' | 'd' | 't'

/** The name of this kind of connector in Debezium's records. */
const CONNECTOR = 'postgresql'

const noTransaction: TransactionOf = () => null

/** The headers of Debezium's context. */
export const contextHeaders = (prefix: string, runId: string, task: number): Header[] =>
  Object.entries({ connectorLogicalName: prefix, taskId: String(task), connectorName: CONNECTOR, runId }).map(([name, value]) => ({
    key: `__debezium.context.${name}`,
    value,
    schema: HEADER_SCHEMA,
  }))
const HEADER_SCHEMA = schemas.string()

export class EnvelopeRecords implements ChangeRecords {
  readonly #options: ChangeRecordsOptions
  /** The slot's xmin, where it is asked for. */
  xmin: number | null = null
  #sourceMicros = -1
  #sourceNanos = 0n
  #nowMs = -1
  #nowNanos = 0n

  constructor(options: ChangeRecordsOptions) {
    this.#options = options
  }

  read(mapping: TableMapping, row: TextRow, source: ChangeSource): SourceRecord {
    const key = mapping.key(row)
    return this.#record(mapping, key, this.#envelope('r', null, mapping.row(row), this.source(source), null), this.#options.headers)
  }

  /** Appends the records of a change. `of` is called once for each record but tombstones. */
  append(out: SourceRecord[], mapping: TableMapping, change: RowChange, of: TransactionOf = noTransaction): void {
    const { operation, before, source } = change
    const { skippedOperations } = this.#options
    const table = `${source.schema}.${source.table}`
    if (operation === 'c') {
      if (skippedOperations.has('c')) return
      const after = change.after!
      const envelope = this.#envelope('c', null, mapping.row(after), this.source(source), of(table, source.lsn))
      out.push(this.#record(mapping, mapping.key(after), envelope, this.#options.headers))
    } else if (operation === 'd') this.#appendDelete(out, mapping, change, mapping.key(before!), this.#options.headers, of)
    else this.#appendUpdate(out, mapping, change, of)
  }

  /** A truncate: without a key. */
  truncate(mapping: TableMapping, source: ChangeSource, of: TransactionOf = noTransaction): SourceRecord {
    const block = of(`${source.schema}.${source.table}`, source.lsn)
    return this.#record(
      { ...mapping, keySchema: null },
      null,
      this.#envelope('t', null, null, this.source(source), block),
      this.#options.headers,
    )
  }

  /** The field `source` of an envelope. */
  source(from: ChangeSource): Struct {
    const micros = from.timestampMicros
    if (micros !== this.#sourceMicros) {
      this.#sourceMicros = micros
      this.#sourceNanos = BigInt(micros) * 1000n
    }
    const { prefix, database, version } = this.#options
    const isIncremental = from.snapshot === 'incremental'
    return {
      version,
      connector: CONNECTOR,
      name: prefix,
      ts_ms: Math.floor(micros / 1000),
      snapshot: from.snapshot,
      db: database,
      sequence: from.sequence,
      ts_us: micros,
      ts_ns: this.#sourceNanos,
      schema: from.schema,
      table: from.table,
      txId: isIncremental ? null : from.txId,
      lsn: isIncremental ? null : from.lsn,
      xmin: isIncremental ? null : this.xmin,
    }
  }

  #appendUpdate(out: SourceRecord[], mapping: TableMapping, change: RowChange, of: TransactionOf): void {
    const { before, source } = change
    const { headers, skipsUnchanged, skippedOperations } = this.#options
    const after = before ? withOldToasted(change.after!, before) : change.after!
    const newKey = mapping.key(after)
    const oldKey = before && mapping.key(before)
    if (oldKey && newKey && !sameKey(oldKey, newKey)) {
      this.#appendDelete(out, mapping, change, oldKey, [header('__debezium.newkey', newKey, mapping), ...headers], of)
      if (skippedOperations.has('c')) return
      const table = `${source.schema}.${source.table}`
      const envelope = this.#envelope('c', null, mapping.row(after), this.source(source), of(table, source.lsn))
      out.push(this.#record(mapping, newKey, envelope, [header('__debezium.oldkey', oldKey, mapping), ...headers]))
      return
    }
    if (skippedOperations.has('u')) return
    const oldRow = before && mapping.row(before)
    const row = mapping.row(after)
    if (skipsUnchanged && oldRow && isDeepStrictEqual(oldRow, row)) return
    const block = of(`${source.schema}.${source.table}`, source.lsn)
    out.push(this.#record(mapping, newKey, this.#envelope('u', oldRow, row, this.source(source), block), headers))
  }

  #appendDelete(
    out: SourceRecord[],
    mapping: TableMapping,
    { before, source }: RowChange,
    key: Struct | null,
    headers: readonly Header[],
    of: TransactionOf,
  ): void {
    if (this.#options.skippedOperations.has('d')) return
    const block = of(`${source.schema}.${source.table}`, source.lsn)
    const record = this.#record(mapping, key, this.#envelope('d', mapping.row(before!), null, this.source(source), block), headers)
    out.push(record)
    if (this.#options.tombstones) out.push({ ...record, value: null, valueSchema: null })
  }

  #envelope(op: Operation, before: Struct | null, after: Struct | null, source: Struct, transaction: TransactionBlock | null): Struct {
    const ms = this.#options.now()
    if (ms !== this.#nowMs) {
      this.#nowMs = ms
      this.#nowNanos = BigInt(ms) * 1_000_000n
    }
    return { before, after, source, transaction, op, ts_ms: ms, ts_us: ms * 1000, ts_ns: this.#nowNanos }
  }

  #record(mapping: TableMapping, key: Struct | null, value: Struct, headers: readonly Header[]): SourceRecord {
    const { topic, keySchema, envelopeSchema } = mapping
    return { topic, partition: null, key, keySchema, value, valueSchema: envelopeSchema, timestamp: null, headers }
  }
}

const header = (key: string, value: Struct, mapping: TableMapping): Header => ({ key, value, schema: mapping.keySchema })

/** An old row that is complete has the values that the new one leaves out, since they did not change. */
function withOldToasted(after: TextRow, before: TextRow): TextRow {
  if (!after.includes(undefined)) return after
  return after.map((value, index) => (value === undefined ? (before[index] ?? undefined) : value))
}

function sameKey(a: Struct, b: Struct): boolean {
  for (const name in a) {
    const left = a[name]
    if (left !== b[name] && (typeof left !== 'object' || !isDeepStrictEqual(left, b[name]))) return false
  }
  return true
}
