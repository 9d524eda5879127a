/**
 * Goal: tools that validate and list transforms and predicates see no difference between Kafka Connect and our worker, and a chain of them
 * does the same to records, also where it fails. Method: the same requests and connectors to both, on one Apache Kafka broker; definitions,
 * values, errors and dead letters are equal but for texts of documentation.
 */
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { until } from '../until.ts'
import { startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder } from './workers.ts'

const folder = temporaryFolder()
let theirs: Running
let ours: Running
let bootstrap: string
const stops: { stop(): Promise<void> }[] = []
beforeAll(async () => {
  const broker = await startApacheKafka()
  stops.push(broker)
  bootstrap = broker.address
  ;[theirs, ours] = await Promise.all([startKafkaConnect(folder, broker.address), startOurWorker(folder, broker.address)])
  stops.push(theirs, ours)
}, 180_000)
afterAll(async () => {
  for (const process of stops.reverse()) await process.stop()
})

async function ask(to: Running, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`http://${to.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return response.json()
}

const transforms = 'org.apache.kafka.connect.transforms'
const sink = { 'connector.class': 'FileStreamSink', name: 'v', topics: 't' }
const of = (alias: string, settings: Record<string, string>, kind = 'transforms') =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${kind}.${alias}.${name}`, value]))

const configs: [string, Record<string, string>][] = [
  ['missing settings', { transforms: 'a', ...of('a', { type: `${transforms}.RegexRouter` }) }],
  [
    'wrong settings',
    {
      transforms: 'a',
      ...of('a', { type: `${transforms}.InsertHeader`, header: 'h', 'value.literal': 'x', predicate: 'p', negate: 'maybe' }),
    },
  ],
  ['no type', { transforms: 'a' }],
  ['an unknown type', { transforms: 'a', ...of('a', { type: 'Nope' }) }],
  ['an empty type', { transforms: 'a', ...of('a', { type: '' }) }],
  ['an alias twice', { transforms: 'a,a', ...of('a', { type: `${transforms}.Filter` }) }],
  ['an empty alias', { transforms: 'a,,b', ...of('a', { type: `${transforms}.Filter` }), ...of('b', { type: `${transforms}.Filter` }) }],
  ['no aliases', { transforms: '', predicates: ' ' }],
  ['negate without a predicate', { transforms: 'a', ...of('a', { type: `${transforms}.Filter`, negate: 'true' }) }],
  ['an abstract class', { transforms: 'a', ...of('a', { type: `${transforms}.HeaderFrom` }) }],
  ['a short name', { transforms: 'a', ...of('a', { type: 'RegexRouter', regex: 'a', replacement: 'b' }) }],
  ['a predicate as a transform', { transforms: 'a', ...of('a', { type: `${transforms}.predicates.RecordIsTombstone` }) }],
  ['a transform as a predicate', { predicates: 'p', ...of('p', { type: `${transforms}.Filter` }, 'predicates') }],
  ['a predicate without a type', { predicates: 'p' }],
  ['a predicate twice', { predicates: 'p,p', ...of('p', { type: `${transforms}.predicates.RecordIsTombstone` }, 'predicates') }],
  ['a predicate that is not defined', { transforms: 'a', ...of('a', { type: `${transforms}.Filter`, predicate: 'nope' }) }],
  [
    'a chain with predicates',
    {
      transforms: 'a,b,c',
      ...of('a', { type: `${transforms}.Filter`, predicate: 'p' }),
      ...of('b', { type: `${transforms}.HeaderFrom$Value`, fields: 'f', headers: 'h', operation: 'move' }),
      ...of('c', { type: `${transforms}.TimestampConverter$Key`, 'target.type': 'unix', predicate: 'p', negate: 'true' }),
      predicates: 'p,q',
      ...of('p', { type: `${transforms}.predicates.TopicNameMatches`, pattern: 'a.*' }, 'predicates'),
      ...of('q', { type: `${transforms}.predicates.HasHeaderKey` }, 'predicates'),
    },
  ],
  ['wrong values', { transforms: 'a', ...of('a', { type: `${transforms}.HeaderFrom$Value`, fields: 'f', headers: 'h', operation: 'x' }) }],
  [
    'settings that nobody declares',
    { transforms: 'a', ...of('a', { type: `${transforms}.Filter`, more: '1' }), ...of('b', { type: 'x' }) },
  ],
]

interface Info {
  definition: { name: string; documentation: string; default_value: unknown } & Record<string, unknown>
  value: { value: unknown; errors: string[]; recommended_values: string[] } & Record<string, unknown>
}

/** The versions are each worker's own. Kafka's validators complain about a missing value too: the first error counts. */
function stages(infos: unknown): unknown {
  const { groups, configs: all } = infos as { groups: string[]; configs: Info[] }
  return {
    groups,
    configs: all
      .filter(({ definition }) => /^(transforms|predicates)/.test(definition.name))
      .map(
        ({
          definition: { documentation, default_value: fallback, ...definition },
          value: { value, errors, recommended_values: known, ...rest },
        }) => {
          const isVersion = definition.name.endsWith('plugin.version')
          return {
            definition,
            ...rest,
            isDocumented: documentation !== '',
            fallback: isVersion ? fallback !== null : fallback,
            value: isVersion ? value !== null : errors.length > 0 ? 'wrong' : value,
            errors: errors.slice(0, 1),
            recommends: isVersion
              ? known.length
              : definition.name.startsWith('predicates')
                ? known
                : known.filter((name) => ownClasses.test(name)),
          }
        },
      ),
  }
}

/** The transforms that the test compares; the others have tests of their own. */
const ownClasses = /^org\.apache\.kafka\..*\.(DropHeaders|Filter|HeaderFrom|InsertHeader|RegexRouter|TimestampConverter|TimestampRouter)/

test.each(configs)('validation: %s', async (_title, config) => {
  const path = '/connector-plugins/FileStreamSink/config/validate'
  const [expected, found] = await Promise.all([theirs, ours].map((to) => ask(to, 'PUT', path, { ...sink, ...config })))
  expect(stages(found)).toEqual(stages(expected))
})

test('all are listed, with their settings', async () => {
  interface Plugin {
    class: string
    type: string
  }
  const list = async (to: Running) =>
    ((await ask(to, 'GET', '/connector-plugins?connectorsOnly=false')) as Plugin[])
      .filter((plugin) => plugin.type === 'predicate' || (plugin.type === 'transformation' && ownClasses.test(plugin.class)))
      .map((plugin) => [plugin.class, plugin.type] as const)
  const expected = await list(theirs)
  expect(expected.length).toBe(12)
  expect(await list(ours)).toEqual(expected)
  const settings = async (to: Running, name: string) =>
    ((await ask(to, 'GET', `/connector-plugins/${encodeURIComponent(name)}/config`)) as Record<string, unknown>[]).map(
      ({ documentation, ...definition }) => ({ ...definition, isDocumented: documentation !== '' }),
    )
  for (const [name] of expected) expect(await settings(ours, name), name).toEqual(await settings(theirs, name))
})

/** `drop` in a header drops a record, unless it says to keep it. */
const given: { value: string; headers: string[] }[] = [
  { value: '2024-03-05', headers: [] },
  { value: 'not a date', headers: [] },
  { value: '2024-02-30', headers: ['drop'] },
  { value: 'no date either', headers: ['drop'] },
  { value: '1999-12-31', headers: ['other'] },
  { value: 'bad', headers: ['other'] },
]

async function deadLetters(client: Client, topic: string, count: number): Promise<unknown[]> {
  const consumer = client.consumer()
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const letters: unknown[] = []
  await until(
    async () => {
      for (const { records } of await consumer.poll(200))
        for (const { value, headers } of records)
          letters.push({
            value: value?.toString(),
            headers: headers
              .filter(({ key }) => !/connector.name|stacktrace/.test(key))
              .map(({ key, value: text }) => [key, text?.toString()]),
          })
      return letters.length >= count
    },
    `${count} dead letters in ${topic}`,
    60_000,
  )
  await consumer.close()
  return letters
}

test('a chain with a predicate writes the same records, and the same dead letters', async () => {
  const client = createClient({ bootstrapServers: bootstrap, clientId: 'chain' }, realSystem('silent'))
  await client.admin.createTopics([{ name: 'chain', partitions: 1, replicationFactor: 1 }])
  const producer = client.producer()
  await producer.send(
    given.map(({ value, headers }) => ({
      topic: 'chain',
      partition: 0,
      key: null,
      value: Buffer.from(value),
      headers: headers.map((key) => ({ key, value: Buffer.from('1') })),
    })),
  )
  const results = await Promise.all(
    [theirs, ours].map(async (to, index) => {
      const name = `chain-${index}`
      const out = `${folder}/${name}.txt`
      await ask(to, 'PUT', `/connectors/${name}/config`, {
        'connector.class': 'FileStreamSink',
        topics: 'chain',
        file: out,
        'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
        'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
        'errors.tolerance': 'all',
        'errors.deadletterqueue.topic.name': `${name}-dead`,
        'errors.deadletterqueue.topic.replication.factor': '1',
        'errors.deadletterqueue.context.headers.enable': 'true',
        transforms: 'drop,route,time,mark',
        ...of('drop', { type: `${transforms}.Filter`, predicate: 'marked' }),
        ...of('route', { type: `${transforms}.RegexRouter`, regex: '(.*)', replacement: 'new-$1', predicate: 'marked', negate: 'true' }),
        ...of('time', { type: `${transforms}.TimestampConverter$Value`, 'target.type': 'unix', format: 'yyyy-MM-dd' }),
        ...of('mark', { type: `${transforms}.InsertHeader`, header: 'seen', 'value.literal': 'true' }),
        predicates: 'marked',
        ...of('marked', { type: `${transforms}.predicates.HasHeaderKey`, name: 'drop' }, 'predicates'),
      })
      const letters = await deadLetters(client, `${name}-dead`, 2)
      const lines = await until(
        () => {
          const text = existsSync(out) ? readFileSync(out, 'utf8') : ''
          return text.split('\n').length > 2 ? text : undefined
        },
        `${out} has two lines`,
        60_000,
      )
      return { lines, letters }
    }),
  )
  await client.close()
  expect(results[1]).toEqual(results[0])
  expect(results[1]!.letters).toHaveLength(2)
  expect(Object.fromEntries((results[1]!.letters[0] as { headers: [string, string][] }).headers)).toMatchObject({
    '__connect.errors.stage': 'TRANSFORMATION',
    '__connect.errors.class.name': `${transforms}.TimestampConverter$Value`,
    '__connect.errors.exception.class.name': 'org.apache.kafka.connect.errors.DataException',
  })
}, 180_000)
