/**
 * Goal: a request arrives as it was given, by TLS only at a server that is trusted, and ends when its signal says so. Method: servers on
 * 127.0.0.1.
 */
import { afterEach, expect, test } from 'vitest'
import { type HttpRequest, sendHttpRequest } from '../../../core/system/http-request.ts'
import { selfSigned } from '../../certificates.ts'
import { until } from '../../until.ts'
import { type HttpEndpoint, httpEndpoint } from '../security/sasl/oauth-provider.ts'

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})
const endpoint = async (...given: Parameters<typeof httpEndpoint>): Promise<HttpEndpoint> => {
  const found = await httpEndpoint(...given)
  endings.push(() => found.close())
  return found
}
const requestOf = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  ...{ url: new URL(url), method: 'GET', headers: {}, tls: null },
  ...more,
})
const never = new AbortController().signal

test('a body and headers arrive, and a redirect is not followed', async () => {
  const server = await endpoint('/a', (response) => response.writeHead(302, { location: '/b' }).end('elsewhere'))
  const request = requestOf(server.url, { method: 'POST', headers: { accept: 'text/plain' }, body: 'grüße' })
  const response = await sendHttpRequest(request, never)
  expect(response.statusCode).toBe(302)
  expect(String(Buffer.concat(await response.toArray()))).toBe('elsewhere')
  expect(server.requests).toHaveLength(1)
  expect(server.requests[0]).toMatchObject({ headers: { accept: 'text/plain', connection: 'close' }, body: 'grüße' })
})

test('a server of https is one that the given authorities vouch for', async () => {
  const authority = selfSigned({ subject: 'Authority' })
  const certificate = authority.issue({ subject: 'server', names: ['127.0.0.1'] })
  const server = await endpoint('/a', (response) => response.end('x'), certificate)
  const trusted = await sendHttpRequest(requestOf(server.url, { tls: { ca: authority.certificate } }), never)
  expect(trusted.statusCode).toBe(200)
  trusted.resume()
  await expect(sendHttpRequest(requestOf(server.url), never)).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  expect(server.requests).toHaveLength(1)
})

test('the signal ends a request without a response, and a response without an end', async () => {
  const server = await endpoint('/a', (response, index) => void (index === 1 && response.write('first')))
  const silent = new AbortController()
  const waiting = sendHttpRequest(requestOf(server.url), silent.signal)
  await until(() => server.requests.length === 1, 'the request')
  silent.abort()
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  const endless = new AbortController()
  const response = await sendHttpRequest(requestOf(server.url), endless.signal)
  const read = response.toArray()
  endless.abort()
  await expect(read).rejects.toThrow('aborted')
})
