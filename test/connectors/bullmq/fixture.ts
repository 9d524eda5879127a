/**
 * The fixture of the BullMQ connector: each source and sink has a queue of its own on a real Redis; BullMQ's own Queue is at its other
 * side.
 */
import { Queue } from 'bullmq'
import { sinkRecord } from '../../../connect/contract/index.ts'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testRedis } from '../../services/redis.ts'

/** Has no JSON. */
const circular: { self?: unknown } = {}
circular.self = circular

export default async function bullmqFixture(): Promise<ConnectorFixture> {
  const redis = await testRedis()
  const connection = redis.client({ maxRetriesPerRequest: null })
  const queues: Queue[] = []
  const queueNamed = (name: string) => {
    const queue = new Queue(name, { connection })
    queues.push(queue)
    return queue
  }
  return {
    async source() {
      const name = `source-${queues.length}`
      const queue = queueNamed(name)
      let count = 0
      const more = async (many: number) => {
        await queue.addBulk(Array.from({ length: many }, (_, i) => ({ name: 'number', data: { number: count + i } })))
        count += many
      }
      return {
        config: { 'redis.uri': redis.url, queues: name, 'batch.size': '37' },
        fill: more,
        more,
        numberOf: (value) => (value as { number: number }).number,
      }
    },
    async sink() {
      const name = `sink-${queues.length}`
      const queue = queueNamed(name)
      return {
        config: { 'redis.uri': redis.url, queue: name, 'batch.size': '64' },
        record: (number, offset) => sinkRecord({ topic: 'contract', offset, value: { number } }),
        bad: (offset) => sinkRecord({ topic: 'contract', offset, value: circular }),
        stored: async () => (await queue.getJobs(['waiting'], 0, -1, true)).map((job) => job.data.number as number),
      }
    },
    async stop() {
      for (const queue of queues) await queue.close()
      await redis.stop()
    },
  }
}
