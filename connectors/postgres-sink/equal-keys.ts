/**
 * Keys of a batch that differ as texts and may be one key for Postgres: A and a in a citext column, 1.0 and 1.00 in a numeric one. A
 * statement must not write both, because it has no order of rows. Postgres is asked only where the texts leave a doubt.
 */
import { quote } from './names.ts'
import { textAt, type Written } from './statements.ts'
import { arrayText } from './value-text.ts'

/** Keys of rows: the columns, whose `i` are places in the rows. */
export interface Keys {
  readonly columns: readonly Written[]
  readonly rows: readonly (readonly unknown[])[]
}

const INTEGER = /^-?(?:0|[1-9]\d*)$/
/** Texts that are each the only one of their value. */
const onlyTexts: Readonly<Record<string, RegExp>> = {
  smallint: INTEGER,
  integer: INTEGER,
  bigint: INTEGER,
  oid: INTEGER,
  numeric: INTEGER,
  boolean: /^(?:true|false)$/,
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  date: /^\d{4}-\d\d-\d\d$/,
  bytea: /^\\x[0-9a-f]*$/,
}
const textTypes = new Set(['text', 'character varying'])

function mayHaveOtherTexts({ column, i }: Written, rows: Keys['rows'], texts: readonly (string | null)[]): boolean {
  if (textTypes.has(column.base)) return !column.isDeterministic
  const only = onlyTexts[column.base]
  return texts.some((text, row) => {
    const value = rows[row]![i]
    // Numbers, booleans and dates have one text each.
    if (typeof value !== 'string' && (typeof value !== 'object' || value instanceof Date)) return false
    return text !== null && !only?.test(text)
  })
}

export interface EqualKeysQuery {
  readonly text: string
  readonly values: string[]
}

/** The query that has a row where two of these keys are one; null where all are certainly different. @throws RowRejected */
export function equalKeysQuery(table: string, all: readonly Keys[]): EqualKeysQuery | null {
  const [first] = all
  if (!first || first.columns.length === 0) return null
  const names = first.columns.map(({ column }) => column.name)
  const texts: (string | null)[][] = names.map(() => [])
  let isUncertain = false
  for (const { columns, rows } of all) {
    // Keys of other columns are other keys.
    if (columns.length !== names.length || columns.some(({ column }, n) => column.name !== names[n])) continue
    for (const [n, column] of columns.entries()) {
      const own = rows.map((row) => textAt(column, row))
      isUncertain ||= mayHaveOtherTexts(column, rows, own)
      for (const text of own) texts[n]!.push(text)
    }
  }
  if (!isUncertain || texts[0]!.length < 2) return null
  const places = names.map((_, n) => `x${n}`).join(', ')
  const typed = first.columns.map(({ column }, n) => `x${n}::${column.type}`).join(', ')
  return {
    // No row of the table is read: it gives the collations of its columns.
    text: `SELECT 1 FROM (
        SELECT ${typed} FROM (SELECT DISTINCT * FROM unnest(${names.map((_, n) => `$${n + 1}::text[]`).join(', ')}) AS r(${places})) AS d
        UNION ALL SELECT ${names.map(quote).join(', ')} FROM ${table} WHERE false) AS k(${places})
      GROUP BY ${places} HAVING count(*) > 1 LIMIT 1`,
    values: texts.map(arrayText),
  }
}
