/**
 * Apache Kafka for a test: a broker process on a free port, its data in a temporary folder, and Kafka's own command-line tools. The scripts
 * are in TRIBUTARY_PEERS_DIR, or in ../shared/peers from the project's root.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { freePort, isFree } from '../running-broker.ts'
import { type Launched, launch } from './launch.ts'

const script = join(process.env.TRIBUTARY_PEERS_DIR ?? resolve(import.meta.dirname, '../../../shared/peers'), 'kafka')

/** The script that starts Kafka and its tools. */
export function kafkaScript(): string {
  if (!existsSync(script)) throw new Error(`no Apache Kafka at ${script}: set TRIBUTARY_PEERS_DIR to the folder of the script "kafka"`)
  return script
}

/** Runs one of Kafka's tools (kafka-topics, class MAIN.CLASS, …) and gives its output. */
export async function kafkaTool(args: readonly string[], input?: string, timeoutMs = 60_000): Promise<string> {
  const env = { ...process.env, KAFKA_HEAP_OPTS: '-Xmx256m -Xms128m' }
  const running = promisify(execFile)(kafkaScript(), args, { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 })
  running.child.stdin?.end(input ?? '')
  const { stdout } = await running
  return stdout
}

export interface KafkaBroker {
  /** host:port */
  readonly address: string
  readonly port: number
  /** `log.dirs`. */
  readonly dir: string
  readonly pid: number
  /** SIGKILL; the data stays. */
  kill(): Promise<void>
  /** SIGTERM; the data stays. */
  exit(): Promise<void>
  /** After `kill` or `exit`: on the same port and data. */
  start(): Promise<void>
  /** Ends it and removes the data. */
  stop(): Promise<void>
}

/** Options of Kafka's format without the features that our broker does not have, and without what they bring with them. */
export const ABSENT_FEATURES = ['eligible.leader.replicas', 'group', 'share', 'streams'].map((name) => `-f ${name}.version=0`).join(' ')

/** The settings with which our broker takes the place of a stopped one, on its ports and in its folder. */
export const inPlaceOf = (kafka: KafkaBroker): Readonly<Record<string, string>> => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.voters': `1@127.0.0.1:${kafka.port + 1}`,
  listeners: `PLAINTEXT://${kafka.address},CONTROLLER://127.0.0.1:${kafka.port + 1}`,
  'controller.listener.names': 'CONTROLLER',
  'log.dirs': kafka.dir,
})

/** Formats `<folder>/data` itself: Kafka formats what is not formatted. */
type Prepare = (folder: string, port: number) => Promise<void>

type Settings = Readonly<Record<string, string | number>>
/** Those of a broker on this port; its controller has the next one. */
export type SettingsOf = Settings | ((port: number) => Settings)

/** `settings` are lines of server.properties; `formatFlags` are options of `kafka-storage format` (`-f transaction.version=1`). */
export async function startApacheKafka(settings: SettingsOf = {}, formatFlags = '', prepare?: Prepare): Promise<KafkaBroker> {
  try {
    return await startOnce(settings, formatFlags, prepare)
  } catch {
    // The script generates a cluster id, and one that begins with "-" is read as an option; or another process took the port.
    return startOnce(settings, formatFlags, prepare)
  }
}

async function startOnce(settings: SettingsOf, formatFlags: string, prepare: Prepare | undefined): Promise<KafkaBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'apache-kafka-'))
  const port = await portWithNeighbour()
  const address = `127.0.0.1:${port}`
  let broker: Launched | undefined
  async function start(): Promise<void> {
    const client = createClient(
      { bootstrapServers: address, clientId: 'test', requestTimeoutMs: 1_000 },
      { clock: realClock, random: realRandom, logger: silentLogger },
    )
    const lines = Object.entries(typeof settings === 'function' ? settings(port) : settings).map(([name, value]) => `${name}=${value}`)
    try {
      broker = await launch('Apache Kafka', kafkaScript(), ['broker', `${port}`, folder, ...lines], {
        env: { KAFKA_HEAP_OPTS: '-Xmx512m -Xms256m', KAFKA_LOG_LEVEL: 'WARN', KAFKA_FORMAT_FLAGS: formatFlags },
        ready: async () => (await client.admin.describeCluster()).brokers.length > 0,
      })
    } finally {
      await client.close()
    }
  }
  const kafka: KafkaBroker = {
    address,
    port,
    dir: join(folder, 'data'),
    get pid() {
      return broker!.pid
    },
    start,
    kill: async () => broker?.end('SIGKILL'),
    exit: async () => broker?.end('SIGTERM'),
    async stop() {
      await kafka.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await prepare?.(folder, port)
    await start()
  } catch (error) {
    await kafka.stop()
    throw error
  }
  return kafka
}

/** The broker listens on the port, its controller on the next one. */
async function portWithNeighbour(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (await isFree(port + 1)) return port
  }
}
