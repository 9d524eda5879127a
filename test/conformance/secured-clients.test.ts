/**
 * Goal: clients of others log in to secured listeners unchanged: by each mechanism with TLS and without it, and by a certificate; they log
 * in again when a token ends, and what they are told of a wrong password or token is known. Method: each client creates a topic, produces
 * and consumes; an OAuth provider on 127.0.0.1 gives tokens and has the keys.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import alterScram from '../../core/apis/51-alter-user-scram-credentials.ts'
import { saltedPasswordSync, scramAlgorithms } from '../../core/security/sasl/scram-mechanism.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { goodClaims, type HttpEndpoint, httpEndpoint, inSeconds, newKey, signed } from '../core/security/sasl/oauth-provider.ts'
import { type SecuredListeners, securedListenersIn } from '../secured-listeners.ts'
import { kcatMissing } from '../services/kcat.ts'
import { type Bearer, type Password, type RoundTrip, roundTrips, type SecuredLogin, viaTributary } from './secured-round-trips.ts'

// Forty logins beside other processes.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const ALLOWED = 'org.apache.kafka.sasl.oauthbearer.allowed.urls'
/**
 * A session that begins with the last fifth of a token must be renewed later than a second after its login, as in Kafka. The whole seconds
 * of a JWT make it up to a second shorter.
 */
const SHORT_SECONDS = 8

const folder = mkdtempSync(join(tmpdir(), 'secured-clients-'))
const jwksFile = join(folder, 'jwks.json')
const tokenFile = join(folder, 'token')
const key = await newKey('k1')
const stranger = await newKey('k1')
const claims = (seconds = 3600) => ({ ...goodClaims(), exp: inSeconds(seconds), iss: 'us', aud: 'kafka' })

let secured: SecuredListeners
let broker: BrokerInProcess
let jwks: HttpEndpoint
let provider: HttpEndpoint
let shortLived: HttpEndpoint
let forger: HttpEndpoint

const giving = (make: () => Promise<string>) => async (response: ServerResponse) =>
  // Librdkafka wants the type of the content.
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ access_token: await make(), token_type: 'Bearer' }))

/** SASL_SSL has its keys from an endpoint by TLS, SASL_PLAINTEXT from a file. */
const bearerSettings = (): Record<string, string> => ({
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
  'listener.name.session.sasl.enabled.mechanisms': 'PLAIN',
  ...Object.fromEntries(
    ['sasl_ssl', 'sasl_plaintext'].flatMap((listener) => [
      [
        `listener.name.${listener}.oauthbearer.sasl.jaas.config`,
        `${PACKAGE}.OAuthBearerLoginModule required ssl.truststore.type=PEM ssl.truststore.location="${secured.caFile}";`,
      ],
      [`listener.name.${listener}.oauthbearer.sasl.server.callback.handler.class`, `${PACKAGE}.OAuthBearerValidatorCallbackHandler`],
      [`listener.name.${listener}.sasl.oauthbearer.expected.audience`, 'kafka'],
      [`listener.name.${listener}.sasl.oauthbearer.expected.issuer`, 'us'],
    ]),
  ),
  'listener.name.sasl_ssl.sasl.oauthbearer.jwks.endpoint.url': jwks.url,
  'listener.name.sasl_plaintext.sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(jwksFile).href,
})

beforeAll(async () => {
  secured = securedListenersIn()
  const keys = JSON.stringify({ keys: [key.publicJwk] })
  writeFileSync(jwksFile, keys)
  const certificate = secured.authority.issue({ subject: 'provider', names: ['127.0.0.1'] })
  jwks = await httpEndpoint('/jwks', (response) => response.end(keys), certificate)
  provider = await httpEndpoint(
    '/token',
    giving(() => signed(key, claims())),
  )
  shortLived = await httpEndpoint(
    '/token',
    giving(() => signed(key, claims(SHORT_SECONDS))),
  )
  forger = await httpEndpoint(
    '/token',
    giving(() => signed(stranger, claims())),
  )
  const allowed = `${jwks.url},${pathToFileURL(jwksFile).href}`
  broker = await brokerInProcess({ ...secured.properties, ...bearerSettings() }, {}, { [ALLOWED]: allowed })
  const admin = await broker.client()
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const salt = Buffer.from('0123456789abcdef')
    const saltedPassword = saltedPasswordSync(mechanism, 'carol-secret', salt, 4096)
    const upsertion = { name: 'carol', mechanism: scramAlgorithms[mechanism].type, iterations: 4096, salt, saltedPassword }
    const { results } = await admin.send(alterScram, 0, { deletions: [], upsertions: [upsertion] })
    expect(results[0]!.errorCode).toBe(0)
  }
})

afterAll(async () => {
  await broker?.stop()
  for (const endpoint of [jwks, provider, shortLived, forger]) await endpoint?.close()
  secured.remove()
  rmSync(folder, { recursive: true })
})

const bearer = (endpoint: HttpEndpoint): Bearer => ({
  mechanism: 'OAUTHBEARER',
  endpoint: endpoint.url,
  clientId: 'client',
  clientSecret: 'client-secret',
  async token() {
    const response = await fetch(endpoint.url, { method: 'POST' })
    return ((await response.json()) as { access_token: string }).access_token
  },
})
const plain: Password = { mechanism: 'PLAIN', user: 'alice', password: 'alice-secret' }
const scram = (mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512'): Password => ({ mechanism, user: 'carol', password: 'carol-secret' })

type Listener = 'SASL_PLAINTEXT' | 'SASL_SSL' | 'SSL' | 'MTLS'
type Credentials = () => Password | Bearer | null
const mechanisms: readonly Credentials[] = [() => plain, () => scram('SCRAM-SHA-256'), () => scram('SCRAM-SHA-512'), () => bearer(provider)]
const names = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']
const logins: readonly [string, Listener, Credentials][] = [
  ...(['SASL_PLAINTEXT', 'SASL_SSL'] as const).flatMap((listener) =>
    mechanisms.map((credentials, index): [string, Listener, Credentials] => [`${listener} with ${names[index]}`, listener, credentials]),
  ),
  ['SSL', 'SSL', () => null],
  ['MTLS', 'MTLS', () => null],
]

const loginOf = (listener: Listener, sasl: Password | Bearer | null): SecuredLogin => ({
  address: `localhost:${broker.broker.addresses.find((address) => address.listener === listener)!.port}`,
  tls:
    listener === 'SASL_PLAINTEXT'
      ? null
      : {
          ca: secured.authority.certificate,
          caFile: secured.caFile,
          key: secured.client.key,
          cert: secured.client.certificate,
          certFile: secured.clientFile,
        },
  sasl,
})

describe.each(roundTrips)('%s', (client, roundTrip) => {
  test.each(logins)('logs in to %s', async (name, listener, credentials) => {
    const topic = `${client}-${name}`.replace(/[^a-zA-Z0-9-]/g, '-')
    expect(await roundTrip(loginOf(listener, credentials()), topic)).toBe(`by ${client}`)
  })

  test('logs in again when its token ends, and no record is refused', async () => {
    const count = (message: string) => broker.lines.filter((line) => line.message === message).length
    /** Logins on connections that were logged in already. */
    const renewals = () => count('login succeeded') - count('TLS handshake succeeded')
    const warnings = () => broker.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message)
    const [renewalsBefore, warningsBefore] = [renewals(), warnings().length]
    const enough = () => renewals() - renewalsBefore >= 3
    const value = await roundTrip(loginOf('SASL_SSL', bearer(shortLived)), `${client}-again`, () => !enough())
    expect(value).toBe(`by ${client}`)
    expect(warnings().slice(warningsBefore)).toEqual([])
  })
})

test('tributary logs in with a token of a file', async () => {
  writeFileSync(tokenFile, await signed(key, claims()))
  const sasl = { ...bearer(provider), endpoint: pathToFileURL(tokenFile).href }
  expect(await viaTributary(loginOf('SASL_SSL', sasl), 'by-file')).toBe('by tributary')
})

/** Of an error, of its causes and of those that it collects. */
const messagesOf = (error: unknown): string[] => {
  if (!(error instanceof Error)) return []
  const { errors = [] } = error as { errors?: unknown[] }
  return [error.message, ...messagesOf(error.cause), ...errors.flatMap(messagesOf)]
}

async function refusal(roundTrip: RoundTrip, login: SecuredLogin): Promise<string> {
  const error: unknown = await roundTrip(login, 'refused').then(
    () => expect.fail('it worked'),
    (thrown) => thrown,
  )
  return messagesOf(error).join('\n')
}

/**
 * What each client says of a password, and of a token. Those that do not acknowledge the refusal of a token, as RFC 7628 says, see only its
 * end; librdkafka has its reason in its log, which kcat shows.
 */
const told: Readonly<Record<(typeof roundTrips)[number][0], { password: RegExp; token: RegExp }>> = {
  kafkajs: { password: /^SASL .* authentication failed: Authentication failed/, token: /^Closed connection$/ },
  platformatic: {
    password: /SASL authentication failed|Authentication failed/i,
    token: /Request is not valid given the current SASL state/,
  },
  librdkafka: { password: /BrokerTransportFailure/, token: /BrokerTransportFailure/ },
  tributary: {
    password: /the broker answered Authentication failed/,
    token: /the broker answered \{"status":"invalid_token"\}: check the token/,
  },
}

describe.each(roundTrips)('%s is told', (client, roundTrip) => {
  const wrong = { password: 'wrong' }
  test.each<[string, 'password' | 'token', Credentials]>([
    ['a wrong password (PLAIN)', 'password', () => ({ ...plain, ...wrong })],
    ['a wrong password (SCRAM-SHA-256)', 'password', () => ({ ...scram('SCRAM-SHA-256'), ...wrong })],
    ['a wrong password (SCRAM-SHA-512)', 'password', () => ({ ...scram('SCRAM-SHA-512'), ...wrong })],
    ['a token of another key', 'token', () => bearer(forger)],
  ])('%s', async (_, kind, credentials) => {
    for (const listener of ['SASL_SSL', 'SASL_PLAINTEXT'] as const) {
      const message = await refusal(roundTrip, loginOf(listener, credentials()))
      expect(message).toMatch(told[client][kind])
      expect(message).not.toMatch(/wrong|client-secret/)
    }
  })
})

test.skipIf((await kcatMissing()) !== null).each<[string, Record<string, string>]>([
  ['a wrong password (PLAIN)', { 'sasl.mechanisms': 'PLAIN', 'sasl.username': 'alice', 'sasl.password': 'wrong' }],
  ['a wrong password (SCRAM-SHA-512)', { 'sasl.mechanisms': 'SCRAM-SHA-512', 'sasl.username': 'carol', 'sasl.password': 'wrong' }],
  [
    'a token without a signature',
    { 'sasl.mechanisms': 'OAUTHBEARER', 'enable.sasl.oauthbearer.unsecure.jwt': 'true', 'sasl.oauthbearer.config': 'principal=alice' },
  ],
])('kcat is told %s', async (_, settings) => {
  for (const listener of ['SASL_SSL', 'SASL_PLAINTEXT'] as const) {
    const { address } = loginOf(listener, null)
    const lines = { 'security.protocol': listener.toLowerCase(), 'ssl.ca.location': secured.caFile, ...settings }
    const options = Object.entries(lines).flatMap((line) => ['-X', line.join('=')])
    const stderr = await promisify(execFile)('kcat', ['-b', address, '-L', '-m', '3', ...options]).then(
      () => expect.fail('it worked'),
      (error: { stderr: string }) => error.stderr,
    )
    expect(stderr).toMatch(/SASL authentication error: (Authentication failed|\{"status":"invalid_token"\})/)
  }
})
