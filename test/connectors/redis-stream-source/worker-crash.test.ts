/**
 * Story of connectors/redis-stream-source.
 * Goal: kill -9 of a worker and of Redis loses no entry: at-least-once repeats only what Redis had not been told, exactly-once repeats
 * nothing, and the sink writes each offset once. Method: a broker, a worker and a Redis that persists each write; entries are added while
 * the worker, and then Redis, are killed and started again; all records are compared with what was added.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { startTestBroker } from '../../running-broker.ts'
import { testWorker } from '../../running-worker.ts'
import { startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

const ROUNDS = 3
const ENTRIES_A_ROUND = 2000
const COUNT = ROUNDS * ENTRIES_A_ROUND
const GROUP = 'kafka-consumer-group'

test('kill -9 of the worker and of Redis, with sources and a sink under load', { timeout: 240_000 }, async () => {
  const redis = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always'] })
  onTestFinished(() => redis.stop())
  const writer = redis.client()
  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const topics = ['grouped', 'positioned']
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: 1, replicationFactor: 1 })))

  const worker = await testWorker('redis', broker.address, { 'exactly.once.source.support': 'enabled', 'offset.flush.interval.ms': '500' })
  onTestFinished(() => worker.stop())
  const create = (name: string, config: Record<string, string>) => worker.configure(name, { 'redis.uri': redis.url, ...config })
  await worker.start()
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
      `${count} numbers of each are there:\n${worker.output}`,
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
    await worker.kill()
    // What Redis was not told may be repeated.
    repeatable += ((await writer.xpending('numbers', GROUP)) as [number])[0]
    await worker.start()
  }
  await readTo(COUNT)
  const all = Array.from({ length: COUNT }, (_, number) => number)
  expect(read.positioned).toEqual(all)
  const seen = new Set<number>()
  const firsts = read.grouped!.filter((number) => !seen.has(number) && seen.add(number))
  expect(firsts.toSorted((a, b) => a - b)).toEqual(all)
  expect(read.grouped!.length - COUNT).toBeLessThanOrEqual(repeatable)
  await until(async () => (await writer.xlen('copy:positioned:0')) >= COUNT, `the sink has written all:\n${worker.output}`, 60_000)
  const copied = await writer.xrange('copy:positioned:0', '-', '+')
  expect(copied.map(([, fields]) => Number(/"?number"?[=:]"?(\d+)/.exec(fields[fields.indexOf('body') + 1]!)![1]))).toEqual(all)
  await until(async () => ((await writer.xpending('numbers', GROUP)) as [number])[0] === 0, 'Redis is told of all that Kafka has')
})
