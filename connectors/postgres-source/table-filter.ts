/**
 * Which tables are captured: by the lists of schemas and of tables, without the tables of Postgres and PostGIS themselves.
 */
import { type Matches, matchesAny } from './filters.ts'
import { signalTable } from './signal-settings.ts'

interface TableLists {
  readonly 'schema.include.list': string | null
  readonly 'schema.exclude.list': string | null
  readonly 'table.include.list': string | null
  readonly 'table.exclude.list': string | null
  readonly 'table.ignore.builtin': boolean
  /** Captured whatever the lists say: signals come through the stream. */
  readonly 'signal.data.collection': string | null
}

const BUILT_IN_SCHEMAS = ['pg_catalog', 'information_schema']
const BUILT_IN_TABLES = ['spatial_ref_sys']
const TEMPORARY = 'pg_temp'

const isBuiltIn = (schema: string, table: string): boolean =>
  BUILT_IN_SCHEMAS.includes(schema.toLowerCase()) || BUILT_IN_TABLES.includes(table.toLowerCase()) || schema.startsWith(TEMPORARY)

/** Whether the lists let a table through. */
export function tableFilter(lists: TableLists): (schema: string, table: string) => boolean {
  const bySchema = oneOf(lists['schema.include.list'], lists['schema.exclude.list'])
  const byTable = oneOf(lists['table.include.list'], lists['table.exclude.list'])
  const leavesOutBuiltIn = lists['table.ignore.builtin']
  const signals = signalTable(lists)
  return (schema, table) =>
    (bySchema(schema) && byTable(`${schema}.${table}`) && !(leavesOutBuiltIn && isBuiltIn(schema, table))) ||
    (schema === signals?.schema && table === signals.name)
}

/** The list to include, or else the list to exclude. */
function oneOf(include: string | null, exclude: string | null): Matches {
  if (include !== null && include.trim() !== '') return matchesAny(include)
  if (exclude === null || exclude.trim() === '') return () => true
  const isExcluded = matchesAny(exclude)
  return (name) => !isExcluded(name)
}
