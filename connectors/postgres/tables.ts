/**
 * The tables as the database has them, looked at once and again when they turn out to have changed. It creates and widens them where the
 * settings allow it; it never drops anything. Every name is quoted, so no topic or field can become SQL.
 */
import { type PostgresConnection, RowRejected } from './connection.ts'
import type { Field, TableRows } from './rows.ts'
import type { Config } from './settings.ts'
import { canHold, isWidenable, ownTypeName, widestType } from './types.ts'

/** Integers past this are not all doubles. */
const SAFE_INTEGER = 2 ** 53

export interface Column {
  name: string
  type: string
}

interface Table {
  /** Quoted, as it stands in a statement. */
  sql: string
  columns: Map<string, Column>
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

export class Tables {
  readonly #connection: PostgresConnection
  readonly #creates: boolean
  readonly #evolves: boolean
  readonly #cache = new Map<string, Table>()

  constructor(connection: PostgresConnection, config: Config) {
    this.#connection = connection
    const basic = config['schema.evolution'] === 'basic'
    this.#creates = basic || config['auto.create']
    this.#evolves = basic || config['auto.evolve']
  }

  sql({ schema, name }: TableRows['table']): string {
    return schema === null ? quote(name) : `${quote(schema)}.${quote(name)}`
  }

  invalidate(): void {
    this.#cache.clear()
  }

  /**
   * The columns for some fields, in their order; null for a field that has none and only nulls to write. With `force` columns are widened
   * for text too, which is tried as it is first: a column of numbers takes numbers in quotes.
   */
  async columns(table: TableRows['table'], fields: readonly Field[], keys: readonly Field[], force: boolean): Promise<(Column | null)[]> {
    const sql = this.sql(table)
    let found = this.#cache.get(sql) ?? (await this.#load(sql)) ?? (await this.#create(sql, fields, keys))
    const missing = fields.filter((field) => !columnOf(found, field.name) && field.type !== null)
    if (missing.length > 0) {
      await this.#add(sql, missing)
      found = (await this.#load(sql)) ?? found
    }
    if (this.#evolves) {
      for (const field of fields) {
        const column = columnOf(found, field.name)
        if (!column || !mustWiden(column, field, force)) continue
        await this.#widen(sql, column, field.type!)
        found = (await this.#load(sql)) ?? found
      }
    }
    const columns = fields.map((field) => columnOf(found, field.name) ?? null)
    const seen = new Map<Column, string>()
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]
      if (!column) continue
      const other = seen.get(column)
      if (other !== undefined)
        throw new RowRejected(`its fields "${other}" and "${fields[i]!.name}" are both the column "${column.name}" of ${sql}`)
      seen.set(column, fields[i]!.name)
    }
    return columns
  }

  /** The columns of a key whose rows are to go; null where the table is still to be created, so that there are none. */
  async keyColumns(table: TableRows['table'], keys: readonly Field[], force: boolean): Promise<(Column | null)[] | null> {
    const sql = this.sql(table)
    if (this.#creates && !this.#cache.has(sql) && !(await this.#load(sql))) return null
    return await this.columns(table, keys, keys, force)
  }

  async #load(sql: string): Promise<Table | undefined> {
    const rows = await this.#connection.query<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, -1) AS type FROM pg_catalog.pg_attribute
        WHERE attrelid = to_regclass($1::text) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
      [sql],
    )
    const [there] =
      rows.length > 0
        ? rows
        : await this.#connection.query('SELECT to_regclass($1::text) AS oid WHERE to_regclass($1::text) IS NOT NULL', [sql])
    if (!there) return undefined
    const table = { sql, columns: new Map(rows.map(({ name, type }) => [name, { name, type: ownTypeName(type) }])) }
    this.#cache.set(sql, table)
    return table
  }

  async #create(sql: string, fields: readonly Field[], keys: readonly Field[]): Promise<Table> {
    if (!this.#creates) throw new Error(`The table ${sql} does not exist. Create it, or set auto.create=true.`)
    const columns = fields.filter((field) => field.type !== null).map((field) => `${quote(field.name)} ${field.type}`)
    if (keys.length > 0) columns.push(`PRIMARY KEY (${keys.map((key) => quote(key.name)).join(', ')})`)
    if (columns.length === 0) throw new RowRejected('all of its fields are null: they tell no types to create a table of')
    await this.#executeRacing(`CREATE TABLE IF NOT EXISTS ${sql} (${columns.join(', ')})`)
    const table = await this.#load(sql)
    if (!table) throw new Error(`The table ${sql} was created and is not there: check the search_path of the user`)
    return table
  }

  async #add(sql: string, fields: readonly Field[]): Promise<void> {
    const names = fields.map((field) => quote(field.name)).join(', ')
    if (!this.#evolves)
      throw new Error(
        `The table ${sql} lacks the column ${names}. Add it, set auto.evolve=true, or leave the field out by fields.whitelist.`,
      )
    await this.#executeRacing(
      `ALTER TABLE ${sql} ${fields.map((field) => `ADD COLUMN IF NOT EXISTS ${quote(field.name)} ${field.type}`).join(', ')}`,
    )
  }

  async #widen(sql: string, column: Column, asked: string): Promise<void> {
    const name = quote(column.name)
    let type = widestType(column.type, asked)
    if (column.type === 'bigint' && type === 'double precision') {
      const [large] = await this.#connection.query(`SELECT 1 FROM ${sql} WHERE abs(${name}::numeric) > ${SAFE_INTEGER} LIMIT 1`)
      if (large) type = 'numeric'
    }
    const using = type === 'jsonb' ? `to_jsonb(${name})` : `${name}::${type}`
    await this.#connection.query(`ALTER TABLE ${sql} ALTER COLUMN ${name} TYPE ${type} USING ${using}`)
  }

  /** Two tasks may do the same at once; the one that comes second finds it done. */
  async #executeRacing(statement: string): Promise<void> {
    try {
      await this.#connection.query(statement)
    } catch (error) {
      const code = ((error as Error).cause as { code?: string } | undefined)?.code
      if (code !== '42P07' && code !== '42701' && code !== '23505') throw error
    }
  }
}

/** By its name, else by its name in another case where that is one column only. */
function columnOf(table: Table, name: string): Column | undefined {
  const exact = table.columns.get(name)
  if (exact) return exact
  const lower = name.toLowerCase()
  const alike = [...table.columns.values()].filter((column) => column.name.toLowerCase() === lower)
  return alike.length === 1 ? alike[0] : undefined
}

function mustWiden(column: Column, field: Field, force: boolean): boolean {
  if (field.declared || field.type === null || !isWidenable(column.type) || canHold(column.type, field.type)) return false
  // a boolean column would take '1' and 'yes' for true
  return force || field.type !== 'text' || column.type === 'boolean'
}
