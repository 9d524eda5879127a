/**
 * Goal: after a failover the BullMQ source goes on with the new master: it completes what it had, and reads what is left. Method: a master,
 * a replica and a sentinel; the master is killed while jobs of the source are active.
 */
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { QueueReading } from '../connectors/bullmq/queue-reading.ts'
import { startRedisSentinel } from '../services/redis-topologies.ts'
import { until } from '../until.ts'

const JOBS = 60

test('jobs are completed and read at the new master', { timeout: 120_000 }, async () => {
  const { master, replica, sentinel, name, stop } = await startRedisSentinel()
  onTestFinished(stop)
  const connection = new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name, maxRetriesPerRequest: null })
  connection.on('error', () => {})
  onTestFinished(() => connection.disconnect())
  const queue = new Queue('mails', { connection })
  queue.on('error', () => {})
  onTestFinished(() => queue.close())
  await queue.addBulk(Array.from({ length: JOBS }, (_, data) => ({ name: 'n', data })))
  const reading = new QueueReading({
    'redis.hosts': `127.0.0.1:${sentinel.port}`,
    'redis.sentinel.master': name,
    queues: 'mails',
    'batch.size': '5',
    'jobs.in.flight.max': '20',
    'stalled.interval.ms': '500',
  })
  onTestFinished(() => reading.stop())
  const batch = await reading.next()
  const onReplica = replica.client()
  await until(async () => (await onReplica.llen('bull:mails:active')) >= batch.records.length, 'the replica knows which jobs are active')
  await master.kill()
  const values = batch.records.map(({ value }) => value as number)
  reading.acknowledge(batch)
  while (values.length < JOBS) {
    const next = await reading.next()
    values.push(...next.records.map(({ value }) => value as number))
    reading.acknowledge(next)
  }
  expect([...new Set(values)].sort((a, b) => a - b)).toEqual(Array.from({ length: JOBS }, (_, n) => n))
  await until(async () => (await queue.getCompletedCount()) === JOBS, 'all jobs are completed', 60_000)
})
