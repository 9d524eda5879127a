/**
 * The fixture of the Redis sink: each check has a stream of its own on a real server, whose ids are the offsets of the records.
 */
import { sinkRecord } from '../../../connect/contract/index.ts'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testRedis } from '../../services/redis.ts'

export default async function redisSinkFixture(): Promise<ConnectorFixture> {
  const server = await testRedis()
  const client = server.client()
  let keyspaces = 0
  return {
    async sink() {
      const keyspace = `check-${keyspaces++}`
      return {
        config: {
          'redis.uri': server.url,
          'redis.keyspace': `${keyspace}:\${topic}:\${partition}`,
          'redis.stream.id': 'offset',
          'batch.size': '64',
        },
        record: (number, offset) => sinkRecord({ topic: 'contract', offset, value: { number, name: `number ${number}` } }),
        bad: (offset) => sinkRecord({ topic: 'contract', offset, value: 'a text has no fields' }),
        stored: async () => (await client.xrange(`${keyspace}:contract:0`, '-', '+')).map(([, fields]) => Number(fields[1])),
      }
    },
    stop: () => server.stop(),
  }
}
