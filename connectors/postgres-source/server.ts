/**
 * What the database server is, as far as the source depends on it, and what it lacks.
 */
import type { Database } from './database.ts'

/** The oldest whose catalog has what is asked for. */
const OLDEST_VERSION = 120_000

export interface Server {
  /** As 150008 for 15.8. */
  version: number
  walLevel: string
  isStandby: boolean
}

export async function readServer(database: Database): Promise<Server> {
  const [row] = await database.query<{ version: string; level: string; standby: boolean }>(
    "SELECT current_setting('server_version_num') AS version, current_setting('wal_level') AS level, pg_is_in_recovery() AS standby",
  )
  return { version: Number(row!.version), walLevel: row!.level, isStandby: row!.standby }
}

/** What keeps the source from its work; null where nothing does. */
export function serverProblem({ version, walLevel, isStandby }: Server): string | null {
  if (version < OLDEST_VERSION) return `Postgres ${Math.floor(version / 10_000)} is too old: the source needs 12 or newer.`
  if (walLevel !== 'logical')
    return `wal_level is ${walLevel}, and logical decoding needs logical. ALTER SYSTEM SET wal_level = logical, and restart Postgres.`
  if (isStandby && version < 160_000) return 'A standby has logical decoding from Postgres 16 on. Set the primary as database.hostname.'
  return null
}
