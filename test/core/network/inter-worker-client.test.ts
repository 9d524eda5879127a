/**
 * Goal: a request of a worker reaches another one over http and https, with its certificate, and a failure says which setting to look at.
 * Method: real servers on loopback with certificates made here.
 */
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { InterWorkerClient, RESPONSE_LIMIT_BYTES, type RestRequest } from '../../../core/network/inter-worker-client.ts'
import { TlsStores } from '../../../core/security/tls/tls-stores.ts'
import { realSystem } from '../../../core/system/index.ts'
import { selfSigned, type TestCertificate } from '../../certificates.ts'

const system = realSystem('silent')
const authority = selfSigned({ subject: 'Authority' })
const other = selfSigned({ subject: 'Another authority' })
const worker = authority.issue({ subject: 'worker', names: ['localhost'] })

const running: Server[] = []
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
})

const handler: Parameters<typeof createServer>[1] = (request, response) => {
  if (request.url === '/huge') {
    // More than it says is never sent: the client must stop by itself.
    response.writeHead(200)
    const send = () => response.write(Buffer.alloc(1024 * 1024)) && setImmediate(send)
    response.on('drain', send)
    send()
    return
  }
  if (request.url === '/redirect') return void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
  if (request.url === '/never') return
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString() }))
  })
}

async function listen(certificate?: TestCertificate, more: object = {}): Promise<string> {
  const server = certificate
    ? createSecureServer({ key: certificate.key, cert: certificate.certificate, ca: authority.certificate, ...more }, handler)
    : createServer(handler)
  running.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `${certificate ? 'https' : 'http'}://localhost:${(server.address() as AddressInfo).port}`
}

const settings = (trusted = authority, own: TestCertificate | null = null): Record<string, string> => ({
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': trusted.certificate,
  ...(own && { 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': own.key, 'ssl.keystore.certificate.chain': own.certificate }),
})
const clientOf = (given: Record<string, string>) => new InterWorkerClient(() => new TlsStores(given, 'client', system), system.clock)

const request = (more: Partial<RestRequest> = {}): RestRequest => ({
  method: 'POST',
  headers: { authorization: 'Basic planted-secret', 'content-type': 'application/json' },
  body: '{"ü":1}',
  signal: new AbortController().signal,
  ...more,
})
const failure = (client: InterWorkerClient, url: string, more: Partial<RestRequest> = {}) =>
  client.request(new URL(url), request(more)).then(
    () => expect.unreachable('it should fail'),
    (error: Error) => {
      expect(inspect(error, { depth: 12, showHidden: true })).not.toMatch(/planted-secret/)
      return error.message
    },
  )

test.each([
  ['http', undefined],
  ['https', worker],
] as const)('%s: method, headers and body arrive, status and body come back', async (_, certificate) => {
  const url = await listen(certificate)
  const response = await clientOf(settings()).request(new URL(`${url}/x?forward=true`), request())
  expect([response.status, response.headers['content-type']]).toEqual([200, 'application/json'])
  expect(JSON.parse(response.body.toString())).toMatchObject({
    method: 'POST',
    headers: { authorization: 'Basic planted-secret', 'content-length': '8' },
    body: '{"ü":1}',
  })
  const empty = await clientOf(settings()).request(new URL(url), request({ method: 'DELETE', body: null }))
  expect(JSON.parse(empty.body.toString())).toMatchObject({ method: 'DELETE', body: '' })
})

test('over http no store is opened', async () => {
  const client = new InterWorkerClient(() => expect.unreachable('no store is needed'), system.clock)
  expect((await client.request(new URL(await listen()), request())).status).toBe(200)
})

test('mutual TLS: with the key store of the worker only', async () => {
  const url = await listen(worker, { requestCert: true, rejectUnauthorized: true })
  expect((await clientOf(settings(authority, authority.issue({ subject: 'us' }))).request(new URL(url), request())).status).toBe(200)
  const stranger = selfSigned({ subject: 'Another authority' }).issue({ subject: 'us' })
  expect(await failure(clientOf(settings(authority, stranger)), url)).toMatch(
    /may not accept the certificate of this worker, see its log.*ssl.keystore.location/,
  )
  expect(await failure(clientOf(settings()), url)).toMatch(
    /does not accept the certificate of this worker, or there is none .*ssl.keystore.location/,
  )
})

test('the certificate must be trusted, and have the name of the URL', async () => {
  const url = await listen(worker)
  expect(await failure(clientOf(settings(other)), url)).toMatch(
    /^https:\/\/localhost:\d+ cannot be reached: .* not trusted .*ssl.truststore.location/,
  )
  const byAddress = url.replace('localhost', '127.0.0.1')
  expect(await failure(clientOf(settings()), byAddress)).toMatch(/is not for 127.0.0.1: set rest.advertised.host.name/)
  const unchecked = clientOf({ ...settings(), 'ssl.endpoint.identification.algorithm': '' })
  expect((await unchecked.request(new URL(byAddress), request())).status).toBe(200)
  const expired = await listen(authority.issue({ subject: 'worker', names: ['localhost'], from: -10, to: -1 }))
  expect(await failure(clientOf(settings()), expired)).toMatch(/has expired/)
})

test('https to a port of http, and a port where nothing listens', async () => {
  const plain = (await listen()).replace('http:', 'https:')
  expect(await failure(clientOf(settings()), plain)).toMatch(/does not speak TLS there: check its rest.advertised.listener/)
  expect(await failure(clientOf(settings()), 'http://127.0.0.1:1')).toMatch(/ECONNREFUSED/)
})

test('a redirect is not followed; a response without end is given up at its limit', async () => {
  const url = await listen()
  expect((await clientOf({}).request(new URL(`${url}/redirect`), request())).status).toBe(302)
  expect(await failure(clientOf({}), `${url}/huge`)).toContain(`longer than ${RESPONSE_LIMIT_BYTES} bytes`)
})

test('a request ends with its signal, and at its deadline', async () => {
  const url = new URL(`${await listen()}/never`)
  const stopped = new AbortController()
  const pending = clientOf({}).request(url, request({ signal: stopped.signal }))
  stopped.abort(new Error('stopped'))
  await expect(pending).rejects.toThrow('stopped')
  let expire: () => void = () => {}
  const clock = {
    ...system.clock,
    after: (_: number, task: () => void) => {
      expire = task
      return { cancel: () => {} }
    },
  }
  const late = new InterWorkerClient(() => new TlsStores({}, 'client', system), clock).request(url, request())
  expire()
  await expect(late).rejects.toThrow(/no response within 90 s/)
})
