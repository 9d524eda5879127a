/**
 * Goal: with errors.tolerance=all, an entry of a Redis stream that is not UTF-8 is a dead letter with its bytes, and those around it
 * arrive; without it the task fails and says what to set. Method: a worker, a broker and a real Redis; the entries are counted in the
 * topics, and the group in Redis keeps none.
 */
import { expect, onTestFinished, test } from 'vitest'
import { startRedisServer } from '../services/redis.ts'
import { until } from '../until.ts'
import { workersInProcess } from '../worker-in-process.ts'

test('the entry is a dead letter, and the others arrive', async () => {
  const redis = await startRedisServer()
  onTestFinished(() => redis.stop())
  const workers = await workersInProcess()
  onTestFinished(() => workers.stop())
  const topics = ['tolerant', 'letters']
  await workers.client.admin.createTopics(topics.map((topic) => ({ name: topic, partitions: 1, replicationFactor: 1 })))
  const json = { 'key.converter': 'StringConverter', 'value.converter': 'JsonConverter', 'value.converter.schemas.enable': 'false' }
  const worker = await workers.start({ settings: workers.settings({ ...json, 'auto.restart.enable': 'false' }) })
  const client = redis.client()
  for (let number = 0; number < 20; number++)
    await client.xadd('s', `${number + 1}-0`, 'number', number === 7 ? Buffer.from([0xff, number]) : String(number))
  const config = (name: string, more: Record<string, string>) => ({
    name,
    'connector.class': 'com.redis.kafka.connect.RedisStreamSourceConnector',
    'redis.uri': redis.url,
    'redis.stream.name': 's',
    'redis.stream.consumer.group': name,
    topic: name,
    'batch.size': '5',
    ...more,
  })
  await worker.create('strict', config('strict', {}), 'RUNNING')
  const tolerant = {
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'letters',
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
  }
  await worker.create('tolerant', config('tolerant', tolerant), 'RUNNING')
  await until(() => worker.status('strict').tasks[0]?.state === 'FAILED', 'the strict task has failed', 30_000)
  expect(worker.status('strict').tasks[0]!.trace).toContain('a value that is not UTF-8: set redis.stream.body=bytes')

  const numbers: number[] = []
  const letters: { value: Buffer | null; stage: string }[] = []
  const consumer = workers.client.consumer({})
  onTestFinished(() => consumer.close())
  consumer.assign(topics.map((topic) => ({ topic, partition: 0, offset: 'earliest' as const })))
  await until(async () => {
    for (const { topic, records } of await consumer.poll(200))
      for (const { value, headers } of records)
        if (topic === 'tolerant') numbers.push(Number(JSON.parse(value!.toString()).body.number))
        else letters.push({ value, stage: String(headers.find(({ key }) => key === '__connect.errors.stage')?.value) })
    return numbers.length >= 19 && letters.length > 0
  }, 'the records and the letter are there')
  expect(numbers).toEqual(Array.from({ length: 20 }, (_, number) => number).filter((number) => number !== 7))
  expect(letters.map(({ stage }) => stage)).toEqual(['TASK_POLL'])
  expect(JSON.parse(letters[0]!.value!.toString()).payload).toEqual({
    id: '8-0',
    body: { number: Buffer.from([0xff, 7]).toString('base64') },
    stream: 's',
  })
  await until(async () => ((await client.xpending('s', 'tolerant')) as [number])[0] === 0, 'Redis is told of all entries')
}, 60_000)
