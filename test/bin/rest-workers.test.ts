/**
 * Story of bin. Goal: workers whose REST API has https, client certificates and a login serve each other: what only the leader may do is
 * forwarded with the caller's credentials, and task configs with the signature of the group. Method: three workers on our broker in this
 * process, with certificates made here; connectors that run on each of them.
 */
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRest, type Rest, restSettingNames } from '../../bin/rest.ts'
import { startWorker, type Worker } from '../../connect/index.ts'
import type { System } from '../../core/system/index.ts'
import { testSystem } from '../api/fake-services.ts'
import { type BrokerInProcess, brokerInProcess, keepingLogger, type LogLine } from '../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { until } from '../until.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-rest-workers-'))
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const authority = selfSigned({ subject: 'Authority' })
const caller = authority.issue({ subject: 'caller' })
const bundle = ({ key, certificate }: TestCertificate) => key + certificate
const module = 'org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule'
const users = write('users.properties', 'alice=alice-secret\n')
const systemProperties = {
  'java.security.auth.login.config': write('jaas.conf', `KafkaConnect { ${module} required file="${users}"; };`),
}

interface Started {
  rest: Rest
  worker: Worker
}
let broker: BrokerInProcess
const started: Started[] = []
const lines: LogLine[] = []

const settings = (): Record<string, string> => ({
  'bootstrap.servers': `127.0.0.1:${broker.port}`,
  'group.id': 'secured',
  ...Object.fromEntries(
    ['config', 'offset', 'status'].flatMap((kind) => [
      [`${kind}.storage.topic`, `secured-${kind}`],
      [`${kind}.storage.replication.factor`, '1'],
    ]),
  ),
  'offset.storage.partitions': '1',
  listeners: 'https://localhost:0',
  'listeners.https.ssl.keystore.type': 'PEM',
  'listeners.https.ssl.keystore.location': join(folder, 'worker.pem'),
  'listeners.https.ssl.truststore.type': 'PEM',
  'listeners.https.ssl.truststore.location': join(folder, 'ca.pem'),
  'listeners.https.ssl.client.auth': 'required',
  'rest.extension.classes': 'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension',
})

beforeAll(async () => {
  write('worker.pem', bundle(authority.issue({ subject: 'worker', names: ['localhost'] })))
  write('ca.pem', authority.certificate)
  broker = await brokerInProcess({ 'group.initial.rebalance.delay.ms': '0' })
  for (let index = 0; index < 3; index++) {
    const system: System = { ...testSystem(), logger: keepingLogger(lines) }
    const rest = await openRest(settings(), system, systemProperties)
    const { advertisedUrl } = rest
    const worker = await startWorker(settings(), system, { advertisedUrl, otherSettings: restSettingNames, systemProperties })
    await rest.serve({ worker, system, version: '1' })
    started.push({ rest, worker })
  }
}, 60_000)

afterAll(async () => {
  for (const { rest, worker } of started) {
    await rest.close()
    await worker.close()
  }
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Ask {
  user?: string | null
  body?: unknown
  headers?: Record<string, string>
}

function ask({ rest }: Started, method: string, path: string, { user = 'alice:alice-secret', body, headers = {} }: Ask = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const authorization: Record<string, string> = user === null ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const own = { ca: authority.certificate, key: caller.key, cert: caller.certificate, agent: false as const }
    const all = { ...authorization, ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers }
    const sent = request(`${rest.urls[0]!.replace('127.0.0.1', 'localhost').replace('[::1]', 'localhost')}${path}`, {
      method,
      headers: all,
      ...own,
    })
    sent.once('error', reject).once('response', (response) => {
      let got = ''
      response.on('data', (chunk) => {
        got += chunk
      })
      response.once('end', () => resolve({ status: response.statusCode!, text: got }))
    })
    sent.end(text)
  })
}

const names = ['a', 'b', 'c', 'd', 'e', 'f']
const config = (name: string) => ({
  'connector.class': 'FileStreamSource',
  file: join(folder, `${name}.txt`),
  topic: 'lines',
  'tasks.max': '1',
})

test('each worker takes what only the leader may do, and each runs connectors whose task configs reach the leader', async () => {
  for (const [index, name] of names.entries()) {
    write(`${name}.txt`, 'one\n')
    await until(async () => {
      const { status, text } = await ask(started[index % 3]!, 'PUT', `/connectors/${name}/config`, { body: config(name) })
      if (status !== 409) expect([name, status, text]).toEqual([name, 201, expect.stringContaining(name)])
      return status === 201
    }, `${name} is created`)
  }
  const statuses = async (worker: Started) =>
    await Promise.all(names.map(async (name) => JSON.parse((await ask(worker, 'GET', `/connectors/${name}/status`)).text)))
  for (const worker of started) {
    await until(async () => {
      const all = await statuses(worker)
      return all.every(({ connector, tasks }) => connector?.state === 'RUNNING' && tasks?.[0]?.state === 'RUNNING')
    }, 'all tasks run')
  }
  const owners = new Set((await statuses(started[0]!)).map(({ connector }) => connector.worker_id))
  expect(owners).toEqual(new Set(started.map(({ rest }) => new URL(rest.advertisedUrl!).host)))
  expect(started.map(({ rest }) => new URL(rest.advertisedUrl!).protocol)).toEqual(['https:', 'https:', 'https:'])
}, 60_000)

test('without the right credentials no worker forwards anything', async () => {
  for (const worker of started) {
    for (const user of [null, 'alice:wrong', 'bob:alice-secret']) {
      expect((await ask(worker, 'DELETE', '/connectors/a', { user })).status).toBe(401)
      expect((await ask(worker, 'POST', '/connectors/a/restart', { user })).status).toBe(401)
    }
    expect((await ask(worker, 'GET', '/connectors/a')).status).toBe(200)
  }
})

test('requests between workers need no login, but the signature of the group', async () => {
  const sign = (key: string) => ({
    'x-connect-request-signature-algorithm': 'HmacSHA256',
    'x-connect-authorization': createHmac('sha256', key).update('[]').digest('base64'),
  })
  for (const worker of started) {
    const post = (headers: Record<string, string>) => ask(worker, 'POST', '/connectors/a/tasks', { user: null, body: [], headers })
    expect((await post({})).text).toBe('{"error_code":400,"message":"Internal request missing required signature"}')
    expect((await post(sign('guessed'))).text).toBe('{"error_code":403,"message":"Internal request contained invalid signature."}')
  }
})

test('a group whose requests are not signed is warned of, once at its start', async () => {
  const own: LogLine[] = []
  const warned = async (protocol: string) => {
    own.length = 0
    const system: System = { ...testSystem(), logger: keepingLogger(own) }
    const given = { ...settings(), 'group.id': protocol, 'connect.protocol': protocol }
    await (await startWorker(given, system, { otherSettings: restSettingNames })).close()
    return own.filter(({ level, message }) => level === 'warn' && message.startsWith('Internal request verification will be disabled'))
      .length
  }
  expect(await warned('compatible')).toBe(1)
  expect(await warned('sessioned')).toBe(0)
})

test('no log of any worker has a password', () => {
  const passwords = new RegExp(`alice-secret|${Buffer.from('alice:alice-secret').toString('base64')}`)
  expect(lines.length).toBeGreaterThan(10)
  expect(inspect(lines, { depth: 12, showHidden: true })).not.toMatch(passwords)
})
