/**
 * Goal: dead letters are those of Kafka Connect, byte by byte: keys, values, timestamps, and headers in the same order. Method: the same
 * topic and the same sink configs at Apache Kafka's Kafka Connect and at our worker, each with a dead-letter queue of its own; the letters
 * are compared. Only the lines of a stack trace after the first may differ.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, type ConsumedRecord, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder } from './workers.ts'

const folder = temporaryFolder()
let kafka: KafkaBroker
let client: Client
let workers: Running[]

const json = 'org.apache.kafka.connect.json.JsonConverter'
const string = 'org.apache.kafka.connect.storage.StringConverter'
const plainJson = { 'value.converter': json, 'value.converter.schemas.enable': 'false' }
const tolerant = { 'errors.tolerance': 'all', 'errors.deadletterqueue.context.headers.enable': 'true' }

/** The records of each topic; what is wrong with each differs by the case. */
const records = [
  { key: 'k1', value: '{"a":1}', headers: [{ key: 'h', value: '1' }] },
  { key: 'k2', value: '{oops', headers: [{ key: 'h', value: '{"b":' }] },
  { key: '{"k', value: '"text"', headers: [] },
  { key: null, value: null, headers: [] },
  { key: 'k5', value: '{"a":"ü€\u{1f600}"}', headers: [{ key: '__connect.errors.topic', value: 'earlier' }] },
  { key: 'k6', value: '[1,2]', headers: [{ key: 'none', value: null }] },
]

const cases: Record<string, Record<string, string>> = {
  values: { ...plainJson, 'key.converter': string, ...tolerant },
  envelopes: { 'value.converter': json, 'key.converter': string, ...tolerant },
  keys: { 'key.converter': json, 'key.converter.schemas.enable': 'false', 'value.converter': string, ...tolerant },
  headers: {
    'key.converter': string,
    'value.converter': string,
    'header.converter': json,
    'header.converter.schemas.enable': 'false',
    ...tolerant,
  },
  transforms: {
    ...plainJson,
    'key.converter': string,
    transforms: 'm',
    'transforms.m.type': 'org.apache.kafka.connect.transforms.ExtractField$Value',
    'transforms.m.field': 'a',
    ...tolerant,
  },
  'predicate transforms': {
    'key.converter': string,
    'value.converter': string,
    transforms: 'm',
    'transforms.m.type': 'org.apache.kafka.connect.transforms.ExtractField$Value',
    'transforms.m.field': 'a',
    'transforms.m.predicate': 'p',
    'transforms.m.negate': 'true',
    predicates: 'p',
    'predicates.p.type': 'org.apache.kafka.connect.transforms.predicates.RecordIsTombstone',
    ...tolerant,
  },
  'no context headers': { ...plainJson, 'key.converter': string, 'errors.tolerance': 'all' },
  'tolerance none': { ...plainJson, 'key.converter': string, 'errors.deadletterqueue.context.headers.enable': 'true' },
  'retries that end': { ...plainJson, 'key.converter': string, ...tolerant, 'errors.retry.timeout': '200' },
}

/** Older records would be deleted by the topic's retention. */
const START = Date.now() - 60_000

beforeAll(async () => {
  kafka = await startApacheKafka({ 'group.initial.rebalance.delay.ms': 0 })
  client = createClient({ bootstrapServers: kafka.address, clientId: 'test' }, realSystem('silent'))
  await client.admin.createTopics([{ name: 'letters', partitions: 1, replicationFactor: 1 }])
  await client.producer({ acks: 'all' }).send(
    records.map(({ key, value, headers }, index) => ({
      topic: 'letters',
      partition: 0,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: headers.map((header) => ({ key: header.key, value: header.value === null ? null : Buffer.from(header.value) })),
      timestamp: START + index,
    })),
  )
  workers = [await startKafkaConnect(folder, kafka.address), await startOurWorker(folder, kafka.address)]
}, 240_000)
afterAll(async () => {
  await client?.close()
  await Promise.all((workers ?? []).map((worker) => worker.stop()))
  await kafka?.stop()
})

async function ask<T>(worker: Running, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`http://${worker.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (response.status === 204 ? null : await response.json()) as T
}

interface State {
  tasks: { state: string }[]
}

/** Creates the sink, waits until all is committed or the task has failed, and deletes it. */
async function run(worker: Running, name: string, queue: string, config: Record<string, string>): Promise<string> {
  const whole = {
    'connector.class': 'FileStreamSink',
    file: join(folder, `${queue}.txt`),
    topics: 'letters',
    'consumer.override.group.id': `${queue}-group`,
    'errors.deadletterqueue.topic.name': queue,
    'errors.deadletterqueue.topic.replication.factor': '1',
    ...config,
  }
  await until(
    () => ask(worker, 'PUT', `/connectors/${encodeURIComponent(name)}/config`, whole).then(() => true),
    `${name} is created on ${worker.name}`,
    60_000,
  )
  const end = await until(
    async () => {
      const { tasks } = await ask<State>(worker, 'GET', `/connectors/${encodeURIComponent(name)}/status`)
      if (tasks[0]?.state === 'FAILED') return 'FAILED'
      const [committed] = await client.admin.groupOffsets(`${queue}-group`)
      return committed?.offset === records.length ? tasks[0]?.state : null
    },
    `${name} on ${worker.name} has read all or failed`,
    60_000,
  )
  await ask(worker, 'DELETE', `/connectors/${encodeURIComponent(name)}`)
  return String(end)
}

async function letters(queue: string): Promise<ConsumedRecord[]> {
  const [end] = await client.admin.listOffsets([{ topic: queue, partition: 0, spec: 'latest' }])
  const consumer = client.consumer()
  consumer.assign([{ topic: queue, partition: 0, offset: 'earliest' }])
  const found: ConsumedRecord[] = []
  while (found.length < end!.offset) for (const batch of await consumer.poll(1000)) found.push(...batch.records)
  await consumer.close()
  return found
}

const shown = ({ key, value, timestamp, headers }: ConsumedRecord) => ({
  key: key?.toString('latin1') ?? null,
  value: value?.toString('latin1') ?? null,
  timestamp,
  headers: headers.map((header) => {
    const text = header.value?.toString('utf8') ?? null
    return [header.key, header.key === '__connect.errors.exception.stacktrace' ? text!.split('\n')[0] : text]
  }),
})

describe('the same records and configs give the same letters', () => {
  test.each(Object.entries(cases))(
    '%s',
    async (name, config) => {
      const [theirs, ours] = workers as [Running, Running]
      const queue = `dead-${name.replaceAll(' ', '-')}`
      const states = [await run(theirs, name, `${queue}-theirs`, config), await run(ours, name, `${queue}-ours`, config)]
      expect(states[1]).toBe(states[0])
      const [expected, found] = [await letters(`${queue}-theirs`), await letters(`${queue}-ours`)]
      expect(found.map(shown)).toEqual(expected.map(shown))
      expect(found.length).toBeGreaterThan(0)
    },
    200_000,
  )
})
