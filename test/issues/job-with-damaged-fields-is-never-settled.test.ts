/**
 * Goal: a job whose fields in Redis are damaged fails with the reason, and the jobs that were fetched with it become records. Method: a
 * source on a real Redis in which the options of some jobs are no JSON, and a key is no job at all.
 */
import { Queue } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisServer } from '../services/redis.ts'
import { until } from '../until.ts'

test('damaged jobs fail, and all others become records at once', async () => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const client = redis.client({ maxRetriesPerRequest: null })
  const queue = new Queue('mails', { connection: client })
  onTestFinished(() => queue.close())
  await queue.addBulk(Array.from({ length: 20 }, (_, data) => ({ name: 'n', data })))
  await client.hset('bull:mails:1', 'opts', 'null')
  await client.hset('bull:mails:4', 'opts', '{no json')
  await client.set('bull:mails:9', 'no job')
  const reading = new QueueReading({ 'redis.uri': redis.url, queues: 'mails' })
  onTestFinished(() => reading.stop())
  const values = (await reading.records(17)).map(({ value }) => value as number)
  expect(values.sort((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  await until(async () => (await queue.getFailedCount()) === 2, 'the damaged jobs have failed')
  expect(await client.hget('bull:mails:4', 'failedReason')).toMatch(/^What BullMQ has stored of the job is no JSON/)
})
