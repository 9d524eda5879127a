/**
 * Turns the rows of a result into records, and finds the position of a row. Made for the columns of one result; the schema of equal
 * columns is one object, since converters remember what they did with a schema.
 */
import { type Schema, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
import { columnNamed } from './catalog.ts'
import { parseInstant } from './instant.ts'
import type { PollPosition } from './position.ts'
import { type ColumnReader, columnReader, type ResultColumn, type TypeMapping } from './types.ts'

export type Row = readonly (string | null)[]

export interface RowMappingOptions {
  readonly topic: string
  /** The name of the table; null for a query. */
  readonly schemaName: string | null
  /** The names that the mode has for its columns. */
  readonly timestamps: readonly string[]
  readonly incrementing: string | null
  readonly types: TypeMapping
}

interface ReadColumn extends ColumnReader {
  readonly name: string
  readonly index: number
}

export class RowMapping {
  readonly #options: RowMappingOptions
  readonly #columns: ReadColumn[] = []
  readonly #schema: Schema
  readonly #timestamps: number[]
  readonly #incrementing: number
  /** Names and types of columns that are left out. */
  readonly unsupported: string[] = []

  constructor(columns: readonly ResultColumn[], options: RowMappingOptions) {
    this.#options = options
    columns.forEach((column, index) => {
      const reader = columnReader(column, options.types)
      if (reader) this.#columns.push({ name: column.name, index, ...reader })
      else this.unsupported.push(`${column.name} (${column.typeName})`)
    })
    const names = columns.map(({ name }) => name)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw new Error(`The query has two columns ${twice}: give one of them another name with AS`)
    this.#schema = schemas.struct(
      Object.fromEntries(this.#columns.map(({ name, schema }) => [name, schema])),
      options.schemaName === null ? {} : { name: options.schemaName },
    )
    const indexOf = (what: string, name: string): number => {
      // A query may name the table before the column.
      const found = columnNamed(columns, name) ?? columnNamed(columns, name.slice(name.lastIndexOf('.') + 1))
      const index = found === null ? -1 : columns.indexOf(found)
      if (index < 0) throw new Error(`${what} column ${name} not found in ${columns.map((column) => column.name).join(',')}`)
      return index
    }
    this.#timestamps = options.timestamps.map((name) => indexOf('Timestamp', name))
    this.#incrementing = options.incrementing === null ? -1 : indexOf('Incrementing', options.incrementing)
  }

  record(row: Row): SourceRecord {
    const value: Record<string, unknown> = {}
    for (const { name, index, read } of this.#columns) {
      const text = row[index]!
      try {
        value[name] = text === null ? null : read(text)
      } catch (error) {
        throw new Error(`The column ${name} of ${this.#options.schemaName ?? 'the query'} cannot be read: ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
    return sourceRecord({ topic: this.#options.topic, value, valueSchema: this.#schema })
  }

  /** Whether two rows have one position. Rows of a mode without positions have none in common. */
  isSamePosition(a: Row, b: Row): boolean {
    if (this.#timestamps.length === 0 && this.#incrementing < 0) return false
    return this.#time(a) === this.#time(b) && (this.#incrementing < 0 || a[this.#incrementing] === b[this.#incrementing])
  }

  position(row: Row): PollPosition {
    const time = this.#time(row)
    return { timestamp: time === null ? null : parseInstant(time, this.#options.types.zone), incrementing: this.#number(row) }
  }

  #time(row: Row): string | null {
    for (const index of this.#timestamps) if (row[index] !== null) return row[index]!
    return null
  }

  #number(row: Row): bigint | null {
    if (this.#incrementing < 0) return null
    const text = row[this.#incrementing]!
    if (text === null) throw new Error(`The incrementing column ${this.#options.incrementing} is null in a row: it must not be nullable`)
    if (!/^-?\d+$/.test(text)) throw new Error(`The incrementing column ${this.#options.incrementing} is no whole number: ${text}`)
    return BigInt(text)
  }
}
