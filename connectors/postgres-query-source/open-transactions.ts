/**
 * How far timestamps are complete: no open transaction can write a row with an earlier one, where timestamps are now() or later.
 * Postgres shows when each transaction has begun, to users that may see it.
 */
import type { PostgresConnection } from '../postgres-driver/connection.ts'
import type { Instant } from './instant.ts'

/** A transaction may have begun, and not show it yet. */
const MARGIN_MS = 1000

const OLDEST = `
  SELECT (extract(epoch FROM least(statement_timestamp() - INTERVAL '${MARGIN_MS} milliseconds', min(xact_start))) * 1000000)::bigint AS micros
  FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type NOT IN ('autovacuum worker', 'walsender')`

/** The time before which all rows are visible to a statement that begins after this. */
export async function completeBefore(connection: PostgresConnection): Promise<Instant> {
  const [row] = await connection.query<{ micros: string }>(OLDEST)
  const micros = BigInt(row!.micros)
  return { ms: Number(micros / 1000n), micros: Number(micros % 1000n) }
}

/** What keeps the user from seeing the transactions of others; null where nothing does. */
export async function visibilityProblem(connection: PostgresConnection): Promise<string | null> {
  const [row] = await connection.query<{ allowed: boolean }>("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS allowed")
  return row!.allowed ? null : 'The user does not see when the transactions of others have begun: GRANT pg_read_all_stats to it'
}
