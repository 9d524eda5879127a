/**
 * Story of connectors/bullmq. Goal: kill -9 of the worker and of Redis loses no job and no record, and makes one job of each record.
 * Method: a worker process with a source that reads a queue into a topic, and a sink that writes the topic into another queue, whose jobs
 * BullMQ's own worker completes and removes at once. Both are killed in the middle. Every job must be a record, and Redis must have added
 * a job once for every record: BullMQ's stream of events tells each addition.
 */
import { Queue, Worker } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { seededRandom } from '../../random.ts'
import { startTestBroker } from '../../running-broker.ts'
import { testWorker } from '../../running-worker.ts'
import { startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

const JOBS_A_ROUND = 400
const ROUNDS = ['worker', 'redis', 'worker', 'both'] as const
const MAX_EVENTS = 1_000_000

test('kill -9 of a worker and of Redis between two queues', { timeout: 240_000 }, async () => {
  const random = seededRandom()
  const redis = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always'] })
  onTestFinished(() => redis.stop())
  const connection = redis.client({ maxRetriesPerRequest: null })
  const queues = ['in', 'out'].map((name) => new Queue(name, { connection, streams: { events: { maxLen: MAX_EVENTS } } }))
  const [queueIn, queueOut] = queues as [Queue, Queue]
  for (const queue of queues) queue.on('error', () => {})
  const consumer = new Worker('out', async () => {}, { connection, lockDuration: 2000, stalledInterval: 500, maxStalledCount: 1000 })
  consumer.on('error', () => {})
  onTestFinished(() => consumer.close(true))

  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  await client.admin.createTopics([{ name: 'jobs', partitions: 1, replicationFactor: 1 }])

  const worker = await testWorker('queues', broker.address, { 'consumer.session.timeout.ms': '6000', 'offset.flush.interval.ms': '200' })
  onTestFinished(() => worker.stop())
  const create = (name: string, config: Record<string, string>) => worker.configure(name, { 'redis.uri': redis.url, ...config })
  await worker.start()
  await create('source', {
    'connector.class': 'tributary.bullmq.BullMQSourceConnector',
    queues: 'in',
    topic: 'jobs',
    'batch.size': '20',
    'jobs.in.flight.max': '60',
    'lock.duration.ms': '2000',
    'stalled.interval.ms': '500',
    'task.records.per.second.max': '400',
  })
  await create('sink', {
    'connector.class': 'tributary.bullmq.BullMQSinkConnector',
    topics: 'jobs',
    queue: 'out',
    'batch.size': '15',
    'job.completed.keep': '0',
    'retry.backoff.ms': '200',
  })

  /** What Redis has added, by the id of the job: how often. */
  const added = async () => {
    const times = new Map<string, number>()
    for (const [, fields] of await connection.xrange('bull:out:events', '-', '+')) {
      const event = Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, i) => [fields[i * 2], fields[i * 2 + 1]]))
      if (event.event === 'added') times.set(event.jobId!, (times.get(event.jobId!) ?? 0) + 1)
    }
    return times
  }
  for (const [round, victim] of ROUNDS.entries()) {
    await queueIn.addBulk(Array.from({ length: JOBS_A_ROUND }, (_, i) => ({ name: 'n', data: { n: round * JOBS_A_ROUND + i } })))
    const some = round * JOBS_A_ROUND + Math.floor(JOBS_A_ROUND * (0.1 + random() * 0.6))
    await until(async () => (await added()).size >= some, `${some} jobs are added:\n${worker.output}`, 60_000)
    if (victim !== 'redis') await worker.kill()
    if (victim !== 'worker') {
      await redis.kill()
      await redis.start()
    }
    if (victim !== 'redis') await worker.start()
  }
  const total = ROUNDS.length * JOBS_A_ROUND
  await until(
    async () => {
      const { completed } = await queueIn.getJobCounts('completed')
      return completed === total
    },
    `all jobs of the source are completed:\n${worker.output}`,
    60_000,
  )

  const numbers: number[] = []
  const reader = client.consumer()
  onTestFinished(() => reader.close())
  reader.assign([{ topic: 'jobs', partition: 0, offset: 'earliest' }])
  const [latest] = await client.admin.listOffsets([{ topic: 'jobs', partition: 0, spec: 'latest' }])
  const end = latest!.offset
  await until(async () => {
    for (const { records } of await reader.poll(200)) numbers.push(...records.map(({ value }) => JSON.parse(value!.toString()).n as number))
    return numbers.length >= end
  }, 'the topic is read')
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => n))
  await until(async () => (await added()).size >= end, `a job is added for each record:\n${worker.output}`, 60_000)
  await until(async () => (await queueOut.getJobCounts('waiting', 'active')).waiting === 0, 'all are processed', 30_000)
  const times = await added()
  expect([...times.keys()].sort()).toEqual(Array.from({ length: end }, (_, offset) => `jobs-0-${offset}`).sort())
  expect([...times.values()].filter((often) => often !== 1)).toEqual([])
  // Only what was on its way at a kill may be there twice.
  expect(end - total).toBeLessThanOrEqual(ROUNDS.length * 60)
  expect((await queueIn.getJobCounts('failed')).failed).toBe(0)
})
