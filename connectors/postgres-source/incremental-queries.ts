/**
 * The queries of an incremental snapshot: the greatest key of a table,
 * and the rows of a chunk after a key. Texts and their values only.
 */
import type { ChunkKey, Collection } from './incremental-state.ts'
import { quoted } from './snapshot-queries.ts'
import { columnExpressions, qualifiedTable } from './snapshot-selection.ts'
import type { Column, Table } from './types.ts'

export interface Query {
  text: string
  values: (string | null)[]
}

export interface ChunkSource {
  table: Table
  /** Those by which chunks are divided, in order. */
  key: readonly Column[]
  /** Those by which changes in the stream name a row. */
  identity: readonly Column[]
  collection: Collection
  /** Whether rows can have the same key: those of the last one then come with their chunk. */
  hasTies: boolean
  isRead(column: string): boolean
}

/** Fails where the filter is no condition by itself: a parenthesis that it closes and opens again would change what the others select. */
export const filterQuery = ({ table, collection }: ChunkSource): Query => ({
  text: `SELECT 1 FROM ${qualifiedTable(table)} WHERE ${collection.filter}\nLIMIT 0`,
  values: [],
})

export const maximumKeyQuery = ({ table, key, collection }: ChunkSource): Query => ({
  text:
    `SELECT ${key.map(({ name }) => quoted(name)).join(', ')} FROM ${qualifiedTable(table)}${where([condition(collection)])} ` +
    `ORDER BY ${key.map(({ name }) => `${quoted(name)} DESC`).join(', ')} LIMIT 1`,
  values: [],
})

/** The rows after `after`, or from the first one, up to `maximum`, with the table's columns first and those of the key behind them. */
export function chunkQuery(source: ChunkSource, after: ChunkKey | null, maximum: ChunkKey, limit: number): Query {
  const values: (string | null)[] = []
  const bounds = [...(after ? [greater(source.key, after, values)] : []), upTo(source.key, maximum, values)]
  const end = source.hasTies ? `FETCH FIRST ${limit} ROWS WITH TIES` : `LIMIT ${limit}`
  return {
    text: `${select(source)}${where([...bounds, condition(source.collection)])} ORDER BY ${names(source.key)} ${end}`,
    values,
  }
}

/** The rows with these identities. */
export function rowsQuery(source: ChunkSource, identities: readonly ChunkKey[]): Query {
  const values: (string | null)[] = []
  const rows = identities.map(
    (identity) => `(${source.identity.map(({ name }, place) => equal(name, identity[place]!, values)).join(' AND ')})`,
  )
  return { text: `${select(source)}${where([`(${rows.join(' OR ')})`, condition(source.collection)])}`, values }
}

const select = ({ table, key, isRead }: ChunkSource): string =>
  `SELECT ${[...columnExpressions(table, isRead), ...key.map(({ name }) => quoted(name))].join(', ')} FROM ${qualifiedTable(table)}`

const names = (key: readonly Column[]): string => key.map(({ name }) => quoted(name)).join(', ')

const condition = ({ filter }: Collection): string => (filter === '' ? '' : `(${filter}\n)`)

const where = (conditions: readonly string[]): string => {
  const given = conditions.filter((text) => text !== '')
  return given.length === 0 ? '' : ` WHERE ${given.join(' AND ')}`
}

function parameter(value: string | null, values: (string | null)[]): string {
  values.push(value)
  return `$${values.length}`
}

const equal = (name: string, value: string | null, values: (string | null)[]): string =>
  value === null ? `${quoted(name)} IS NULL` : `${quoted(name)} = ${parameter(value, values)}`

const hasNoNulls = (key: readonly Column[]): boolean => key.every(({ isOptional }) => !isOptional)

/** A comparison of rows, for which Postgres uses an index. */
const compared = (key: readonly Column[], operator: string, other: ChunkKey, values: (string | null)[]): string =>
  `(${names(key)}) ${operator} (${other.map((value) => parameter(value, values)).join(', ')})`

const upTo = (key: readonly Column[], maximum: ChunkKey, values: (string | null)[]): string =>
  hasNoNulls(key) ? compared(key, '<=', maximum, values) : `NOT ${greater(key, maximum, values)}`

/** Rows behind the key in the order of an index, where NULLs come last. */
function greater(key: readonly Column[], after: ChunkKey, values: (string | null)[]): string {
  if (hasNoNulls(key)) return compared(key, '>', after, values)
  const alternatives = key.map(({ name }, index) => {
    const same = key.slice(0, index).map((column, place) => equal(column.name, after[place]!, values))
    const value = after[index]!
    const behind = value === null ? 'false' : `(${quoted(name)} > ${parameter(value, values)} OR ${quoted(name)} IS NULL)`
    return `(${[...same, behind].join(' AND ')})`
  })
  return `(${alternatives.join(' OR ')})`
}
