/**
 * Goal: what Redis answers about the jobs of one command decides about each of them. Method: the reader of a queue on a real Redis; its
 * lock, its children or its job are changed while it has the job, and Redis loses its memory and its scripts.
 */
import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { taskContext } from '../../../connect/contract/index.ts'
import { InFlightText } from '../../../connectors/bullmq/in-flight-text.ts'
import type { ActiveJob } from '../../../connectors/bullmq/job-settling.ts'
import { QueueReader } from '../../../connectors/bullmq/queue-reader.ts'
import { bullmqSource } from '../../../connectors/bullmq/source.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

let redis: RedisServer
let client: Redis
let names = 0

beforeAll(async () => {
  redis = await startRedisServer()
  client = redis.client({ maxRetriesPerRequest: null })
})
afterAll(() => redis.stop())

async function readerOf(jobs: number) {
  const name = `queue-${++names}`
  const queue = new Queue(name, { connection: client })
  onTestFinished(() => queue.close())
  await queue.addBulk(Array.from({ length: jobs }, (_, data) => ({ name: 'n', data })))
  const stop = new AbortController()
  const { config, log, logged } = taskContext(bullmqSource.settings, { queues: name, 'redis.uri': redis.url }, stop.signal)
  const own = redis.client({ maxRetriesPerRequest: null })
  const reader = await QueueReader.open({ queue: name, client: own, config, log, text: new InFlightText(1), signal: stop.signal })
  onTestFinished(async () => {
    stop.abort()
    await reader.interrupt()
    await reader.close()
  })
  const fetchAll = async (): Promise<ActiveJob[]> => {
    const active: ActiveJob[] = []
    while (active.length < jobs) active.push(...(await reader.fetch(reader.wanted(jobs - active.length))))
    return active
  }
  return { queue, reader, fetchAll, lines: () => logged.map(({ message }) => message), keyOf: (id: string) => `bull:${name}:${id}` }
}

const at = (offset: number) => ({ topic: 't', partition: 0, offset })
const completed = (jobs: readonly ActiveJob[]) => jobs.map((active, offset) => ({ active, at: at(offset) }))

test('jobs whose locks are lost or that were removed are named once, and the others of the command complete', async () => {
  const { queue, reader, fetchAll, lines, keyOf } = await readerOf(6)
  const jobs = await fetchAll()
  await client.del(keyOf('2:lock'), keyOf('3:lock'), keyOf('5'))
  await reader.complete(completed(jobs))
  expect((await queue.getCompleted()).map(({ id }) => id).sort()).toEqual(['1', '4', '6'])
  expect(lines()).toEqual([
    expect.stringMatching(/^The job 5 of the queue \S+ cannot be completed: it was removed from the queue$/),
    expect.stringMatching(/^The job 2 of the queue \S+, like 1 others after it, cannot be completed: the lock was lost/),
  ])
})

test('a command that is sent again, since its answer was lost, says nothing of jobs that are completed', async () => {
  const { queue, reader, fetchAll, lines } = await readerOf(3)
  const jobs = completed(await fetchAll())
  await reader.complete(jobs)
  await reader.complete(jobs)
  expect([await queue.getCompletedCount(), lines()]).toEqual([3, []])
})

test('a parent whose child has failed meanwhile fails', async () => {
  const { queue, reader, fetchAll, keyOf } = await readerOf(2)
  const jobs = await fetchAll()
  await client.zadd(keyOf('1:unsuccessful'), 0, 'bull:children:9')
  await reader.complete(completed(jobs))
  expect(await queue.getJobCounts('completed', 'failed', 'active')).toEqual({ completed: 1, failed: 1, active: 0 })
  expect((await queue.getJob('1'))!.failedReason).toBe('A child of the job has failed')
})

test('while Redis has no memory nothing is taken, and what is done completes; without its scripts both go on', async () => {
  const { queue, reader, lines } = await readerOf(10)
  const first = await reader.fetch(4)
  await client.config('SET', 'maxmemory', '1')
  const fetched = reader.fetch(4)
  await until(() => lines().some((line) => /OOM command not allowed/.test(line)), 'the log says what Redis lacks')
  await reader.complete(completed(first))
  await client.config('SET', 'maxmemory', '0')
  expect(await fetched).toEqual([])
  expect(await queue.getJobCounts('completed', 'active', 'waiting')).toEqual({ completed: 4, active: 0, waiting: 6 })
  await client.script('FLUSH')
  const rest: ActiveJob[] = []
  while (rest.length < 6) rest.push(...(await reader.fetch(6)))
  await client.script('FLUSH')
  await reader.complete(completed(rest))
  expect(await queue.getCompletedCount()).toBe(10)
})

test('a delayed job comes when its time has come, and not at the next second', async () => {
  const { queue, reader } = await readerOf(0)
  const late: number[] = []
  for (let count = 0; count < 4; count++) {
    const { id, timestamp } = await queue.add('n', {}, { delay: 300 })
    const jobs: ActiveJob[] = []
    while (jobs.length === 0) jobs.push(...(await reader.fetch(reader.wanted(1))))
    expect(jobs[0]!.json.id).toBe(id)
    late.push(jobs[0]!.json.processedOn! - timestamp - 300)
    await reader.complete(completed(jobs))
  }
  // With whole seconds each is 700 ms late.
  expect(Math.min(...late)).toBeLessThan(500)
})
