/**
 * Goal: a web page of another origin cannot use a person's browser to manage the worker, and clients that are no browser are never refused.
 * Method: `inject` with the headers that browsers and other clients really send.
 */
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { buildServer, type ServerOptions } from '../../../api/index.ts'
import { MemoryHerder, MemoryMirrors, testSystem } from '../fake-services.ts'

type Method = NonNullable<InjectOptions['method']>
type Headers = Readonly<Record<string, string>>

let herder: MemoryHerder
let app: FastifyInstance
afterEach(() => app.close())

const OWN = ['Worker-1', 'worker-1.example.com:443', 'bücher.example']
const start = (more: Partial<ServerOptions> = {}) => {
  herder = new MemoryHerder()
  herder.stored.set('x', { config: { 'connector.class': 'FileStreamSource' }, state: 'RUNNING', tasks: 1, offsets: [] })
  const services = { worker: herder, mirrors: new MemoryMirrors('us->central'), system: testSystem(), version: '1' }
  app = buildServer({ ...services, ownHosts: OWN, ...more })
}

async function send(method: Method, url: string, headers: Headers) {
  const response = await app.inject({ method, url, headers: { host: 'localhost:8083', ...headers } })
  return { status: response.statusCode, body: response.body, headers: response.headers }
}

const page = 'http://evil.example'
/** What a browser sends over plain HTTP to a host that is not localhost: no Sec-Fetch headers. */
const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', 'accept-language': 'en-US,en;q=0.5' }

describe("another site's page", () => {
  test.each([
    ['POST', '/connectors/x/restart'],
    ['PUT', '/connectors/x/pause'],
    ['PUT', '/connectors/x/stop'],
    ['DELETE', '/connectors/x'],
    ['PUT', '/connectors/x/topics/reset'],
    ['PUT', '/mirrors/us-%3Ecentral/pause'],
    ['PUT', '/admin/loggers/root'],
    ['GET', '/connectors?expand=info'],
    ['GET', '/metrics'],
    ['GET', '/docs/openapi.json'],
    ['OPTIONS', '/connectors'],
    ['GET', '/nope'],
  ] as const)('cannot send %s %s', async (method, url) => {
    start()
    const foreign: Headers[] = [
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', origin: page },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
      // Another port of this machine is the same site, and another origin
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: 'http://localhost:3000' },
      { ...browser, origin: page },
      { ...browser, origin: 'http://localhost:3000' },
      { ...browser, origin: 'null' },
      { 'sec-fetch-site': 'same-origin, cross-site' },
    ]
    for (const headers of foreign) {
      const { status, body } = await send(method, url, headers)
      expect([headers, status]).toEqual([headers, 403])
      expect(JSON.parse(body)).toEqual({ error_code: 403, message: expect.stringContaining('access.control.allow.origin') })
    }
    expect(herder.stored.get('x')?.state).toBe('RUNNING')
  })

  test('gets no answer to a form either, whatever its body', async () => {
    start()
    const { status } = await send('POST', '/connectors', { origin: page, 'content-type': 'text/plain' })
    expect(status).toBe(403)
  })

  test('may link to the API: a person who follows the link sees the answer', async () => {
    start()
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', ...browser }
    expect((await send('GET', '/connectors', link)).status).toBe(200)
    expect((await send('GET', '/docs/', link)).status).toBe(200)
    expect((await send('POST', '/connectors/x/restart', link)).status).toBe(403)
    expect((await send('GET', '/docs/', { ...link, 'sec-fetch-dest': 'iframe' })).status).toBe(403)
  })

  test('may call where access.control.allow.origin names its origin, or all', async () => {
    for (const origins of ['http://ui.example, http://other.example', '*']) {
      start({ crossOrigin: { origins, methods: '' } })
      const allowed = { origin: 'http://ui.example', host: 'connect.example.com', ...browser }
      expect((await send('POST', '/connectors/x/restart', allowed)).status).toBe(204)
      expect((await send('POST', '/connectors/x/restart', { ...allowed, 'sec-fetch-site': 'cross-site' })).status).toBe(204)
      expect((await send('GET', '/connectors', { ...allowed, 'sec-fetch-site': 'same-site' })).status).toBe(200)
      if (origins !== '*') expect((await send('GET', '/connectors', { ...browser, origin: page })).status).toBe(403)
      await app.close()
    }
    start()
  })
})

describe("the worker's own page", () => {
  test.each<Headers>([
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', origin: 'http://localhost:8083' },
    { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
    { ...browser, origin: 'http://localhost:8083' },
    { ...browser, host: 'worker-1:80', origin: 'http://worker-1' },
    { ...browser, host: 'worker-1.example.com', origin: 'https://worker-1.example.com' },
    { ...browser, host: 'WORKER-1.example.com.:8083' },
    browser,
  ])('works: %j', async (headers) => {
    start()
    expect((await send('GET', '/docs/', headers)).status).toBe(200)
    expect((await send('POST', '/connectors/x/restart', headers)).status).toBe(204)
  })
})

describe('a browser that was sent here under a name of somebody else (DNS rebinding)', () => {
  test.each<Headers>([
    { host: 'evil.example:8083', ...browser },
    { host: 'evil.example:8083', origin: 'http://evil.example:8083' },
    { host: 'evil.example:8083', referer: 'http://evil.example:8083/' },
    { host: 'evil.example', 'sec-fetch-site': 'same-origin' },
    // What a page can hide of its browser, it has hidden
    { host: 'evil.example', 'user-agent': 'curl/8', accept: '*/*', 'accept-language': '' },
    { host: 'localhost.evil.example', ...browser },
    { host: '127.0.0.1.evil.example', ...browser },
    { host: 'localhost@evil.example', ...browser },
    { host: 'evil.example/localhost', ...browser },
  ])('is refused: %j', async (headers) => {
    start()
    for (const method of ['GET', 'POST'] as const) {
      const { status, body } = await send(method, '/connectors', headers)
      expect(status).toBe(403)
      expect(JSON.parse(body)).toEqual({ error_code: 403, message: expect.stringContaining('access.control.allow.hosts') })
      expect(body).not.toContain('<')
    }
  })

  test.each([
    'localhost',
    'LOCALHOST:8083',
    '127.0.0.1',
    '127.5.5.5:8083',
    '[::1]:8083',
    // A page at an address was loaded from that address
    '192.168.1.20:8083',
    '[2001:db8::7]:8083',
    'worker-1:8083',
    'worker-1.example.com',
    'xn--bcher-kva.example',
  ])('is served under a name of the worker: %s', async (host) => {
    start()
    expect((await send('GET', '/connectors', { ...browser, host })).status).toBe(200)
  })

  test('is served under any name where access.control.allow.hosts is *', async () => {
    start({ ownHosts: ['*'] })
    expect((await send('GET', '/connectors', { ...browser, host: 'anything.example' })).status).toBe(200)
    expect((await send('GET', '/connectors', { host: 'anything.example', origin: page })).status).toBe(403)
  })
})

describe('a client that is no browser', () => {
  const clients: Record<string, Headers> = {
    curl: { 'user-agent': 'curl/8.5.0', accept: '*/*' },
    'the Java client': { 'user-agent': 'Java-http-client/21', 'content-type': 'application/json' },
    'Python requests': { 'user-agent': 'python-requests/2.32', accept: '*/*', 'accept-encoding': 'gzip, deflate' },
    "Node's fetch": { 'user-agent': 'node', accept: '*/*', 'accept-language': '*', 'sec-fetch-mode': 'cors' },
    PowerShell: { 'user-agent': 'Mozilla/5.0 (Windows NT; Windows NT 10.0) WindowsPowerShell/5.1' },
    Prometheus: { 'user-agent': 'Prometheus/3.0', accept: 'text/plain', 'x-prometheus-scrape-timeout-seconds': '10' },
  }
  test.each(Object.entries(clients))('%s is served under every name, as in Docker Compose and Kubernetes', async (_name, headers) => {
    start()
    for (const host of ['connect:8083', 'connect.kafka.svc.cluster.local', 'connect.example.com', 'whatever.example:80']) {
      expect((await send('GET', '/connectors', { ...headers, host })).status).toBe(200)
      expect((await send('POST', '/connectors/x/restart', { ...headers, host })).status).toBe(204)
    }
  })

  test.each(Object.entries(clients))('%s must name the server where it listens on loopback only', async (_name, headers) => {
    start({ loopbackOnly: true })
    for (const host of ['localhost:8083', '127.0.0.1:8083', '[::1]:8083', 'worker-1:8083'])
      expect((await send('GET', '/connectors', { ...headers, host })).status).toBe(200)
    const refused = await send('POST', '/connectors/x/restart', { ...headers, host: 'evil.example:8083' })
    expect(refused.status).toBe(403)
    expect(refused.body).toContain('access.control.allow.hosts')
  })
})
