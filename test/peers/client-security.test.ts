/**
 * Goal: the client reaches Apache Kafka by TLS, mutual TLS and SASL, with stores of keytool and openssl, authenticates again without a
 * failed request, and says what is wrong where it is refused or cannot trust. Method: one Kafka with a listener for each case.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import listGroups from '../../core/apis/16-list-groups.ts'
import { AuthenticationError, type Client, clientSecurity, createClient } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { realDisk } from '../../core/system/disk.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

const SESSION_MS = 2_000
const system = { clock: realClock, disk: realDisk, random: realRandom, logger: silentLogger }
const folder = mkdtempSync(join(tmpdir(), 'tributary-security-'))
const file = (name: string) => join(folder, name)

const authority = selfSigned({ subject: 'Test CA' })
const client = authority.issue({ subject: [[['2.5.4.10', 'Acme, Inc.']], [['2.5.4.3', 'client']]] })
const otherAuthority = selfSigned({ subject: 'Other CA' })
const stranger = otherAuthority.issue({ subject: 'stranger' })
const listeners = {
  TLS: { protocol: 'SSL', certificate: authority.issue({ subject: 'broker', names: ['localhost', '127.0.0.1'] }) },
  MUTUAL: { protocol: 'SSL', certificate: authority.issue({ subject: 'broker', names: ['localhost'] }) },
  ELSEWHERE: { protocol: 'SSL', certificate: authority.issue({ subject: 'broker', names: ['elsewhere.example'] }) },
  EXPIRED: { protocol: 'SSL', certificate: authority.issue({ subject: 'broker', names: ['localhost'], from: -9, to: -2 }) },
  SASL: { protocol: 'SASL_SSL', certificate: authority.issue({ subject: 'broker', names: ['localhost'] }) },
  SHORT: { protocol: 'SASL_PLAINTEXT', certificate: null },
} as const
type Listener = keyof typeof listeners
const ports = new Map<string, number>()
const addressOf = (listener: Listener) => `localhost:${ports.get(listener)}`

const loginModule = (name: 'plain.Plain' | 'scram.Scram', options = '') =>
  `org.apache.kafka.common.security.${name}LoginModule required ${options};`.replace(' ;', ';')
const bundle = ({ key, certificate }: TestCertificate) => key + certificate + authority.certificate

function brokerSettings(port: number): Record<string, string> {
  const names = Object.keys(listeners) as Listener[]
  const bound = names.map((name) => `${name}://localhost:${ports.get(name)}`)
  const settings: Record<string, string> = {
    listeners: [`PLAINTEXT://127.0.0.1:${port}`, `CONTROLLER://127.0.0.1:${port + 1}`, ...bound].join(','),
    'advertised.listeners': [`PLAINTEXT://127.0.0.1:${port}`, ...bound].join(','),
    'listener.security.protocol.map': [
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      ...names.map((name) => `${name}:${listeners[name].protocol}`),
    ].join(','),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': file('ca.pem'),
    'ssl.keystore.type': 'PEM',
    'listener.name.mutual.ssl.client.auth': 'required',
    'listener.name.short.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.short.connections.max.reauth.ms': `${SESSION_MS}`,
  }
  for (const [name, { certificate, protocol }] of Object.entries(listeners)) {
    const prefix = `listener.name.${name.toLowerCase()}`
    if (certificate) {
      writeFileSync(file(`${name}.pem`), bundle(certificate))
      settings[`${prefix}.ssl.keystore.location`] = file(`${name}.pem`)
    }
    if (!protocol.startsWith('SASL')) continue
    settings[`${prefix}.plain.sasl.jaas.config`] = loginModule('plain.Plain', 'user_alice="alice-secret"')
    settings[`${prefix}.scram-sha-512.sasl.jaas.config`] = loginModule('scram.Scram')
  }
  return settings
}

const run = async (command: string, ...args: string[]) => void (await promisify(execFile)(command, args, { timeout: 60_000 }))

/** A trust store of the authority, and a key store of the client, in each format. */
async function writeStores(): Promise<void> {
  writeFileSync(file('ca.pem'), authority.certificate)
  writeFileSync(file('client.pem'), bundle(client))
  writeFileSync(file('other-ca.pem'), otherAuthority.certificate)
  writeFileSync(file('stranger.pem'), bundle(stranger))
  const secret = ['-storepass', 'store-secret', '-noprompt']
  await run(
    'openssl',
    'pkcs12',
    '-export',
    '-in',
    file('client.pem'),
    '-passout',
    'pass:store-secret',
    '-name',
    'client',
    '-out',
    file('client.p12'),
  )
  const from = ['-srckeystore', file('client.p12'), '-srcstorepass', 'store-secret']
  for (const type of ['PKCS12', 'JKS']) {
    await run(
      'keytool',
      '-importcert',
      '-alias',
      'ca',
      '-file',
      file('ca.pem'),
      '-storetype',
      type,
      '-keystore',
      file(`trust.${type}`),
      ...secret,
    )
    const to = ['-destkeystore', file(`key.${type}`), '-deststoretype', type, '-deststorepass', 'store-secret', '-noprompt']
    await run('keytool', '-importkeystore', ...from, ...to)
  }
}

let kafka: KafkaBroker
beforeAll(async () => {
  await writeStores()
  const settings: Record<string, string> = {}
  const scram = '--add-scram SCRAM-SHA-512=[name=alice,password=alice-secret]'
  kafka = await startApacheKafka(settings, scram, async (_, port) => {
    for (const name of Object.keys(listeners)) ports.set(name, await freePort())
    Object.assign(settings, brokerSettings(port))
  })
}, 240_000)
afterAll(async () => {
  await kafka?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const open: Client[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})
const clientOf = (bootstrapServers: string, settings: Record<string, string>, requestTimeoutMs = 30_000) => {
  const created = createClient({ bootstrapServers, clientId: 'test', requestTimeoutMs, security: clientSecurity(settings, system) }, system)
  open.push(created)
  return created
}

const trusting = { 'security.protocol': 'SSL', 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': file('ca.pem') }
const stores = (type: string, suffix = type) => ({
  'security.protocol': 'SSL',
  'ssl.truststore.type': type,
  'ssl.truststore.location': file(`trust.${suffix}`),
  'ssl.truststore.password': 'store-secret',
  'ssl.keystore.type': type,
  'ssl.keystore.location': file(`key.${suffix}`),
  'ssl.keystore.password': 'store-secret',
})
const pemKey = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file('client.pem') }
const alice = 'username="alice" password="alice-secret"'
const sasl = (mechanism: string, options = alice, protocol = 'SASL_SSL') => ({
  ...trusting,
  'security.protocol': protocol,
  'sasl.mechanism': mechanism,
  'sasl.jaas.config': loginModule(mechanism === 'PLAIN' ? 'plain.Plain' : 'scram.Scram', options),
})

let topics = 0
async function expectRoundTrip(used: Client): Promise<void> {
  const topic = `t${topics++}`
  await used.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  await used.producer().send([{ topic, key: null, value: Buffer.from('across') }])
  const consumer = used.consumer()
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const batch = await until(async () => (await consumer.poll(200))[0], 'the record')
  expect(batch!.records[0]!.value!.toString()).toBe('across')
}

describe('records cross', () => {
  it('TLS', () => expectRoundTrip(clientOf(addressOf('TLS'), trusting)))

  it.each([
    ['PEM', { ...trusting, ...pemKey }],
    ['PKCS12', stores('PKCS12')],
    ['JKS', stores('JKS')],
    ['PKCS12 that is said to be JKS', stores('JKS', 'PKCS12')],
  ])('mutual TLS with stores in %s', (_, settings) => expectRoundTrip(clientOf(addressOf('MUTUAL'), settings)))

  it.each(['PLAIN', 'SCRAM-SHA-512'])('SASL_SSL by %s', (mechanism) => expectRoundTrip(clientOf(addressOf('SASL'), sasl(mechanism))))

  it.each<Record<string, string>>([
    { 'ssl.protocol': 'TLSv1.2' },
    { 'ssl.enabled.protocols': 'TLSv1.3' },
    { 'ssl.cipher.suites': 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384' },
    { 'ssl.endpoint.identification.algorithm': '' },
  ])('TLS with %o', (settings) => expectRoundTrip(clientOf(addressOf('TLS'), { ...trusting, ...settings })))

  it('a certificate of another host, where host names are not checked', () =>
    expectRoundTrip(clientOf(addressOf('ELSEWHERE'), { ...trusting, 'ssl.endpoint.identification.algorithm': '' })))
})

describe('a refusal ends the call and says what to look at', () => {
  it.each<[string, Listener, Record<string, string>, RegExp]>([
    [
      'another authority',
      'TLS',
      { ...trusting, 'ssl.truststore.location': file('other-ca.pem') },
      /is not trusted .*add the issuer to ssl\.truststore\.location .*other-ca\.pem$/,
    ],
    ['no trust store', 'TLS', { 'security.protocol': 'SSL' }, /only public authorities are trusted: set ssl\.truststore\.location/],
    ['another host name', 'ELSEWHERE', trusting, /is not for localhost, it is for DNS:elsewhere\.example/],
    ['an expired certificate', 'EXPIRED', trusting, /has expired on .* GMT/],
    ['no client certificate', 'MUTUAL', trusting, /set ssl\.keystore\.location, this client has no certificate$/],
    [
      'a client certificate of another authority',
      'MUTUAL',
      { ...trusting, ...pemKey, 'ssl.keystore.location': file('stranger.pem') },
      /client certificate.*check ssl\.keystore\.location .*stranger\.pem$/,
    ],
    [
      'a wrong password (PLAIN)',
      'SASL',
      sasl('PLAIN', 'username="alice" password="wrong-secret"'),
      /\(SASL_SSL, PLAIN\): the broker answered Authentication failed: Invalid username or password/,
    ],
    [
      'a wrong password (SCRAM)',
      'SASL',
      sasl('SCRAM-SHA-512', 'username="alice" password="wrong-secret"'),
      /\(SASL_SSL, SCRAM-SHA-512\): the broker answered Authentication failed during authentication due to invalid credentials/,
    ],
    ['an unknown user', 'SASL', sasl('SCRAM-SHA-512', 'username="bob" password="wrong-secret"'), /due to invalid credentials/],
    [
      'a mechanism that is not enabled',
      'SHORT',
      sasl('SCRAM-SHA-512', alice, 'SASL_PLAINTEXT'),
      /does not enable this mechanism, it enables PLAIN: set sasl\.mechanism/,
    ],
    ['TLS spoken in plain', 'TLS', {}, /the listener speaks TLS, this client does not/],
    [
      'no common version',
      'TLS',
      { ...trusting, 'ssl.enabled.protocols': 'TLSv1.2', 'ssl.cipher.suites': 'TLS_RSA_WITH_AES_128_CBC_SHA' },
      /the TLS handshake failed .*check ssl\.cipher\.suites/,
    ],
  ])('%s', async (_, listener, settings, message) => {
    // A retry would take longer than the test.
    const error = await clientOf(addressOf(listener), settings, 600_000)
      .admin.describeCluster()
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AuthenticationError)
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain('secret')
  })

  it('SASL at a listener without', async () => {
    const error = await clientOf(kafka.address, sasl('PLAIN', alice, 'SASL_PLAINTEXT'), 600_000)
      .admin.describeCluster()
      .catch((thrown: unknown) => thrown)
    expect((error as Error).message).toContain('the listener is one without SASL')
  })

  it('TLS at a listener without is retried, and the time-out says why', async () => {
    const settings = { ...trusting, 'ssl.endpoint.identification.algorithm': '' }
    await expect(clientOf(kafka.address, settings, 2_000).admin.describeCluster()).rejects.toThrow('is its listener one of SSL?')
  })
})

it('a session is renewed on its connection again and again, and no request fails', async () => {
  const used = clientOf(addressOf('SHORT'), sasl('PLAIN', alice, 'SASL_PLAINTEXT'))
  const started = performance.now()
  let requests = 0
  await until(
    async () => {
      await Promise.all(Array.from({ length: 10 }, () => used.send('any', listGroups, { statesFilter: [], typesFilter: [] })))
      requests += 10
      return performance.now() - started > SESSION_MS * 3.5
    },
    'three sessions',
    30_000,
  )
  expect(requests).toBeGreaterThan(100)
})
