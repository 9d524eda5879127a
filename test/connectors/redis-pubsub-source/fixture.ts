/** The fixture of the source of published messages: each check has a channel of its own on a real server. */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testRedis } from '../../services/redis.ts'
import { until } from '../../until.ts'

export default async function redisPubSubFixture(): Promise<ConnectorFixture> {
  const server = await testRedis()
  const client = server.client()
  let channels = 0
  return {
    async source() {
      const channel = `numbers-${process.pid}-${channels++}`
      let count = 0
      const publish = async (more: number) => {
        await until(async () => Number((await client.pubsub('NUMSUB', channel))[1]) === 1, 'the source is subscribed')
        const pipeline = client.pipeline()
        for (let index = 0; index < more; index++) pipeline.publish(channel, String(count++))
        await pipeline.exec()
      }
      return {
        config: { 'redis.uri': server.url, 'redis.channels': channel, 'batch.size': '64' },
        fill: publish,
        more: publish,
        numberOf: Number,
        keepsNothing: true,
      }
    },
    stop: () => server.stop(),
  }
}
