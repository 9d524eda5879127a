/**
 * Goal: a listener with TLS knows its clients by their certificates, refuses what is not TLS with a line that says what to do, and takes
 * new certificates without a restart. Method: a broker with listeners of SSL, which ask for certificates or not; sockets of node:tls and
 * node:net.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import incrementalAlterConfigs from '../../../core/apis/44-incremental-alter-configs.ts'
import { startBroker } from '../../../core/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../../certificates.ts'
import { encodeRequest } from '../../raw-client.ts'
import { type SecuredListeners, securedListenersIn } from '../../secured-listeners.ts'
import { until } from '../../until.ts'

let secured: SecuredListeners
let broker: BrokerInProcess
const sockets: Socket[] = []

beforeAll(async () => {
  secured = securedListenersIn()
  broker = await brokerInProcess({
    ...secured.properties,
    listeners: 'PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0,MTLS://127.0.0.1:0,ASKS://127.0.0.1:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SSL:SSL,MTLS:SSL,ASKS:SSL',
    'listener.name.asks.ssl.client.auth': 'requested',
  })
})

afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await broker.stop()
  secured.remove()
})

const portOf = (listener: string) => broker.broker.addresses.find((address) => address.listener === listener)!.port
const request = encodeRequest(apiVersions, 0, 7, {})

function tls(listener: string, options: ConnectionOptions = {}): TLSSocket {
  const socket = connect({
    port: portOf(listener),
    host: '127.0.0.1',
    ca: secured.authority.certificate,
    servername: 'localhost',
    ...options,
  })
  sockets.push(socket)
  return socket
}

/** The answer to ApiVersions; null where the connection is closed instead. */
const answer = (socket: Socket): Promise<Buffer | null> =>
  new Promise((resolve) => {
    socket.once('data', resolve)
    socket.once('close', () => resolve(null))
    socket.on('error', () => {})
    socket.write(request)
  })

const pair = ({ key, certificate }: TestCertificate): ConnectionOptions => ({ key, cert: certificate })
const principal = () =>
  (broker.lines.filter(({ message }) => message === 'TLS handshake succeeded').at(-1)?.details as { principal?: string })?.principal
const logged = (text: string) => broker.lines.filter(({ level, message }) => level === 'warn' && message.includes(text)).length
async function connections(): Promise<number> {
  const text = await broker.broker.system.metrics.registry.metrics()
  return Number(/^tributary_broker_connections (\d+)$/m.exec(text)?.[1])
}
/** Right after the handshake: later Node may have dropped it. */
const serial = (socket: TLSSocket) =>
  new Promise<string>((resolve) => socket.once('secureConnect', () => resolve(socket.getPeerX509Certificate()!.serialNumber)))

describe('the principal', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: without client certificates everybody is ANONYMOUS', async (version) => {
    expect(await answer(tls('SSL', { minVersion: version, maxVersion: version }))).not.toBeNull()
    expect(principal()).toBe('User:ANONYMOUS')
  })

  test('of a certificate, by ssl.principal.mapping.rules of the listener', async () => {
    expect(await answer(tls('MTLS', pair(secured.client)))).not.toBeNull()
    expect(principal()).toBe('User:client@acme')
  })

  test('of a certificate, where it is requested: the name as Java prints it; without one ANONYMOUS', async () => {
    expect(await answer(tls('ASKS', pair(secured.client)))).not.toBeNull()
    expect(principal()).toBe('User:CN=client,O=Acme')
    expect(await answer(tls('ASKS'))).not.toBeNull()
    expect(principal()).toBe('User:ANONYMOUS')
  })

  test.each(['MTLS', 'ASKS'])('%s: a certificate of another authority is refused', async (listener) => {
    const stranger = selfSigned({ subject: 'Another Authority' }).issue({ subject: 'client' })
    expect(await answer(tls(listener, pair(stranger)))).toBeNull()
  })

  test('a certificate that is required and missing', async () => {
    const socket = tls('MTLS')
    const alert = new Promise<string | undefined>((resolve) => socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code)))
    expect(await answer(socket)).toBeNull()
    expect(await alert).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
  })
})

describe('what is no TLS', () => {
  test('a certificate of another issuer, and one that has expired: the log says why', async () => {
    const foreign = selfSigned({ subject: 'Another Authority' }).issue({ subject: 'client' })
    expect(await answer(tls('MTLS', pair(foreign)))).toBeNull()
    await until(() => logged("the client's certificate is not accepted (") > 0, 'the issuer is told')
    const expired = secured.authority.issue({ subject: 'client', from: -20, to: -10 })
    expect(await answer(tls('MTLS', pair(expired)))).toBeNull()
    await until(() => logged("the client's certificate is not accepted (CERT_HAS_EXPIRED)") > 0, 'the end is told')
  })

  test('a request in plain text on an SSL listener: closed, and the log says what to do', async () => {
    const socket = connectPlain({ port: portOf('SSL'), host: '127.0.0.1' })
    expect(await answer(socket)).toBeNull()
    expect(logged('set security.protocol to SSL or SASL_SSL')).toBe(1)
  })

  test('a TLS handshake on a PLAINTEXT listener: closed, and the log says what to do', async () => {
    expect(await answer(tls('PLAINTEXT'))).toBeNull()
    expect(logged('a TLS handshake on a listener without TLS')).toBe(1)
  })

  test('a TLS record without a handshake', async () => {
    const socket = connectPlain({ port: portOf('SSL'), host: '127.0.0.1' })
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    socket.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]))
    expect(await closed).toBe(false)
  })
})

const alter = async (value: string | null) => {
  const client = await broker.client()
  const name = 'listener.name.ssl.ssl.keystore.location'
  const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
  const { responses } = await client.send(incrementalAlterConfigs, 1, {
    resources: [{ resourceType: 4, resourceName: String(broker.broker.settings.nodeId), configs }],
    validateOnly: false,
  })
  return responses[0]!
}

describe('new certificates', () => {
  test('of another key store, by IncrementalAlterConfigs: open connections stay', async () => {
    const before = tls('SSL')
    const old = await serial(before)
    const renewed = secured.authority.issue({ subject: 'broker', names: ['localhost', '127.0.0.1'] })
    expect(await alter(secured.write('renewed.pem', renewed))).toMatchObject({ errorCode: 0 })
    const after = tls('SSL')
    expect(await serial(after)).not.toBe(old)
    expect(await answer(after)).not.toBeNull()
    expect(await answer(before)).not.toBeNull()
    await alter(null)
    expect(await serial(tls('SSL'))).toBe(old)
  })

  test('that cannot be used are refused, and nothing changes', async () => {
    writeFileSync(join(secured.folder, 'broken.pem'), 'no certificate')
    const refused = await alter(join(secured.folder, 'broken.pem'))
    expect(refused.errorCode).toBe(42)
    expect(refused.errorMessage).toContain('broken.pem')
    const mixed = { ...secured.client, certificate: secured.authority.issue({ subject: 'other' }).certificate }
    expect((await alter(secured.write('mixed.pem', mixed))).errorCode).toBe(42)
    const other = await alter(secured.write('other.pem', secured.authority.issue({ subject: 'other' })))
    expect(other).toMatchObject({ errorCode: 42, errorMessage: expect.stringContaining('DistinguishedName does not match') })
    expect(await answer(tls('SSL'))).not.toBeNull()
  })

  test('in the same file that do not belong to its key are not used', async () => {
    secured.write('broker.pem', { ...secured.client, certificate: secured.authority.issue({ subject: 'other' }).certificate })
    const isTold = () => broker.lines.some(({ level, message }) => level === 'error' && message.includes('TLS stores'))
    await until(isTold, 'the log says so')
    expect(await answer(tls('SSL'))).not.toBeNull()
  })

  test('in the same file are used by new connections', async () => {
    const before = tls('SSL')
    const old = await serial(before)
    const renewed = secured.authority.issue({ subject: 'broker', names: ['localhost', '127.0.0.1'] })
    secured.write('broker.pem', renewed)
    await until(
      async () => {
        const socket = tls('SSL')
        const used = await serial(socket)
        socket.destroy()
        return used !== old
      },
      'the new certificate is used',
      15_000,
    )
    expect(await answer(before)).not.toBeNull()
  })
})

test('a stored key store that is gone does not keep the broker from starting', async () => {
  const file = secured.write('gone.pem', secured.authority.issue({ subject: 'broker', names: ['localhost', '127.0.0.1'] }))
  expect((await alter(file)).errorCode).toBe(0)
  rmSync(file)
  await broker.restart()
  expect(broker.lines.some(({ level, message }) => level === 'error' && message.startsWith('stored configs of listeners'))).toBe(true)
  expect(await answer(tls('SSL'))).not.toBeNull()
})

test('connections are counted from the handshake on, and not after their end', async () => {
  for (const socket of sockets) socket.destroy()
  await broker.restart()
  const socket = connectPlain({ port: portOf('SSL'), host: '127.0.0.1' })
  await until(async () => (await connections()) === 1, 'the half-open one counts')
  socket.destroy()
  await until(async () => (await connections()) === 0, 'it does not count any more')
})

test('all that is wrong with listeners is said at once, before a port is opened', async () => {
  const properties = {
    listeners: 'SSL://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0,SASL_SSL://127.0.0.1:0',
    'log.dirs': join(secured.folder, 'data'),
    'listener.name.sasl_ssl.sasl.enabled.mechanisms': 'PLAIN,KERBEROS',
    'listener.name.sasl_ssl.ssl.keystore.location': join(secured.folder, 'missing.p12'),
    'listener.name.sasl_ssl.ssl.keystore.password': 'secret-of-the-store',
  }
  const error: Error = await startBroker(properties, realSystem('silent')).then(
    () => expect.fail('it started'),
    (thrown) => thrown,
  )
  expect(error.name).toBe('SettingsError')
  expect(error.message.split('\n')).toEqual([
    expect.stringMatching(/^listener SSL: ssl\.keystore\.location: /),
    expect.stringMatching(/^listener SASL_PLAINTEXT: .*GSSAPI \(Kerberos\), which is also the default, is not implemented; use some of/),
    expect.stringMatching(/^listener SASL_SSL: .*missing\.p12/),
    expect.stringMatching(/^listener SASL_SSL: .*KERBEROS is no mechanism of Kafka/),
  ])
  expect(error.message).not.toContain('secret-of-the-store')
})
