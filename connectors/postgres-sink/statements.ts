/**
 * The SQL statements of the Postgres sink, of any number of rows each. New rows are copied; where rows conflict, are changed or deleted,
 * each column is one array parameter. Names are quoted, and values are never part of the text.
 */
import { UnwritableRecord } from '../../connect/sdk/index.ts'
import { RowRejected } from '../postgres-driver/connection.ts'
import type { Field } from './layouts.ts'
import { quote } from './names.ts'
import type { Column } from './table-catalog.ts'
import { arrayText, type Encode, encoderOf, type ValueForm } from './value-text.ts'

export type Statement = {
  /** The quoted name. */
  table: string
  text: string
  /** The length of all values. */
  size: number
} & ({ values: string[]; copied: null } | { values: null; copied: string })

/**
 * `insert-new` leaves rows as they are that are there already. `upsert-partly` is for rows without a value for a required column: Postgres
 * refuses to insert them before it looks for a conflict, so that those which exist are updated first.
 */
export type WriteMode = 'insert' | 'insert-new' | 'upsert' | 'upsert-partly' | 'update'

type Rows = readonly (readonly unknown[])[]

/** The values of a statement are longer than they may be. */
export class StatementTooLarge extends Error {
  override name = 'StatementTooLarge'
}

/** Counts the characters of the values of one statement, so that no more are collected than it may have (Invariant 13). */
class Size {
  chars = 0
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  add(text: string | null): void {
    this.chars += text === null ? 0 : text.length
    if (this.chars > this.#limit) throw new StatementTooLarge(`its values are longer than ${this.#limit} characters`)
  }
}

/** A column that is written, and the place of its values in the rows. */
export interface Written {
  column: Column
  i: number
  encode: Encode
}

/** Those of the primary key are the first of `fields`. A null column is not written. */
export function writtenColumns(columns: readonly (Column | null)[], fields: readonly Field[], form: ValueForm): Written[] {
  return columns.flatMap((column, i) => {
    if (!column) return []
    const { schema, asTimestamp } = fields[i]!
    return [{ column, i, encode: encoderOf(schema, column.base, form, asTimestamp) }]
  })
}

/** COPY: the fastest way to add rows. The values are at most `limit` characters. @throws StatementTooLarge */
export function copyStatement(table: string, written: readonly Written[], rows: Rows, limit: number): Statement {
  const names = written.map(({ column }) => quote(column.name))
  const size = new Size(limit)
  let copied = ''
  for (const row of rows) {
    for (let n = 0; n < written.length; n++) {
      if (n > 0) copied += '\t'
      const text = textAt(written[n]!, row)
      size.add(text)
      copied += text === null ? '\\N' : escaped(text)
    }
    copied += '\n'
  }
  return { table, text: `COPY ${table} (${names.join(', ')}) FROM STDIN`, size: size.chars, values: null, copied }
}

const SPECIAL = /[\\\n\r\t]/
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const escaped = (text: string): string => (SPECIAL.test(text) ? text.replace(/[\\\n\r\t]/g, (special) => escapes[special]!) : text)

export function writeStatement(
  table: string,
  mode: WriteMode,
  written: readonly Written[],
  keyCount: number,
  rows: Rows,
  limit: number,
): Statement | null {
  const names = written.map(({ column }) => quote(column.name))
  const isKey = ({ i }: Written) => i < keyCount
  const isSet = (one: Written) => !isKey(one) && !one.column.isIdentity
  const keys = names.filter((_, n) => isKey(written[n]!))
  const { from, picks, ...rest } = unnested(written, rows, limit)
  const into = `INSERT INTO ${table} (${names.join(', ')})${written.some(({ column }) => column.isIdentity) ? ' OVERRIDING SYSTEM VALUE' : ''}`
  if (mode === 'update') {
    const sets = written.flatMap((one, n) => (isSet(one) ? [`${names[n]} = ${picks[n]}`] : []))
    const where = written.flatMap((one, n) => (isKey(one) ? [`t.${names[n]} = ${picks[n]}`] : []))
    return sets.length === 0
      ? null
      : { table, text: `UPDATE ${table} AS t SET ${sets.join(', ')} FROM ${from} WHERE ${where.join(' AND ')}`, ...rest }
  }
  if (mode === 'upsert-partly') {
    const sets = written.flatMap((one, n) => (isSet(one) ? [`${names[n]} = r.x${n}`] : []))
    const places = written.flatMap((one, n) => (isKey(one) ? [n] : []))
    const existing =
      sets.length === 0
        ? `SELECT ${places.map((n) => `t.${names[n]} AS x${n}`).join(', ')} FROM ${table} AS t`
        : `UPDATE ${table} AS t SET ${sets.join(', ')} FROM r WHERE ${places.map((n) => `t.${names[n]} = r.x${n}`).join(' AND ')}
          RETURNING ${places.map((n) => `r.x${n}`).join(', ')}`
    const text = `WITH r AS (SELECT ${picks.map((pick, n) => `${pick} AS x${n}`).join(', ')} FROM ${from}), u AS (${existing})
      ${into} SELECT ${names.map((_, n) => `r.x${n}`).join(', ')} FROM r
      WHERE NOT EXISTS (SELECT 1 FROM u WHERE ${places.map((n) => `u.x${n} = r.x${n}`).join(' AND ')})`
    return { table, text, ...rest }
  }
  const insert = `${into} SELECT ${picks.join(', ')} FROM ${from}`
  if (mode === 'insert') return { table, text: insert, ...rest }
  const sets = written.flatMap((one, n) => (isSet(one) ? [`${names[n]} = EXCLUDED.${names[n]}`] : []))
  const conflict = mode === 'upsert' && sets.length > 0 ? `DO UPDATE SET ${sets.join(', ')}` : 'DO NOTHING'
  return { table, text: `${insert} ON CONFLICT (${keys.join(', ')}) ${conflict}`, ...rest }
}

export function deleteStatement(table: string, written: readonly Written[], rows: Rows, limit: number): Statement {
  const { from, picks, ...rest } = unnested(written, rows, limit)
  const where = written.map(({ column }, n) => `t.${quote(column.name)} = ${picks[n]}`).join(' AND ')
  return { table, text: `DELETE FROM ${table} AS t USING ${from} WHERE ${where}`, ...rest }
}

export const truncateStatement = (table: string): Statement => ({
  table,
  text: `TRUNCATE TABLE ${table}`,
  size: 0,
  values: [],
  copied: null,
})

/** The rows as a table of an `unnest`: one array per column. */
function unnested(written: readonly Written[], rows: Rows, limit: number) {
  const size = new Size(limit)
  const values = written.map((one) => {
    const texts = new Array<string | null>(rows.length)
    for (let row = 0; row < rows.length; row++) size.add((texts[row] = textAt(one, rows[row]!)))
    return arrayText(texts)
  })
  // `unnest` flattens arrays of arrays: the values of array columns are sent as text.
  const isArray = ({ base }: Column) => base.endsWith('[]')
  const arrays = written.map(({ column }, n) => `$${n + 1}::${isArray(column) ? 'text' : column.type}[]`)
  return {
    from: `unnest(${arrays.join(', ')}) AS r(${written.map((_, n) => `x${n}`).join(', ')})`,
    picks: written.map(({ column }, n) => (isArray(column) ? `r.x${n}::${column.type}` : `r.x${n}`)),
    values,
    copied: null,
    size: size.chars,
  }
}

/** The text of a row's value; null for NULL. @throws RowRejected */
export function textAt({ column, i, encode }: Written, row: readonly unknown[]): string | null {
  const value = row[i]
  if (value === null || value === undefined) return null
  try {
    return encode(value)
  } catch (error) {
    // The value is not what its schema says, as far as an encoder can tell.
    const why = error instanceof UnwritableRecord ? error.message : `it does not match its schema (${(error as Error).message})`
    throw new RowRejected(`its value for the column "${column.name}" of type ${column.type} cannot be written: ${why}`, { cause: error })
  }
}
