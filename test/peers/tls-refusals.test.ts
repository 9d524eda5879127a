/**
 * Goal: who cannot trust the other side by TLS is refused by us as by Apache Kafka, in both roles. Method: a broker of each with the same
 * certificates; Kafka's Java client and our client try the same settings with both, and what they say is compared.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { AuthenticationError, clientSecurity, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { freePort } from '../running-broker.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

// A JVM beside others on a machine with few cores.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 240_000 })

const folder = mkdtempSync(join(tmpdir(), 'tls-refusals-'))
const file = (name: string) => join(folder, name)
const program = await javaProgram('cluster-describer', kafkaClassPath())

const authority = selfSigned({ subject: 'Test CA' })
const otherAuthority = selfSigned({ subject: 'Other CA' })
const own = ['localhost', '127.0.0.1']
const issue = (names: readonly string[] | undefined, days: { from?: number; to?: number } = {}) =>
  authority.issue({ subject: 'localhost', ...(names && { names }), ...days })

/** Its certificate, and settings of the listener. */
const listeners = {
  GOOD: { certificate: issue(own) },
  ELSEWHERE: { certificate: authority.issue({ subject: 'broker', names: ['elsewhere.example', '*.example'] }) },
  EXPIRED: { certificate: issue(own, { from: -9, to: -2 }) },
  FUTURE: { certificate: issue(own, { from: 2, to: 9 }) },
  SELF: { certificate: selfSigned({ subject: 'localhost', names: own, authority: false }) },
  NAME: { certificate: issue(undefined) },
  HOSTS: { certificate: issue(['localhost']) },
  ADDRESS: { certificate: authority.issue({ subject: 'broker', names: ['127.0.0.1'] }) },
  OLD: { certificate: issue(own), settings: { 'ssl.enabled.protocols': 'TLSv1.2' } },
  NEW: { certificate: issue(own), settings: { 'ssl.enabled.protocols': 'TLSv1.3' } },
  MUTUAL: { certificate: issue(own), settings: { 'ssl.client.auth': 'required' } },
  MUTUAL12: { certificate: issue(own), settings: { 'ssl.client.auth': 'required', 'ssl.enabled.protocols': 'TLSv1.2' } },
} satisfies Record<string, { certificate: TestCertificate; settings?: Record<string, string> }>
type Listener = keyof typeof listeners
const names = Object.keys(listeners) as Listener[]

const stores: Readonly<Record<string, TestCertificate>> = {
  client: authority.issue({ subject: 'client' }),
  stranger: otherAuthority.issue({ subject: 'stranger' }),
  'self-signed': selfSigned({ subject: 'self', authority: false }),
  expired: authority.issue({ subject: 'expired', from: -9, to: -2 }),
  future: authority.issue({ subject: 'future', from: 2, to: 9 }),
}

type Side = 'kafka' | 'ours'
const ports: Record<Side, Map<string, number>> = { kafka: new Map(), ours: new Map() }
let kafka: KafkaBroker
let ours: BrokerInProcess

const brokerSettings = (): Record<string, string> => ({
  'listener.security.protocol.map': ['PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT', ...names.map((name) => `${name}:SSL`)].join(','),
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': file('ca.pem'),
  'ssl.keystore.type': 'PEM',
  ...Object.fromEntries(
    Object.entries(listeners).flatMap(([name, listener]) => [
      [`listener.name.${name.toLowerCase()}.ssl.keystore.location`, file(`${name}.pem`)],
      ...Object.entries('settings' in listener ? listener.settings : {}).map(([setting, value]) => [
        `listener.name.${name.toLowerCase()}.${setting}`,
        value,
      ]),
    ]),
  ),
})

beforeAll(async () => {
  writeFileSync(file('ca.pem'), authority.certificate)
  writeFileSync(file('other-ca.pem'), otherAuthority.certificate)
  for (const [name, { key, certificate }] of Object.entries(stores)) writeFileSync(file(`${name}.pem`), key + certificate)
  for (const name of names) {
    const { key, certificate } = listeners[name].certificate
    writeFileSync(file(`${name}.pem`), key + certificate)
    ports.kafka.set(name, await freePort())
  }
  kafka = await startApacheKafka((port) => {
    const bound = [`PLAINTEXT://127.0.0.1:${port}`, ...names.map((name) => `${name}://127.0.0.1:${ports.kafka.get(name)}`)].join(',')
    return {
      ...brokerSettings(),
      listeners: `${bound},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': bound.replaceAll(/(\w+):\/\/127\.0\.0\.1/g, (_, name) => `${name}://${hostOf(name)}`),
      'inter.broker.listener.name': 'PLAINTEXT',
    }
  })
  const bound = ['PLAINTEXT', ...names].map((name) => `${name}://${hostOf(name)}:0`).join(',')
  ours = await brokerInProcess({ ...brokerSettings(), listeners: bound })
  for (const { listener, port } of ours.broker.addresses) ports.ours.set(listener, port)
})

afterAll(async () => {
  await kafka?.stop()
  await ours?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A listener for one host name is advertised by it. */
const hostOf = (name: string) => (name === 'HOSTS' || name === 'NAME' ? 'localhost' : '127.0.0.1')

const trusting = () => ({ 'security.protocol': 'SSL', 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': file('ca.pem') })
const keyOf = (name: string) => ({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file(`${name}.pem`) })

interface Attempt {
  readonly listener: Listener
  readonly host?: 'localhost' | '127.0.0.1'
  readonly settings?: () => Record<string, string>
  /** What our client says, of either broker; null where it is let in. */
  readonly says: RegExp | null
}

const attempts: Readonly<Record<string, Attempt>> = {
  'a certificate of the authority': { listener: 'GOOD', says: null },
  'another authority': {
    listener: 'GOOD',
    settings: () => ({ 'ssl.truststore.location': file('other-ca.pem') }),
    says: /is not trusted .*other-ca\.pem$/,
  },
  'another host': { listener: 'ELSEWHERE', says: /is not for 127\.0\.0\.1, it is for DNS:elsewhere\.example, DNS:\*\.example/ },
  'another host, unchecked': { listener: 'ELSEWHERE', settings: () => ({ 'ssl.endpoint.identification.algorithm': '' }), says: null },
  'an expired certificate': { listener: 'EXPIRED', says: /has expired on / },
  'an expired certificate, hosts unchecked': {
    listener: 'EXPIRED',
    settings: () => ({ 'ssl.endpoint.identification.algorithm': '' }),
    says: /has expired on /,
  },
  'a certificate that is not valid yet': { listener: 'FUTURE', says: /is not valid yet/ },
  'a certificate that has signed itself': { listener: 'SELF', says: /is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/ },
  'a certificate without names but for its subject': { listener: 'NAME', host: 'localhost', says: null },
  'a certificate of a host name, by its address': { listener: 'HOSTS', says: /is not for 127\.0\.0\.1, it is for DNS:localhost/ },
  'a certificate of an address, by its address': { listener: 'ADDRESS', says: null },
  'a certificate of an address, by a host name': {
    listener: 'ADDRESS',
    host: 'localhost',
    says: /is not for localhost, it is for IP Address:127\.0\.0\.1/,
  },
  'TLS 1.2 where there is TLS 1.3 only': {
    listener: 'NEW',
    settings: () => ({ 'ssl.enabled.protocols': 'TLSv1.2' }),
    says: /no common version of TLS/,
  },
  'TLS 1.3 where there is TLS 1.2 only': {
    listener: 'OLD',
    settings: () => ({ 'ssl.enabled.protocols': 'TLSv1.3' }),
    says: /no common version of TLS/,
  },
  'a cipher that the broker has no key for': {
    listener: 'OLD',
    settings: () => ({ 'ssl.enabled.protocols': 'TLSv1.2', 'ssl.cipher.suites': 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256' }),
    says: /the TLS handshake failed .*check ssl\.cipher\.suites/,
  },
  'a client certificate': { listener: 'MUTUAL', settings: () => keyOf('client'), says: null },
  'no client certificate': { listener: 'MUTUAL', says: /set ssl\.keystore\.location, this client has no certificate$/ },
  'no client certificate, TLS 1.2': { listener: 'MUTUAL12', says: /set ssl\.keystore\.location, this client has no certificate$/ },
}

const badKeys = ['stranger', 'self-signed', 'expired', 'future'].flatMap((name) =>
  (['MUTUAL', 'MUTUAL12'] as const).map((listener) => [name, listener] as const),
)

const clientSettings = ({ settings }: Attempt) => ({ ...trusting(), ...settings?.() })
const addressOf = (side: Side, { listener, host = '127.0.0.1' }: Attempt) => `${host}:${ports[side].get(listener)}`

/** What the Java client says of each attempt, in their order, by one JVM. */
async function java(sides: readonly { side: Side; attempt: Attempt }[]): Promise<string[]> {
  const files = sides.map(({ side, attempt }, index) => {
    const path = file(`java-${index}.properties`)
    const lines = {
      'bootstrap.servers': addressOf(side, attempt),
      'default.api.timeout.ms': '6000',
      'request.timeout.ms': '5000',
      ...clientSettings(attempt),
    }
    writeFileSync(
      path,
      Object.entries(lines)
        .map((line) => `${line.join('=')}\n`)
        .join(''),
    )
    return path
  })
  const { stdout } = await promisify(execFile)(program.command, program.args(...files), { timeout: 280_000 })
  return stdout.split('\n').flatMap((line) => /^RESULT (.*)$/.exec(line)?.[1] ?? [])
}

/** What our client says, or null. */
async function tributary(side: Side, attempt: Attempt): Promise<Error | null> {
  const system = realSystem('silent')
  const security = clientSecurity(clientSettings(attempt), system)
  const client = createClient({ bootstrapServers: addressOf(side, attempt), clientId: 'test', requestTimeoutMs: 8_000, security }, system)
  try {
    await client.admin.describeCluster()
    return null
  } catch (error) {
    return error as Error
  } finally {
    await client.close()
  }
}

test("Kafka's Java client says the same of both", async () => {
  const both = Object.values(attempts).flatMap((attempt) => (['kafka', 'ours'] as const).map((side) => ({ side, attempt })))
  const lines = await java(both)
  expect(lines).toHaveLength(both.length)
  for (const [index, [name, { says }]] of Object.entries(attempts).entries()) {
    const [theirs, mine] = [lines[2 * index]!, lines[2 * index + 1]!]
    expect(theirs, name).toMatch(says === null ? /^ok$/ : /^SslAuthenticationException: /)
    // OpenSSL has an alert of its own for a certificate that is missing.
    expect(mine.replace(/(certificate_required|handshake_failure)$/, name.startsWith('no client') ? 'bad_certificate' : '$1'), name).toBe(
      theirs,
    )
  }
})

describe.each(['kafka', 'ours'] as const)('our client with %s', (side) => {
  test.each(Object.entries(attempts))('%s', async (_, attempt) => {
    const error = await tributary(side, attempt)
    if (attempt.says === null) {
      expect(error).toBeNull()
      return
    }
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error!.message).toContain(addressOf(side, attempt))
    expect(error!.message).toMatch(attempt.says)
  })

  test.each(badKeys)('a client certificate that is not accepted: %s, %s', async (name, listener) => {
    const error = await tributary(side, { listener, settings: () => keyOf(name), says: null })
    expect(error!.message).toContain(`127.0.0.1:${ports[side].get(listener)}`)
    if (side === 'kafka') {
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error!.message).toContain(`the broker does not accept the client certificate, or there is none (ALERT_CERTIFICATE_UNKNOWN)`)
    } else expect(error!.message).toContain('closed')
    expect(error!.message).toContain(`check ssl.keystore.location ${file(`${name}.pem`)}`)
  })
})

/**
 * A Java client shows a certificate only if its issuer is among those that the broker names, so that the first two show none. Node sends no
 * alert for the others: clients see that the connection is closed, and try again until their time is over.
 */
test.each<[string, RegExp]>([
  ['stranger', /^SslAuthenticationException: .*(certificate_required|handshake_failure)$/],
  ['self-signed', /^SslAuthenticationException: .*(certificate_required|handshake_failure)$/],
  ['expired', /^TimeoutException: /],
  ['future', /^TimeoutException: /],
])('the Java client with the client certificate %s is refused by Kafka at once, and by us', async (name, mine) => {
  const both = (['MUTUAL', 'MUTUAL12'] as const).flatMap((listener) =>
    (['kafka', 'ours'] as const).map((side) => ({ side, attempt: { listener, settings: () => keyOf(name), says: null } })),
  )
  const lines = await java(both)
  expect(lines).toHaveLength(both.length)
  for (const [index, { side }] of both.entries())
    expect(lines[index], side).toMatch(side === 'kafka' ? /^SslAuthenticationException: .*(bad_certificate|certificate_unknown)$/ : mine)
})

/** By the code of the error, or the version of TLS. */
const versionWith = (port: number, version: 'TLSv1' | 'TLSv1.1') =>
  new Promise<string>((resolve) => {
    const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0', rejectUnauthorized: false } as const
    const socket = connect({ host: '127.0.0.1', port, ...options }, () => resolve(socket.getProtocol() ?? 'none'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })

test.each(['TLSv1', 'TLSv1.1'] as const)('a client of %s gets the same alert from both', async (version) => {
  const theirs = await versionWith(ports.kafka.get('GOOD')!, version)
  expect(theirs).toMatch(/ALERT_PROTOCOL_VERSION/)
  expect(await versionWith(ports.ours.get('GOOD')!, version)).toBe(theirs)
})
