/**
 * Story of connectors/redis-stream-source.
 * Goal: kill -9 of a worker and of Redis loses no entry: at-least-once repeats only what Redis had not been told, exactly-once repeats
 * nothing, and the sink writes each offset once. Method: a broker, a worker and a Redis that persists each write; entries are added while
 * the worker, and then Redis, are killed and started again; all records are compared with what was added.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { freePort, startTestBroker } from '../../running-broker.ts'
import { startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

const ROUNDS = 3
const ENTRIES_A_ROUND = 2000
const COUNT = ROUNDS * ENTRIES_A_ROUND
const GROUP = 'kafka-consumer-group'
const program = join(import.meta.dirname, '../../../bin/tributary')

test('kill -9 of the worker and of Redis, with sources and a sink under load', { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-redis-crash-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const redis = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always'] })
  onTestFinished(() => redis.stop())
  const writer = redis.client()
  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const topics = ['grouped', 'positioned']
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: 1, replicationFactor: 1 })))

  const rest = `http://127.0.0.1:${await freePort()}`
  const file = join(folder, 'worker.properties')
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  writeFileSync(
    file,
    [
      `bootstrap.servers=${broker.address}`,
      'group.id=redis',
      `listeners=${rest}`,
      `key.converter=${json}\nkey.converter.schemas.enable=false\nvalue.converter=${json}\nvalue.converter.schemas.enable=false`,
      'exactly.once.source.support=enabled',
      'scheduled.rebalance.max.delay.ms=0',
      'session.timeout.ms=6000',
      'heartbeat.interval.ms=500',
      'offset.flush.interval.ms=500',
      ...['config', 'offset', 'status'].map((name) => `${name}.storage.topic=redis-${name}\n${name}.storage.replication.factor=1`),
    ].join('\n'),
  )
  let worker: ChildProcess | null = null
  let output = ''
  const start = async () => {
    const child = spawn(program, ['connect', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'warn' },
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part) => {
        output = (output + part).slice(-16_384)
      })
    worker = child
    await until(async () => (await fetch(`${rest}/connectors`)).status === 200, `the worker responds:\n${output}`, 30_000)
  }
  const kill = async () => {
    const child = worker
    worker = null
    if (!child) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  const create = (name: string, config: Record<string, string>) =>
    until(
      async () => {
        const response = await fetch(`${rest}/connectors/${name}/config`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ 'redis.uri': redis.url, ...config }),
        })
        if (!response.ok) throw new Error(await response.text())
        return true
      },
      `${name} is created`,
      30_000,
    )
  await start()
  const source = {
    'connector.class': 'com.redis.kafka.connect.RedisStreamSourceConnector',
    'redis.stream.name': 'numbers',
    'batch.size': '100',
  }
  await create('grouped', { ...source, topic: 'grouped' })
  await create('positioned', {
    ...source,
    topic: 'positioned',
    'redis.stream.delivery': 'exactly-once',
    'exactly.once.support': 'required',
  })
  await create('sink', {
    'connector.class': 'com.redis.kafka.connect.RedisSinkConnector',
    topics: 'positioned',
    'redis.keyspace': 'copy:${topic}:${partition}',
    'redis.stream.id': 'offset',
    'consumer.override.isolation.level': 'read_committed',
  })

  const read: Record<string, number[]> = { grouped: [], positioned: [] }
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  onTestFinished(() => consumer.close())
  consumer.assign(topics.map((topic) => ({ topic, partition: 0, offset: 'earliest' as const })))
  const readTo = (count: number) =>
    until(
      async () => {
        for (const { topic, records } of await consumer.poll(200))
          read[topic]!.push(...records.map(({ value }) => Number(JSON.parse(value!.toString()).body.number)))
        return topics.every((topic) => new Set(read[topic]).size >= count)
      },
      `${count} numbers of each are there:\n${output}`,
      90_000,
    )
  const add = async (round: number) => {
    const pipeline = writer.pipeline()
    for (let index = 0; index < ENTRIES_A_ROUND; index++) {
      const number = round * ENTRIES_A_ROUND + index
      pipeline.xadd('numbers', `${number + 1}-0`, 'number', String(number))
    }
    await pipeline.exec()
  }
  let repeatable = 0
  for (let round = 0; round < ROUNDS; round++) {
    await add(round)
    await readTo(round * ENTRIES_A_ROUND + ENTRIES_A_ROUND / 4)
    if (round === 1) {
      await redis.kill()
      await redis.start()
      await until(() => writer.ping(), 'the client of the test is connected again')
      continue
    }
    await kill()
    // What Redis was not told may be repeated.
    repeatable += ((await writer.xpending('numbers', GROUP)) as [number])[0]
    await start()
  }
  await readTo(COUNT)
  const all = Array.from({ length: COUNT }, (_, number) => number)
  expect(read.positioned).toEqual(all)
  const seen = new Set<number>()
  const firsts = read.grouped!.filter((number) => !seen.has(number) && seen.add(number))
  expect(firsts.toSorted((a, b) => a - b)).toEqual(all)
  expect(read.grouped!.length - COUNT).toBeLessThanOrEqual(repeatable)
  await until(async () => (await writer.xlen('copy:positioned:0')) >= COUNT, `the sink has written all:\n${output}`, 60_000)
  const copied = await writer.xrange('copy:positioned:0', '-', '+')
  expect(copied.map(([, fields]) => Number(/"?number"?[=:]"?(\d+)/.exec(fields[fields.indexOf('body') + 1]!)![1]))).toEqual(all)
  await until(async () => ((await writer.xpending('numbers', GROUP)) as [number])[0] === 0, 'Redis is told of all that Kafka has')
})
