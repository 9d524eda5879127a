/**
 * Goal: with a limit of active jobs (setGlobalConcurrency) the source takes the next jobs as soon as some are settled, and wakes other
 * workers. Method: a queue with a limit on a real Redis; the source settles some of its jobs, and waits for no timeout of BullMQ.
 */
import { Queue } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisServer } from '../services/redis.ts'

const JOBS = 40
/** BullMQ looks again after 5 s: with each pair of jobs that would be 100 s. */
const MOST_MS = 30_000

test.each(['completes', 'fails'])('the next jobs come when the source %s some', { timeout: 120_000 }, async (how) => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const queue = new Queue('mails', { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  await queue.setGlobalConcurrency(2)
  await queue.addBulk(Array.from({ length: JOBS }, (_, data) => ({ name: 'n', data })))
  const reading = new QueueReading({ 'redis.uri': redis.url, queues: 'mails' })
  onTestFinished(() => reading.stop())
  const began = performance.now()
  for (let count = 0; count < JOBS; ) {
    const batch = await reading.next()
    count += batch.records.length
    expect(batch.records.length).toBeLessThanOrEqual(2)
    if (how === 'fails') for (const index of batch.records.keys()) batch.rejected!(index, new Error('no'))
    reading.acknowledge(batch)
  }
  expect(performance.now() - began).toBeLessThan(MOST_MS)
})
