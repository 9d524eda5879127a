/**
 * Goal: a job completes when its record is in Kafka, fails with the reason where it cannot be, and is given back otherwise; what BullMQ
 * knows of a job is in the headers. Method: the source on a real Redis, with BullMQ's own Queue, Worker and FlowProducer at the other side.
 */
import { FlowProducer, type Job, Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { SourceRecord } from '../../../connect/sdk/index.ts'
import { sourceTasks } from '../../../connectors/bullmq/source-settings.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'
import { QueueReading } from './queue-reading.ts'

let redis: RedisServer
let client: Redis
let names = 0

beforeAll(async () => {
  redis = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always'] })
})
beforeAll(() => {
  client = redis.client({ maxRetriesPerRequest: null })
})
afterAll(() => redis.stop())

function newQueue(): Queue {
  const queue = new Queue(`queue-${++names}`, { connection: client })
  queue.on('error', () => {})
  onTestFinished(() => queue.close())
  return queue
}

function reading(queue: Queue, more: Record<string, string> = {}): QueueReading {
  const started = new QueueReading({ 'redis.uri': redis.url, queues: queue.name, ...more })
  onTestFinished(() => started.stop())
  return started
}

const headersOf = (record: SourceRecord) =>
  Object.fromEntries(record.headers.map(({ key, value }) => [key.replace(/^bullmq\./, ''), value]))
const stateOf = (job: Job, state: string) => until(async () => (await job.getState()) === state, `the job is ${state}`)

test('a job is active until its record is in Kafka, and its return value says where it is then', async () => {
  const queue = newQueue()
  const job = await queue.add('order', { total: 5 })
  const source = reading(queue)
  const batch = await source.next()
  expect(batch.records).toMatchObject([{ topic: queue.name, key: job.id, value: { total: 5 }, timestamp: job.timestamp }])
  expect(await job.getState()).toBe('active')
  source.acknowledge(batch)
  await stateOf(job, 'completed')
  expect((await queue.getJob(job.id!))!.returnvalue).toEqual({ topic: queue.name, partition: 3, offset: 0 })
})

test('a record that cannot be in Kafka fails its job with the reason, and the attempts of the job apply', async () => {
  const queue = newQueue()
  const once = await queue.add('once', 1)
  const twice = await queue.add('twice', 2, { attempts: 2, backoff: { type: 'fixed', delay: 600_000 } })
  const strategic = await queue.add('strategic', 3, { attempts: 2, backoff: { type: 'ours', delay: 1 } })
  const source = reading(queue)
  const batch = await source.next()
  const rest = batch.records.length < 3 ? [batch, await source.next()] : [batch]
  for (const given of rest) {
    for (const index of given.records.keys()) given.rejected!(index, new Error('the record is too large'))
    given.acknowledged!()
  }
  await stateOf(once, 'failed')
  await stateOf(twice, 'delayed')
  expect((await queue.getJob(once.id!))!.failedReason).toBe('the record is too large')
  expect(await queue.getJob(twice.id!)).toMatchObject({ failedReason: 'the record is too large', attemptsMade: 1 })
  const again = await source.records(1)
  expect(again).toMatchObject([{ value: 3 }])
  expect(headersOf(again[0]!)).toMatchObject({ 'attempts.made': 1, 'attempts.started': 2, 'backoff.type': 'ours' })
  await stateOf(strategic, 'completed')
})

test('a record that a transform drops completes its job', async () => {
  const queue = newQueue()
  const job = await queue.add('dropped', 1)
  const batch = await reading(queue).next()
  batch.acknowledged!()
  await stateOf(job, 'completed')
  expect((await queue.getJob(job.id!))!.returnvalue).toEqual({ dropped: true })
})

test('a task that stops gives back what is not in Kafka, in its place and without an attempt', async () => {
  const queue = newQueue()
  const jobs = await queue.addBulk(Array.from({ length: 50 }, (_, number) => ({ name: 'n', data: number })))
  const first = reading(queue, { 'batch.size': '10' })
  const batches = [await first.next(), await first.next()]
  first.acknowledge(batches[0]!)
  await first.stop()
  const done = batches[0]!.records.length
  expect(await queue.getJobCounts('active', 'completed', 'waiting')).toEqual({ active: 0, completed: done, waiting: 50 - done })
  const rest = await reading(queue).records(50 - done)
  expect(rest.map(({ value }) => value)).toEqual(Array.from({ length: 50 - done }, (_, i) => done + i))
  expect((await queue.getJob(jobs[49]!.id!))!.attemptsMade).toBeLessThanOrEqual(1)
})

test('what BullMQ knows of a job is in the headers: priority, delay, back-off, parent, schedule', async () => {
  const queue = newQueue()
  const flows = new FlowProducer({ connection: client })
  onTestFinished(() => flows.close())
  const source = reading(queue)
  await queue.add('plain', 'p', { jobId: 'my-id' })
  const [plain] = await source.records(1)
  expect(headersOf(plain!)).toEqual({
    queue: queue.name,
    id: 'my-id',
    name: 'plain',
    timestamp: expect.any(Number),
    'attempts.started': 1,
  })
  await queue.add('rich', 'r', {
    priority: 7,
    delay: 5,
    attempts: 3,
    backoff: { type: 'exponential', delay: 9 },
    deduplication: { id: 'only-one' },
  })
  const [rich] = await source.records(1)
  expect(headersOf(rich!)).toMatchObject({
    priority: 7,
    delay: 5,
    attempts: 3,
    'backoff.type': 'exponential',
    'backoff.delay': 9,
    'deduplication.id': 'only-one',
  })
  const { job: parent } = await flows.add({
    name: 'parent',
    queueName: `${queue.name}-parents`,
    children: [{ name: 'child', queueName: queue.name }],
  })
  const [child] = await source.records(1)
  expect(headersOf(child!)).toMatchObject({ 'parent.id': parent.id, 'parent.queue': `bull:${queue.name}-parents`, name: 'child' })
  await stateOf(parent, 'waiting')
  await queue.upsertJobScheduler('hourly', { every: 3_600_000 }, { name: 'tick', data: { tick: 1 } })
  const [tick] = await source.records(1)
  expect([tick!.value, headersOf(tick!)['repeat.key']]).toEqual([{ tick: 1 }, 'hourly'])
  // The schedule goes on, with the data of its template.
  const [next] = await queue.getDelayed()
  expect(next!.data).toEqual({ tick: 1 })
})

test('numbers keep all their digits, texts stay texts, and a field can be the key', async () => {
  const queue = newQueue()
  await queue.add('n', { id: 'k', n: 1 })
  await client.hset(`bull:${queue.name}:1`, 'data', '{"id":"k","n":12345678901234567890}')
  const source = reading(queue, { 'key.field': 'id', topic: 'jobs-of-${queue}' })
  const [exact] = await source.records(1)
  expect(exact).toMatchObject({ topic: `jobs-of-${queue.name}`, key: 'k', value: { n: 12345678901234567890n } })
  await source.stop()
  await queue.add('n', { z: [1.5] })
  const [text] = await reading(queue, { 'value.format': 'string' }).records(1)
  expect(text).toMatchObject({ key: '2', value: '{"z":[1.5]}', valueSchema: { type: 'string' } })
})

test('a job whose data cannot be read fails, and the others are read', async () => {
  const queue = newQueue()
  const [bad, good] = await queue.addBulk([
    { name: 'n', data: 1 },
    { name: 'n', data: 2 },
  ])
  await client.hset(`bull:${queue.name}:${bad!.id}`, 'data', '{"no json')
  expect(await reading(queue).records(1)).toMatchObject([{ value: 2 }])
  await stateOf(bad!, 'failed')
  await stateOf(good!, 'completed')
  expect(await client.hget(`bull:${queue.name}:${bad!.id}`, 'failedReason')).toMatch(/is no JSON.*value.format=string/)
})

test('locks are extended while records are on their way, and no more jobs are active than allowed', async () => {
  const queue = newQueue()
  await queue.addBulk(Array.from({ length: 30 }, (_, data) => ({ name: 'n', data })))
  const source = reading(queue, { 'lock.duration.ms': '600', 'jobs.in.flight.max': '12', 'batch.size': '12' })
  const held = [await source.next()]
  while (held.flatMap(({ records }) => records).length < 12) held.push(await source.next())
  // This one would take jobs whose locks have ended.
  const stolen: unknown[] = []
  const other = new Worker(queue.name, null, {
    connection: client,
    stalledInterval: 100,
    autorun: false,
  })
  other.on('error', () => {})
  other.on('stalled', (id) => stolen.push(id))
  onTestFinished(() => other.close())
  await other.startStalledCheckTimer()
  const key = `bull:${queue.name}:${held[0]!.records[0]!.key}:lock`
  for (let extended = 0, last = 600; extended < 4; ) {
    const left = await client.pttl(key)
    if (left > last) extended++
    last = left
  }
  expect([stolen, (await queue.getJobCounts('active')).active]).toEqual([[], 12])
  for (const batch of held) source.acknowledge(batch)
  expect(await source.records(18)).toHaveLength(18)
})

test('a paused queue and one with a limit wait, and go on', async () => {
  const queue = newQueue()
  await queue.pause()
  await queue.addBulk([1, 2, 3].map((data) => ({ name: 'n', data })))
  const source = reading(queue, { 'rate.limit.max': '1', 'rate.limit.duration.ms': '300' })
  const first = source.records(3)
  await until(async () => {
    const clients = await client.client('LIST')
    return String(clients).includes('cmd=bzpopmin')
  }, 'it waits for a job')
  expect((await queue.getJobCounts('active')).active).toBe(0)
  await queue.resume()
  expect((await first).map(({ value }) => value)).toEqual([1, 2, 3])
  const taken = (await queue.getJobs(['completed', 'active'], 0, -1, true))
    .map(({ processedOn }) => processedOn!)
    .sort((one, other) => one - other)
  // The limit counts from the first job of a window.
  expect(taken.map((at, index) => index === 0 || at - taken[index - 1]! > 200)).toEqual([true, true, true])
})

test('several queues are read by one task, or divided among tasks', async () => {
  const [a, b] = [newQueue(), newQueue()]
  await a.add('n', 'of a')
  const source = new QueueReading({ 'redis.uri': redis.url, queues: `${a.name}, ${b.name}` })
  onTestFinished(() => source.stop())
  expect(await source.records(1)).toMatchObject([{ topic: a.name, value: 'of a' }])
  await b.add('n', 'of b')
  expect(await source.records(1)).toMatchObject([{ topic: b.name, value: 'of b' }])
  const tasks = sourceTasks({ queues: ['a', 'b', 'c'] } as unknown as Parameters<typeof sourceTasks>[0], 2)
  expect(tasks).toEqual([{ 'task.queues': 'a,c' }, { 'task.queues': 'b' }])
})

test('finished jobs are kept as the settings say', async () => {
  const queue = newQueue()
  await queue.addBulk([1, 2, 3, 4].map((data) => ({ name: 'n', data })))
  const source = reading(queue, { 'completed.jobs.keep': '1', 'failed.jobs.keep': '0', 'batch.size': '1' })
  const first = await source.next()
  first.rejected!(0, new Error('no'))
  first.acknowledged!()
  await source.records(3)
  await until(async () => (await queue.getJobCounts('active')).active === 0, 'all are settled')
  expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: 1, failed: 0 })
})

test('while Redis is away acknowledgements wait, and nothing is lost', async () => {
  const queue = newQueue()
  await queue.addBulk(Array.from({ length: 200 }, (_, data) => ({ name: 'n', data })))
  const source = reading(queue, { 'lock.duration.ms': '60000' })
  const held = [await source.next()]
  while (held.flatMap(({ records }) => records).length < 200) held.push(await source.next())
  await redis.kill()
  for (const batch of held) source.acknowledge(batch)
  await redis.start()
  await until(async () => (await queue.getJobCounts('completed')).completed === 200, 'all jobs are completed', 30_000)
  await queue.add('n', 'after')
  expect(await source.records(1)).toMatchObject([{ value: 'after' }])
}, 60_000)

test('a queue that was obliterated while its records were on their way is no failure', async () => {
  const queue = newQueue()
  await queue.add('n', 1)
  const source = reading(queue)
  const batch = await source.next()
  await queue.obliterate({ force: true })
  source.acknowledge(batch)
  await until(() => source.logged.some((line) => line.includes('was removed from the queue')), 'the log says so')
  await queue.add('n', 2)
  expect(await source.records(1)).toMatchObject([{ value: 2 }])
})

test('a task that stops while Redis is away does not wait for it', async () => {
  const queue = newQueue()
  await queue.addBulk([1, 2, 3].map((data) => ({ name: 'n', data })))
  const source = reading(queue, { 'lock.duration.ms': '500', 'stalled.interval.ms': '100' })
  await source.next()
  await redis.kill()
  try {
    await source.stop()
    expect(source.logged.some((line) => line.includes('come again when their locks end'))).toBe(true)
  } finally {
    await redis.start()
  }
  // As after a crash of the worker: the jobs come again.
  expect((await reading(queue, { 'stalled.interval.ms': '100' }).records(3)).map(({ value }) => value).sort()).toEqual([1, 2, 3])
}, 60_000)
