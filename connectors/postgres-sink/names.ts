/**
 * The names of tables and columns. Every name is quoted in SQL, so that no topic or field becomes SQL; names that Postgres would cut, so
 * that two could become one, are refused.
 */

import { UnwritableRecord } from '../../connect/sdk/index.ts'
import type { SinkOptions } from './options.ts'
import { TOPIC } from './shared-settings.ts'

/** Postgres cuts longer names. */
const NAME_BYTES = 63
const MAX_CACHED_TABLES = 10_000
const PLACEHOLDER = /\$\{(topic|source\.[^}]*)\}/g

export interface TableName {
  schema: string | null
  name: string
  /** As statements have it. */
  sql: string
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

export function tableName(schema: string | null, name: string): TableName {
  return { schema, name, sql: schema === null ? quote(name) : `${quote(schema)}.${quote(name)}` }
}

/** @throws UnwritableRecord */
export function checkName(name: string, what: 'table' | 'column'): string {
  if (name === '' || name.includes('\0')) throw new UnwritableRecord(`${JSON.stringify(name)} cannot be the name of a ${what}`)
  if (Buffer.byteLength(name) > NAME_BYTES)
    throw new UnwritableRecord(
      `"${name}" is longer than the name of a ${what} can be in Postgres (${NAME_BYTES} bytes): rename it by a transform`,
    )
  return name
}

type Source = Readonly<Record<string, unknown>>

export class Names {
  readonly #format: string
  readonly #dots: SinkOptions['topicDots']
  readonly #folds: boolean
  readonly #tables = new Map<string, TableName>()
  /** Whether the table depends on the source of a change event. */
  readonly needsSource: boolean

  constructor({ tableFormat, topicDots, foldsNames }: Pick<SinkOptions, 'tableFormat' | 'topicDots' | 'foldsNames'>) {
    this.#format = tableFormat
    this.#dots = topicDots
    this.#folds = foldsNames
    this.needsSource = /\$\{source\./.test(tableFormat)
  }

  /** The table of a record. @throws UnwritableRecord */
  table(topic: string, source: Source | null): TableName {
    if (!this.needsSource) {
      const known = this.#tables.get(topic)
      if (known) return known
    }
    const parts = this.#parts(topic, source)
    const key = this.needsSource ? JSON.stringify(parts) : topic
    let table = this.#tables.get(key)
    if (!table) {
      const [name, schema = null] = parts.reverse().map((part) => checkName(this.#folded(part), 'table'))
      table = tableName(schema, name!)
      if (this.#tables.size >= MAX_CACHED_TABLES) this.#tables.clear()
      this.#tables.set(key, table)
    }
    return table
  }

  /** The column of a field. @throws UnwritableRecord */
  column(field: string): string {
    return checkName(this.#folded(field), 'column')
  }

  #folded(name: string): string {
    return this.#folds ? name.toLowerCase() : name
  }

  /** Schema and table, or the table alone. A database before them is left out, as in the JDBC sinks: the URL names it. */
  #parts(topic: string, source: Source | null): string[] {
    const parts =
      this.#dots === 'separators'
        ? this.#filled(this.#format, topic, source).split('.')
        : this.#format.split(/\.(?![^{]*\})/).map((part) => this.#filled(part, topic.replaceAll('.', '_'), source))
    if (parts.length > 3)
      throw new UnwritableRecord(
        `"${parts.join('.')}" is no name of a table: it has ${parts.length} parts. Set a format without ${TOPIC}, or rename the topic by a transform`,
      )
    return parts.slice(-2)
  }

  #filled(format: string, topic: string, source: Source | null): string {
    return format.replace(PLACEHOLDER, (placeholder, name: string) => {
      if (name === 'topic') return topic
      const value = source?.[name.slice('source.'.length)]
      if (value === null || value === undefined)
        throw new UnwritableRecord(
          `the format of the table has ${placeholder}, and ${source ? 'its source has no such field' : 'it is no change event of Debezium'}`,
        )
      return String(value)
    })
  }
}
