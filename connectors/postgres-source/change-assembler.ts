/**
 * Makes records and positions of the messages of a slot, in their order. Pure: no sockets, timers or queries. A position is one after
 * which a resumed stream misses and repeats nothing: changes with the same LSN, which a COPY makes, are never parted.
 */
import type { SourceOffset, SourceRecord } from '../../connect/sdk/index.ts'
import type { EnvelopeRecords, TransactionBlock } from './change-records.ts'
import { type LogicalMessages, MESSAGE_TABLE } from './logical-messages.ts'
import { formatLsn, type Message, type Relation, readLsn, readMessage } from './pgoutput.ts'
import type { ServerMessage } from './replication-frames.ts'
import { deliveredBefore, startLsn, streamOffset } from './stream-position.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'
import type { ChangeSource, Lsn, RowChange, StreamListener, StreamPosition, Table, TableMapping } from './types.ts'

/** The header of a WAL data message: its kind, where it begins, where the WAL ends, and the time. */
const WAL_HEADER_BYTES = 25

const INSERT = 73
const UPDATE = 85
const DELETE = 68

export interface AssemblerOptions {
  start: StreamPosition
  records: EnvelopeRecords
  messages: LogicalMessages
  /** Null where `provide.transaction.metadata` is off. */
  transactions: TransactionMetadata | null
  listener: StreamListener | null
  mapping(table: Table): TableMapping
  isCaptured(schema: string, table: string): boolean
  /** Whether truncates make no records. */
  skipsTruncates: boolean
  maxBatchSize: number
  maxBatchBytes: number
  /** Decides about a change that cannot become a record: throws, or goes on. */
  onFailure(error: Error, change: string): void
  now(): number
}

interface KnownTable {
  table: Table
  /** Null where it is not captured. */
  mapping: TableMapping | null
  isWatched: boolean
}

/** How much was seen, since the start. */
export interface StreamCounts {
  changes: number
  transactions: number
}

export class ChangeAssembler {
  readonly #options: AssemblerOptions
  readonly #isDelivered: (xid: number, lsn: Lsn) => boolean
  readonly #tables = new Map<number, KnownTable>()
  readonly #blockOf: (table: string, lsn: Lsn | null) => TransactionBlock | null
  readonly counts: StreamCounts = { changes: 0, transactions: 0 }
  #records: SourceRecord[] = []
  #bytes = 0
  #position: StreamPosition
  /** The last commit with changes, for `source.sequence`. */
  #lastCommitLsn: Lsn | null
  /** Of the changes that may have others with the same LSN behind them. */
  #openLsn: Lsn | null = null
  #xid: number | null = null
  #commitMicros = 0

  constructor(options: AssemblerOptions) {
    this.#options = options
    this.#position = { ...options.start }
    this.#lastCommitLsn = options.start.commitLsn
    this.#isDelivered = deliveredBefore(options.start)
    const { transactions } = options
    this.#blockOf = transactions ? (table, lsn) => transactions.block(table, lsn) : () => null
  }

  get isInTransaction(): boolean {
    return this.#xid !== null
  }

  get recordCount(): number {
    return this.#records.length
  }

  /** After all that was added. */
  get position(): StreamPosition {
    return this.#position
  }

  offset(): SourceOffset {
    const { transactions, listener } = this.#options
    return { ...streamOffset(this.#position), ...transactions?.offsetFields(), ...listener?.offsetFields() }
  }

  /** Whether the batch is to be taken before this message is added. */
  isFull({ bytes, start }: ServerMessage): boolean {
    const { maxBatchSize, maxBatchBytes } = this.#options
    const isLarge = this.#records.length >= maxBatchSize || this.#bytes >= maxBatchBytes
    return isLarge && this.#records.length > 0 && readLsn(bytes, start + 1) !== this.#openLsn
  }

  /** The records since the last call. */
  take(): SourceRecord[] {
    const records = this.#records
    this.#records = []
    this.#bytes = 0
    return records
  }

  /** Nothing was changed up to here. */
  advance(lsn: Lsn): void {
    if (this.isInTransaction || lsn <= startLsn(this.#position)) return
    this.#position = { ...this.#position, lsn, messageType: 'COMMIT' }
  }

  define(table: Table): void {
    const { isCaptured, mapping, listener } = this.#options
    const isWatched = listener?.watches(table) ?? false
    this.#tables.set(table.oid, { table, mapping: isCaptured(table.schema, table.name) ? mapping(table) : null, isWatched })
  }

  /** Adds a WAL data message. Returns a relation that must be defined before the next one. */
  add({ bytes, start, end }: ServerMessage): Relation | null {
    const at = start + WAL_HEADER_BYTES
    const type = bytes[at]
    const lsn = readLsn(bytes, start + 1)
    this.#bytes += end - start
    if (type === INSERT || type === UPDATE || type === DELETE) {
      this.#addRow(bytes, at, end, lsn)
      return null
    }
    const message = readMessage(bytes, at, end)
    if (message.kind === 'relation') return message.relation
    if (message.kind === 'begin') this.#begin(message, lsn)
    else if (message.kind === 'commit') this.#commit(message)
    else if (message.kind === 'truncate') this.#addTruncate(message.oids, lsn)
    else if (message.kind === 'message') this.#addMessage(message)
    return null
  }

  #begin({ xid, commitMicros }: Message & { kind: 'begin' }, lsn: Lsn): void {
    this.#xid = xid
    this.#commitMicros = commitMicros
    const record = this.#options.transactions?.begin(xid, lsn, commitMicros)
    if (record) this.#records.push(record)
  }

  #commit({ endLsn, commitMicros }: Message & { kind: 'commit' }): void {
    const record = this.#options.transactions?.end(endLsn, commitMicros)
    if (record) this.#records.push(record)
    this.#position = { lsn: endLsn, commitLsn: endLsn, txId: this.#xid, timestampMicros: commitMicros, messageType: 'COMMIT' }
    this.#lastCommitLsn = endLsn
    this.#xid = null
    this.#openLsn = null
    this.counts.transactions++
  }

  /** Hot: a row of a table that nobody wants is not decoded. */
  #addRow(bytes: Buffer, at: number, end: number, lsn: Lsn): void {
    const known = this.#tables.get(bytes.readUInt32BE(at + 1))
    if (!known) throw new Error(`pgoutput sent a row of relation ${bytes.readUInt32BE(at + 1)} without its columns`)
    const { mapping, isWatched, table } = known
    if (!mapping && !isWatched) return
    if (this.#isDelivered(this.#xid!, lsn)) return
    const message = readMessage(bytes, at, end)
    const change = this.#rowChange(message, table, lsn)
    this.counts.changes++
    if (isWatched) this.#options.listener!.change(change)
    if (mapping) this.#append(change, mapping)
    this.#moveTo(lsn, message.kind === 'insert' ? 'INSERT' : message.kind === 'update' ? 'UPDATE' : 'DELETE')
  }

  #rowChange(message: Message, table: Table, lsn: Lsn): RowChange {
    const source = this.#source(table.schema, table.name, lsn)
    if (message.kind === 'insert') return { operation: 'c', table, before: null, after: message.after, source }
    if (message.kind === 'update') return { operation: 'u', table, before: message.before, after: message.after, source }
    if (message.kind === 'delete') return { operation: 'd', table, before: message.before, after: null, source }
    throw new Error(`a message of kind ${message.kind} is no row`)
  }

  #append(change: RowChange, mapping: TableMapping): void {
    const count = this.#records.length
    try {
      this.#options.records.append(this.#records, mapping, change, this.#blockOf)
    } catch (error) {
      this.#records.length = count
      const { schema, name } = change.table
      this.#options.onFailure(error as Error, `change of ${schema}.${name} at ${formatLsn(change.source.lsn!)}`)
    }
  }

  #addTruncate(oids: readonly number[], lsn: Lsn): void {
    if (this.#isDelivered(this.#xid!, lsn)) return
    for (const oid of oids) {
      const known = this.#tables.get(oid)
      if (!known?.mapping || this.#options.skipsTruncates) continue
      const source = this.#source(known.table.schema, known.table.name, lsn)
      this.#records.push(this.#options.records.truncate(known.mapping, source, this.#blockOf))
      this.counts.changes++
    }
    this.#moveTo(lsn, 'TRUNCATE')
  }

  #addMessage({ isTransactional, lsn, prefix, content }: Message & { kind: 'message' }): void {
    const { messages, records, now, start } = this.#options
    // One outside of transactions is sent again by a stream that begins with it.
    if (isTransactional ? this.#isDelivered(this.#xid!, lsn) : start.messageType === 'MESSAGE' && lsn <= start.lsn) return
    if (!isTransactional) {
      this.#position = { ...this.#position, commitLsn: lsn, txId: null }
      this.#lastCommitLsn = lsn
    }
    if (messages.isCaptured(prefix)) {
      const source = { ...this.#source('', '', lsn), ...(isTransactional ? {} : this.#outside()) }
      const block = isTransactional ? this.#blockOf(MESSAGE_TABLE, lsn) : null
      this.#records.push(messages.record(prefix, content, records.source(source), block, now()))
      this.counts.changes++
    }
    this.#moveTo(lsn, 'MESSAGE')
    if (!isTransactional) this.#openLsn = null
  }

  /** What has no transaction has the time of what came before. */
  #outside() {
    return { txId: null, timestampMicros: this.#position.timestampMicros ?? this.#options.now() * 1000 }
  }

  #source(schema: string, table: string, lsn: Lsn): ChangeSource {
    const last = this.#lastCommitLsn
    const sequence = last === null ? `[null,"${lsn}"]` : `["${last}","${lsn}"]`
    return { schema, table, timestampMicros: this.#commitMicros, snapshot: 'false', sequence, txId: this.#xid, lsn }
  }

  #moveTo(lsn: Lsn, messageType: string): void {
    const position = this.#position
    position.lsn = lsn
    position.messageType = messageType
    if (this.#xid !== null) {
      position.txId = this.#xid
      position.timestampMicros = this.#commitMicros
    }
    this.#openLsn = lsn
  }
}
