/**
 * The fixture of the Postgres source: each source has a database of its own on a real server, of which the first rows come by a snapshot
 * and further ones by the stream.
 */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testPostgres } from '../../services/postgres.ts'
import { databaseSettings, runSql } from './source-task.ts'

export default async function postgresSourceFixture(): Promise<ConnectorFixture> {
  const server = await testPostgres()
  const urls: string[] = []
  return {
    async source() {
      const url = await server.database()
      urls.push(url)
      await runSql(url, 'CREATE TABLE numbers (number int PRIMARY KEY, name text)')
      let next = 0
      const insert = async (count: number) => {
        await runSql(url, `INSERT INTO numbers SELECT n, 'number ' || n FROM generate_series(${next}, ${next + count - 1}) AS n`)
        next += count
      }
      return {
        config: {
          ...databaseSettings(url),
          'slot.name': new URL(url).pathname.slice(1),
          'max.batch.size': '100',
          'poll.interval.ms': '50',
        },
        fill: insert,
        more: insert,
        numberOf: (value) => (value as { after: { number: number } }).after.number,
      }
    },
    async stop() {
      // A database with a slot cannot be dropped.
      for (const url of urls)
        await runSql(url, 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()')
      await server.stop()
    },
  }
}
