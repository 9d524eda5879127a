/**
 * Apache Kafka, Kafka Connect and our worker as processes of a test, each in the folder that the test gives. Where the scripts that run Kafka
 * lie is said by TRIBUTARY_PEERS_DIR.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'

const root = resolve(import.meta.dirname, '../..')
const peers = process.env.TRIBUTARY_PEERS_DIR ?? resolve(root, '../shared/peers')
const kafka = join(peers, 'kafka')

export interface Running {
  name: string
  port: number
  address: string
  pid: number
  stop(): Promise<void>
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

async function run(
  name: string,
  folder: string,
  port: number,
  command: string,
  args: string[],
  ready: () => Promise<unknown>,
): Promise<Running> {
  if (command === kafka && !existsSync(kafka)) {
    throw new Error(`${kafka} is not there: set TRIBUTARY_PEERS_DIR to the folder of the scripts that run Apache Kafka`)
  }
  const log = join(folder, `${name}-${port}.log`)
  const out = openSync(log, 'a')
  const env = { ...process.env, KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_LOG_LEVEL: 'WARN' }
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', out, out], env })
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  try {
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
        return ready()
      },
      `${name} is ready`,
      90_000,
    )
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${name} did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`, { cause })
  }
  return {
    name,
    port,
    address: `127.0.0.1:${port}`,
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(timer)
    },
  }
}

const answers = (url: string) => async () => (await fetch(url)).ok

/** One Apache Kafka node, with `settings` over the script's. */
export async function startApacheKafka(folder: string, settings: Readonly<Record<string, string | number>> = {}): Promise<Running> {
  const changes = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const port = await freePort()
  const wait = () =>
    new Promise<boolean>((done) => {
      const asked = spawn(kafka, ['kafka-broker-api-versions', '--bootstrap-server', `127.0.0.1:${port}`], { stdio: 'ignore' })
      asked.once('exit', (code) => done(code === 0))
    })
  return run('Apache Kafka', folder, port, kafka, ['broker', String(port), join(folder, `kafka-${port}`), ...changes], wait)
}

function workerFile(folder: string, name: string, bootstrap: string, port: number): string {
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
  ]
  return writeFile(folder, `${name}.properties`, text.join('\n'))
}

/** Workers of one `group` share its connectors, whoever made them. */
export async function startKafkaConnect(folder: string, bootstrap: string, group = 'theirs'): Promise<Running> {
  const port = await freePort()
  const file = workerFile(folder, group, bootstrap, port)
  return run('Kafka Connect', folder, port, kafka, ['connect-distributed', file], answers(`http://127.0.0.1:${port}/connectors`))
}

export async function startOurWorker(folder: string, bootstrap: string, group = 'ours'): Promise<Running> {
  const port = await freePort()
  const file = workerFile(folder, group, bootstrap, port)
  return run('our worker', folder, port, join(root, 'bin', 'tributary'), ['connect', file], answers(`http://127.0.0.1:${port}/connectors`))
}
