/**
 * Goal: each mechanism that a listener enables lets its users in, those that `kafka-storage format --add-scram` has written included, and
 * sessions are renewed without a request that fails. Method: our client with Kafka's settings against a broker on a formatted folder.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AuthenticationError, clientSecurity, createClient } from '../../../core/client/index.ts'
import type { Client } from '../../../core/client/types.ts'
import { listenerProperties, mechanismProperties } from '../../../core/security/listener-settings.ts'
import { readBrokerSettings } from '../../../core/settings.ts'
import { formatStorage } from '../../../core/storage/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { startTestBroker } from '../../running-broker.ts'
import { PLAIN_LOGIN_MODULE, plainUsers, type SecuredListener, type SecuredListeners, securedListenersIn } from '../../secured-listeners.ts'
import { until } from '../../until.ts'

const KAFKA = 'org.apache.kafka.common.security'
const SCRAM = `${KAFKA}.scram.ScramLoginModule required`
const OAUTH = `${KAFKA}.oauthbearer.OAuthBearerLoginModule required`
const UNSECURED = `${KAFKA}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const SESSION_MS = 1500

const system = realSystem('silent')
const data = mkdtempSync(join(tmpdir(), 'listener-security-'))
let secured: SecuredListeners
let broker: BrokerInProcess
const clients: Client[] = []

beforeAll(async () => {
  secured = securedListenersIn()
  const properties = {
    ...secured.properties,
    'log.dirs': data,
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.session.connections.max.reauth.ms': String(SESSION_MS),
  }
  const bearer = Object.fromEntries(
    ['sasl_plaintext', 'sasl_ssl', 'session'].flatMap((listener) => [
      [`listener.name.${listener}.oauthbearer.sasl.jaas.config`, `${OAUTH};`],
      [`listener.name.${listener}.oauthbearer.sasl.server.callback.handler.class`, UNSECURED],
    ]),
  )
  const scramUsers = ['SCRAM-SHA-256=[name=erin,password=erin-256]', 'SCRAM-SHA-512=[name=erin,password=erin-512]']
  const options = { clusterId: 'QqGQj5cdRDyZfpjW7wDCpA', scram: scramUsers, standalone: true }
  await formatStorage(readBrokerSettings({ ...properties, ...bearer }), options, system, () => {})
  broker = await brokerInProcess({ ...properties, ...bearer })
})

afterAll(async () => {
  for (const client of clients) await client.close()
  await broker.stop()
  secured.remove()
  rmSync(data, { recursive: true, force: true })
})

function client(listener: SecuredListener, settings: Record<string, string>): Client {
  const { port } = broker.broker.addresses.find((address) => address.listener === listener)!
  const protocol = listener === 'SESSION' ? 'SASL_PLAINTEXT' : listener === 'MTLS' ? 'SSL' : listener
  const security = clientSecurity(
    { 'security.protocol': protocol, 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': secured.caFile, ...settings },
    system,
  )
  const opened = createClient({ bootstrapServers: `localhost:${port}`, clientId: 'test', security }, system)
  clients.push(opened)
  return opened
}

const brokersOf = async (opened: Client) => (await opened.admin.describeCluster()).brokers.length
const principal = () =>
  (broker.lines.filter(({ message }) => /succeeded$/.test(message)).at(-1)?.details as { principal?: string } | undefined)?.principal

const plain = (password = 'alice-secret') => ({
  'sasl.mechanism': 'PLAIN',
  'sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required username="alice" password="${password}";`,
})
const scram = (bits: 256 | 512, password = `erin-${bits}`) => ({
  'sasl.mechanism': `SCRAM-SHA-${bits}`,
  'sasl.jaas.config': `${SCRAM} username="erin" password="${password}";`,
})
const token = (seconds = 3600) => ({
  'sasl.mechanism': 'OAUTHBEARER',
  'sasl.jaas.config': `${OAUTH} unsecuredLoginStringClaim_sub="olga" unsecuredLoginLifetimeSeconds="${seconds}";`,
})

describe.each(['SASL_PLAINTEXT', 'SASL_SSL'] as const)('%s', (listener) => {
  test.each([
    ['PLAIN', plain(), 'User:alice'],
    ['SCRAM-SHA-256 of a formatted folder', scram(256), 'User:erin'],
    ['SCRAM-SHA-512 of a formatted folder', scram(512), 'User:erin'],
    ['OAUTHBEARER', token(), 'User:olga'],
  ])('%s', async (_, settings, name) => {
    expect(await brokersOf(client(listener, settings))).toBe(1)
    expect(principal()).toBe(name)
  })

  test.each([
    ['PLAIN', plain('wrong')],
    ['SCRAM-SHA-512 with the password of SCRAM-SHA-256', scram(512, 'erin-256')],
  ])('%s with a wrong password', async (_, settings) => {
    await expect(brokersOf(client(listener, settings))).rejects.toThrow(AuthenticationError)
  })
})

test('a client certificate', async () => {
  const settings = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': secured.clientFile }
  expect(await brokersOf(client('MTLS', settings))).toBe(1)
  expect(principal()).toBe('User:client@acme')
})

test.each([
  ['PLAIN', plain()],
  ['SCRAM-SHA-512', scram(512)],
  ['OAUTHBEARER', token()],
])('connections.max.reauth.ms: %s is renewed on the same connection, and no request fails', async (mechanism, settings) => {
  const logins = () =>
    broker.lines.filter(
      ({ message, details }) => message === 'login succeeded' && (details as { mechanism: string }).mechanism === mechanism,
    )
  const opened = client('SESSION', settings)
  const before = logins().length
  await until(async () => (await brokersOf(opened)) === 1 && logins().length >= before + 3, 'the session is renewed twice')
  expect(logins().at(-1)?.details).toMatchObject({ sessionMs: SESSION_MS })
  expect(broker.lines.filter(({ message }) => message.includes('session has expired'))).toEqual([])
})

test('the users of PLAIN in a JAAS file that KAFKA_OPTS names', async () => {
  const jaas = join(secured.folder, 'jaas.conf')
  writeFileSync(jaas, `KafkaServer {\n  ${plainUsers}\n};\n`)
  const ofFile = await startTestBroker(
    (port) => ({
      listeners: `SASL_PLAINTEXT://127.0.0.1:${port}`,
      'advertised.listeners': `SASL_PLAINTEXT://127.0.0.1:${port}`,
      'sasl.enabled.mechanisms': 'PLAIN',
    }),
    { KAFKA_OPTS: `-Xmx64m -Djava.security.auth.login.config=${jaas}` },
  )
  try {
    const security = clientSecurity({ 'security.protocol': 'SASL_PLAINTEXT', ...plain() }, system)
    const opened = createClient({ bootstrapServers: ofFile.address, clientId: 'test', security }, system)
    clients.push(opened)
    expect(await brokersOf(opened)).toBe(1)
  } finally {
    await ofFile.stop()
  }
})

describe('the settings of a listener', () => {
  const properties = {
    'ssl.client.auth': 'required',
    'sasl.jaas.config': 'broker',
    'connections.max.reauth.ms': '1',
    'listener.name.x.connections.max.reauth.ms': '2',
    'listener.name.x.plain.connections.max.reauth.ms': '3',
    'listener.name.x.plain.sasl.jaas.config': 'plain',
    'listener.name.y.ssl.client.auth': 'requested',
  }
  test('those of the mechanism come before those of the listener before those of the broker', () => {
    const ofListener = listenerProperties(properties, 'X', 'SASL_SSL')
    expect(ofListener['connections.max.reauth.ms']).toBe('2')
    expect(mechanismProperties(ofListener, 'PLAIN')).toMatchObject({ 'connections.max.reauth.ms': '3', 'sasl.jaas.config': 'plain' })
    expect(mechanismProperties(ofListener, 'SCRAM-SHA-256')['connections.max.reauth.ms']).toBe('2')
  })

  test('users without a mechanism count for none', () => {
    expect(mechanismProperties(listenerProperties(properties, 'Y', 'SASL_SSL'), 'PLAIN')['sasl.jaas.config']).toBeUndefined()
  })

  test('ssl.client.auth of the broker is for SSL, that of a listener for it', () => {
    expect(listenerProperties(properties, 'X', 'SSL')['ssl.client.auth']).toBe('required')
    expect(listenerProperties(properties, 'X', 'SASL_SSL')['ssl.client.auth']).toBe('none')
    expect(listenerProperties(properties, 'Y', 'SASL_SSL')['ssl.client.auth']).toBe('requested')
  })
})
