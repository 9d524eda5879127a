/**
 * Goal: every path of Kafka Connect's REST API answers every method, and odd headers, queries, names and bodies, as Kafka Connect does.
 * Method: the same requests to Kafka Connect and to our worker; statuses, content types, `Allow` of OPTIONS and bodies are equal, except
 * where a difference is listed with its reason (docs/decisions/0001).
 */
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder } from './workers.ts'

interface Asked {
  method: string
  path: string
  body?: unknown
  headers?: Readonly<Record<string, string>>
}

interface Answer {
  status: number
  type: string
  allow: string
  text: string
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const ofConnector = [
  '',
  '/config',
  '/status',
  '/restart',
  '/pause',
  '/resume',
  '/stop',
  '/tasks',
  '/tasks/0/status',
  '/tasks/0/restart',
  '/tasks/0',
]
const paths = [
  '/',
  '/health',
  '/connectors',
  ...[...ofConnector, '/tasks-config', '/topics', '/topics/reset', '/offsets', '/nope'].map((rest) => `/connectors/none${rest}`),
  '/connector-plugins',
  '/connector-plugins/JsonConverter/config',
  '/connector-plugins/FileStreamSource/config/validate',
  '/connector-plugins/FileStreamSource',
  '/admin',
  '/admin/loggers/none',
  '/nope',
]
const json = { 'content-type': 'application/json' }
const get = (path: string, headers: Readonly<Record<string, string>> = {}): Asked => ({ method: 'GET', path, headers })
const put = (path: string, body: unknown, headers: Readonly<Record<string, string>> = json): Asked => ({
  method: 'PUT',
  path,
  body,
  headers,
})
const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = json): Asked => ({
  method: 'POST',
  path,
  body,
  headers,
})

const requests: readonly Asked[] = [
  ...paths.flatMap((path) => methods.map((method): Asked => ({ method, path }))),
  ...['*/*', 'application/json;q=0.5', 'text/html, */*;q=0.1', 'application/*', '', 'text/plain', 'text/html', 'application/xml'].flatMap(
    (accept) => [
      get('/connectors', { accept }),
      get('/connectors/none', { accept }),
      put('/connectors/none/pause', {}, { ...json, accept }),
    ],
  ),
  ...[
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'text/json',
    'application/vnd.api+json',
    'application/x-www-form-urlencoded',
  ].flatMap((type) => [
    put('/connectors/none/pause', {}, { 'content-type': type }),
    put('/connectors/none/config', { 'connector.class': 'Nope', 'tasks.max': '1' }, { 'content-type': type }),
  ]),
  ...['info&expand=status', 'INFO', 'info,status', '', 'x&y=z'].map((expand) => get(`/connectors?expand=${expand}`)),
  get('/connectors?expand'),
  get('/connectors?unknown=1'),
  ...['a%20b', '%C3%A4', 'a+b', 'a%3Fb', 'a%23b', '%22a%22', '.', 'A'.repeat(250), 'a%2Fb', 'a%25b', 'a%0Ab', 'a%5Cb', 'a;b=c'].flatMap(
    (name) => [get(`/connectors/${name}`), get(`/connectors/${name}/status`), { method: 'DELETE', path: `/connectors/${name}` }],
  ),
  ...['includeTasks=true', 'includeTasks=TRUE&onlyFailed=1', 'includeTasks=', 'forward=true', 'forward=false', 'forward=x'].map((query) =>
    post(`/connectors/none/restart?${query}`, undefined, {}),
  ),
  ...[{ level: null }, { level: 'LOUD' }, { level: '' }, { level: 5 }, { LEVEL: 'INFO' }, [], null, 'x'].map((body) =>
    put('/admin/loggers/walk.x', body),
  ),
  ...['worker', 'cluster', 'CLUSTER', 'foo', ''].map((scope) => put(`/admin/loggers/walk.y?scope=${scope}`, { level: 'LOUD' })),
  put('/admin/loggers/walk.y', { level: 'DEBUG' }),
  put('/admin/loggers/walk.y', { level: 'DEBUG' }),
  put('/admin/loggers/walk.z.a', { level: 'TRACE' }),
  put('/admin/loggers/walk', { level: 'ERROR' }),
  put('/admin/loggers/walk?scope=cluster', { level: 'WARN' }),
  ...[{}, { offsets: [] }, { offsets: [{ partition: {} }] }, { offsets: null }, { offsets: 5 }, []].map(
    (body): Asked => ({ method: 'PATCH', path: '/connectors/none/offsets', body, headers: json }),
  ),
  ...['true', 'false', 'x', ''].map((only): Asked => ({ method: 'HEAD', path: `/connector-plugins?connectorsOnly=${only}` })),
  ...['9', '%5B9,)', '(,0.0.1)'].map((version) => get(`/connector-plugins/FileStreamSource/config?version=${version}`)),
  get('/connector-plugins/Nope/config?version=9'),
]

/** Where ours differs on purpose. */
const differs: readonly { reason: string; matches(asked: Asked, theirs: Answer, ours: Answer): boolean }[] = [
  {
    reason: 'an unusable body is a 400, not a 500 or what comes after it',
    matches: ({ method }, theirs, ours) =>
      ['POST', 'PUT', 'PATCH'].includes(method) && [500, 404].includes(theirs.status) && ours.status === 400,
  },
  {
    reason: 'an error about the body names the field',
    matches: (_, theirs, ours) => theirs.status === 400 && ours.status === 400 && /Partitions/.test(theirs.text),
  },
  {
    reason: 'the answer is JSON, also to who asks for another type',
    matches: ({ headers }, theirs) => headers?.accept !== undefined && theirs.status === 406,
  },
  {
    reason: 'a name may have any character, percent-encoded or not',
    matches: ({ path }, theirs, ours) =>
      /%2F|%25|%0A|%5C|;/.test(path) && ours.status === 404 && (theirs.status === 400 || path.includes(';')),
  },
  {
    reason: 'an unsupported type of a body names the supported one',
    matches: (_, theirs, ours) => theirs.status === 415 && ours.status === 415,
  },
  {
    reason: 'an empty level is an unknown one',
    matches: ({ body }, theirs, ours) => JSON.stringify(body) === '{"level":""}' && theirs.status === 500 && ours.status === 404,
  },
  {
    reason: 'errors have a content type',
    matches: (_, theirs, ours) => theirs.status === ours.status && theirs.type === '' && theirs.text === ours.text,
  },
  {
    reason: 'the list of classes and versions is our own',
    matches: (_, theirs, ours) =>
      theirs.status === ours.status &&
      /available (connectors|versions)/.test(theirs.text) &&
      /available (connectors|versions)/.test(ours.text),
  },
]

let theirs: Running
let ours: Running
const stops: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  const folder = temporaryFolder()
  const broker = await startApacheKafka()
  stops.push(broker)
  ;[theirs, ours] = await Promise.all([startKafkaConnect(folder, broker.address), startOurWorker(folder, broker.address)])
  stops.push(theirs, ours)
}, 180_000)
afterAll(async () => {
  for (const process of stops.reverse()) await process.stop()
})

async function ask(to: Running, { method, path, body, headers = {} }: Asked): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const length = payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }
    const sent = request(
      { host: '127.0.0.1', port: to.port, method, path, agent: false, headers: { ...headers, ...length } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part) => {
          text += part
        })
        const [type = ''] = (response.headers['content-type'] ?? '').split(';')
        const allow = method === 'OPTIONS' ? (response.headers.allow ?? '').split(/,\s*/).sort().join(',') : ''
        response.on('end', () => resolve({ status: response.statusCode ?? 0, type, allow, text: comparable(method, path, text, to) }))
      },
    )
    sent.on('error', reject)
    sent.end(payload)
  })
}

/** Without what each says of itself. */
function comparable(method: string, path: string, text: string, to: Running): string {
  if (method === 'OPTIONS' || path === '/' || (path.startsWith('/connector-plugins') && !text.includes('error_code'))) return ''
  return text.replaceAll(`:${to.port}`, ':PORT')
}

test('both answer alike, or differ as it is listed', async () => {
  const differences: string[] = []
  const used = new Set<string>()
  for (const asked of requests) {
    const [their, our] = [await ask(theirs, asked), await ask(ours, asked)]
    if (JSON.stringify(their) === JSON.stringify(our)) continue
    const known = differs.find(({ matches }) => matches(asked, their, our))
    if (known) used.add(known.reason)
    else differences.push(`${JSON.stringify(asked)}\n  theirs ${JSON.stringify(their)}\n  ours   ${JSON.stringify(our)}`)
  }
  expect(differences).toEqual([])
  expect(differs.map(({ reason }) => reason).filter((reason) => !used.has(reason))).toEqual([])
}, 180_000)
