/**
 * Writes rows in transactions. A batch that Postgres rejects is split until the bad rows are alone: they are reported, and the others are
 * written. A table that was altered is loaded again.
 */
import { type PostgresConnection, RowRejected, sqlStateOf, TableChanged } from '../postgres-driver/connection.ts'
import { equalKeysQuery, type Keys } from './equal-keys.ts'
import type { Layouts } from './layouts.ts'
import type { TableName } from './names.ts'
import type { SinkOptions } from './options.ts'
import { groupRows, type RowShape, type TableStep } from './row-groups.ts'
import type { Row } from './rows.ts'
import {
  copyStatement,
  deleteStatement,
  type Statement,
  StatementTooLarge,
  truncateStatement,
  type WriteMode,
  type Written,
  writeStatement,
  writtenColumns,
} from './statements.ts'
import type { Tables } from './tables.ts'
import type { ValueForm } from './value-text.ts'

/** The length of the values of one transaction, at most (Invariant 13): a larger batch is halved. */
const MAX_TRANSACTION_CHARS = 64 * 1024 * 1024
/** Of one row, at most: escaped it may have twice as many, and V8 has no longer strings. */
const MAX_ROW_CHARS = 255 * 1024 * 1024
/** What Postgres says of a statement that takes longer than statement_timeout. */
const QUERY_CANCELED = '57014'

/** Rows of one key in one statement, whose order would be lost. */
class EqualKeys extends Error {
  override name = 'EqualKeys'
}

/** A row, and the place of its record in the batch that was delivered. */
export interface Entry {
  index: number
  row: Row
}

export interface Outcome {
  /** Runs in the transaction, before the rows are written; null where there is nothing to do. */
  begin: ((entries: readonly Entry[]) => Promise<void>) | null
  written(entries: readonly Entry[]): void
  rejected(entry: Entry, error: Error): void
}

export class BatchWriter {
  readonly #connection: PostgresConnection
  readonly #tables: Tables
  readonly #layouts: Layouts
  readonly #form: ValueForm
  readonly #mode: WriteMode

  constructor(
    connection: PostgresConnection,
    tables: Tables,
    layouts: Layouts,
    form: ValueForm,
    { insertMode, keyMode }: Pick<SinkOptions, 'insertMode' | 'keyMode'>,
  ) {
    this.#connection = connection
    this.#tables = tables
    this.#layouts = layouts
    this.#form = form
    // With the offset as the key, a record that is delivered again is recognised.
    this.#mode = insertMode === 'insert' && keyMode === 'kafka' ? 'insert-new' : insertMode
  }

  /** Each part of the entries that is written is one transaction. */
  async write(entries: readonly Entry[], outcome: Outcome): Promise<void> {
    try {
      await this.#writeOnce(entries, outcome, false)
    } catch (error) {
      if (!isForFewerRows(error)) throw error
      if (entries.length > 1) {
        const half = entries.length >> 1
        await this.write(entries.slice(0, half), outcome)
        await this.write(entries.slice(half), outcome)
        return
      }
      if (sqlStateOf(error) === QUERY_CANCELED) throw error
      const rejection = await this.#writeAlone(entries, outcome)
      if (rejection) return outcome.rejected(entries[0]!, rejection)
    }
    outcome.written(entries)
  }

  /**
   * Writes one row, with all that may help: what is known of its table may be out of date. Returns why it is bad; null where it is written.
   */
  async #writeAlone(entries: readonly Entry[], outcome: Outcome): Promise<Error | null> {
    this.#tables.invalidate()
    try {
      await this.#writeOnce(entries, outcome, true)
      return null
    } catch (error) {
      if (error instanceof RowRejected || error instanceof StatementTooLarge) return error
      throw error
    }
  }

  async #writeOnce(entries: readonly Entry[], outcome: Outcome, alone: boolean): Promise<void> {
    try {
      await this.#execute(await this.#statements(entries, alone), entries, outcome)
    } catch (error) {
      if (!(error instanceof TableChanged)) throw error
      // The table was altered since it was loaded.
      this.#tables.invalidate()
      await this.#execute(await this.#statements(entries, alone), entries, outcome)
    }
  }

  async #execute(statements: readonly Statement[], entries: readonly Entry[], { begin }: Outcome): Promise<void> {
    const [only, more] = statements
    if (!begin && !only) return
    if (!begin && !more) return await this.#run(only!)
    await this.#connection.transaction(async () => {
      await begin?.(entries)
      for (const statement of statements) await this.#run(statement)
    })
  }

  async #run(statement: Statement): Promise<void> {
    try {
      if (statement.copied !== null) await this.#connection.copy(statement.text, Buffer.from(statement.copied))
      else await this.#connection.query(statement.text, statement.values)
    } catch (error) {
      throw explained(error, statement.table)
    }
  }

  async #statements(entries: readonly Entry[], alone: boolean): Promise<Statement[]> {
    const steps = groupRows(
      entries.map(({ row }) => row),
      this.#mode === 'upsert' || this.#mode === 'update',
      this.#layouts,
    )
    const statements: Statement[] = []
    let left = alone ? MAX_ROW_CHARS : MAX_TRANSACTION_CHARS
    for (const step of steps) {
      for (const statement of await this.#stepStatements(step, alone, left)) {
        left -= statement.size
        statements.push(statement)
      }
    }
    return statements
  }

  /** The values of each of the statements have at most `limit` characters. */
  async #stepStatements({ table, truncate, deletes, shapes }: TableStep, alone: boolean, limit: number): Promise<Statement[]> {
    const writes: Statement[] = []
    const keys: Keys[] = []
    for (const shape of shapes) {
      const { fields, keyCount } = shape
      const columns = await this.#tables.columns(table, fields, keyCount, alone)
      if (columns.every((column) => column === null))
        throw new RowRejected('it has no field with a value, and the table has none of its columns')
      const written = writtenColumns(columns, fields, this.#form)
      const { takesCopy, columns: all } = await this.#tables.findOrCreate(table, fields, keyCount)
      const isPartial = this.#mode === 'upsert' && [...all.values()].some((column) => column.isRequired && !columns.includes(column))
      const write =
        this.#mode === 'insert' && takesCopy
          ? copyStatement(table.sql, written, shape.rows, limit)
          : writeStatement(table.sql, isPartial ? 'upsert-partly' : this.#mode, written, keyCount, shape.rows, limit)
      if (write) writes.push(write)
      keys.push({ columns: keysOf(written, keyCount), rows: shape.rows })
    }
    // Truncates and deletes go before the writes, which may recreate their rows, but after `columns`, which creates the table.
    const before: Statement[] = []
    if (truncate && (await this.#tables.find(table))) before.push(truncateStatement(table.sql))
    for (const shape of deletes) {
      const written = await this.#keyColumns(table, shape, alone)
      if (!written) continue
      before.push(deleteStatement(table.sql, written, shape.rows, limit))
      keys.push({ columns: written, rows: shape.rows })
    }
    if (this.#mode === 'upsert' || this.#mode === 'update') await this.#requireDifferentKeys(table, keys)
    return [...before, ...writes]
  }

  /** Null where the table does not exist yet, so that there are no such rows. */
  async #keyColumns(table: TableName, { fields, keyCount }: RowShape, alone: boolean): Promise<Written[] | null> {
    if (!(await this.#tables.find(table))) return null
    return writtenColumns(await this.#tables.columns(table, fields, keyCount, alone), fields, this.#form)
  }

  async #requireDifferentKeys(table: TableName, keys: readonly Keys[]): Promise<void> {
    const query = equalKeysQuery(table.sql, keys)
    if (!query) return
    const [found] = await this.#connection.query(query.text, query.values)
    if (found) throw new EqualKeys(`two of the keys are one in ${table.sql}`)
  }
}

const keysOf = (written: readonly Written[], keyCount: number) => written.filter(({ i }) => i < keyCount)

/** Whether a part of the rows may be written where all of them cannot. */
const isForFewerRows = (error: unknown): boolean =>
  error instanceof RowRejected || error instanceof StatementTooLarge || error instanceof EqualKeys || sqlStateOf(error) === QUERY_CANCELED

/** Errors that the user can do something about say what. */
function explained(error: unknown, table: string): unknown {
  if (error instanceof RowRejected) return error
  const advice: Readonly<Record<string, string>> = {
    '42P10': `insert.mode=upsert needs a primary key or a unique index of ${table} over exactly the fields of the key: create it, or change the fields.`,
    '42501': `Grant the user the rights to write ${table}.`,
  }
  const found = advice[sqlStateOf(error) ?? '']
  return found === undefined ? error : new Error(`${(error as Error).message}. ${found}`, { cause: (error as Error).cause })
}
