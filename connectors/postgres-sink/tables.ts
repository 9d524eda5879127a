/**
 * The tables of the database, loaded once and again after they were altered. It creates and widens them where the settings allow it, and
 * never drops anything.
 */
import { type PostgresConnection, RowRejected, sqlStateOf } from '../postgres-driver/connection.ts'
import { canHold, isWidenable, widestType } from './column-types.ts'
import type { Field } from './layouts.ts'
import { quote, type TableName } from './names.ts'
import type { SinkOptions } from './options.ts'
import { type Column, loadTable, type Table } from './table-catalog.ts'
import { encoderOf, type ValueForm } from './value-text.ts'

/** Not all integers past this are doubles. */
const SAFE_INTEGER = 2 ** 53

export class Tables {
  readonly #connection: PostgresConnection
  readonly #options: Pick<SinkOptions, 'creates' | 'evolves' | 'tableTypes'>
  readonly #form: ValueForm
  readonly #cache = new Map<string, Table>()

  constructor(connection: PostgresConnection, options: Pick<SinkOptions, 'creates' | 'evolves' | 'tableTypes'>, form: ValueForm) {
    this.#connection = connection
    this.#options = options
    this.#form = form
  }

  invalidate(): void {
    this.#cache.clear()
  }

  /** The table, or null where it does not exist and may be created later. */
  async find(name: TableName): Promise<Table | null> {
    const table = this.#cache.get(name.sql) ?? (await this.#load(name))
    if (!table && !this.#options.creates) throw missingTable(name)
    return table ?? null
  }

  /** The table, created for these fields where it does not exist. */
  async findOrCreate(name: TableName, fields: readonly Field[], keyCount: number): Promise<Table> {
    return this.#cache.get(name.sql) ?? (await this.#load(name)) ?? (await this.#create(name, fields, keyCount))
  }

  /**
   * The columns of some fields, in their order; null for a field that is not written: it has no column and only nulls, or the database
   * computes it. With `force` columns are widened to text too. Without it text is written to other columns as it is first: a column of
   * numbers accepts numbers in quotes.
   */
  async columns(name: TableName, fields: readonly Field[], keyCount: number, force: boolean): Promise<(Column | null)[]> {
    requireDistinct(
      fields,
      fields.map((field) => field.name),
      name,
    )
    let table = await this.findOrCreate(name, fields, keyCount)
    const missing = fields.filter((field) => !columnOf(table, field.name) && field.type !== null)
    if (missing.length > 0) {
      await this.#add(name, table, missing)
      table = (await this.#load(name)) ?? table
    }
    if (this.#options.evolves) {
      for (const field of fields) {
        const column = columnOf(table, field.name)
        if (!column || !mustWiden(column, field, force)) continue
        await this.#widen(name, column, field.type!)
        table = (await this.#load(name)) ?? table
      }
    }
    const columns = fields.map((field) => columnOf(table, field.name) ?? null)
    requireDistinct(
      fields,
      columns.map((column) => column?.name),
      name,
    )
    return columns.map((column) => (column?.isGenerated ? null : column))
  }

  async #load(name: TableName): Promise<Table | undefined> {
    const table = await loadTable(this.#connection, name.sql)
    if (!table) return undefined
    const { tableTypes } = this.#options
    if (tableTypes && !tableTypes.has(table.kind))
      throw new Error(`${name.sql} is a ${table.kind}, and table.types allows ${[...tableTypes].join(', ')}: add ${table.kind} to it.`)
    this.#cache.set(name.sql, table)
    return table
  }

  async #create(name: TableName, fields: readonly Field[], keyCount: number): Promise<Table> {
    if (!this.#options.creates) throw missingTable(name)
    const typed = fields.filter((field) => field.type !== null)
    if (typed.length === 0) throw new RowRejected('all of its fields are null: the table cannot be created without types')
    const columns = typed.map((field) => this.#columnSpec(field, fields.indexOf(field) < keyCount))
    const keys = fields.slice(0, keyCount).map((field) => quote(field.name))
    if (keys.length > 0) columns.push(`PRIMARY KEY (${keys.join(', ')})`)
    const lost = await this.#executeRacing(`CREATE TABLE IF NOT EXISTS ${name.sql} (${columns.join(', ')})`).catch((error) => {
      throw explainedCreation(error, name)
    })
    const table = await this.#load(name)
    if (!table && lost) throw explainedCreation(lost, name)
    if (!table) throw new Error(`The table ${name.sql} was created and cannot be found: check the search_path of the user.`)
    return table
  }

  /** As the JDBC sinks declare it: what a schema does not call optional is NOT NULL, and its default is the column's. */
  #columnSpec(field: Field, isKey: boolean): string {
    const required = isKey || (field.schema !== null && !field.schema.optional)
    return `${quote(field.name)} ${field.type}${this.#defaultOf(field)}${required ? ' NOT NULL' : ''}`
  }

  #defaultOf({ schema, type, asTimestamp }: Field): string {
    const value = schema?.default
    if (value === undefined || value === null) return ''
    const text = encoderOf(schema, type!, this.#form, asTimestamp)(value)
    return text === null ? '' : ` DEFAULT '${text.replaceAll("'", "''")}'`
  }

  async #add(name: TableName, { kind }: Table, fields: readonly Field[]): Promise<void> {
    const names = fields.map((field) => quote(field.name)).join(', ')
    if (!this.#options.evolves)
      throw new Error(
        `The table ${name.sql} lacks the column ${names}. Add it, set auto.evolve=true or schema.evolution=basic, or leave the field out ` +
          'by fields.whitelist or field.exclude.list.',
      )
    if (kind === 'VIEW') throw new Error(`The view ${name.sql} lacks the column ${names}: a view cannot be altered, replace it.`)
    // A row that is there already has no value for a column that may not be null, unless there is a default.
    const specs = fields.map((field) => {
      const value = this.#defaultOf(field)
      return `${quote(field.name)} ${field.type}${value}${value !== '' && field.schema?.optional === false ? ' NOT NULL' : ''}`
    })
    try {
      await this.#executeRacing(`ALTER TABLE ${name.sql} ${specs.map((spec) => `ADD COLUMN IF NOT EXISTS ${spec}`).join(', ')}`)
    } catch (error) {
      throw explainedAlteration(error, name, `add the column ${names}`)
    }
  }

  async #widen(table: TableName, column: Column, valueType: string): Promise<void> {
    const { sql } = table
    const name = quote(column.name)
    let type = widestType(column.type, valueType)
    if (column.type === 'bigint' && type === 'double precision') {
      const [large] = await this.#connection.query(`SELECT 1 FROM ${sql} WHERE abs(${name}::numeric) > ${SAFE_INTEGER} LIMIT 1`)
      if (large) type = 'numeric'
    }
    const using = type === 'jsonb' ? `to_jsonb(${name})` : `${name}::${type}`
    try {
      await this.#connection.query(`ALTER TABLE ${sql} ALTER COLUMN ${name} TYPE ${type} USING ${using}`)
    } catch (error) {
      throw explainedAlteration(error, table, `make the column ${name} ${type}`)
    }
  }

  /**
   * Runs a statement that another task may run at the same time: the second one fails because it is done already. Returns that error; null
   * where there was none.
   */
  async #executeRacing(statement: string): Promise<Error | null> {
    try {
      await this.#connection.query(statement)
      return null
    } catch (error) {
      // A table, a column, a row of the catalog, or the type of the table is there already.
      if (!['42P07', '42701', '23505', '42710'].includes(sqlStateOf(error) ?? '')) throw error
      return error as Error
    }
  }
}

/** @throws RowRejected where two fields are one column. */
function requireDistinct(fields: readonly Field[], columns: readonly (string | undefined)[], { sql }: TableName): void {
  const seen = new Map<string, string>()
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i]
    if (column === undefined) continue
    const other = seen.get(column)
    if (other !== undefined)
      throw new RowRejected(`its fields "${other}" and "${fields[i]!.field}" are both the column "${column}" of ${sql}`)
    seen.set(column, fields[i]!.field)
  }
}

const missingTable = ({ sql }: TableName) =>
  new Error(`The table ${sql} does not exist. Create it, or set auto.create=true or schema.evolution=basic.`)

function explainedCreation(error: unknown, { sql, schema }: TableName): unknown {
  const code = sqlStateOf(error)
  const { message } = error as Error
  const advice =
    code === '3F000'
      ? `Create the schema ${quote(schema ?? 'public')}.`
      : code === '42501'
        ? 'Grant the user CREATE on the schema, or create the table.'
        : code === '42704'
          ? 'Create the extension that has this type, or the table with columns of other types.'
          : code === '42710'
            ? 'Rename the type, or the topic by a transform.'
            : null
  return advice === null ? error : new Error(`The table ${sql} cannot be created: ${message}. ${advice}`, { cause: error })
}

function explainedAlteration(error: unknown, { sql }: TableName, what: string): unknown {
  if (sqlStateOf(error) !== '42501') return error
  return new Error(`The table ${sql} cannot be altered: ${(error as Error).message}. Make the user its owner, or ${what}.`, {
    cause: error,
  })
}

/** The column of this name; else the only one with this name in another case. */
function columnOf(table: Table, name: string): Column | undefined {
  return table.columns.get(name) ?? table.columnsInLowerCase.get(name.toLowerCase()) ?? undefined
}

function mustWiden(column: Column, field: Field, force: boolean): boolean {
  if (field.schema !== null || field.type === null || !isWidenable(column.type) || canHold(column.type, field.type)) return false
  // A boolean column would accept '1' and 'yes' as true.
  return force || field.type !== 'text' || column.type === 'boolean'
}
