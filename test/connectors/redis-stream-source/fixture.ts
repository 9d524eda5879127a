/**
 * The fixture of the stream source: each check reads a stream of its own, through a group of its own, on a real server.
 */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testRedis } from '../../services/redis.ts'

export default async function redisStreamFixture(): Promise<ConnectorFixture> {
  const server = await testRedis()
  const client = server.client()
  let streams = 0
  return {
    async source() {
      const stream = `numbers-${streams++}`
      let count = 0
      const add = async (more: number) => {
        const pipeline = client.pipeline()
        for (let index = 0; index < more; index++) pipeline.xadd(stream, '*', 'number', String(count++))
        await pipeline.exec()
      }
      return {
        config: { 'redis.uri': server.url, 'redis.stream.name': stream, 'batch.size': '64' },
        fill: add,
        more: add,
        numberOf: (value) => Number((value as { body: { number: string } }).body.number),
      }
    },
    stop: () => server.stop(),
  }
}
