/**
 * Goal: with a limit of active jobs (setGlobalConcurrency) the source takes the next jobs as soon as some are settled, and wakes other
 * workers. Method: a queue with a limit on a real Redis; the source settles some of its jobs, and waits for no timeout of BullMQ.
 */
import { Queue } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisServer } from '../services/redis.ts'

/** BullMQ looks again after 5 s: with a limit of 2 that would be 100 s, longer than the test may take. */
const JOBS = 40

test.each(['completes', 'fails'])('the next jobs come when the source %s some', { timeout: 60_000 }, async (how) => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const queue = new Queue('mails', { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  await queue.setGlobalConcurrency(2)
  await queue.addBulk(Array.from({ length: JOBS }, (_, data) => ({ name: 'n', data })))
  const reading = new QueueReading({ 'redis.uri': redis.url, queues: 'mails' })
  onTestFinished(() => reading.stop())
  for (let count = 0; count < JOBS; ) {
    const batch = await reading.next()
    count += batch.records.length
    expect(batch.records.length).toBeLessThanOrEqual(2)
    if (how === 'fails') for (const index of batch.records.keys()) batch.rejected!(index, new Error('no'))
    reading.acknowledge(batch)
  }
})
