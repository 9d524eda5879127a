/**
 * The fixture of the Postgres query source: each source polls a table of its own on a real server.
 */
import pg from 'pg'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testPostgres } from '../../services/postgres.ts'

export default async function postgresQueryFixture(): Promise<ConnectorFixture> {
  const server = await testPostgres()
  return {
    async source() {
      const url = await server.database()
      const run = async (sql: string) => {
        const client = new pg.Client({ connectionString: url })
        await client.connect()
        await client.query(sql)
        await client.end()
      }
      await run('CREATE TABLE numbers (id bigserial PRIMARY KEY, number int NOT NULL)')
      let count = 0
      const more = async (many: number) => {
        await run(`INSERT INTO numbers (number) SELECT ${count} + n FROM generate_series(0, ${many - 1}) AS n ORDER BY n`)
        count += many
      }
      return {
        config: {
          'connection.url': url,
          mode: 'incrementing',
          'table.whitelist': 'numbers',
          'topic.prefix': 'contract-',
          'poll.interval.ms': '20',
          'batch.max.rows': '37',
        },
        fill: more,
        more,
        numberOf: (value) => (value as { number: number }).number,
      }
    },
    stop: () => server.stop(),
  }
}
