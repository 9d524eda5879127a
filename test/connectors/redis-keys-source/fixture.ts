/** The fixture of the source of keys: each check sets keys of its own on a real server that sends keyspace events. */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

export default async function redisKeysFixture(): Promise<ConnectorFixture> {
  const server = await startRedisServer({ lines: () => ['notify-keyspace-events KEA'] })
  const client = server.client()
  let checks = 0
  return {
    async source() {
      const name = `check-${checks++}`
      const prefix = `${name}:`
      const isSubscribed = async () =>
        String(await client.client('LIST', 'TYPE', 'PUBSUB'))
          .split('\n')
          .some((line) => line.includes(` name=${name} `) && line.includes(' psub=1 '))
      let count = 0
      const set = async (more: number) => {
        await until(isSubscribed, 'the source is subscribed')
        const pipeline = client.pipeline()
        for (let index = 0; index < more; index++) pipeline.set(`${prefix}${count}`, String(count++))
        await pipeline.exec()
      }
      return {
        config: {
          'redis.uri': server.url,
          'redis.client.name': name,
          'redis.keys.pattern': `${prefix}*`,
          mode: 'LIVEONLY',
          'batch.size': '64',
        },
        fill: set,
        more: set,
        numberOf: (value) => Number((value as { string: string }).string),
        keepsNothing: true,
      }
    },
    stop: () => server.stop(),
  }
}
