/**
 * The publication and the replica identities: created and altered as `publication.autocreate.mode` and `replica.identity.autoset.values`
 * say. Which statements are run is decided by pure functions.
 */
import type { TaskLogger } from '../../connect/sdk/index.ts'
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import type { Database } from './database.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { quoteName } from './slot.ts'
import type { Table } from './types.ts'

export interface PublicationState {
  isAllTables: boolean
  /** As `schema.table`, with partitions or roots as the publication has them. */
  tables: readonly string[]
}

interface PublicationRow {
  all_tables: boolean
  tables: { schema: string; name: string }[] | null
}

const PUBLICATION = `
SELECT p.puballtables AS all_tables, (
  SELECT json_agg(json_build_object('schema', n.nspname, 'name', c.relname))
  FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE r.prpubid = p.oid) AS tables
FROM pg_catalog.pg_publication p WHERE p.pubname = $1`

export async function readPublication(database: Database, name: string): Promise<PublicationState | null> {
  const [row] = await database.query<PublicationRow>(PUBLICATION, [name])
  return row ? { isAllTables: row.all_tables, tables: (row.tables ?? []).map(idOf) } : null
}

type TableId = Pick<Table, 'schema' | 'name'>
const idOf = ({ schema, name }: TableId): string => `${schema}.${name}`
const quoted = ({ schema, name }: TableId): string => `${quoteName(schema)}.${quoteName(name)}`

/** The statement that makes the publication what the mode asks for; null where it is. Throws where it cannot be. */
export function publicationStatement(
  state: PublicationState | null,
  captured: readonly TableId[],
  config: PostgresSourceConfig,
): string | null {
  const mode = config['publication.autocreate.mode']
  const name = config['publication.name']
  const options = config['publish.via.partition.root'] ? ' WITH (publish_via_partition_root = true)' : ''
  if (mode === 'filtered' && captured.length === 0)
    throw new Error(`No table is captured for publication ${name}. Check schema.include.list and table.include.list.`)
  if (state) {
    if (mode !== 'filtered') return null
    if (state.isAllTables)
      throw new Error(
        `Publication ${name} is one of all tables and cannot be altered. Set publication.autocreate.mode=all_tables, or drop it, or set another publication.name.`,
      )
    const wanted = new Set(captured.map(idOf))
    if (wanted.size === state.tables.length && state.tables.every((table) => wanted.has(table))) return null
    return `ALTER PUBLICATION ${quoteName(name)} SET TABLE ${captured.map(quoted).join(', ')}`
  }
  if (mode === 'disabled')
    throw new Error(
      `Publication ${name} does not exist, and publication.autocreate.mode is disabled: CREATE PUBLICATION ${quoteName(name)} FOR TABLE …`,
    )
  const tables = mode === 'all_tables' ? ' FOR ALL TABLES' : mode === 'filtered' ? ` FOR TABLE ${captured.map(quoted).join(', ')}` : ''
  return `CREATE PUBLICATION ${quoteName(name)}${tables}${options}`
}

/** Postgres has lists of columns from 15 on; `to_jsonb` is null where the catalog does not have them. */
const COLUMN_LISTS = `
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
  JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = $1 AND c.oid = ANY($2::oid[]) AND to_jsonb(r) ->> 'prattrs' IS NOT NULL`

/** Snapshots read tables and not the publication, as those of Debezium: somebody may mean to keep the other columns back. */
async function warnOfColumnLists(database: Database, captured: readonly Table[], name: string, log: TaskLogger): Promise<void> {
  const listed = await database.query<TableId & Record<string, unknown>>(COLUMN_LISTS, [name, captured.map(({ oid }) => oid)])
  if (listed.length === 0) return
  log.warn(
    `Publication ${name} has a list of columns for ${listed.map(idOf).join(', ')}: the stream has these alone, and snapshots have the others too. ` +
      'Name the others in column.exclude.list to keep them out of both.',
  )
}

const UNLOGGED = "SELECT oid::int8::text AS oid FROM pg_catalog.pg_class WHERE relpersistence = 'u' AND oid = ANY($1::oid[])"

/** Those that a publication can have: changes of unlogged tables are not in the WAL. */
export async function publishable(database: Database, captured: readonly Table[]): Promise<{ tables: Table[]; unlogged: Table[] }> {
  const rows = await database.query<{ oid: string }>(UNLOGGED, [captured.map(({ oid }) => oid)])
  const oids = new Set(rows.map(({ oid }) => Number(oid)))
  return { tables: captured.filter(({ oid }) => !oids.has(oid)), unlogged: captured.filter(({ oid }) => oids.has(oid)) }
}

/** Before the slot: pgoutput looks the publication up as of each change. `isResumed` is true where a stored position is to go on. */
export async function preparePublication(
  database: Database,
  captured: readonly Table[],
  config: PostgresSourceConfig,
  { log, isResumed }: { log: TaskLogger; isResumed: boolean },
): Promise<void> {
  const name = config['publication.name']
  const { tables, unlogged } = await publishable(database, captured)
  if (unlogged.length > 0)
    log.warn(
      `Changes of ${unlogged.map(idOf).join(', ')} are not streamed, since Postgres writes no WAL for unlogged tables. ALTER TABLE … SET LOGGED, ` +
        'or exclude them.',
    )
  const state = await readPublication(database, name)
  if (!state && isResumed)
    log.error(
      `Publication ${name} was dropped since the stored position. Changes that were made without it are lost, from Postgres 18 on without an ` +
        'error: where there were any, take a new snapshot.',
    )
  const statement = publicationStatement(state, tables, config)
  if (!statement) {
    await warnOfColumnLists(database, captured, name, log)
    return
  }
  try {
    await database.query(statement)
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string }
    // Another task has created it meanwhile.
    if (code === '42710' || code === '23505') return
    throw new Error(
      `The publication cannot be made: ${(error as Error).message} (${statement}). The user needs CREATE on the database and must own the tables, or be a superuser for all tables; or create it yourself and set publication.autocreate.mode=disabled.`,
      { cause: error },
    )
  }
  log.info(`ran ${statement}`)
}

interface IdentityRule {
  matches(table: string): boolean
  /** As ALTER TABLE takes it. */
  identity: string
}

/** `schema.table:FULL` and so on; the regular expression is anchored and takes any case. */
export function identityRules(values: readonly string[]): IdentityRule[] {
  return values.map((value) => {
    const [, pattern, identity, index] = /^\s*([^\s:]+):(DEFAULT|FULL|NOTHING|INDEX)(?:\s+(\S+))?\s*$/i.exec(value)!
    const compiled = javaPattern(`(?i)${pattern}`)
    return {
      matches: (table) => compiled.matcher(table).matches(),
      identity: index ? `USING INDEX ${quoteName(index)}` : identity!.toUpperCase(),
    }
  })
}

export async function setReplicaIdentities(
  database: Database,
  captured: readonly Table[],
  rules: readonly IdentityRule[],
  log: TaskLogger,
): Promise<void> {
  for (const table of captured) {
    const matching = rules.filter((rule) => rule.matches(idOf(table)))
    if (matching.length > 1) throw new Error(`Several entries of replica.identity.autoset.values match ${idOf(table)}. Make them disjoint.`)
    const identity = matching[0]?.identity
    // Whether it is the same index is not known: setting it again does no harm.
    if (!identity || identity.toLowerCase() === table.replicaIdentity) continue
    await database.query(`ALTER TABLE ${quoted(table)} REPLICA IDENTITY ${identity}`)
    log.info(`replica identity of ${idOf(table)} is now ${identity}`)
  }
}
