/**
 * Goal: a listener with OAUTHBEARER treats tokens, good and bad, as that of Apache Kafka. Method: a broker of each with the same settings,
 * their keys from an endpoint by TLS and from a file; each token goes to both, and what the clients are told, for how long they are logged
 * in and whether the connection stays open is compared. Kafka's tool logs in to ours with client credentials.
 */
import { createHmac, createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { CompactEncrypt, CompactSign, importJWK, UnsecuredJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import describeCluster from '../../core/apis/60-describe-cluster.ts'
import { errorName } from '../../core/errors.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { selfSigned } from '../certificates.ts'
import {
  goodClaims,
  type HttpEndpoint,
  httpEndpoint,
  inSeconds,
  newKey,
  type SigningKey,
  signed,
} from '../core/security/sasl/oauth-provider.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

// A JVM beside others on a machine with few cores.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const ALLOWED = 'org.apache.kafka.sasl.oauthbearer.allowed.urls'
const DELAY_MS = 700

const folder = mkdtempSync(join(tmpdir(), 'oauth-listener-'))
const caFile = join(folder, 'ca.pem')
const jwksFile = join(folder, 'jwks.json')
const authority = selfSigned({ subject: 'Test Authority' })
const certificate = authority.issue({ subject: 'provider', names: ['localhost', '127.0.0.1'] })
const trust = `ssl.truststore.type=PEM ssl.truststore.location="${caFile}"`

const key = await newKey('k1')
const stranger = await newKey('k1')
const unknown = await newKey('k9')
const elliptic = await newKey('ec', 'ES256')
const edwards = await newKey('ed', 'EdDSA')
/** The key of an RSA signature of one kind only, and one that is not for signatures. */
const [strict, encryption] = [await newKey('strict'), await newKey('enc')]
const published: SigningKey[] = [key, elliptic, edwards]
const jwks = () =>
  JSON.stringify({
    keys: [
      ...published.map(({ publicJwk }) => publicJwk),
      { ...strict.publicJwk, alg: 'RS256' },
      { ...encryption.publicJwk, use: 'enc' },
      { kty: 'oct', kid: 'shared', k: Buffer.alloc(32, 7).toString('base64url') },
    ],
  })

type Side = 'kafka' | 'ours'
type Listener = 'JWT' | 'FILE'
const ports = { kafka: { JWT: 0, FILE: 0 }, ours: { JWT: 0, FILE: 0 } }
let endpoints: Record<Side, HttpEndpoint>
const serving = (response: ServerResponse): unknown => response.end(jwks())
/** Of the JWKS endpoints. */
let answer = serving
let elsewhere: HttpEndpoint
const redirected = await newKey('redirected')
let tokens: HttpEndpoint
let kafka: KafkaBroker
let ours: BrokerInProcess

const settingsOf = (side: Side): Record<string, string> => ({
  'sasl.enabled.mechanisms': 'OAUTHBEARER',
  'connection.failed.authentication.delay.ms': `${DELAY_MS}`,
  ...Object.fromEntries(
    ['jwt', 'file'].flatMap((name) => [
      [
        `listener.name.${name}.oauthbearer.sasl.jaas.config`,
        `${PACKAGE}.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=broker ${trust};`,
      ],
      [`listener.name.${name}.oauthbearer.sasl.server.callback.handler.class`, `${PACKAGE}.OAuthBearerValidatorCallbackHandler`],
    ]),
  ),
  'listener.name.jwt.sasl.oauthbearer.jwks.endpoint.url': endpoints[side].url,
  'listener.name.jwt.sasl.oauthbearer.expected.audience': 'kafka,other',
  'listener.name.jwt.sasl.oauthbearer.expected.issuer': 'us',
  'listener.name.file.sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(jwksFile).href,
  'listener.name.file.sasl.oauthbearer.sub.claim.name': 'user',
  'listener.name.file.sasl.oauthbearer.scope.claim.name': 'roles',
  'listener.name.file.oauthbearer.connections.max.reauth.ms': '60000',
})
const protocols = 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,JWT:SASL_PLAINTEXT,FILE:SASL_PLAINTEXT'

beforeAll(async () => {
  writeFileSync(caFile, authority.certificate)
  writeFileSync(jwksFile, jwks())
  const serve = () => httpEndpoint('/jwks', (response) => answer(response), certificate)
  endpoints = { kafka: await serve(), ours: await serve() }
  elsewhere = await httpEndpoint('/jwks', (response) => response.end(JSON.stringify({ keys: [redirected.publicJwk] })), certificate)
  tokens = await httpEndpoint(
    '/token',
    async (response) => response.end(JSON.stringify({ access_token: await signed(key, claims()) })),
    certificate,
  )
  const allowed = [endpoints.kafka.url, endpoints.ours.url, tokens.url, pathToFileURL(jwksFile).href].join(',')
  vi.stubEnv('KAFKA_OPTS', `-D${ALLOWED}=${allowed}`)
  ports.kafka = { JWT: await freePort(), FILE: await freePort() }
  kafka = await startApacheKafka((port) => {
    const listeners = `PLAINTEXT://127.0.0.1:${port},JWT://127.0.0.1:${ports.kafka.JWT},FILE://127.0.0.1:${ports.kafka.FILE}`
    return {
      ...settingsOf('kafka'),
      listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': listeners,
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': protocols,
    }
  })
  const listeners = 'PLAINTEXT://127.0.0.1:0,JWT://127.0.0.1:0,FILE://127.0.0.1:0'
  ours = await brokerInProcess(
    { ...settingsOf('ours'), listeners, 'listener.security.protocol.map': protocols },
    {},
    { [ALLOWED]: allowed },
  )
  for (const { listener, port } of ours.broker.addresses) if (listener in ports.ours) ports.ours[listener as Listener] = port
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await kafka?.stop()
  await ours?.stop()
  for (const endpoint of [endpoints?.kafka, endpoints?.ours, elsewhere, tokens]) await endpoint?.close()
  rmSync(folder, { recursive: true, force: true })
})

const claims = () => ({ ...goodClaims(), aud: 'kafka', iss: 'us' })
const firstMessage = (token: string) => Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)

interface Outcome {
  readonly answers: unknown[]
  readonly after: 'open' | 'closed'
}

const authenticate = (client: RawClient, authBytes: Buffer) => client.send(saslAuthenticate, 2, { authBytes })

/** What a client sees that sends this message, acknowledges a challenge, and then sends a request. */
async function outcome(side: Side, listener: Listener, message: Buffer): Promise<Outcome & { elapsedMs: number }> {
  const client = await rawClient(ports[side][listener])
  const answers: unknown[] = []
  const started = performance.now()
  let elapsedMs = 0
  try {
    answers.push(errorName((await client.send(saslHandshake, 1, { mechanism: 'OAUTHBEARER' })).errorCode))
    for (let next: Buffer | null = message; next; ) {
      const answer: Awaited<ReturnType<typeof authenticate>> = await authenticate(client, next)
      const { errorCode, errorMessage, authBytes, sessionLifetimeMs } = answer
      elapsedMs = performance.now() - started
      const challenge = authBytes.toString()
      // Two brokers are asked one after the other.
      answers.push({ error: errorName(errorCode), errorMessage, challenge, lifetime: Math.round(Number(sessionLifetimeMs) / 100_000) })
      next = errorCode === 0 && challenge !== '' ? Buffer.from([1]) : null
    }
    const { errorCode } = await client.send(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 })
    answers.push(errorName(errorCode))
    return { answers, after: 'open', elapsedMs }
  } catch (error) {
    answers.push((error as Error).message)
    await client.whenClosed()
    return { answers, after: 'closed', elapsedMs }
  } finally {
    client.close()
  }
}

async function withBoth(listener: Listener, message: Buffer): Promise<Outcome> {
  const { elapsedMs: _, ...theirs } = await outcome('kafka', listener, message)
  const { elapsedMs, ...mine } = await outcome('ours', listener, message)
  expect(mine).toEqual(theirs)
  return theirs
}

const loggedIn = { after: 'open' }
const refused = {
  after: 'closed',
  answers: expect.arrayContaining([
    { error: 'NONE', errorMessage: '', challenge: '{"status":"invalid_token"}', lifetime: 0 },
    { error: 'SASL_AUTHENTICATION_FAILED', errorMessage: '{"status":"invalid_token"}', challenge: '', lifetime: 0 },
  ]),
}

const base64url = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const ofText = async (payload: string, header: object = {}): Promise<string> =>
  new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header } as never).sign(key.privateKey)
const as = async (source: SigningKey, alg: string): Promise<SigningKey> => {
  const { exportJWK } = await import('jose')
  return {
    ...source,
    alg,
    privateKey: (await importJWK({ ...(await exportJWK(source.privateKey)), alg }, alg)) as SigningKey['privateKey'],
  }
}
const byHmac = (secret: Buffer | string, header: object, body: object) => {
  const text = `${base64url(header)}.${base64url(body)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}
const publicPem = () => createPublicKey({ key: key.publicJwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })

type Make = () => Promise<string> | string
const good: readonly (readonly [string, Make])[] = [
  ['a good one', () => signed(key, claims())],
  ['one of several audiences', () => signed(key, { ...claims(), aud: ['web', 'other'] })],
  ['no scope', () => signed(key, { ...claims(), scope: undefined })],
  ['PS256 with an RSA key', async () => signed(await as(key, 'PS256'), claims())],
  ['RS512', async () => signed(await as(key, 'RS512'), claims())],
  ['ES256', () => signed(elliptic, claims())],
  ['EdDSA', () => signed(edwards, claims())],
  ['a typ of access tokens', () => signed(key, claims(), { typ: 'at+jwt' })],
  ['an end that is no whole number', () => signed(key, { ...claims(), exp: inSeconds(3600) + 0.5 })],
  ['100 kB of claims', () => signed(key, { ...claims(), groups: 'g'.repeat(75_000) })],
  ['380 kB of claims', () => signed(key, { ...claims(), groups: 'g'.repeat(285_000) })],
  ['a URL for keys in the header', () => signed(key, claims(), { jku: 'https://127.0.0.1:9/jwks', x5u: 'https://127.0.0.1:9/x' })],
  ['a key in the header, signed by the right one', () => signed(key, claims(), { jwk: stranger.publicJwk })],
]
const bad: readonly (readonly [string, Make])[] = [
  ['expired', () => signed(key, { ...claims(), iat: inSeconds(-600), exp: inSeconds(-60) })],
  ['not valid yet', () => signed(key, { ...claims(), nbf: inSeconds(600) })],
  ['of another issuer', () => signed(key, { ...claims(), iss: 'them' })],
  ['of no issuer', () => signed(key, { ...claims(), iss: undefined })],
  ['for another audience', () => signed(key, { ...claims(), aud: 'web' })],
  ['for no audience', () => signed(key, { ...claims(), aud: undefined })],
  ['for an empty list of audiences', () => signed(key, { ...claims(), aud: [] })],
  ['no user', () => signed(key, { ...claims(), sub: undefined })],
  ['a user that is a number', () => signed(key, { ...claims(), sub: 7 as never })],
  ['an empty scope', () => signed(key, { ...claims(), scope: '' })],
  ['an end that is text', () => signed(key, { ...claims(), exp: `${inSeconds(3600)}` as never })],
  ['no end', () => signed(key, { ...claims(), exp: undefined })],
  ['signed by another key of the same id', () => signed(stranger, claims())],
  ['signed by a key in the header', () => signed(stranger, claims(), { jwk: stranger.publicJwk })],
  ['an unknown key id', () => signed(unknown, claims())],
  ['an unknown key id with the right key', () => signed(key, claims(), { kid: 'k8' })],
  ['a key id of 2,000 characters', () => signed(key, claims(), { kid: 'k'.repeat(2_000) })],
  ['alg none', () => new UnsecuredJWT(claims()).encode()],
  ['alg none with a key id', () => `${base64url({ alg: 'none', kid: 'k1' })}.${base64url(claims())}.`],
  ['alg None with a signature', async () => `${base64url({ alg: 'None', kid: 'k1' })}.${base64url(claims())}.${base64url('x')}`],
  ['HS256 with the public key as the secret', () => byHmac(publicPem(), { alg: 'HS256', kid: 'k1' }, claims())],
  ['HS256 with the modulus as the secret', () => byHmac(key.publicJwk.n!, { alg: 'HS256', kid: 'k1' }, claims())],
  ['RS256 by an elliptic key', async () => signed({ ...key, publicJwk: elliptic.publicJwk }, claims())],
  ['a key for encryption', () => signed(encryption, claims())],
  [
    'changed claims',
    async () => {
      const [header, , signature] = (await signed(key, claims())).split('.')
      return `${header}.${base64url({ ...claims(), sub: 'admin' })}.${signature}`
    },
  ],
  ['a signature that is cut', async () => (await signed(key, claims())).slice(0, -8)],
  ['no signature', async () => `${(await signed(key, claims())).split('.').slice(0, 2).join('.')}.`],
  ['two parts', async () => (await signed(key, claims())).split('.').slice(0, 2).join('.')],
  ['a header that is no JSON', async () => `${base64url('{"alg"')}.${base64url(claims())}.${base64url('x')}`],
  ['an unknown critical header', async () => byHmac('x', { alg: 'RS256', kid: 'k1', crit: ['next'], next: true }, claims())],
  ['claims that are a list', () => ofText('[]')],
  ['claims that are no JSON', () => ofText('{"sub":')],
  [
    'encrypted',
    async () => {
      const publicKey = await importJWK({ ...key.publicJwk, alg: 'RSA-OAEP' }, 'RSA-OAEP')
      return new CompactEncrypt(Buffer.from(await signed(key, claims())))
        .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', kid: 'k1' })
        .encrypt(publicKey)
    },
  ],
]

describe('the same tokens', () => {
  test.each(good)('let in: %s', async (_, make) => {
    expect(await withBoth('JWT', firstMessage(await make()))).toMatchObject(loggedIn)
  })

  test.each(bad)('refused: %s', async (_, make) => {
    expect(await withBoth('JWT', firstMessage(await make()))).toMatchObject(refused)
  })

  test.each<[string, Buffer]>([
    ['an empty token', firstMessage('')],
    ['an empty message', Buffer.alloc(0)],
    ['a message larger than sasl.server.max.receive.size', firstMessage('t'.repeat(524_288))],
    ['characters that are none of a token', firstMessage('a b')],
  ])('the same end: %s', async (_, message) => {
    expect(await withBoth('JWT', message)).toMatchObject({ after: 'closed' })
  })

  test('a refusal comes after connection.failed.authentication.delay.ms', async () => {
    const message = firstMessage(await signed(stranger, claims()))
    for (const side of ['kafka', 'ours'] as const)
      expect((await outcome(side, 'JWT', message)).elapsedMs, side).toBeGreaterThanOrEqual(DELAY_MS - 50)
  })

  test.each<[string, object, object]>([
    ['claims of the configured names', {}, loggedIn],
    ['the default names only', { user: undefined, sub: 'alice' }, refused],
    ['roles twice', { roles: ['a', 'a'] }, refused],
    ['an audience that nobody expects', { aud: 'kafka' }, refused],
  ])('keys in a file, other names of claims: %s', async (_, changes, expected) => {
    const token = await signed(key, { user: 'bob', roles: ['a'], iat: inSeconds(0), exp: inSeconds(3600), ...changes })
    expect(await withBoth('FILE', firstMessage(token))).toMatchObject(expected)
  })
})

describe('where we differ', () => {
  test.each<[string, Make]>([
    ['a token in a token', async () => ofText(await signed(key, claims()), { cty: 'JWT' })],
    ['PS256 where the key is for RS256', async () => signed(await as(strict, 'PS256'), claims())],
  ])('Kafka lets it in, we do not: %s', async (_, make) => {
    const message = firstMessage(await make())
    expect((await outcome('kafka', 'JWT', message)).after).toBe('open')
    expect(await outcome('ours', 'JWT', message)).toMatchObject(refused)
  })
})

test('a new key is found, and made up key ids do not become requests', async () => {
  const rotated = await newKey('k2')
  published.push(rotated)
  const message = firstMessage(await signed(rotated, claims()))
  for (const side of ['kafka', 'ours'] as const) {
    await until(async () => (await outcome(side, 'JWT', message)).after === 'open', `${side} has the new key`, 30_000)
    const before = endpoints[side].requests.length
    const flood = await Promise.all(
      Array.from({ length: 30 }, async (_, index) =>
        outcome(side, 'JWT', firstMessage(await signed(unknown, claims(), { kid: `made-up-${index}` }))),
      ),
    )
    for (const one of flood) expect(one).toMatchObject(refused)
    const requests = () => endpoints[side].requests.length - before
    expect(requests(), side).toBeLessThan(10)
  }
})

describe('keys that cannot be read', () => {
  const held: ServerResponse[] = []
  afterEach(() => {
    answer = serving
    for (const response of held.splice(0)) response.destroy()
  })

  test.each<[string, (response: ServerResponse) => unknown]>([
    ['an error', (response) => response.writeHead(500).end()],
    ['a page', (response) => response.end('<html></html>')],
    ['an empty list', (response) => response.end('{"keys":7}')],
    [
      'no end',
      (response) => {
        response.write('{"keys":[')
        held.push(response)
      },
    ],
    ['a connection that ends', (response) => response.destroy()],
  ])('%s: both go on with the keys that they have', async (name, broken) => {
    answer = broken
    for (const side of ['kafka', 'ours'] as const) {
      const before = endpoints[side].requests.length
      const refresh = firstMessage(await signed(unknown, claims(), { kid: `looked for: ${name}` }))
      expect(await outcome(side, 'JWT', refresh)).toMatchObject(refused)
      await until(() => endpoints[side].requests.length > before, `${side} reads the keys again`, 30_000)
    }
    expect(await withBoth('JWT', firstMessage(await signed(key, claims())))).toMatchObject(loggedIn)
  })

  test('elsewhere: Kafka follows a redirect, we do not', async () => {
    answer = (response) => response.writeHead(302, { location: elsewhere.url }).end()
    const message = firstMessage(await signed(redirected, claims()))
    await until(async () => (await outcome('kafka', 'JWT', message)).after === 'open', 'Kafka has the key', 30_000)
    const before = elsewhere.requests.length
    expect(await outcome('ours', 'JWT', message)).toMatchObject(refused)
    await until(() => ours.lines.some(({ details }) => inspect(details).includes('redirects are not followed')), 'we say so', 30_000)
    expect(elsewhere.requests).toHaveLength(before)
  })
})

test("Kafka's tool logs in with client credentials, and says the same of a secret that is refused", async () => {
  const file = (name: string, url: string) => {
    const path = join(folder, `${name}.properties`)
    const lines = {
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.jaas.config': `${PACKAGE}.OAuthBearerLoginModule required ${trust};`,
      'sasl.login.callback.handler.class': `${PACKAGE}.OAuthBearerLoginCallbackHandler`,
      'sasl.oauthbearer.token.endpoint.url': url,
      'sasl.oauthbearer.client.credentials.client.id': 'tool',
      'sasl.oauthbearer.client.credentials.client.secret': 'tool-secret',
    }
    writeFileSync(
      path,
      Object.entries(lines)
        .map((line) => `${line.join('=')}\n`)
        .join(''),
    )
    return path
  }
  const create = (side: Side, config: string, topic: string) =>
    kafkaTool(
      ['kafka-topics', '--bootstrap-server', `127.0.0.1:${ports[side].JWT}`, '--command-config', config, '--create', '--topic', topic],
      undefined,
      180_000,
    )
  const before = tokens.requests.length
  expect(await create('ours', file('tool', tokens.url), 'by-token')).toContain('Created topic by-token.')
  const { headers, body } = tokens.requests[before]!
  expect(headers.authorization).toBe(`Basic ${Buffer.from('tool:tool-secret').toString('base64')}`)
  expect(body).toBe('grant_type=client_credentials')
})
