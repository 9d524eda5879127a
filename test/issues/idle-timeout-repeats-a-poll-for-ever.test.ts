/**
 * Goal: a bulk poll comes to its end although Kafka takes its rows slowly; Postgres's idle_in_transaction_session_timeout used to end it in
 * its middle, and each try began with the first row. Method: a database with a short timeout, and a reader that waits between batches
 * until an idle transaction beside it was ended.
 */
import pg from 'pg'
import { expect, test } from 'vitest'
import { QueryDatabase } from '../connectors/postgres-query-source/query-database.ts'

const database = new QueryDatabase()

/** Resolves when the timeout has ended a transaction that began now. */
async function idleTransactionEnds(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  const ended = new Promise<void>((resolve) => client.on('error', () => resolve()))
  await client.connect()
  await client.query('BEGIN')
  await ended
}

test('each row is read once', async () => {
  await database.sql('CREATE TABLE t (id integer); INSERT INTO t SELECT generate_series(1, 10)')
  await database.sql(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET idle_in_transaction_session_timeout = '100ms'`)
  const ids: unknown[] = []
  const config = { mode: 'bulk', 'table.whitelist': 't', 'batch.max.rows': '4', 'poll.interval.ms': '3600000' }
  for await (const { records } of database.batches(config)) {
    ids.push(...records.map(({ value }) => (value as { id: number }).id))
    if (ids.length >= 10) break
    await idleTransactionEnds()
  }
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})
