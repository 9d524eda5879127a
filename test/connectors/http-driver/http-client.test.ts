/**
 * Goal: a client reaches only what it may, however it gets there; certificates are checked; redirects carry no credentials elsewhere; no
 * response takes more time or memory than allowed. Method: real servers of HTTP and HTTPS with certificates made in the test.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { keyAndCertificates, trustedCertificates } from '../../../connect/sdk/tls-stores.ts'
import type { HttpClientOptions, TlsFiles } from '../../../connectors/http-driver/client-options.ts'
import { HttpClient } from '../../../connectors/http-driver/http-client.ts'
import { RequestFailed, RequestRefused } from '../../../connectors/http-driver/request-errors.ts'
import { selfSigned } from '../../certificates.ts'
import { freePort } from '../../running-broker.ts'
import { testServer } from './recording-server.ts'

const noTls: TlsFiles = { truststore: null, keystore: null, checksHostName: true }

function client(options: Partial<HttpClientOptions> = {}): HttpClient {
  const made = new HttpClient({
    tls: noTls,
    connectTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    maxResponseBytes: 1024 * 1024,
    maxRedirects: 0,
    allowedAddresses: ['127.0.0.0/8'],
    connections: 4,
    ...options,
  })
  onTestFinished(() => made.close())
  return made
}

const get = (made: HttpClient, url: string, headers: Record<string, string> = {}) =>
  made.send({ method: 'GET', url: new URL(url), headers })
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error as Error,
  )

test.each([
  ['http://127.0.0.1:PORT/'],
  ['http://localhost:PORT/'],
  ['http://[::1]:PORT/'],
  ['http://[::ffff:127.0.0.1]:PORT/'],
  ['http://2130706433:PORT/'],
  ['http://0x7f.1:PORT/'],
  ['http://0:PORT/'],
])('%s is refused where no setting allows it, and the server sees nothing', async (template) => {
  const server = await testServer()
  const error = await errorOf(get(client({ allowedAddresses: [] }), template.replace('PORT', String(server.port))))
  expect(error).toBeInstanceOf(RequestRefused)
  expect((error as RequestRefused).about).toBe('address')
  expect(error!.message).toMatch(/http\.allow\.private\.addresses/)
  expect(server.connections).toBe(0)
})

test('a host name is checked by the address that it leads to', async () => {
  const server = await testServer(() => ({ body: 'ok' }))
  const response = await get(client({ allowedAddresses: ['localhost'] }), `http://localhost:${server.port}/`)
  expect(response.body.toString()).toBe('ok')
  expect(await errorOf(get(client({ allowedAddresses: ['localhost'] }), `${server.url}/`))).toBeInstanceOf(RequestRefused)
})

test('a redirect to a private address is refused like any other request', async () => {
  const hidden = await testServer()
  const server = await testServer(() => ({ status: 307, headers: { location: `http://127.0.0.1:${hidden.port}/latest/meta-data` } }))
  const error = await errorOf(get(client({ allowedAddresses: ['localhost'], maxRedirects: 3 }), `http://localhost:${server.port}/`))
  expect((error as RequestRefused).about).toBe('address')
  expect(hidden.connections).toBe(0)
})

test("the worker's limit is kept at each connection: of a literal, of a name, of a redirect", async () => {
  const hidden = await testServer()
  const server = await testServer(() => ({ status: 307, headers: { location: `http://127.0.0.1:${hidden.port}/` } }))
  const made = client({ allowedAddresses: ['*'], addressLimit: ['localhost'], maxRedirects: 3 })
  for (const url of [`http://localhost:${server.port}/`, `http://127.0.0.1:${hidden.port}/`, `http://[::ffff:127.0.0.1]:${hidden.port}/`]) {
    const error = await errorOf(get(made, url))
    expect((error as RequestRefused).about).toBe('address')
    expect(error!.message).toMatch(/connector\.private\.addresses\.allowlist/)
  }
  expect(server.connections).toBe(1)
  expect(hidden.connections).toBe(0)
})

test('redirects are not followed unless allowed, and only so many', async () => {
  const server = await testServer(({ path }) => (path.length < 5 ? { status: 302, headers: { location: `${path}x` } } : { body: path }))
  expect((await errorOf(get(client(), `${server.url}/`)))!.message).toMatch(/http\.redirects\.max/)
  expect((await get(client({ maxRedirects: 4 }), `${server.url}/`)).body.toString()).toBe('/xxxx')
  expect(await errorOf(get(client({ maxRedirects: 3 }), `${server.url}/`))).toBeInstanceOf(RequestRefused)
})

test('credentials stay at their origin, and a POST keeps its body or is not redirected', async () => {
  const other = await testServer()
  const server = await testServer(({ path }) => ({ status: path === '/post' ? 303 : 307, headers: { location: `${other.url}/there` } }))
  const following = client({ maxRedirects: 1 })
  const headers = { authorization: 'Bearer t', 'x-api-key': 'k', 'content-type': 'text/plain' }
  await following.send({ method: 'POST', url: new URL(`${server.url}/`), headers, body: 'body' })
  expect(other.requests).toHaveLength(1)
  expect(other.requests[0]).toMatchObject({ method: 'POST', body: 'body', headers: { 'content-type': 'text/plain' } })
  expect(other.requests[0]!.headers.authorization).toBeUndefined()
  expect(other.requests[0]!.headers['x-api-key']).toBeUndefined()
  const error = await errorOf(following.send({ method: 'POST', url: new URL(`${server.url}/post`), headers, body: 'body' }))
  expect(error!.message).toMatch(/would lose its body/)
})

test('a redirect from https to http is not followed', async () => {
  const files = certificates()
  const server = await testServer(() => ({ status: 302, headers: { location: 'http://127.0.0.1/' } }), files.server)
  const error = await errorOf(get(client({ tls: files.trusting, maxRedirects: 3 }), `${server.url}/`))
  expect(error!.message).toMatch(/redirects to http:\/\/, which is not followed/)
})

test('a response that is too long is an error, also where it does not say its length', async () => {
  const server = await testServer(({ path }, response) => {
    if (path === '/known') return { headers: { 'content-length': '5000' }, body: 'x'.repeat(5000) }
    for (let part = 0; part < 100; part++) response.write('x'.repeat(1000))
    response.end()
    return null
  })
  for (const path of ['/known', '/chunked'])
    expect((await errorOf(get(client({ maxResponseBytes: 4096 }), server.url + path)))!.message).toMatch(/longer than response\.max\.bytes/)
})

test('headers that are too large, and what is no HTTP, are errors that say so', async () => {
  const server = await testServer(() => ({ headers: { 'x-large': 'x'.repeat(60_000) } }))
  expect((await errorOf(get(client(), server.url)))!.message).toMatch(/headers that are too large/)
  const port = await freePort()
  const other = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')).listen(port, '127.0.0.1')
  onTestFinished(() => void other.close())
  expect((await errorOf(get(client(), `http://127.0.0.1:${port}/`)))!.message).toMatch(/does not answer with HTTP/)
})

test('a body that drips is ended by the time for the request', async () => {
  const server = await testServer((_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(timer))
    return null
  })
  const error = await errorOf(get(client({ requestTimeoutMs: 200, connectTimeoutMs: 100 }), server.url))
  expect(error).toBeInstanceOf(RequestFailed)
  expect(error!.message).toMatch(/has not answered within 200 ms/)
})

test('a server that nobody trusts, one of another name, and one that has expired are refused', async () => {
  const { trusting, authority, server: trusted } = certificates()
  const good = await testServer(() => ({ body: 'tls' }), trusted)
  expect((await get(client({ tls: trusting }), good.url)).body.toString()).toBe('tls')
  const refusal = async (url: string, tls: TlsFiles = trusting) => (await errorOf(get(client({ tls }), url))) as RequestRefused
  expect((await refusal(good.url, noTls)).message).toMatch(/is not accepted \(.*\).*https\.ssl\.truststore\.location/)
  const named = authority.issue({ subject: 'other', names: ['other.example'] })
  const other = await testServer(() => ({}), { cert: named.certificate, key: named.key })
  expect((await refusal(other.url)).message).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/)
  expect((await get(client({ tls: { ...trusting, checksHostName: false } }), other.url)).status).toBe(200)
  const old = authority.issue({ subject: 'old', names: ['127.0.0.1'], from: -10, to: -1 })
  const expired = await testServer(() => ({}), { cert: old.certificate, key: old.key })
  expect((await refusal(expired.url)).message).toMatch(/CERT_HAS_EXPIRED/)
  expect((await refusal(expired.url)).about).toBe('certificate')
})

test('a client certificate is shown where the server asks for one', async () => {
  const { trusting, authority, server: trusted, folder } = certificates()
  const server = await testServer(() => ({ body: 'known' }), {
    ...trusted,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  })
  const path = join(folder, 'client.pem')
  const own = authority.issue({ subject: 'client' })
  writeFileSync(path, own.certificate + own.key)
  const keystore = { path, password: null, keyPassword: null }
  expect((await get(client({ tls: { ...trusting, keystore } }), server.url)).body.toString()).toBe('known')
  const error = await errorOf(get(client({ tls: trusting }), server.url))
  expect(error!.message).toMatch(/client certificate|connection was lost/)
})

test.each([
  ['trust.jks', 'key.jks', 'key-secret'],
  ['trust.p12', 'key.p12', null],
])('stores of Java are read: %s and %s', async (trust, key, keyPassword) => {
  const folder = temporaryFolder()
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/key-stores.json'), 'utf8')) as Record<string, string>
  const stored = (name: string) => {
    writeFileSync(join(folder, name), Buffer.from(golden[name]!, 'base64'))
    return { path: join(folder, name), password: 'store-secret' }
  }
  const setting = 'https.ssl.truststore.location'
  const own = keyAndCertificates({ setting, ...stored('key.p12'), keyPassword: null })
  const ca = trustedCertificates({ setting, ...stored('trust.p12') })
  const server = await testServer(() => ({ body: 'known' }), { ...own, ca, requestCert: true, rejectUnauthorized: true })
  const tls = { truststore: stored(trust), keystore: { ...stored(key), keyPassword }, checksHostName: false }
  expect((await get(client({ tls }), server.url)).body.toString()).toBe('known')
  const wrong = (password: string) => ({ ...tls, truststore: { ...tls.truststore, password } })
  expect(() => client({ tls: wrong('none') })).toThrow(/https\.ssl\.truststore\.password: .*the password is wrong/)
})

test('the longest time that a setting can have is no time that has passed', async () => {
  const server = await testServer(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return { body: 'late' }
  })
  const patient = client({ requestTimeoutMs: 2 ** 31 - 1, connectTimeoutMs: 2 ** 31 - 1 })
  expect((await get(patient, server.url)).body.toString()).toBe('late')
})

test('http to a port of https, and https to a port of http, say what to change', async () => {
  const plain = await testServer()
  const error = await errorOf(get(client(), plain.url.replace('http:', 'https:')))
  expect(error!.message).toMatch(/does not speak TLS/)
})

test('a file that cannot be read, or holds no certificate, is named', () => {
  const truststore = (path: string) => ({ ...noTls, truststore: { path, password: null } })
  expect(() => client({ tls: truststore('/none/ca.pem') })).toThrow(/\/none\/ca\.pem cannot be read \(ENOENT\)/)
  expect(() => client({ tls: truststore('/dev/zero') })).toThrow(/https\.ssl\.truststore\.location: \/dev\/zero is not a file/)
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'text.pem'), 'no certificate')
  const keystore = { path: join(folder, 'text.pem'), password: 'x', keyPassword: null }
  expect(() => client({ tls: { ...noTls, keystore } })).toThrow(/https\.ssl\.keystore\.type: .*text\.pem is neither PKCS12 nor JKS nor PEM/)
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-http-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

function certificates() {
  const folder = temporaryFolder()
  const authority = selfSigned({ subject: 'authority' })
  const own = authority.issue({ subject: 'server', names: ['127.0.0.1', 'localhost'] })
  const path = join(folder, 'ca.pem')
  writeFileSync(path, authority.certificate)
  return {
    folder,
    authority,
    server: { cert: own.certificate, key: own.key },
    trusting: { truststore: { path, password: null }, keystore: null, checksHostName: true },
  }
}
