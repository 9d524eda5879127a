/**
 * How many jobs a second does the BullMQ source complete, and does the BullMQ sink add, beside BullMQ's own Worker with a processor that
 * does nothing and its own addBulk? All on one Redis that writes its append-only file every second; the connectors also write to, and read
 * from, a broker on the same machine. The figures of a plain worker are those of this process, those of the connectors of a worker process;
 * the first run of each is a warm-up.
 */
import { Queue, Worker } from 'bullmq'
import { createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { startRedisServer } from '../test/services/redis.ts'
import { until } from '../test/until.ts'
import { flag, startContender, TRIBUTARY } from './contenders.ts'
import { type Row, show } from './table.ts'
import { startWorkerContender } from './worker-contenders.ts'

const JOBS = Number(flag('jobs') ?? 50_000)
const WARM_UP_JOBS = 5_000
const BULK = 500
const RUN_MS = 600_000
const CONCURRENCY = 100
const data = (number: number) => ({ number, text: 'x'.repeat(80) })

const seconds = (startMs: number) => (performance.now() - startMs) / 1000

async function addPlain(queue: Queue, count: number): Promise<number> {
  const start = performance.now()
  for (let from = 0; from < count; from += BULK)
    await queue.addBulk(Array.from({ length: Math.min(BULK, count - from) }, (_, i) => ({ name: 'n', data: data(from + i) })))
  return count / seconds(start)
}

/** Jobs a second from the first that is there to the last: the start of a connector, which joins a group, is not what is measured. */
async function rate(count: () => Promise<number>, wanted: number): Promise<number> {
  const first = await until(count, 'the first job', RUN_MS)
  const start = performance.now()
  await until(async () => (await count()) >= wanted, `${wanted} jobs`, RUN_MS)
  return (wanted - first) / seconds(start)
}

const completed = (queue: Queue) => async () => (await queue.getJobCounts('completed')).completed!

async function main(): Promise<void> {
  const redis = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync everysec'] })
  const connection = redis.client({ maxRetriesPerRequest: null })
  const broker = await startContender(TRIBUTARY)
  const client = createClient({ bootstrapServers: broker.address, clientId: 'bench' }, realSystem('silent'))
  const queues: Queue[] = []
  const queueNamed = (name: string) => {
    const queue = new Queue(name, { connection })
    queues.push(queue)
    return queue
  }
  const rows: Row[] = []
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  const worker = await startWorkerContender(TRIBUTARY, broker.address, {
    'value.converter': json,
    'value.converter.schemas.enable': 'false',
  })
  try {
    for (const [run, count] of [WARM_UP_JOBS, JOBS].entries()) {
      const plain = queueNamed(`plain-${run}`)
      const addBulk = await addPlain(plain, count)
      const own = new Worker(plain.name, async () => {}, { connection, concurrency: CONCURRENCY })
      const plainWorker = await rate(completed(plain), count)
      await own.close()

      const read = queueNamed(`read-${run}`)
      await addPlain(read, count)
      const topic = `jobs-${run}`
      await client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
      const common = { 'redis.uri': redis.url, 'tasks.max': '1' }
      await worker.ask('POST', '/connectors', {
        name: `source-${run}`,
        config: { ...common, 'connector.class': 'BullMQSource', queues: read.name, topic },
      })
      const source = await rate(completed(read), count)
      await worker.ask('DELETE', `/connectors/source-${run}`)

      const written = queueNamed(`written-${run}`)
      await worker.ask('POST', '/connectors', {
        name: `sink-${run}`,
        config: { ...common, 'connector.class': 'BullMQSink', topics: topic, queue: written.name },
      })
      const sink = await rate(() => written.count(), count)
      await worker.ask('DELETE', `/connectors/sink-${run}`)
      if (run > 0)
        rows.push(
          { what: 'jobs completed', 'plain jobs/s': plainWorker, 'connector jobs/s': source, factor: source / plainWorker },
          { what: 'jobs added', 'plain jobs/s': addBulk, 'connector jobs/s': sink, factor: sink / addBulk },
        )
    }
  } finally {
    await worker.stop()
    await client.close()
    for (const queue of queues) await queue.close()
    await broker.stop()
    await redis.stop()
  }
  show(`BullMQ: ${JOBS} jobs, against a Worker with concurrency ${CONCURRENCY} and addBulk of ${BULK}`, rows)
}

await main()
