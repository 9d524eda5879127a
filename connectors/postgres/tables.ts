/**
 * The tables of the database, loaded once and again after they were altered. It creates and widens them where the settings allow it, and
 * never drops anything. Every name is quoted, so that no topic or field becomes SQL.
 */
import { type PostgresConnection, RowRejected } from './connection.ts'
import type { Field, TableRows } from './rows.ts'
import type { PostgresSinkConfig } from './settings.ts'
import { canHold, isWidenable, ownTypeName, widestType } from './types.ts'

/** Not all integers past this are doubles. */
const SAFE_INTEGER = 2 ** 53

export interface Column {
  name: string
  type: string
}

interface Table {
  /** The quoted name, as statements have it. */
  sql: string
  columns: Map<string, Column>
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

export class Tables {
  readonly #connection: PostgresConnection
  readonly #creates: boolean
  readonly #evolves: boolean
  readonly #cache = new Map<string, Table>()

  constructor(connection: PostgresConnection, config: PostgresSinkConfig) {
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
   * The columns of some fields, in their order; null for a field without a column that has only nulls to write. With `force` columns are
   * widened to text too. Without it text is written to other columns as it is first: a column of numbers accepts numbers in quotes.
   */
  async columns(table: TableRows['table'], fields: readonly Field[], keys: readonly Field[], force: boolean): Promise<(Column | null)[]> {
    const sql = this.sql(table)
    let loaded = this.#cache.get(sql) ?? (await this.#load(sql)) ?? (await this.#create(sql, fields, keys))
    const missing = fields.filter((field) => !columnOf(loaded, field.name) && field.type !== null)
    if (missing.length > 0) {
      await this.#add(sql, missing)
      loaded = (await this.#load(sql)) ?? loaded
    }
    if (this.#evolves) {
      for (const field of fields) {
        const column = columnOf(loaded, field.name)
        if (!column || !mustWiden(column, field, force)) continue
        await this.#widen(sql, column, field.type!)
        loaded = (await this.#load(sql)) ?? loaded
      }
    }
    const columns = fields.map((field) => columnOf(loaded, field.name) ?? null)
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

  /** The columns of the keys to delete; null where the table does not exist yet, so that there are no such rows. */
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
    const [exists] =
      rows.length > 0
        ? rows
        : await this.#connection.query('SELECT to_regclass($1::text) AS oid WHERE to_regclass($1::text) IS NOT NULL', [sql])
    if (!exists) return undefined
    const table = { sql, columns: new Map(rows.map(({ name, type }) => [name, { name, type: ownTypeName(type) }])) }
    this.#cache.set(sql, table)
    return table
  }

  async #create(sql: string, fields: readonly Field[], keys: readonly Field[]): Promise<Table> {
    if (!this.#creates) throw new Error(`The table ${sql} does not exist. Create it, or set auto.create=true.`)
    const columns = fields.filter((field) => field.type !== null).map((field) => `${quote(field.name)} ${field.type}`)
    if (keys.length > 0) columns.push(`PRIMARY KEY (${keys.map((key) => quote(key.name)).join(', ')})`)
    if (columns.length === 0) throw new RowRejected('all of its fields are null: the table cannot be created without types')
    await this.#executeRacing(`CREATE TABLE IF NOT EXISTS ${sql} (${columns.join(', ')})`)
    const table = await this.#load(sql)
    if (!table) throw new Error(`The table ${sql} was created and cannot be found: check the search_path of the user`)
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

  async #widen(sql: string, column: Column, valueType: string): Promise<void> {
    const name = quote(column.name)
    let type = widestType(column.type, valueType)
    if (column.type === 'bigint' && type === 'double precision') {
      const [large] = await this.#connection.query(`SELECT 1 FROM ${sql} WHERE abs(${name}::numeric) > ${SAFE_INTEGER} LIMIT 1`)
      if (large) type = 'numeric'
    }
    const using = type === 'jsonb' ? `to_jsonb(${name})` : `${name}::${type}`
    await this.#connection.query(`ALTER TABLE ${sql} ALTER COLUMN ${name} TYPE ${type} USING ${using}`)
  }

  /** Runs a statement that another task may run at the same time: the second one fails because it is done already. */
  async #executeRacing(statement: string): Promise<void> {
    try {
      await this.#connection.query(statement)
    } catch (error) {
      const code = ((error as Error).cause as { code?: string } | undefined)?.code
      if (code !== '42P07' && code !== '42701' && code !== '23505') throw error
    }
  }
}

/** The column of this name; else the only one with this name in another case. */
function columnOf(table: Table, name: string): Column | undefined {
  const exact = table.columns.get(name)
  if (exact) return exact
  const lower = name.toLowerCase()
  const alike = [...table.columns.values()].filter((column) => column.name.toLowerCase() === lower)
  return alike.length === 1 ? alike[0] : undefined
}

function mustWiden(column: Column, field: Field, force: boolean): boolean {
  if (field.declared || field.type === null || !isWidenable(column.type) || canHold(column.type, field.type)) return false
  // A boolean column would accept '1' and 'yes' as true.
  return force || field.type !== 'text' || column.type === 'boolean'
}
