/**
 * Goal: the REST API is secured as Kafka Connect's: whoever has its files, its clients and its workers can use ours. Method: one file of
 * settings with https, client certificates and BasicAuthSecurityRestExtension for Kafka Connect and for our worker; the same requests to
 * both, answers compared, and where ours differs on purpose it must differ in that way. Then both in one group, each as the leader.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { formatProperties } from '../../core/system/java-properties.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { kafkaScript } from './apache-kafka.ts'
import { type Launched, launch } from './launch.ts'
import { temporaryFolder, writeFile } from './workers.ts'

const folder = temporaryFolder()
const file = (name: string) => join(folder, name)

const authority = selfSigned({ subject: 'Authority' })
const workerCertificate = authority.issue({ subject: 'worker', names: ['localhost'] })
const caller = authority.issue({ subject: 'caller' })
const stranger = selfSigned({ subject: 'Another authority' }).issue({ subject: 'stranger' })

const users = 'alice=alice-secret\nbob=with:colon\n\\u00fcml\\u0430ut=p\\u0430ss\nempty=\nplain\xe9=\xe9\n'
const extension = 'org.apache.kafka.connect.rest.basic.auth.extension'
const kafkaOpts = `-Djava.security.auth.login.config=${file('jaas.conf')}`

/** Java's REST server reads no PEM. */
const stores = (prefix: string, clientAuth: string): Record<string, string> => ({
  [`${prefix}ssl.keystore.location`]: file('worker.p12'),
  [`${prefix}ssl.keystore.type`]: 'PKCS12',
  [`${prefix}ssl.keystore.password`]: 'store-secret',
  [`${prefix}ssl.truststore.location`]: file('trust.jks'),
  [`${prefix}ssl.truststore.type`]: 'JKS',
  [`${prefix}ssl.truststore.password`]: 'store-secret',
  [`${prefix}ssl.client.auth`]: clientAuth,
})

let broker: BrokerInProcess

interface Started extends Launched {
  readonly url: string
  readonly adminUrl: string
}
const started: Started[] = []

async function start(name: string, group: string, command: string, word: string): Promise<Started> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const properties: Record<string, string> = {
    'bootstrap.servers': `127.0.0.1:${broker.port}`,
    'group.id': group,
    listeners: `https://localhost:${port}`,
    'admin.listeners': `https://localhost:${adminPort}`,
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'rest.extension.classes': `${extension}.BasicAuthSecurityRestExtension`,
    'scheduled.rebalance.max.delay.ms': '0',
    // The prefix of the listeners replaces all of these.
    'ssl.keystore.location': file('none.p12'),
    'ssl.keystore.password': 'wrong',
    'ssl.client.auth': 'none',
    ...stores('listeners.https.', 'required'),
    ...stores('admin.listeners.https.', 'none'),
  }
  for (const kind of ['config', 'offset', 'status']) {
    properties[`${kind}.storage.topic`] = `${group}-${kind}`
    properties[`${kind}.storage.replication.factor`] = '1'
  }
  const path = writeFile(folder, `${name}-${group}.properties`, formatProperties(Object.entries(properties)))
  const url = `https://localhost:${port}`
  const launched = await launch(name, command, [word, path], {
    env: { KAFKA_OPTS: kafkaOpts, KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_LOG_LEVEL: 'WARN' },
    ready: async () => (await ask(url, 'GET', '/connectors', { user: 'alice:alice-secret' })).status === 200,
  })
  const worker = { ...launched, url, adminUrl: `https://localhost:${adminPort}` }
  started.push(worker)
  return worker
}
const startTheirs = (group: string) => start('theirs', group, kafkaScript(), 'connect-distributed')
const startOurs = (group: string) => start('ours', group, resolve(import.meta.dirname, '../../bin/tributary'), 'connect')

const stopAll = async () => void (await Promise.all(started.splice(0).map((worker) => worker.end('SIGTERM'))))

beforeAll(async () => {
  writeFileSync(file('users.properties'), Buffer.from(users, 'latin1'))
  writeFile(folder, 'jaas.conf', `KafkaConnect { ${extension}.PropertyFileLoginModule required file="${file('users.properties')}"; };`)
  const key = writeFile(folder, 'worker.key', workerCertificate.key)
  const chain = writeFile(folder, 'worker.crt', workerCertificate.certificate)
  const ca = writeFile(folder, 'ca.crt', authority.certificate)
  const secret = 'store-secret'
  execFileSync('openssl', ['pkcs12', '-export', '-inkey', key, '-in', chain, '-out', file('worker.p12'), '-passout', `pass:${secret}`])
  const trust = ['-importcert', '-noprompt', '-alias', 'ca', '-file', ca, '-keystore', file('trust.jks'), '-storetype', 'JKS']
  execFileSync('keytool', [...trust, '-storepass', secret], { stdio: 'ignore' })
  broker = await brokerInProcess()
}, 60_000)
afterAll(async () => {
  await stopAll()
  await broker?.stop()
})

interface Ask {
  user?: string
  authorization?: string
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Null for none. */
  certificate?: TestCertificate | null
}
interface Answer {
  /** Null where there was no answer. */
  status: number | null
  type: string | undefined
  allow: string | undefined
  text: string
}

function ask(url: string, method: string, path: string, options: Ask = {}): Promise<Answer> {
  const { user, headers = {}, body, certificate = caller } = options
  const authorization = user === undefined ? options.authorization : `Basic ${Buffer.from(user).toString('base64')}`
  const { hostname, port } = new URL(url)
  const own = certificate ? { key: certificate.key, cert: certificate.certificate } : {}
  const all = {
    ...headers,
    ...(authorization !== undefined && { authorization }),
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` }),
  }
  return new Promise((resolve) => {
    const none = { status: null, type: undefined, allow: undefined, text: '' }
    const options = { hostname, port, method, path, headers: all, agent: false as const, ca: authority.certificate, ...own }
    const sent = request(options, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      const { 'content-type': type, allow } = response.headers
      response.once('end', () => resolve({ status: response.statusCode!, type, allow, text }))
      response.once('error', () => resolve(none))
    })
    sent.once('error', () => resolve(none))
    sent.end(body)
  })
}

const messageOf = ({ text }: Answer): string => {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}

interface Case extends Ask {
  ask: `${string} ${string}`
  admin?: true
  /** Our status where it differs: before the login we tell nothing about a path, and everything of /admin needs it. */
  ours?: number
  /** The text of Jetty, before Kafka Connect. */
  theirText?: true
}

const alice = { user: 'alice:alice-secret' }
const base64 = (text: string) => Buffer.from(text).toString('base64')
const signed = { 'x-connect-authorization': 'AAAA', 'x-connect-request-signature-algorithm': 'HmacSHA256' }

const cases: Case[] = [
  { ask: 'GET /', ...alice },
  { ask: 'GET /connectors', ...alice },
  { ask: 'GET /connectors/', ...alice },
  { ask: 'HEAD /connectors', ...alice },
  { ask: 'OPTIONS /connectors', ...alice },
  { ask: 'TRACE /connectors', ...alice },
  { ask: 'PATCH /connectors', ...alice },
  { ask: 'GET /nope', ...alice },
  { ask: 'GET /CONNECTORS', ...alice },
  { ask: 'GET /health', ...alice },
  { ask: 'GET /connectors/x', ...alice },
  { ask: 'DELETE /connectors/x', ...alice },
  { ask: 'GET /admin/loggers', ...alice },

  { ask: 'GET /connectors' },
  { ask: 'HEAD /connectors' },
  { ask: 'GET /' },
  { ask: 'GET /health' },
  { ask: 'GET /connectors/' },
  { ask: 'GET /connectors/x/tasks' },
  { ask: 'GET /connectors/x/status' },
  { ask: 'GET /connector-plugins' },
  { ask: 'OPTIONS /connectors' },
  { ask: 'POST /connectors', body: '{}' },
  { ask: 'PUT /connectors/x/config', body: '{}' },
  { ask: 'DELETE /connectors/x' },
  { ask: 'POST /connectors/x/restart' },
  { ask: 'GET /nope', ours: 401 },
  { ask: 'GET /CONNECTORS', ours: 401 },
  { ask: 'PATCH /connectors', ours: 401 },
  { ask: 'TRACE /connectors', ours: 401 },
  { ask: 'GET //connectors', ours: 401 },
  { ask: 'GET /connectors/x%2Ftasks', ours: 401 },
  { ask: 'GET /admin/loggers', ours: 401 },

  { ask: 'GET /connectors', user: 'alice:wrong' },
  { ask: 'GET /connectors', user: 'alice:' },
  { ask: 'GET /connectors', user: 'alice:alice-secret ' },
  { ask: 'GET /connectors', user: 'Alice:alice-secret' },
  { ask: 'GET /connectors', user: 'nobody:alice-secret' },
  { ask: 'GET /connectors', user: ':alice-secret' },
  { ask: 'GET /connectors', user: 'alice' },
  { ask: 'GET /connectors', user: 'alice\0:alice-secret' },
  { ask: 'GET /connectors', user: 'bob:with:colon' },
  { ask: 'GET /connectors', user: 'bob:with' },
  { ask: 'GET /connectors', user: 'ümlаut:pаss' },
  { ask: 'GET /connectors', user: 'plainé:é' },
  { ask: 'GET /connectors', user: 'empty:' },
  { ask: 'GET /connectors', user: 'empty:x' },
  { ask: 'GET /connectors', authorization: '' },
  { ask: 'GET /connectors', authorization: 'Basic' },
  { ask: 'GET /connectors', authorization: base64('alice:alice-secret') },
  { ask: 'GET /connectors', authorization: `Bearer ${base64('alice:alice-secret')}` },
  { ask: 'GET /connectors', authorization: `basic ${base64('alice:alice-secret')}` },
  { ask: 'GET /connectors', authorization: `BASIC ${base64('bob:with:colon').replace(/=+$/, '')}` },
  { ask: 'GET /connectors', authorization: 'Basic !!!', ours: 401 },
  { ask: 'GET /connectors', authorization: `Basic  ${base64('alice:alice-secret')}`, ours: 401 },
  { ask: 'GET /connectors', authorization: 'Basic YWxpY2U6_-8=', ours: 401 },
  { ask: 'GET /connectors', authorization: 'Basic A', ours: 401 },

  { ask: 'POST /connectors/x/tasks', body: '[]' },
  { ask: 'POST /connectors/x/tasks/', body: '[]' },
  { ask: 'POST /connectors/x/tasks?forward=false', body: '[]' },
  { ask: 'POST /connectors/x/tasks', body: '[]', headers: signed },
  { ask: 'POST /connectors/x/tasks', body: '[]', headers: { ...signed, 'x-connect-request-signature-algorithm': 'HmacMD5' } },
  { ask: 'POST /connectors/x/tasks', body: '[]', ...alice },
  { ask: 'POST /connectors/x%2Fy/tasks', body: '[]', theirText: true },
  { ask: 'POST /connectors/x/tasks/0', body: '[]', ours: 401 },
  { ask: 'POST /connectors/x/tasks/0/restart' },

  { ask: 'GET /admin/loggers/root', admin: true, ...alice },
  { ask: 'GET /connectors', admin: true, ...alice },
  { ask: 'GET /', admin: true, ...alice },
  { ask: 'GET /admin/loggers/root', admin: true, certificate: null, ...alice },
  { ask: 'GET /admin/loggers/root', admin: true, ours: 401 },
  { ask: 'PUT /admin/loggers/root', admin: true, body: '{}', ours: 401 },
  { ask: 'GET /connectors', admin: true, ours: 401 },

  { ask: 'GET /connectors', ...alice, certificate: null },
  { ask: 'GET /connectors', ...alice, certificate: stranger },
]

describe('the same requests to both', () => {
  let theirs: Started
  let ours: Started
  beforeAll(async () => {
    theirs = await startTheirs('theirs')
    ours = await startOurs('ours')
  }, 240_000)

  test.each(cases)('$ask, %j', async (given) => {
    const [method, path] = given.ask.split(' ') as [string, string]
    const urlOf = (worker: Started) => (given.admin ? worker.adminUrl : worker.url)
    const [their, our] = await Promise.all([ask(urlOf(theirs), method, path, given), ask(urlOf(ours), method, path, given)])
    if (given.ours !== undefined) {
      expect([our.status, messageOf(our)]).toEqual([given.ours, 'User cannot access the resource.'])
      expect(their.status).not.toBe(given.ours)
      return
    }
    expect(our.status).toBe(their.status)
    // HEAD has no body, and the level of a logger is that of the process.
    if (their.status === null || method === 'HEAD' || path.startsWith('/admin/loggers/') || given.theirText) return
    // Theirs says that it is JSON and is none.
    if (their.status === 401) expect(our.text).toBe(JSON.stringify({ error_code: 401, message: their.text }))
    else if (path === '/' && their.status === 200) expect(Object.keys(JSON.parse(our.text))).toEqual(Object.keys(JSON.parse(their.text)))
    else if (method !== 'OPTIONS') expect(messageOf(our)).toBe(messageOf(their))
    if (method === 'OPTIONS' && their.status === 200) expect(our.allow?.split(/,\s*/).sort()).toEqual(their.allow?.split(/,\s*/).sort())
  })

  afterAll(stopAll)
})

describe('both in one group', () => {
  afterEach(stopAll)

  const config = (name: string) =>
    JSON.stringify({
      'connector.class': 'FileStreamSource',
      file: writeFile(folder, `${name}.txt`, 'one\n'),
      topic: 'lines',
      'tasks.max': '1',
    })

  test.each([
    ['Kafka Connect', 'ours', startTheirs, startOurs],
    ['our worker', 'theirs', startOurs, startTheirs],
  ] as const)(
    '%s leads: what %s gets is forwarded over https with client certificate, credentials and signature',
    async (leader, _, startLeader, startFollower) => {
      const group = leader === 'our worker' ? 'led-by-ours' : 'led-by-theirs'
      const leading = await startLeader(group)
      const following = await startFollower(group)
      const names = ['a', 'b', 'c', 'd'].map((name) => `${group}-${name}`)
      for (const name of names) {
        await until(
          async () => {
            const { status, text } = await ask(following.url, 'PUT', `/connectors/${name}/config`, { ...alice, body: config(name) })
            if (status !== 409 && status !== 500) expect([status, text]).toEqual([201, expect.stringContaining(name)])
            return status === 201
          },
          `${name} is created`,
          60_000,
        )
      }
      const owners = new Set<string>()
      for (const worker of [leading, following])
        for (const name of names)
          await until(
            async () => {
              const { text } = await ask(worker.url, 'GET', `/connectors/${name}/status`, alice)
              const { connector, tasks } = JSON.parse(text) as { connector?: { worker_id: string }; tasks?: { state: string }[] }
              if (tasks?.[0]?.state !== 'RUNNING') return false
              owners.add(connector!.worker_id)
              return true
            },
            `the task of ${name} runs`,
            60_000,
          )
      expect([...owners].sort()).toEqual([leading, following].map(({ url }) => new URL(url).host).sort())
      expect((await ask(following.url, 'DELETE', `/connectors/${names[0]}`, { user: 'alice:wrong' })).status).toBe(401)
      expect((await ask(following.url, 'DELETE', `/connectors/${names[0]}`, alice)).status).toBe(204)
    },
    240_000,
  )
})
