/**
 * Goal: clients get their tokens as Kafka's clients do, and no endpoint can hold them up or make them tell a secret. Method: an endpoint on
 * 127.0.0.1 that answers what a test says.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { createSaslClient } from '../../../../core/security/sasl/sasl-client.ts'
import type { SaslClient } from '../../../../core/security/sasl/types.ts'
import { selfSigned } from '../../../certificates.ts'
import { until } from '../../../until.ts'
import { system } from './connected.ts'
import { goodClaims, type HttpEndpoint, httpEndpoint, inSeconds, newKey, signed } from './oauth-provider.ts'

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const CLIENT = 'sasl.oauthbearer.client.credentials.client'
const key = await newKey('k1')

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

function clientOf(url: string, settings: Record<string, string> = {}, options = ''): SaslClient {
  const client = createSaslClient(
    {
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.jaas.config': `${PACKAGE}.OAuthBearerLoginModule required ${options};`,
      'sasl.login.callback.handler.class': `${PACKAGE}.OAuthBearerLoginCallbackHandler`,
      'sasl.oauthbearer.token.endpoint.url': url,
      'sasl.login.retry.backoff.ms': '1',
      [`${CLIENT}.id`]: 'my client',
      [`${CLIENT}.secret`]: 'hunter2:&=',
      ...settings,
    },
    system,
    { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': url },
  )
  endings.push(() => client.close())
  return client
}

async function endpoint(answer: (response: ServerResponse, index: number) => void): Promise<HttpEndpoint> {
  const found = await httpEndpoint('/token', answer)
  endings.push(() => found.close())
  return found
}

const giving = (body: unknown) => (response: ServerResponse) => response.end(JSON.stringify(body))
const first = (client: SaslClient) => client.exchange().first()

describe('a token endpoint', () => {
  test('is asked by client credentials, once for all connections', async () => {
    const token = await signed(key, goodClaims())
    const provider = await endpoint(giving({ access_token: token, token_type: 'Bearer' }))
    const client = clientOf(provider.url, { 'sasl.oauthbearer.scope': 'a b' }, 'extension_traceId="7 8"')
    const messages = await Promise.all([first(client), first(client)])
    expect(messages.map(String)).toEqual(Array(2).fill(`n,,\x01auth=Bearer ${token}\x01traceId=7 8\x01\x01`))
    expect(provider.requests).toHaveLength(1)
    const { headers, body } = provider.requests[0]!
    expect(body).toBe('grant_type=client_credentials&scope=a+b')
    expect(headers.authorization).toBe(`Basic ${Buffer.from('my client:hunter2:&=').toString('base64')}`)
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(client.credentialsEndMs()).toBeGreaterThan(Date.now() + 3_500_000)
  })

  test('gets ids and secrets of JAAS options, and encoded where the setting says so', async () => {
    const provider = await endpoint(giving({ id_token: await signed(key, goodClaims()) }))
    const settings = { [`${CLIENT}.id`]: '', [`${CLIENT}.secret`]: '', 'sasl.oauthbearer.header.urlencode': 'true' }
    await first(clientOf(provider.url, settings, 'clientId="my client" clientSecret="a&b"'))
    expect(provider.requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('my+client:a%26b').toString('base64')}`)
  })

  test('is asked again after a failure that may pass', async () => {
    const token = await signed(key, goodClaims())
    const provider = await endpoint((response, index) => {
      if (index < 2) response.writeHead(503).end()
      else response.end(JSON.stringify({ access_token: token }))
    })
    expect(String(await first(clientOf(provider.url)))).toContain(token)
    expect(provider.requests).toHaveLength(3)
  })

  test('is not asked again after one that does not, and the error of the provider is told', async () => {
    const provider = await endpoint((response) =>
      response.writeHead(401).end(JSON.stringify({ error: 'invalid_client', error_description: 'no hunter2' })),
    )
    await expect(first(clientOf(provider.url))).rejects.toThrow(
      expect.objectContaining({ message: `${provider.url} responded with 401 (invalid_client)`, retriable: false }),
    )
    expect(provider.requests).toHaveLength(1)
  })

  test('that does not answer is given up in time', async () => {
    const provider = await endpoint(() => {})
    const settings = { 'sasl.login.connect.timeout.ms': '20', 'sasl.login.read.timeout.ms': '20', 'sasl.login.retry.backoff.max.ms': '50' }
    await expect(first(clientOf(provider.url, settings))).rejects.toThrow(
      expect.objectContaining({ message: `${provider.url} could not be reached: no response within 40 ms`, retriable: true }),
    )
  })

  test('by TLS is trusted by the trust store that the login module names', async () => {
    const authority = selfSigned({ subject: 'Test Authority' })
    const token = await signed(key, goodClaims())
    const certificate = authority.issue({ subject: 'provider', names: ['127.0.0.1'] })
    const provider = await httpEndpoint('/token', giving({ access_token: token }), certificate)
    endings.push(() => provider.close())
    const folder = mkdtempSync(join(tmpdir(), 'token-source-'))
    endings.push(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'ca.pem'), authority.certificate)
    const options = `ssl.truststore.type=PEM ssl.truststore.location="${join(folder, 'ca.pem')}"`
    expect(String(await first(clientOf(provider.url, {}, options)))).toContain(token)
    const untrusting = clientOf(provider.url, { 'sasl.login.retry.backoff.max.ms': '5' })
    await expect(first(untrusting)).rejects.toThrow('its certificate is not accepted')
    expect(() => clientOf(provider.url, {}, 'ssl.truststore.type=PEM ssl.truststore.location="/none.pem"')).toThrow('/none.pem')
  })

  test('that does not answer is left at once when the client closes', async () => {
    const provider = await endpoint(() => {})
    const client = clientOf(provider.url)
    const failed = first(client).catch((error: Error) => error)
    await until(() => provider.requests.length === 1, 'the request')
    client.close()
    expect(await failed).toMatchObject({ name: 'SaslError' })
  })

  test('that is not there', async () => {
    const provider = await endpoint(() => {})
    await provider.close()
    await expect(first(clientOf(provider.url, { 'sasl.login.retry.backoff.max.ms': '5' }))).rejects.toThrow(
      'could not be reached: ECONNREFUSED',
    )
  })

  test('that leads elsewhere is not followed', async () => {
    const elsewhere = await endpoint(giving({ access_token: await signed(key, goodClaims()) }))
    const provider = await endpoint((response) => response.writeHead(307, { location: elsewhere.url }).end())
    await expect(first(clientOf(provider.url, { 'sasl.login.retry.backoff.max.ms': '5' }))).rejects.toThrow(
      `${provider.url} responded with 307, and redirects are not followed: set the URL that it leads to`,
    )
    expect(elsewhere.requests).toEqual([])
  })

  test('that sends without an end is cut off', async () => {
    const provider = await endpoint((response) => {
      const more = () => {
        while (response.write(Buffer.alloc(65_536, 97)));
        response.once('drain', more)
      }
      more()
    })
    await expect(first(clientOf(provider.url))).rejects.toThrow('the response is longer than 1048576 bytes')
  })

  test.each<[string, unknown]>([
    ['no JSON', 'secret-token'],
    ['no token', { token_type: 'secret-token' }],
    ['a number', { access_token: 7 }],
    ['no JWT', { access_token: 'secret-token' }],
    ['a JWT without claims', { access_token: 'a.e30.c' }],
    ['a JWT that is not JSON', { access_token: 'a.secret-token.c' }],
    ['a token that is too long', { access_token: `a.${'secret-token'.repeat(50_000)}.c` }],
  ])('%s: refused, and it is not repeated', async (_, body) => {
    const provider = await endpoint((response) => response.end(typeof body === 'string' ? body : JSON.stringify(body)))
    const failure = await first(clientOf(provider.url)).catch((error: Error) => error)
    expect(failure).toMatchObject({ name: 'SaslError', message: expect.not.stringContaining('secret-token') })
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['exp', { exp: undefined }, 'exp value must be non-null'],
    ['exp', { exp: 'soon' }, 'exp value must be a number'],
    ['exp', { exp: -1 }, 'exp value must be non-negative'],
    ['iat', { iat: -1 }, 'iat value must be non-negative'],
    ['sub', { sub: undefined }, 'sub value must be non-null'],
    ['sub', { sub: ' ' }, 'sub value must be non-empty'],
    ['sub', { sub: 7 }, 'sub value must be a string'],
    ['scope', { scope: '' }, 'scope value must be non-empty'],
    ['scope', { scope: ['a', 'a'] }, 'scope value must not contain duplicates'],
  ])('a wrong claim %s', async (_, claims, message) => {
    const token = `${Buffer.from('{}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...goodClaims(), ...claims })).toString('base64url')}.x`
    const provider = await endpoint(giving({ access_token: token }))
    await expect(first(clientOf(provider.url))).rejects.toThrow(message)
  })

  test('claims of other names', async () => {
    const provider = await endpoint(
      giving({ access_token: await signed(key, { iat: inSeconds(0), exp: inSeconds(60), user: 'a', groups: ['g'] }) }),
    )
    const names = { 'sasl.oauthbearer.sub.claim.name': 'user', 'sasl.oauthbearer.scope.claim.name': 'groups' }
    expect(String(await first(clientOf(provider.url, names)))).toContain('auth=Bearer ')
  })
})

describe('a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sasl-token-'))
  const file = join(folder, 'token')
  const url = pathToFileURL(file).href

  test('has the token, and another one after a while', async () => {
    for (const sub of ['alice', 'bob']) {
      const token = await signed(key, { ...goodClaims(), sub })
      writeFileSync(file, `${token}\n`)
      expect(String(await first(clientOf(url)))).toBe(`n,,\x01auth=Bearer ${token}\x01\x01`)
    }
  })

  test('that is missing', async () => {
    rmSync(folder, { recursive: true })
    await expect(first(clientOf(url))).rejects.toThrow(
      expect.objectContaining({ message: expect.stringContaining(`(${file}) that doesn't exist`) }),
    )
  })
})

test('unsecured tokens have the claims of the JAAS options', async () => {
  const options =
    'unsecuredLoginStringClaim_sub="alice" unsecuredLoginNumberClaim_n="1.5" unsecuredLoginListClaim_scope=",a,b" unsecuredLoginLifetimeSeconds="60" unsecuredLoginExtension_x="y"'
  const client = createSaslClient(
    { 'sasl.mechanism': 'OAUTHBEARER', 'sasl.jaas.config': `${PACKAGE}.OAuthBearerLoginModule required ${options};` },
    system,
  )
  endings.push(() => client.close())
  const [, auth, extension] = String(await first(client)).split('\x01')
  expect(extension).toBe('x=y')
  const token = auth!.replace('auth=Bearer ', '')
  const [header, claims, signature] = token.split('.')
  const json = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  expect(json(header!)).toEqual({ alg: 'none' })
  expect(json(claims!)).toEqual({ sub: 'alice', n: 1.5, scope: ['a', 'b'], iat: expect.any(Number), exp: expect.any(Number) })
  expect(json(claims!).exp - json(claims!).iat).toBeCloseTo(60)
  expect(signature).toBe('')
})
