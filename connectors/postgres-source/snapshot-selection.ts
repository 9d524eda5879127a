/**
 * Which tables a snapshot reads, and what of them: `snapshot.include.collection.list`, the statements of the user, the captured columns.
 * It decides only.
 */
import { matchers, matchesAny } from './filters.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { isSignalTable } from './signal-settings.ts'
import { qualified, quoted } from './snapshot-queries.ts'
import type { Table } from './types.ts'

export const tableName = ({ schema, name }: Pick<Table, 'schema' | 'name'>): string => `${schema}.${name}`

export const qualifiedTable = ({ schema, name }: Pick<Table, 'schema' | 'name'>): string => qualified(schema, name)

/**
 * The tables of the initial snapshot, of those that are captured, in the order in which `table.include.list` names them and then by name.
 * The table of signals has nothing to tell.
 */
export function snapshotTables(config: PostgresSourceConfig, captured: readonly Table[]): Table[] {
  const list = config['snapshot.include.collection.list']
  const isIncluded = list === null ? () => true : matchesAny(list)
  const names = (table: Table) => [tableName(table), qualifiedTable(table)]
  const tables = captured.filter((table) => names(table).some(isIncluded) && !isSignalTable(table, config))
  const sorted = tables.sort((left, right) => (tableName(left) < tableName(right) ? -1 : 1))
  const patterns = matchers(config['table.include.list'] ?? '')
  const named = patterns.flatMap((matches) => sorted.filter((table) => matches(tableName(table))))
  return [...new Set([...named, ...sorted])]
}

/** The statement that reads a table; null where the setting does not name it. */
export function statementOf(table: Pick<Table, 'schema' | 'name'>, config: PostgresSourceConfig): string | null {
  const name = tableName(table)
  if (!config['snapshot.select.statement.overrides'].includes(name)) return null
  return config['snapshot.select.statement.overrides.(table)'][`snapshot.select.statement.overrides.${name}`] ?? null
}

/** Expressions of the table's columns in their order; NULL for those that `isRead` leaves out. */
export const columnExpressions = (table: Table, isRead: (column: string) => boolean): string[] =>
  table.columns.map(({ name }) => (isRead(name) ? quoted(name) : 'NULL'))
