/**
 * Goal: how much data of jobs a task has at once does not depend on how many jobs fit into jobs.in.flight.max. Method: a queue of large
 * jobs on a real Redis; nothing is acknowledged at first, and the active jobs are counted in Redis.
 */
import { Queue } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisServer } from '../services/redis.ts'
import { until } from '../until.ts'

const MIB = 1024 * 1024
const JOBS = 150
/** Without a limit in bytes a burst has this many jobs, and more. */
const SMALL = 600

test('after many small jobs a burst of large ones stays within the limit', { timeout: 60_000 }, async () => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const queue = new Queue('reports', { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  const text = 'x'.repeat(MIB)
  await queue.addBulk(Array.from({ length: SMALL }, () => ({ name: 'small', data: {} })))
  for (let from = 0; from < JOBS; from += 10)
    await queue.addBulk(Array.from({ length: 10 }, () => ({ name: 'large', data: { text }, opts: { removeOnComplete: true } })))
  const reading = new QueueReading({ 'redis.uri': redis.url, queues: 'reports', 'jobs.in.flight.max': '1000', 'batch.size': '100' })
  onTestFinished(() => reading.stop())
  let most = 0
  let large = 0
  while (large < JOBS) {
    const batch = await reading.next()
    // The task goes on fetching while nothing is acknowledged, until it has what it may have.
    let before = -1
    await until(async () => {
      const active = await queue.getActiveCount()
      const isSteady = active === before
      before = active
      return isSteady
    }, 'the task fetches no more')
    const active = await queue.getActive()
    most = Math.max(most, active.filter(({ name }) => name === 'large').length)
    large += batch.records.filter(({ headers }) => headers?.some(({ key, value }) => key === 'bullmq.name' && value === 'large')).length
    reading.acknowledge(batch)
  }
  expect(most).toBeGreaterThan(8)
  expect(most).toBeLessThanOrEqual(64)
})
