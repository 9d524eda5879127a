/**
 * Goal: a client reaches brokers by TLS and SASL, ends a call at once with what to look at where it is refused or cannot trust, retries
 * what may be the network, and authenticates again without failing a request. Method: fake brokers with certificates of the test.
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import metadata from '../../../../core/apis/03-metadata.ts'
import listGroups from '../../../../core/apis/16-list-groups.ts'
import saslHandshake from '../../../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../../../core/apis/36-sasl-authenticate.ts'
import { AuthenticationError, type ClientSettings, clientSecurity, createClient } from '../../../../core/client/index.ts'
import { errorCode } from '../../../../core/errors.ts'
import { STORE_CHECK_MS } from '../../../../core/security/tls/tls-stores.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { selfSigned, type TestCertificate } from '../../../certificates.ts'
import { until } from '../../../until.ts'
import { fakeBroker } from '../fake-broker.ts'

const system = { clock: realClock, disk: realDisk, random: realRandom, logger: silentLogger }
const folder = mkdtempSync(join(tmpdir(), 'tributary-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})

const allGroups = { statesFilter: [], typesFilter: [] }
const authority = selfSigned({ subject: 'Test CA' })
const ours = authority.issue({ subject: 'broker', names: ['localhost', '127.0.0.1'] })
const client = authority.issue({ subject: 'client' })
const pem = { 'ssl.truststore.type': 'PEM', 'ssl.keystore.type': 'PEM' }
const trusting = { 'security.protocol': 'SSL', ...pem, 'ssl.truststore.certificates': authority.certificate }
const withKey = ({ key, certificate }: TestCertificate) => ({ 'ssl.keystore.key': key, 'ssl.keystore.certificate.chain': certificate })

const brokerWith = async ({ key, certificate }: TestCertificate = ours, tls: TlsOptions = {}) => {
  const broker = await fakeBroker({ t: 1 }, { key, cert: certificate, ...tls })
  open.push(broker)
  return broker
}
const plainBroker = async () => {
  const broker = await fakeBroker({ t: 1 })
  open.push(broker)
  return broker
}
const clientOf = (bootstrapServers: string, settings: Record<string, string>, own: Partial<ClientSettings> = {}, clock = realClock) => {
  const waits = { retryBackoffMs: 1, retryBackoffMaxMs: 10, reconnectBackoffMs: 1, reconnectBackoffMaxMs: 10 }
  const security = clientSecurity(settings, { ...system, clock })
  const created = createClient({ bootstrapServers, clientId: 'test', ...waits, ...own, security }, system)
  open.unshift(created)
  return created
}
const failure = async (address: string, settings: Record<string, string>): Promise<AuthenticationError> => {
  // A retry would wait for this time, which is longer than a test may take.
  const error = await clientOf(address, settings, { requestTimeoutMs: 600_000 })
    .topic('t')
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(AuthenticationError)
  return error as AuthenticationError
}

describe('TLS', () => {
  it('reaches a broker that the trust store vouches for, and names the host that it dials', async () => {
    const broker = await brokerWith()
    expect(await clientOf(broker.address, trusting).topic('t')).toMatchObject({ name: 't' })
    expect(broker.tlsClients[0]).toEqual({ serverName: 'localhost', certificate: undefined })
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('shows the certificate of the client to a broker that requires one (%s)', async (version) => {
    const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate, minVersion: version, maxVersion: version }
    const broker = await brokerWith(ours, mutual)
    expect(await clientOf(broker.address, { ...trusting, ...withKey(client) }).topic('t')).toMatchObject({ name: 't' })
    expect(broker.tlsClients[0]!.certificate).toBe('client')
    const { message } = await failure(broker.address, trusting)
    expect(message).toMatch(/^localhost:\d+ \(SSL\): .*set ssl\.keystore\.location, this client has no certificate$/)
  })

  it('does not trust a broker of another authority, and says which trust store to look at', async () => {
    const broker = await brokerWith(selfSigned({ subject: 'Other CA' }).issue({ subject: 'broker', names: ['localhost'] }))
    const { message, retriable } = await failure(broker.address, trusting)
    expect(retriable).toBe(false)
    expect(message).toMatch(
      /^localhost:\d+ \(SSL\): the certificate CN=broker of the broker is not trusted \([A-Z_]+\), its issuer is CN=Other CA: add the issuer to ssl\.truststore\.certificates$/,
    )
    expect((await failure(broker.address, { 'security.protocol': 'SSL' })).message).toContain('set ssl.truststore.location')
  })

  it('does not talk to a broker with the certificate of another host, unless host names are not checked', async () => {
    const broker = await brokerWith(authority.issue({ subject: 'broker', names: ['elsewhere.example'] }))
    const { message } = await failure(broker.address, trusting)
    expect(message).toContain('the certificate of the broker is not for localhost, it is for DNS:elsewhere.example')
    expect(broker.requests).toEqual([])
    expect(await clientOf(broker.address, { ...trusting, 'ssl.endpoint.identification.algorithm': '' }).topic('t')).toBeDefined()
  })

  it('does not talk to another authority where host names are not checked', async () => {
    const broker = await brokerWith(selfSigned({ subject: 'localhost', names: ['localhost'] }))
    const { message } = await failure(broker.address, { ...trusting, 'ssl.endpoint.identification.algorithm': '' })
    expect(message).toContain('is not trusted')
    expect(broker.requests).toEqual([])
  })

  it('says when a certificate has expired, or is not valid yet', async () => {
    const expired = authority.issue({ subject: 'broker', names: ['localhost'], from: -9, to: -2 })
    const year = new Date(Date.now() - 2 * 86_400_000).getUTCFullYear()
    expect((await failure((await brokerWith(expired)).address, trusting)).message).toMatch(
      new RegExp(`the certificate CN=broker of the broker has expired on .* ${year} GMT: renew it`),
    )
    const early = authority.issue({ subject: 'broker', names: ['localhost'], from: 2, to: 9 })
    expect((await failure((await brokerWith(early)).address, trusting)).message).toContain('is not valid yet')
  })

  it('trusts the certificate of the broker itself where it is in the trust store, as Java does', async () => {
    const broker = await brokerWith()
    const settings = { ...trusting, 'ssl.truststore.certificates': ours.certificate }
    expect(await clientOf(broker.address, settings).topic('t')).toBeDefined()
  })

  it('says what a broker without a common version or cipher suite needs', async () => {
    const old = await brokerWith(ours, { maxVersion: 'TLSv1.2' })
    const modern = { ...trusting, 'ssl.enabled.protocols': 'TLSv1.3' }
    expect((await failure(old.address, modern)).message).toContain('no common version of TLS, this client has TLSv1.3 to TLSv1.3')
    const suite = { ...trusting, 'ssl.cipher.suites': 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384' }
    expect((await failure(old.address, suite)).message).toContain('check ssl.cipher.suites')
  })

  it('asks about the protocol of the listener where a broker without TLS hangs up, and goes on trying', async () => {
    const hangUp = await servedBy((socket) => socket.destroy())
    const asked = clientOf(hangUp.address, trusting, { requestTimeoutMs: 300 }).send('any', listGroups, {
      statesFilter: [],
      typesFilter: [],
    })
    await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('is its listener one of SSL?') })
    expect(hangUp.count()).toBeGreaterThan(1)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'asks about the client certificate where a broker closes without an alert (%s)',
    async (version) => {
      const broker = await brokerWith(ours, { requestCert: true, ca: authority.certificate, maxVersion: version })
      const settings = { ...trusting, ...withKey(selfSigned({ subject: 'stranger' })) }
      const asked = clientOf(broker.address, settings, { requestTimeoutMs: 500 }).topic('t')
      await expect(asked).rejects.toMatchObject({
        message: expect.stringContaining('It may not accept the client certificate: check ssl.keystore.key'),
      })
    },
  )

  it('is told where no TLS comes back', async () => {
    const http = await servedBy((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect((await failure(http.address, trusting)).message).toContain('the listener does not speak TLS')
  })

  it('is not spoken by a client of PLAINTEXT: it is told so at once', async () => {
    const alert = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50])
    const listener = await servedBy((socket) => socket.end(alert))
    const { message } = await failure(listener.address, {})
    expect(message).toContain('the listener speaks TLS, this client does not: set security.protocol to SSL or SASL_SSL')
  })

  it('is asked about where a listener hangs up on a client of PLAINTEXT, which goes on trying', async () => {
    const broker = await brokerWith()
    const asked = clientOf(broker.address, {}, { requestTimeoutMs: 300 }).topic('t')
    await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('does it speak TLS?') })
  })

  it('reads its stores again when they change', async () => {
    const path = join(folder, 'trust.pem')
    const other = selfSigned({ subject: 'New CA' })
    writeFileSync(path, other.certificate)
    let now = 0
    const clock = { ...realClock, monotonic: () => now }
    const broker = await brokerWith()
    const settings = { 'security.protocol': 'SSL', ...pem, 'ssl.truststore.location': path }
    const security = clientSecurity(settings, { ...system, clock })
    const before = security.tls!.options
    writeFileSync(path, authority.certificate)
    utimesSync(path, 1, 1)
    expect(security.tls!.options).toBe(before)
    now += STORE_CHECK_MS
    expect(security.tls!.options).not.toBe(before)
    const created = createClient({ bootstrapServers: broker.address, clientId: 'test', security }, system)
    open.unshift(created)
    expect(await created.topic('t')).toBeDefined()
  })

  it('ends every call: of producers, consumers and the admin client', async () => {
    const broker = await brokerWith(selfSigned({ subject: 'Other CA', names: ['localhost'] }))
    const refused = clientOf(broker.address, trusting, { requestTimeoutMs: 600_000 })
    const record = { topic: 't', key: null, value: null }
    await expect(refused.producer({ deliveryTimeoutMs: 600_000 }).send([record])).rejects.toThrow('is not trusted')
    await expect(refused.admin.describeCluster()).rejects.toThrow('is not trusted')
    const consumer = refused.consumer()
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    await expect(consumer.poll(600_000)).rejects.toThrow('is not trusted')
    const member = refused.consumer({ groupId: 'g' })
    member.subscribe(['t'])
    await expect(member.poll(600_000)).rejects.toThrow('is not trusted')
    const matching = refused.consumer({ groupId: 'h' })
    matching.subscribe(/t/)
    await expect(matching.poll(600_000)).rejects.toThrow('is not trusted')
  })

  it('reports the refusal and not the outage where another bootstrap server is down', async () => {
    const broker = await brokerWith(selfSigned({ subject: 'Other CA', names: ['localhost'] }))
    expect((await failure(`127.0.0.1:1,${broker.address},127.0.0.1:1`, trusting)).message).toContain('is not trusted')
  })
})

describe('SASL', () => {
  const jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="alice-secret";'
  const plain = { 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': jaas }
  const authenticated = { errorCode: 0, errorMessage: null, authBytes: Buffer.alloc(0), sessionLifetimeMs: 0 }

  /** Accepts everybody. */
  async function saslBroker(lifetimeMs = 0, tls = false) {
    const broker = tls ? await brokerWith() : await plainBroker()
    const tokens: string[] = []
    broker.on(saslHandshake, () => ({ errorCode: 0, mechanisms: ['PLAIN'] }))
    broker.on(saslAuthenticate, ({ authBytes }: { authBytes: Buffer }) => {
      tokens.push(authBytes.toString())
      return { ...authenticated, sessionLifetimeMs: lifetimeMs }
    })
    return Object.assign(broker, { tokens })
  }

  it.each([false, true])('authenticates before the first request (TLS: %s)', async (tls) => {
    const broker = await saslBroker(0, tls)
    const settings = tls ? { ...plain, ...trusting, 'security.protocol': 'SASL_SSL' } : plain
    expect(await clientOf(broker.address, settings).topic('t')).toBeDefined()
    expect(broker.requests.slice(0, 4)).toEqual(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate', 'Metadata'])
    expect(broker.tokens[0]).toBe('\0alice\0alice-secret')
  })

  it('ends a call with what the broker answered, and never shows the password', async () => {
    const broker = await saslBroker()
    const errorMessage = 'Authentication failed: Invalid username or password'
    broker.on(saslAuthenticate, () => ({ ...authenticated, errorCode: errorCode('SASL_AUTHENTICATION_FAILED'), errorMessage }))
    const error = await failure(broker.address, plain)
    expect(error.error).toBe('SASL_AUTHENTICATION_FAILED')
    expect(error.message).toMatch(
      /^127\.0\.0\.1:\d+ \(SASL_PLAINTEXT, PLAIN\): the broker answered Authentication failed: Invalid username or password: check the credentials in sasl\.jaas\.config/,
    )
    expect(error.message).not.toContain('alice-secret')
  })

  it('names the mechanisms that the broker enables', async () => {
    const broker = await saslBroker()
    broker.on(saslHandshake, () => ({ errorCode: errorCode('UNSUPPORTED_SASL_MECHANISM'), mechanisms: ['SCRAM-SHA-512', 'OAUTHBEARER'] }))
    const error = await failure(broker.address, plain)
    expect(error.error).toBe('UNSUPPORTED_SASL_MECHANISM')
    expect(error.message).toContain('it enables SCRAM-SHA-512, OAUTHBEARER: set sasl.mechanism to one of them')
  })

  it('says that a listener is one without SASL', async () => {
    const broker = await saslBroker()
    broker.on(saslHandshake, () => ({ errorCode: errorCode('ILLEGAL_SASL_STATE'), mechanisms: [] }))
    expect((await failure(broker.address, plain)).message).toContain('the listener is one without SASL')
  })

  it('authenticates again before the session ends, on the same connections, and no request fails', async () => {
    const broker = await saslBroker(200)
    broker.on(listGroups, () => ({ throttleTimeMs: 0, errorCode: 0, groups: [] }))
    const asking = clientOf(broker.address, plain)
    const count = (name: string) => broker.requests.filter((entry) => entry === name).length
    let requests = 0
    await until(async () => {
      await Promise.all(Array.from({ length: 5 }, () => asking.send({ node: 1 }, listGroups, allGroups)))
      requests += 5
      return count('SaslAuthenticate') >= 6
    }, 'several sessions')
    expect(count('ListGroups')).toBe(requests)
    // A connection negotiates versions once.
    expect(count('ApiVersions')).toBe(2)
    expect(count('SaslHandshake')).toBe(count('SaslAuthenticate'))
  })

  it('fails what waits for a leader where the client is refused meanwhile', async () => {
    const broker = await saslBroker()
    const usual = broker.handler(metadata)
    broker.on(metadata, async (request, version) => {
      const response = (await usual(request, version)) as { topics: { partitions: { leaderId: number }[] }[] }
      for (const { partitions } of response.topics) for (const partition of partitions) partition.leaderId = -1
      return response
    })
    const waiting = clientOf(broker.address, plain, { requestTimeoutMs: 600_000 })
    const sent = waiting.producer({ deliveryTimeoutMs: 600_000 }).send([{ topic: 't', key: null, value: null }])
    const consumer = waiting.consumer()
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const polled = consumer.poll(600_000)
    await until(() => broker.requests.filter((name) => name === 'Metadata').length > 4, 'both to look for the leader')
    broker.on(saslAuthenticate, () => ({ ...authenticated, errorCode: errorCode('SASL_AUTHENTICATION_FAILED'), errorMessage: 'gone' }))
    broker.hangUp()
    await Promise.all([sent, polled].map((call) => expect(call).rejects.toThrow('the broker answered gone')))
  })

  it('ends the calls where authenticating again is refused', async () => {
    const broker = await saslBroker(100)
    broker.on(listGroups, () => ({ throttleTimeMs: 0, errorCode: 0, groups: [] }))
    const asking = clientOf(broker.address, plain)
    const ask = () => asking.send('any', listGroups, allGroups)
    await ask()
    broker.on(saslAuthenticate, () => ({ ...authenticated, errorCode: errorCode('SASL_AUTHENTICATION_FAILED'), errorMessage: 'gone' }))
    const error = await until(
      () =>
        ask()
          .then(() => null)
          .catch((thrown: unknown) => thrown),
      'the refusal',
    )
    expect(error).toBeInstanceOf(AuthenticationError)
  })

  it('takes no large frame of a peer that is not known yet', async () => {
    const served = await servedBy((socket) => {
      const length = Buffer.alloc(8)
      length.writeInt32BE(50_000_000)
      socket.write(length)
    })
    const asked = clientOf(served.address, plain, { requestTimeoutMs: 300 }).topic('t')
    await expect(asked).rejects.toThrow('a frame of 50000000 bytes, the limit is 1048576')
  })

  it('is retried where the connection fails in the middle of it', async () => {
    const broker = await saslBroker()
    let left = 3
    broker.on(saslAuthenticate, () => (left-- > 0 ? 'hang up' : authenticated))
    expect(await clientOf(broker.address, plain).topic('t')).toBeDefined()
  })
})

it.each([
  [{ 'security.protocol': 'TLS' }, /^security\.protocol: "TLS" is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL$/],
  [{ 'security.protocol': 'SASL_SSL', ...pem }, /sasl/i],
])('settings that cannot work are refused (%o)', (settings, message) => {
  expect(() => clientSecurity(settings as unknown as Record<string, string>, system)).toThrow(message)
})

/** A server that is no broker: it reads the first bytes, then does what the test says. */
async function servedBy(onConnection: (socket: Socket) => void) {
  let connections = 0
  const server: Server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).once('data', () => onConnection(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) })
  return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, count: () => connections }
}
