/**
 * Goal: the REST API over https: its stores, client certificates and login, several listeners, renewal, and bounds for clients that are
 * slow, silent or broken. Method: real sockets on free ports, certificates made here, a worker in memory; curl as a client.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { inspect, promisify } from 'node:util'
import { afterAll, afterEach, expect, onTestFinished, test } from 'vitest'
import { sendParserError } from '../../api/index.ts'
import { CONNECTION_LIMIT, NEWCOMER_LIMIT, NEWCOMER_TIMEOUT_MS } from '../../api/limits.ts'
import { FAILED_LOGIN_BURST } from '../../api/login/failed-logins.ts'
import { freePort } from '../../bin/demo/postgres-server.ts'
import { openRest, type Rest } from '../../bin/rest.ts'
import { addressOf, listen } from '../../bin/rest-sockets.ts'
import { STORE_CHECK_MS } from '../../core/security/tls/tls-stores.ts'
import type { Clock, Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import { MemoryHerder, testSystem } from '../api/fake-services.ts'
import { keepingLogger, type LogLine } from '../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { until } from '../until.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-rest-security-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let writes = 0
function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  utimesSync(path, 1000 + writes, 1000 + writes++)
  return path
}
const bundle = ({ key, certificate }: TestCertificate) => key + certificate
const names = ['localhost', '127.0.0.1']
const authority = selfSigned({ subject: 'Authority' })
const ca = authority.certificate
const other = selfSigned({ subject: 'Another authority' })
const server = write('server.pem', bundle(authority.issue({ subject: 'worker', names })))
const caFile = write('ca.pem', ca)
const client = authority.issue({ subject: 'client' })
const stranger = other.issue({ subject: 'stranger' })

const tls = (prefix = '', keyStore = server): Record<string, string> => ({
  [`${prefix}ssl.keystore.type`]: 'PEM',
  [`${prefix}ssl.keystore.location`]: keyStore,
  [`${prefix}ssl.truststore.type`]: 'PEM',
  [`${prefix}ssl.truststore.location`]: caFile,
})
const extension = { 'rest.extension.classes': 'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension' }
const users = write('users.properties', 'alice=alice-secret\nümlaut=x\n')
const module = `org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required file="${users}";`
const systemProperties = { 'java.security.auth.login.config': write('jaas.conf', `KafkaConnect { ${module} };`) }

/** A clock whose repeated tasks the test runs, at a time that it sets. */
function steppedClock(real: Clock) {
  let shiftMs = 0
  const tasks = new Set<() => void>()
  const clock: Clock = {
    ...real,
    monotonic: () => real.monotonic() + shiftMs,
    every(_, task): Timer {
      tasks.add(task)
      return { cancel: () => void tasks.delete(task) }
    },
  }
  const pass = (ms: number) => {
    shiftMs += ms
    for (const task of [...tasks]) task()
  }
  return { clock, pass }
}

const open: Rest[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const rest of open.splice(0)) await rest.close()
})

async function start(properties: Record<string, string>, change: (system: System) => System = (system) => system) {
  const lines: LogLine[] = []
  const system = change({ ...testSystem(), logger: keepingLogger(lines) })
  const rest = await openRest(properties, system, systemProperties)
  open.push(rest)
  await rest.serve({ worker: new MemoryHerder(), system, version: '1' })
  return { rest, lines, urls: rest.urls.map((url) => url.replace('127.0.0.1', 'localhost')) }
}

interface Ask {
  headers?: Record<string, string>
  certificate?: TestCertificate
  user?: string
  ca?: string
}

const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`

/** The status, or the code of the error. */
function ask(url: string, { headers = {}, certificate, user, ca: trusted = ca }: Ask = {}): Promise<number | string> {
  const own = certificate && { key: certificate.key, cert: certificate.certificate }
  const authorization: Record<string, string> = user === undefined ? {} : { authorization: basic(user) }
  return new Promise((resolve) => {
    const sent = request(
      url,
      { agent: false, ca: trusted, servername: 'localhost', headers: { ...headers, ...authorization }, ...own },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode!))
      },
    )
    sent.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end()
  })
}

function raw(port: number, text?: string | Buffer) {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  const got = { socket, text: '', closed: false }
  socket.on('data', (chunk) => {
    got.text += chunk
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    got.closed = true
  })
  if (text !== undefined) socket.write(text)
  return got
}

const portOf = (url: string) => Number(new URL(url).port)

test('http and https side by side; the stores of the prefix win', async () => {
  const wrong = tls('', write('other.pem', bundle(other.issue({ subject: 'other', names }))))
  const { rest, urls } = await start({ listeners: 'https://localhost:0,http://127.0.0.1:0', ...wrong, ...tls('listeners.https.') })
  expect(urls.map((url) => url.split(':')[0])).toEqual(['https', 'http'])
  expect(await ask(`${urls[0]}/connectors`)).toBe(200)
  expect((await fetch(`${urls[1]}/connectors`)).status).toBe(200)
  expect(rest.advertisedUrl).toBe(rest.urls[1])
  expect(await ask(`${urls[0]}/connectors`, { ca: other.certificate })).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/)
})

test('the advertised URL has the protocol of rest.advertised.listener, and the host that the listener has', async () => {
  const { rest, urls } = await start({
    listeners: 'http://127.0.0.1:0,https://localhost:0',
    'rest.advertised.listener': 'https',
    ...tls(),
  })
  expect(rest.advertisedUrl).toBe(`https://localhost:${portOf(urls[1]!)}`)
})

test('https without a usable key store does not start, and says why; nothing stays open', async () => {
  const port = await freePort()
  const listeners = `http://127.0.0.1:${port},https://127.0.0.1:0`
  await expect(openRest({ listeners }, testSystem())).rejects.toThrow(/ssl.keystore.location: a listener with TLS needs a certificate/)
  await expect(openRest({ listeners, ...tls('', join(folder, 'none.pem')) }, testSystem())).rejects.toThrow(/none.pem does not exist/)
  const { urls } = await start({ listeners: `http://127.0.0.1:${port}` })
  expect(urls).toHaveLength(1)
})

test.each([
  ['none', { nobody: 200, client: 200, stranger: 200 }],
  ['requested', { nobody: 200, client: 200, stranger: 'refused' }],
  ['required', { nobody: 'refused', client: 200, stranger: 'refused' }],
])('ssl.client.auth=%s', async (clientAuth, expected) => {
  const { urls, lines } = await start({ listeners: 'https://127.0.0.1:0', ...tls(), 'ssl.client.auth': clientAuth })
  const outcome = async (certificate?: TestCertificate) => {
    const result = await ask(`${urls[0]}/connectors`, certificate ? { certificate } : {})
    return typeof result === 'number' ? result : 'refused'
  }
  expect({ nobody: await outcome(), client: await outcome(client), stranger: await outcome(stranger) }).toEqual(expected)
  const refusals = () => lines.filter(({ level, message }) => level === 'warn' && message.startsWith('a client certificate was refused'))
  if (expected.stranger === 'refused') await until(() => refusals().length === 1, 'one line, however many are refused')
  else expect(refusals()).toEqual([])
})

test('ssl.enabled.protocols and ssl.cipher.suites hold', async () => {
  const { urls } = await start({
    listeners: 'https://127.0.0.1:0',
    ...tls(),
    'ssl.enabled.protocols': 'TLSv1.2',
    'ssl.cipher.suites': 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  })
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const opened = connectTls({ port: portOf(urls[0]!), ca, servername: 'localhost' }, () => resolve(opened)).once('error', reject)
  })
  sockets.push(socket)
  expect([socket.getProtocol(), socket.getCipher().standardName]).toEqual(['TLSv1.2', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'])
})

test('a renewed certificate is used by new connections', async () => {
  const renewed = write('renewed.pem', bundle(authority.issue({ subject: 'first', names })))
  let pass: (ms: number) => void = () => {}
  const { urls } = await start({ listeners: 'https://127.0.0.1:0', ...tls('', renewed) }, (system) => {
    const stepped = steppedClock(system.clock)
    pass = stepped.pass
    return { ...system, clock: stepped.clock }
  })
  expect(await ask(`${urls[0]}/`)).toBe(200)
  write('renewed.pem', bundle(other.issue({ subject: 'second', names })))
  pass(STORE_CHECK_MS)
  expect(await ask(`${urls[0]}/`)).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/)
  expect(await ask(`${urls[0]}/`, { ca: other.certificate })).toBe(200)
})

test('the login holds on every listener, those of /admin too', async () => {
  const adminUrl = `https://localhost:${await freePort()}`
  const { urls } = await start({ listeners: 'https://127.0.0.1:0,http://127.0.0.1:0', 'admin.listeners': adminUrl, ...tls(), ...extension })
  for (const [url, path] of [
    [urls[0], '/connectors'],
    [adminUrl, '/admin/loggers'],
  ] as const) {
    expect(await ask(url + path)).toBe(401)
    expect(await ask(url + path, { user: 'alice:wrong' })).toBe(401)
    expect(await ask(url + path, { user: 'alice:alice-secret' })).toBe(200)
    expect(await ask(`${url}/nope`)).toBe(401)
    expect(await ask(`${url}/nope`, { user: 'alice:alice-secret' })).toBe(404)
  }
  expect((await fetch(`${urls[1]}/connectors`)).status).toBe(401)
  expect(await ask(`${urls[0]}/admin/loggers`, { user: 'alice:alice-secret' })).toBe(404)
})

test('admin.listeners empty: no /admin at all', async () => {
  const { urls } = await start({ listeners: 'https://127.0.0.1:0', 'admin.listeners': '', ...tls(), ...extension })
  expect(await ask(`${urls[0]}/admin/loggers`, { user: 'alice:alice-secret' })).toBe(404)
})

test('curl, with a certificate authority, a user and a client certificate', async () => {
  const { urls } = await start({ listeners: 'https://localhost:0', ...tls(), ...extension, 'ssl.client.auth': 'required' })
  const key = write('client.key', client.key)
  const cert = write('client.crt', client.certificate)
  const curl = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('curl', ['-sS', '-w', '%{http_code}', '--cacert', caFile, ...args])
    return stdout
  }
  const mutual = ['--key', key, '--cert', cert]
  expect(await curl(...mutual, '-u', 'alice:alice-secret', `${urls[0]}/connectors`)).toBe('[]200')
  expect(await curl(...mutual, '-u', 'alice:wrong', `${urls[0]}/connectors`)).toBe(
    '{"error_code":401,"message":"User cannot access the resource."}401',
  )
  const config = JSON.stringify({ name: 'a', config: { 'connector.class': 'FileStreamSource', file: '/tmp/x', topic: 't' } })
  const create = ['-H', 'Content-Type: application/json', '-d', config]
  expect(await curl(...mutual, ...create, `${urls[0]}/connectors`)).toMatch(/401$/)
  expect(await curl(...mutual, '-u', 'alice:alice-secret', ...create, `${urls[0]}/connectors`)).toMatch(/201$/)
  await expect(curl('-u', 'alice:alice-secret', `${urls[0]}/connectors`)).rejects.toThrow(/curl/)
})

test('one warning where everyone may use the API, none with a login, a client certificate or on loopback', async () => {
  const warnings = async (properties: Record<string, string>) => {
    const { lines } = await start(properties)
    return lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
  }
  const https = { listeners: 'https://0.0.0.0:0', ...tls() }
  expect(await warnings({ listeners: 'http://:0,http://127.0.0.1:0' })).toEqual([
    expect.stringMatching(/set rest.extension.classes to .*Basic/),
  ])
  expect(await warnings(https)).toHaveLength(1)
  expect(await warnings({ listeners: 'http://127.0.0.1:0', 'admin.listeners': `http://0.0.0.0:${await freePort()}` })).toHaveLength(1)
  expect(await warnings({ ...https, ...extension })).toEqual([])
  expect(await warnings({ ...https, 'ssl.client.auth': 'required' })).toEqual([])
  expect(await warnings({ ...https, 'ssl.client.auth': 'requested' })).toHaveLength(1)
  // Certificates of public authorities are everybody's.
  expect(await warnings({ ...https, 'ssl.truststore.location': '', 'ssl.client.auth': 'required' })).toHaveLength(1)
  expect(await warnings({ listeners: 'http://:0,http://127.0.0.1:0', ...extension })).toEqual([
    expect.stringContaining('without encryption'),
  ])
  // Other workers cannot reach what is advertised.
  expect(await warnings({ listeners: 'http://127.0.0.1:0,https://:0', ...tls(), ...extension })).toEqual([
    expect.stringMatching(/loopback.*rest.advertised.listener/),
  ])
  expect(await warnings({ listeners: 'http://127.0.0.1:0', 'rest.advertised.listener': 'https' })).toEqual([
    expect.stringContaining('rest.advertised.listener'),
  ])
  expect(await warnings({ listeners: 'http://127.0.0.1:0', 'rest.advertised.listener': 'https', 'rest.advertised.port': '443' })).toEqual(
    [],
  )
  expect(await warnings({ listeners: 'http://127.0.0.1:0,http://[::1]:0,http://localhost:0' })).toEqual([])
})

test('a page over http is of another origin than https of the same host and port, where a browser sends no more than its origin', async () => {
  const { urls } = await start({ listeners: 'https://localhost:0', ...tls() })
  const { host } = new URL(urls[0]!)
  expect(await ask(`${urls[0]}/connectors`, { headers: { origin: `http://${host}` } })).toBe(403)
  expect(await ask(`${urls[0]}/connectors`, { headers: { origin: `https://${host}` } })).toBe(200)
  expect(await ask(`${urls[0]}/connectors`, { headers: { host: 'evil.example' } })).toBe(403)
})

test('no password is in a log at any level, in a response or in a header', async () => {
  // Time stands still: the limit of wrong passwords is reached however slow the machine is.
  const { urls, lines } = await start({ listeners: 'https://127.0.0.1:0', ...tls(), ...extension }, (system) => ({
    ...system,
    clock: { ...system.clock, monotonic: () => 0 },
  }))
  const url = `${urls[0]}/connectors/x`
  const seen: string[] = []
  for (const user of ['alice:planted-secret', 'planted-secret:x', 'bob:alice-secret', 'alice:alice-secret']) {
    const times = Array<string>(FAILED_LOGIN_BURST + 1).fill(url)
    seen.push((await promisify(execFile)('curl', ['-si', '--cacert', caFile, '-u', user, ...times])).stdout)
  }
  expect(seen.map((text) => text.match(/HTTP\/1.1 429/g)?.length)).toEqual([1, 1, 1, 11])
  expect(lines).toHaveLength(1)
  expect(`${seen.join('')}${inspect(lines, { depth: 12, showHidden: true })}`).not.toMatch(/planted|alice|cGxhbnRlZ|YWxpY2U6/)
})

test('what is no TLS, no HTTP or no whole request ends its connection, and the server goes on', async () => {
  const { urls } = await start({ listeners: 'https://127.0.0.1:0,http://127.0.0.1:0', ...tls(), ...extension })
  const [secure, plain] = urls.map(portOf) as [number, number]
  const broken = [
    raw(secure, 'GET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    raw(secure, Buffer.from([0x16, 3, 1, 0xff, 0xff, 1, 0, 0, 0])),
    raw(secure, Buffer.alloc(1024)),
    raw(plain, Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc])),
    raw(plain, '\0\0\0\0\r\n\r\n'),
  ]
  for (const { socket } of broken) socket.end()
  await until(() => broken.every(({ closed }) => closed), 'all are closed')
  expect(await ask(`${urls[0]}/connectors`, { user: 'alice:alice-secret' })).toBe(200)
})

test.each([
  [
    'both lengths',
    'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n',
    [400],
  ],
  ['two lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n\r\nGET /', [400]],
  ['an unknown encoding', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', [400]],
  ['a bad chunk', 'Transfer-Encoding: chunked\r\n\r\nZZ\r\n', [400, 401]],
  ['a header with a space before its colon', 'Content-Length : 0\r\n\r\n', [400]],
  ['a folded header', 'X: a\r\n b: c\r\n\r\n', [400, 401]],
  ['a bare line feed', 'X: a\nAuthorization: Basic x\r\n\r\n', [400]],
  ['a NUL in a header', 'Authorization: Basic \0\r\n\r\n', [400]],
  [
    'two Authorization headers',
    `Content-Length: 0\r\nAuthorization: Basic x\r\nAuthorization: ${basic('alice:alice-secret')}\r\n\r\n`,
    [401],
  ],
  [
    'a second request behind a body that is not read',
    'Content-Length: 2\r\n\r\n{}GET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n',
    [401],
  ],
  ['a body that does not come', 'Content-Length: 1000000\r\n\r\n{', [401]],
  ['a body that is announced first', 'Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n', [401]],
  ['a huge Authorization header', `Authorization: Basic ${'A'.repeat(1024 * 1024)}\r\n\r\n`, [431]],
])('%s: one answer without a login, and the connection ends', async (_, rest, statuses) => {
  const { urls } = await start({ listeners: 'http://127.0.0.1:0', ...extension })
  const got = raw(portOf(urls[0]!), `POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${rest}`)
  await until(() => got.closed, 'it is closed')
  const answers = [...got.text.matchAll(/HTTP\/1\.1 ([2-5]\d\d)/g)].map((match) => Number(match[1]))
  // A client that still sends may lose the answer to the reset of its connection.
  if (rest.length > 100_000 && answers.length === 0) return
  expect(answers).toHaveLength(1)
  expect(statuses).toContain(answers[0])
})

test('half-open connections, slow handshakes and slow heads are closed after their time, others are not', async () => {
  let pass: (ms: number) => void = () => {}
  const { urls } = await start({ listeners: 'https://127.0.0.1:0,http://127.0.0.1:0', ...tls() }, (system) => {
    const stepped = steppedClock(system.clock)
    pass = stepped.pass
    return { ...system, clock: stepped.clock }
  })
  const [secure, plain] = urls.map(portOf) as [number, number]
  const silent = raw(secure)
  const slowHandshake = raw(secure, Buffer.from([0x16, 3, 1, 0]))
  const slowHead = raw(plain, 'GET /connectors HTTP/1.1\r\nHost: loc')
  const served = raw(plain, 'GET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => served.text.includes('200 OK'), 'the whole request is answered')
  await until(() => [silent, slowHandshake, slowHead].every(({ socket }) => !socket.connecting), 'all are connected')
  // A handshake that is done is no request yet.
  const shaken = connectTls({ port: secure, ca, servername: 'localhost' })
  sockets.push(shaken)
  await new Promise((resolve) => shaken.once('secureConnect', resolve))
  let closed = false
  shaken.once('close', () => {
    closed = true
  })
  shaken.on('error', () => {})
  pass(NEWCOMER_TIMEOUT_MS - 1000)
  expect([silent, slowHandshake, slowHead].map((one) => one.closed)).toEqual([false, false, false])
  pass(2000)
  await until(() => closed && [silent, slowHandshake, slowHead].every((one) => one.closed), 'those without a request are closed')
  expect(served.closed).toBe(false)
})

test('a body that comes too slowly ends its request with 408, over https too', async () => {
  const listeners = (['https', 'http'] as const).map((protocol) => ({ protocol, host: '127.0.0.1', port: 0 }))
  const opened = await listen(listeners, tls(), sendParserError, testSystem(), 200)
  onTestFinished(() => opened.close())
  let begun = 0
  opened.handleWith((received) => {
    begun++
    received.resume()
  })
  const [secure, plain] = opened.open.map((socket) => addressOf(socket).port) as [number, number]
  const overTls = connectTls({ port: secure, ca, servername: 'localhost' })
  const overTcp = connect(plain, '127.0.0.1')
  for (const socket of [overTls, overTcp]) {
    sockets.push(socket)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write('POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 20)
    await closed
    clearInterval(drip)
    expect(text).toMatch(/^HTTP\/1.1 408 Request Timeout/)
  }
  expect(begun).toBe(2)
})

test('connections without a request are bounded: the oldest goes first, and a client that means it is served', async () => {
  const { urls } = await start({ listeners: 'https://127.0.0.1:0', ...tls() })
  const port = portOf(urls[0]!)
  const crowd = Array.from({ length: NEWCOMER_LIMIT + 10 }, () => raw(port))
  await until(() => crowd.filter(({ closed }) => closed).length >= 10, 'the oldest are closed')
  expect(await ask(`${urls[0]}/connectors`)).toBe(200)
  expect(crowd.filter(({ closed }) => !closed).length).toBeGreaterThan(NEWCOMER_LIMIT - 10)
})

test('open connections are bounded: one more is closed without an answer, until another one ends', async () => {
  const { urls } = await start({ listeners: 'http://127.0.0.1:0' })
  const port = portOf(urls[0]!)
  const get = 'GET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const kept: ReturnType<typeof raw>[] = []
  // In groups, so that none of them is too many newcomers.
  while (kept.length < CONNECTION_LIMIT) {
    const group = Array.from({ length: NEWCOMER_LIMIT / 2 }, () => raw(port, get))
    await until(() => group.every(({ text }) => text.includes('200 OK')), 'the group is served')
    kept.push(...group)
  }
  const more = raw(port, get)
  await until(() => more.closed, 'one more is closed')
  expect(more.text).toBe('')
  kept[0]!.socket.destroy()
  await until(async () => {
    const next = raw(port, get)
    await until(() => next.closed || next.text !== '', 'it is served or closed')
    return next.text.includes('200 OK')
  }, 'there is room again')
  expect(kept.slice(1).every(({ closed }) => !closed)).toBe(true)
})

test('closing ends connections that have sent nothing', async () => {
  const { urls } = await start({ listeners: 'https://127.0.0.1:0,http://127.0.0.1:0', ...tls() })
  const crowd = urls.map((url) => raw(portOf(url)))
  await until(() => crowd.every(({ socket }) => !socket.connecting), 'they are connected')
  await open.pop()!.close()
  await until(() => crowd.every(({ closed }) => closed), 'they are closed')
})
