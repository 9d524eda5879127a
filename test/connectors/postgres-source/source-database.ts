/** A database of its own for a test of the Postgres source: with its first statements run, and the settings of a source that reads it. */
import type { TestPostgres } from '../../services/postgres.ts'
import { databaseSettings, runSql } from './source-task.ts'

/** `more` are settings besides. A source of these takes no snapshot; `end` drops its slot. */
export async function sourceDatabase(server: TestPostgres, more: Record<string, string>, ...statements: string[]) {
  const url = await server.database()
  await runSql(url, ...statements)
  const name = new URL(url).pathname.slice(1)
  const config = { ...databaseSettings(url), 'snapshot.mode': 'no_data', 'slot.name': name, ...more }
  return {
    url,
    config,
    run: (...sql: string[]) => runSql(url, ...sql),
    async slot() {
      const [result] = await runSql(
        url,
        `SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS confirmed FROM pg_replication_slots WHERE slot_name = '${name}'`,
      )
      return Number(result!.rows[0]?.confirmed)
    },
    end: () => runSql(url, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${name}'`),
  }
}
