/**
 * Notices that the replication connection is dead though no end of it arrived: a network that drops packets, or a firewall that forgets a
 * connection. A server that decodes a long transaction may be silent too, so its process is asked for on a new connection.
 */
import { Retriable } from '../../connect/sdk/index.ts'
import { closeDatabase, databaseError, openDatabase } from './database.ts'
import type { ReplicationConnection } from './replication-connection.ts'
import type { PostgresSourceConfig } from './settings.ts'

/** As many statuses without an answer are silence: a minute by default. */
const UNANSWERED_STATUSES = 6
const CHECK_TIMEOUT_MS = 10_000

/** Throws Retriable where the server is silent and does not have the connection, or cannot be reached. */
export async function checkLink(connection: ReplicationConnection, config: PostgresSourceConfig): Promise<void> {
  const limitMs = UNANSWERED_STATUSES * config['status.update.interval.ms']
  if (connection.silentMs() < limitMs) return
  const client = await openDatabase(config, { statementTimeoutMs: CHECK_TIMEOUT_MS })
  try {
    const { rowCount } = await client.query('SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active_pid = $2', [
      config['slot.name'],
      connection.serverPid,
    ])
    if (rowCount === 1) return connection.forgiveSilence()
  } catch (error) {
    throw databaseError(error, config, 'The replication connection is silent')
  } finally {
    await closeDatabase(client)
  }
  throw new Retriable(`The replication connection is lost: Postgres has ended it, of which nothing arrived within ${limitMs} ms`, {
    afterMs: config['retriable.restart.connector.wait.ms'],
  })
}
