/**
 * What a config would fail at in its database: a refused login, a missing database or table, a missing right. Each is reported at the
 * setting to change.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { PostgresConnection, sqlStateOf } from '../postgres-driver/connection.ts'
import { Names, type TableName } from './names.ts'
import type { SinkOptions } from './options.ts'

/** The names of the settings that are reported. */
export interface CheckedSettings {
  user: string
  tableFormat: string
  creates: string
}

export async function checkDatabase(options: SinkOptions, names: CheckedSettings, signal: AbortSignal): Promise<SettingProblem[]> {
  const connection = new PostgresConnection(options.connection, 0)
  const close = () => void connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    const [server] = await connection.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
    if (server!.standby) return [{ setting: 'connection.url', why: 'the server is a standby, which cannot be written: name the primary' }]
    return [...(await createProblems(connection, options, names)), ...(await tableProblems(connection, options, names))]
  } catch (error) {
    const problem = loginProblem(error, names)
    if (problem) return [problem]
    throw error
  } finally {
    signal.removeEventListener('abort', close)
    await connection.close()
  }
}

function loginProblem(error: unknown, { user }: CheckedSettings): SettingProblem | null {
  const state = sqlStateOf(error)
  const why = (error as Error).message
  if (state === '3D000') return { setting: 'connection.url', why }
  if (state === '28P01') return { setting: 'connection.password', why }
  return state?.startsWith('28') || /refuses the login/.test(why) ? { setting: user, why } : null
}

/** The table that the config names whatever the record is; null where it depends on the record. */
function fixedTable({ tableFormat, topicDots, foldsNames }: SinkOptions): TableName | null {
  return tableFormat.includes('${') ? null : new Names({ tableFormat, topicDots, foldsNames }).table('', null)
}

async function createProblems(connection: PostgresConnection, options: SinkOptions, names: CheckedSettings): Promise<SettingProblem[]> {
  const checks: { setting: string; schema: string | null }[] = []
  const [schema] = options.tableFormat.split(/\.(?![^{]*\})/)
  const own = options.tableFormat === schema || schema!.includes('${') ? null : schema!
  const isTopicSchema = options.tableFormat.includes('${') && (schema!.includes('${source.') || options.topicDots === 'separators')
  if (options.creates && !(own === null && isTopicSchema)) checks.push({ setting: names.creates, schema: own })
  if (options.offsetTable !== null && !options.offsetTable.includes('.'))
    checks.push({ setting: 'exactly.once.offsets.table', schema: null })
  const problems: SettingProblem[] = []
  for (const { setting, schema: name } of checks) {
    const [found] = await connection.query<{ name: string | null; there: boolean; may: boolean | null }>(
      `SELECT s.name, n.oid IS NOT NULL AS there, has_schema_privilege(n.oid, 'CREATE') AS may
        FROM (SELECT coalesce($1::text, current_schema()::text) AS name) AS s LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name`,
      [name === null ? null : options.foldsNames ? name.toLowerCase() : name],
    )
    const what = found!.name === null ? 'no schema of the search_path exists' : `the schema "${found!.name}" does not exist`
    if (!found!.there) problems.push({ setting, why: `${what}, in which tables are to be created: create it` })
    else if (!found!.may)
      problems.push({ setting, why: `the user has no right to create tables in the schema "${found!.name}": grant CREATE` })
  }
  return problems
}

async function tableProblems(connection: PostgresConnection, options: SinkOptions, names: CheckedSettings): Promise<SettingProblem[]> {
  const table = fixedTable(options)
  if (!table) return []
  const [found] = await connection.query<{ oid: string | null; lacking: string[] }>(
    `SELECT to_regclass($1::text)::oid::text AS oid, ARRAY(SELECT p FROM unnest($2::text[]) AS p
      WHERE to_regclass($1::text) IS NOT NULL AND NOT has_table_privilege(to_regclass($1::text), p)) AS lacking`,
    [table.sql, rightsOf(options)],
  )
  if (found!.oid === null)
    return options.creates
      ? []
      : [{ setting: names.tableFormat, why: `the table ${table.sql} does not exist: create it, or set ${names.creates}` }]
  if (found!.lacking.length === 0) return []
  return [{ setting: names.tableFormat, why: `the user has no right to ${found!.lacking.join(', ')} in ${table.sql}: grant it` }]
}

/** Conflicts and conditions read the columns of the key. */
function rightsOf({ insertMode, deletes, truncates, keyMode }: SinkOptions): string[] {
  const writes = { insert: ['INSERT'], upsert: ['INSERT', 'UPDATE', 'SELECT'], update: ['UPDATE', 'SELECT'] }[insertMode]
  const reads = deletes || (insertMode === 'insert' && keyMode === 'kafka') ? ['SELECT'] : []
  return [...new Set([...writes, ...reads, ...(deletes ? ['DELETE'] : []), ...(truncates ? ['TRUNCATE'] : [])])]
}
