/**
 * What would fail at the database, found before a task runs: the login, tables that are not there or not readable, missing and nullable
 * columns, and a query that Postgres does not accept. It reads the catalog only, and plans the query without executing it.
 */
import { InvalidSetting, Retriable, type SettingProblem } from '../../connect/sdk/index.ts'
import { PostgresConnection } from '../postgres-driver/connection.ts'
import { describeTable } from './catalog.ts'
import { columnsFor } from './column-mapping.ts'
import { columnProblems } from './column-problems.ts'
import { withoutMaskedQuery } from './masked-query.ts'
import { visibilityProblem } from './open-transactions.ts'
import { pollStatement } from './poll-statement.ts'
import { NO_POSITION } from './position.ts'
import { type QuerySourceConfig, queryOf } from './settings.ts'
import { identifier, isNamed, listTables, nameOf, sameTopicProblem } from './tables.ts'

/** More are not looked at: a check must be done while somebody waits. */
const MAX_CHECKED_TABLES = 200

export function connectionOf(config: QuerySourceConfig): PostgresConnection {
  const settings = { url: config['connection.url'], user: config['connection.user'], password: config['connection.password'] }
  return new PostgresConnection(settings, config['connection.backoff.ms'])
}

export async function checkSystem(config: QuerySourceConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> {
  const connection = connectionOf(config)
  const close = () => void connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    try {
      await connection.query('SELECT 1')
    } catch (error) {
      if (signal.aborted || error instanceof InvalidSetting) throw error
      return [{ setting: 'connection.url', why: (error as Error).message }]
    }
    const invisible = config['timestamp.wait.for.transactions'] ? await visibilityProblem(connection) : null
    const problems = queryOf(config) === null ? await tableProblems(connection, config) : await queryProblems(connection, config)
    return invisible === null ? problems : [...problems, { setting: 'timestamp.wait.for.transactions', why: invisible }]
  } finally {
    signal.removeEventListener('abort', close)
    await connection.close()
  }
}

async function tableProblems(connection: PostgresConnection, config: QuerySourceConfig): Promise<SettingProblem[]> {
  const tables = await listTables(connection, config)
  const problems: SettingProblem[] = config['table.whitelist']
    .filter((name) => !tables.some((table) => isNamed(table, name)))
    .map((name) => ({ setting: 'table.whitelist', why: `There is no table ${name} that schema.pattern and table.types allow` }))
  if (tables.length === 0 && problems.length === 0) {
    const setting = config['table.include.list'].length > 0 ? 'table.include.list' : 'table.blacklist'
    return [{ setting, why: 'No table of the database is chosen: its name is schema.table, and table.types must have its type' }]
  }
  const duplicate = sameTopicProblem(tables)
  if (duplicate)
    problems.push({ setting: config['table.include.list'].length > 0 ? 'table.include.list' : 'table.whitelist', why: duplicate })
  for (const table of tables.slice(0, MAX_CHECKED_TABLES)) {
    const description = await describeTable(connection, table)
    if (!description) continue
    try {
      problems.push(...columnProblems(nameOf(table), columnsFor(config, table), description, config['validate.non.null']).map(atMapping))
    } catch (error) {
      problems.push({ setting: 'table.include.list', why: (error as Error).message })
    }
  }
  return problems

  function atMapping({ setting, why }: SettingProblem): SettingProblem {
    if (config['table.include.list'].length === 0) return { setting, why }
    if (setting === 'incrementing.column.name') return { setting: 'incrementing.column.mapping', why }
    return { setting: setting === 'timestamp.column.name' ? 'timestamp.columns.mapping' : setting, why }
  }
}

async function queryProblems(connection: PostgresConnection, config: QuerySourceConfig): Promise<SettingProblem[]> {
  const quote = config['quote.sql.identifiers'] === 'always'
  const { timestamps, incrementing } = columnsFor(config, null)
  const select = pollStatement({
    select: queryOf(config)!,
    timestamps: timestamps.map((name) => identifier(name, quote)),
    incrementing: incrementing === null ? null : identifier(incrementing, quote),
    position: NO_POSITION,
    delayMs: config['timestamp.delay.interval.ms'],
    before: null,
    suffix: config['query.suffix'],
  })
  try {
    await connection.statement(`EXPLAIN ${select}`)
    return []
  } catch (error) {
    if (error instanceof Retriable) throw error
    const setting = config.query === '' ? 'query.masked' : 'query'
    const appended =
      config.mode === 'bulk' ? '' : '. The condition and the order of the mode are appended to it, so it can have none of its own'
    return [{ setting, why: `Postgres does not accept the query: ${withoutMaskedQuery(config, error as Error).message}${appended}` }]
  }
}
