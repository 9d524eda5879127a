/**
 * Goal: exactly-once sources are that, whichever of worker and broker are ours. Method: a distributed worker with
 * exactly.once.source.support=enabled and two file sources, one with a transaction for each poll, one with a transaction for an interval;
 * kill -9 of the worker, of the broker and of both in the middle. A read_committed reader must get each line once, in order.
 */
import { appendFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { TRANSACTION_SETTINGS } from '../conformance/transaction-scenario.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder, writeFile } from './workers.ts'

const strings = 'org.apache.kafka.connect.storage.StringConverter'
const LINES = 6_000
/** What the file source leaves in its buffer at the end of a file, until the file grows. */
const LEFT_IN_BUFFER = 300
const PROGRESS_MS = 180_000

const folder = temporaryFolder()

const brokers = { Tributary: startTestBroker, 'Apache Kafka': startApacheKafka }
const workers = { Tributary: startOurWorker, 'Kafka Connect': startKafkaConnect }

interface Source {
  readonly name: string
  readonly input: string
  readonly config: Readonly<Record<string, string>>
  readonly read: string[]
}

function fileSource(name: string, settings: Readonly<Record<string, string>>): Source {
  const input = writeFile(folder, `${name}.txt`, '')
  const config = {
    'connector.class': 'FileStreamSource',
    file: input,
    topic: name,
    'batch.size': '20',
    'exactly.once.support': 'required',
    'key.converter': strings,
    'value.converter': strings,
    ...settings,
  }
  return { name, input, config, read: [] }
}

let sources: readonly Source[] = []

/** Each call appends the next lines to every input. */
function append(from: number, to: number): void {
  const lines = Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('')
  for (const { input } of sources) appendFileSync(input, lines)
}

const connectors = (worker: Running, path: string, init?: RequestInit) =>
  fetch(`http://${worker.address}/connectors${path}`, { ...init, headers: { 'content-type': 'application/json' } })

/** A task that has failed because the broker was away is restarted, as an operator would. */
async function restartFailed(worker: Running): Promise<void> {
  for (const { name } of sources) {
    const response = await connectors(worker, `/${name}/status`)
    if (!response.ok) continue
    const { tasks } = (await response.json()) as { tasks: { state: string }[] }
    if (tasks.some(({ state }) => state === 'FAILED'))
      await connectors(worker, `/${name}/restart?includeTasks=true&onlyFailed=true`, { method: 'POST' })
  }
}

/** Reads both topics as read_committed until `stop`. */
function readBoth(client: Client): { stop(): Promise<void> } {
  let stopped = false
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  consumer.assign(sources.map(({ name }) => ({ topic: name, partition: 0, offset: 'earliest' as const })))
  const reading = (async () => {
    while (!stopped)
      for (const { topic, records } of await consumer.poll(200))
        sources.find(({ name }) => name === topic)!.read.push(...records.map(({ value }) => value!.toString()))
    await consumer.close()
  })()
  return {
    async stop() {
      stopped = true
      await reading
    },
  }
}

test.each([
  ['Kafka Connect', 'Tributary'],
  ['Tributary', 'Apache Kafka'],
  ['Tributary', 'Tributary'],
] as const)(
  'file sources of %s on %s lose and double nothing through kill -9 of the worker and of the broker',
  async (ofWorker, ofBroker) => {
    sources = [
      fileSource('by-poll', { 'transaction.boundary': 'poll' }),
      fileSource('by-interval', { 'transaction.boundary': 'interval', 'transaction.boundary.interval.ms': '300' }),
    ]
    const broker = await brokers[ofBroker](TRANSACTION_SETTINGS)
    onTestFinished(() => broker.stop())
    const client = createClient({ bootstrapServers: broker.address, clientId: 'lines' }, realSystem('silent'))
    onTestFinished(() => client.close())
    const topics = sources.map(({ name }) => ({ name, partitions: 1, replicationFactor: 1 }))
    for (const error of (await client.admin.createTopics(topics)).values()) if (error) throw error
    // Without the delay that leaves a killed worker time to come back before its tasks are given to the next one.
    const settings = { 'exactly.once.source.support': 'enabled', 'scheduled.rebalance.max.delay.ms': '0' }
    const startWorker = () => workers[ofWorker](folder, broker.address, 'exactly-once', settings)
    let worker = await startWorker()
    onTestFinished(() => worker.kill())
    for (const { name, config } of sources)
      await until(
        async () => {
          const { status } = await connectors(worker, '', { method: 'POST', body: JSON.stringify({ name, config }) })
          return status === 201 || status === 409
        },
        `connector ${name} is created`,
        PROGRESS_MS,
      )
    const reading = readBoth(client)
    onTestFinished(() => reading.stop())
    let misplaced = ''
    const progress = async (count: number): Promise<void> => {
      await until(
        async () => {
          await restartFailed(worker).catch(() => undefined)
          for (const { name, read } of sources)
            read.forEach((value, index) => {
              if (value !== `line ${index}`) misplaced = `${name}: "${value}" after "${read[index - 1]}"`
            })
          if (misplaced !== '' || sources.every(({ read }) => read.length >= count)) return true
          throw new Error(`there are ${sources.map(({ name, read }) => `${read.length} of ${name}`).join(', ')}`)
        },
        `${count} lines of each source`,
        PROGRESS_MS,
      )
      expect(misplaced, 'a line that is not the next one').toBe('')
    }

    append(0, LINES / 3)
    await progress(LINES / 30)
    await worker.kill()
    append(LINES / 3, (LINES * 2) / 3)
    worker = await startWorker()
    await progress(LINES / 3 + LINES / 30)
    await broker.kill()
    append((LINES * 2) / 3, LINES + LEFT_IN_BUFFER)
    await broker.start()
    await progress((LINES * 2) / 3 + LINES / 30)
    await Promise.all([worker.kill(), broker.kill()])
    await broker.start()
    worker = await startWorker()
    await progress(LINES)
    await worker.stop()
  },
  900_000,
)
