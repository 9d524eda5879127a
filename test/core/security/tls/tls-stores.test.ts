/**
 * Goal: every store that keytool and openssl write is read, whatever is wrong with one is a sentence with the setting and the file and
 * without the password, and a changed store is used without a restart. Method: stores captured from both tools, and files of the test.
 */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, getCiphers } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { cipherSuites } from '../../../../core/security/tls/cipher-suites.ts'
import { STORE_CHECK_MS, TlsStores } from '../../../../core/security/tls/tls-stores.ts'
import { type Clock, realClock } from '../../../../core/system/clock.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import { type Logger, silentLogger } from '../../../../core/system/logger.ts'
import { selfSigned } from '../../../certificates.ts'

const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../../golden/key-stores.json'), 'utf8')) as Record<string, string>
const folder = mkdtempSync(join(tmpdir(), 'tributary-stores-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, bytes: string | Buffer = Buffer.from(golden[name] ?? '', 'base64')) => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const storesOf = (
  settings: Record<string, string>,
  role: 'client' | 'server' = 'client',
  clock: Clock = realClock,
  logger: Logger = silentLogger,
) => new TlsStores(settings, role, { clock, disk: realDisk, logger })
const names = (pem: unknown) =>
  [...`${pem}`.matchAll(/-----BEGIN CERTIFICATE[\s\S]*?-----END CERTIFICATE-----/g)].map(([text]) => new X509Certificate(text).subject)

const trust = (name: string, type: string, password?: string) => ({
  'ssl.truststore.location': file(name),
  'ssl.truststore.type': type,
  ...(password !== undefined && { 'ssl.truststore.password': password }),
})
const key = (name: string, type: string, password = 'store-secret') => ({
  'ssl.keystore.location': file(name),
  'ssl.keystore.type': type,
  'ssl.keystore.password': password,
})

describe('trust stores', () => {
  it.each([
    ['trust.p12', 'PKCS12', 'store-secret'],
    ['trust.p12', 'JKS', 'store-secret'],
    ['trust-legacy.p12', 'PKCS12', 'store-secret'],
    ['trust-open.p12', 'PKCS12', undefined],
    ['trust.jks', 'JKS', 'store-secret'],
    ['trust.jks', 'JKS', undefined],
    ['trust.jks', 'PKCS12', 'store-secret'],
  ])('%s as %s is read (password %s)', (name, type, password) => {
    const { options } = storesOf(trust(name, type, password))
    expect(names(options.ca)).toEqual(['CN=Golden CA'])
    createSecureContext(options)
  })

  it('trust the certificate of a key, as in Java', () => {
    const settings = { ...trust('key.jks', 'JKS', 'store-secret') }
    expect(names(storesOf(settings).options.ca)).toEqual(['CN=golden'])
  })

  it('in PEM are a file or a value, with any white space', () => {
    const location = file('chain.pem', golden['chain.pem'])
    expect(names(storesOf({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': location }).options.ca)).toEqual([
      'CN=golden',
      'CN=Golden CA',
    ])
    const value = golden['chain.pem']!.replaceAll('\n', ' ')
    expect(names(storesOf({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': value }).options.ca)).toHaveLength(2)
  })
})

describe('key stores', () => {
  it.each([
    ['key.p12', 'PKCS12', {}],
    ['key.p12', 'JKS', {}],
    ['key-legacy.p12', 'PKCS12', {}],
    ['key-openssl.p12', 'PKCS12', {}],
    ['key-openssl-legacy.p12', 'PKCS12', {}],
    ['key-openssl-rc2-128.p12', 'PKCS12', {}],
    ['key.jks', 'JKS', { 'ssl.key.password': 'key-secret' }],
  ])('%s as %s is read', (name, type, more) => {
    const { options } = storesOf({ ...key(name, type), ...more }, 'server')
    expect(names(options.cert)).toEqual(['CN=golden', 'CN=Golden CA'])
    createSecureContext(options)
  })

  it.each(['enc-pbes1.key', 'enc-pbes2.key', 'enc-old.key'])('in PEM may be encrypted (%s)', (name) => {
    const location = file(`${name}.pem`, golden[name]! + golden['chain.pem']!)
    const settings = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': location }
    createSecureContext(storesOf({ ...settings, 'ssl.key.password': 'key-secret' }).options)
    expect(() => storesOf(settings)).toThrow(`ssl.key.password: ${location}: the key is encrypted, and there is no password for it`)
    expect(() => storesOf({ ...settings, 'ssl.key.password': 'wrong-secret' })).toThrow(
      `ssl.key.password: ${location}: the password of the key is wrong`,
    )
  })

  it('in PEM may be values on one line', () => {
    const { key: pem, certificate } = selfSigned({ subject: 'one line' })
    const one = (text: string) => text.replaceAll('\n', ' ')
    const settings = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': one(pem), 'ssl.keystore.certificate.chain': one(certificate) }
    createSecureContext(storesOf(settings).options)
  })
})

describe('what cannot work is a sentence', () => {
  const other = selfSigned({ subject: 'other' })
  it.each<[Record<string, string>, string]>([
    [
      trust('trust.p12', 'PKCS12', 'wrong-secret'),
      `ssl.truststore.password: ${join(folder, 'trust.p12')}: the password is wrong, or the store is damaged`,
    ],
    [trust('trust.jks', 'JKS', 'wrong-secret'), `ssl.truststore.password: ${join(folder, 'trust.jks')}: the password is wrong`],
    [trust('trust.p12', 'PKCS12'), `ssl.truststore.location: ${join(folder, 'trust.p12')} has no trusted certificate`],
    [trust('certs-openssl.p12', 'PKCS12', 'store-secret'), 'one that openssl writes needs -jdktrust'],
    [
      trust('trust.jceks', 'JKS', 'store-secret'),
      'is JCEKS, which is not read: convert it with keytool -importkeystore -deststoretype PKCS12',
    ],
    [key('trust.p12', 'PKCS12'), 'has no private key: a key store needs one with its certificate'],
    [key('key.p12', 'PKCS12', 'wrong-secret'), 'ssl.keystore.password: '],
    [key('key.jks', 'JKS'), `ssl.keystore.password: ${join(folder, 'key.jks')}: the password of the key is wrong`],
    [{ ...key('key.jks', 'JKS'), 'ssl.key.password': 'wrong-secret' }, 'ssl.key.password: '],
    [
      { 'ssl.truststore.location': '/nowhere/trust.p12', 'ssl.truststore.password': 'store-secret' },
      'ssl.truststore.location: /nowhere/trust.p12 does not exist: check the path',
    ],
    [{ 'ssl.truststore.location': folder, 'ssl.truststore.type': 'PEM' }, `ssl.truststore.location: ${folder} cannot be read (EISDIR)`],
    [
      { 'ssl.truststore.location': file('ca.pem', other.certificate) },
      `ssl.truststore.type: ${join(folder, 'ca.pem')} is PEM, the type is JKS: set it to PEM`,
    ],
    [{ 'ssl.truststore.location': file('noise', 'noise') }, 'is neither PKCS12 nor JKS nor PEM'],
    [
      { 'ssl.truststore.location': file('cut.p12', Buffer.from(golden['trust.p12']!, 'base64').subarray(0, 100)) },
      `ssl.truststore.location: ${join(folder, 'cut.p12')} cannot be read as JKS: `,
    ],
    [{ 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': other.key }, 'ssl.keystore.certificate.chain: '],
    [{ 'ssl.keystore.type': 'PEM', 'ssl.keystore.certificate.chain': other.certificate }, 'ssl.keystore.key: '],
    [
      { 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': other.key, 'ssl.keystore.certificate.chain': golden['chain.pem']! },
      'the first certificate is not that of the private key',
    ],
    [{ 'ssl.keystore.key': other.key, 'ssl.keystore.certificate.chain': other.certificate }, 'needs ssl.keystore.type=PEM, it is JKS'],
    [{ 'ssl.keystore.location': 'x' }, 'ssl.keystore.password: the key store x needs a password'],
    [{ 'ssl.keystore.password': 'store-secret' }, 'ssl.keystore.password: there is a password and no key store'],
    [{ 'ssl.truststore.password': 'store-secret' }, 'ssl.truststore.password: there is a password and no trust store'],
    [
      { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': 'x', 'ssl.truststore.password': 'store-secret' },
      'a trust store in PEM has no password',
    ],
    [{ 'ssl.keystore.type': 'BCFKS' }, 'ssl.keystore.type: "BCFKS" is not supported'],
    [
      { 'ssl.cipher.suites': 'TLS_DHE_DSS_WITH_AES_128_CBC_SHA' },
      'ssl.cipher.suites: TLS_DHE_DSS_WITH_AES_128_CBC_SHA is not supported: use one of',
    ],
    [{ 'ssl.enabled.protocols': 'TLSv1.1' }, 'ssl.enabled.protocols: "TLSv1.1" is not supported'],
    [{ 'ssl.protocol': 'TLSv1.2', 'ssl.enabled.protocols': 'TLSv1.3' }, 'none of TLSv1.3 is possible with ssl.protocol=TLSv1.2'],
    [{ 'ssl.protocol': 'SSLv3' }, 'ssl.protocol: "SSLv3" is not supported'],
    [{ 'ssl.endpoint.identification.algorithm': 'ldaps' }, 'ssl.endpoint.identification.algorithm: "ldaps" is not supported'],
    [{ 'ssl.client.auth': 'want' }, 'ssl.client.auth: "want" is none of required, requested, none'],
    [{ 'ssl.provider': 'BCJSSE' }, 'ssl.provider: it chooses a part of the JVM'],
    [{ 'ssl.keymanager.algorithm': 'PKIX' }, 'ssl.keymanager.algorithm: '],
    [{ 'ssl.trustmanager.algorithm': 'SunX509' }, 'ssl.trustmanager.algorithm: '],
    [{ 'ssl.secure.random.implementation': 'SHA1PRNG' }, 'ssl.secure.random.implementation: '],
    [{ 'ssl.engine.factory.class': 'com.example.Factory' }, 'ssl.engine.factory.class: '],
  ])('%o', (settings, message) => {
    let thrown: Error | undefined
    try {
      storesOf(settings)
    } catch (error) {
      thrown = error as Error
    }
    expect(thrown?.message).toContain(message)
    expect(thrown?.message).not.toContain('-secret')
  })

  it('a listener without a key store', () => {
    expect(() => storesOf({}, 'server')).toThrow('ssl.keystore.location: a listener with TLS needs a certificate')
  })
})

it('settings of the JVM may have their defaults', () => {
  const defaults = {
    'ssl.provider': '',
    'ssl.keymanager.algorithm': 'SunX509',
    'ssl.trustmanager.algorithm': 'PKIX',
    'ssl.engine.factory.class': '',
  }
  expect(storesOf(defaults).settings).toMatchObject({
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    checksHostName: true,
    clientAuth: 'none',
  })
})

it('every cipher suite is one of OpenSSL', () => {
  const known = getCiphers()
  expect([...cipherSuites.values()].filter((suite) => !known.includes(suite.toLowerCase()))).toEqual([])
  expect(storesOf({ 'ssl.cipher.suites': 'TLS_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256' }).options.ciphers).toBe(
    'TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-SHA256',
  )
})

describe('a store that changes', () => {
  it('is read again, and an unreadable one leaves the options as they were', () => {
    let now = 0
    let look = () => {}
    const logged: string[] = []
    const clock: Clock = {
      ...realClock,
      monotonic: () => now,
      every: (_, task) => {
        look = task
        return { cancel: () => (look = () => {}) }
      },
    }
    const logger: Logger = {
      ...silentLogger,
      info: (_, message) => void logged.push(message),
      error: (_, message) => void logged.push(message),
    }
    const [first, second] = [selfSigned({ subject: 'first' }), selfSigned({ subject: 'second' })]
    const location = file('changing.pem', first.certificate)
    const stores = storesOf({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': location }, 'client', clock, logger)
    const seen: string[][] = []
    const stop = stores.watch((options) => seen.push(names(options.ca)))
    const write = (text: string, modifiedS: number) => {
      writeFileSync(location, text)
      utimesSync(location, modifiedS, modifiedS)
    }
    look()
    expect(seen).toEqual([])
    write('half a sto', 1)
    look()
    expect(seen).toEqual([])
    expect(names(stores.options.ca)).toEqual(['CN=first'])
    expect(logged).toEqual([expect.stringContaining('repair the file, it is read again')])
    write(second.certificate, 2)
    look()
    expect(seen).toEqual([['CN=second']])
    stop()
    write(first.certificate, 3)
    look()
    expect(seen).toHaveLength(1)
    now += STORE_CHECK_MS
    expect(names(stores.options.ca)).toEqual(['CN=first'])
  })
})

it.each([
  [{ from: -20, to: -10 }, 1],
  [{ from: 10, to: 20 }, 1],
  [{ from: -20, to: 20 }, 0],
])('a key store with a certificate for the days %j is used, and a warning says that others refuse it', (days, warnings) => {
  const logged: { context: object; message: string }[] = []
  const logger: Logger = { ...silentLogger, warn: (context, message) => void logged.push({ context, message }) }
  const { key: own, certificate } = selfSigned({ subject: 'worker', ...days })
  const location = file('dated.pem', own + certificate)
  const stores = storesOf({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': location }, 'server', realClock, logger)
  expect(names(stores.options.cert)).toEqual(['CN=worker'])
  expect(logged).toHaveLength(warnings)
  for (const { context, message } of logged) {
    expect(context).toMatchObject({ file: location, subject: 'CN=worker', validTo: expect.any(String) })
    expect(message).toMatch(/has expired, or is not valid yet: others refuse it/)
  }
})
