/**
 * Goal: what the worker does with a record decides about its job: one that cannot be converted fails it with the reason, with each
 * errors.tolerance, and the other jobs complete or go back. Method: the source in a real worker on a real broker, and a real Redis.
 */
import { Queue } from 'bullmq'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../worker-in-process.ts'

let redis: RedisServer
let workers: WorkersInProcess

beforeAll(async () => {
  redis = await startRedisServer()
  workers = await workersInProcess()
})
afterAll(async () => {
  await workers.stop()
  await redis.stop()
})

test.each(['all', 'none'])('a record that cannot be converted fails its job, with errors.tolerance=%s', async (tolerance) => {
  const queue = new Queue(`orders-${tolerance}`, { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  const jobs = await queue.addBulk([1, 'two', 3].map((n) => ({ name: 'n', data: { n } })))
  const worker = await workers.start()
  onTestFinished(() => workers.close(worker))
  await worker.create(
    `jobs-${tolerance}`,
    {
      name: `jobs-${tolerance}`,
      'connector.class': 'BullMQSource',
      'redis.uri': redis.url,
      queues: queue.name,
      transforms: 'number',
      'transforms.number.type': 'org.apache.kafka.connect.transforms.Cast$Value',
      'transforms.number.spec': 'n:int32',
      'errors.tolerance': tolerance,
    },
    'RUNNING',
  )
  await until(async () => (await jobs[1]!.getState()) === 'failed', 'the second job fails')
  expect((await queue.getJob(jobs[1]!.id!))!.failedReason).toMatch(/TRANSFORMATION.*two/)
  const others = tolerance === 'all' ? 'completed' : 'waiting'
  await until(async () => (await queue.getJobCounts(others))[others] === 2, `the others are ${others}`)
  if (tolerance === 'all') {
    const places = await Promise.all([jobs[0]!, jobs[2]!].map(async ({ id }) => (await queue.getJob(id!))!.returnvalue))
    expect(places).toEqual([0, 1].map((offset) => ({ topic: queue.name, partition: 0, offset })))
  } else await until(() => worker.status(`jobs-${tolerance}`).tasks[0]?.state === 'FAILED', 'the task has failed')
})
