/**
 * Writes records as rows, a batch in one transaction, which is committed when `write` resolves. A batch that Postgres rejects is split
 * until the bad rows are alone: they are reported, and the others are written.
 */
import {
  BadRecord,
  defineSink,
  InvalidSetting,
  Retriable,
  type SinkRecord,
  type SinkTask,
  type TaskContext,
} from '../../connect/sdk/index.ts'
import { PostgresConnection, RowRejected, TableChanged } from './connection.ts'
import { groupByTable, InvalidRecord, RowMapper, type TableRows } from './rows.ts'
import { check, type PostgresSinkConfig, settings } from './settings.ts'
import { deleteStatement, type Statement, type WriteMode, writeStatement } from './statements.ts'
import { type Column, Tables } from './tables.ts'

/** The length of the values of one statement, at most (Invariant 13): a larger batch is halved. */
const MAX_STATEMENT_CHARS = 64 * 1024 * 1024

export const postgresSink = defineSink({
  class: 'tributary.postgres.PostgresSinkConnector',
  aliases: ['io.confluent.connect.jdbc.JdbcSinkConnector', 'JdbcSinkConnector', 'JdbcSink', 'io.debezium.connector.jdbc.JdbcSinkConnector'],
  settings,
  check,
  start(context: TaskContext<PostgresSinkConfig>): SinkTask {
    const [wrong] = check(context.config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(context.config[wrong.setting as keyof PostgresSinkConfig]), wrong.why)
    return new PostgresSink(context)
  },
})

interface Entry {
  index: number
  table: TableRows['table']
  row: ReturnType<RowMapper['row']>
}

class StatementTooLarge extends Error {
  override name = 'StatementTooLarge'
}

class PostgresSink implements SinkTask {
  readonly #config: PostgresSinkConfig
  readonly #connection: PostgresConnection
  readonly #tables: Tables
  readonly #mapper: RowMapper
  readonly #mode: WriteMode
  #failures = 0

  constructor({ config }: TaskContext<PostgresSinkConfig>) {
    this.#config = config
    const connectionSettings = { url: config['connection.url'], user: config['connection.user'], password: config['connection.password'] }
    this.#connection = new PostgresConnection(connectionSettings, config['retry.backoff.ms'])
    this.#tables = new Tables(this.#connection, config)
    this.#mapper = new RowMapper(config)
    // With the offset as the key, a record that is delivered again is recognised.
    this.#mode = config['insert.mode'] === 'insert' && config['pk.mode'] === 'kafka' ? 'insert-new' : config['insert.mode']
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const bad: BadRecord[] = []
    const entries: Entry[] = []
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      try {
        entries.push({ index, table: this.#mapper.table(record.topic), row: this.#mapper.row(record) })
      } catch (error) {
        if (!(error instanceof InvalidRecord)) throw error
        bad.push(this.#badRecord(records, index, error))
      }
    }
    const size = this.#config['batch.size']
    try {
      for (let from = 0; from < entries.length; from += size) {
        await this.#writeBisecting(entries.slice(from, from + size), (entry, error) =>
          bad.push(this.#badRecord(records, entry.index, error)),
        )
      }
      this.#failures = 0
    } catch (error) {
      throw this.#limitRetries(error)
    }
    const [first, ...also] = bad.sort((a, b) => a.index - b.index)
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  /** `write` has committed everything. */
  async flush(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#connection.close()
  }

  /** Writes a part of a batch. Where it is rejected, it writes its halves, down to a single record. */
  async #writeBisecting(entries: readonly Entry[], onRejected: (entry: Entry, error: Error) => void): Promise<void> {
    try {
      await this.#writeOnce(entries, false)
    } catch (error) {
      if (!(error instanceof RowRejected) && !(error instanceof StatementTooLarge)) throw error
      if (entries.length > 1) {
        const half = entries.length >> 1
        await this.#writeBisecting(entries.slice(0, half), onRejected)
        await this.#writeBisecting(entries.slice(half), onRejected)
        return
      }
      try {
        await this.#writeOnce(entries, true)
      } catch (last) {
        if (!(last instanceof RowRejected)) throw last
        onRejected(entries[0]!, last)
      }
    }
  }

  async #writeOnce(entries: readonly Entry[], alone: boolean): Promise<void> {
    try {
      await this.#execute(await this.#statements(entries, alone))
    } catch (error) {
      if (!(error instanceof TableChanged)) throw error
      // The table was altered since it was loaded.
      this.#tables.invalidate()
      await this.#execute(await this.#statements(entries, alone))
    }
  }

  async #execute(statements: readonly Statement[]): Promise<void> {
    const [only, more] = statements
    if (!only) return
    if (!more) return void (await this.#connection.query(only.text, only.values))
    await this.#connection.transaction(async () => {
      for (const { text, values } of statements) await this.#connection.query(text, values)
    })
  }

  async #statements(entries: readonly Entry[], alone: boolean): Promise<Statement[]> {
    const statements: Statement[] = []
    let size = 0
    const add = (statement: Statement | null) => {
      if (!statement) return
      size += statement.size
      if (size > MAX_STATEMENT_CHARS && !alone) throw new StatementTooLarge('the batch is halved')
      statements.push(statement)
    }
    for (const run of this.#runs(entries)) {
      for (const { table, keys, shapes, deletes } of groupByTable(run, this.#config['insert.mode'] !== 'insert')) {
        const sql = this.#tables.sql(table)
        const writes: (Statement | null)[] = []
        for (const { fields, keyCount, rows } of shapes) {
          const columns = await this.#tables.columns(table, fields, keys, alone)
          if (columns.every((column) => column === null))
            throw new RowRejected('it has no field with a value, and the table has none of its columns')
          writes.push(writeStatement(sql, this.#mode, columns, keyCount, rows))
        }
        // Deletes go before the writes, which may recreate their rows, but after `columns`, which creates the table.
        if (deletes.length > 0) {
          const columns = await this.#tables.keyColumns(table, keys, alone)
          if (columns) add(deleteStatement(sql, columns as Column[], deletes))
        }
        for (const write of writes) add(write)
      }
    }
    return statements
  }

  /** Plain inserts and deletes keep their order; in the other modes only the last record of each key counts. */
  #runs(entries: readonly Entry[]): (readonly Entry[])[] {
    if (this.#config['insert.mode'] !== 'insert' || !this.#config['delete.enabled']) return [entries]
    const runs: Entry[][] = []
    for (const entry of entries) {
      const run = runs.at(-1)
      if (run && (run[0]!.row.values === null) === (entry.row.values === null)) run.push(entry)
      else runs.push([entry])
    }
    return runs
  }

  #badRecord(records: readonly SinkRecord[], index: number, error: Error): BadRecord {
    const { topic, partition, offset } = records[index]!
    return new BadRecord(index, `The record ${topic}-${partition}@${offset} cannot be written as a row: ${error.message}`, { cause: error })
  }

  #limitRetries(error: unknown): unknown {
    if (!(error instanceof Retriable)) return error
    const maxRetries = this.#config['max.retries']
    if (maxRetries >= 0 && ++this.#failures > maxRetries)
      return new Error(`${error.message} (after ${maxRetries} retries; max.retries=-1 retries without limit)`, { cause: error })
    return error
  }
}
