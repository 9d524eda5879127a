/**
 * How many records a second go through a worker with a chain of five transforms, as JSON with schemas? From a file to a topic, and from a
 * topic to a file, beside Kafka Connect on the same broker. The file or the topic is complete before the connector starts. Counted is from
 * the first tenth of the records to the last, so without the start of the connector; the first run of a worker warms it up.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { until } from '../test/until.ts'
import { type Comparison, flag, KAFKA, startContender, TRIBUTARY, turnAbout } from './contenders.ts'
import { show } from './table.ts'
import { type TransformSetup, transformConfig, transforms, values } from './transforms.ts'
import { startWorkerContender, type WorkerContender } from './worker-contenders.ts'

const RECORDS = Number(flag('records') ?? 400_000)
const WARM_UP_RECORDS = 100_000
const RUN_MS = 600_000
const PRODUCED_AT_ONCE = 2_000
const READ_BYTES = 1024 * 1024
const NEWLINE = 0x0a

const kafka = (name: string) => `org.apache.kafka.connect.transforms.${name}`
/** A line is a number of milliseconds. */
const lineTransforms: readonly TransformSetup[] = [
  { class: kafka('HoistField$Value'), config: { field: 'ordered' } },
  { class: kafka('Cast$Value'), config: { spec: 'ordered:int64' } },
  { class: kafka('TimestampConverter$Value'), config: { field: 'ordered', 'target.type': 'Timestamp' } },
  { class: kafka('InsertField$Value'), config: { 'static.field': 'region', 'static.value': 'eu', 'topic.field': 'origin' } },
  { class: kafka('RegexRouter'), config: { regex: '(.*)', replacement: 'clean-$1' } },
]
const line = (number: number): string => `${1_700_000_000_000 + number * 1_000}\n`
const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'true' }

/** Lines in a file that grows. */
class LineCount {
  readonly #file: number
  readonly #bytes = Buffer.allocUnsafe(READ_BYTES)
  #lines = 0

  constructor(path: string) {
    this.#file = openSync(path, 'a+')
  }

  now(): number {
    for (;;) {
      const read = readSync(this.#file, this.#bytes)
      if (read === 0) return this.#lines
      for (let at = this.#bytes.indexOf(NEWLINE); at >= 0 && at < read; at = this.#bytes.indexOf(NEWLINE, at + 1)) this.#lines++
    }
  }

  close = (): void => closeSync(this.#file)
}

interface Run {
  worker: WorkerContender
  client: Client
  folder: string
  name: string
  records: number
}

/** Records a second, from a tenth of them to the last. */
async function flowing(records: number, counted: () => Promise<number> | number): Promise<number> {
  let startMs = 0
  let atStart = 0
  await until(
    async () => {
      const now = await counted()
      if (startMs === 0 && now >= records / 10) {
        startMs = performance.now()
        atStart = now
      }
      return now >= records
    },
    `${records} records`,
    RUN_MS,
  )
  return ((records - atStart) * 1_000) / (performance.now() - startMs)
}

/** The rate, and the CPU seconds of the worker per million records, its start of the connector included. */
async function measured({ worker, name, records }: Run, config: Record<string, string>, counted: () => Promise<number> | number) {
  const before = worker.usage().cpuS
  await worker.ask('POST', '/connectors', { name, config: { 'tasks.max': '1', ...json, ...config } })
  const rate = await flowing(records, counted)
  const cpuS = ((worker.usage().cpuS - before) / records) * 1e6
  await worker.ask('DELETE', `/connectors/${name}`)
  return { rate, cpuS }
}

function fromFile(run: Run) {
  const { client, folder, name, records } = run
  const file = join(folder, `${name}.txt`)
  writeFileSync(file, Array.from({ length: records }, (_, number) => line(number)).join(''))
  const partition = { topic: `clean-${name}`, partition: 0 }
  return measured(
    run,
    { 'connector.class': 'FileStreamSource', file, topic: name, 'batch.size': '2000', ...transformConfig(lineTransforms) },
    async () => (await client.admin.listOffsets([{ ...partition, spec: 'latest' }], 1))[0]!.offset,
  )
}

async function toFile(run: Run) {
  const { client, folder, name, records } = run
  const producer = client.producer()
  const bytes = values.map((value) => Buffer.from(value))
  for (let sent = 0; sent < records; sent += PRODUCED_AT_ONCE)
    await producer.send(
      Array.from({ length: Math.min(PRODUCED_AT_ONCE, records - sent) }, (_, index) => ({
        topic: name,
        key: null,
        value: bytes[(sent + index) % bytes.length]!,
        headers: [],
      })),
    )
  await producer.close()
  const file = join(folder, `${name}.out`)
  const lines = new LineCount(file)
  try {
    return await measured(run, { 'connector.class': 'FileStreamSink', file, topics: name, ...transformConfig(transforms) }, () =>
      lines.now(),
    )
  } finally {
    lines.close()
  }
}

const directions = { 'file to topic': fromFile, 'topic to file': toFile }

async function measureAll(worker: WorkerContender, broker: string, folder: string, comparison: Comparison): Promise<void> {
  const client = createClient({ bootstrapServers: broker, clientId: 'bench' }, realSystem('silent'))
  try {
    for (const [direction, run] of Object.entries(directions))
      for (const [round, records] of [WARM_UP_RECORDS, RECORDS].entries()) {
        const name = `${direction.replaceAll(' ', '-')}-${round}`
        const topics = direction === 'file to topic' ? [`clean-${name}`] : [name]
        await client.admin.createTopics(topics.map((topic) => ({ name: topic, partitions: 1, replicationFactor: 1 })))
        const { rate, cpuS } = await run({ worker, client, folder, name, records })
        if (round === 0) continue
        comparison.add(worker.side, `${direction}, records/s`, rate)
        comparison.add(worker.side, `${direction}, CPU s per million records`, cpuS)
      }
  } finally {
    await client.close()
  }
}

async function main(): Promise<void> {
  const brokerSide = (flag('broker') ?? 'tributary') === 'kafka' ? KAFKA : TRIBUTARY
  const rows = await turnAbout(async (side, comparison) => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-worker-transforms-'))
    const broker = await startContender(brokerSide)
    try {
      const worker = await startWorkerContender(side, broker.address)
      try {
        await measureAll(worker, broker.address, folder, comparison)
      } finally {
        await worker.stop()
      }
    } finally {
      await broker.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
  show(`How many records go through five transforms in a worker, on a broker of ${brokerSide}?`, rows)
}

if (import.meta.main) await main()
