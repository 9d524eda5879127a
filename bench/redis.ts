/**
 * How many entries a second do the stream source and the stream sink move, compared with ioredis alone on the same Redis? Each is measured
 * as a task without Kafka, which is what the connector costs, and in a worker with our broker. One run, in this order.
 */
import { taskContext } from '../connect/contract/index.ts'
import { type SinkRecord, sourceRecord } from '../connect/sdk/index.ts'
import { redisSink } from '../connectors/redis-sink/connector.ts'
import { redisStreamSource } from '../connectors/redis-stream-source/source.ts'
import { createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { type RedisServer, startRedisServer } from '../test/services/redis.ts'
import { until } from '../test/until.ts'
import { flag, startContender, TRIBUTARY } from './contenders.ts'
import { show } from './table.ts'
import { startWorkerContender } from './worker-contenders.ts'

const ENTRIES = Number(flag('entries') ?? 200_000)
const READ_COUNT = 500
const WRITE_COUNT = 1000
const RUN_MS = 600_000
const json = 'org.apache.kafka.connect.json.JsonConverter'

const fieldsOf = (number: number): Record<string, string> => ({ number: String(number), name: `customer ${number}`, text: 'x'.repeat(80) })

async function perSecond(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return ENTRIES / ((performance.now() - startMs) / 1000)
}

async function writeAlone(redis: RedisServer, stream: string): Promise<void> {
  const client = redis.client()
  for (let from = 0; from < ENTRIES; from += WRITE_COUNT) {
    const pipeline = client.pipeline()
    for (let number = from; number < from + WRITE_COUNT; number++) pipeline.xadd(stream, '*', ...Object.entries(fieldsOf(number)).flat())
    await pipeline.exec()
  }
}

async function readAlone(redis: RedisServer, stream: string): Promise<void> {
  const client = redis.client()
  await client.xgroup('CREATE', stream, 'alone', '0')
  for (let count = 0; count < ENTRIES; ) {
    const reply = (await client.xreadgroup('GROUP', 'alone', 'c', 'COUNT', READ_COUNT, 'STREAMS', stream, '>')) as [string, [string][]][]
    const ids = reply[0]![1].map(([id]) => id)
    await client.xack(stream, 'alone', ...ids)
    count += ids.length
  }
}

async function readByTask(redis: RedisServer, stream: string): Promise<void> {
  const stop = new AbortController()
  const config = {
    'redis.uri': redis.url,
    'redis.stream.name': stream,
    'redis.stream.consumer.group': 'task',
    'batch.size': String(READ_COUNT),
  }
  const context = { ...taskContext(redisStreamSource.settings, config, stop.signal), positions: { get: async () => null } }
  let count = 0
  for await (const batch of redisStreamSource.read(context)) {
    batch.acknowledged?.()
    count += batch.records.length
    if (count >= ENTRIES) stop.abort()
  }
}

async function writeByTask(redis: RedisServer, keyspace: string): Promise<void> {
  const config = { 'redis.uri': redis.url, 'redis.keyspace': keyspace, 'batch.size': String(WRITE_COUNT) }
  const task = await redisSink.start(taskContext(redisSink.settings, config, new AbortController().signal))
  for (let from = 0; from < ENTRIES; from += WRITE_COUNT) {
    const records = Array.from(
      { length: WRITE_COUNT },
      (_, index): SinkRecord => ({
        ...sourceRecord({ topic: 'bench', value: fieldsOf(from + index) }),
        partition: 0,
        offset: from + index,
        timestampType: 'CreateTime',
      }),
    )
    await task.write(records)
  }
  await task.stop?.()
}

async function byWorker(redis: RedisServer, stream: string): Promise<{ source: number; sink: number }> {
  const broker = await startContender(TRIBUTARY)
  const client = createClient({ bootstrapServers: broker.address, clientId: 'bench' }, realSystem('silent'))
  try {
    const topic = 'entries'
    await client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
    const worker = await startWorkerContender(TRIBUTARY, broker.address, {
      'value.converter': json,
      'value.converter.schemas.enable': 'false',
    })
    try {
      const create = (name: string, config: object) =>
        worker.ask('POST', '/connectors', { name, config: { 'redis.uri': redis.url, ...config } })
      const source = await perSecond(async () => {
        await create('source', { 'connector.class': redisStreamSource.class, 'redis.stream.name': stream, topic })
        const end = async () => (await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }]))[0]!.offset
        await until(async () => (await end()) >= ENTRIES, `${ENTRIES} entries are in Kafka`, RUN_MS)
      })
      const copy = redis.client()
      const sink = await perSecond(async () => {
        await create('sink', { 'connector.class': redisSink.class, topics: topic, 'redis.keyspace': 'copy' })
        await until(async () => (await copy.xlen('copy')) >= ENTRIES, `${ENTRIES} records are in Redis`, RUN_MS)
      })
      return { source, sink }
    } finally {
      await worker.stop()
    }
  } finally {
    await client.close()
    await broker.stop()
  }
}

async function main(): Promise<void> {
  const redis = await startRedisServer()
  try {
    const writes = { ioredis: await perSecond(() => writeAlone(redis, 's')), task: await perSecond(() => writeByTask(redis, 'by-task')) }
    const reads = { ioredis: await perSecond(() => readAlone(redis, 's')), task: await perSecond(() => readByTask(redis, 's')) }
    const worker = await byWorker(redis, 's')
    show(`How many entries a second of Redis streams? (${ENTRIES} entries of 3 fields, ${redis.from})`, [
      { what: 'source', 'ioredis alone': reads.ioredis, 'task alone': reads.task, 'worker and broker': worker.source },
      { what: 'sink', 'ioredis alone': writes.ioredis, 'task alone': writes.task, 'worker and broker': worker.sink },
    ])
  } finally {
    await redis.stop()
  }
}

if (import.meta.main) await main()
