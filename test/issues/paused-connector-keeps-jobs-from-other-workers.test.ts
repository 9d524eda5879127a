/**
 * Goal: jobs that a BullMQ source has fetched, and of which no record was made, do not stay active while the connector is paused: other
 * workers of the queue get them. Method: a source on a real Redis from which one batch is taken and no other one for longer than
 * lock.duration.ms, as the runtime does with a paused connector; then it goes on.
 */
import { Queue } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisServer } from '../services/redis.ts'
import { until } from '../until.ts'

test('jobs go back in their order, and come again when the connector goes on', async () => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const queue = new Queue('mails', { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  await queue.addBulk(Array.from({ length: 100 }, (_, data) => ({ name: 'n', data })))
  const reading = new QueueReading({ 'redis.uri': redis.url, queues: 'mails', 'batch.size': '5', 'lock.duration.ms': '2000' })
  onTestFinished(() => reading.stop())
  const batch = await reading.next()
  const taken = batch.records.map(({ value }) => value as number)
  await until(async () => (await queue.getActiveCount()) > taken.length, 'the source has more jobs than its batch')
  await until(async () => (await queue.getActiveCount()) === taken.length, 'only the jobs of the batch are active')
  reading.acknowledge(batch)
  const rest = await reading.records(100 - taken.length)
  expect([...taken, ...rest.map(({ value }) => value)]).toEqual(Array.from({ length: 100 }, (_, n) => n))
  await until(async () => (await queue.getCompletedCount()) === 100, 'all are completed')
})
