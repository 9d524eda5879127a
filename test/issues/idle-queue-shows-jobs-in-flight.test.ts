/**
 * Goal: when all jobs of a queue are completed, the metrics of the task say so, though no further batch is read. Method: a task reads the
 * jobs of a real Redis and then waits; its gauges are watched.
 */
import { Queue } from 'bullmq'
import { onTestFinished, test } from 'vitest'
import type { SourceBatch } from '../../connect/sdk/index.ts'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisServer } from '../services/redis.ts'
import { until } from '../until.ts'

test('the last jobs are counted as completed, and not as in flight', async () => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const queue = new Queue('mails', { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  await queue.addBulk([1, 2, 3].map((n) => ({ name: 'n', data: { n } })))
  const reading = new QueueReading({ 'redis.uri': redis.url, queues: 'mails' })
  onTestFinished(() => reading.stop())
  const batches: SourceBatch[] = []
  for (let count = 0; count < 3; count += batches.at(-1)!.records.length) batches.push(await reading.next())
  // As the runtime, which asks for the next batch before Kafka has acknowledged this one.
  const waiting = reading.next().catch(() => null)
  for (const batch of batches) reading.acknowledge(batch)
  await until(async () => (await queue.getCompletedCount()) === 3, 'the jobs are completed')
  await until(() => reading.gauges.get('jobs-completed') === 3, 'the metric counts the completed jobs')
  await until(() => reading.gauges.get('jobs-in-flight') === 0, 'no job is in flight')
  await reading.stop()
  await waiting
})
