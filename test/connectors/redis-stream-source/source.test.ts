/**
 * Goal: the stream source reads each entry, acknowledges it when it is in Kafka, takes over what dead consumers keep, and tells what was
 * trimmed. Method: a real server; the tests acknowledge batches and store positions as a worker does, and look at the group in Redis.
 */
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings, type SourceBatch, type SourceRecord } from '../../../connect/sdk/index.ts'
import { redisStreamSource as source } from '../../../connectors/redis-stream-source/source.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

const GROUP = 'kafka-consumer-group'
let server: RedisServer
let client: Redis

beforeAll(async () => {
  server = await startRedisServer({ version: 7, lines: () => ['appendonly yes', 'appendfsync always'] })
  client = server.client()
})
afterAll(() => server?.stop())
beforeEach(() => client.flushall())

const add = async (stream: string, from: number, to: number) => {
  for (let number = from; number < to; number++) await client.xadd(stream, `${number + 1}-0`, 'number', String(number))
}
const numberOf = (value: unknown) => Number((value as { body: { number: string } }).body.number)

/** A task; `acknowledges` is whether Kafka takes what it reads. */
function startTask(more: Record<string, string> = {}, { positions = new StoredPositions(), acknowledges = true, task = 0 } = {}) {
  const stop = new AbortController()
  const config = { 'redis.uri': server.url, 'redis.stream.name': 's', 'redis.stream.watch.interval.ms': '100', ...more }
  const context = { ...taskContext(source.settings, config, stop.signal), task, positions }
  const numbers: number[] = []
  const batches: SourceBatch[] = []
  const reading = (async () => {
    for await (const batch of source.read({ ...context, onPositionsStored: positions.onPositionsStored })) {
      batches.push(batch)
      numbers.push(...batch.records.map(({ value }) => numberOf(value)))
      if (!acknowledges) continue
      batch.acknowledged?.()
      positions.store(batch.positions)
    }
  })()
  // The tests that expect an error look at it later.
  reading.catch(() => {})
  const end = () => {
    stop.abort()
    return reading
  }
  onTestFinished(async () => {
    stop.abort()
    await reading.catch(() => {})
  })
  const acknowledge = () => {
    for (const batch of batches) batch.acknowledged?.()
  }
  return {
    context,
    positions,
    numbers,
    batches,
    reading,
    end,
    acknowledge,
    has: (count: number) => until(() => numbers.length >= count, `${count} are read`),
  }
}

const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, index) => index + from)
const pending = async () => ((await client.xpending('s', GROUP)) as [number])[0]
const warnings = (task: ReturnType<typeof startTask>) =>
  task.context.logged.filter(({ level }) => level === 'warn').map(({ message }) => message)

test('records are those of the connector of Redis: id, fields and stream, with its schemas', async () => {
  await client.xadd('orders', '5-1', 'a', '1', '__proto__', 'ä')
  const task = startTask({ 'redis.stream.name': 'orders', topic: 'redis_${stream}' })
  await until(() => task.batches.length > 0, 'a batch is read')
  const [record] = task.batches[0]!.records
  expect(record).toMatchObject({ topic: 'redis_orders', key: '5-1', keySchema: { type: 'string', optional: false }, partition: null })
  expect(record!.valueSchema).toMatchObject({ name: 'com.redis.kafka.connect.stream.Value', type: 'struct' })
  expect(record!.valueSchema!.fields!.map(({ name }) => name)).toEqual(['id', 'body', 'stream'])
  const value = record!.value as { id: string; stream: string; body: Record<string, string> }
  expect([value.id, value.stream, Object.entries(value.body)]).toEqual([
    '5-1',
    'orders',
    [
      ['a', '1'],
      ['__proto__', 'ä'],
    ],
  ])
})

test('at-least-once: an entry stays pending until Kafka has it, and a killed task reads what was pending again', async () => {
  await add('s', 0, 10)
  const first = startTask({}, { acknowledges: false })
  await first.has(10)
  expect(await pending()).toBe(10)
  first.batches[0]!.acknowledged!()
  await until(async () => (await pending()) === 10 - first.batches[0]!.records.length, 'Redis hears of what Kafka has')
  await add('s', 10, 12)
  await first.has(12)
  await first.end()
  const second = startTask()
  await second.has(2)
  await until(async () => (await pending()) === 0, 'all is acknowledged')
  expect(second.numbers).toEqual([10, 11])
})

test('at-most-once: an entry is acknowledged when it is read', async () => {
  await add('s', 0, 10)
  const first = startTask({ 'redis.stream.delivery': 'at-most-once' }, { acknowledges: false })
  await first.has(10)
  expect(await pending()).toBe(0)
  await first.end()
  await add('s', 10, 11)
  const second = startTask({ 'redis.stream.delivery': 'at-most-once' })
  await second.has(1)
  expect(second.numbers).toEqual([10])
})

test('exactly-once: reading goes on after the stored position, and the stream gets no group', async () => {
  await add('s', 0, 10)
  const positions = new StoredPositions()
  const config = { 'redis.stream.delivery': 'exactly-once', 'batch.size': '3' }
  const first = startTask(config, { positions })
  await first.has(10)
  await first.end()
  await add('s', 10, 15)
  const second = startTask(config, { positions })
  await second.has(5)
  expect(second.numbers).toEqual(upTo(15, 10))
  expect(await client.xinfo('GROUPS', 's')).toEqual([])
  expect(await positions.get({ stream: 's' })).toMatchObject({ offset: '15-0', rank: 15 })
})

test('exactly-once from $: what is added while the task is away is read, though none was before', async () => {
  await add('s', 0, 3)
  const positions = new StoredPositions()
  const config = { 'redis.stream.delivery': 'exactly-once', 'redis.stream.offset': '$' }
  const first = startTask(config, { positions })
  await until(() => positions.get({ stream: 's' }), 'the first position is stored')
  await first.end()
  await add('s', 3, 5)
  const second = startTask(config, { positions })
  await second.has(2)
  expect(second.numbers).toEqual([3, 4])
})

test('several streams in one task, and one stream in several tasks: each entry is read once', async () => {
  expect(source.tasks!(parseSettings(source.settings, { 'redis.stream.name': 'a,b,c' }), 2)).toEqual([
    { 'redis.stream.name': 'a,c' },
    { 'redis.stream.name': 'b' },
  ])
  expect(source.tasks!(parseSettings(source.settings, { 'redis.stream.name': 'a,b' }), 3)).toEqual([
    { 'redis.stream.name': 'a', 'task.streams.shared': 'true' },
    { 'redis.stream.name': 'b', 'task.streams.shared': 'false' },
    { 'redis.stream.name': 'a', 'task.streams.shared': 'true' },
  ])
  const sameName = { 'redis.stream.name': 'a,b', 'redis.stream.consumer.name': 'c' }
  expect(source.tasks!(parseSettings(source.settings, sameName), 2)).toHaveLength(2)
  expect(() => source.tasks!(parseSettings(source.settings, sameName), 3)).toThrow(
    '3 tasks share 2 streams, and each needs a consumer of its own: put ${task} into redis.stream.consumer.name, or set tasks.max=2',
  )
  const shared = { 'batch.size': '5', 'task.streams.shared': 'true' }
  const one = startTask(shared, { task: 0 })
  const two = startTask(shared, { task: 1 })
  const both = startTask({ 'redis.stream.name': 't,u' }, { task: 2 })
  await add('s', 0, 200)
  await add('t', 0, 20)
  await add('u', 20, 40)
  await until(() => one.numbers.length + two.numbers.length >= 200, 'all of s is read')
  await both.has(40)
  expect([...one.numbers, ...two.numbers].sort((a, b) => a - b)).toEqual(upTo(200))
  expect(both.numbers.sort((a, b) => a - b)).toEqual(upTo(40))
})

test('entries of a consumer that died are claimed after the idle time, and acknowledged', async () => {
  await add('s', 0, 10)
  await client.xgroup('CREATE', 's', GROUP, '0')
  await client.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 4, 'STREAMS', 's', '>')
  const task = startTask({ 'redis.stream.claim.idle.ms': '1000' })
  await task.has(10)
  expect(task.numbers.toSorted((a, b) => a - b)).toEqual(upTo(10))
  await until(async () => (await pending()) === 0, 'all is acknowledged')
  expect(task.context.gauges.get('entries-claimed')).toBe(4)
  expect(warnings(task).join()).toContain('their consumer has not acknowledged them for 1000 ms')
})

test('a task does not claim its own entries that Kafka is slow to take', async () => {
  await add('s', 0, 5)
  const task = startTask({ 'redis.stream.claim.idle.ms': '1000' }, { acknowledges: false })
  await task.has(5)
  const idle = async () =>
    Math.max(...((await client.xpending('s', GROUP, '-', '+', 10)) as [string, string, number][]).map(([, , ms]) => ms))
  await until(async () => (await idle()) > 1000, 'they are idle for longer than the claim needs')
  await until(async () => (await idle()) < 1000, 'XAUTOCLAIM has run')
  await add('s', 5, 6)
  await task.has(6)
  expect(task.numbers).toEqual(upTo(6))
})

test.each(['at-least-once', 'exactly-once'])(
  '%s: entries that were trimmed before they were read are counted and told',
  async (delivery) => {
    await add('s', 0, 10)
    const positions = new StoredPositions()
    const config = { 'redis.stream.delivery': delivery }
    const first = startTask(config, { positions })
    await first.has(10)
    await until(() => positions.get({ stream: 's' }), 'a position is stored')
    await first.end()
    await add('s', 10, 40)
    await client.xtrim('s', 'MINID', '31')
    const second = startTask(config, { positions })
    await second.has(10)
    expect(second.numbers).toEqual(upTo(40, 30))
    expect(second.context.gauges.get('entries-missed')).toBe(20)
    expect(warnings(second)).toEqual([expect.stringMatching(/^20 entries of the stream s were trimmed or deleted before they were read/)])
    await second.end()
    const third = startTask(config, { positions })
    await add('s', 40, 41)
    await third.has(1)
    expect(warnings(third)).toEqual([])
  },
)

test('exactly-once: a stream of which everything was trimmed', async () => {
  const positions = new StoredPositions()
  await add('s', 0, 10)
  const first = startTask({ 'redis.stream.delivery': 'exactly-once', 'batch.size': '10' }, { positions })
  await first.has(10)
  await first.end()
  await add('s', 10, 15)
  await client.xtrim('s', 'MAXLEN', 0)
  const second = startTask({ 'redis.stream.delivery': 'exactly-once' }, { positions })
  await until(() => second.context.gauges.get('entries-missed') === 5, 'they are counted')
  await add('s', 15, 17)
  await second.has(2)
  expect([second.numbers, second.context.gauges.get('entries-missed')]).toEqual([[15, 16], 5])
})

test('a server that comes back with an old count of what the group has read: nothing is told as lost', async () => {
  await add('s', 0, 50)
  const task = startTask()
  await task.has(50)
  await until(async () => (await pending()) === 0, 'Redis is told')
  // From here on Redis 7.0 does not append what the group has read.
  await client.bgrewriteaof()
  await until(
    async () => /aof_rewrite_in_progress:0[\s\S]*aof_last_bgrewrite_status:ok/.test(await client.info('persistence')),
    'it is rewritten',
  )
  await add('s', 50, 100)
  await task.has(100)
  await until(async () => (await pending()) === 0, 'Redis is told')
  await server.kill()
  await expect(task.reading).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  await server.start()
  await until(() => client.ping(), 'the client of the test is connected again')
  const again = startTask({}, { positions: task.positions })
  const looks = () => Number(/cmdstat_xinfo\|groups:calls=(\d+)/.exec(commands)?.[1] ?? 0)
  let commands = await client.info('commandstats')
  const before = looks()
  await add('s', 100, 110)
  await again.has(10)
  await until(async () => {
    commands = await client.info('commandstats')
    return looks() > before + 4
  }, 'the task has looked at the group')
  expect([again.numbers, warnings(again), again.context.gauges.get('entries-missed')]).toEqual([upTo(110, 100), [], 0])
})

test('entries that were trimmed while a dead consumer had them are told', async () => {
  await add('s', 0, 10)
  await client.xgroup('CREATE', 's', GROUP, '0')
  await client.xreadgroup('GROUP', GROUP, 'consumer-0', 'COUNT', 4, 'STREAMS', 's', '>')
  await client.xtrim('s', 'MINID', '4')
  const task = startTask()
  await task.has(7)
  expect(task.numbers).toEqual(upTo(10, 3))
  expect(warnings(task).join()).toContain('3 entries of the stream s were trimmed or deleted after a consumer had taken them')
  await until(async () => (await pending()) === 0, 'nothing stays pending')
})

test('a group that was destroyed is created again after what was read', async () => {
  await add('s', 0, 10)
  const task = startTask()
  await task.has(10)
  await client.xgroup('DESTROY', 's', GROUP)
  await add('s', 10, 12)
  await task.has(12)
  expect(task.numbers).toEqual(upTo(12))
  expect(warnings(task).join()).toContain(`The consumer group ${GROUP} of the stream s is created at 10-0`)
})

test('a group from $ that is destroyed before it has read anything is created again where it was', async () => {
  await add('s', 0, 3)
  const task = startTask({ 'redis.stream.offset': '$' })
  await until(async () => ((await client.xinfo('GROUPS', 's')) as unknown[]).length === 1, 'the group is there')
  await client.multi().xgroup('DESTROY', 's', GROUP).xadd('s', '4-0', 'number', '3').exec()
  await task.has(1)
  expect(task.numbers).toEqual([3])
  await task.end()
  const shared = startTask({ 'redis.stream.offset': '$', 'task.streams.shared': 'true', 'redis.stream.consumer.group': 'both' })
  await until(async () => ((await client.xinfo('GROUPS', 's')) as unknown[]).length === 2, 'the group is there')
  await client.multi().xgroup('DESTROY', 's', 'both').xadd('s', '5-0', 'number', '4').exec()
  await shared.has(1)
  expect(shared.numbers).toEqual([4])
})

test('a stream whose ids go back: its gaps and its place are counted anew', async () => {
  await add('s', 0, 10)
  const task = startTask()
  await task.has(10)
  await client.multi().del('s').xadd('s', '2-0', 'number', '1').xadd('s', '3-0', 'number', '2').exec()
  await task.has(12)
  await client.xgroup('DESTROY', 's', GROUP)
  await add('s', 3, 20)
  await task.has(29)
  expect(task.numbers).toEqual([...upTo(10), 1, 2, ...upTo(20, 3)])
  expect(task.context.gauges.get('entries-missed')).toBe(0)
})

test('a stream that was deleted is read again from its beginning', async () => {
  await add('s', 0, 3)
  const task = startTask()
  await task.has(3)
  await client.del('s')
  await add('s', 0, 2)
  await task.has(5)
  expect(task.numbers).toEqual([0, 1, 2, 0, 1])
})

test('the connection is lost and Redis comes back: the read fails as retriable, and the next one repeats nothing that Kafka has', async () => {
  await add('s', 0, 10)
  const task = startTask({}, { acknowledges: false })
  await task.has(10)
  await server.kill()
  await expect(task.reading).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  task.acknowledge()
  await server.start()
  await until(() => client.ping(), 'the client of the test is connected again')
  const numbers: number[] = []
  await add('s', 10, 12)
  for await (const batch of source.read({ ...task.context, positions: new StoredPositions() })) {
    numbers.push(...batch.records.map(({ value }) => numberOf(value)))
    batch.acknowledged!()
    if (numbers.length >= 2) break
  }
  expect(numbers).toEqual([10, 11])
  expect(await pending()).toBe(0)
})

test.each(['at-least-once', 'exactly-once'])('%s: large entries are read a few at a time', async (delivery) => {
  const large = 'x'.repeat(2 * 1024 * 1024)
  for (let number = 0; number < 40; number++) await client.xadd('s', `${number + 1}-0`, 'number', String(number), 'large', large)
  const task = startTask({ 'redis.stream.delivery': delivery }, { acknowledges: false })
  await task.has(40)
  expect(task.numbers).toEqual(upTo(40))
  const [first, ...others] = task.batches.map(({ records }) => records.length).filter((count) => count > 0)
  expect(first).toBe(10)
  expect(Math.max(...others)).toBeLessThanOrEqual(4)
})

test('an entry that is not UTF-8 is a record of bytes that says why it is unreadable; with bytes only its names must be text', async () => {
  const bytes = Buffer.from([0xff, 0x00])
  await client.xadd('s', '1-0', 'number', bytes)
  await client.xadd('s', '2-0', 'number', '1')
  await client.xadd('s', '3-0', 'number', '2', bytes, 'x')
  const read = async (config: Record<string, string>) => {
    const task = startTask(config)
    await task.has(3)
    await task.end()
    return task.batches.flatMap(({ records }) => records)
  }
  const texts = await read({})
  expect(texts.map(({ unreadable }) => unreadable?.message)).toEqual([
    'The entry 1-0 of the stream s has a value that is not UTF-8: set redis.stream.body=bytes to read it as bytes, or errors.tolerance=all to skip it',
    undefined,
    'The entry 3-0 of the stream s has a field name that is not UTF-8: names must be texts, or errors.tolerance=all to skip it',
  ])
  const bodyOf = (record: SourceRecord | undefined) => ({ ...(record!.value as { body: object }).body })
  expect([texts[0]!.valueSchema!.fields![1]!.schema.values!.type, bodyOf(texts[0])]).toEqual(['bytes', { number: bytes }])
  expect(bodyOf(texts[1])).toEqual({ number: '1' })
  expect(bodyOf(texts[2])).toEqual({ number: Buffer.from('2'), '0xff00': Buffer.from('x') })
  await client.xgroup('DESTROY', 's', GROUP)
  const [first, , third] = await read({ 'redis.stream.body': 'bytes' })
  expect([first!.unreadable, bodyOf(first)]).toEqual([undefined, { number: bytes }])
  expect(third!.unreadable?.message).toContain('a field name')
})
