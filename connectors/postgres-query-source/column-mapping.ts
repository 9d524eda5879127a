/**
 * Which columns a table is read by: those of timestamp.column.name and incrementing.column.name for every table, or those that the
 * mappings have for the regular expression that a table's name matches. Each table must match exactly one.
 */
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import { type QuerySourceConfig, usesIncrementing, usesTimestamp } from './settings.ts'
import { nameOf, type TableId } from './tables.ts'

export interface PollColumns {
  /** Empty where the mode has none. */
  readonly timestamps: readonly string[]
  /** Null where the mode has none; empty where the first identity or serial column is meant. */
  readonly incrementing: string | null
}

/** The columns that a table, or with null the query, is read by. Throws where no mapping, or more than one, is for the table. */
export function columnsFor(config: QuerySourceConfig, table: TableId | null): PollColumns {
  const timestampMappings = config['timestamp.columns.mapping']
  const incrementingMappings = config['incrementing.column.mapping']
  const timestamps =
    table && timestampMappings.length > 0
      ? mapped(timestampMappings, table, 'timestamp')
          .slice(1, -1)
          .split('|')
          .map((name) => name.trim())
      : config['timestamp.column.name']
  const incrementing = () =>
    table && incrementingMappings.length > 0 ? mapped(incrementingMappings, table, 'incrementing') : config['incrementing.column.name']
  return { timestamps: usesTimestamp(config) ? timestamps : [], incrementing: usesIncrementing(config) ? incrementing() : null }
}

function mapped(mappings: readonly string[], table: TableId, what: string): string {
  const name = nameOf(table)
  const found = mappings.filter((mapping) => javaPattern(mapping.slice(0, mapping.indexOf(':')).trim()).matches(name))
  if (found.length === 1) return found[0]!.slice(found[0]!.indexOf(':') + 1).trim()
  const problem = found.length === 0 ? 'does not match any' : 'matches more than one'
  throw new Error(`Error while validating ${what} column mappings: Included table '${name}' ${problem} of the provided regexes`)
}
