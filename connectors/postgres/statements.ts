/**
 * The SQL statements of the Postgres sink: any number of rows in one, each column an array parameter. Names are quoted, and values are
 * never part of the text.
 */
import { type Column, quote } from './tables.ts'
import { arrayText, textOf } from './types.ts'

export interface Statement {
  text: string
  values: string[]
  /** The length of all values. */
  size: number
}

export type WriteMode = 'insert' | 'insert-new' | 'upsert' | 'update'

/** The columns of the primary key are the first of `columns`. A null column is not written. */
export function writeStatement(
  table: string,
  mode: WriteMode,
  columns: readonly (Column | null)[],
  keyCount: number,
  rows: readonly (readonly unknown[])[],
): Statement | null {
  const used = columns.flatMap((column, i) => (column ? [{ column, i }] : []))
  if (used.length === 0) return null
  const names = used.map(({ column }) => quote(column.name))
  const { from, picks, values, size } = unnested(used, rows)
  const keys = names.slice(0, keyCount)
  const others = names.slice(keyCount)
  if (mode === 'update') {
    if (others.length === 0) return null
    const sets = others.map((name, i) => `${name} = ${picks[keyCount + i]}`).join(', ')
    const where = keys.map((name, i) => `t.${name} = ${picks[i]}`).join(' AND ')
    return { text: `UPDATE ${table} AS t SET ${sets} FROM ${from} WHERE ${where}`, values, size }
  }
  const insert = `INSERT INTO ${table} (${names.join(', ')}) SELECT ${picks.join(', ')} FROM ${from}`
  if (mode === 'insert') return { text: insert, values, size }
  const sets = others.map((name) => `${name} = EXCLUDED.${name}`).join(', ')
  const conflict = mode === 'upsert' && others.length > 0 ? `DO UPDATE SET ${sets}` : 'DO NOTHING'
  return { text: `${insert} ON CONFLICT (${keys.join(', ')}) ${conflict}`, values, size }
}

export function deleteStatement(table: string, columns: readonly Column[], keys: readonly (readonly unknown[])[]): Statement {
  const { from, picks, values, size } = unnested(
    columns.map((column, i) => ({ column, i })),
    keys,
  )
  const where = columns.map((column, i) => `t.${quote(column.name)} = ${picks[i]}`).join(' AND ')
  return { text: `DELETE FROM ${table} AS t USING ${from} WHERE ${where}`, values, size }
}

/** The rows as a table of an `unnest`: one array per column. */
function unnested(used: readonly { column: Column; i: number }[], rows: readonly (readonly unknown[])[]) {
  const values = used.map(({ column, i }) => {
    const texts = new Array<string | null>(rows.length)
    for (let row = 0; row < rows.length; row++) texts[row] = textOf(rows[row]![i], column.type)
    return arrayText(texts)
  })
  // `unnest` flattens arrays of arrays: the values of array columns are sent as text.
  const isArray = (column: Column) => column.type.endsWith('[]')
  const arrays = used.map(({ column }, n) => `$${n + 1}::${isArray(column) ? 'text' : column.type}[]`)
  return {
    from: `unnest(${arrays.join(', ')}) AS r(${used.map((_, n) => `x${n}`).join(', ')})`,
    picks: used.map(({ column }, n) => (isArray(column) ? `r.x${n}::${column.type}` : `r.x${n}`)),
    values,
    size: values.reduce((sum, value) => sum + value.length, 0),
  }
}
