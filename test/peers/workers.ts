/**
 * Kafka Connect and our worker as processes of a test, started with the same worker file. Each writes its files into the folder that the
 * test gives, which is removed at the end.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'
import { freePort } from '../running-broker.ts'
import { kafkaScript } from './apache-kafka.ts'
import { launch } from './launch.ts'

export interface Running {
  name: string
  port: number
  address: string
  pid: number
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-peers-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function writeFile(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

type Lines = Readonly<Record<string, string>>

function workerFile(folder: string, name: string, bootstrap: string, port: number, settings: Lines): string {
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  const storage = ['config', 'offset', 'status'].flatMap((kind) => [
    `${kind}.storage.topic=${name}-${kind}`,
    `${kind}.storage.replication.factor=1`,
  ])
  const text = [
    `bootstrap.servers=${bootstrap}`,
    `group.id=${name}`,
    `listeners=http://127.0.0.1:${port}`,
    `key.converter=${json}`,
    `value.converter=${json}`,
    'offset.flush.interval.ms=1000',
    ...storage,
    ...Object.entries(settings).map(([setting, value]) => `${setting}=${value}`),
  ]
  return writeFile(folder, `${name}.properties`, text.join('\n'))
}

async function startWorker(name: string, command: string, args: readonly string[], port: number): Promise<Running> {
  const address = `127.0.0.1:${port}`
  const { pid, end } = await launch(name, command, args, {
    env: { KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_LOG_LEVEL: 'WARN' },
    ready: async () => (await fetch(`http://${address}/connectors`)).ok,
  })
  return { name, port, address, pid, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** Workers of one `group` share its connectors; `settings` are more lines of the worker's file. */
export async function startKafkaConnect(folder: string, bootstrap: string, group = 'theirs', settings: Lines = {}): Promise<Running> {
  const port = await freePort()
  return startWorker('Kafka Connect', kafkaScript(), ['connect-distributed', workerFile(folder, group, bootstrap, port, settings)], port)
}

export async function startOurWorker(folder: string, bootstrap: string, group = 'ours', settings: Lines = {}): Promise<Running> {
  const port = await freePort()
  const program = resolve(import.meta.dirname, '../../bin/tributary')
  return startWorker('our worker', program, ['connect', workerFile(folder, group, bootstrap, port, settings)], port)
}
