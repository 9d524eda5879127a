/**
 * Goal: what is published while the source is subscribed becomes records, and what is lost is told. Method: a real server that is killed
 * and started again, and a source whose messages nobody takes.
 */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings, type SourceRecord } from '../../../connect/sdk/index.ts'
import { redisPubSubSource as source } from '../../../connectors/redis-pubsub-source/connector.ts'
import { type RedisServer, startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server?.stop())

function startTask(more: Record<string, string>) {
  const stop = new AbortController()
  const context = { ...taskContext(source.settings, { 'redis.uri': server.url, ...more }, stop.signal), positions: new StoredPositions() }
  const records: SourceRecord[] = []
  const read = async () => {
    for await (const batch of source.read(context)) records.push(...batch.records)
  }
  onTestFinished(() => stop.abort())
  return { context, records, read }
}
const subscribed = () => until(async () => Number(await server.client().pubsub('NUMPAT')) === 1, 'the source is subscribed')

test('channels and patterns: the key is the channel, the value the message, and a header has the pattern', async () => {
  const task = startTask({ 'redis.channels': 'news', 'redis.channel.patterns': 'chat.*', topic: 'redis-${channel}' })
  void task.read()
  await subscribed()
  await server.client().publish('news', 'hello')
  await server.client().publish('chat.1', 'ä')
  await until(() => task.records.length === 2, 'both are read')
  expect(task.records.map(({ topic, key, value, headers }) => [topic, key, value, headers.map((header) => header.value)])).toEqual([
    ['redis-news', 'news', 'hello', []],
    ['redis-chat.1', 'chat.1', 'ä', ['chat.*']],
  ])
})

test('a connection that is lost fails the read as retriable, and the next read counts and tells the gap', async () => {
  const task = startTask({ 'redis.channel.patterns': '*', 'redis.message': 'bytes' })
  const reading = task.read()
  reading.catch(() => {})
  await subscribed()
  await server.kill()
  await expect(reading).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  await server.start()
  void task.read()
  await subscribed()
  await server.client().publish('c', Buffer.from([0xff]))
  await until(() => task.records.length === 1, 'what is published later is read')
  expect(task.records[0]!.value).toEqual(Buffer.from([0xff]))
  expect(task.context.gauges.get('subscription-gaps')).toBe(1)
  expect(task.context.logged.map(({ message }) => message).join()).toMatch(/interrupted for \d+ ms: what was published meanwhile is lost/)
})

test('messages that wait when the runtime reads anew are dropped, counted and told', async () => {
  const { context } = startTask({ 'redis.channel.patterns': '*', 'batch.size': '1' })
  const reading = source.read(context)
  const first = reading.next()
  await subscribed()
  // In one reply: all have come when the first is read.
  await server.client().multi().publish('c', '0').publish('c', '1').publish('c', '2').exec()
  expect((await first).value!.records).toHaveLength(1)
  await reading.return()
  expect(context.gauges.get('messages-dropped')).toBe(2)
  expect(context.logged.map(({ message }) => message).join()).toContain('2 messages that waited for Kafka are dropped')
})

test('messages that wait beyond the limit are dropped, counted and told', async () => {
  const { context } = startTask({ 'redis.channel.patterns': 'flood', 'redis.buffer.bytes': '2000' })
  const reading = source.read(context)
  const first = reading.next()
  await subscribed()
  const client = server.client()
  for (let number = 0; number < 100; number++) await client.publish('flood', 'x'.repeat(100))
  await first
  await until(() => (context.gauges.get('messages-dropped') ?? 0) > 50, 'messages are dropped')
  expect(context.logged.filter(({ message }) => message.includes('redis.buffer.bytes is used up'))).toHaveLength(1)
  await reading.return()
})

test('validation names a user without a right to the channel, and the observation says that messages can be lost', async () => {
  await server.client().call('ACL', 'SETUSER', 'listener', 'on', '>secret', 'resetchannels', '&news', '+@all')
  const check = (channels: string) =>
    source.checkSystem!(
      parseSettings(source.settings, {
        'redis.uri': server.url,
        'redis.username': 'listener',
        'redis.password': 'secret',
        'redis.channels': channels,
      }),
      new AbortController().signal,
    )
  expect(await check('news')).toEqual([])
  expect(await check('other')).toEqual([
    { setting: 'redis.username', why: expect.stringContaining('no permissions to access one of the channels') },
  ])
  const { warnings } = await source.observe!(parseSettings(source.settings, {}), new AbortController().signal)
  expect(warnings.join()).toContain('are lost')
})
