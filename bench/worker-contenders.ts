/**
 * Kafka Connect and our worker for benchmarks that compare them: each gets the same worker file, on a broker of its own kind or on a common
 * one, and is asked over REST. Figures of time end when the REST API or the topic shows the result.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kafkaScript } from '../test/peers/apache-kafka.ts'
import { launch } from '../test/peers/launch.ts'
import { freePort } from '../test/running-broker.ts'
import { until } from '../test/until.ts'
import { KAFKA, type Settings, type Side } from './contenders.ts'
import { usage } from './table.ts'

/** Kafka's own start script gives Kafka Connect this heap. */
const HEAP = '-Xms256M -Xmx2G'
const REST_MS = 180_000

export interface WorkerContender {
  readonly side: Side
  readonly pid: number
  /** The answer's JSON; throws for a status of 400 or more, except 409, which it waits out. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Waits until all connectors and all tasks are RUNNING. */
  running(connectors: number): Promise<void>
  usage(): ReturnType<typeof usage>
  stop(): Promise<void>
}

interface Status {
  connector: { state: string }
  tasks: { state: string }[]
}

/** `settings` are more lines of the worker's file. */
export async function startWorkerContender(side: Side, broker: string, settings: Settings = {}): Promise<WorkerContender> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-worker-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const file = join(folder, 'worker.properties')
  const group = `bench-${port}`
  const stores = ['config', 'offset', 'status'].flatMap((kind) => [
    [`${kind}.storage.topic`, `${group}-${kind}`],
    [`${kind}.storage.replication.factor`, '1'],
  ])
  const strings = 'org.apache.kafka.connect.storage.StringConverter'
  const common = { 'bootstrap.servers': broker, 'group.id': group, listeners: url, 'key.converter': strings, 'value.converter': strings }
  const lines = Object.entries({ ...common, ...Object.fromEntries(stores), ...settings }).map(([name, value]) => `${name}=${value}`)
  writeFileSync(file, `${lines.join('\n')}\n`)
  const [command, args] =
    side === KAFKA ? [kafkaScript(), ['connect-distributed', file]] : [join(import.meta.dirname, '../bin/tributary'), ['connect', file]]
  const { pid, end } = await launch(side, command, args, {
    env: { KAFKA_HEAP_OPTS: HEAP, KAFKA_LOG_LEVEL: 'WARN', TRIBUTARY_LOG_LEVEL: 'warn' },
    ready: async () => (await fetch(`${url}/connectors`)).ok,
  })

  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = await until(
      async () => {
        const response = await fetch(`${url}${path}`, { method, ...sent })
        const text = await response.text()
        return response.status === 409 ? null : { status: response.status, text }
      },
      `${method} ${path}`,
      REST_MS,
    )
    if (answer!.status >= 400) throw new Error(`${side} answered ${method} ${path} with ${answer!.status}: ${answer!.text}`)
    return (answer!.text === '' ? null : JSON.parse(answer!.text)) as T
  }

  return {
    side,
    pid,
    ask,
    async running(connectors) {
      await until(
        async () => {
          const expanded = await ask<Record<string, { status: Status }>>('GET', '/connectors?expand=status')
          const all = Object.values(expanded).map(({ status }) => status)
          const isRunning = ({ connector, tasks }: Status) =>
            connector.state === 'RUNNING' && tasks.length > 0 && tasks.every(({ state }) => state === 'RUNNING')
          return all.length >= connectors && all.every(isRunning)
        },
        `${connectors} connectors run`,
        REST_MS,
      )
    },
    usage: () => usage(pid),
    async stop() {
      await end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
