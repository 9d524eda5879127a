/**
 * All sinks on one worker, under load, while the systems that they write to are away and come back. Each task must stay RUNNING and say
 * what it waits for, the memory of the worker must stay bounded, and in the end each record must be in each system, once.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { startTestBroker } from '../running-broker.ts'
import { type TestWorker, testWorker } from '../running-worker.ts'
import { until } from '../until.ts'
import { type Absence, type AwaySink, OBJECT_RECORDS, startAwaySystems } from './away-systems.ts'

const TOPIC = 'numbers'
const PARTITIONS = 2
/** The records of each partition come in rounds, which are objects of S3: in the end none is open. */
const ROUND_MS = 2_000
/** Of each value: a minute of records is far more than the worker may keep. */
const PADDING = 'x'.repeat(10_000)
/** Of the memory of the worker while the systems are away: what a sink has fetched, and the 32 MB of the S3 sink. */
const MAX_GROWTH_BYTES = 250_000_000
const RECOVERY_MS = 180_000
const STOP_MS = 60_000
/** The worker writes a status at most every 2 s. */
const MIN_SAYS_MS = 3_000

export interface SinksWithoutSystems {
  absence: Absence
  /** How long the systems are away. */
  seconds: number
  /** Stops and resumes the connectors meanwhile. */
  stops?: boolean
  onStep?(step: string): void
}

export interface SinksVerdict {
  records: number
  /** What is wrong, a sentence each. */
  anomalies: string[]
  growthBytes: number
}

export async function sinksWithoutSystems({
  absence,
  seconds,
  stops = false,
  onStep = () => {},
}: SinksWithoutSystems): Promise<SinksVerdict> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-away-'))
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  try {
    const { systems, sinks } = await startAwaySystems(folder, (end) => closing.push(end))
    const broker = await startTestBroker()
    closing.push(() => broker.stop())
    const client = createClient({ bootstrapServers: broker.address, clientId: 'away' }, realSystem('silent'))
    closing.push(() => client.close())
    await client.admin.createTopics([{ name: TOPIC, partitions: PARTITIONS, replicationFactor: 1 }])
    const worker = await testWorker('away', broker.address)
    closing.push(() => worker.stop())
    await worker.start()
    for (const [name, { config }] of Object.entries(sinks))
      await worker.configure(connectorOf(name), {
        topics: TOPIC,
        'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'value.converter.schemas.enable': 'false',
        'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
        ...config,
      })

    const producer = client.producer()
    closing.push(() => producer.close())
    let written = 0
    const produceRound = async () => {
      const count = PARTITIONS * OBJECT_RECORDS
      const from = written
      written += count
      await producer.send(
        Array.from({ length: count }, (_, index) => ({
          topic: TOPIC,
          partition: index % PARTITIONS,
          key: Buffer.from(String(from + index)),
          value: Buffer.from(JSON.stringify({ number: from + index, padding: PADDING })),
        })),
      )
    }
    await produceRound()
    await allHave(worker, sinks, () => written)
    onStep('the systems go away')

    const anomalies = new Set<string>()
    const says = new Set<string>()
    const before = residentBytes(worker)
    let most = before
    for (const system of systems) await system.takeAway(absence)
    if (stops) {
      onStep('the connectors are stopped and resumed')
      await produceRound()
      await stopAndResume(worker, sinks)
    }
    const endMs = performance.now() + seconds * 1000
    while (performance.now() < endMs) {
      await produceRound()
      for (const [name, { startsWithout = true }] of Object.entries(sinks)) {
        const { state, progress, trace } = await taskOf(worker, name)
        if (state !== 'RUNNING' && (startsWithout || !stops))
          anomalies.add(`${name} is ${state} while its system is away: ${trace?.split('\n')[0] ?? ''}`)
        if (progress?.reason) says.add(name)
      }
      most = Math.max(most, residentBytes(worker))
      await pause(Math.min(ROUND_MS, Math.max(0, endMs - performance.now())))
    }
    onStep('the systems come back')
    for (const system of systems) await system.bringBack(absence)
    // A server that does not answer may answer still: only one that is gone is something to tell.
    if (absence === 'killed' && seconds * 1000 > MIN_SAYS_MS)
      for (const [name, { startsWithout = true }] of Object.entries(sinks))
        if (!says.has(name) && (startsWithout || !stops)) anomalies.add(`${name} does not say what it waits for`)
    await produceRound()
    await allHave(worker, sinks, () => written).catch(() => {
      // What is missing is named below.
    })
    onStep('the numbers are judged')
    for (const [name, sink] of Object.entries(sinks)) {
      const found = await sink.numbers()
      const unique = new Set(found)
      const missing = Array.from({ length: written }, (_, number) => number).filter((number) => !unique.has(number))
      const { state, progress, trace } = await taskOf(worker, name)
      if (missing.length > 0) anomalies.add(`${name} lacks ${missing.length} of ${written} records, the first is ${missing[0]}`)
      if (found.length > unique.size) anomalies.add(`${name} has ${found.length - unique.size} records twice`)
      if (state !== 'RUNNING') anomalies.add(`${name} is ${state} in the end: ${trace?.split('\n')[0] ?? ''}`)
      if (progress) anomalies.add(`${name} still waits in the end: ${JSON.stringify(progress)}`)
    }
    if (most - before > MAX_GROWTH_BYTES)
      anomalies.add(`the memory of the worker grew by ${most - before} bytes while the systems were away`)
    const output = anomalies.size > 0 ? [`the worker says:\n${worker.output}`] : []
    return { records: written, anomalies: [...anomalies, ...output], growthBytes: most - before }
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

/** Where the system does not respond the worker waits for `task.shutdown.graceful.timeout.ms`, and cancels the task. */
async function stopAndResume(worker: TestWorker, all: Readonly<Record<string, AwaySink>>): Promise<void> {
  const sinks = Object.keys(all)
  for (const name of sinks) await fetch(`${worker.url}/connectors/${connectorOf(name)}/stop`, { method: 'PUT' })
  for (const name of sinks)
    await until(async () => (await taskOf(worker, name)).state === 'not there', `${name} is stopped:\n${worker.output}`, STOP_MS)
  for (const name of sinks) await fetch(`${worker.url}/connectors/${connectorOf(name)}/resume`, { method: 'PUT' })
  for (const name of sinks)
    await until(
      async () => all[name]!.startsWithout === false || (await taskOf(worker, name)).state === 'RUNNING',
      `${name} runs again:\n${worker.output}`,
      STOP_MS,
    )
}

const connectorOf = (sink: string) => sink.replaceAll(' ', '-')

interface TaskStatus {
  state: string
  trace?: string
  progress?: { reason?: string }
}

async function taskOf(worker: TestWorker, sink: string): Promise<TaskStatus> {
  const response = await fetch(`${worker.url}/connectors/${connectorOf(sink)}/status`)
  const { tasks } = (await response.json()) as { tasks: TaskStatus[] }
  return tasks[0] ?? { state: 'not there' }
}

const residentBytes = ({ pid }: TestWorker) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

async function allHave(worker: TestWorker, sinks: Readonly<Record<string, AwaySink>>, count: () => number): Promise<void> {
  for (const [name, sink] of Object.entries(sinks))
    await until(
      async () => {
        if (new Set(await sink.numbers()).size < count()) return false
        const { state, progress } = await taskOf(worker, name)
        return state === 'RUNNING' && !progress
      },
      `${name} has ${count()} records and waits for nothing:\n${worker.output}`,
      RECOVERY_MS,
    )
}
