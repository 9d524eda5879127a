/**
 * What would fail if a config were used, found by connecting, and what the slot does to the server. Each problem is a sentence at the
 * setting to change; nothing is created or changed.
 */
import type { SettingProblem, SystemObservation } from '../../connect/sdk/index.ts'
import { DatabaseCatalog } from './catalog.ts'
import { applicationName, Database } from './database.ts'
import { publicationStatement, publishable, readPublication } from './publication.ts'
import { ReplicationConnection } from './replication-connection.ts'
import { readServer, serverProblem } from './server.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { quoteName, readSlot, type SlotState, slotProblem } from './slot.ts'
import { tableFilter } from './table-filter.ts'

const CHECK_TIMEOUT_MS = 10_000
/** A slot that keeps more WAL than this is worth a word. */
const KEPT_WAL_WARNING_BYTES = 1024 ** 3
const MAX_NAMED_TABLES = 5

type Problems = SettingProblem[]

export async function checkSystem(config: PostgresSourceConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> {
  const database = new Database(config, { statementTimeoutMs: CHECK_TIMEOUT_MS })
  const close = () => void database.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    const problems: Problems = []
    const server = serverProblem(await readServer(database))
    if (server) problems.push({ setting: 'database.hostname', why: server })
    problems.push(...(await replicationProblems(config)))
    problems.push(...(await slotProblems(database, config)))
    problems.push(...(await tableProblems(database, config)))
    return problems
  } catch (error) {
    return [{ setting: settingOf((error as Error).message), why: (error as Error).message }]
  } finally {
    signal.removeEventListener('abort', close)
    await database.close()
  }
}

/** The setting that a sentence about a connection is about. */
const settingOf = (message: string): string =>
  /(database\.(?:password|sslmode|sslrootcert|sslcert|sslkey|dbname|initial\.statements))/.exec(message)?.[1] ?? 'database.hostname'

/** A replication connection has rights and lines of pg_hba.conf of its own. */
async function replicationProblems(config: PostgresSourceConfig): Promise<Problems> {
  try {
    const connection = await ReplicationConnection.open(config)
    await connection.close()
    return []
  } catch (error) {
    return [
      {
        setting: 'database.user',
        why: `${(error as Error).message} The source needs a replication connection: ALTER ROLE ${quoteName(config['database.user'])} REPLICATION, and a line for it in pg_hba.conf.`,
      },
    ]
  }
}

async function slotProblems(database: Database, config: PostgresSourceConfig): Promise<Problems> {
  const name = config['slot.name']
  const slot = await readSlot(database, name)
  if (!slot) {
    const [free] = await database.query<{ used: string; most: string }>(
      "SELECT (SELECT count(*) FROM pg_catalog.pg_replication_slots)::text AS used, current_setting('max_replication_slots') AS most",
    )
    const isFull = Number(free!.used) >= Number(free!.most)
    return isFull
      ? [{ setting: 'slot.name', why: `All ${free!.most} replication slots are in use: drop one, or raise max_replication_slots.` }]
      : []
  }
  const problem = slotProblem(slot, config)
  // With these modes a lost slot is what the connector mends.
  if (problem && !(slot.walStatus === 'lost' && config['snapshot.mode'] === 'when_needed')) return [{ setting: 'slot.name', why: problem }]
  if (!slot.isActive || (await isOurs(database, slot, config))) return []
  return [
    {
      setting: 'slot.name',
      why: `Slot ${name} is in use by process ${slot.activePid} of Postgres: each connector needs a slot of its own.`,
    },
  ]
}

/** The connector itself, which runs while a change of its config is checked. */
async function isOurs(database: Database, { activePid }: SlotState, config: PostgresSourceConfig): Promise<boolean> {
  const [row] = await database.query<{ name: string }>('SELECT application_name AS name FROM pg_catalog.pg_stat_activity WHERE pid = $1', [
    activePid,
  ])
  return row?.name === applicationName(config)
}

async function tableProblems(database: Database, config: PostgresSourceConfig): Promise<Problems> {
  const tables = await new DatabaseCatalog(database, tableFilter(config)).capturedTables()
  const problems: Problems = []
  const publication = await readPublication(database, config['publication.name'])
  try {
    publicationStatement(publication, (await publishable(database, tables)).tables, config)
  } catch (error) {
    problems.push({ setting: publication ? 'publication.autocreate.mode' : 'publication.name', why: (error as Error).message })
  }
  const denied = await database.query<{ name: string }>(
    `SELECT t.oid::regclass::text AS name FROM unnest($1::oid[]) AS t(oid) WHERE NOT (has_table_privilege(t.oid, 'SELECT')
      OR has_any_column_privilege(t.oid, 'SELECT')) LIMIT ${MAX_NAMED_TABLES}`,
    [tables.map(({ oid }) => oid)],
  )
  if (denied.length > 0 && !['no_data', 'never'].includes(config['snapshot.mode'])) {
    const names = denied.map(({ name }) => name).join(', ')
    problems.push({
      setting: 'database.user',
      why: `${config['database.user']} may not read ${names}: GRANT SELECT ON ${names}, or exclude them.`,
    })
  }
  return problems
}

/** Asked about once a minute, also while the connector is stopped: then its slot keeps WAL for it. */
export async function observe(config: PostgresSourceConfig, signal: AbortSignal): Promise<SystemObservation> {
  const database = new Database(config, { statementTimeoutMs: CHECK_TIMEOUT_MS })
  const close = () => void database.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    const observation = slotObservation(await readSlot(database, config['slot.name']), config)
    if (!('slot-active' in observation.metrics) || (await readPublication(database, config['publication.name']))) return observation
    // From Postgres 18 on the stream goes on without it, and without changes.
    const missing = `Publication ${config['publication.name']} does not exist: changes are lost. Create it, and take a new snapshot.`
    return { ...observation, warnings: [...observation.warnings, missing] }
  } finally {
    signal.removeEventListener('abort', close)
    await database.close()
  }
}

export function slotObservation(slot: SlotState | null, config: PostgresSourceConfig): SystemObservation {
  if (!slot) return { metrics: {}, warnings: [] }
  const name = config['slot.name']
  const { keptBytes, safeBytes, walStatus, isActive } = slot
  const metrics = {
    'slot-retained-wal-bytes': keptBytes,
    'slot-active': isActive ? 1 : 0,
    ...(safeBytes === null ? {} : { 'slot-safe-wal-bytes': safeBytes }),
  }
  const kept = `${Math.round(keptBytes / 1024 ** 2)} MiB`
  const use = isActive ? 'The connector is behind' : 'Resume the connector, or drop the slot if it is no longer needed'
  const warnings: string[] = []
  if (walStatus === 'lost') warnings.push(slotProblem(slot, config)!)
  else if (walStatus === 'unreserved')
    warnings.push(`Slot ${name} is about to lose WAL that it needs (max_slot_wal_keep_size), of which Postgres keeps ${kept}. ${use}.`)
  else if (keptBytes > KEPT_WAL_WARNING_BYTES) warnings.push(`Postgres keeps ${kept} of WAL for slot ${name}, on its disk. ${use}.`)
  return { metrics, warnings }
}
