/**
 * Workers with connectors that tests can look into: Connect clusters of one broker in this process, and what tests ask of them.
 */
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { ConnectError, Worker } from '../../../connect/index.ts'
import type { Connector } from '../../../connect/sdk/index.ts'
import type { Client } from '../../../core/client/types.ts'
import { until } from '../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../worker-in-process.ts'
import { Probes } from './probes.ts'

const string = 'org.apache.kafka.connect.storage.StringConverter'

/** Starts the broker before the tests of a file, closes the workers after each test, and stops the broker at the end. */
export class ConnectClusters {
  #workers!: WorkersInProcess
  #probes = new Probes()

  constructor() {
    beforeAll(async () => {
      this.#workers = await workersInProcess()
    })
    afterEach(async () => {
      await this.#workers.closeAll()
    })
    afterAll(async () => {
      await this.#workers?.stop()
    })
  }

  get client() {
    return this.#workers.client
  }
  get bootstrapServers(): string {
    return `127.0.0.1:${this.#workers.broker.port}`
  }

  /** The settings of a new cluster. Its connectors have probes of their own. */
  settings(more: Record<string, string> = {}): Record<string, string> {
    this.#probes = new Probes()
    return this.#workers.settings({ 'offset.flush.interval.ms': '200', 'key.converter': string, 'value.converter': string, ...more })
  }

  /** Those of all workers, as Prometheus gets them. */
  metrics = (): Promise<string> => this.#workers.system.metrics.text()

  start(settings: Record<string, string>, connectors: readonly Connector[] = []): Promise<Worker> {
    return this.#workers.start({ settings, connectors: [this.#probes.connector, ...connectors] })
  }

  close(worker: Worker): Promise<void> {
    return this.#workers.close(worker)
  }

  /** What the connector of this name has done. */
  probe(name: string) {
    return this.#probes.of(name)
  }

  /** The values that a read_committed reader gets, partition by partition; none while the topic does not exist. */
  async committedIn(topic: string, client = this.client): Promise<string[]> {
    return (await committedRecords(client, topic)).map(({ value }) => value?.toString() ?? '')
  }

  /** The end of the log, whether its records are committed or not; 0 while the topic does not exist. */
  async storedIn(topic: string): Promise<number> {
    if (!(await this.client.topic(topic, { refresh: true }))) return 0
    const [end] = await this.client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }])
    return end!.offset
  }

  /** The offsets `n` that a connector of a cluster has committed, in order. */
  async committedPositions(topic: string, connector: string, client = this.client): Promise<number[]> {
    return (await committedRecords(client, topic))
      .filter(({ key, value }) => JSON.parse(key!.toString())[0] === connector && value !== null)
      .map(({ value }) => JSON.parse(value!.toString()).n)
  }

  valuesIn = (topic: string): Promise<string[]> => valuesIn(this.client, topic)
}

/** The values of all records in a topic. */
export async function valuesIn(client: Client, topic: string): Promise<string[]> {
  const consumer = client.consumer()
  const metadata = await client.topic(topic, { refresh: true })
  const partitions = metadata!.partitions.map(({ index }) => ({ topic, partition: index }))
  consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
  const ends = await client.admin.listOffsets(partitions.map((partition) => ({ ...partition, spec: 'latest' as const })))
  const total = ends.reduce((sum, { offset }) => sum + offset, 0)
  const values: string[] = []
  while (values.length < total)
    for (const batch of await consumer.poll(1000)) values.push(...batch.records.map((record) => record.value!.toString()))
  await consumer.close()
  return values
}

/** None while the topic does not exist. */
async function committedRecords(client: Client, topic: string): Promise<{ key: Buffer | null; value: Buffer | null }[]> {
  const metadata = await client.topic(topic, { refresh: true })
  if (!metadata) return []
  const partitions = metadata.partitions.map(({ index }) => ({ topic, partition: index }))
  const ends = await client.admin.listOffsets(
    partitions.map((partition) => ({ ...partition, spec: 'latest' as const })),
    1,
  )
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
  const records: { key: Buffer | null; value: Buffer | null }[] = []
  while (ends.some(({ partition, offset }) => (consumer.position({ topic, partition }) ?? 0) < offset))
    for (const batch of await consumer.poll(100)) records.push(...batch.records)
  await consumer.close()
  return records
}

export const source = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'CountingSource',
  topic: `topic-${name}`,
  ...more,
})
export const sink = (name: string, topics: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'KeepingSink',
  topics,
  ...more,
})

/** The state of the connector, and those of its tasks. */
export const states = (worker: Worker, name: string) => {
  const { connector, tasks } = worker.status(name)
  return [connector.state, ...tasks.map((task) => task.state)].join(' ')
}
export const inState = (worker: Worker, name: string, expected: string) =>
  until(() => states(worker, name) === expected, `${name} is ${expected}`).catch((error) => {
    throw new Error(`${name} is ${states(worker, name)}: ${JSON.stringify(worker.status(name))}`, { cause: error })
  })

/** The values that task `task` of a CountingSource sends. */
export const numbers = (count: number, task = 0) => Array.from({ length: count }, (_, n) => `${task}:${n}`)

/** The status and message of the ConnectError with which a request fails; null where it succeeds. */
export const failure = async (work: Promise<unknown>) =>
  await work.then(
    () => null,
    (error: ConnectError) => [error.status, error.message],
  )
