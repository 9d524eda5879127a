/**
 * Goal: a record becomes one job, also over crashes, with completed jobs that are removed at once, and with two tasks that write the same
 * partition; options come from fields, headers and settings. Method: the sink on a real Redis, BullMQ's own Queue and Worker at the other
 * side.
 */
import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import { BadRecord, Retriable, type SinkRecord, type SinkTask, schemas } from '../../../connect/sdk/index.ts'
import { bullmqSink } from '../../../connectors/bullmq/sink.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

let redis: RedisServer
let client: Redis
let names = 0

beforeAll(async () => {
  redis = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always'] })
  client = redis.client({ maxRetriesPerRequest: null })
})
afterAll(() => redis.stop())

function newQueue(): Queue {
  const queue = new Queue(`queue-${++names}`, { connection: client })
  queue.on('error', () => {})
  onTestFinished(() => queue.close())
  return queue
}

async function sink(queue: Queue, more: Record<string, string> = {}): Promise<SinkTask & { gauges: Map<string, number> }> {
  const context = taskContext(bullmqSink.settings, { 'redis.uri': redis.url, queue: queue.name, ...more }, new AbortController().signal)
  const task = await bullmqSink.start(context)
  onTestFinished(async () => task.stop?.())
  return Object.assign(task, { gauges: context.gauges })
}

const record = (offset: number, parts: Partial<SinkRecord> = {}) => sinkRecord({ topic: 'orders', offset, value: { n: offset }, ...parts })
const records = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i))
const header = (key: string, value: unknown) => ({ key: `bullmq.${key}`, value, schema: null })
/** What `write` says of the records that can be no jobs. */
const badOf = (task: SinkTask, given: readonly SinkRecord[]) =>
  task.write(given).then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof BadRecord)) throw error
      return [error, ...error.also].map(({ index, message }) => [index, message])
    },
  )

test('a record is a job with the id of its place, and no other one is made of it while it is there', async () => {
  const queue = newQueue()
  const task = await sink(queue)
  await task.write([record(5, { value: { total: 12345678901234567890n } })])
  expect(await queue.getJob('orders-0-5')).toMatchObject({ name: 'orders', opts: { attempts: 1 }, delay: 0, priority: 0 })
  expect(await client.hget(`bull:${queue.name}:orders-0-5`, 'data')).toBe('{"total":12345678901234567890}')
})

test('options come from fields before headers before settings', async () => {
  const queue = newQueue()
  const task = await sink(queue, {
    'job.fields': 'delay=when.wait,priority=urgency,name=kind',
    'job.attempts': '4',
    'job.priority': '9',
    'job.backoff.type': 'exponential',
    'job.backoff.delay.ms': '70',
    'job.completed.keep': '0',
    'job.failed.keep': '5',
  })
  await task.write([
    record(0, { value: { when: { wait: 600_000 }, urgency: '3', kind: 'mail' }, headers: [header('delay', 7), header('name', 'header')] }),
    record(1, { headers: [header('name', 'header'), header('attempts', '2'), header('backoff.type', 'fixed'), header('lifo', true)] }),
    record(2, { headers: [header('queue', 'elsewhere')] }),
  ])
  expect(await queue.getJob('orders-0-0')).toMatchObject({
    name: 'mail',
    delay: 600_000,
    priority: 3,
    opts: {
      attempts: 4,
      backoff: { type: 'exponential', delay: 70 },
      removeOnComplete: true,
      removeOnFail: { count: 5 },
    },
  })
  expect(await queue.getJob('orders-0-1')).toMatchObject({
    name: 'header',
    priority: 9,
    opts: { attempts: 2, lifo: true, backoff: { type: 'fixed' } },
  })
  expect(await queue.getJob('orders-0-2')).toMatchObject({ name: 'orders' })
  expect(await queue.getJobCounts('delayed', 'prioritized')).toEqual({ delayed: 1, prioritized: 2 })
})

test('workers of BullMQ take the jobs in order, by priority and last in first out', async () => {
  const queue = newQueue()
  const task = await sink(queue, { 'job.fields': 'priority=p,lifo=first' })
  await task.write([{ p: 0 }, { p: 2 }, { p: 1 }, { p: 0, first: true }].map((value, offset) => record(offset, { value })))
  const taken: string[] = []
  const worker = new Worker(queue.name, async (job) => void taken.push(job.id!), { connection: client })
  onTestFinished(() => worker.close())
  await until(() => taken.length === 4, 'all are processed')
  expect(taken).toEqual(['orders-0-3', 'orders-0-0', 'orders-0-2', 'orders-0-1'])
})

test('ids come from keys, fields and headers, encoded so that BullMQ takes them', async () => {
  const queue = newQueue()
  const byKey = await sink(queue, { 'job.id': 'key' })
  await byKey.write([record(0, { key: 42 }), record(1, { key: 'a:b%' }), record(2, { key: { id: 1 } }), record(3, { key: 42 })])
  const ids = async () => (await queue.getJobs(['waiting'], 0, -1, true)).map(({ id }) => id)
  expect(await ids()).toEqual(['orders-42', 'orders-a%3Ab%25', 'orders-{"id"%3A1}'])
  expect(await badOf(byKey, [record(4)])).toEqual([[0, expect.stringMatching(/orders-0@4.*no key, and job.id=key/)]])
  const byField = await sink(newQueue(), { 'job.id': 'option', 'job.fields': 'id=id', 'job.id.prefix': '' })
  expect(await badOf(byField, [record(0, { value: { id: 5 } }), record(1, { value: {} }), record(2, { value: { id: 'x' } })])).toEqual([
    [0, expect.stringMatching(/whole number: set job.id.prefix/)],
    [1, expect.stringMatching(/neither a field nor a header/)],
  ])
})

test('each record is one job, though completed jobs are removed at once and records are delivered again', async () => {
  const queue = newQueue()
  const done: string[] = []
  const worker = new Worker(queue.name, async (job) => void done.push(job.id!), { connection: client })
  onTestFinished(() => worker.close())
  const first = await sink(queue, { 'job.completed.keep': '0', 'batch.size': '7' })
  await first.write(records(0, 50))
  await until(async () => done.length === 50 && (await queue.getJobCounts('completed', 'active')).active === 0, 'all are processed')
  // The offsets were never committed: another task gets the records again, and more.
  const second = await sink(queue, { 'job.completed.keep': '0', 'batch.size': '7' })
  await second.write(records(0, 60))
  await until(() => done.length >= 60, 'the rest is processed')
  expect(done).toEqual(records(0, 60).map(({ offset }) => `orders-0-${offset}`))
  expect(second.gauges.get('records-already-jobs')).toBe(50)
  // The task that was first does not know that it has lost the partition.
  await first.write(records(50, 62))
  await until(() => done.length >= 62, 'the last two are processed')
  expect(done).toHaveLength(62)
})

test('two tasks that write one partition at the same time make one job of each record', async () => {
  const queue = newQueue()
  const done: string[] = []
  const worker = new Worker(queue.name, async (job) => void done.push(job.id!), { connection: client, concurrency: 5 })
  onTestFinished(() => worker.close())
  const tasks = await Promise.all([1, 2, 3].map(() => sink(queue, { 'job.completed.keep': '0', 'batch.size': '5' })))
  const write = async (task: SinkTask): Promise<void> => {
    try {
      await task.write(records(0, 200))
    } catch (error) {
      if (!(error instanceof Retriable)) throw error
      await write(task)
    }
  }
  await Promise.all(tasks.map(write))
  await until(async () => done.length >= 200 && (await queue.getJobCounts('waiting', 'active')).waiting === 0, 'all are processed')
  expect([...new Set(done)]).toHaveLength(200)
  expect(done).toHaveLength(200)
})

test('a topic that was created again is not skipped: the task fails and says what to delete', async () => {
  const queue = newQueue()
  await (await sink(queue)).write(records(0, 3))
  const again = [0, 1, 2].map((offset) => record(offset, { timestamp: 5 + offset }))
  const key = `bull:${queue.name}:tributary:contract`
  await expect((await sink(queue)).write(again)).rejects.toThrow(`Delete the key ${key} in Redis`)
  await client.del(key)
  await (await sink(queue)).write(again)
})

test('a tombstone is ignored, removes the job, or is an error of its record', async () => {
  const queue = newQueue()
  const keyed = (offset: number, key: string, value: unknown = { n: offset }) => record(offset, { key, value })
  const deleting = await sink(queue, { 'job.id': 'key', 'behavior.on.null.values': 'delete' })
  await deleting.write([keyed(0, 'a'), keyed(1, 'b'), keyed(2, 'a', null), keyed(3, 'c')])
  expect((await queue.getJobs(['waiting'])).map(({ id }) => id).sort()).toEqual(['orders-b', 'orders-c'])
  await deleting.write([keyed(4, 'b', null), keyed(5, 'b'), keyed(6, 'x', null)])
  expect((await queue.getJobs(['waiting'])).map(({ id }) => id).sort()).toEqual(['orders-b', 'orders-c'])
  expect((await queue.getJob('orders-b'))!.data).toEqual({ n: 5 })
  // Delivered again they change nothing: the job of 5 would be gone.
  await (await sink(queue, { 'job.id': 'key', 'behavior.on.null.values': 'delete' })).write([keyed(4, 'b', null), keyed(5, 'b')])
  expect(await queue.getJob('orders-b')).toBeDefined()
  const other = newQueue()
  await (await sink(other)).write([keyed(0, 'a', null)])
  expect(await badOf(await sink(other, { 'behavior.on.null.values': 'fail' }), [keyed(1, 'a', null)])).toEqual([
    [0, expect.stringContaining('its value is null')],
  ])
  expect(await other.count()).toBe(0)
})

test('a job can be the child of a parent that waits for it; without the parent its record is bad, and is tried again', async () => {
  const queue = newQueue()
  const parents = newQueue()
  const options = { 'job.parent.queue': parents.name, 'job.parent.id': 'the-parent' }
  const task = await sink(queue, options)
  const wrong = [[1, expect.stringContaining(`the parent bull:${parents.name}:the-parent of its job is not in Redis`)]]
  const given = [
    record(0, { headers: [header('parent.id', 'of-header')] }),
    record(1),
    record(2, { headers: [header('parent.id', 'of-header')] }),
  ]
  await parents.add('p', {}, { jobId: 'of-header' })
  expect(await badOf(task, given)).toEqual(wrong)
  expect((await queue.getJobs(['waiting'])).map(({ id }) => id).sort()).toEqual(['orders-0-0', 'orders-0-2'])
  // A crash before the dead-letter queue has the record: it is delivered again, and is rejected again.
  const second = await sink(queue, options)
  expect(await badOf(second, given)).toEqual(wrong)
  await parents.add('p', {}, { jobId: 'the-parent' })
  expect(await badOf(second, given)).toEqual([])
  expect((await queue.getJob('orders-0-1'))!.parent).toEqual({ id: 'the-parent', queueKey: `bull:${parents.name}` })
  expect(await client.smembers(`bull:${parents.name}:the-parent:dependencies`)).toEqual([`bull:${queue.name}:orders-0-1`])
})

test('a job that is refused in the middle of a batch does not take the jobs after it with it', async () => {
  const queue = newQueue()
  const task = await sink(queue, { 'batch.size': '5' })
  const given = records(0, 40).map((one, index) =>
    index % 10 === 2 ? { ...one, headers: [header('parent.id', 'nobody'), header('parent.queue', 'nowhere')] } : one,
  )
  expect((await badOf(task, given)).map((bad) => bad[0])).toEqual([2, 12, 22, 32])
  const ids = (await queue.getJobs(['waiting'], 0, -1, true)).map(({ id }) => id)
  expect(ids).toEqual(
    records(0, 40)
      .filter(({ offset }) => offset % 10 !== 2)
      .map(({ offset }) => `orders-0-${offset}`),
  )
})

test('a dead letter that is replayed is a job again, and does not move what is written', async () => {
  const queue = newQueue()
  const task = await sink(queue)
  await task.write(records(5, 8))
  await task.write([record(2, { replayOf: { topic: 'letters', partition: 0, offset: 0 } })])
  await task.write(records(5, 9))
  expect((await queue.getJobs(['waiting'], 0, -1, true)).map(({ id }) => id)).toEqual([5, 6, 7, 2, 8].map((offset) => `orders-0-${offset}`))
})

test.each([
  ['delay', -1, /whole number from 0/],
  ['priority', 2_097_152, /from 0 to 2097151/],
  ['attempts', 'many', /attempts is many/],
  ['lifo', 'yes', /must be true or false/],
  ['parent.id', 'p', /both parent.id and parent.queue/],
])('an invalid %s is an error of its record alone', async (option, value, why) => {
  const queue = newQueue()
  expect(await badOf(await sink(queue), [record(0), record(1, { headers: [header(option, value)] }), record(2)])).toEqual([
    [1, expect.stringMatching(why)],
  ])
  expect(await queue.count()).toBe(2)
})

test('records of a topic go to its queue, and those with a field to the queue that it names', async () => {
  const [a, b] = [newQueue(), newQueue()]
  const task = await sink(a, { queue: '${topic}', 'job.fields': 'queue=to' })
  await task.write([record(0, { topic: a.name }), record(1, { topic: a.name, value: { to: b.name } }), record(2, { topic: a.name })])
  expect([await a.count(), await b.count()]).toEqual([2, 1])
  expect(await badOf(task, [record(3, { topic: a.name, value: { to: 'x:y' } })])).toEqual([[0, expect.stringContaining('no colon')]])
})

test('the data of a job can be the whole record, with bytes and times of a schema', async () => {
  const queue = newQueue()
  const schema = schemas.struct({ at: schemas.timestamp(), bytes: schemas.bytes(), big: schemas.int64() })
  const value = { at: new Date(0), bytes: Buffer.from('hi'), big: 2n ** 60n }
  const task = await sink(queue, { 'job.data': 'record' })
  await task.write([record(0, { key: 'k', value, valueSchema: schema, headers: [header('x', 1)], timestamp: 9 })])
  expect(await client.hget(`bull:${queue.name}:orders-0-0`, 'data')).toBe(
    '{"topic":"orders","partition":0,"offset":0,"timestamp":9,"key":"k","value":{"at":"1970-01-01T00:00:00.000Z","bytes":"aGk=","big":1152921504606846976},"headers":[{"key":"bullmq.x","value":1}]}',
  )
})

test('while Redis is away, has no memory or has lost its scripts, records are tried again and become one job each', async () => {
  const queue = newQueue()
  const task = await sink(queue)
  await task.write(records(0, 10))
  await redis.kill()
  await expect(task.write(records(10, 20))).rejects.toThrow(Retriable)
  await redis.start()
  await task.write(records(10, 20))
  await client.config('SET', 'maxmemory', '1')
  await expect(task.write(records(20, 30))).rejects.toThrow(/memory is used up/)
  await client.config('SET', 'maxmemory', '0')
  await task.write(records(20, 30))
  await client.script('FLUSH')
  for (let tries = 0; tries < 2; tries++) await task.write(records(30, 40)).catch((error) => expect(error).toBeInstanceOf(Retriable))
  expect((await queue.getJobs(['waiting'], 0, -1, true)).map(({ id }) => id)).toEqual(
    records(0, 40).map(({ offset }) => `orders-0-${offset}`),
  )
}, 60_000)
