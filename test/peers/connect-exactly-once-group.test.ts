/**
 * Goal: our workers and Kafka Connect's share exactly-once connectors: each asks a leader of the other kind to fence, each goes on where
 * the other has committed, and both answer the same to the same configs. Method: one group with a worker of each kind on our broker and two
 * file sources; the leader is killed, once of each kind. A read_committed reader must get each line once, in order.
 */
import { appendFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { TRANSACTION_SETTINGS } from '../conformance/transaction-scenario.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder, writeFile } from './workers.ts'

const strings = 'org.apache.kafka.connect.storage.StringConverter'
const folder = temporaryFolder()
const PROGRESS_MS = 180_000
/** What Kafka Connect's file source leaves in its buffer at the end of a file, until the file grows. */
const LEFT_IN_BUFFER = 300
const names = ['one', 'two']
const inputs = names.map((name) => writeFile(folder, `${name}.txt`, ''))

const rest = (worker: Running, path: string, init?: RequestInit) =>
  fetch(`http://${worker.address}${path}`, { ...init, headers: { 'content-type': 'application/json' } })
const put = (worker: Running, path: string, body: object) => rest(worker, path, { method: 'PUT', body: JSON.stringify(body) })

const configOf = (at: number) => ({
  'connector.class': 'FileStreamSource',
  file: inputs[at],
  topic: names[at],
  'batch.size': '20',
  'exactly.once.support': 'required',
  'key.converter': strings,
  'value.converter': strings,
})

let written = 0
function append(count: number): void {
  const lines = Array.from({ length: count }, (_, index) => `line ${written + index}\n`).join('')
  written += count
  for (const input of inputs) appendFileSync(input, lines)
}

async function committedIn(client: Client, topic: string): Promise<string[]> {
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  const [end] = await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }], 1)
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const values: string[] = []
  while ((consumer.position({ topic, partition: 0 }) ?? 0) < end!.offset)
    for (const { records } of await consumer.poll(200)) values.push(...records.map(({ value }) => value!.toString()))
  await consumer.close()
  return values
}

/** All lines but what may be left in a buffer are there, each once and in order. */
async function progress(client: Client, workers: readonly Running[]): Promise<void> {
  const least = written - LEFT_IN_BUFFER
  await until(
    async () => {
      for (const name of names) {
        const { tasks } = (await (await rest(workers[0]!, `/connectors/${name}/status`)).json()) as { tasks: { state: string }[] }
        if (tasks.some(({ state }) => state === 'FAILED'))
          await rest(workers[0]!, `/connectors/${name}/restart?includeTasks=true&onlyFailed=true`, { method: 'POST' })
        const values = await committedIn(client, name)
        if (values.length < least) throw new Error(`there are ${values.length} of ${name}, tasks ${JSON.stringify(tasks)}`)
      }
      return true
    },
    `${least} lines of each source`,
    PROGRESS_MS,
  )
  for (const name of names) {
    const values = await committedIn(client, name)
    expect(values).toEqual(values.map((_, index) => `line ${index}`))
  }
}

/** The worker that runs the task of each connector. */
async function ownersOf(worker: Running): Promise<string[]> {
  return await Promise.all(
    names.map(async (name) => {
      const status = (await (await rest(worker, `/connectors/${name}/status`)).json()) as { tasks?: { worker_id: string; state: string }[] }
      return status.tasks?.[0]?.state === 'RUNNING' ? status.tasks[0].worker_id : ''
    }),
  )
}

test('workers of both kinds share exactly-once sources, whichever leads', async () => {
  const broker = await startTestBroker(TRANSACTION_SETTINGS)
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'lines' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const topics = names.map((name) => ({ name, partitions: 1, replicationFactor: 1 }))
  for (const error of (await client.admin.createTopics(topics)).values()) if (error) throw error
  const settings = { 'exactly.once.source.support': 'enabled', 'scheduled.rebalance.max.delay.ms': '0' }
  const theirs = await startKafkaConnect(folder, broker.address, 'mixed', settings)
  onTestFinished(() => theirs.kill())
  for (const [at, name] of names.entries())
    await until(async () => (await put(theirs, `/connectors/${name}/config`, configOf(at))).ok, `${name} is created`, PROGRESS_MS)
  append(600)
  await progress(client, [theirs])

  const ours = await startOurWorker(folder, broker.address, 'mixed', settings)
  onTestFinished(() => ours.kill())
  await until(
    async () => {
      const owners = await ownersOf(theirs)
      return owners.includes(ours.address) && owners.includes(theirs.address)
    },
    'each worker runs one of the tasks',
    PROGRESS_MS,
  )
  append(600)
  await progress(client, [theirs])
  // New task configs need a round of fencing, which our task asks Kafka Connect's leader for.
  for (const [at, name] of names.entries())
    await until(
      async () => (await put(theirs, `/connectors/${name}/config`, { ...configOf(at), 'batch.size': '30' })).ok,
      `${name} is changed`,
      PROGRESS_MS,
    )
  append(600)
  await progress(client, [theirs])

  // The same questions to both.
  const own = { 'connector.class': 'FileStreamSource', name: 'x', file: 'f', topic: 't' }
  for (const config of [
    { ...own, 'exactly.once.support': 'Required' },
    { ...own, 'transaction.boundary': 'connector' },
    { ...own, 'exactly.once.support': 'maybe', 'transaction.boundary': 'never', 'transaction.boundary.interval.ms': '-1' },
    { ...own, 'transaction.boundary': 'INTERVAL', 'transaction.boundary.interval.ms': '0', 'offsets.storage.topic': ' ' },
  ]) {
    const answers = await Promise.all(
      [theirs, ours].map(async (worker) => {
        const response = await put(worker, '/connector-plugins/FileStreamSource/config/validate', config)
        const { configs } = (await response.json()) as { configs: { value: { name: string; errors: string[] } }[] }
        return configs.flatMap(({ value }) => value.errors.map((error) => `${value.name}: ${error}`)).sort()
      }),
    )
    expect(answers[1], JSON.stringify(config)).toEqual(answers[0])
  }
  for (const [path, headers] of [
    ['one', {}],
    ['one', { 'X-Connect-Authorization': 'YQ==' }],
    ['no', { 'X-Connect-Authorization': 'YQ==', 'X-Connect-Request-Signature-Algorithm': 'HmacSHA256' }],
  ] as const) {
    const answers = await Promise.all(
      [theirs, ours].map(async (worker) => {
        const response = await fetch(`http://${worker.address}/connectors/${path}/fence`, { method: 'PUT', headers })
        return [response.status, await response.json()]
      }),
    )
    expect(answers[1]).toEqual(answers[0])
  }

  // Our worker takes over, leads, and serves a worker of Kafka Connect that comes back.
  await theirs.kill()
  append(600)
  await until(async () => (await ownersOf(ours)).every((owner) => owner === ours.address), 'our worker runs both', PROGRESS_MS)
  await progress(client, [ours])
  const again = await startKafkaConnect(folder, broker.address, 'mixed', settings)
  onTestFinished(() => again.kill())
  await until(async () => (await ownersOf(ours)).includes(again.address), "Kafka Connect's runs one", PROGRESS_MS)
  for (const [at, name] of names.entries())
    await until(async () => (await put(ours, `/connectors/${name}/config`, configOf(at))).ok, `${name} is changed`, PROGRESS_MS)
  append(600)
  await progress(client, [ours])
  await ours.stop()
  append(600)
  await progress(client, [again])
  await again.stop()
}, 900_000)
