/**
 * Goal: SASL with us is SASL with Kafka, from both sides. Method: our clients log in to Apache Kafka, by SaslHandshake and
 * SaslAuthenticate on a socket; Kafka's tools log in to our servers, which stand in front of a listener of the same broker. Who is refused
 * gets the same error from both.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UnsecuredJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import { errorName } from '../../core/errors.ts'
import { createSaslClient, createSaslServer, type SaslMechanism, type SaslServer, type ScramUsers } from '../../core/security/sasl/index.ts'
import { isScramMechanism } from '../../core/security/sasl/scram-mechanism.ts'
import { scramRecord } from '../../core/storage/scram-credential.ts'
import { system } from '../core/security/sasl/connected.ts'
import { goodClaims, inSeconds, newKey, signed } from '../core/security/sasl/oauth-provider.ts'
import { rawClient } from '../raw-client.ts'
import { freePort } from '../running-broker.ts'
import { kafkaScript, kafkaTool } from './apache-kafka.ts'
import { type Launched, launch } from './launch.ts'
import { type SaslFront, saslFront } from './sasl-front.ts'

// Each tool starts a JVM.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const PACKAGE = 'org.apache.kafka.common.security'
const UNSECURED = `${PACKAGE}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const SECURED = `${PACKAGE}.oauthbearer.OAuthBearerValidatorCallbackHandler`
const LOGIN = `${PACKAGE}.oauthbearer.OAuthBearerLoginCallbackHandler`
/** Characters that SASLprep would change. */
const SCRAM_PASSWORD = 'ﬁsh-Å-\u00ad-日本'
const PLAIN_PASSWORD = 'plain secret'
const SALT = 'c2FsdCBvZiBhIHRlc3Q='

const folder = mkdtempSync(join(tmpdir(), 'sasl-kafka-'))
const jwksFile = join(folder, 'jwks.json')
const tokenFile = join(folder, 'token')
const [jwksUrl, tokenUrl] = [pathToFileURL(jwksFile).href, pathToFileURL(tokenFile).href]
const KAFKA_OPTS = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl},${tokenUrl}`
const properties = { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': `${jwksUrl},${tokenUrl}` }
const key = await newKey('k1')
const stranger = await newKey('k1')
const jwt = {
  'sasl.oauthbearer.jwks.endpoint.url': jwksUrl,
  'sasl.oauthbearer.expected.audience': 'kafka',
  'sasl.oauthbearer.expected.issuer': 'us',
}
const claims = () => ({ ...goodClaims(), aud: 'kafka', iss: 'us' })

let kafka: Launched
let front: SaslFront
/** On the listeners SASL (users and unsecured tokens) and JWT of Kafka, and in front of its listener FRONT. */
let [saslPort, jwtPort, frontPort]: number[] = []
let ours: Record<'sasl' | 'jwt', SaslServer[]>

const added = (mechanism: string) => `${mechanism}=[name=alice,salt=${SALT},password=${SCRAM_PASSWORD}]`
const users: ScramUsers = {
  credential(mechanism, user) {
    const record = scramRecord(added(mechanism), () => Buffer.alloc(0))
    if (user !== 'alice' || record.type !== 'UserScramCredentialRecord') return null
    const { salt, storedKey, serverKey, iterations } = record
    return { salt: Buffer.from(salt), storedKey: Buffer.from(storedKey), serverKey: Buffer.from(serverKey), iterations }
  },
  token: () => null,
}

const plainServer = `${PACKAGE}.plain.PlainLoginModule required username=admin password=x user_alice="${PLAIN_PASSWORD}" user_admin=x;`
const scramServer = `${PACKAGE}.scram.ScramLoginModule required;`
/** A broker of Kafka's logs in itself, and needs a token for it. */
const bearerServer = `${PACKAGE}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=broker unsecuredValidatorRequiredScope="kafka";`
const settingsOf: Readonly<Record<SaslMechanism, Record<string, string>>> = {
  PLAIN: { 'sasl.jaas.config': plainServer },
  'SCRAM-SHA-256': { 'sasl.jaas.config': scramServer },
  'SCRAM-SHA-512': { 'sasl.jaas.config': scramServer },
  OAUTHBEARER: { 'sasl.jaas.config': bearerServer, 'sasl.server.callback.handler.class': UNSECURED },
}
const jwtSettings = {
  'sasl.jaas.config': `${PACKAGE}.oauthbearer.OAuthBearerLoginModule required;`,
  'sasl.server.callback.handler.class': SECURED,
  ...jwt,
}
const mechanisms = Object.keys(settingsOf) as SaslMechanism[]

beforeAll(async () => {
  writeFileSync(jwksFile, JSON.stringify({ keys: [key.publicJwk] }))
  const [port, controller, sasl, secured, behind, before] = await Promise.all(Array.from({ length: 6 }, freePort))
  ;[saslPort, jwtPort, frontPort] = [sasl!, secured!, before!]
  const at = (name: string, where: number | undefined) => `${name}://127.0.0.1:${where}`
  const listener = (name: string, mechanism: string, settings: Record<string, string>) =>
    Object.entries(settings).map(([setting, value]) =>
      setting.startsWith('sasl.oauthbearer.')
        ? `${setting}=${value}`
        : `listener.name.${name}.${mechanism.toLowerCase()}.${setting}=${value}`,
    )
  const settings = [
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=${[at('PLAINTEXT', port), at('CONTROLLER', controller), at('SASL', sasl), at('JWT', secured), at('FRONT', behind)].join(',')}`,
    `advertised.listeners=${[at('PLAINTEXT', port), at('SASL', sasl), at('JWT', secured), at('FRONT', before)].join(',')}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,JWT:SASL_PLAINTEXT,FRONT:PLAINTEXT',
    `listener.name.sasl.sasl.enabled.mechanisms=${mechanisms.join(',')}`,
    'listener.name.jwt.sasl.enabled.mechanisms=OAUTHBEARER',
    'connection.failed.authentication.delay.ms=1',
    ...mechanisms.flatMap((mechanism) => listener('sasl', mechanism, settingsOf[mechanism])),
    ...listener('jwt', 'OAUTHBEARER', jwtSettings),
  ]
  const formatFlags = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => `--add-scram ${added(mechanism)}`).join(' ')
  kafka = await launch('Apache Kafka', kafkaScript(), ['broker', `${port}`, folder, ...settings], {
    env: { KAFKA_HEAP_OPTS: '-Xmx256m', KAFKA_LOG_LEVEL: 'WARN', KAFKA_FORMAT_FLAGS: formatFlags, KAFKA_OPTS, LC_ALL: 'C.UTF-8' },
    ready: async () => {
      const client = await rawClient(port!)
      const { brokers } = await client.send(metadata, 12, { topics: [] }).finally(() => client.close())
      return brokers.length > 0
    },
  })
  const server = (mechanism: SaslMechanism, given: Record<string, string>) =>
    createSaslServer({ mechanism, listener: 'SASL', settings: given, users, system, properties })
  ours = {
    sasl: await Promise.all(mechanisms.map((mechanism) => server(mechanism, settingsOf[mechanism]))),
    jwt: [await server('OAUTHBEARER', jwtSettings)],
  }
  front = await saslFront(frontPort, behind!, [...ours.sasl.filter(({ mechanism }) => mechanism !== 'OAUTHBEARER'), ...ours.jwt])
})

afterAll(async () => {
  await front?.close()
  await kafka?.end('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void vi.unstubAllEnvs())

interface Outcome {
  readonly error: string
  readonly message: string | null
}
const success: Outcome = { error: 'NONE', message: null }

/** A sender of messages that answers challenges. */
type Speaker = { first(): Promise<Buffer>; next(challenge: Buffer): Promise<Buffer | null> }

/** On a connection to Kafka; a client that is let in can send requests. */
async function onKafka(port: number, mechanism: SaslMechanism, speaker: Speaker): Promise<Outcome> {
  const client = await rawClient(port)
  try {
    const handshake = await client.send(saslHandshake, 1, { mechanism })
    expect(errorName(handshake.errorCode)).toBe('NONE')
    for (let message: Buffer | null = await speaker.first(); message; ) {
      const answer = await client.send(saslAuthenticate, 2, { authBytes: message })
      if (answer.errorCode !== 0) return { error: errorName(answer.errorCode), message: answer.errorMessage }
      message = await speaker.next(answer.authBytes)
    }
    expect((await client.send(metadata, 12, { topics: [] })).brokers).toHaveLength(1)
    return success
  } finally {
    client.close()
  }
}

async function onOurs(servers: readonly SaslServer[], mechanism: SaslMechanism, speaker: Speaker): Promise<Outcome> {
  const exchange = servers.find((candidate) => candidate.mechanism === mechanism)!.exchange()
  try {
    for (let message: Buffer | null = await speaker.first(); message; )
      message = await speaker.next((await exchange.respond(message)).response)
    return success
  } catch (error) {
    return { error: 'SASL_AUTHENTICATION_FAILED', message: (error as Error).message }
  }
}

const moduleOf = (mechanism: SaslMechanism) =>
  mechanism === 'PLAIN'
    ? 'plain.PlainLoginModule'
    : isScramMechanism(mechanism)
      ? 'scram.ScramLoginModule'
      : 'oauthbearer.OAuthBearerLoginModule'
const jaasOf = (mechanism: SaslMechanism, options: string) => `${PACKAGE}.${moduleOf(mechanism)} required ${options};`
const login = (mechanism: SaslMechanism, options: string, settings = {}) =>
  createSaslClient({ 'sasl.mechanism': mechanism, 'sasl.jaas.config': jaasOf(mechanism, options), ...settings }, system, properties)

const passwordOf = (mechanism: SaslMechanism) => (mechanism === 'PLAIN' ? PLAIN_PASSWORD : SCRAM_PASSWORD)
const named = (user: string, password: string) => `username="${user}" password="${password}"`

/** The outcome with both, which is the same one. */
async function withBoth(mechanism: SaslMechanism, speaker: () => Speaker, where: 'sasl' | 'jwt' = 'sasl'): Promise<Outcome> {
  const theirs = await onKafka((where === 'sasl' ? saslPort : jwtPort)!, mechanism, speaker())
  expect(await onOurs(ours[where], mechanism, speaker())).toEqual(theirs)
  return theirs
}

describe('our clients', () => {
  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s: the password, another one, an unknown user', async (mechanism) => {
    const outcome = (options: string) => withBoth(mechanism, () => login(mechanism, options).exchange())
    expect(await outcome(named('alice', passwordOf(mechanism)))).toEqual(success)
    const refused = await outcome(named('alice', `${passwordOf(mechanism)}x`))
    expect(refused).toEqual({ error: 'SASL_AUTHENTICATION_FAILED', message: expect.stringMatching(/credentials|password/) })
    expect(await outcome(named('bob', 'x'))).toEqual(refused)
    // A password whose characters are equal to Unicode only.
    if (mechanism !== 'PLAIN') expect(await outcome(named('alice', SCRAM_PASSWORD.normalize('NFKC')))).toEqual(refused)
  })

  test.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s: an id of a delegation token that does not exist', async (mechanism) => {
    expect(await withBoth(mechanism, () => login(mechanism, `${named('alice', SCRAM_PASSWORD)} tokenauth=true`).exchange())).toMatchObject({
      error: 'SASL_AUTHENTICATION_FAILED',
    })
  })

  test('OAUTHBEARER with unsecured tokens: with the scope, without it, expired', async () => {
    const outcome = (options: string) =>
      withBoth('OAUTHBEARER', () => login('OAUTHBEARER', `unsecuredLoginStringClaim_sub=alice ${options}`).exchange())
    expect(await outcome('unsecuredLoginStringClaim_scope=kafka unsecuredLoginExtension_traceId="1 2"')).toEqual(success)
    expect(await outcome('')).toEqual({
      error: 'SASL_AUTHENTICATION_FAILED',
      message: '{"status":"insufficient_scope", "scope":"[kafka]"}',
    })
    expect(await outcome('unsecuredLoginStringClaim_scope=kafka unsecuredLoginLifetimeSeconds="0"')).toMatchObject({
      message: '{"status":"invalid_token"}',
    })
  })

  test.each<[string, () => Promise<string> | string, Outcome['error']]>([
    ['a good one', () => signed(key, claims()), 'NONE'],
    ['signed by a stranger', () => signed(stranger, claims()), 'SASL_AUTHENTICATION_FAILED'],
    ['unsigned', () => new UnsecuredJWT(claims()).encode(), 'SASL_AUTHENTICATION_FAILED'],
    ['for another audience', () => signed(key, { ...claims(), aud: 'web' }), 'SASL_AUTHENTICATION_FAILED'],
    ['of another issuer', () => signed(key, { ...claims(), iss: 'them' }), 'SASL_AUTHENTICATION_FAILED'],
    ['expired a minute ago', () => signed(key, { ...claims(), iat: inSeconds(-600), exp: inSeconds(-60) }), 'SASL_AUTHENTICATION_FAILED'],
    ['not valid yet', () => signed(key, { ...claims(), nbf: inSeconds(600) }), 'SASL_AUTHENTICATION_FAILED'],
    ['issued in the future', () => signed(key, { ...claims(), iat: inSeconds(600) }), 'NONE'],
    ['ends before it is issued', () => signed(key, { ...claims(), iat: inSeconds(7200) }), 'SASL_AUTHENTICATION_FAILED'],
    ['no user', () => signed(key, { ...claims(), sub: undefined }), 'SASL_AUTHENTICATION_FAILED'],
    ['a blank user', () => signed(key, { ...claims(), sub: ' ' }), 'SASL_AUTHENTICATION_FAILED'],
    ['no scope', () => signed(key, { ...claims(), scope: undefined }), 'NONE'],
    ['an empty scope', () => signed(key, { ...claims(), scope: '' }), 'SASL_AUTHENTICATION_FAILED'],
    ['a scope twice', () => signed(key, { ...claims(), scope: ['a', 'a'] }), 'SASL_AUTHENTICATION_FAILED'],
    ['no key id', () => signed(key, claims(), { kid: undefined }), 'NONE'],
    ['no beginning', () => signed(key, { ...claims(), iat: undefined }), 'SASL_AUTHENTICATION_FAILED'],
  ])('OAUTHBEARER with a signed token: %s', async (_, make, expected) => {
    const token = await make()
    const speaker = (): Speaker => ({
      first: async () => Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`),
      next: async (challenge) => (challenge.length === 0 ? null : Buffer.from([1])),
    })
    expect(await withBoth('OAUTHBEARER', speaker, 'jwt')).toEqual(
      expected === 'NONE' ? success : { error: expected, message: '{"status":"invalid_token"}' },
    )
  })

  test('OAUTHBEARER with a token that has expired within the clock skew: logged in, for a session that is over', async () => {
    const token = await signed(key, { ...claims(), iat: inSeconds(-600), exp: inSeconds(-10) })
    const message = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)
    const speaker = { first: async () => message, next: async () => null }
    // Kafka closes the connection at the next request.
    await expect(onKafka(jwtPort!, 'OAUTHBEARER', speaker)).rejects.toThrow('the connection was closed')
    const { authenticated } = await ours.jwt[0]!.exchange().respond(message)
    expect(authenticated!.lifetimeEndMs).toBeLessThan(Date.now())
  })

  test('OAUTHBEARER with another scheme than Bearer: Kafka closes without an error, we tell one', async () => {
    const speaker = { first: async () => Buffer.from('n,,\x01auth=Basic abc\x01\x01'), next: async () => null }
    await expect(onKafka(saslPort!, 'OAUTHBEARER', speaker)).rejects.toThrow('the connection was closed')
    expect(await onOurs(ours.sasl, 'OAUTHBEARER', speaker)).toMatchObject({ error: 'SASL_AUTHENTICATION_FAILED' })
  })

  test('OAUTHBEARER with a token of a file', async () => {
    writeFileSync(tokenFile, await signed(key, claims()))
    const settings = { 'sasl.login.callback.handler.class': LOGIN, 'sasl.oauthbearer.token.endpoint.url': tokenUrl }
    const client = login('OAUTHBEARER', '', settings)
    expect(await onKafka(jwtPort!, 'OAUTHBEARER', client.exchange())).toEqual(success)
    client.close()
  })

  test.each<[SaslMechanism, string]>([
    ['PLAIN', ''],
    ['PLAIN', '\0alice'],
    ['PLAIN', '\0\0x'],
    ['PLAIN', '\0alice\0'],
    ['PLAIN', `root\0alice\0${PLAIN_PASSWORD}`],
    ['PLAIN', `alice\0alice\0${PLAIN_PASSWORD}`],
    ['PLAIN', '\0a\0b\0c\0d'],
    ['SCRAM-SHA-256', 'n,a=root,n=alice,r=abc'],
    ['SCRAM-SHA-256', 'y,,n=alice,r=abc'],
    ['SCRAM-SHA-256', 'n,,n=al=ice,r=abc'],
    ['SCRAM-SHA-256', 'n,,n=älice,r=abc'],
    ['SCRAM-SHA-256', ''],
    ['OAUTHBEARER', ''],
    ['OAUTHBEARER', '\x01'],
    ['OAUTHBEARER', 'n,,\x01auth=Bearer abc\x01\x01'],
    ['OAUTHBEARER', 'n,,\x01auth=Bearer abc\x01auth=Bearer def\x01\x01'],
  ])('%s: the message %j has the same end', async (mechanism, message) => {
    const speaker = (): Speaker => ({
      first: async () => Buffer.from(message),
      next: async (challenge) => (challenge.length === 0 ? null : Buffer.from([1])),
    })
    await withBoth(mechanism, speaker)
  })
})

describe('Kafka’s tools with our servers', () => {
  const listTopics = async (mechanism: SaslMechanism, options: string, settings: Record<string, string> = {}) => {
    const file = join(folder, 'client.properties')
    const lines = {
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': mechanism,
      'sasl.jaas.config': jaasOf(mechanism, options),
      ...settings,
    }
    writeFileSync(
      file,
      Object.entries(lines)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    vi.stubEnv('KAFKA_OPTS', KAFKA_OPTS)
    return kafkaTool(['kafka-topics', '--bootstrap-server', `127.0.0.1:${frontPort}`, '--command-config', file, '--list'])
  }
  const failing = (...given: Parameters<typeof listTopics>) =>
    listTopics(...given).then(
      (out) => Promise.reject(new Error(`it should have failed: ${out}`)),
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    )

  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s', async (mechanism) => {
    const password = passwordOf(mechanism).replace(
      /[^\x20-\x7e]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    const before = front.principals.length
    await listTopics(mechanism, named('alice', password))
    expect(front.principals.slice(before)).toContain('alice')
    expect(await failing(mechanism, named('alice', 'wrong'))).toMatch(/SaslAuthenticationException: Authentication failed/)
  })

  test('OAUTHBEARER', async () => {
    const settings = { 'sasl.login.callback.handler.class': LOGIN, 'sasl.oauthbearer.token.endpoint.url': tokenUrl }
    const before = front.principals.length
    writeFileSync(tokenFile, await signed(key, { ...claims(), sub: 'bob' }))
    await listTopics('OAUTHBEARER', '', settings)
    expect(front.principals.slice(before)).toContain('bob')
    writeFileSync(tokenFile, await signed(stranger, claims()))
    expect(await failing('OAUTHBEARER', '', settings)).toContain('SaslAuthenticationException: {"status":"invalid_token"}')
  })
})
