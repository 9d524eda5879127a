/**
 * Three workers of one group, with a source and a sink of three tasks each, under faults: kill -9, a clean stop, SIGSTOP, and a cut of the
 * connections to the broker. Each worker reaches the broker through a listener and a proxy of its own. Afterwards the topic and the notes
 * of the sinks are judged record by record.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type FaultProxy, faultProxy } from '../fault-proxy.ts'
import { freePort, startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { type ConnectHistory, type FaultTime, judge, type Note, type TopicRecord, type Verdict } from './connect-history.ts'

export const workerFaults = ['kill', 'restart', 'pause', 'cut'] as const
export type WorkerFault = (typeof workerFaults)[number]

export interface ConnectChaos {
  /** The time of the faults. */
  seconds: number
  exactlyOnce: boolean
  random: () => number
  onFault?(fault: WorkerFault, worker: number): void
}

const WORKERS = 3
const TASKS = 3
const PARTITIONS = 6
const RATE = 200
const TOPIC = 'counts'
const START_MS = 60_000
/** After the last fault everything must run again within this time. */
const RECOVERY_MS = 120_000
/** Between two faults, and how long a worker is away. Longer than the session timeout, so that others take over, or shorter. */
const [BETWEEN_MS, AWAY_MS] = [4_000, 10_000]

const program = join(import.meta.dirname, '../../bin/tributary')

interface Worker {
  readonly url: string
  readonly proxy: FaultProxy
  readonly output: string
  readonly pid: number
  start(): Promise<void>
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

export async function connectChaos({ seconds, exactlyOnce, random, onFault }: ConnectChaos): Promise<Verdict & { faults: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-chaos-connect-'))
  const closing: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  try {
    const notes = join(folder, 'notes')
    mkdirSync(notes)
    const ports = await Promise.all(Array.from({ length: WORKERS }, freePort))
    const proxies = await Promise.all(ports.map(faultProxy))
    closing.push(...proxies.map((proxy) => () => proxy.close()))
    const names = ports.map((_, index) => `W${index}`)
    const broker = await startTestBroker((port) => ({
      listeners: [`PLAINTEXT://127.0.0.1:${port}`, ...names.map((name, index) => `${name}://127.0.0.1:${ports[index]}`)].join(','),
      'advertised.listeners': [
        `PLAINTEXT://127.0.0.1:${port}`,
        ...names.map((name, index) => `${name}://127.0.0.1:${proxies[index]!.port}`),
      ].join(','),
      'listener.security.protocol.map': ['PLAINTEXT', ...names].map((name) => `${name}:PLAINTEXT`).join(','),
      'transaction.state.log.num.partitions': 3,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
    }))
    closing.push(() => broker.stop())
    const client = createClient({ bootstrapServers: broker.address, clientId: 'chaos' }, realSystem('silent'))
    closing.push(() => client.close())
    const configs = { 'message.timestamp.type': 'LogAppendTime' }
    await client.admin.createTopics([{ name: TOPIC, partitions: PARTITIONS, replicationFactor: 1, configs }])

    const workers = await Promise.all(proxies.map((proxy, index) => newWorker(folder, index, proxy, exactlyOnce)))
    closing.push(() => Promise.all(workers.map((worker) => worker.end('SIGKILL'))))
    await Promise.all(workers.map((worker) => worker.start()))
    const source = { 'connector.class': 'chaos.CountingSourceConnector', topic: TOPIC, 'records.per.second': String(RATE) }
    const sink = { 'connector.class': 'chaos.NotingSinkConnector', topics: TOPIC, folder: notes }
    await create(workers, 'count', source)
    await create(workers, 'note', sink)
    await allRun(workers)

    const faults: FaultTime[] = []
    const endMs = performance.now() + seconds * 1000
    while (performance.now() < endMs) {
      const index = Math.floor(random() * WORKERS)
      const fault = workerFaults[Math.floor(random() * workerFaults.length)]!
      onFault?.(fault, index)
      const startMs = Date.now()
      await inject(fault, workers[index]!, random() * AWAY_MS)
      faults.push({ clean: fault === 'restart', startMs, endMs: Date.now() })
      await pause(random() * BETWEEN_MS)
    }
    await allRun(workers)
    await ask(workers, 'PUT', '/connectors/count/stop')
    await until(async () => (await statusOf(workers, 'count')).connector.state === 'STOPPED', 'the source has stopped', RECOVERY_MS)
    const records = await readTopic()
    await until(
      () => readNotes(notes).length >= records.length && hasAll(records, notes),
      'the sink has noted everything',
      RECOVERY_MS,
    ).catch(() => {
      // What is missing is judged below, and named.
    })
    const history: ConnectHistory = { records, notes: readNotes(notes), faults, exactlyOnce }
    return { ...judge(history), faults: faults.length }

    async function readTopic(): Promise<TopicRecord[]> {
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }))
      const ends = await client.admin.listOffsets(
        partitions.map((partition) => ({ ...partition, spec: 'latest' as const })),
        1,
      )
      const consumer = client.consumer({ isolationLevel: 'read_committed' })
      consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
      const read: TopicRecord[] = []
      try {
        await until(
          async () => {
            for (const { partition, records: polled } of await consumer.poll(100))
              for (const { offset, timestamp, key, value } of polled)
                read.push({ partition, offset, appendedMs: timestamp, counter: key!.toString(), count: Number(value!.toString()) })
            return partitions.every((partition, index) => (consumer.position(partition) ?? 0) >= ends[index]!.offset)
          },
          'the topic is read',
          RECOVERY_MS,
        )
      } finally {
        await consumer.close()
      }
      return read
    }
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

async function newWorker(folder: string, index: number, proxy: FaultProxy, exactlyOnce: boolean): Promise<Worker> {
  const url = `http://127.0.0.1:${await freePort()}`
  const file = join(folder, `worker-${index}.properties`)
  const stores = ['config', 'offset', 'status'].flatMap((kind) => [
    `${kind}.storage.topic=connect-${kind}s`,
    `${kind}.storage.replication.factor=1`,
  ])
  const strings = 'org.apache.kafka.connect.storage.StringConverter'
  const lines = [
    `bootstrap.servers=${proxy.address}`,
    'group.id=chaos',
    `listeners=${url}`,
    `plugin.path=${join(import.meta.dirname, 'plugins')}`,
    `key.converter=${strings}`,
    `value.converter=${strings}`,
    'offset.flush.interval.ms=500',
    'session.timeout.ms=6000',
    'heartbeat.interval.ms=1000',
    'consumer.session.timeout.ms=6000',
    'consumer.heartbeat.interval.ms=1000',
    'scheduled.rebalance.max.delay.ms=1000',
    'producer.request.timeout.ms=5000',
    ...(exactlyOnce ? ['exactly.once.source.support=enabled', 'consumer.isolation.level=read_committed'] : []),
    ...stores,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  let child: ChildProcess | null = null
  let output = ''
  const hasEnded = () => child === null || child.exitCode !== null || child.signalCode !== null
  return {
    url,
    proxy,
    get output() {
      return output
    },
    get pid() {
      return child!.pid!
    },
    async start() {
      child = spawn(program, ['connect', file], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'warn' } })
      for (const stream of [child.stdout!, child.stderr!])
        stream.on('data', (part) => {
          output = (output + part).slice(-16_384)
        })
      await until(async () => (await fetch(`${url}/connectors`)).ok, `worker ${index} responds`, START_MS).catch((cause) => {
        throw new Error(`worker ${index} does not respond:\n${output}`, { cause })
      })
    },
    async end(signal) {
      if (hasEnded()) return
      const exited = new Promise((resolve) => child!.once('exit', resolve))
      child!.kill(signal)
      await exited
    },
  }
}

async function inject(fault: WorkerFault, worker: Worker, awayMs: number): Promise<void> {
  if (fault === 'kill' || fault === 'restart') {
    await worker.end(fault === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await pause(awayMs)
    await worker.start()
  } else if (fault === 'pause') {
    process.kill(worker.pid, 'SIGSTOP')
    await pause(awayMs)
    process.kill(worker.pid, 'SIGCONT')
  } else {
    worker.proxy.mode = 'swallow'
    worker.proxy.cut()
    await pause(awayMs)
    worker.proxy.mode = 'pass'
    worker.proxy.cut()
  }
}

interface Status {
  connector: { state: string }
  tasks: { state: string; trace?: string }[]
}

/** Any worker answers; one that is in a rebalance says so. */
async function ask<T>(workers: readonly Worker[], method: string, path: string, body?: unknown): Promise<T> {
  return (await until(
    async () => {
      for (const { url } of workers) {
        const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
        const response = await fetch(`${url}${path}`, { method, ...sent, signal: AbortSignal.timeout(10_000) })
        const text = await response.text()
        if (response.ok) return { answer: text === '' ? null : JSON.parse(text) }
        if (response.status !== 409 && response.status < 500) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      }
      return null
    },
    `${method} ${path}`,
    RECOVERY_MS,
  ).then((found) => found!.answer)) as T
}

const create = (workers: readonly Worker[], name: string, config: object) =>
  ask(workers, 'PUT', `/connectors/${name}/config`, { ...config, 'tasks.max': String(TASKS) })

const statusOf = (workers: readonly Worker[], name: string) => ask<Status>(workers, 'GET', `/connectors/${name}/status`)

async function allRun(workers: readonly Worker[]): Promise<void> {
  let last: Status[] = []
  await until(
    async () => {
      last = await Promise.all(['count', 'note'].map((name) => statusOf(workers, name)))
      return last.every(
        ({ connector, tasks }) =>
          connector.state === 'RUNNING' && tasks.length === TASKS && tasks.every(({ state }) => state === 'RUNNING'),
      )
    },
    'all tasks run',
    RECOVERY_MS,
  ).catch((cause) => {
    throw new Error(`not all tasks run: ${JSON.stringify(last)}\n${workers.map(({ output }) => output.slice(-2_000)).join('\n')}`, {
      cause,
    })
  })
}

function readNotes(folder: string): Note[] {
  return readdirSync(folder).flatMap((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    // A worker that was killed may have written the last line in part.
    return lines.slice(0, -1).map((line) => {
      const [partition, offset, notedMs, counter, count] = line.split(' ')
      return { partition: Number(partition), offset: Number(offset), notedMs: Number(notedMs), counter: counter!, count: Number(count) }
    })
  })
}

function hasAll(records: readonly TopicRecord[], folder: string): boolean {
  const noted = new Set(readNotes(folder).map(({ partition, offset }) => `${partition} ${offset}`))
  return records.every(({ partition, offset }) => noted.has(`${partition} ${offset}`))
}
