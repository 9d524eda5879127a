/**
 * Goal: what is wrong with a config is told where it is validated, and positions that would have no effect are refused. Method: a real
 * server with streams, groups and ACL users.
 */
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { redisStreamSource as source } from '../../../connectors/redis-stream-source/source.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'

const GROUP = 'kafka-consumer-group'
let server: RedisServer
let client: Redis

beforeAll(async () => {
  server = await startRedisServer({ version: 7 })
  client = server.client()
})
afterAll(() => server?.stop())
beforeEach(() => client.flushall())

const add = async (stream: string, from: number, to: number) => {
  for (let number = from; number < to; number++) await client.xadd(stream, `${number + 1}-0`, 'number', String(number))
}

test('offsets of a group are changed in Redis, and those of the connector where there is no group', async () => {
  await add('s', 0, 5)
  await client.xgroup('CREATE', 's', GROUP, '3-0')
  const grouped = parseSettings(source.settings, { 'redis.uri': server.url, 'redis.stream.name': 's,t' })
  const single = parseSettings(source.settings, {
    'redis.uri': server.url,
    'redis.stream.name': 's',
    'redis.stream.delivery': 'exactly-once',
  })
  const checked = async (config: typeof grouped, stream: string, offset: string | null) => {
    const positions = [{ partition: { stream }, offset: offset === null ? null : { offset } }]
    return await Promise.resolve(source.checkPositions!(config, positions)).then(
      () => '',
      (error: Error) => error.message,
    )
  }
  for (const offset of ['1-0', null])
    expect(await checked(grouped, 's', offset)).toContain(
      `keeps its position in Redis, at 3-0: move it with XGROUP SETID s ${GROUP} and an id`,
    )
  expect(await checked(grouped, 't', '1-0')).toBe('')
  expect(await checked(single, 's', '1-0')).toBe('')
  // Of a stream that the connector does not read any more.
  expect(await checked(single, 'old', null)).toBe('')
  expect(await checked(single, 'old', '1-0')).toContain('A partition of this connector is {"stream":"s"}')
  for (const wrong of ['1', 'x', '18446744073709551616-0']) expect(await checked(single, 's', wrong)).toContain('A position is')
  await client.xgroup('DESTROY', 's', GROUP)
  expect(await checked(grouped, 's', '1-0')).toBe('')
})

test.each(['at-least-once', 'exactly-once'])('%s: a task whose key becomes another type fails, and names it', async (delivery) => {
  await add('s', 0, 1)
  const stop = new AbortController()
  const config = { 'redis.uri': server.url, 'redis.stream.name': 's', 'redis.stream.delivery': delivery }
  const context = { ...taskContext(source.settings, config, stop.signal), positions: new StoredPositions() }
  const reading = source.read(context)
  await reading.next()
  await client.multi().del('s').set('s', 'x').exec()
  await expect(reading.next()).rejects.toThrow('The key s is no stream: name another in redis.stream.name, or delete it.')
})

test('validation names the right that a group needs and the user does not have', async () => {
  const user = async (...rights: string[]) => {
    await client.call(
      'ACL',
      'SETUSER',
      'reader',
      'reset',
      'on',
      '>secret',
      '~s',
      '+ping',
      '+type',
      '+xread',
      '+multi',
      '+discard',
      ...rights,
    )
    const config = { 'redis.uri': server.url, 'redis.username': 'reader', 'redis.password': 'secret', 'redis.stream.name': 's' }
    return await source.checkSystem!(parseSettings(source.settings, config), new AbortController().signal)
  }
  const rights = ['+xinfo', '+xgroup', '+xreadgroup', '+xack', '+xautoclaim']
  for (const right of rights)
    expect(await user(...rights.filter((other) => other !== right))).toEqual([
      { setting: 'redis.username', why: expect.stringContaining(`to run the '${right.slice(1)}`) },
    ])
  expect(await user(...rights)).toEqual([])
  expect(await user('-multi')).toEqual([])
})

test('validation names a key that is no stream, and the observation tells of the group', async () => {
  const signal = new AbortController().signal
  const config = parseSettings(source.settings, { 'redis.uri': server.url, 'redis.stream.name': 's' })
  await client.set('s', 'x')
  expect(await source.checkSystem!(config, signal)).toEqual([
    { setting: 'redis.stream.name', why: 'the key s is a string, not a stream: name another' },
  ])
  await client.del('s')
  expect((await source.observe!(config, signal)).warnings).toEqual([expect.stringContaining('The stream s does not exist')])
  await add('s', 0, 5)
  await client.xgroup('CREATE', 's', GROUP, '0')
  await client.xreadgroup('GROUP', GROUP, 'c', 'COUNT', 2, 'STREAMS', 's', '>')
  expect((await source.observe!(config, signal)).metrics).toEqual({
    'stream-entries': 5,
    'group-pending-entries': 2,
    'group-lag-entries': 3,
  })
})
