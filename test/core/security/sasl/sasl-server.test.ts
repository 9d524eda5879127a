/**
 * Goal: a listener authenticates by its settings, or does not start. Method: each mechanism from settings to the end of an exchange, with
 * our clients; OAUTHBEARER's refusals byte by byte.
 */
import { describe, expect, test } from 'vitest'
import { createSaslClient } from '../../../../core/security/sasl/sasl-client.ts'
import { createSaslServer } from '../../../../core/security/sasl/sasl-server.ts'
import { credentialOf, saltedPasswordSync } from '../../../../core/security/sasl/scram-mechanism.ts'
import type { SaslMechanism, ScramUsers, SystemProperties } from '../../../../core/security/sasl/types.ts'
import { converse, system } from './connected.ts'

const PACKAGE = 'org.apache.kafka.common.security'
const UNSECURED = `${PACKAGE}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const bearer = `${PACKAGE}.oauthbearer.OAuthBearerLoginModule required`
const scram = `${PACKAGE}.scram.ScramLoginModule required`

const salt = Buffer.from('salt')
const users: ScramUsers = {
  credential: (mechanism, user) =>
    user === 'alice' ? credentialOf(mechanism, saltedPasswordSync(mechanism, 'secret', salt, 4096), salt, 4096) : null,
  token: () => null,
}

const server = (mechanism: SaslMechanism, settings: Record<string, string>, properties: SystemProperties = {}, disk = system.disk) =>
  createSaslServer({ mechanism, listener: 'EXTERNAL', settings, users, system: { ...system, disk }, properties })
const client = (mechanism: SaslMechanism, jaas: string) =>
  createSaslClient({ 'sasl.mechanism': mechanism, 'sasl.jaas.config': jaas }, system).exchange()

test.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s', async (mechanism) => {
  const broker = await server(mechanism, { 'sasl.jaas.config': `${scram};` })
  const { authenticated } = await converse(client(mechanism, `${scram} username=alice password=secret;`), broker.exchange())
  expect(authenticated.principal).toBe('alice')
})

test('PLAIN, with the users of the first of several modules in a JAAS file', async () => {
  const file = `external.KafkaServer { ${scram}; ${PACKAGE}.plain.PlainLoginModule required user_alice="secret" user_="x" username="alice";
    ${PACKAGE}.plain.PlainLoginModule required user_alice="other" user_bob="b"; }; KafkaServer { ${scram}; };`
  const disk = { ...system.disk, readFile: (path: string) => (path === '/jaas' ? Buffer.from(file) : null) }
  const broker = await server('PLAIN', {}, { 'java.security.auth.login.config': '/jaas' }, disk)
  const login = (user: string, password: string) =>
    converse(client('PLAIN', `${PACKAGE}.plain.PlainLoginModule required username=${user} password=${password};`), broker.exchange())
  expect((await login('alice', 'secret')).authenticated.principal).toBe('alice')
  expect((await login('bob', 'b')).authenticated.principal).toBe('bob')
  await expect(login('alice', 'other')).rejects.toThrow('Authentication failed: Invalid username or password')
})

test.each<[string, SaslMechanism, Record<string, string>, string]>([
  ['no JAAS configuration', 'PLAIN', {}, "Could not find a 'KafkaServer' or 'external.KafkaServer' entry in the JAAS configuration"],
  ['no PlainLoginModule', 'PLAIN', { 'sasl.jaas.config': `${scram};` }, 'PLAIN on the listener EXTERNAL needs the login module'],
  [
    'a handler of its own',
    'PLAIN',
    { 'sasl.jaas.config': `${scram};`, 'sasl.server.callback.handler.class': 'a.B' },
    'Class a.B could not be found',
  ],
  [
    'no handler for tokens',
    'OAUTHBEARER',
    { 'sasl.jaas.config': `${bearer};` },
    'OAUTHBEARER on the listener EXTERNAL needs sasl.server.callback.handler.class',
  ],
  ['no OAuthBearerLoginModule', 'OAUTHBEARER', { 'sasl.jaas.config': `${scram};` }, 'needs exactly one login module'],
])('a listener with %s does not start', async (_, mechanism, settings, message) => {
  await expect(server(mechanism, settings)).rejects.toThrow(expect.objectContaining({ message: expect.stringContaining(message) }))
})

describe('OAUTHBEARER', () => {
  const open = (options = '') =>
    server('OAUTHBEARER', { 'sasl.jaas.config': `${bearer} ${options};`, 'sasl.server.callback.handler.class': UNSECURED })
  const bearerClient = (options: string) => client('OAUTHBEARER', `${bearer} unsecuredLoginStringClaim_sub=alice ${options};`)

  test('a token gives its user, until it ends', async () => {
    const { authenticated } = await converse(bearerClient('unsecuredLoginLifetimeSeconds="60"'), (await open()).exchange())
    expect(authenticated).toEqual({ principal: 'alice', lifetimeEndMs: expect.any(Number), isDelegationToken: false })
    expect(authenticated.lifetimeEndMs).toBeGreaterThan(Date.now() + 50_000)
  })

  test('a token that is refused: the challenge, the acknowledgement, the error', async () => {
    const exchange = (await open('unsecuredValidatorRequiredScope="a b"')).exchange()
    const sender = bearerClient('unsecuredLoginStringClaim_scope=a')
    const { response, authenticated } = await exchange.respond(await sender.first())
    expect(authenticated).toBe(null)
    expect(response.toString()).toBe('{"status":"insufficient_scope", "scope":"[a, b]"}')
    const acknowledged = await sender.next(response)
    expect(acknowledged).toEqual(Buffer.from([1]))
    await expect(exchange.respond(acknowledged!)).rejects.toThrow(response.toString())
    await expect(sender.next(Buffer.alloc(0))).rejects.toThrow(
      'Unexpected challenge in Sasl client state RECEIVE_SERVER_MESSAGE_AFTER_FAILURE',
    )
    await expect(exchange.respond(Buffer.from([1]))).rejects.toThrow('due to invalid credentials with SASL mechanism OAUTHBEARER')
  })

  test('a token that is no token', async () => {
    const exchange = (await open()).exchange()
    const { response } = await exchange.respond(Buffer.from('n,,\x01auth=Bearer abc\x01\x01'))
    expect(response.toString()).toBe('{"status":"invalid_token"}')
  })

  test('a second token after a refused one', async () => {
    const exchange = (await open()).exchange()
    await exchange.respond(Buffer.from('n,,\x01auth=Bearer abc\x01\x01'))
    await expect(exchange.respond(await bearerClient('').first())).rejects.toThrow(
      'due to invalid credentials with SASL mechanism OAUTHBEARER',
    )
  })

  test('an acknowledgement of nothing, and a message that is none', async () => {
    for (const message of [Buffer.from([1]), Buffer.alloc(0), Buffer.from('hello')])
      await expect((await open()).exchange().respond(message)).rejects.toThrow(
        'Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER',
      )
  })

  test('the authorization id is the user', async () => {
    const first = String(await bearerClient('').first())
    expect((await (await open()).exchange().respond(Buffer.from(first.replace('n,,', 'n,a=alice,')))).authenticated).not.toBe(null)
    await expect((await open()).exchange().respond(Buffer.from(first.replace('n,,', 'n,a=root,')))).rejects.toThrow(
      'Authentication failed: Client requested an authorization id',
    )
  })
})
