/**
 * Goal: a transaction whose connection ends between two of its statements fails as a whole, and is tried again. Its COMMIT used to be sent
 * on the next connection, where it succeeded and committed nothing: with exactly-once writing the rows of the batch were lost. Method: a
 * real server ends the session in the middle of a transaction, and of a cursor.
 */
import { expect, test } from 'vitest'
import { Retriable } from '../../connect/sdk/index.ts'
import { PostgresConnection } from '../../connectors/postgres-driver/connection.ts'
import { failure } from '../connectors/postgres-sink/sink-database.ts'
import { PostgresDatabase } from '../services/postgres-database.ts'
import { until } from '../until.ts'

const database = new PostgresDatabase()

/** Resolves when the connection has noticed. */
async function endSessions(connection: PostgresConnection): Promise<void> {
  await database.sql(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
  )
  await until(() => !connection.isOpen, 'the connection is lost')
}

test.each(['before its COMMIT', 'before a further statement'])('of a transaction, %s', async (when) => {
  await database.sql('CREATE TABLE t (n int)')
  const connection = new PostgresConnection({ url: database.url, user: null, password: null }, 1)
  const write = (cuts: boolean) =>
    connection.transaction(async () => {
      await connection.query('INSERT INTO t VALUES (1)')
      if (cuts) await endSessions(connection)
      if (when !== 'before its COMMIT') await connection.query('INSERT INTO t VALUES (2)')
    })
  expect(await failure(write(true))).toBeInstanceOf(Retriable)
  expect(await database.rows('SELECT n FROM t')).toEqual([])
  await write(false)
  expect(await database.rows('SELECT n FROM t')).toHaveLength(when === 'before its COMMIT' ? 1 : 2)
  await connection.close()
})

test('of a cursor, whose reader sends another statement', async () => {
  const connection = new PostgresConnection({ url: database.url, user: null, password: null }, 1)
  const read = async (cuts: boolean) => {
    let count = 0
    for await (const { rows } of connection.cursor('BEGIN', 'SELECT generate_series(1, 25)', 10)) {
      count += rows.length
      if (cuts) await endSessions(connection)
      if (cuts) await connection.query('SELECT 1')
    }
    return count
  }
  expect(await failure(read(true))).toBeInstanceOf(Retriable)
  expect(await read(false)).toBe(25)
  await connection.close()
})
