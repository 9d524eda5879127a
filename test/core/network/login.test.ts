/**
 * Goal: a listener with SASL answers, waits and closes as Apache Kafka does, and logs no secret. Method: a broker with short sessions and a
 * raw client that sends what no client would.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../../core/apis/03-metadata.ts'
import saslHandshake from '../../../core/apis/17-sasl-handshake.ts'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import saslAuthenticate from '../../../core/apis/36-sasl-authenticate.ts'
import createToken from '../../../core/apis/38-create-delegation-token.ts'
import expireToken from '../../../core/apis/40-expire-delegation-token.ts'
import alterScram from '../../../core/apis/51-alter-user-scram-credentials.ts'
import describeCluster from '../../../core/apis/60-describe-cluster.ts'
import { createSaslClient } from '../../../core/security/sasl/sasl-client.ts'
import { saltedPasswordSync } from '../../../core/security/sasl/scram-mechanism.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { type RawClient, rawClient } from '../../raw-client.ts'
import { logIn, plainLogin, tokenLogin } from '../../raw-login.ts'
import { type SecuredListeners, securedListenersIn } from '../../secured-listeners.ts'
import { until } from '../../until.ts'

const plain = (user: string, password: string, authzid = '') => Buffer.from(`${authzid}\0${user}\0${password}`)
const versionsRequest = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
const topicsRequest = {
  topics: [],
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

let secured: SecuredListeners
let broker: BrokerInProcess
const clients: RawClient[] = []

beforeAll(async () => {
  secured = securedListenersIn()
  broker = await brokerInProcess({
    ...secured.properties,
    listeners: 'PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0,SHORT://127.0.0.1:0,LATE://127.0.0.1:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SHORT:SASL_PLAINTEXT,LATE:SASL_PLAINTEXT',
    'listener.name.short.plain.sasl.jaas.config': secured.properties['listener.name.sasl_plaintext.plain.sasl.jaas.config']!,
    'listener.name.short.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.short.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'listener.name.short.plain.connections.max.reauth.ms': '1200',
    'delegation.token.secret.key': 'token-secret',
    'listener.name.late.plain.sasl.jaas.config': secured.properties['listener.name.sasl_plaintext.plain.sasl.jaas.config']!,
    'listener.name.late.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.late.connection.failed.authentication.delay.ms': '3000',
  })
})

afterAll(async () => {
  for (const client of clients) client.close()
  await broker.stop()
  secured.remove()
})

async function connected(listener: 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SHORT' | 'LATE'): Promise<RawClient> {
  const { port } = broker.broker.addresses.find((address) => address.listener === listener)!
  const client = await rawClient(port)
  clients.push(client)
  return client
}

async function loggedIn(listener: 'SASL_PLAINTEXT' | 'SHORT', user = 'alice') {
  const client = await connected(listener)
  await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
  const answer = await client.send(saslAuthenticate, 2, { authBytes: plain(user, `${user}-secret`) })
  expect(answer.errorCode).toBe(0)
  return { client, answer }
}

const principals = () =>
  (broker.lines.filter(({ message }) => message === 'login succeeded').at(-1)?.details as { principal?: string })?.principal

describe('the login', () => {
  test('PLAIN: versions, handshake, one message; then every API is answered', async () => {
    const client = await connected('SASL_PLAINTEXT')
    expect((await client.send(apiVersions, 4, versionsRequest)).errorCode).toBe(0)
    expect(await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })).toEqual({
      errorCode: 0,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    })
    const answer = await client.send(saslAuthenticate, 2, { authBytes: plain('alice', 'alice-secret') })
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: '', sessionLifetimeMs: 0 })
    expect((await client.send(metadata, 12, topicsRequest)).brokers).toHaveLength(1)
    expect(principals()).toBe('User:alice')
  })

  test('messages of SASL without a header, after SaslHandshake v0', async () => {
    const client = await connected('SASL_PLAINTEXT')
    await client.send(saslHandshake, 0, { mechanism: 'PLAIN' })
    const token = plain('b', 'b')
    client.write(Buffer.concat([Buffer.from([0, 0, 0, token.length]), token]))
    await client.whenClosed()
    const second = await connected('SASL_PLAINTEXT')
    await second.send(saslHandshake, 0, { mechanism: 'PLAIN' })
    const right = plain('bob', 'bob-secret')
    second.write(Buffer.concat([Buffer.from([0, 0, 0, right.length]), right]))
    expect((await second.frame()).length).toBe(0)
    expect((await second.send(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 })).errorCode).toBe(0)
  })

  test('SCRAM: a user that is added can log in, and cannot once it is removed', async () => {
    const admin = await connected('PLAINTEXT')
    const salt = Buffer.from('0123456789abcdef')
    const saltedPassword = saltedPasswordSync('SCRAM-SHA-512', 'carol-secret', salt, 4096)
    const upsertion = { name: 'carol', mechanism: 2, iterations: 4096, salt, saltedPassword }
    const added = await admin.send(alterScram, 0, { deletions: [], upsertions: [upsertion] })
    expect(added.results).toEqual([{ user: 'carol', errorCode: 0, errorMessage: null }])
    const login = async (password: string) => {
      const client = await connected('SASL_PLAINTEXT')
      const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="carol" password="${password}";`
      const exchange = createSaslClient(
        { 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.jaas.config': jaas },
        realSystem('silent'),
        {},
      ).exchange()
      await client.send(saslHandshake, 1, { mechanism: 'SCRAM-SHA-512' })
      const first = await client.send(saslAuthenticate, 2, { authBytes: await exchange.first() })
      const final = await client.send(saslAuthenticate, 2, { authBytes: (await exchange.next(first.authBytes as Buffer))! })
      if (final.errorCode === 0) await exchange.next(final.authBytes as Buffer)
      return final
    }
    expect((await login('carol-secret')).errorCode).toBe(0)
    const wrong = await login('wrong')
    await admin.send(alterScram, 0, { deletions: [{ name: 'carol', mechanism: 2 }], upsertions: [] })
    const unknown = await login('carol-secret')
    expect(wrong).toMatchObject({
      errorCode: 58,
      errorMessage: 'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512',
    })
    expect(unknown).toEqual(wrong)
  })
})

describe('a delegation token', () => {
  const newToken = { ownerPrincipalType: null, ownerPrincipalName: null, renewers: [], maxLifetimeMs: 60_000 }
  const issue = async (client: RawClient) => {
    const token = await client.send(createToken, 3, newToken)
    expect(token.errorCode).toBe(0)
    return { ...token, hmac: Buffer.from(token.hmac) }
  }

  test('its owner may use all APIs with it but those of tokens, until it expires', async () => {
    const { client: owner } = await loggedIn('SASL_PLAINTEXT')
    const { tokenId, hmac } = await issue(owner)
    const client = await connected('SASL_PLAINTEXT')
    const answer = await logIn(client, tokenLogin('SCRAM-SHA-256', tokenId, hmac))
    expect(answer.errorCode).toBe(0)
    expect(answer.sessionLifetimeMs).toBeGreaterThan(0)
    expect(answer.sessionLifetimeMs).toBeLessThanOrEqual(60_000)
    expect(principals()).toBe('User:alice')
    expect((await client.send(metadata, 12, topicsRequest)).brokers).toHaveLength(1)
    expect((await client.send(createToken, 3, newToken)).errorCode).toBe(64)
    expect((await client.send(expireToken, 2, { hmac, expiryTimePeriodMs: -1 })).errorCode).toBe(64)
    expect((await owner.send(expireToken, 2, { hmac, expiryTimePeriodMs: -1 })).errorCode).toBe(0)
    const late = await logIn(await connected('SASL_PLAINTEXT'), tokenLogin('SCRAM-SHA-256', tokenId, hmac))
    expect(late.errorCode).toBe(58)
  })

  test('ends the session with it: the next request closes', async () => {
    const { client: owner } = await loggedIn('SASL_PLAINTEXT')
    const { tokenId, hmac } = await issue(owner)
    const shortened = await owner.send(expireToken, 2, { hmac, expiryTimePeriodMs: 300 })
    expect(shortened.errorCode).toBe(0)
    const client = await connected('SASL_PLAINTEXT')
    const { sessionLifetimeMs } = await logIn(client, tokenLogin('SCRAM-SHA-512', tokenId, hmac))
    expect(sessionLifetimeMs).toBeLessThanOrEqual(300)
    const isClosed = () =>
      client.send(metadata, 12, topicsRequest).then(
        () => false,
        () => true,
      )
    await until(isClosed, 'a request closes the connection')
  })

  test('a renewal of the session by the token is a login by a token as well', async () => {
    const client = await connected('SHORT')
    // The first session has an end by the settings of the listener.
    expect((await logIn(client, plainLogin('alice', 'alice-secret'))).sessionLifetimeMs).toBe(1200)
    const { tokenId, hmac } = await issue(client)
    const other = await connected('SHORT')
    const login = tokenLogin('SCRAM-SHA-512', tokenId, hmac)
    expect((await logIn(other, login)).errorCode).toBe(0)
    expect((await other.send(createToken, 3, newToken)).errorCode).toBe(64)
    expect((await logIn(other, login)).errorCode).toBe(0)
    expect((await other.send(createToken, 3, newToken)).errorCode).toBe(64)
  })
})

describe('what is refused', () => {
  test('a wrong password and an unknown user: the same answer, then a close', async () => {
    for (const [user, password] of [
      ['alice', 'wrong'],
      ['nobody', 'alice-secret'],
    ] as const) {
      const client = await connected('SASL_PLAINTEXT')
      await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
      const answer = await client.send(saslAuthenticate, 2, { authBytes: plain(user, password) })
      expect(answer).toMatchObject({ errorCode: 58, errorMessage: 'Authentication failed: Invalid username or password' })
      await client.whenClosed()
    }
  })

  test('connection.failed.authentication.delay.ms: a login that begins later is done before the failure is told', async () => {
    const client = await connected('LATE')
    await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    let isTold = false
    const told = client.send(saslAuthenticate, 2, { authBytes: plain('alice', 'wrong') }).then(({ errorCode }) => {
      isTold = true
      return errorCode
    })
    await loggedIn('SASL_PLAINTEXT')
    expect(isTold).toBe(false)
    expect(await told).toBe(58)
  })

  test('an authorization id that is not the user (CVE-2017-12610)', async () => {
    const client = await connected('SASL_PLAINTEXT')
    await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    const { errorCode } = await client.send(saslAuthenticate, 2, { authBytes: plain('alice', 'alice-secret', 'bob') })
    expect(errorCode).toBe(58)
    await client.whenClosed()
  })

  test('a mechanism that is not enabled: 33 with those that are, then a close', async () => {
    const client = await connected('SASL_PLAINTEXT')
    const answer = await client.send(saslHandshake, 1, { mechanism: 'GSSAPI' })
    expect(answer).toEqual({ errorCode: 33, mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] })
    await client.whenClosed()
  })

  test('another API before the handshake: a close without an answer; after it: 34, then a close', async () => {
    const before = await connected('SASL_PLAINTEXT')
    await expect(before.send(metadata, 12, topicsRequest)).rejects.toThrow('closed')
    const after = await connected('SASL_PLAINTEXT')
    await after.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    const answer = await after.send(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 })
    expect(answer.errorCode).toBe(34)
    await after.whenClosed()
  })

  test('a request over sasl.server.max.receive.size closes before its bytes arrive', async () => {
    const client = await connected('SASL_PLAINTEXT')
    client.write(Buffer.from([0, 8, 0, 1]))
    await client.whenClosed()
    expect(broker.lines.some(({ message }) => message.includes('524288 (sasl.server.max.receive.size)'))).toBe(true)
  })

  test('SaslHandshake on a PLAINTEXT listener: 34, and the connection stays', async () => {
    const client = await connected('PLAINTEXT')
    expect(await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })).toEqual({ errorCode: 34, mechanisms: [] })
    expect(await client.send(saslAuthenticate, 2, { authBytes: Buffer.alloc(1) })).toMatchObject({ errorCode: 34 })
    expect((await client.send(apiVersions, 4, versionsRequest)).errorCode).toBe(0)
  })

  test('thousands of requests in one chunk before the login do not overflow the stack', async () => {
    const client = await connected('SASL_PLAINTEXT')
    const unsupported = Buffer.from([0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 255, 255])
    client.write(Buffer.concat(Array.from({ length: 4000 }, () => unsupported)))
    for (let count = 0; count < 4000; count++) await client.frame()
    expect((await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })).errorCode).toBe(0)
  })
})

describe('a session with an end', () => {
  test('is renewed by the same user; what is in flight is answered first', async () => {
    const { client, answer } = await loggedIn('SHORT')
    expect(answer.sessionLifetimeMs).toBe(1200)
    const first = client.send(metadata, 12, topicsRequest)
    const handshake = client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    expect((await first).brokers).toHaveLength(1)
    expect((await handshake).errorCode).toBe(0)
    const again = await client.send(saslAuthenticate, 2, { authBytes: plain('alice', 'alice-secret') })
    expect(again).toMatchObject({ errorCode: 0, sessionLifetimeMs: 1200 })
    expect((await client.send(metadata, 12, topicsRequest)).brokers).toHaveLength(1)
    expect((await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })).errorCode).toBe(34)
  })

  test('another user: 58 with both names, then a close', async () => {
    const { client } = await loggedIn('SHORT')
    await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    const answer = await client.send(saslAuthenticate, 2, { authBytes: plain('bob', 'bob-secret') })
    expect(answer).toMatchObject({
      errorCode: 58,
      errorMessage: 'Cannot change principals during re-authentication from User.alice: User.bob',
    })
    await client.whenClosed()
  })

  test('another mechanism: the handshake is answered, the next request closes', async () => {
    const { client } = await loggedIn('SHORT')
    expect((await client.send(saslHandshake, 1, { mechanism: 'SCRAM-SHA-512' })).errorCode).toBe(0)
    await expect(client.send(saslAuthenticate, 2, { authBytes: plain('alice', 'alice-secret') })).rejects.toThrow('closed')
  })

  test('past its end the next request closes', async () => {
    const { client } = await loggedIn('SHORT')
    const isClosed = () =>
      client.send(metadata, 12, topicsRequest).then(
        () => false,
        () => true,
      )
    await until(isClosed, 'a request closes the connection')
    expect(broker.lines.some(({ message }) => message.includes('the session has expired'))).toBe(true)
  })
})

test('no log line has a password, the secret key of tokens or the HMAC of one', () => {
  expect(broker.lines.length).toBeGreaterThan(0)
  const { delegationTokens } = broker.broker.cluster
  const issued = [...delegationTokens.all()]
  expect(issued.length).toBeGreaterThan(0)
  for (const { tokenId } of issued) expect(JSON.stringify(broker.lines)).not.toContain(delegationTokens.hmacOf(tokenId).toString('base64'))
  expect(JSON.stringify(broker.lines)).not.toMatch(/-secret|wrong/)
})
