/**
 * Apache Kafka for a test: a broker in a process of its own on a free port, its data in a temporary folder, and Kafka's own command-line tools.
 * Where the scripts lie is TRIBUTARY_PEERS_DIR, or ../shared/peers from the project's root.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'

const script = join(process.env.TRIBUTARY_PEERS_DIR ?? resolve(import.meta.dirname, '../../../shared/peers'), 'kafka')
const SMALL_HEAP = { ...process.env, KAFKA_HEAP_OPTS: '-Xmx256m -Xms128m' }

/** The script that starts Kafka and its tools. */
export function kafkaScript(): string {
  if (!existsSync(script)) throw new Error(`no Apache Kafka at ${script}: set TRIBUTARY_PEERS_DIR to the folder of the script "kafka"`)
  return script
}

/** Runs one of Kafka's tools (kafka-topics, class MAIN.CLASS, …) and gives what it wrote. */
export async function kafkaTool(args: readonly string[], input?: string): Promise<string> {
  const running = promisify(execFile)(kafkaScript(), args, { env: SMALL_HEAP, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })
  running.child.stdin?.end(input ?? '')
  const { stdout } = await running
  return stdout
}

export interface KafkaBroker {
  /** host:port */
  readonly address: string
  /** SIGKILL; the data stays. */
  kill(): Promise<void>
  /** After `kill`: on the same port and data. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** `settings` are lines of server.properties. */
export async function startApacheKafka(settings: readonly string[] = []): Promise<KafkaBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'apache-kafka-'))
  const port = await portWithNeighbour()
  const address = `127.0.0.1:${port}`
  let child: ChildProcess
  async function start(): Promise<void> {
    child = spawn(kafkaScript(), ['broker', `${port}`, folder, ...settings], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...SMALL_HEAP, KAFKA_HEAP_OPTS: '-Xmx512m -Xms256m' },
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk).slice(-16_384)
    }
    child.stdout!.on('data', keep)
    child.stderr!.on('data', keep)
    const client = createClient(
      { bootstrapServers: address, clientId: 'test', requestTimeoutMs: 1_000 },
      { clock: realClock, random: realRandom, logger: silentLogger },
    )
    try {
      await until(
        async () => child.exitCode !== null || (await client.admin.describeCluster()).brokers.length > 0,
        `Apache Kafka on port ${port}`,
        50_000,
      )
    } finally {
      await client.close()
    }
    if (child.exitCode !== null) throw new Error(`Apache Kafka ended with ${child.exitCode} instead of starting:\n${output}`)
  }
  const ended = () =>
    new Promise<void>((done) => {
      if (child.exitCode !== null || child.signalCode !== null) done()
      else child.once('exit', () => done())
    })
  await start()
  return {
    address,
    start,
    async kill() {
      child.kill('SIGKILL')
      await ended()
    },
    async stop() {
      child.kill('SIGKILL')
      await ended()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The broker takes the port, its controller the next. */
async function portWithNeighbour(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port < 65_535 && (await freePort()) !== port + 1) return port
  }
}
