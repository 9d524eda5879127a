/**
 * Goal: no path, method or spelling leads past the login; what is exempt is exempt exactly. Method: `inject` against a
 * server whose every resource is served, with a login of one user.
 */
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { buildServer, type ServerOptions } from '../../../api/index.ts'
import { FAILED_LOGIN_BURST } from '../../../api/login/failed-logins.ts'
import type { PropertyFileUsers } from '../../../api/login/property-file-users.ts'
import { RestLogin } from '../../../api/login/rest-login.ts'
import { findResources } from '../../../api/resource.ts'
import { ConnectError } from '../../../connect/types.ts'
import { MemoryHerder, MemoryMirrors, testSystem } from '../fake-services.ts'

type Method = NonNullable<InjectOptions['method']>

let herder: MemoryHerder
let app: FastifyInstance
afterEach(() => app.close())

const users = { isPassword: (user: string, password: string) => user === 'alice' && password === 'secret' } as PropertyFileUsers
const right = `Basic ${Buffer.from('alice:secret').toString('base64')}`
const wrong = `Basic ${Buffer.from('alice:wrong').toString('base64')}`

async function start(more: Partial<ServerOptions> = {}): Promise<string[]> {
  const system = testSystem()
  herder = new MemoryHerder()
  const services = { worker: herder, mirrors: new MemoryMirrors('us->central'), system, version: '1' }
  app = buildServer({ ...services, login: new RestLogin([users], system), ...more })
  const routes = new Set<string>()
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.add(`${one} ${url}`)
  })
  await app.ready()
  expect((await findResources(services)).length).toBeGreaterThan(5)
  return [...routes]
}

async function send(method: string, url: string, headers: Record<string, string> = {}, payload?: string) {
  const response = await app.inject({ method: method as Method, url, headers, ...(payload === undefined ? {} : { payload }) })
  return { status: response.statusCode, headers: response.headers, body: response.body }
}

test('every route and method asks for a login, but those of other workers', async () => {
  const routes = await start()
  expect(routes.length).toBeGreaterThan(100)
  const open: string[] = []
  for (const route of routes) {
    const [method, url] = route.split(' ') as [string, string]
    const { status, headers, body } = await send(method, url.replace(/:\w+/g, 'x').replace('*', 'x'))
    if (status !== 401) open.push(route)
    else {
      expect(headers).toMatchObject({ 'www-authenticate': 'Basic realm="connect", charset="UTF-8"', connection: 'close' })
      if (method !== 'HEAD') expect(JSON.parse(body)).toEqual({ error_code: 401, message: 'User cannot access the resource.' })
    }
  }
  expect(open).toEqual(['POST /connectors/:connector/tasks', 'PUT /connectors/:connector/fence'])
})

test.each([
  '//connectors',
  '///health',
  '/./connectors',
  '/x/../connectors',
  '/CONNECTORS',
  '/Connectors/',
  '/%63onnectors',
  '/connectors%2F',
  '/connectors%2fx%2Ftasks',
  '/connectors/x%2Ftasks',
  '/connectors/x/tasks%2F',
  '/connectors/x/tasks/0/status/',
  '/connectors/x//tasks',
  '/connectors;a=b/x/tasks',
  '/connectors?forward=true',
  '/connectors#/health',
  '/health/../connectors',
  '/health;x',
  '/healthx',
  '/health%00',
  '/HEALTH',
  '/metrics/x',
  '/docs',
  '/docs/',
  '/docs/openapi.json',
  '/docs/../connectors',
  '/nope',
  '*',
  'http://localhost/connectors',
  'http://evil.example/connectors',
])('%s asks for a login, with every method, also where /health and /metrics are open', async (url) => {
  await start({ openPaths: ['/health', '/metrics'] })
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
    const { status } = await send(method, url)
    // POST of task configs is for other workers: without a signature it is refused by the herder.
    if (method === 'POST' && url.includes('/tasks') && status !== 401) expect(herder.signatures).toEqual([])
    else expect([method, status]).toEqual([method, 401])
  }
})

test('with a login everything is served as without one, the document of the API too', async () => {
  await start()
  for (const url of ['/', '/connectors', '/health', '/metrics', '/mirrors', '/admin/loggers', '/docs/openapi.json'])
    expect([url, (await send('GET', url, { authorization: right })).status]).toEqual([url, 200])
  expect((await send('GET', '/nope', { authorization: right })).status).toBe(404)
  expect((await send('TRACE', '/connectors', { authorization: right })).status).toBe(405)
})

test.each([
  '',
  'Basic',
  'Basic !!!',
  'Basic  YWxpY2U6c2VjcmV0',
  'Bearer YWxpY2U6c2VjcmV0',
  'Basic YWxpY2U=',
  'Basic OnNlY3JldA==',
  `${right}, ${right}`,
  `Basic ${Buffer.from('alice\0:secret').toString('base64')}`,
  `Basic ${Buffer.from('älice:пароль').toString('base64')}`,
  `Basic ${Buffer.from('a:l:i:c:e').toString('base64')}`,
  `Basic ${'A'.repeat(12_000)}`,
  wrong,
])('the header %j is refused', async (authorization) => {
  await start()
  expect((await send('GET', '/connectors', { authorization })).status).toBe(401)
})

test('what access.control.allow.anonymous opens may be read, and no more', async () => {
  await start({ openPaths: ['/health'] })
  for (const url of ['/health', '/health/', '/health?x=1']) expect((await send('GET', url)).status).toBe(200)
  expect((await send('HEAD', '/health')).status).toBe(200)
  expect((await send('GET', '/health', { authorization: wrong })).status).toBe(200)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) expect((await send(method, '/health')).status).toBe(401)
  expect((await send('GET', '/metrics')).status).toBe(401)
  expect((await send('GET', '/')).status).toBe(401)
})

test('a body is not read before the login', async () => {
  await start()
  const { status } = await send('POST', '/connectors', { 'content-type': 'application/json' }, '{broken')
  expect(status).toBe(401)
  expect((await send('POST', '/connectors', { authorization: right, 'content-type': 'application/json' }, '{broken')).status).toBe(400)
})

test('wrong passwords: 401, then 429 with Retry-After; others are not locked out', async () => {
  await start()
  const from = (remoteAddress: string, authorization: string) =>
    app.inject({ url: '/connectors', remoteAddress, headers: { authorization } })
  for (let index = 0; index < FAILED_LOGIN_BURST; index++) expect((await from('10.0.0.1', wrong)).statusCode).toBe(401)
  const blocked = await from('10.0.0.1', wrong)
  expect([blocked.statusCode, blocked.headers['retry-after'], blocked.json().error_code]).toEqual([429, '1', 429])
  expect((await from('10.0.0.2', right)).statusCode).toBe(200)
})

test('who has not logged in holds no connection; who has, keeps it', async () => {
  await start({ openPaths: ['/health'] })
  const connection = async (url: string, headers: Record<string, string> = {}) => {
    const { status, headers: got } = await send('GET', url, headers)
    return [status, got.connection]
  }
  expect(await connection('/health')).toEqual([200, 'close'])
  expect(await connection('/connectors')).toEqual([401, 'close'])
  expect(await connection('/connectors/%zz')).toEqual([400, 'close'])
  expect(await connection('/connectors', { origin: 'https://evil.example', authorization: right })).toEqual([403, 'close'])
  expect(await connection('/connectors', { authorization: right })).toEqual([200, 'keep-alive'])
  expect(await connection('/nope', { authorization: right })).toEqual([404, 'keep-alive'])
})

test("a preflight request has no credentials: its answer is that of cross-origin rules, and the page's request needs them", async () => {
  await start({ crossOrigin: { origins: 'https://console.example', methods: '' } })
  const origin = 'https://console.example'
  const preflight = await send('OPTIONS', '/connectors', { origin, 'access-control-request-method': 'GET' })
  expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([200, origin])
  const refused = await send('GET', '/connectors', { origin })
  expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin])
  expect((await send('GET', '/connectors', { origin, authorization: right })).status).toBe(200)
  // A browser that knows the password sends it for every page: the login does not replace decision 0005.
  expect((await send('GET', '/connectors', { origin: 'https://evil.example', authorization: right })).status).toBe(403)
})

test('a request of another worker is refused before its body is read where it has no signature', async () => {
  await start()
  const post = (headers: Record<string, string>) =>
    send('POST', '/connectors/x/tasks', { 'content-type': 'application/json', ...headers }, '{broken')
  expect((await post({})).body).toContain('Internal request missing required signature')
  herder.verifyInternalRequest = ({ body }) => {
    if (body) throw new ConnectError(403, `the signature of ${body}`)
  }
  expect((await post({})).body).toContain('the signature of {broken')
})
