/**
 * How many records a second do the HTTP sink and the polling source move, compared with a plain loop of undici on the same server? Each is
 * measured as a task without Kafka, which is what the connector costs, and in a worker with our broker. One run, in this order.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Agent } from 'undici'
import { taskContext } from '../connect/contract/index.ts'
import { type SinkRecord, sourceRecord } from '../connect/sdk/index.ts'
import { httpSink } from '../connectors/http-sink/connector.ts'
import { httpSource } from '../connectors/http-source/connector.ts'
import { createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { until } from '../test/until.ts'
import { flag, startContender, TRIBUTARY } from './contenders.ts'
import { type Row, show } from './table.ts'
import { startWorkerContender } from './worker-contenders.ts'

const RECORDS = Number(flag('records') ?? 100_000)
const PAGE = 500
const BATCH = 100
/** Records sent alone are fewer: each is a request. */
const SINGLE_SHARE = 0.2
const POLL = 1000
const RUN_MS = 600_000
const json = 'org.apache.kafka.connect.json.JsonConverter'

const customer = (number: number) => ({ id: number, name: `customer ${number}`, text: 'x'.repeat(80) })

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return count / ((performance.now() - startMs) / 1000)
}

/** One request after the other, as for one partition. */
async function sendAlone(url: string, count: number, batch: number): Promise<void> {
  const agent = new Agent({ connections: 1 })
  for (let from = 0; from < count; from += batch) {
    const body = JSON.stringify(Array.from({ length: batch }, (_, i) => customer(from + i)))
    const response = await agent.request({
      origin: url,
      path: '/in',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    await response.body.dump()
  }
  await agent.close()
}

async function readAlone(url: string): Promise<void> {
  const agent = new Agent({ connections: 1 })
  for (let after = 0; after < RECORDS; ) {
    const response = await agent.request({ origin: url, path: `/items?after=${after}`, method: 'GET' })
    const { data } = (await response.body.json()) as { data: { id: number }[] }
    after = data.at(-1)!.id
  }
  await agent.close()
}

const sinkConfig = (url: string, batch: number) => ({
  'http.allow.private.addresses': '127.0.0.0/8',
  'http.api.url': `${url}/in`,
  'batch.max.size': String(batch),
})
const sourceConfig = (url: string) => ({
  'http.allow.private.addresses': '127.0.0.0/8',
  url: `${url}/items`,
  topic: 'items',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder of the setting
  'http.request.parameters': 'after=${offset}',
  'http.offset.mode': 'CHAINING',
  'http.initial.offset': '0',
  'http.offset.json.pointer': '/id',
  'http.response.data.json.pointer': '/data',
})

async function sendByTask(url: string, count: number, batch: number): Promise<void> {
  const task = await httpSink.start(taskContext(httpSink.settings, sinkConfig(url, batch), new AbortController().signal))
  for (let from = 0; from < count; from += POLL)
    await task.write(
      Array.from(
        { length: POLL },
        (_, index): SinkRecord => ({
          ...sourceRecord({ topic: 'bench', value: customer(from + index) }),
          partition: 0,
          offset: from + index,
          timestampType: 'CreateTime',
        }),
      ),
    )
  await task.stop?.()
}

async function readByTask(url: string): Promise<void> {
  const stop = new AbortController()
  const context = { ...taskContext(httpSource.settings, sourceConfig(url), stop.signal), positions: { get: async () => null } }
  let count = 0
  for await (const batch of httpSource.read(context)) {
    count += batch.records.length
    if (count >= RECORDS) stop.abort()
  }
}

async function byWorker(url: string): Promise<{ source: number; sink: number }> {
  const broker = await startContender(TRIBUTARY)
  const client = createClient({ bootstrapServers: broker.address, clientId: 'bench' }, realSystem('silent'))
  try {
    const topic = 'items'
    await client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
    const converters = { 'value.converter': json, 'value.converter.schemas.enable': 'false' }
    const worker = await startWorkerContender(TRIBUTARY, broker.address, converters)
    try {
      const create = (name: string, config: object) => worker.ask('POST', '/connectors', { name, config })
      const source = await perSecond(RECORDS, async () => {
        await create('source', { 'connector.class': httpSource.class, ...sourceConfig(url) })
        const end = async () => (await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }]))[0]!.offset
        await until(async () => (await end()) >= RECORDS, `${RECORDS} items are in Kafka`, RUN_MS)
      })
      const count = async () => Number(await (await fetch(`${url}/count`)).text())
      const goal = (await count()) + RECORDS
      const sink = await perSecond(RECORDS, async () => {
        const config = { ...sinkConfig(url, BATCH), 'consumer.override.auto.offset.reset': 'earliest' }
        await create('sink', { 'connector.class': httpSink.class, topics: topic, ...config })
        await until(async () => (await count()) >= goal, `${RECORDS} records were sent`, RUN_MS)
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
  const server = new Worker(new URL('http/server.ts', import.meta.url), { workerData: { items: RECORDS, pageSize: PAGE } })
  const [port] = (await once(server, 'message')) as [number]
  const url = `http://127.0.0.1:${port}`
  try {
    const single = RECORDS * SINGLE_SHARE
    const rows: Row[] = []
    const alone = {
      batches: await perSecond(RECORDS, () => sendAlone(url, RECORDS, BATCH)),
      single: await perSecond(single, () => sendAlone(url, single, 1)),
    }
    const task = {
      batches: await perSecond(RECORDS, () => sendByTask(url, RECORDS, BATCH)),
      single: await perSecond(single, () => sendByTask(url, single, 1)),
    }
    const reads = { alone: await perSecond(RECORDS, () => readAlone(url)), task: await perSecond(RECORDS, () => readByTask(url)) }
    const worker = await byWorker(url)
    rows.push(
      { what: `source, pages of ${PAGE}`, 'undici alone': reads.alone, 'task alone': reads.task, 'worker and broker': worker.source },
      { what: `sink, batches of ${BATCH}`, 'undici alone': alone.batches, 'task alone': task.batches, 'worker and broker': worker.sink },
      { what: 'sink, one record a request', 'undici alone': alone.single, 'task alone': task.single, 'worker and broker': '' },
    )
    show(`How many records a second over HTTP? (${RECORDS} records of 3 fields, one connection)`, rows)
  } finally {
    await server.terminate()
  }
}

if (import.meta.main) await main()
