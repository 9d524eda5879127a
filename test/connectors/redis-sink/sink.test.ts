/**
 * Goal: the sink writes each data structure as Redis's own connector does, keeps the order of a key, names bad records and outlives a
 * server that is away. Method: tasks as a worker runs them, on a real server; what Redis has afterwards is compared.
 */
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import { BadRecord, parseSettings, type SinkRecord, type SinkTask, schemas } from '../../../connect/sdk/index.ts'
import { redisSink as sink } from '../../../connectors/redis-sink/connector.ts'
import { check, settings } from '../../../connectors/redis-sink/settings.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { jsonModule } from '../../services/redis-server.ts'
import { startRedisCluster } from '../../services/redis-topologies.ts'
import { until } from '../../until.ts'

let server: RedisServer
let client: Redis

beforeAll(async () => {
  server = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always', ...jsonModule()] })
  client = server.client()
})
afterAll(() => server?.stop())
beforeEach(() => client.flushall())

const record = (offset: number, parts: Partial<SinkRecord>) => sinkRecord({ topic: 'orders', offset, ...parts })

async function startTask(config: Record<string, string>) {
  const context = taskContext(settings, { 'redis.uri': server.url, ...config }, new AbortController().signal)
  const task = await sink.start(context)
  onTestFinished(() => task.stop?.())
  return { task, gauges: context.gauges, write: (...records: SinkRecord[]) => task.write(records) }
}
const badOf = async (writing: Promise<void>): Promise<BadRecord[]> => {
  const error = await writing.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof BadRecord)) throw new Error(`no BadRecord: ${error}`)
  return [error, ...error.also]
}

describe('data structures', () => {
  test('STRING: the key of the record behind the keyspace; a tombstone deletes', async () => {
    const { write, gauges } = await startTask({ 'redis.type': 'STRING' })
    await write(
      record(0, { key: 'a', value: 'one' }),
      record(1, { key: 'b', value: Buffer.from([0xff, 0]) }),
      record(2, { key: 7, value: 8 }),
    )
    expect([await client.get('orders:a'), await client.getBuffer('orders:b'), await client.get('orders:7')]).toEqual([
      'one',
      Buffer.from([0xff, 0]),
      '8',
    ])
    await write(record(3, { key: 'a', value: null }))
    expect(await client.exists('orders:a')).toBe(0)
    expect(Object.fromEntries(gauges)).toMatchObject({ 'records-written': 3, 'records-deleted': 1 })
  })

  test('an empty keyspace is the key of the record alone, also of bytes', async () => {
    const { write } = await startTask({ 'redis.type': 'STRING', 'redis.keyspace': '' })
    await write(record(0, { key: Buffer.from([1, 0xfe]), value: 'x' }))
    expect(await client.getBuffer(Buffer.from([1, 0xfe]))).toEqual(Buffer.from('x'))
  })

  test('HASH: fields as Java writes their values, nested ones as JSON if asked', async () => {
    const valueSchema = schemas.struct({
      id: schemas.int64(),
      price: schemas.float64(),
      paid: schemas.boolean(),
      note: schemas.string({ optional: true }),
      raw: schemas.bytes(),
      place: schemas.struct({ x: schemas.int32() }),
    })
    const value = { id: 2n ** 60n, price: 1, paid: true, note: null, raw: Buffer.from([0xff]), place: { x: 1 } }
    const java = await startTask({ 'redis.type': 'HASH' })
    await java.write(record(0, { key: 'k', value, valueSchema }))
    const json = await startTask({ 'redis.type': 'HASH', 'redis.keyspace': 'json', 'redis.field.format': 'json' })
    await json.write(record(0, { key: 'k', value, valueSchema }))
    expect(await client.hgetall('orders:k')).toMatchObject({
      id: String(2n ** 60n),
      price: '1.0',
      paid: 'true',
      note: '',
      place: 'Struct{x=1}',
    })
    expect(await client.hgetBuffer('orders:k', 'raw')).toEqual(Buffer.from([0xff]))
    expect(await client.hget('json:k', 'place')).toBe('{"x":1}')
  })

  test('HASH keeps fields that a record lacks, or replaces them all', async () => {
    for (const replaces of ['false', 'true']) {
      const { write } = await startTask({ 'redis.type': 'HASH', 'redis.hash.replace': replaces, 'redis.keyspace': replaces })
      await write(record(0, { key: 'k', value: { a: 1, b: 2 } }), record(1, { key: 'k', value: { a: 3 } }))
    }
    expect([await client.hgetall('false:k'), await client.hgetall('true:k')]).toEqual([{ a: '3', b: '2' }, { a: '3' }])
  })

  test('STREAM: entries in order, with a limit of their number; a tombstone is skipped', async () => {
    const { write, gauges } = await startTask({ 'redis.stream.maxlen': '100' })
    await write(
      ...Array.from({ length: 1000 }, (_, offset) => record(offset, { value: { number: offset } })),
      record(1000, { value: null }),
    )
    const entries = await client.xrange('orders', '-', '+')
    expect(entries.length).toBeGreaterThanOrEqual(100)
    expect(entries.length).toBeLessThan(300)
    expect(entries.at(-1)![1]).toEqual(['number', '999'])
    expect(gauges.get('records-skipped')).toBe(1)
  })

  test('STREAM: an id from a field, which must be greater than the last', async () => {
    const { write } = await startTask({ 'redis.stream.id': 'field', 'redis.stream.id.field': 'at' })
    const bad = await badOf(
      write(
        record(0, { value: { at: '5-1', a: 1 } }),
        record(1, { value: { at: '5-0', a: 2 } }),
        record(2, { value: { a: 3 } }),
        record(3, { value: { at: 6, a: 4 } }),
        record(4, { value: { at: '18446744073709551616-1', a: 5 } }),
      ),
    )
    expect(bad.map(({ index }) => index)).toEqual([1, 2, 4])
    expect(bad[1]!.message).toContain('its field at is no id of an entry')
    expect(await client.xrange('orders', '-', '+')).toEqual([
      ['5-1', ['a', '1']],
      ['6-0', ['a', '4']],
    ])
  })

  test('STREAM with ids that are offsets: what is delivered again is left out; a stream of others fails the task', async () => {
    const config = { 'redis.stream.id': 'offset', 'redis.keyspace': '${topic}:${partition}' }
    const records = Array.from({ length: 10 }, (_, offset) => record(offset, { value: { number: offset } }))
    const { write, gauges } = await startTask(config)
    await write(...records.slice(0, 7))
    await write(...records)
    expect((await client.xrange('orders:0', '-', '+')).map(([id]) => id)).toEqual(records.map(({ offset }) => `${offset}-1`))
    expect(gauges.get('records-already-written')).toBe(7)
    await client.xadd('others:0', '*', 'a', 'b')
    await expect(write(sinkRecord({ topic: 'others', offset: 0, value: { a: 1 } }))).rejects.toThrow('has entries of others')
    const replayed = record(3, { value: { number: 3 }, replayOf: { topic: 'letters', partition: 0, offset: 0 } })
    const bad = await badOf(write(replayed))
    expect(bad).toHaveLength(1)
    expect(bad[0]!.message).toContain('replay the letter with another connector')
  })

  test('LIST, SET and ZSET: members are keys or values, and a tombstone removes', async () => {
    const list = await startTask({ 'redis.type': 'LIST', 'redis.keyspace': 'list', 'redis.list.push': 'LPUSH' })
    await list.write(...['a', 'b', 'c'].map((key, offset) => record(offset, { key, value: 1 })), record(3, { key: 'b', value: null }))
    const set = await startTask({ 'redis.type': 'SET', 'redis.keyspace': 'set', 'redis.member': 'value' })
    await set.write(record(0, { value: 'x' }), record(1, { value: 'x' }), record(2, { value: { a: 1 } }))
    const zset = await startTask({ 'redis.type': 'ZSET', 'redis.keyspace': 'zset' })
    await zset.write(
      record(0, { key: 'low', value: 1.5 }),
      record(1, { key: 'high', value: Number.POSITIVE_INFINITY }),
      record(2, { key: 'gone', value: 2 }),
      record(3, { key: 'gone', value: null }),
    )
    expect(await client.lrange('list', 0, -1)).toEqual(['c', 'a'])
    expect((await client.smembers('set')).sort()).toEqual(['x', '{"a":1}'])
    expect(await client.zrange('zset', 0, -1, 'WITHSCORES')).toEqual(['low', '1.5', 'high', 'inf'])
  })

  test('ZSET: the score is a field of the value', async () => {
    const { write } = await startTask({ 'redis.type': 'ZSET', 'redis.keyspace': 'z', 'redis.score.field': 'points' })
    const bad = await badOf(write(record(0, { key: 'a', value: { points: 3 } }), record(1, { key: 'b', value: { points: 'many' } })))
    expect(bad.map(({ index, message }) => [index, message])).toEqual([[1, expect.stringContaining('its field points must be a number')]])
    expect(await client.zscore('z', 'a')).toBe('3')
  })

  test('a time to live of all keys, and that of a header before it; another header is a bad record', async () => {
    const { write } = await startTask({ 'redis.type': 'STRING', 'redis.key.ttl': '1000' })
    const header = (value: unknown) => [{ key: 'redis.key.ttl', value, schema: null }]
    const bad = await badOf(
      write(
        record(0, { key: 'a', value: '1' }),
        record(1, { key: 'b', value: '1', headers: header('50') }),
        record(2, { key: 'c', value: '1', headers: header(Buffer.from('soon')) }),
      ),
    )
    expect(bad.map(({ index }) => index)).toEqual([2])
    expect(await client.ttl('orders:a')).toBeGreaterThan(900)
    expect(await client.ttl('orders:b')).toBeLessThanOrEqual(50)
  })

  test('ISO-8859-1: other characters are bad records', async () => {
    const { write } = await startTask({ 'redis.type': 'STRING', 'redis.charset': 'iso-8859-1' })
    const bad = await badOf(write(record(0, { key: 'a', value: 'ä' }), record(1, { key: 'b', value: '€' })))
    expect(bad.map(({ index }) => index)).toEqual([1])
    expect(await client.getBuffer('orders:a')).toEqual(Buffer.from([0xe4]))
  })
})

test('JSON documents are set and deleted; where there is no JSON.SET the task fails with its name', async () => {
  const { write } = await startTask({ 'redis.type': 'JSON' })
  const writing = write(
    record(0, { key: 'a', value: { x: 1, when: null } }),
    record(1, { key: 'b', value: '[1, 2]' }),
    record(2, { key: 'c', value: '{}' }),
    record(3, { key: 'c', value: null }),
  )
  const [known] = (await client.call('COMMAND', 'INFO', 'JSON.SET')) as unknown[]
  if (!known) return await expect(writing).rejects.toThrow(/unknown command .JSON\.SET./)
  await writing
  const documents = await Promise.all(['orders:a', 'orders:b', 'orders:c'].map((key) => client.call('JSON.GET', key)))
  expect(documents).toEqual(['{"x":1,"when":null}', '[1,2]', null])
  expect((await badOf(write(record(4, { key: 'd', value: 'no JSON' })))).map(({ index }) => index)).toEqual([0])
})

test('bad records are named, also those that Redis refuses, and the others are written', async () => {
  await client.set('orders:b', 'a string')
  const { write } = await startTask({ 'redis.type': 'HASH' })
  const bad = await badOf(
    write(
      record(0, { key: 'a', value: { x: 1 } }),
      record(1, { key: 'b', value: { x: 2 } }),
      record(2, { key: null, value: { x: 3 } }),
      record(3, { key: 'c', value: 'text' }),
      record(4, { key: 'd', value: {} }),
      record(5, { key: 'e', value: { x: 6 } }),
    ),
  )
  expect(bad.map(({ index }) => index)).toEqual([1, 2, 3, 4])
  expect(bad[0]!.message).toMatch(/^The record orders-0@1 cannot be written to Redis: .*WRONGTYPE/)
  expect([await client.hget('orders:a', 'x'), await client.hget('orders:e', 'x')]).toEqual(['1', '6'])
})

test('the order of each key stays over batches and pipelines', async () => {
  const { write } = await startTask({ 'redis.type': 'STRING', 'batch.size': '7' })
  await write(...Array.from({ length: 500 }, (_, offset) => record(offset, { key: `k${offset % 3}`, value: String(offset) })))
  expect(await client.mget('orders:k0', 'orders:k1', 'orders:k2')).toEqual(['498', '499', '497'])
})

test('redis.multiexec: a batch is one transaction', async () => {
  const { write } = await startTask({ 'redis.type': 'LIST', 'redis.keyspace': 'l', 'redis.multiexec': 'true', 'batch.size': '10' })
  const executed = async () => Number(/cmdstat_exec:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
  const before = await executed()
  await write(...Array.from({ length: 25 }, (_, offset) => record(offset, { key: String(offset), value: 1 })))
  expect(await client.llen('l')).toBe(25)
  expect((await executed()) - before).toBe(3)
})

test('redis.wait.replicas: without replicas the batch is retried, until they have it', { timeout: 30_000 }, async () => {
  const { write } = await startTask({ 'redis.type': 'STRING', 'redis.wait.replicas': '1', 'redis.wait.timeout': '50' })
  const first = record(0, { key: 'a', value: '1' })
  for (let attempt = 0; attempt < 2; attempt++) await expect(write(first)).rejects.toThrow(/^0 of 1 replicas have the records within 50 ms/)
  const replica = await startRedisServer({ lines: () => [`replicaof 127.0.0.1 ${server.port}`, 'repl-diskless-sync-delay 0'] })
  onTestFinished(() => replica.stop())
  await until(
    () =>
      write(first).then(
        () => true,
        () => false,
      ),
    'the replica has it',
  )
  expect(await replica.client().get('orders:a')).toBe('1')
})

/** As the runtime: again, with the same records, while it is retriable. */
async function writeWithRetries(task: SinkTask, records: SinkRecord[]): Promise<void> {
  await until(async () => {
    try {
      await task.write(records)
      return true
    } catch (error) {
      if ((error as Error).name !== 'RetriableException') throw error
      return false
    }
  }, 'the records are written')
}

test('a server that is killed and comes back: nothing is lost, and each offset is there once', async () => {
  const { task } = await startTask({ 'redis.stream.id': 'offset', 'redis.keyspace': '${topic}:${partition}', 'batch.size': '20' })
  const records = Array.from({ length: 2000 }, (_, offset) => record(offset, { value: { number: offset } }))
  let written = 0
  const writing = (async () => {
    for (; written < records.length; written += 100) await writeWithRetries(task, records.slice(written, written + 100))
  })()
  for (const limit of [300, 1100]) {
    await until(() => written >= limit, `${limit} are written`)
    await server.kill()
    await server.start()
  }
  await writing
  await until(() => client.ping(), 'the client of the test is connected again')
  expect((await client.xrange('orders:0', '-', '+')).map(([, fields]) => Number(fields[1]))).toEqual(records.map(({ offset }) => offset))
})

test('memory is used up: the batch waits; what is written already is not written twice, and the order of a key stays', async () => {
  const { task } = await startTask({ 'redis.type': 'LIST', 'redis.keyspace': '${topic}', 'redis.member': 'value' })
  const records = [
    sinkRecord({ topic: 'a', offset: 0, key: 'x', value: 'first' }),
    sinkRecord({ topic: 'a', offset: 1, key: 'x', value: 'second' }),
  ]
  await client.config('SET', 'maxmemory', '1')
  await expect(task.write(records)).rejects.toThrow(/its memory is used up \(maxmemory\)/)
  await client.config('SET', 'maxmemory', '0')
  await task.write(records)
  expect(await client.lrange('a', 0, -1)).toEqual(['first', 'second'])
})

test('memory is used up in the middle of a batch: with ids that are offsets no entry is passed over by those after it', async () => {
  const full = await startRedisServer({ lines: () => ['maxmemory 1'] })
  onTestFinished(() => full.stop())
  const admin = full.client()
  const { task, gauges } = await startTask({
    'redis.uri': full.url,
    'redis.stream.id': 'offset',
    'redis.keyspace': '${topic}:${partition}',
    'batch.size': '100000',
  })
  const records = Array.from({ length: 40_000 }, (_, offset) => record(offset, { value: { number: offset } }))
  const refused = async () => /errorstat_OOM:count=\d+/.test(await admin.info('errorstats'))
  const writing = task.write(records).catch((error: Error) => error)
  // Without a pause: while the first are refused the last are still on their way.
  while (!(await refused()));
  await admin.config('SET', 'maxmemory', '0')
  expect(await writing).toMatchObject({ name: 'RetriableException' })
  await writeWithRetries(task, records)
  expect(await admin.xlen('orders:0')).toBe(records.length)
  expect(gauges.get('records-written')).toBe(records.length)
})

test('a record that is larger than the server takes is a bad record, and the others are written', async () => {
  const limited = await startRedisServer({ lines: () => ['proto-max-bulk-len 1mb'] })
  onTestFinished(() => limited.stop())
  for (const id of ['auto', 'offset']) {
    const { task } = await startTask({ 'redis.uri': limited.url, 'redis.keyspace': `${id}:\${topic}:\${partition}`, 'redis.stream.id': id })
    const large = 'x'.repeat(2 * 1024 * 1024)
    const records = [0, 1, 2].map((offset) => record(offset, { value: { number: offset, note: offset === 1 ? large : '' } }))
    const bad: BadRecord | null = await until(
      () =>
        task.write(records).then(
          () => null,
          (error) => (error instanceof BadRecord ? error : null),
        ),
      'what can be written is',
    )
    expect([bad!.index, bad!.also, bad!.message]).toEqual([1, [], expect.stringContaining('Protocol error')])
    expect((await limited.client().xrange(`${id}:orders:0`, '-', '+')).map(([, [, number]]) => number)).toEqual(['0', '2'])
  }
})

test('a cluster: keys of all nodes, order kept, and a node that is killed and comes back', { timeout: 60_000 }, async () => {
  const cluster = await startRedisCluster(3, { lines: () => ['appendonly yes', 'appendfsync always'] })
  onTestFinished(() => cluster.stop())
  const { task } = await startTask({ 'redis.uri': '', 'redis.hosts': cluster.hosts, 'redis.cluster': 'true', 'redis.type': 'STRING' })
  const round = (from: number) =>
    Array.from({ length: 300 }, (_, index) => record(from + index, { key: `k${index % 100}`, value: String(from + index) }))
  await task.write(round(0))
  const counts = await Promise.all(cluster.nodes.map((node) => node.client().dbsize()))
  expect(counts.reduce((sum, count) => sum + count)).toBe(100)
  expect(Math.min(...counts)).toBeGreaterThan(10)
  await cluster.nodes[1]!.kill()
  await expect(task.write(round(300))).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  await cluster.nodes[1]!.start()
  await writeWithRetries(task, round(300))
  const values = await Promise.all(
    cluster.nodes.map(async (node) => {
      const reader = node.client()
      const keys = await until(() => reader.keys('*'), 'the node responds')
      return Promise.all(keys.map(async (key) => [Number(key.slice('orders:k'.length)), Number(await reader.get(key))] as const))
    }),
  )
  expect(values.flat().sort(([a], [b]) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => [index, 500 + index]))
})

test('what several settings have wrong together', () => {
  const problems = (config: Record<string, string>) => check(parseSettings(settings, config)).map(({ setting }) => setting)
  expect(problems({})).toEqual([])
  expect(problems({ 'redis.type': 'HASH', 'redis.multiexec': 'true' })).toEqual(['redis.multiexec'])
  expect(problems({ 'redis.stream.id': 'offset' })).toEqual(['redis.stream.id'])
  expect(problems({ 'redis.keyspace': '' })).toEqual(['redis.keyspace'])
  expect(() => parseSettings(settings, { 'redis.type': 'TIMESERIES' })).toThrow('TIMESERIES is not supported')
})

test('validation: no JSON module, a replica, a user without the right to write', async () => {
  const signal = new AbortController().signal
  const problems = (config: Record<string, string>) =>
    sink.checkSystem!(parseSettings(settings, { 'redis.uri': server.url, ...config }), signal)
  const hasJson = ((await client.call('COMMAND', 'INFO', 'JSON.SET')) as unknown[])[0] !== null
  expect(await problems({ 'redis.type': 'JSON' })).toEqual(
    hasJson ? [] : [{ setting: 'redis.type', why: expect.stringMatching(/^this Redis has no JSON.SET: use Redis 8/) }],
  )
  await client.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@read', '+@transaction', '+@connection')
  const user = { 'redis.username': 'reader', 'redis.password': 'secret' }
  expect(await problems(user)).toEqual([
    { setting: 'redis.username', why: expect.stringContaining("no permissions to run the 'xadd' command") },
  ])
  const replica = await startRedisServer({ lines: () => [`replicaof 127.0.0.1 ${server.port}`] })
  onTestFinished(() => replica.stop())
  expect(await problems({ 'redis.uri': replica.url })).toEqual([
    { setting: 'redis.uri', why: expect.stringContaining('the server is a replica') },
  ])
  expect(await problems({ 'redis.type': 'ZSET' })).toEqual([])
})
