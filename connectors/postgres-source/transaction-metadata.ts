/**
 * The transactions of records, where `provide.transaction.metadata` is on: the block in each record, the records of BEGIN and END, and the
 * counts, which are kept in positions so that a transaction that was cut off goes on with its numbers.
 */
import { type Header, type SourceOffset, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
import type { TransactionBlock } from './change-records.ts'
import type { Lsn } from './types.ts'

const KEY_SCHEMA = schemas.struct({ id: schemas.string() }, { name: 'io.debezium.connector.common.TransactionMetadataKey', version: 1 })
const COUNT_SCHEMA = schemas.struct(
  { data_collection: schemas.string(), event_count: schemas.int64() },
  { name: 'event.collection', version: 1, optional: true },
)
const VALUE_SCHEMA = schemas.struct(
  {
    status: schemas.string(),
    id: schemas.string(),
    event_count: schemas.int64({ optional: true }),
    data_collections: schemas.array(COUNT_SCHEMA, { optional: true }),
    ts_ms: schemas.int64(),
  },
  { name: 'io.debezium.connector.common.TransactionMetadataValue', version: 1 },
)

const ID_FIELD = 'transaction_id'
const COUNT_FIELD = 'transaction_data_collection_order_'

export class TransactionMetadata {
  readonly #topic: string
  readonly #headers: readonly Header[]
  readonly #counts = new Map<string, number>()
  #id: string | null = null
  #total = 0

  constructor(topic: string, headers: readonly Header[]) {
    this.#topic = topic
    this.#headers = headers
  }

  /** Goes on with the transaction of a stored position. */
  restore(stored: SourceOffset): void {
    this.#reset(typeof stored[ID_FIELD] === 'string' ? stored[ID_FIELD] : null)
    for (const [name, count] of Object.entries(stored)) {
      if (!name.startsWith(COUNT_FIELD) || typeof count !== 'number') continue
      this.#counts.set(name.slice(COUNT_FIELD.length), count)
      this.#total += count
    }
  }

  /** The record of its begin; null where the transaction goes on after its begin was delivered. */
  begin(xid: number, lsn: Lsn, commitMicros: number): SourceRecord | null {
    if (this.#id === String(xid)) return null
    this.#reset(String(xid))
    return this.#record('BEGIN', lsn, commitMicros, null, null)
  }

  /** Counts a record of a table, and gives its block. */
  block(table: string, lsn: Lsn | null): TransactionBlock {
    const order = (this.#counts.get(table) ?? 0) + 1
    this.#counts.set(table, order)
    this.#total++
    return { id: `${this.#id}:${lsn}`, total_order: this.#total, data_collection_order: order }
  }

  end(lsn: Lsn, commitMicros: number): SourceRecord {
    const counts = [...this.#counts].map(([table, count]) => ({ data_collection: table, event_count: count }))
    const record = this.#record('END', lsn, commitMicros, this.#total, counts)
    this.#reset(null)
    return record
  }

  offsetFields(): SourceOffset {
    if (this.#id === null) return {}
    return { [ID_FIELD]: this.#id, ...Object.fromEntries([...this.#counts].map(([table, count]) => [`${COUNT_FIELD}${table}`, count])) }
  }

  #reset(id: string | null): void {
    this.#id = id
    this.#total = 0
    this.#counts.clear()
  }

  #record(status: string, lsn: Lsn, commitMicros: number, count: number | null, tables: object[] | null): SourceRecord {
    const id = `${this.#id}:${lsn}`
    const value = { status, id, event_count: count, data_collections: tables, ts_ms: Math.floor(commitMicros / 1000) }
    return sourceRecord({
      topic: this.#topic,
      key: { id },
      keySchema: KEY_SCHEMA,
      value,
      valueSchema: VALUE_SCHEMA,
      headers: this.#headers,
    })
  }
}
