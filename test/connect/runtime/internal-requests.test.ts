/**
 * Goal: only workers of the group can send the leader task configs, and Kafka Connect's workers accept our requests. Method: Kafka
 * Connect's signature of a known body with a known key, and every invalid request.
 */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { forwardFencing, forwardTaskConfigs, verify } from '../../../connect/runtime/internal-requests.ts'
import { ConnectError } from '../../../connect/types.ts'
import { InterWorkerClient } from '../../../core/network/inter-worker-client.ts'
import { realClock } from '../../../core/system/clock.ts'

const session = { key: Buffer.from('eGlsKEvMjLa2j/d+JZatzPvbtV3EaB9hYCHeJsW1DZg=', 'base64'), algorithm: 'HmacSHA256', createdAt: 1 }
const body = Buffer.from('[{"a":"1"}]')
const key = createHmac('sha256', session.key).update(body).digest('base64')
const good = { key, algorithm: 'HmacSHA256', body }
const status = (work: () => void) => {
  try {
    work()
    return 0
  } catch (error) {
    return (error as ConnectError).status
  }
}

test('a request that is not signed, or not well, is refused as Kafka Connect refuses it', () => {
  const algorithms = ['HmacSHA256']
  expect(status(() => verify(good, session, algorithms))).toBe(0)
  expect(status(() => verify({ ...good, key: null }, session, algorithms))).toBe(400)
  expect(status(() => verify({ ...good, algorithm: null }, session, algorithms))).toBe(400)
  expect(status(() => verify({ ...good, algorithm: 'HmacMD5' }, session, algorithms))).toBe(400)
  expect(status(() => verify(good, null, algorithms))).toBe(503)
  expect(status(() => verify({ ...good, body: Buffer.from('[{"a":"2"}]') }, session, algorithms))).toBe(403)
  expect(status(() => verify({ ...good, key: 'short' }, session, algorithms))).toBe(403)
})

test('task configs and fencing requests are signed as the bytes that are sent; the error of a refusal names the leader and the connector', async () => {
  let seen: { url: string; ok: boolean } | null = null
  let answer = 204
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const signature = {
        key: String(request.headers['x-connect-authorization']),
        algorithm: String(request.headers['x-connect-request-signature-algorithm']),
        body: Buffer.concat(chunks),
      }
      seen = { url: request.url!, ok: status(() => verify(signature, session, ['HmacSHA256'])) === 0 }
      response.writeHead(answer).end(answer === 204 ? undefined : 'not now')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
  const { signal } = new AbortController()
  const client = new InterWorkerClient(() => {
    throw new Error('http needs no stores')
  }, realClock)
  const requests = { client, session, algorithm: 'HmacSHA256' }
  await forwardTaskConfigs(requests, url, 'a/b c', [{ x: 'ü' }], signal)
  expect(seen).toEqual({ url: '/connectors/a%2Fb%20c/tasks', ok: true })
  await forwardFencing(requests, url, 'a/b c', signal)
  expect(seen).toEqual({ url: '/connectors/a%2Fb%20c/fence', ok: true })
  answer = 409
  const refused = await forwardTaskConfigs(requests, url, 'a', [], signal).catch((error) => error)
  expect(refused).toBeInstanceOf(ConnectError)
  expect(refused.message).toMatch(/refused the task configs of a: 409 not now/)
  await new Promise((resolve) => server.close(resolve))
})
