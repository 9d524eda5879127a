/**
 * Goal: a token of OAuth 2.0 is asked for once, renewed before it expires and after a 401, and never shown. Method: a token endpoint and a
 * server in the test.
 */
import { expect, onTestFinished, test } from 'vitest'
import { AuthorizedClient } from '../../../connectors/http-driver/authorized-client.ts'
import type { ClientCredentials } from '../../../connectors/http-driver/client-options.ts'
import { RequestFailed, RequestRefused } from '../../../connectors/http-driver/request-errors.ts'
import { type Reply, testServer } from './recording-server.ts'

const json = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value) })

function authorized(tokenUrl: string, parts: Partial<ClientCredentials> = {}, allowedAddresses = ['127.0.0.0/8']): AuthorizedClient {
  const client = new AuthorizedClient(
    {
      tls: { truststore: null, keystore: null, checksHostName: true },
      connectTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      maxResponseBytes: 65536,
      maxRedirects: 5,
      allowedAddresses,
      connections: 8,
    },
    {
      type: 'oauth2',
      credentials: {
        tokenUrl,
        id: 'me:x',
        secret: 'p w',
        scope: 'a b',
        mode: 'header',
        tokenProperty: 'access_token',
        headers: {},
        ...parts,
      },
    },
  )
  onTestFinished(() => client.close())
  return client
}

const send = (client: AuthorizedClient, url: string) => client.send({ method: 'POST', url: new URL(url), headers: {}, body: 'b' })
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error as Error,
  )

test('requests at the same time share one token, in the header or in the form', async () => {
  const tokens = await testServer(() => json({ access_token: 'abc', expires_in: 3600 }))
  const server = await testServer()
  const client = authorized(tokens.url)
  await Promise.all(Array.from({ length: 10 }, () => send(client, server.url)))
  expect(tokens.requests).toHaveLength(1)
  expect(tokens.requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me%3Ax:p+w').toString('base64')}`)
  expect(tokens.requests[0]!.body).toBe('grant_type=client_credentials&scope=a+b')
  expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer abc']))
  await send(authorized(tokens.url, { mode: 'url', scope: null }), server.url)
  expect(tokens.requests[1]!.body).toBe('grant_type=client_credentials&client_id=me%3Ax&client_secret=p+w')
  expect(tokens.requests[1]!.headers.authorization).toBeUndefined()
})

test('a task that stops does not wait for a token endpoint that never answers', async () => {
  const tokens = await testServer(() => null)
  const server = await testServer()
  const client = authorized(tokens.url)
  const stop = new AbortController()
  const sending = client.send({ method: 'GET', url: new URL(server.url), headers: {}, signal: stop.signal })
  await expect.poll(() => tokens.requests.length).toBe(1)
  stop.abort(new Error('stopping'))
  await expect(sending).rejects.toThrow('stopping')
  expect(server.requests).toEqual([])
})

test('a token is renewed when it has expired, and after a 401', async () => {
  let given = 0
  const tokens = await testServer(() => json({ access_token: `t${++given}`, expires_in: given === 1 ? 0.001 : 3600 }))
  let refused = 't2'
  const server = await testServer(({ headers }) => ({ status: headers.authorization === `Bearer ${refused}` ? 401 : 200 }))
  const client = authorized(tokens.url)
  await send(client, server.url)
  expect((await send(client, server.url)).status).toBe(200)
  expect(server.requests.at(-1)!.headers.authorization).toBe('Bearer t3')
  refused = 't4'
  expect((await send(client, server.url)).status).toBe(200)
  expect(given).toBe(3)
})

test('requests that get a 401 at the same time ask for one token, which stays good', async () => {
  let given = 0
  // Each token ends the one before it.
  const tokens = await testServer(() => json({ access_token: `t${++given}` }))
  let arrived = 0
  const all = Promise.withResolvers<void>()
  const server = await testServer(async ({ headers }) => {
    const accepted = `Bearer t${given}`
    if (headers.authorization === 'Bearer t1') {
      // The first is refused at once, the others after a new token is there.
      if (++arrived > 1) await all.promise
      return { status: 401 }
    }
    return { status: headers.authorization === accepted ? 200 : 401 }
  })
  const client = authorized(tokens.url)
  const sent = Array.from({ length: 6 }, () => send(client, server.url))
  await Promise.race(sent)
  all.resolve()
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
  expect(given).toBe(2)
})

test('a refused client is told from an endpoint that is away, and no secret is in the error', async () => {
  let reply: Reply = json({ error: 'invalid_client', error_description: 'p w' }, 401)
  const tokens = await testServer(() => reply)
  const client = authorized(tokens.url)
  const refusal = await errorOf(client.authorize())
  expect(refusal).toBeInstanceOf(RequestRefused)
  expect(refusal!.message).toMatch(/401 \(invalid_client\): check the URL, the client id/)
  expect(refusal!.message).not.toContain('p w')
  reply = { status: 503 }
  expect(await errorOf(client.authorize())).toBeInstanceOf(RequestFailed)
  reply = { status: 200, body: '<html>' }
  expect((await errorOf(client.authorize()))!.message).toMatch(/does not answer with JSON/)
  reply = json({ token: 'x' })
  expect((await errorOf(client.authorize()))!.message).toMatch(/no token in "access_token"/)
  reply = json({ access_token: 'x\r\nhost: evil' })
  expect(await errorOf(client.authorize())).toBeInstanceOf(RequestRefused)
  reply = json({ access_token: 'fine' })
  await client.authorize()
})

test('a token endpoint inside of the network is refused, and none may redirect the secret', async () => {
  const other = await testServer(() => json({ access_token: 'x' }))
  const tokens = await testServer(() => ({ status: 307, headers: { location: other.url } }))
  expect(((await errorOf(authorized(tokens.url, {}, []).authorize())) as RequestRefused).about).toBe('address')
  expect(tokens.connections).toBe(0)
  expect((await errorOf(authorized(tokens.url, { mode: 'url' }).authorize()))!.message).toMatch(/redirects/)
  expect(other.requests).toHaveLength(0)
})
