/**
 * The fixture of the Postgres connector: each sink has a database of its own on a real server.
 */
import pg from 'pg'
import { sinkRecord } from '../../../connect/contract/index.ts'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testPostgres } from '../../services/postgres.ts'

export default async function postgresFixture(): Promise<ConnectorFixture> {
  const server = await testPostgres()
  return {
    async sink() {
      const url = await server.database()
      return {
        // Each class takes those that it has.
        config: {
          'connection.url': url,
          'pk.mode': 'kafka',
          'auto.create': 'true',
          'auto.evolve': 'true',
          'schema.evolution': 'basic',
          'batch.size': '64',
        },
        record: (number, offset) => sinkRecord({ topic: 'contract', offset, value: { number, name: `number ${number}` } }),
        bad: (offset) => sinkRecord({ topic: 'contract', offset, value: { number: offset, name: 'no text holds \0' } }),
        async stored() {
          const client = new pg.Client({ connectionString: url })
          await client.connect()
          const { rows } = await client.query<{ number: string }>('SELECT number FROM contract ORDER BY __connect_offset')
          await client.end()
          return rows.map((row) => Number(row.number))
        },
      }
    },
    stop: () => server.stop(),
  }
}
