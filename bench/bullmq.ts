/**
 * How many jobs a second does the BullMQ source complete, and does the BullMQ sink add, beside BullMQ's own Worker with a processor that
 * does nothing and its own addBulk? All on one Redis that writes its append-only file every second; the connectors also write to, and read
 * from, a broker on the same machine. The figures of a plain worker are those of this process, those of the connectors of a worker process;
 * the first run of each is a warm-up.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { startRedisServer } from '../test/services/redis.ts'
import { until } from '../test/until.ts'
import { flag, startContender, TRIBUTARY } from './contenders.ts'
import { type Row, show, usage } from './table.ts'
import { startWorkerContender } from './worker-contenders.ts'

const JOBS = Number(flag('jobs') ?? 50_000)
const WARM_UP_JOBS = 5_000
const BULK = 500
const RUN_MS = 600_000
const POLL_MS = 50
const CONCURRENCY = 100
const data = (number: number) => ({ number, text: 'x'.repeat(80) })

/** CPU seconds of each process so far. */
type CpuS = () => Promise<readonly number[]>

interface Measured {
  readonly perSecond: number
  /** CPU time for a job of each process, in µs. */
  readonly cpuUs: readonly number[]
}

/** From now until `wanted` jobs are there. */
async function measured(count: () => Promise<number>, wanted: number, cpuS: CpuS): Promise<Measured> {
  const [first, before, start] = [await count(), await cpuS(), performance.now()]
  for (let now = first; now < wanted; now = await count()) {
    await pause(POLL_MS)
    if (performance.now() - start > RUN_MS) throw new Error(`not within ${RUN_MS} ms: ${wanted} jobs, there are ${now}`)
  }
  const jobs = wanted - first
  const perSecond = jobs / ((performance.now() - start) / 1000)
  const after = await cpuS()
  return { perSecond, cpuUs: after.map((seconds, index) => ((seconds - before[index]!) / jobs) * 1e6) }
}

/** From the first job that is there: the start of a connector, which joins a group, is not what is measured. */
async function measuredOnceItRuns(count: () => Promise<number>, wanted: number, cpuS: CpuS): Promise<Measured> {
  await until(count, 'the first job', RUN_MS)
  return measured(count, wanted, cpuS)
}

async function addPlain(queue: Queue, count: number): Promise<number> {
  for (let from = 0; from < count; from += BULK)
    await queue.addBulk(Array.from({ length: Math.min(BULK, count - from) }, (_, i) => ({ name: 'n', data: data(from + i) })))
  return count
}

async function redisCpuS(client: Redis): Promise<number> {
  const info = await client.info('cpu')
  return Number(/^used_cpu_user:(\S+)/m.exec(info)![1]) + Number(/^used_cpu_sys:(\S+)/m.exec(info)![1])
}

const ownCpuS = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const completed = (queue: Queue) => async () => (await queue.getJobCounts('completed')).completed!

const row = (what: string, plain: Measured, connector: Measured): Row => ({
  what,
  'plain jobs/s': plain.perSecond,
  'connector jobs/s': connector.perSecond,
  factor: connector.perSecond / plain.perSecond,
  'CPU of plain, µs': plain.cpuUs[0]!,
  'its Redis, µs': plain.cpuUs[1]!,
  'CPU of worker, µs': connector.cpuUs[0]!,
  'Redis, µs': connector.cpuUs[1]!,
  'broker, µs': connector.cpuUs[2]!,
})

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
  const ofPlain: CpuS = async () => [ownCpuS(), await redisCpuS(connection)]
  const ofConnector: CpuS = async () => [worker.usage().cpuS, await redisCpuS(connection), usage(broker.pid).cpuS]
  try {
    for (const [run, count] of [WARM_UP_JOBS, JOBS].entries()) {
      const plain = queueNamed(`plain-${run}`)
      let added = 0
      const adding = addPlain(plain, count)
      void adding.then(
        (all) => {
          added = all
        },
        () => {},
      )
      const addBulk = await measured(async () => added, count, ofPlain)
      await adding
      const own = new Worker(plain.name, async () => {}, { connection, concurrency: CONCURRENCY })
      const plainWorker = await measuredOnceItRuns(completed(plain), count, ofPlain)
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
      const source = await measuredOnceItRuns(completed(read), count, ofConnector)
      await worker.ask('DELETE', `/connectors/source-${run}`)

      const written = queueNamed(`written-${run}`)
      await worker.ask('POST', '/connectors', {
        name: `sink-${run}`,
        config: { ...common, 'connector.class': 'BullMQSink', topics: topic, queue: written.name },
      })
      const sink = await measuredOnceItRuns(() => written.count(), count, ofConnector)
      await worker.ask('DELETE', `/connectors/sink-${run}`)
      if (run > 0) rows.push(row('jobs completed', plainWorker, source), row('jobs added', addBulk, sink))
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
