/**
 * Goal: a config that would fail is refused with a sentence that says what to do, what is wrong with queues is told while they are read,
 * and a Redis cluster works. Method: real servers and a real cluster; BullMQ's own Queue at the other side.
 */
import { Queue } from 'bullmq'
import { Cluster } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { bullmqSink } from '../../../connectors/bullmq/sink.ts'
import { bullmqSource } from '../../../connectors/bullmq/source.ts'
import { startRedisServer } from '../../services/redis.ts'
import { startRedisCluster } from '../../services/redis-topologies.ts'
import { until } from '../../until.ts'
import { QueueReading } from './queue-reading.ts'

const signal = new AbortController().signal
const sourceConfig = (more: Record<string, string>) => parseSettings(bullmqSource.settings, { queues: 'orders', ...more })
const sinkConfig = (more: Record<string, string>) => parseSettings(bullmqSink.settings, more)
const checked = (more: Record<string, string>) => bullmqSource.checkSystem!(sourceConfig(more), signal)

test('a wrong password, an unknown user and a missing right are problems of their settings', async () => {
  const redis = await startRedisServer({
    lines: () => ['requirepass secret', 'user reader on >pw ~bull:* +@all -eval', 'user stranger on >pw ~other:* +@all'],
    client: { password: 'secret' },
  })
  onTestFinished(() => redis.stop())
  const uri = { 'redis.uri': redis.url }
  expect(await checked({ ...uri, 'redis.password': 'secret' })).toEqual([])
  expect(await checked({ ...uri, 'redis.password': 'wrong' })).toMatchObject([
    { setting: 'redis.password', why: expect.stringContaining('Check') },
  ])
  for (const [user, right] of [
    ['reader', 'eval'],
    ['stranger', 'key'],
  ])
    expect(await checked({ ...uri, 'redis.username': user!, 'redis.password': 'pw' })).toMatchObject([
      { setting: 'redis.username', why: expect.stringMatching(new RegExp(`${right}.*ACL SETUSER`, 's')) },
    ])
})

test('a user with the rights of the README reads and writes queues', async () => {
  const redis = await startRedisServer({
    lines: () => ['user queues on >pw ~bull:* &bull:* +@all -@admin -@dangerous +info'],
    client: { username: 'queues', password: 'pw' },
  })
  onTestFinished(() => redis.stop())
  const own = { 'redis.uri': redis.url, 'redis.username': 'queues', 'redis.password': 'pw' }
  expect(await checked(own)).toEqual([])
  const task = await bullmqSink.start(taskContext(bullmqSink.settings, own, signal))
  onTestFinished(async () => task.stop?.())
  await task.write([sinkRecord({ topic: 'orders', offset: 0, value: 1 })])
  const source = new QueueReading({ ...own, queues: 'orders' })
  onTestFinished(() => source.stop())
  expect(await source.records(1)).toMatchObject([{ value: 1 }])
  expect((await bullmqSource.observe!(sourceConfig(own), signal)).metrics).toMatchObject({ 'jobs-waiting': 0 })
})

test('settings that are wrong together are refused before anything is connected', () => {
  const problems = (config: Record<string, string>) => bullmqSink.check!(sinkConfig(config)).map(({ setting }) => setting)
  expect(problems({})).toEqual([])
  expect(problems({ 'redis.cluster': 'true' })).toEqual(['queue.prefix'])
  expect(problems({ 'redis.cluster': 'true', 'queue.prefix': 'a{}' })).toEqual(['queue.prefix'])
  expect(problems({ 'redis.cluster': 'true', 'queue.prefix': '{bull}' })).toEqual([])
  expect(problems({ 'job.id': 'option' })).toEqual(['job.id'])
  expect(problems({ 'behavior.on.null.values': 'delete' })).toEqual(['behavior.on.null.values'])
  expect(problems({ 'job.parent.id': 'p' })).toEqual(['job.parent.queue'])
  expect(() => sinkConfig({ 'job.fields': 'delay' })).toThrow(/option=field/)
  expect(() => sinkConfig({ 'job.fields': 'color=c' })).toThrow(/no option of a job/)
  expect(() => sinkConfig({ 'job.headers': 'color' })).toThrow(/no option of a job/)
  expect(() => sourceConfig({ queues: 'a:b' })).toThrow(/no colon/)
  expect(() => sourceConfig({ queues: 'a,a' })).toThrow(/twice/)
})

test('jobs are counted, and paused queues, eviction and a missing append-only file are warnings', async () => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const queue = new Queue('orders', { connection: redis.client({ maxRetriesPerRequest: null }) })
  onTestFinished(() => queue.close())
  const observed = () => bullmqSource.observe!(sourceConfig({ 'redis.uri': redis.url }), signal)
  await queue.add('n', 1)
  await queue.add('n', 1, { delay: 60_000 })
  await queue.add('n', 1, { priority: 1 })
  expect(await observed()).toEqual({
    metrics: {
      'jobs-waiting': 1,
      'jobs-active': 0,
      'jobs-prioritized': 1,
      'jobs-delayed': 1,
      'jobs-waiting-for-children': 0,
      'jobs-in-completed': 0,
      'jobs-in-failed': 0,
    },
    warnings: [expect.stringContaining('appendonly yes')],
  })
  await redis.client().config('SET', 'maxmemory-policy', 'allkeys-lru')
  await redis.client().config('SET', 'appendonly', 'yes')
  await queue.pause()
  const { warnings } = await observed()
  expect(warnings).toEqual([expect.stringContaining('maxmemory-policy noeviction'), expect.stringContaining('orders is paused')])
  expect((await bullmqSink.observe!(sinkConfig({ 'redis.uri': redis.url }), signal)).metrics).toEqual({})
})

test('a Redis cluster: records become jobs, and jobs records', async () => {
  const cluster = await startRedisCluster()
  onTestFinished(() => cluster.stop())
  const connection = { 'redis.hosts': cluster.hosts, 'redis.cluster': 'true', 'queue.prefix': '{bull}' }
  expect(await checked(connection)).toEqual([])
  const client = new Cluster([{ host: '127.0.0.1', port: cluster.nodes[0]!.port }], { redisOptions: { maxRetriesPerRequest: null } })
  onTestFinished(() => client.disconnect())
  const queues = ['one', 'two'].map((name) => new Queue(name, { connection: client, prefix: '{bull}' }))
  const context = taskContext(bullmqSink.settings, { ...connection, 'batch.size': '20' }, signal)
  const task = await bullmqSink.start(context)
  onTestFinished(async () => task.stop?.())
  const given = Array.from({ length: 100 }, (_, offset) => sinkRecord({ topic: queues[offset % 2]!.name, offset, value: { offset } }))
  await task.write(given)
  await task.write(given)
  expect(context.gauges.get('records-already-jobs')).toBe(100)
  expect(await Promise.all(queues.map((queue) => queue.count()))).toEqual([50, 50])
  const source = new QueueReading({ ...connection, queues: 'one,two' })
  onTestFinished(() => source.stop())
  const read = await source.records(100)
  expect(read.map(({ value }) => (value as { offset: number }).offset).sort((a, b) => a - b)).toEqual(given.map(({ offset }) => offset))
  await until(async () => (await queues[0]!.getJobCounts('completed')).completed === 50, 'they are completed')
  const { metrics } = await bullmqSource.observe!(sourceConfig({ ...connection, queues: 'one,two' }), signal)
  expect(metrics['jobs-in-completed']).toBe(100)
}, 60_000)
