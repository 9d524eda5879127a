/**
 * Goal: keys become the records of Redis's own connector, all of them first where the mode says so, and what can be lost is told. Method: a
 * real server, whose keys the tests change; one that is killed; a cluster.
 */
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { EndOfSource, parseSettings, type SourceRecord } from '../../../connect/sdk/index.ts'
import { redisKeysSource as source } from '../../../connectors/redis-keys-source/connector.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { jsonModule } from '../../services/redis-server.ts'
import { startRedisCluster } from '../../services/redis-topologies.ts'
import { until } from '../../until.ts'

let server: RedisServer
let client: Redis
beforeAll(async () => {
  server = await startRedisServer({ lines: () => ['notify-keyspace-events KEA', 'appendonly yes', ...jsonModule()] })
  client = server.client()
})
afterAll(() => server?.stop())
beforeEach(() => client.flushall())

function startTask(more: Record<string, string> = {}) {
  const stop = new AbortController()
  const context = { ...taskContext(source.settings, { 'redis.uri': server.url, ...more }, stop.signal), positions: new StoredPositions() }
  const records: SourceRecord[] = []
  const read = async () => {
    for await (const batch of source.read(context)) records.push(...batch.records)
  }
  onTestFinished(() => stop.abort())
  const newest = () => new Map(records.map(({ key, value }) => [key as string, value as Record<string, unknown>]))
  return { context, records, read, newest }
}
const subscribed = (of = client) => until(async () => Number(await of.pubsub('NUMPAT')) === 1, 'the source is subscribed')

test('LIVE: all keys with their values, then each that changes, expires or is deleted', async () => {
  await client.set('s', 'text', 'PX', 60_000)
  await client.hset('h', 'a', '1', '__proto__', '2')
  await client.rpush('l', 'x', 'y')
  await client.sadd('t', 'm')
  await client.zadd('z', 1.5, 'low', 2, 'high')
  await client.xadd('e', '*', 'a', 'b')
  const task = startTask()
  void task.read()
  await until(() => task.records.length === 6, 'the snapshot is read')
  const values = task.newest()
  expect(values.get('s')).toMatchObject({ key: 's', type: 'string', string: 'text' })
  expect(Math.abs((values.get('s')!.ttl as number) - Date.now() - 60_000)).toBeLessThan(30_000)
  expect(values.get('h')).toMatchObject({ type: 'hash', ttl: -1 })
  expect(Object.entries(values.get('h')!.hash as object)).toEqual([
    ['a', '1'],
    ['__proto__', '2'],
  ])
  expect([values.get('l')!.list, values.get('t')!.set, values.get('e')!.type]).toEqual([['x', 'y'], ['m'], 'stream'])
  expect([...(values.get('z')!.zset as Map<number, string>)]).toEqual([
    [1.5, 'low'],
    [2, 'high'],
  ])
  expect(task.records[0]!.valueSchema!.name).toBe('com.redis.kafka.connect.keys.Value')
  await client.set('s', 'new')
  await client.del('h')
  await until(() => task.newest().get('s')!.string === 'new' && task.newest().get('h')!.type === 'none', 'the changes are read')
  expect(task.newest().get('h')).toMatchObject({ key: 'h', ttl: -2, type: 'none' })
})

test('JSON documents: the text of each, and again when a part of it changes', async () => {
  const [known] = (await client.call('COMMAND', 'INFO', 'JSON.SET')) as unknown[]
  if (!known) return expect(jsonModule()).toEqual([])
  await client.call('JSON.SET', 'j', '$', '{"a":[1,"ä"]}')
  const task = startTask()
  void task.read()
  await until(() => task.records.length === 1, 'the snapshot is read')
  expect(task.newest().get('j')).toMatchObject({ type: 'json', json: '{"a":[1,"ä"]}', ttl: -1 })
  await client.call('JSON.SET', 'j', '$.a[0]', '2')
  await until(() => task.newest().get('j')!.json === '{"a":[2,"ä"]}', 'the change is read')
})

test('members of one score: in the format of scores the record is unreadable and says what to set, that of members has them all', async () => {
  await client.zadd('z', 1, 'a', 1, 'b')
  for (const form of ['scores', 'members']) {
    const task = startTask({ 'redis.keys.zset': form })
    void task.read()
    await until(() => task.records.length === 1, 'it is read')
    const [{ unreadable, value, valueSchema }] = task.records as [SourceRecord]
    if (form === 'members') expect(unreadable).toBeUndefined()
    else expect(unreadable?.message).toMatch(/^The sorted set z has several members of one score, .*: set redis.keys.zset=members/)
    expect({ ...(value as { zset: object }).zset }).toEqual({ a: 1, b: 1 })
    expect(valueSchema!.fields!.find(({ name }) => name === 'zset')!.schema.keys!.type).toBe('string')
  }
})

test('LIVEONLY: what was there before is not read; keys outside of the pattern are not either', async () => {
  await client.set('user:1', 'old')
  const task = startTask({ mode: 'LIVEONLY', 'redis.keys.pattern': 'user:*' })
  void task.read()
  await subscribed()
  await client.set('order:1', 'x')
  await client.set('user:2', 'new')
  await until(() => task.records.length > 0, 'the change is read')
  expect(task.records.map(({ key }) => key)).toEqual(['user:2'])
})

test('an interruption: the gap is counted and told, and LIVE reads all keys again', async () => {
  await client.set('a', '1')
  const task = startTask()
  const reading = task.read()
  reading.catch(() => {})
  await until(() => task.records.length === 1, 'the snapshot is read')
  await server.exit()
  await expect(reading).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  await server.start()
  await until(() => client.set('a', '2'), 'the client of the test is connected again')
  void task.read()
  await until(() => task.newest().get('a')!.string === '2', 'the value of meanwhile is read')
  expect(task.context.gauges.get('subscription-gaps')).toBe(1)
  expect(task.context.logged.map(({ message }) => message).join()).toContain('All keys are read again.')
})

test('LIVEONLY: keys that were told of before only the connection of values was lost are read by the next read, and the gap is counted', async () => {
  const task = startTask({ mode: 'LIVEONLY', 'redis.client.name': 'source' })
  const reading = source.read(task.context)
  const first = reading.next()
  await subscribed()
  await client.set('first', 'x')
  await first
  // What waits is told, and the connection that would read it is gone.
  for (let number = 0; number < 5; number++) await client.set(`k${number}`, String(number))
  const found = /id=(\d+) [^\n]* name=source [^\n]* psub=0 /.exec(String(await client.client('LIST')))
  await client.client('KILL', 'ID', found![1]!)
  // It fails, unless the task has noticed the loss before it reads.
  const second = await reading.next().catch((error: Error) => error)
  if (second instanceof Error) expect(second.name).toBe('RetriableException')
  else task.records.push(...second.value!.records)
  await reading.return()
  void task.read()
  // Where the loss was noticed in time, all is read before the next read has subscribed.
  await until(() => task.newest().size === 5 && task.context.gauges.get('subscription-gaps')! > 0, 'all that was told is read')
  expect(task.context.gauges.get('subscription-gaps')).toBe(1)
  expect(task.context.logged.map(({ message }) => message).join()).toContain('keys that were changed meanwhile are lost until they change')
})

test('keys that change faster than they are read are dropped beyond the limit, counted and told', async () => {
  const { context } = startTask({ mode: 'LIVEONLY', 'redis.keys.buffer': '10' })
  const reading = source.read(context)
  const first = reading.next()
  await subscribed()
  const pipeline = client.pipeline()
  for (let number = 0; number < 100; number++) pipeline.set(`k${number}`, 'x')
  await pipeline.exec()
  await first
  await until(() => (context.gauges.get('events-dropped') ?? 0) >= 50, 'events are dropped')
  expect(context.logged.some(({ message }) => message.includes('redis.keys.buffer is used up'))).toBe(true)
  await reading.return()
})

test('after the idle timeout the source ends', async () => {
  await client.set('a', '1')
  await expect(startTask({ 'redis.keys.timeout': '50' }).read()).rejects.toThrow(EndOfSource)
})

test('validation and a task say that the server sends no events', async () => {
  await client.config('SET', 'notify-keyspace-events', '')
  onTestFinished(async () => void (await client.config('SET', 'notify-keyspace-events', 'KEA')))
  const config = parseSettings(source.settings, { 'redis.uri': server.url })
  expect(await source.checkSystem!(config, new AbortController().signal)).toEqual([
    { setting: 'mode', why: expect.stringContaining('set it to KEA') },
  ])
  const task = startTask({ 'redis.keys.timeout': '50' })
  await expect(task.read()).rejects.toThrow(EndOfSource)
  expect(task.context.logged.some(({ level, message }) => level === 'warn' && message.includes('sends no keyspace events'))).toBe(true)
  expect((await source.observe!(config, new AbortController().signal)).warnings.join()).toContain('changes can be lost')
})

test.each(['LIVE', 'LIVEONLY'])(
  'a cluster, %s: keys and events of all masters, also of one that joins later',
  { timeout: 90_000 },
  async (mode) => {
    const cluster = await startRedisCluster(3, { lines: () => ['notify-keyspace-events KEA'] })
    onTestFinished(() => cluster.stop())
    const { createRedisClient } = await import('../../../connectors/redis-driver/client.ts')
    const { redisConnectionOptions } = await import('../../../connectors/redis-driver/connection-settings.ts')
    const config = {
      'redis.uri': '',
      'redis.hosts': cluster.hosts,
      'redis.cluster': 'true',
      'redis.keys.watch.interval.ms': '100',
      mode,
    }
    const writer = await createRedisClient(redisConnectionOptions(parseSettings(source.settings, config)), { connector: 'test', task: 0 })
    onTestFinished(() => writer.disconnect())
    await writer.connect()
    for (let number = 0; number < 50; number++) await writer.set(`before${number}`, String(number))
    const task = startTask(config)
    void task.read()
    const before = mode === 'LIVE' ? 50 : 0
    for (const node of cluster.nodes) await subscribed(node.client())
    await until(() => task.newest().size === before, 'the snapshot of all masters is read')
    for (let number = 0; number < 50; number++) await writer.set(`after${number}`, String(number))
    await until(() => task.newest().size === before + 50, 'the changes on all masters are read')

    const joined = await cluster.join()
    await cluster.moveSlots(cluster.nodes[0]!, joined, 0, 2000)
    await subscribed(joined.client())
    expect(task.context.gauges.get('subscription-gaps')).toBe(1)
    expect(task.context.logged.map(({ message }) => message).join()).toContain(`The master 127.0.0.1:${joined.port} of the cluster is new`)
    for (let number = 0; number < 200; number++) await writer.set(`later${number}`, String(number))
    await until(
      () => [...task.newest().keys()].filter((key) => key.startsWith('later')).length === 200,
      'the changes on the new one are read',
    )
    const there = await joined.client().keys('later*')
    expect(there.length).toBeGreaterThan(0)
    if (mode === 'LIVE') expect(task.newest().size).toBe(300)
  },
)
