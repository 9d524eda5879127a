/**
 * Goal: clients of Kafka Connect's REST API can use ours. Method: the same requests, in the same order, to Kafka Connect and to our worker,
 * both on one Apache Kafka broker; statuses are equal, bodies have the same shape, and messages are the same where they are Kafka
 * Connect's. Where ours differs on purpose (docs/decisions/0001) the request says so, and must differ in that way.
 */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import { startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder, writeFile } from './workers.ts'

interface RestResponse {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

interface Case {
  ask: `${string} ${string}`
  body?: unknown
  headers?: Record<string, string>
  /** The status of our response where it differs: Kafka Connect answers 500 to an unusable body, and cannot parse some paths. */
  ours?: number
  /** The message is ours, or contains what differs from run to run. */
  ownMessage?: boolean
  /** A state that both must have before the request. */
  after?: { path: string; matches: RegExp }
}

const folder = temporaryFolder()
const lines = writeFile(folder, 'in.txt', 'one\ntwo\n')
const file = { 'connector.class': 'FileStreamSource', file: lines, topic: 'rest-a', 'tasks.max': '1' }
const strings = 'org.apache.kafka.connect.storage.StringConverter'
const sink = { 'connector.class': 'FileStreamSink', file: `${folder}/out.txt`, topics: 'rest-a', 'value.converter': strings }
const offsets = (offset: unknown) => ({ offsets: [{ partition: { filename: lines }, offset }] })
const running = { path: '/connectors/a/status', matches: /"tasks":\[\{[^\]]*RUNNING/ }

const cases: Case[] = [
  { ask: 'GET /' },
  { ask: 'GET /health' },
  { ask: 'GET /health/' },
  { ask: 'GET /connectors' },
  { ask: 'GET /connectors/' },
  { ask: 'HEAD /connectors' },
  { ask: 'GET /nope' },
  { ask: 'PATCH /connectors' },
  { ask: 'DELETE /connectors' },
  { ask: 'OPTIONS /connectors' },
  { ask: 'TRACE /connectors' },
  { ask: 'GET /connectors?expand=foo' },
  { ask: 'GET /connectors?expand=status&expand=info' },

  { ask: 'POST /connectors', body: '{broken', ours: 400 },
  { ask: 'POST /connectors', body: '', ours: 400 },
  { ask: 'POST /connectors', body: '[]', ours: 400 },
  { ask: 'POST /connectors', body: 'null', ours: 400 },
  { ask: 'POST /connectors', body: '"x"', ours: 400 },
  { ask: 'POST /connectors', body: {}, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x' }, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x', config: [] }, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, nested: { a: 1 } } }, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, list: [1] } }, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x', config: file, extra: 1 }, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x', config: file, initial_state: 'FOO' }, ours: 400 },
  { ask: 'POST /connectors', body: { name: 'x', config: {} } },
  { ask: 'POST /connectors', body: { name: 'x', config: { topic: 'a' } }, ownMessage: true },
  { ask: 'POST /connectors', body: { config: file } },
  { ask: 'POST /connectors', body: { name: ' ', config: file } },
  { ask: 'POST /connectors', body: { name: 'new\nline', config: file } },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, name: 'y' } } },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, 'connector.class': 'Nope' } }, ownMessage: true },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, 'tasks.max': '0' } } },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, 'tasks.max': 'abc' } }, ownMessage: true },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...file, extra: null } }, ownMessage: true },
  {
    ask: 'POST /connectors',
    body: JSON.stringify({ name: 'x', config: file }),
    headers: { 'content-type': 'text/plain' },
    ownMessage: true,
  },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...sink, topics: 'a,,b' } } },
  { ask: 'POST /connectors', body: { name: 'x', config: { ...sink, topics: 'a,a' } } },
  {
    ask: 'POST /connectors',
    body: { name: 'x', config: { ...sink, topics: '', 'topics.regex': 'd.*', 'errors.deadletterqueue.topic.name': 'dead' } },
  },
  { ask: 'POST /connectors', body: { name: 5, config: file } },
  { ask: 'DELETE /connectors/5' },
  { ask: 'POST /connectors', body: { name: ' a ', config: { ...file, 'tasks.max': 1, 'errors.log.enable': true } } },
  { ask: 'POST /connectors', body: { name: 'a', config: file } },
  { ask: 'GET /connectors/a/status', after: running },
  { ask: 'GET /connectors/a', after: { path: '/connectors/a', matches: /"tasks":\[\{/ } },
  { ask: 'GET /connectors/a/' },
  { ask: 'GET /connectors/a/config' },
  { ask: 'GET /connectors/a/tasks' },
  { ask: 'GET /connectors/a/tasks-config' },
  { ask: 'GET /connectors/a/tasks/0/status' },
  { ask: 'GET /connectors/a/tasks/7/status' },
  { ask: 'GET /connectors/a/tasks/x/status' },
  { ask: 'GET /connectors/a/tasks/-1/status' },
  { ask: 'GET /connectors/a/tasks/0' },
  { ask: 'GET /connectors?expand=status&expand=info' },
  { ask: 'GET /connectors?expand=info' },
  { ask: 'GET /connectors?expand=foo' },
  { ask: 'GET /connectors?expand=' },
  { ask: 'POST /connectors/a/tasks/0/restart' },
  { ask: 'POST /connectors/a/tasks/9/restart' },
  { ask: 'POST /connectors/a/tasks/x/restart' },
  { ask: 'POST /connectors/a/tasks', body: [] },
  {
    ask: 'POST /connectors/a/tasks',
    body: [],
    headers: { 'x-connect-authorization': 'AAAA', 'x-connect-request-signature-algorithm': 'HmacSHA256' },
  },

  { ask: 'PUT /connectors/a/pause' },
  { ask: 'PUT /connectors/a/pause/' },
  {
    ask: 'GET /connectors/a/status',
    after: { path: '/connectors/a/status', matches: /"connector":\{"state":"PAUSED".*"tasks":\[\{[^\]]*PAUSED/ },
  },
  { ask: 'PUT /connectors/a/resume' },
  { ask: 'PUT /connectors/a/resume', body: '{}' },
  { ask: 'PUT /connectors/a/resume', body: 'x', headers: { 'content-type': 'text/plain' }, ownMessage: true },
  { ask: 'GET /connectors/a/pause' },
  { ask: 'POST /connectors/a/pause' },
  { ask: 'PUT /connectors/nope/pause' },
  { ask: 'PUT /connectors/nope/resume' },
  { ask: 'PUT /connectors/nope/stop' },
  { ask: 'POST /connectors/a/restart', after: running },
  { ask: 'POST /connectors/a/restart?includeTasks=yes' },
  { ask: 'POST /connectors/a/restart?includeTasks=true', after: running },
  { ask: 'POST /connectors/a/restart?includeTasks=true&onlyFailed=true', after: running },
  { ask: 'POST /connectors/nope/restart' },
  { ask: 'POST /connectors/nope/restart?includeTasks=true' },

  { ask: 'GET /connectors/a/topics', after: { path: '/connectors/a/topics', matches: /rest-a/ } },
  { ask: 'GET /connectors/nope/topics' },
  { ask: 'PUT /connectors/a/topics/reset' },
  { ask: 'PUT /connectors/nope/topics/reset' },
  { ask: 'GET /connectors/a/topics/reset' },

  { ask: 'GET /connectors/nope/offsets' },
  { ask: 'PATCH /connectors/a/offsets', body: offsets({ position: 0 }) },
  { ask: 'PATCH /connectors/a/offsets', body: { offsets: [] } },
  { ask: 'PATCH /connectors/a/offsets', body: {} },
  { ask: 'PATCH /connectors/a/offsets', body: '{x', ours: 400 },
  { ask: 'PATCH /connectors/a/offsets', body: 'null', ours: 400 },
  { ask: 'PATCH /connectors/a/offsets', body: { offsets: {} }, ours: 400 },
  { ask: 'DELETE /connectors/a/offsets' },
  { ask: 'DELETE /connectors/nope/offsets' },
  { ask: 'PUT /connectors/a/stop' },
  { ask: 'PUT /connectors/a/stop' },
  { ask: 'GET /connectors/a/status', after: { path: '/connectors/a/status', matches: /"state":"STOPPED".*"tasks":\[\]/ } },
  { ask: 'GET /connectors/a/offsets', after: { path: '/connectors/a/offsets', matches: /"position":8/ } },
  { ask: 'GET /connectors/a' },
  { ask: 'PATCH /connectors/a/offsets', body: offsets({ position: 0 }) },
  { ask: 'PATCH /connectors/a/offsets', body: offsets({ position: 'z' }), ours: 400 },
  { ask: 'PATCH /connectors/a/offsets', body: { offsets: [{ partition: null, offset: { position: 1 } }] }, ours: 400 },
  { ask: 'GET /connectors/a/offsets' },
  { ask: 'DELETE /connectors/a/offsets' },
  { ask: 'GET /connectors/a/offsets' },

  { ask: 'PUT /connectors/a/config', body: file },
  { ask: 'PUT /connectors/b/config', body: sink },
  { ask: 'PUT /connectors/b/config', body: { ...sink, name: 'c' } },
  { ask: 'PUT /connectors/b/config', body: {} },
  { ask: 'PUT /connectors/b/config', body: '{oops', ours: 400 },
  { ask: 'PUT /connectors/b/config', body: '[]', ours: 400 },
  { ask: 'PUT /connectors/b/config', body: 'null', ours: 400 },
  { ask: 'PATCH /connectors/b/config', body: { extra: '1', num: 4, none: null } },
  { ask: 'PATCH /connectors/b/config', body: { extra: null } },
  { ask: 'GET /connectors/b/config' },
  {
    ask: 'PUT /connectors/d/config',
    body: `\uFEFF${JSON.stringify(file).replace('}', ',"digits":12345678901234567890,"part":1.10,"power":1e3}')}`,
  },
  // Kafka Connect answers 500 now and then while the rebalance of a new connector is in progress.
  { ask: 'GET /connectors/d/config', after: { path: '/connectors/d/status', matches: /"tasks":\[\{[^\]]*RUNNING/ } },
  { ask: 'DELETE /connectors/d' },
  { ask: 'PATCH /connectors/b/config', body: { topics: null }, ownMessage: true },
  { ask: 'PATCH /connectors/b/config', body: 'null', ours: 400 },
  { ask: 'PATCH /connectors/nope/config', body: { a: 'b' } },
  { ask: 'GET /connectors/b/status', after: { path: '/connectors/b/status', matches: /"tasks":\[\{[^\]]*RUNNING/ } },
  { ask: 'PUT /connectors/b/stop' },
  { ask: 'GET /connectors/b/status', after: { path: '/connectors/b/status', matches: /"state":"STOPPED".*"tasks":\[\]/ } },
  {
    ask: 'PATCH /connectors/b/offsets',
    body: { offsets: [{ partition: { kafka_topic: 'rest-a', kafka_partition: 0 }, offset: { kafka_offset: 1 } }] },
  },
  {
    ask: 'PATCH /connectors/b/offsets',
    body: { offsets: [{ partition: { kafka_topic: 'rest-a', kafka_partition: '0' }, offset: { kafka_offset: '2' } }] },
  },
  { ask: 'PATCH /connectors/b/offsets', body: { offsets: [{ partition: { topic: 'rest-a' }, offset: { kafka_offset: 1 } }] } },
  {
    ask: 'PATCH /connectors/b/offsets',
    body: { offsets: [{ partition: { kafka_topic: 'rest-a', kafka_partition: 0 }, offset: { kafka_offset: 'x' } }] },
  },
  { ask: 'PATCH /connectors/b/offsets', body: { offsets: [{ partition: { kafka_topic: null, kafka_partition: 0 }, offset: null }] } },
  {
    ask: 'PATCH /connectors/b/offsets',
    body: { offsets: [{ partition: { kafka_topic: 'rest-a', kafka_partition: null }, offset: null }] },
  },
  {
    ask: 'PATCH /connectors/b/offsets',
    body: { offsets: [{ partition: { kafka_topic: 'no-such-topic', kafka_partition: 0 }, offset: { kafka_offset: 1 } }] },
  },
  {
    ask: 'PATCH /connectors/b/offsets',
    body: { offsets: [{ partition: { kafka_topic: 'rest-a', kafka_partition: 0 }, offset: { kafka_offset: -1 } }] },
    ours: 400,
  },
  { ask: 'GET /connectors/b/offsets' },
  { ask: 'DELETE /connectors/b/offsets' },
  { ask: 'GET /connectors/b/offsets' },

  { ask: 'PUT /connectors/%E2%82%AC%20x/config', body: { ...file, topic: 'rest-b' } },
  { ask: 'GET /connectors/%E2%82%AC%20x', after: { path: '/connectors/%E2%82%AC%20x', matches: /"tasks":\[\{/ } },
  { ask: 'DELETE /connectors/%E2%82%AC%20x' },
  { ask: 'PUT /connectors/u%2Fv/config', body: file, ours: 201 },
  { ask: 'GET /connectors/u%2Fv/config', ours: 200 },
  { ask: 'GET /connectors/%20a%20' },

  { ask: 'DELETE /connectors/b' },
  { ask: 'DELETE /connectors/b' },
  { ask: 'GET /connectors/b' },
  { ask: 'GET /connectors/b/status' },
  { ask: 'GET /connectors/b/config' },
  { ask: 'GET /connectors/b/tasks' },

  { ask: 'GET /connector-plugins' },
  { ask: 'GET /connector-plugins/' },
  { ask: 'GET /connector-plugins?connectorsOnly=false' },
  { ask: 'GET /connector-plugins/FileStreamSource/config' },
  { ask: 'GET /connector-plugins/JsonConverter/config' },
  { ask: 'GET /connector-plugins/Nope/config' },
  { ask: 'PUT /connector-plugins/FileStreamSource/config/validate', body: { ...file, name: 'v' } },
  { ask: 'PUT /connector-plugins/FileStreamSource/config/validate', body: { 'connector.class': 'FileStreamSource', 'tasks.max': 'x' } },
  { ask: 'PUT /connector-plugins/FileStreamSink/config/validate', body: file },
  { ask: 'PUT /connector-plugins/FileStreamSource/config/validate', body: {}, ours: 400 },
  { ask: 'PUT /connector-plugins/Nope/config/validate', body: { 'connector.class': 'Nope' }, ours: 400 },
  { ask: 'PUT /connector-plugins/FileStreamSource/config/validate', body: '{z', ours: 400 },

  { ask: 'GET /admin/loggers/root' },
  { ask: 'GET /admin/loggers/nope' },
  { ask: 'PUT /admin/loggers/root', body: {} },
  { ask: 'PUT /admin/loggers/root', body: { level: 'LOUD' } },
  { ask: 'PUT /admin/loggers/some.name', body: { level: 'debug' } },
  { ask: 'PUT /admin/loggers/root?scope=cluster', body: { level: 'ERROR' } },
]

let theirs: Running
let ours: Running
const stops: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  const broker = await startApacheKafka()
  stops.push(broker)
  ;[theirs, ours] = await Promise.all([startKafkaConnect(folder, broker.address), startOurWorker(folder, broker.address)])
  stops.push(theirs, ours)
}, 180_000)
afterAll(async () => {
  for (const process of stops.reverse()) await process.stop()
})

async function ask(to: Running, { ask: what, body, headers = {} }: Pick<Case, 'ask' | 'body' | 'headers'>): Promise<RestResponse> {
  const [method = '', path = ''] = what.split(/ (.*)/s)
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: to.port,
        method,
        path,
        agent: false,
        headers:
          payload === undefined
            ? headers
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload), ...headers },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      },
    )
    sent.on('error', reject)
    sent.end(payload)
  })
}

/** During a rebalance both response 409. */
const settled = (to: Running, one: Case): Promise<RestResponse> =>
  until(
    async () => {
      const response = await ask(to, one)
      return response.status === 409 && /rebalance|stale/.test(response.text) ? undefined : response
    },
    `${one.ask} settles`,
    30_000,
  ) as Promise<RestResponse>

/** The shape of a value: the keys of objects, the first item of lists, the types of the rest. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => [key, shape(inner)]),
    )
  }
  return value === null ? 'null' : typeof value
}

/** Without the port, and without the beginning of the file that our file source stores beside the position. */
const neutral = (response: RestResponse, to: Running) => response.text.replaceAll(`:${to.port}`, ':PORT').replace(/,"head":"[^"]*"/, '')

/** Requests whose messages depend on what is installed. */
const bySelf = /^(GET \/connector-plugins|PUT \/connector-plugins|PUT \/admin)/

describe('the same requests to both', () => {
  test.each(
    cases.map(
      (one, index) => [`${index} ${one.ask} ${one.body === undefined ? '' : JSON.stringify(one.body).slice(0, 100)}`, one] as const,
    ),
  )(
    '%s',
    async (_title, one) => {
      if (one.after) {
        const { path, matches } = one.after
        for (const to of [theirs, ours]) {
          await until(
            async () => matches.test((await ask(to, { ask: `GET ${path}` })).text),
            `${path} of ${to.name} matches ${matches}`,
            30_000,
          )
        }
      }
      const [expected, found] = [await settled(theirs, one), await settled(ours, one)]
      if (one.ours !== undefined) {
        expect(expected.status).not.toBe(one.ours)
        expect(found.status).toBe(one.ours)
        if (one.ours >= 400) expect(JSON.parse(found.text)).toEqual({ error_code: one.ours, message: expect.any(String) })
        return
      }
      expect(found.status, `Kafka Connect: ${expected.text}; ours: ${found.text}`).toBe(expected.status)
      if (expected.headers.location !== undefined) {
        expect(String(found.headers.location).replace(`:${ours.port}`, ':PORT')).toBe(
          String(expected.headers.location).replace(`:${theirs.port}`, ':PORT'),
        )
      }
      if (one.ask.startsWith('HEAD') || one.ask.startsWith('OPTIONS')) return
      expect(found.text === '').toBe(expected.text === '')
      if (expected.text === '') return
      expect(shape(JSON.parse(neutral(found, ours)))).toEqual(shape(JSON.parse(neutral(expected, theirs))))
      if (expected.status >= 400 && !one.ownMessage && !bySelf.test(one.ask)) {
        expect(JSON.parse(neutral(found, ours)).message).toBe(JSON.parse(neutral(expected, theirs)).message)
      }
    },
    90_000,
  )
})
