/**
 * Writes records as rows: what `write` was given is committed when it resolves, in transactions of a batch. With exactly-once writing the
 * offsets are committed in the same transactions.
 */
import {
  BadRecord,
  Retriable,
  type SinkContext,
  type SinkOffset,
  type SinkRecord,
  type SinkTask,
  type SinkTopicPartition,
  UnwritableRecord,
} from '../../connect/sdk/index.ts'
import { PostgresConnection, sqlStateOf } from '../postgres-driver/connection.ts'
import { BatchWriter, type Entry } from './batch-writer.ts'
import { Layouts } from './layouts.ts'
import { Names } from './names.ts'
import { OffsetTable } from './offset-table.ts'
import type { SinkOptions } from './options.ts'
import { RetryPolicy } from './retry-policy.ts'
import { RowMapper } from './rows.ts'
import { Tables } from './tables.ts'
import { ZoneClock } from './temporal-text.ts'

export class PostgresSink implements SinkTask {
  readonly #options: SinkOptions
  readonly #context: SinkContext<unknown>
  readonly #connection: PostgresConnection
  readonly #mapper: RowMapper
  readonly #writer: BatchWriter
  readonly #offsets: OffsetTable | null
  readonly #retries: RetryPolicy
  /** Of a delivery that failed in its middle: records whose rows are committed, and that come again with the others. */
  readonly #committed = new Set<SinkRecord>()
  readonly #counts = { written: 0, deleted: 0, skipped: 0, repeated: 0, rejected: 0 }

  constructor(options: SinkOptions, context: SinkContext<unknown>) {
    this.#options = options
    this.#context = context
    this.#retries = new RetryPolicy(options.retries)
    this.#connection = new PostgresConnection(options.connection, options.retries.backoffMs)
    const form = {
      zone: new ZoneClock(options.zone),
      dateZone: new ZoneClock(options.dateZone),
      julian: options.julianDates,
      timestampUnits: options.timestampUnit === 'nanoseconds' ? (1e9 as const) : (1e6 as const),
    }
    const names = new Names(options)
    const layouts = new Layouts(names, options)
    this.#mapper = new RowMapper(options, names, layouts)
    this.#writer = new BatchWriter(this.#connection, new Tables(this.#connection, options, form), layouts, form, options)
    this.#offsets =
      options.offsetTable === null
        ? null
        : new OffsetTable({
            connection: this.#connection,
            table: options.offsetTable,
            connector: context.connector,
            committed: context.committed && (() => context.committed!()),
            log: context.log,
          })
  }

  open(partitions: readonly SinkTopicPartition[]): void {
    this.#offsets?.forget(partitions)
  }

  close(partitions: readonly SinkTopicPartition[]): void {
    this.#offsets?.forget(partitions)
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const bad: BadRecord[] = []
    try {
      await this.#offsets?.prepare(records)
      const entries = this.#entries(records, bad)
      const size = this.#options.batchSize
      for (let from = 0; from < entries.length; from += size) await this.#writeBatch(records, entries.slice(from, from + size), bad)
      this.#retries.succeeded()
      this.#committed.clear()
    } catch (error) {
      this.#offsets?.forgetAll()
      throw error instanceof Retriable ? this.#retries.failed(error, this.#connection.isOpen) : error
    } finally {
      this.#report()
    }
    const [first, ...also] = bad.sort((a, b) => a.index - b.index)
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  /** `write` has committed everything. */
  async flush(offsets: readonly SinkOffset[] = []): Promise<void> {
    this.#offsets?.flushing(offsets)
  }

  async stop(): Promise<void> {
    await this.#connection.close()
  }

  /** The rows of the records that are not written yet. */
  #entries(records: readonly SinkRecord[], bad: BadRecord[]): Entry[] {
    const entries: Entry[] = []
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      if (this.#committed.has(record)) continue
      if (this.#offsets?.isWritten(record)) {
        this.#counts.repeated++
        continue
      }
      try {
        const row = this.#mapper.row(record)
        if (row) entries.push({ index, row })
        else this.#counts.skipped++
      } catch (error) {
        if (!(error instanceof UnwritableRecord)) throw error
        bad.push(this.#rejected(record, index, error))
      }
    }
    return entries
  }

  async #writeBatch(records: readonly SinkRecord[], batch: readonly Entry[], bad: BadRecord[]): Promise<void> {
    const offsets = this.#offsets
    await this.#writer.write(batch, {
      begin: offsets ? (entries) => offsets.store(entries.map(({ index }) => records[index]!)) : null,
      written: (entries) => {
        offsets?.stored()
        for (const { index, row } of entries) {
          this.#counts[row.kind === 'write' ? 'written' : 'deleted']++
          if (!offsets) this.#committed.add(records[index]!)
        }
      },
      rejected: ({ index }, error) => bad.push(this.#rejected(records[index]!, index, error)),
    })
  }

  #rejected(record: SinkRecord, index: number, error: Error): BadRecord {
    this.#counts.rejected++
    this.#offsets?.reject(record)
    const { topic, partition, offset } = record
    const state = sqlStateOf(error)
    const hidden = this.#options.hidesValues && state !== undefined
    const why = hidden ? `SQLSTATE ${state} (trim.sensitive.log hides what Postgres says)` : error.message
    const cause = hidden ? {} : { cause: error }
    return new BadRecord(index, `The record ${topic}-${partition}@${offset} cannot be written as a row: ${why}`, cause)
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    const { written, deleted, skipped, repeated, rejected } = this.#counts
    this.#context.gauge!('rows-written', written)
    this.#context.gauge!('rows-deleted', deleted)
    this.#context.gauge!('records-skipped', skipped)
    this.#context.gauge!('records-rejected', rejected)
    if (this.#offsets) this.#context.gauge!('records-already-written', repeated)
  }
}
