/**
 * Apache Kafka and Tributary for benchmarks that compare them: each gets the same server.properties, a fresh folder and its own port, and
 * is started by the command that its users start it with. Both sides of a figure are measured turn about in one run, and what counts is the
 * ratio of the medians. Kafka's scripts are those of test/peers/apache-kafka.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import metadata from '../core/apis/03-metadata.ts'
import type { ResponseOf } from '../core/wire/api.ts'
import { kafkaScript } from '../test/peers/apache-kafka.ts'
import { freePort } from '../test/running-broker.ts'
import { until } from '../test/until.ts'
import { RawConnection } from './raw-connection.ts'
import { quantile, type Row, usage } from './table.ts'

export const KAFKA = 'Apache Kafka'
export const TRIBUTARY = 'Tributary'
export type Side = typeof KAFKA | typeof TRIBUTARY

/** Kafka's own start script gives it this heap. */
const KAFKA_HEAP = '-Xmx1G -Xms1G'
const START_MS = 180_000
/** A broker that does not stop in this time is killed. */
const STOP_MS = 300_000
const METADATA_VERSION = 12

export type Settings = Readonly<Record<string, string | number>>
type Metadata = ResponseOf<typeof metadata>

export interface Contender {
  readonly side: Side
  readonly address: string
  /** `log.dirs`. */
  readonly dir: string
  readonly pid: number
  /** Starts it again on the same data; resolves with the seconds until the broker's metadata satisfies `ready`. */
  start(ready?: (answer: Metadata) => boolean): Promise<number>
  /** SIGTERM; the data stays. */
  exit(): Promise<void>
  /** Ends it and removes the data. */
  stop(): Promise<void>
  memoryMb(): number
}

const answered = (): boolean => true

/** What the broker says about all topics; the connection is a new one. */
export async function allMetadata(address: string): Promise<Metadata> {
  const connection = await RawConnection.open(address)
  try {
    return await connection.request(metadata, METADATA_VERSION, {
      topics: null,
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    })
  } finally {
    connection.close()
  }
}

/** `settings` may depend on the port of the listener PLAINTEXT; the next one is the controller's. */
export async function startContender(side: Side, settings: Settings | ((port: number) => Settings) = {}): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-broker-'))
  const dir = join(folder, 'data')
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const common: Settings = {
    'num.partitions': 1,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.num.partitions': 5,
    ...(typeof settings === 'function' ? settings(port) : settings),
  }
  const [command, args] =
    side === KAFKA
      ? [kafkaScript(), ['broker', `${port}`, folder, ...lines(common)]]
      : [join(import.meta.dirname, '../bin/tributary'), ['broker', ourFile(folder, port, common)]]
  let child: ChildProcess | undefined

  const exit = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child!.once('exit', resolve))
    child.kill('SIGTERM')
    const stuck = setTimeout(() => child!.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(stuck)
  }
  const contender: Contender = {
    side,
    address,
    dir,
    get pid() {
      return child!.pid!
    },
    async start(ready = answered) {
      const log = openSync(join(folder, 'output.log'), 'a')
      const startedMs = performance.now()
      const env = { ...process.env, KAFKA_HEAP_OPTS: KAFKA_HEAP, KAFKA_LOG_LEVEL: 'WARN', TRIBUTARY_LOG_LEVEL: 'warn' }
      const started = spawn(command, args, { stdio: ['ignore', log, log], env })
      child = started
      await until(
        async () => {
          if (started.exitCode !== null) return true
          const answer = await allMetadata(address)
          return answer.brokers.length > 0 && ready(answer)
        },
        `${side} on ${address} answers`,
        START_MS,
      )
      if (started.exitCode !== null)
        throw new Error(`${side} ended with ${started.exitCode}:\n${readFileSync(join(folder, 'output.log'), 'utf8').slice(-4_000)}`)
      return (performance.now() - startedMs) / 1000
    },
    exit,
    async stop() {
      await exit()
      rmSync(folder, { recursive: true, force: true })
    },
    memoryMb: () => usage(child!.pid!).residentMb,
  }
  try {
    await contender.start()
  } catch (error) {
    await contender.stop()
    throw error
  }
  return contender
}

const lines = (settings: Settings): string[] => Object.entries(settings).map(([name, value]) => `${name}=${value}`)

function ourFile(folder: string, port: number, settings: Settings): string {
  const file = join(folder, 'server.properties')
  const node: Settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${port + 1}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
  }
  writeFileSync(file, `${lines({ ...node, ...settings }).join('\n')}\n`)
  return file
}

/** The measured values of both sides, by figure. */
export class Comparison {
  readonly #values = new Map<string, Map<Side, number[]>>()

  add(side: Side, figure: string, value: number): void {
    const sides = this.#values.get(figure) ?? new Map<Side, number[]>()
    this.#values.set(figure, sides.set(side, [...(sides.get(side) ?? []), value]))
    console.error(`  ${side}: ${figure}: ${value.toPrecision(4)}`)
  }

  /** Medians, with the least and most of each side. */
  rows(): Row[] {
    return [...this.#values].map(([figure, sides]) => {
      const [theirs, ours] = [sides.get(KAFKA) ?? [], sides.get(TRIBUTARY) ?? []]
      const ratio = theirs.length > 0 && ours.length > 0 ? (quantile(ours, 0.5) / quantile(theirs, 0.5)).toFixed(2) : '-'
      return { figure, [KAFKA]: spread(theirs), [TRIBUTARY]: spread(ours), 'ours / theirs': ratio }
    })
  }
}

const digits = (value: number): string => value.toFixed(value >= 1000 ? 0 : value >= 10 ? 1 : 2)
const spread = (values: readonly number[]): string =>
  values.length === 0 ? '-' : `${digits(quantile(values, 0.5))} [${digits(Math.min(...values))}..${digits(Math.max(...values))}]`

/** The value of `--name=value` on the command line. */
export function flag(name: string): string | undefined {
  return process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3)
}

/** Runs `measure` for each side, turn about, in `--rounds=N` rounds (3); `--only=kafka` or `--only=tributary` leaves one side out. */
export async function turnAbout(measure: (side: Side, comparison: Comparison) => Promise<void>): Promise<Row[]> {
  const only = flag('only')
  const sides = [KAFKA, TRIBUTARY].filter((side) => !only || side.toLowerCase().includes(only)) as Side[]
  const comparison = new Comparison()
  for (let round = 0; round < Number(flag('rounds') ?? 3); round++)
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) await measure(side, comparison)
  return comparison.rows()
}
