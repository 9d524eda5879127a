/**
 * The tables of a database: their names, which of them the settings choose, and how they are divided among tasks. Only `listTables` asks
 * the database.
 */
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import type { PostgresConnection } from '../postgres-driver/connection.ts'
import type { QuerySourceConfig } from './settings.ts'

export interface TableId {
  readonly schema: string
  readonly table: string
}

export const nameOf = ({ schema, table }: TableId): string => `${schema}.${table}`

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const quotedNameOf = ({ schema, table }: TableId): string => `${quoted(schema)}.${quoted(table)}`

/** A name in SQL. */
export const identifier = (name: string, quote: boolean): string => (quote ? quoted(name) : name)

/** The tables of a task as text, and back. Quoted, because names may have commas and dots. */
export const formatTables = (tables: readonly TableId[]): string => tables.map(quotedNameOf).join(',')
export function parseTables(text: string): TableId[] {
  const names = [...text.matchAll(/"((?:[^"]|"")*)"\."((?:[^"]|"")*)"/g)]
  return names.map(([, schema, table]) => ({ schema: schema!.replaceAll('""', '"'), table: table!.replaceAll('""', '"') }))
}

/** The kinds of relations by the names that the JDBC driver has for them. */
const kinds: Readonly<Record<string, string>> = {
  TABLE: 'r',
  'PARTITIONED TABLE': 'p',
  VIEW: 'v',
  'MATERIALIZED VIEW': 'm',
  'FOREIGN TABLE': 'f',
}

export const unknownTableTypes = (types: readonly string[]): string[] => types.filter((type) => !(type.toUpperCase() in kinds))

const LIST = `
  SELECT n.nspname AS schema, c.relname AS "table"
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = ANY($1::text[]::"char"[])
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND ($2::text IS NULL OR n.nspname LIKE $2) AND ($3::text IS NULL OR current_database() LIKE $3)
  ORDER BY 1, 2`

/** The tables that the settings choose, in a fixed order. */
export async function listTables(connection: PostgresConnection, config: QuerySourceConfig): Promise<TableId[]> {
  const types = config['table.types'].flatMap((type) => kinds[type.toUpperCase()] ?? [])
  const all = await connection.query<{ schema: string; table: string }>(LIST, [types, config['schema.pattern'], config['catalog.pattern']])
  return chooseTables(all, config)
}

export function chooseTables(all: readonly TableId[], config: QuerySourceConfig): TableId[] {
  const included = config['table.include.list']
  const excluded = config['table.exclude.list']
  const matches = (patterns: readonly string[], table: TableId) => patterns.some((pattern) => javaPattern(pattern).matches(nameOf(table)))
  if (included.length > 0) return all.filter((table) => matches(included, table) && !matches(excluded, table))
  const whitelist = config['table.whitelist']
  const blacklist = config['table.blacklist']
  if (whitelist.length > 0) return all.filter((table) => whitelist.some((name) => isNamed(table, name)))
  return all.filter((table) => !blacklist.some((name) => isNamed(table, name)))
}

/** Whether a name of table.whitelist or table.blacklist is that of a table. A database may stand before it. */
export const isNamed = (table: TableId, name: string): boolean =>
  [table.table, nameOf(table), quotedNameOf(table)].some((own) => name === own || (own !== table.table && name.endsWith(`.${own}`)))

/** Tables whose topics would be one. Null where there are none. */
export function sameTopicProblem(tables: readonly TableId[]): string | null {
  const byName = Map.groupBy(tables, ({ table }) => table)
  const groups = [...byName.values()].filter((group) => group.length > 1)
  if (groups.length === 0) return null
  return (
    'The connector uses the unqualified table name as the topic name and has detected duplicate unqualified table names, which would mix ' +
    'different rows in one topic. Choose one of each with table.whitelist, table.include.list or schema.pattern: ' +
    groups.map((group) => `[${group.map(nameOf).join(', ')}]`).join(', ')
  )
}

/** Divides the tables into at most `groups` groups that follow each other, of which the first ones have one table more where needed. */
export function divideTables(tables: readonly TableId[], groups: number): TableId[][] {
  const count = Math.min(groups, tables.length)
  const size = Math.floor(tables.length / count)
  const larger = tables.length % count
  return Array.from({ length: count }, (_, index) => {
    const from = index * size + Math.min(index, larger)
    return tables.slice(from, from + size + (index < larger ? 1 : 0))
  })
}
