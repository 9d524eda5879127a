/**
 * What Debezium made of the sample tables (test/golden/debezium-postgres-types.json), and what the mapping makes of the same rows: texts of
 * JsonConverter, so that no digit is lost in between.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { compiledSettings, tableMapping } from '../../../connectors/postgres-source/mapping.ts'
import { mappingSettings } from '../../../connectors/postgres-source/mapping-settings.ts'
import type { PgType, Table, TableMapping, TextRow } from '../../../connectors/postgres-source/types.ts'

/** A TOASTed value that did not change is false. */
export type GoldenRow = readonly (string | null | false)[]

export interface GoldenChange {
  before: GoldenRow | null
  after: GoldenRow | null
}

/** Schemas as JsonConverter writes them; keys and rows as JSON texts, before and after of the changes. */
export interface MappedTable {
  topic: string
  envelope: string
  key: object | null
  row: object
  snapshot: { key: string | null; after: string }[]
  changes: { key: string | null; before: string | null; after: string | null }[]
}

export interface GoldenTypes {
  types: PgType[]
  tables: Record<string, { table: Table; snapshot: GoldenRow[]; changes: GoldenChange[] }>
  debezium: Record<string, Record<string, MappedTable>>
}

export const textRow = (row: GoldenRow): TextRow => row.map((text) => (text === false ? undefined : text))

export const goldenFile = join(import.meta.dirname, '../../golden/debezium-postgres-types.json')
export const goldenTypes = (): GoldenTypes => JSON.parse(readFileSync(goldenFile, 'utf8'))

/** The mapping of a table with settings, and what it says of values that cannot be converted. */
export function mappingOf(
  types: readonly PgType[],
  table: Table,
  settings: Readonly<Record<string, string>>,
): { mapping: TableMapping; warnings: string[] } {
  const byOid = new Map(types.map((type) => [type.oid, type]))
  const warnings: string[] = []
  const compiled = compiledSettings(parseSettings(mappingSettings, { 'topic.prefix': 'p', ...settings }), (message) =>
    warnings.push(message),
  )
  const type = (oid: number) => {
    const found = byOid.get(oid)
    if (!found) throw new Error(`the test has no type ${oid}`)
    return found
  }
  return { mapping: tableMapping(table, type, compiled), warnings }
}
