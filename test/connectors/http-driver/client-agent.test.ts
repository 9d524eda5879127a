/**
 * Goal: through a proxy requests reach the servers that it knows, with certificates checked from end to end; the password of the proxy
 * goes to no server; no connection is made to an address that is not allowed; what a proxy refuses is a sentence that names the setting.
 * Method: a forward proxy and servers of HTTP and HTTPS, as real ones.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { taskContext } from '../../../connect/contract/index.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import type { HttpClientOptions } from '../../../connectors/http-driver/client-options.ts'
import { HttpClient } from '../../../connectors/http-driver/http-client.ts'
import { RequestFailed, RequestRefused } from '../../../connectors/http-driver/request-errors.ts'
import { confluentSink } from '../../../connectors/http-sink/connector.ts'
import { selfSigned } from '../../certificates.ts'
import { freePort } from '../../running-broker.ts'
import { testProxy } from './forward-proxy.ts'
import { LOCAL, testServer } from './recording-server.ts'

function client(port: number, options: Partial<HttpClientOptions> = {}, authorization: string | null = null): HttpClient {
  const made = new HttpClient({
    tls: { truststore: null, keystore: null, checksHostName: true },
    proxy: { host: '127.0.0.1', port, authorization },
    connectTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    maxResponseBytes: 1024 * 1024,
    maxRedirects: 0,
    allowedAddresses: ['127.0.0.1'],
    connections: 2,
    ...options,
  })
  onTestFinished(() => made.close())
  return made
}

const post = (made: HttpClient, url: string) => made.send({ method: 'POST', url: new URL(url), headers: {}, body: 'x' })
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error as RequestFailed | RequestRefused,
  )
const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`

async function tlsServer() {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-http-proxy-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const authority = selfSigned({ subject: 'authority' })
  const own = authority.issue({ subject: 'server', names: ['api.example'] })
  const path = join(folder, 'ca.pem')
  writeFileSync(path, authority.certificate)
  const server = await testServer(() => ({ body: 'tls' }), { cert: own.certificate, key: own.key })
  return { server, tls: { truststore: { path, password: null }, keystore: null, checksHostName: true } }
}

test('http goes to the proxy with its whole URL; the password of the proxy does not reach the server', async () => {
  const proxy = await testProxy('user:secret')
  const server = await testServer(() => ({ body: 'ok' }))
  const made = client(proxy.port, {}, basic('user:secret'))
  const url = `http://api.example:${server.port}/in?a=1`
  for (let time = 0; time < 3; time++) expect((await post(made, url)).body.toString()).toBe('ok')
  expect(proxy.asked).toEqual([`POST ${url}`, `POST ${url}`, `POST ${url}`])
  expect(server.requests[0]).toMatchObject({ path: '/in?a=1', body: 'x', headers: { host: `api.example:${server.port}` } })
  expect(JSON.stringify(server.requests)).not.toMatch(/proxy-authorization/i)
})

test('https goes through a tunnel, and the certificate is that of the server', async () => {
  const proxy = await testProxy('user:secret')
  const { server, tls } = await tlsServer()
  const made = client(proxy.port, { tls }, basic('user:secret'))
  for (let time = 0; time < 3; time++) expect((await post(made, `https://api.example:${server.port}/`)).body.toString()).toBe('tls')
  expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT api.example:${server.port}`]))
  // As many as the client may have connections.
  expect(proxy.asked.length).toBeLessThanOrEqual(2)
  const wrongName = await errorOf(post(made, `https://other.example:${server.port}/`))
  expect(wrongName!.message).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/)
  const stranger = await errorOf(post(client(proxy.port, {}, basic('user:secret')), `https://api.example:${server.port}/`))
  expect((stranger as RequestRefused).about).toBe('certificate')
  expect(JSON.stringify(server.requests)).not.toMatch(/proxy-authorization/i)
})

test.each(['http', 'https'])('a proxy that refuses %s says which setting to change', async (scheme) => {
  const proxy = await testProxy('user:secret')
  const url = `${scheme}://api.example:${await freePort()}/`
  const unknown = await errorOf(post(client(proxy.port), url))
  expect(unknown).toBeInstanceOf(RequestRefused)
  expect(unknown).toMatchObject({ setting: 'http.proxy.user', message: expect.stringMatching(/http\.proxy\.password/) })
  const known = client(proxy.port, {}, basic('user:secret'))
  if (scheme === 'http') expect((await post(known, url)).status).toBe(502)
  else {
    expect(await errorOf(post(known, url))).toBeInstanceOf(RequestFailed)
    proxy.refusal = 403
    expect(await errorOf(post(known, url))).toMatchObject({
      setting: 'http.proxy.host',
      message: expect.stringMatching(/403.*allow it in the proxy/),
    })
  }
})

test.each(['http', 'https'])('a proxy that is away or silent is an error of the proxy in time, for %s', async (scheme) => {
  const away = await errorOf(post(client(await freePort()), `${scheme}://api.example/`))
  expect(away).toBeInstanceOf(RequestFailed)
  expect(away).toMatchObject({ setting: 'http.proxy.host', message: expect.stringMatching(/proxy cannot be used.*Nothing listens/) })
  const proxy = await testProxy()
  proxy.isSilent = true
  const silent = await errorOf(post(client(proxy.port, { requestTimeoutMs: 300, connectTimeoutMs: 300 }), `${scheme}://api.example/`))
  expect(silent).toBeInstanceOf(RequestFailed)
  expect(silent!.message).toMatch(/within 300 ms|proxy/)
})

test('a server that is no proxy is told from one that is away, and refuses the config', async () => {
  const noProxy = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end()))
  await new Promise<void>((resolve) => noProxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void noProxy.close())
  const { port } = noProxy.address() as AddressInfo
  const settings = { ...LOCAL, 'http.api.url': 'https://api.example/', 'http.proxy.host': '127.0.0.1', 'http.proxy.port': String(port) }
  const problems = await confluentSink.checkSystem!(parseSettings(confluentSink.settings, settings), new AbortController().signal)
  expect(problems).toEqual([{ setting: 'http.proxy.host', why: expect.stringMatching(/opens no tunnel to api\.example/) }])
})

test('a proxy inside of the network is used only where it is allowed, by the config and by the worker', async () => {
  const proxy = await testProxy()
  for (const options of [{ allowedAddresses: [] }, { addressLimit: ['10.0.0.0/8'] }])
    for (const url of ['http://api.example/', 'https://api.example/'])
      expect(await errorOf(post(client(proxy.port, options), url))).toMatchObject({ about: 'address' })
  expect(proxy.asked).toEqual([])
})

test.each(['http://169.254.169.254/latest', 'https://10.0.0.1/', 'http://127.0.0.1/', 'https://x.localhost/', 'http://[::ffff:10.0.0.1]/'])(
  '%s is not asked of a proxy where the address is not allowed',
  async (url) => {
    const proxy = await testProxy()
    const byName = { proxy: { host: 'localhost', port: proxy.port, authorization: null }, allowedAddresses: ['localhost'] }
    expect(await errorOf(post(client(proxy.port, byName), url))).toMatchObject({ about: 'address' })
    expect(await errorOf(post(client(proxy.port, { ...byName, allowedAddresses: ['*'], addressLimit: ['localhost'] }), url))).toMatchObject(
      {
        message: expect.stringMatching(/connector\.private\.addresses\.allowlist/),
      },
    )
    expect(proxy.asked).toEqual([])
  },
)

test("Confluent's settings of a proxy are used by the sink, for requests and for tokens", async () => {
  const proxy = await testProxy('user:secret')
  const server = await testServer(({ path }) => (path === '/token' ? { body: '{"access_token":"t"}' } : {}))
  const origin = `http://api.example:${server.port}`
  const config = {
    ...LOCAL,
    'http.api.url': `${origin}/in`,
    'http.proxy.host': '127.0.0.1',
    'http.proxy.user': 'user',
    'http.proxy.password': 'secret',
    'auth.type': 'OAUTH2',
    'oauth2.token.url': `${origin}/token`,
    'oauth2.client.id': 'id',
    'oauth2.client.secret': 'secret',
  }
  expect(confluentSink.check!(parseSettings(confluentSink.settings, config)).map(({ setting }) => setting)).toEqual(['http.proxy.port'])
  const settings = { ...config, 'http.proxy.port': String(proxy.port) }
  const wrong = parseSettings(confluentSink.settings, { ...settings, 'http.proxy.password': 'wrong' })
  expect((await confluentSink.checkSystem!(wrong, new AbortController().signal)).map(({ setting }) => setting)).toEqual(['http.proxy.user'])
  const stop = new AbortController()
  const task = await confluentSink.start(taskContext(confluentSink.settings, settings, stop.signal))
  onTestFinished(() => task.stop?.())
  const record = {
    topic: 't',
    partition: 0,
    offset: 0,
    key: null,
    keySchema: null,
    value: 'v',
    valueSchema: null,
    timestamp: 0,
    headers: [],
  }
  await task.write([{ ...record, timestampType: 'CreateTime' }])
  expect(server.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
    ['/token', expect.stringMatching(/^Basic/)],
    ['/in', 'Bearer t'],
  ])
})
