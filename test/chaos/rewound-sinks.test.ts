/**
 * Goal: offsets that a user sets back over REST, and dead letters that are replayed in any order, leave each record in each system once
 * where the sink says so, and the lag that is shown is the truth. Method: all sinks on one worker with their real systems; the sinks are
 * stopped, their offsets altered and reset, and resumed; then letters of all of them are replayed, the last one first.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { startTestBroker } from '../running-broker.ts'
import { type TestWorker, testWorker } from '../running-worker.ts'
import { S3_START_MS } from '../services/s3.ts'
import { until } from '../until.ts'
import { type AwaySink, OBJECT_RECORDS, startAwaySystems } from './away-systems.ts'

const WAIT_MS = 60_000
const TIMEOUT_MS = 300_000
const strings = 'org.apache.kafka.connect.storage.StringConverter'
const closing: (() => unknown)[] = []
let sinks: Readonly<Record<string, AwaySink>>
let worker: TestWorker
let client: Client

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-rewound-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  const started = await startAwaySystems(folder, (end) => closing.push(end))
  sinks = started.sinks
  const broker = await startTestBroker()
  closing.push(() => broker.stop())
  client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
  closing.push(() => client.close())
  worker = await testWorker('rewound', broker.address)
  closing.push(() => worker.stop())
  await worker.start()
}, TIMEOUT_MS + S3_START_MS)
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

const rest = async (method: string, path: string, body?: unknown): Promise<[status: number, body: unknown]> => {
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${worker.url}/connectors/${path}`, { method, ...init })
  const text = await response.text()
  return [response.status, text === '' ? null : JSON.parse(text)]
}
const names = () => Object.keys(sinks).map((name) => [name, name.replaceAll(' ', '-')] as const)

async function produce(topic: string, from: number, to: number): Promise<void> {
  const producer = client.producer()
  const numbers = Array.from({ length: to - from }, (_, index) => from + index)
  await producer.send(
    numbers.map((number) => ({
      topic,
      partition: 0,
      key: Buffer.from(String(number)),
      value: Buffer.from(JSON.stringify({ number })),
    })),
  )
  await producer.close()
}

async function create(topic: string, more: (connector: string) => Record<string, string> = () => ({})): Promise<void> {
  await client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  for (const [name, connector] of names())
    await worker.configure(connector, { topics: topic, 'key.converter': strings, ...sinks[name]!.config, ...more(connector) })
}

interface GroupOffset {
  partition: { kafka_topic: string }
  offset: { kafka_offset: number }
}
const committed = async (connector: string, topic: string): Promise<number> => {
  const [, body] = await rest('GET', `${connector}/offsets`)
  const { offsets } = body as { offsets: GroupOffset[] }
  return offsets.find(({ partition }) => partition.kafka_topic === topic)?.offset.kafka_offset ?? 0
}
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)
const upTo = (end: number) => Array.from({ length: end }, (_, number) => number)

async function areAt(topic: string, end: number): Promise<void> {
  for (const [, connector] of names())
    await until(
      async () => (await committed(connector, topic)) === end,
      `${connector} has committed ${end}:\n${worker.output.slice(-4_000)}`,
      WAIT_MS,
    )
}
async function allStop(): Promise<void> {
  for (const [, connector] of names()) {
    expect(await rest('PUT', `${connector}/stop`)).toEqual([204, null])
    await until(
      async () => {
        const [, status] = (await rest('GET', `${connector}/status`)) as [number, { connector: { state: string }; tasks: unknown[] }]
        return status.connector.state === 'STOPPED' && status.tasks.length === 0
      },
      `${connector} is stopped`,
      WAIT_MS,
    )
  }
}
const resume = async () => {
  for (const [, connector] of names()) expect((await rest('PUT', `${connector}/resume`))[0]).toBe(202)
}
const remove = async () => {
  for (const [, connector] of names()) expect((await rest('DELETE', connector))[0]).toBe(204)
}
async function eachHas(numbers: readonly number[]): Promise<void> {
  for (const [name] of names()) expect([name, sorted(await sinks[name]!.numbers())]).toEqual([name, numbers])
}

test('offsets that are set back or reset write no record twice: the systems know what they have', { timeout: TIMEOUT_MS }, async () => {
  await create('numbers')
  await produce('numbers', 0, 3 * OBJECT_RECORDS)
  await areAt('numbers', 3 * OBJECT_RECORDS)
  await eachHas(upTo(3 * OBJECT_RECORDS))
  const change: Record<string, (connector: string) => Promise<[number, unknown]>> = {
    // The first record of an object, so that S3 has the same objects.
    'set back': (connector) =>
      rest('PATCH', `${connector}/offsets`, {
        offsets: [{ partition: { kafka_topic: 'numbers', kafka_partition: 0 }, offset: { kafka_offset: OBJECT_RECORDS } }],
      }),
    reset: (connector) => rest('DELETE', `${connector}/offsets`),
  }
  let end = 3 * OBJECT_RECORDS
  for (const how of Object.keys(change)) {
    await allStop()
    for (const [, connector] of names()) expect([connector, how, (await change[how]!(connector))[0]]).toEqual([connector, how, 200])
    await resume()
    await produce('numbers', end, end + OBJECT_RECORDS)
    end += OBJECT_RECORDS
    await areAt('numbers', end)
    await eachHas(upTo(end))
  }
  await remove()
})

test('dead letters that are replayed, the last one first, are in each system once', { timeout: TIMEOUT_MS }, async () => {
  const end = 500 + OBJECT_RECORDS
  const before = new Map<string, number[]>()
  for (const [name] of names()) before.set(name, sorted(await sinks[name]!.numbers()))
  const converter = (name: string) => ({ 'key.converter': name })
  await create('letters', (connector) => ({
    // No key has four bytes, or eight.
    ...converter('org.apache.kafka.connect.converters.IntegerConverter'),
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': `dead-${connector}`,
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
  }))
  await produce('letters', 500, end)
  await areAt('letters', OBJECT_RECORDS)
  for (const [name, connector] of names()) {
    expect([name, sorted(await sinks[name]!.numbers())]).toEqual([name, before.get(name)])
    await rest('PATCH', `${connector}/config`, converter(strings))
    await until(
      async () => ((await rest('GET', `${connector}/status`))[1] as { tasks: { state: string }[] }).tasks[0]?.state === 'RUNNING',
      `${connector} runs`,
      WAIT_MS,
    )
    const replay = (request: object) => rest('POST', `${connector}/dead-letters/replay`, request)
    const one = (offset: number) => ({ letters: [{ partition: 0, offset }] })
    const counts = async (request: object) => {
      const response = await until(
        async () => {
          const answer = await replay(request)
          return answer[0] === 409 ? null : answer
        },
        `${connector} replays`,
        WAIT_MS,
      )
      const { delivered, failed } = response![1] as { delivered: number; failed: number }
      return [response![0], delivered, failed]
    }
    if (sinks[name]!.takesAnyOrder ?? true)
      for (const offset of [OBJECT_RECORDS - 1, 3]) expect([name, offset, await counts(one(offset))]).toEqual([name, offset, [200, 1, 0]])
    const [status, , failed] = await counts({ all: true })
    expect([name, status, failed]).toEqual([name, 200, 0])
    expect([name, await counts({ all: true })]).toEqual([name, [200, 0, 0]])
    expect([name, sorted(await sinks[name]!.numbers())]).toEqual([name, [...before.get(name)!, ...upTo(end).slice(500)]])
  }
})
