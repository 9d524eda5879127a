/**
 * A Connect cluster as the stories of this folder see it: workers behind their REST API, the Kafka cluster that they use, and a folder
 * through which a test commands the monitorable connectors and reads what they did. It is ours or Apache Kafka's; the stories do not see
 * which, except where Tributary differs on purpose.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Client } from '../../../core/client/types.ts'
import { until } from '../../until.ts'

/** Several JVMs share few cores. */
const WAIT_MS = 90_000
const REQUEST_MS = 100_000

export type Config = Readonly<Record<string, string>>

export interface ConnectWorker {
  /** http://host:port */
  readonly url: string
  stop(): Promise<void>
}

export interface KafkaCluster {
  readonly bootstrapServers: string
  readonly client: Client
}

export interface ConnectEnvironment extends KafkaCluster {
  readonly implementation: 'Tributary' | 'Apache Kafka'
  /** For what the monitorable connectors read and write. */
  readonly folder: string
  /** A worker of the group that `settings` name; a standalone one where they name none. */
  startWorker(settings: Config): Promise<ConnectWorker>
  /** Another Kafka cluster, which no worker has as its own. */
  otherKafka(): Promise<KafkaCluster>
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: the stories check what is in it
  readonly body: any
}

/** `settings` are those of each worker, besides the internal topics and the group, which are of this cluster alone. */
export class ConnectCluster {
  readonly environment: ConnectEnvironment
  readonly group: string
  readonly workers: ConnectWorker[] = []
  readonly #settings: Config

  constructor(environment: ConnectEnvironment, group: string, settings: Config = {}, isStandalone = false) {
    this.environment = environment
    this.group = group
    const json = 'org.apache.kafka.connect.json.JsonConverter'
    const ofGroup = {
      'group.id': group,
      'config.storage.topic': `${group}-configs`,
      'offset.storage.topic': `${group}-offsets`,
      'status.storage.topic': `${group}-status`,
      'config.storage.replication.factor': '1',
      'offset.storage.replication.factor': '1',
      'status.storage.replication.factor': '1',
      'offset.storage.partitions': '1',
      'status.storage.partitions': '1',
      'scheduled.rebalance.max.delay.ms': '0',
    }
    this.#settings = {
      'bootstrap.servers': environment.bootstrapServers,
      ...(isStandalone ? { 'offset.storage.file.filename': join(environment.folder, `${group}.offsets`) } : ofGroup),
      'offset.flush.interval.ms': '300',
      'key.converter': json,
      'value.converter': json,
      ...settings,
    }
  }

  get kafka(): KafkaCluster {
    return this.environment
  }

  async addWorker(): Promise<ConnectWorker> {
    const worker = await this.environment.startWorker(this.#settings)
    this.workers.push(worker)
    return worker
  }

  async stopWorker(worker: ConnectWorker): Promise<void> {
    this.workers.splice(this.workers.indexOf(worker), 1)
    await worker.stop()
  }

  async stop(): Promise<void> {
    for (const worker of [...this.workers]) await this.stopWorker(worker)
  }

  /** `what` is a method and a path. During a rebalance, and while another request is in progress, a worker answers 409: asked again. */
  async ask(what: `${string} /${string}`, body?: unknown, worker = this.workers[0]!): Promise<Answer> {
    return await until(
      async () => {
        const answer = await this.#askOnce(what, body, worker)
        return answer.status === 409 && /rebalance|stale|no known leader/i.test(JSON.stringify(answer.body)) ? null : answer
      },
      `${what} settles`,
      WAIT_MS,
    ).then((answer) => answer!)
  }

  async #askOnce(what: string, body: unknown, worker: ConnectWorker): Promise<Answer> {
    const [method = '', path = ''] = what.split(/ (.*)/s)
    const response = await fetch(`${worker.url}${path}`, {
      method,
      signal: AbortSignal.timeout(REQUEST_MS),
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : asJson(text) }
  }

  /** Asks, and expects success. */
  // biome-ignore lint/suspicious/noExplicitAny: as Answer
  async get(what: `${string} /${string}`, body?: unknown, worker?: ConnectWorker): Promise<any> {
    const answer = await this.ask(what, body, worker)
    expect([what, answer.status < 300, answer.status < 300 ? '' : answer.body]).toEqual([what, true, ''])
    return answer.body
  }

  configure(name: string, config: Config): Promise<unknown> {
    return this.get(`PUT /connectors/${name}/config`, config)
  }

  /** The states of the connector and of its tasks in order: `RUNNING RUNNING FAILED`; empty where it has no status. */
  async states(name: string): Promise<string> {
    const { status, body } = await this.ask(`GET /connectors/${name}/status`)
    if (status !== 200) return ''
    return [body.connector, ...body.tasks].map(({ state }: { state: string }) => state).join(' ')
  }

  async isIn(name: string, states: string): Promise<void> {
    let last = ''
    await until(
      async () => {
        last = await this.states(name)
        return last === states
      },
      `${name} is ${states}`,
      WAIT_MS,
    ).catch((cause) => {
      throw new Error(`${name} is ${last || 'unknown'} instead of ${states}`, { cause })
    })
  }

  isRunning = (name: string, tasks: number) => this.isIn(name, ['RUNNING', ...Array(tasks).fill('RUNNING')].join(' '))
  isPaused = (name: string, tasks: number) => this.isIn(name, ['PAUSED', ...Array(tasks).fill('PAUSED')].join(' '))
  isStopped = (name: string) => this.isIn(name, 'STOPPED')
  isGone = (name: string) => until(async () => (await this.ask(`GET /connectors/${name}`)).status === 404, `${name} is gone`, WAIT_MS)

  async stopConnector(name: string): Promise<void> {
    await this.get(`PUT /connectors/${name}/stop`)
    await this.isStopped(name)
  }

  /** Waits until this is true of the cluster. */
  eventually = <T>(condition: () => T | Promise<T>, what: string): Promise<T> => until(condition, what, WAIT_MS)

  source(name: string, more: Config = {}): Config {
    const strings = 'org.apache.kafka.connect.storage.StringConverter'
    return {
      'connector.class': 'MonitorableSourceConnector',
      'tasks.max': '1',
      topic: name,
      monitor: join(this.environment.folder, name),
      'key.converter': strings,
      'value.converter': strings,
      'topic.creation.default.replication.factor': '1',
      'topic.creation.default.partitions': '1',
      ...more,
    }
  }

  sink(name: string, topics: string, more: Config = {}): Config {
    const strings = 'org.apache.kafka.connect.storage.StringConverter'
    return {
      'connector.class': 'MonitorableSinkConnector',
      'tasks.max': '1',
      topics,
      monitor: join(this.environment.folder, name),
      'key.converter': strings,
      'value.converter': strings,
      'consumer.override.auto.offset.reset': 'earliest',
      ...more,
    }
  }

  /** How often a monitorable connector did this: `connector start`, `task 0 start`, `task 0 stop`. */
  count(name: string, event: string): number {
    return this.#lines(name, 'events').filter((line) => line === event).length
  }

  /** What a monitorable sink got, as `topic-partition@offset value`. */
  records(name: string): string[] {
    return this.#lines(name, 'records')
  }

  #lines(name: string, kind: string): string[] {
    const file = join(this.environment.folder, `${name}.${kind}`)
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  }

  /** `release` ends what `block` blocks; `fail-0` fails task 0. */
  command(name: string, command: string): void {
    writeFileSync(join(this.environment.folder, `${name}.${command}`), '')
  }

  withdraw(name: string, command: string): void {
    rmSync(join(this.environment.folder, `${name}.${command}`))
  }

  async createTopic(name: string, partitions = 1, { client } = this.kafka): Promise<void> {
    const created = await client.admin.createTopics([{ name, partitions, replicationFactor: 1, configs: {} }])
    expect(created.get(name)).toBeNull()
  }

  /** `count` records to each of the partitions. */
  async produce(topic: string, count: number, partitions = 1, { client } = this.kafka): Promise<void> {
    const producer = client.producer()
    const records = Array.from({ length: count * partitions }, (_, index) => ({
      topic,
      partition: index % partitions,
      key: null,
      value: Buffer.from(`value-${Math.floor(index / partitions)}`),
    }))
    await producer.send(records)
    await producer.close()
  }

  /** The end of the log of partition 0; 0 while the topic does not exist. */
  async endOf(topic: string, { client } = this.kafka): Promise<number> {
    if (!(await client.topic(topic, { refresh: true }))) return 0
    const [end] = await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }])
    return end!.offset
  }

  async deleteConnectors(): Promise<void> {
    for (const name of (await this.ask('GET /connectors')).body as string[]) await this.ask(`DELETE /connectors/${name}`)
  }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
