/**
 * Goal: delegation tokens are those of Apache Kafka for every client: the four APIs give the same answers, errors included, tokens log in
 * and end in the same way, and kafka-delegation-tokens says the same. Method: a broker of each with the same listeners, users, secret key
 * and lifetimes; the same requests, logins and commands to both. Ids, HMACs and times are replaced by what must be true of them.
 */
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import createToken from '../../core/apis/38-create-delegation-token.ts'
import renewToken from '../../core/apis/39-renew-delegation-token.ts'
import expireToken from '../../core/apis/40-expire-delegation-token.ts'
import describeTokens from '../../core/apis/41-describe-delegation-token.ts'
import alterScram from '../../core/apis/51-alter-user-scram-credentials.ts'
import { type Client, clientSecurity, createClient } from '../../core/client/index.ts'
import { errorName } from '../../core/errors.ts'
import { saltedPasswordSync } from '../../core/security/sasl/scram-mechanism.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { writeProperties } from '../properties-file.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { logIn, plainLogin, scramLogin, tokenLogin } from '../raw-login.ts'
import { freePort } from '../running-broker.ts'
import { type SecuredListener, type SecuredListeners, securedListeners, securedListenersIn } from '../secured-listeners.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { type KafkaTools, kafkaTools } from './kafka-tools.ts'

const SECRET_KEY = 'key of the tokens'
const HOUR_MS = 3_600_000
const lifetimes = {
  'delegation.token.secret.key': SECRET_KEY,
  'delegation.token.max.lifetime.ms': `${10 * HOUR_MS}`,
  'delegation.token.expiry.time.ms': `${2 * HOUR_MS}`,
}
/** Kafka's controller sees its own changes a little later; and what ends at once has ended in the next millisecond. */
const PUBLISH_MS = { kafka: 300, ours: 2 }

const startTools = await kafkaTools()
let tools: KafkaTools
let secured: SecuredListeners
let kafka: KafkaBroker
let ours: BrokerInProcess
const folder = mkdtempSync(join(tmpdir(), 'delegation-tokens-'))
const kafkaPorts = new Map<SecuredListener, number>()

/** `tokens` are the settings of delegation tokens. */
async function startKafka(tokens: Readonly<Record<string, string>>): Promise<KafkaBroker> {
  return startApacheKafka((port) => {
    kafkaPorts.set('PLAINTEXT', port)
    const listeners = [...kafkaPorts].map(([name, at]) => `${name}://127.0.0.1:${at}`).join(',')
    return {
      ...secured.properties,
      ...tokens,
      listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': listeners,
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': secured.properties['listener.security.protocol.map']!,
    }
  })
}

beforeAll(async () => {
  for (const name of securedListeners) kafkaPorts.set(name, await freePort())
  secured = securedListenersIn([...kafkaPorts.values()])
  kafka = await startKafka(lifetimes)
  const zero = securedListenersIn()
  zero.remove()
  ours = await brokerInProcess({ ...secured.properties, ...lifetimes, listeners: zero.properties.listeners! })
  tools = startTools()
}, 180_000)
afterAll(async () => {
  await tools?.end()
  await kafka?.stop()
  await ours?.stop()
  secured?.remove()
  rmSync(folder, { recursive: true, force: true })
})

type Side = 'kafka' | 'ours'
const portOf = (side: Side, listener: SecuredListener): number =>
  side === 'kafka' ? kafkaPorts.get(listener)! : ours.broker.addresses.find((address) => address.listener === listener)!.port

const open: { close(): void }[] = []
afterEach(() => {
  for (const part of open.splice(0)) part.close()
})
async function connected(side: Side, listener: SecuredListener): Promise<RawClient> {
  const client = await rawClient(portOf(side, listener))
  open.push(client)
  return client
}
async function loggedIn(side: Side, settings: Record<string, string>): Promise<RawClient> {
  const client = await connected(side, 'SASL_PLAINTEXT')
  expect(errorName((await logIn(client, settings)).errorCode)).toBe('NONE')
  return client
}
const aliceOn = (side: Side) => loggedIn(side, plainLogin('alice', 'alice-secret'))
const bobOn = (side: Side) => loggedIn(side, plainLogin('bob', 'bob-secret'))

const system = realSystem('silent')
function secureClient(side: Side, listener: SecuredListener, settings: Record<string, string>): Client {
  const security = clientSecurity(settings, system)
  const bootstrapServers = `127.0.0.1:${portOf(side, listener)}`
  const client = createClient({ bootstrapServers, clientId: 'test', requestTimeoutMs: 30_000, security }, system)
  open.push({ close: () => void client.close() })
  return client
}
const trusting = () => ({ 'security.protocol': 'SSL', 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': secured.caFile })
const certificate = () => ({ ...trusting(), 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': secured.clientFile })

type Sender = (api: never, request: never) => Promise<never>
/** In the latest version, or the one that a test is about. */
const raw =
  (client: RawClient, version?: number): Sender =>
  (api: { versions: readonly [number, number] }, request) =>
    client.send(api as never, version ?? api.versions[1], request) as Promise<never>

interface Principal {
  readonly principalType: string
  readonly principalName: string
}
const user = (principalName: string, principalType = 'User'): Principal => ({ principalType, principalName })

interface Creation {
  readonly ownerPrincipalType?: string | null
  readonly ownerPrincipalName?: string | null
  readonly renewers?: readonly Principal[]
  readonly maxLifetimeMs?: number
}

/** Hours from `from`, for times that were taken a few seconds apart; what is no time stays. */
const hours = (time: number, from: number): string | number => (time > 0 ? `${Math.round((10 * (time - from)) / HOUR_MS) / 10} h` : time)

function tokenOf(fields: Record<string, unknown>, { issued, expiry, max }: { issued: number; expiry: number; max: number }) {
  const {
    tokenId,
    hmac,
    throttleTimeMs: _,
    errorCode = 0,
    issueTimestampMs: _1,
    expiryTimestampMs: _2,
    maxTimestampMs: _3,
    ...rest
  } = fields
  const expected = createHmac('sha512', SECRET_KEY)
    .update(tokenId as string)
    .digest()
  const isSigned = (hmac as Buffer).equals(expected)
  return {
    ...rest,
    error: errorName(errorCode as number),
    issued: issued > 0 ? hours(issued, Date.now()) : issued,
    expiry: hours(expiry, issued),
    max: hours(max, issued),
    tokenId: (tokenId as string).replace(/^[\w-]{22}$/, 'an id'),
    hmac: isSigned ? 'of the id' : (hmac as Buffer).toString('hex'),
  }
}

/** The requests of one client. Each method gives the answer as it can be compared. */
class Requests {
  readonly #send: Sender
  readonly #side: Side

  constructor(side: Side, send: Sender) {
    this.#send = send
    this.#side = side
  }

  async #settled(): Promise<void> {
    await pause(PUBLISH_MS[this.#side])
  }

  async create(creation: Creation = {}) {
    const request = { ownerPrincipalType: null, ownerPrincipalName: null, renewers: [], maxLifetimeMs: -1, ...creation }
    const answer = (await this.#send(createToken as never, request as never)) as Awaited<ReturnType<typeof createToken.handle>> & {
      issueTimestampMs: number
      expiryTimestampMs: number
      maxTimestampMs: number
      hmac: Buffer
      tokenId: string
    }
    await this.#settled()
    const { issueTimestampMs: issued, expiryTimestampMs: expiry, maxTimestampMs: max, hmac, tokenId } = answer
    return { answer: tokenOf({ ...answer }, { issued, expiry, max }), hmac, tokenId }
  }

  async renew(hmac: Buffer, renewPeriodMs = -1) {
    const answer = (await this.#send(renewToken as never, { hmac, renewPeriodMs } as never)) as {
      errorCode: number
      expiryTimestampMs: number
    }
    await this.#settled()
    return { error: errorName(answer.errorCode), expiry: hours(answer.expiryTimestampMs, Date.now()) }
  }

  async expire(hmac: Buffer, expiryTimePeriodMs: number) {
    const answer = (await this.#send(expireToken as never, { hmac, expiryTimePeriodMs } as never)) as {
      errorCode: number
      expiryTimestampMs: number
    }
    await this.#settled()
    return { error: errorName(answer.errorCode), expiry: hours(answer.expiryTimestampMs, Date.now()) }
  }

  async describe(owners: readonly Principal[] | null) {
    const answer = (await this.#send(describeTokens as never, { owners } as never)) as { errorCode: number; tokens: object[] }
    const tokens = answer.tokens as { issueTimestamp: number; expiryTimestamp: number; maxTimestamp: number }[]
    const shown = tokens.map(({ issueTimestamp: issued, expiryTimestamp: expiry, maxTimestamp: max, ...rest }) =>
      JSON.stringify(tokenOf(rest, { issued, expiry, max })),
    )
    return { error: errorName(answer.errorCode), tokens: shown.sort().map((one) => JSON.parse(one) as object) }
  }

  /** Every token ends that this client may end. */
  async removeAll(): Promise<void> {
    const { tokens } = (await this.#send(describeTokens as never, { owners: null } as never)) as { tokens: { hmac: Buffer }[] }
    for (const { hmac } of tokens) await this.expire(hmac, -1)
  }
}

/** Does the same on both sides, and gives what was answered. */
async function alike<T>(story: (side: Side) => Promise<T>): Promise<T> {
  const [theirs, mine] = [await story('kafka'), await story('ours')]
  expect(mine).toEqual(theirs)
  return mine
}

const TEST_MS = 120_000
const UNKNOWN = createHmac('sha512', 'another key').update('no token').digest()

describe('the four APIs', { timeout: TEST_MS }, () => {
  test.each([1, 2, 3])('CreateDelegationToken v%i', async (version) => {
    const answers = await alike(async (side) => {
      const requests = new Requests(side, raw(await aliceOn(side), version))
      const results: object[] = []
      for (const creation of [
        ...[{}, { renewers: [user('bob'), user('')] }, { renewers: [user('bob'), user('x', 'Group')] }],
        ...[0, -5, 1, HOUR_MS, 5 * HOUR_MS, 1000 * HOUR_MS, Number.MAX_SAFE_INTEGER, 2 ** 63].map((maxLifetimeMs) => ({ maxLifetimeMs })),
        ...(version < 3
          ? []
          : [
              { ownerPrincipalType: 'User', ownerPrincipalName: 'alice' },
              { ownerPrincipalType: 'User', ownerPrincipalName: 'bob', renewers: [user('alice')] },
              { ownerPrincipalType: 'Group', ownerPrincipalName: 'staff', renewers: [user('alice')] },
              { ownerPrincipalType: 'User', ownerPrincipalName: 'a:b', renewers: [user('alice')] },
              { ownerPrincipalType: '', ownerPrincipalName: 'nobody', renewers: [user('alice')] },
              { ownerPrincipalType: 'User', ownerPrincipalName: '' },
              { ownerPrincipalType: 'User', ownerPrincipalName: null },
              { ownerPrincipalType: null, ownerPrincipalName: 'bob' },
            ]),
      ] satisfies Creation[])
        results.push({ creation, ...(await requests.create(creation)).answer })
      const described = await requests.describe(null)
      await new Requests(side, raw(await aliceOn(side))).removeAll()
      return [...results, described]
    })
    expect(JSON.stringify(answers)).toContain('INVALID_PRINCIPAL_TYPE')
  })

  test.each([1, 2])('RenewDelegationToken and ExpireDelegationToken v%i', async (version) => {
    const answers = await alike(async (side) => {
      const alice = new Requests(side, raw(await aliceOn(side), version))
      const bob = new Requests(side, raw(await bobOn(side), version))
      const stranger = new Requests(side, (api, request) => {
        const client = secureClient(side, 'MTLS', certificate())
        return client.send('any', api, request)
      })
      const ofAlice = await alice.create({ renewers: [user('bob')] })
      const short = await alice.create({ maxLifetimeMs: HOUR_MS })
      const ended = await alice.create()
      const cut = Buffer.from(ended.hmac.subarray(0, 63))
      const results: object[] = [await stranger.renew(ofAlice.hmac), await stranger.expire(ofAlice.hmac, -1)]
      for (const period of [-1, 0, 1, HOUR_MS, 5 * HOUR_MS, Number.MAX_SAFE_INTEGER, 2 ** 63]) {
        const token = period === 1 ? short.hmac : ofAlice.hmac
        results.push({ period }, await alice.renew(token, period === 1 ? HOUR_MS : period), await bob.renew(ofAlice.hmac, HOUR_MS / 2))
      }
      results.push(await bob.renew(short.hmac), await alice.renew(short.hmac, 2 * HOUR_MS))
      for (const hmac of [UNKNOWN, Buffer.alloc(0), cut])
        results.push(await alice.renew(hmac), await alice.expire(hmac, HOUR_MS), await alice.expire(hmac, -1))
      for (const period of [HOUR_MS, 5 * HOUR_MS, 1000 * HOUR_MS, 2 ** 63])
        results.push({ period }, await bob.expire(ofAlice.hmac, period), await alice.expire(short.hmac, period))
      results.push(await bob.expire(short.hmac, HOUR_MS), await bob.expire(short.hmac, -1))
      // It expires: after that it can only be removed.
      results.push(await alice.expire(ended.hmac, 0))
      results.push(await alice.renew(ended.hmac), await alice.expire(ended.hmac, HOUR_MS), await stranger.renew(ended.hmac))
      results.push(await stranger.expire(ended.hmac, HOUR_MS), await alice.describe([user('alice')]))
      results.push(await alice.expire(ended.hmac, -1), await alice.renew(ended.hmac), await alice.expire(ended.hmac, -1))
      results.push(await bob.expire(ofAlice.hmac, -7), await alice.describe(null))
      await alice.removeAll()
      return results
    })
    for (const error of ['NONE', 'NOT_FOUND', 'OWNER_MISMATCH', 'EXPIRED']) expect(JSON.stringify(answers)).toContain(error)
  })

  test('a requester who is not the owner sees the token, and may not renew it', async () => {
    await alike(async (side) => {
      const alice = new Requests(side, raw(await aliceOn(side)))
      const bob = new Requests(side, raw(await bobOn(side)))
      const { hmac } = await alice.create({ ownerPrincipalType: 'User', ownerPrincipalName: 'bob' })
      const answers: object[] = [await alice.renew(hmac), await alice.expire(hmac, -1), await alice.describe([user('alice')])]
      answers.push(await bob.renew(hmac), await bob.expire(hmac, -1))
      return answers
    })
  })

  test.each([1, 2, 3])('DescribeDelegationToken v%i', async (version) => {
    await alike(async (side) => {
      const alice = new Requests(side, raw(await aliceOn(side)))
      await alice.create({ renewers: [user('bob'), user('carol')] })
      await alice.create({ ownerPrincipalType: 'User', ownerPrincipalName: 'bob' })
      await alice.create({ ownerPrincipalType: 'User', ownerPrincipalName: 'carol', renewers: [user('dave'), user('alice')] })
      const answers: object[] = []
      for (const login of [aliceOn, bobOn]) {
        const requests = new Requests(side, raw(await login(side), version))
        for (const owners of [null, [], ...['alice', 'bob', 'carol', 'dave', 'nobody', ''].map((name) => [user(name)])])
          answers.push({ owners }, await requests.describe(owners))
        answers.push(await requests.describe([user('alice'), user('bob'), user('bob')]), await requests.describe([user('bob', 'Group')]))
      }
      await alice.removeAll()
      await new Requests(side, raw(await bobOn(side))).removeAll()
      return answers
    })
  })

  test.each(['PLAINTEXT', 'SSL', 'MTLS', 'a token'] as const)('all four on a connection by %s', async (way) => {
    const answers = await alike(async (side) => {
      const { hmac, tokenId } = await new Requests(side, raw(await aliceOn(side))).create()
      const sender = async (): Promise<Sender> => {
        if (way === 'PLAINTEXT') return raw(await connected(side, 'PLAINTEXT'))
        if (way === 'a token') return raw(await loggedIn(side, tokenLogin('SCRAM-SHA-512', tokenId, hmac)))
        const client = secureClient(side, way, way === 'SSL' ? trusting() : certificate())
        return (api, request) => client.send('any', api, request)
      }
      const requests = new Requests(side, await sender())
      const results: object[] = [(await requests.create({ renewers: [user('x', 'Group')] })).answer, (await requests.create()).answer]
      results.push((await requests.create({ ownerPrincipalType: 'User', ownerPrincipalName: 'bob' })).answer)
      results.push(await requests.renew(hmac), await requests.renew(UNKNOWN), await requests.expire(hmac, HOUR_MS))
      results.push(await requests.describe(null), await requests.describe([]))
      await new Requests(side, raw(await aliceOn(side))).removeAll()
      return results
    })
    if (way !== 'MTLS') expect(JSON.stringify(answers)).not.toContain('"NONE"')
  })
})

describe('logins', { timeout: TEST_MS }, () => {
  test.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'])('%s: with a token, and what is refused', async (mechanism) => {
    const answers = await alike(async (side) => {
      const admin = await connected(side, 'PLAINTEXT')
      const salt = Buffer.from('0123456789abcdef')
      const type = mechanism === 'SCRAM-SHA-256' ? 1 : 2
      const saltedPassword = saltedPasswordSync(mechanism as 'SCRAM-SHA-256', 'carol-secret', salt, 4096)
      const carol = { name: 'carol', mechanism: type, iterations: 4096, salt, saltedPassword }
      await admin.send(alterScram, 0, { deletions: [], upsertions: [carol] })
      const alice = new Requests(side, raw(await aliceOn(side)))
      const token = await alice.create({ maxLifetimeMs: HOUR_MS })
      const ofGroup = await alice.create({ ownerPrincipalType: 'Group', ownerPrincipalName: 'staff', renewers: [user('alice')] })
      const ended = await alice.create()
      const removed = await alice.create()
      await alice.expire(removed.hmac, -1)
      await alice.expire(ended.hmac, 0)
      const attempt = async (settings: Record<string, string>) => {
        const client = await connected(side, 'SASL_PLAINTEXT')
        const { errorCode, errorMessage, sessionLifetimeMs } = await logIn(client, settings)
        const next = client.send(metadata, 12, { topics: [], allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false })
        // Kafka closes an expired session without an answer.
        const isServed = await next.then(
          () => true,
          () => false,
        )
        return { error: errorName(errorCode), errorMessage, session: hours(sessionLifetimeMs, 0), isServed }
      }
      const hmacOf = ({ hmac }: { hmac: Buffer }) => hmac.toString('base64')
      const results = [
        await attempt(tokenLogin(mechanism, token.tokenId, token.hmac)),
        await attempt(tokenLogin(mechanism, ofGroup.tokenId, ofGroup.hmac)),
        await attempt(tokenLogin(mechanism, ended.tokenId, ended.hmac)),
        await attempt(tokenLogin(mechanism, removed.tokenId, removed.hmac)),
        await attempt(tokenLogin(mechanism, token.tokenId, ended.hmac)),
        await attempt(tokenLogin(mechanism, 'AAAAAAAAAAAAAAAAAAAAAA', token.hmac)),
        await attempt(scramLogin(mechanism, token.tokenId, hmacOf(token))),
        await attempt(scramLogin(mechanism, token.tokenId, hmacOf(token), 'tokenauth="false"')),
        await attempt(scramLogin(mechanism, token.tokenId, hmacOf(token), 'tokenauth="TRUE"')),
        await attempt(scramLogin(mechanism, 'carol', 'carol-secret', 'tokenauth="true"')),
        await attempt(scramLogin(mechanism, 'carol', 'carol-secret')),
      ]
      await alice.expire(token.hmac, -1)
      results.push(await attempt(tokenLogin(mechanism, token.tokenId, token.hmac)))
      await alice.removeAll()
      return results
    })
    expect(answers[0]).toEqual({ error: 'NONE', errorMessage: answers[0]!.errorMessage, session: '1 h', isServed: true })
  })

  test('our client reaches both with a token, and reads what it wrote', async () => {
    for (const side of ['kafka', 'ours'] as const) {
      const { hmac, tokenId } = await new Requests(side, raw(await aliceOn(side))).create()
      const used = secureClient(side, 'SASL_PLAINTEXT', {
        'security.protocol': 'SASL_PLAINTEXT',
        ...tokenLogin('SCRAM-SHA-512', tokenId, hmac),
      })
      await used.admin.createTopics([{ name: 'by-token', partitions: 1, replicationFactor: 1 }])
      await used.producer().send([{ topic: 'by-token', key: null, value: Buffer.from('across') }])
      const consumer = used.consumer()
      consumer.assign([{ topic: 'by-token', partition: 0, offset: 'earliest' }])
      const batch = await until(async () => (await consumer.poll(200))[0], 'the record')
      expect(batch!.records[0]!.value!.toString()).toBe('across')
    }
  })
})

describe("Kafka's tools", { timeout: 2 * TEST_MS }, () => {
  const TOKEN_TOOL = 'org.apache.kafka.tools.DelegationTokenCommand'
  const TOPIC_TOOL = 'org.apache.kafka.tools.TopicCommand'
  let commands = 0

  async function run(side: Side, listener: SecuredListener, settings: Record<string, string>, tool: string, args: readonly string[]) {
    const file = writeProperties(join(folder, `${commands++}.properties`), settings)
    return tools.run([tool, '--bootstrap-server', `127.0.0.1:${portOf(side, listener)}`, '--command-config', file, ...args])
  }
  const sasl = (login: Record<string, string>) => ({ 'security.protocol': 'SASL_PLAINTEXT', ...login })
  const alice = sasl(plainLogin('alice', 'alice-secret'))

  /** Without ids, HMACs, times, and the places in its own code where a tool has failed. */
  const normalized = ({ code, text }: { code: number; text: string }) => {
    const lines = text
      .replace(/[A-Za-z0-9+/]{86}==/g, 'HMAC')
      .replace(/^[\w-]{22}\b/gm, 'ID')
      .replace(/(tokenId : )[\w-]{22}/g, '$1ID')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d/g, 'TIME')
      .split('\n')
      .filter((line) => !/^(\tat |\t\.\.\. \d+ more)/.test(line))
    return { code, text: lines.map((line) => line.trimEnd()).join('\n') }
  }

  async function story(side: Side) {
    const token = (args: readonly string[], settings: Record<string, string> = alice, listener: SecuredListener = 'SASL_PLAINTEXT') =>
      run(side, listener, settings, TOKEN_TOOL, args)
    const outcomes = [await token(['--create', '--max-life-time-period', '-1', '--renewer-principal', 'User:bob'])]
    const [, id, hmac] = /^([\w-]{22})\s+(\S{88})/m.exec(outcomes[0]!.text)!
    await pause(PUBLISH_MS[side])
    const then = async (args: readonly string[], settings?: Record<string, string>, listener?: SecuredListener) => {
      outcomes.push(await token(args, settings, listener))
      await pause(PUBLISH_MS[side])
    }
    await then(['--create', '--max-life-time-period', `${HOUR_MS}`, '--owner-principal', 'User:carol'])
    await then(['--create', '--max-life-time-period', '-1', '--renewer-principal', 'Group:x'])
    await then(['--describe'])
    await then(['--describe', '--owner-principal', 'User:carol'])
    await then(['--describe', '--owner-principal', 'User:nobody'])
    await then(['--renew', '--hmac', hmac!, '--renew-time-period', '-1'])
    await then(['--renew', '--hmac', UNKNOWN.toString('base64'), '--renew-time-period', '-1'])
    const bob = sasl(plainLogin('bob', 'bob-secret'))
    await then(['--expire', '--hmac', hmac!, '--expiry-time-period', `${HOUR_MS}`], bob)
    await then(['--create', '--max-life-time-period', '-1'], { 'security.protocol': 'PLAINTEXT' }, 'PLAINTEXT')
    await then(['--describe'], { 'security.protocol': 'PLAINTEXT' }, 'PLAINTEXT')
    const byToken = sasl(scramLogin('SCRAM-SHA-512', id!, hmac!, 'tokenauth="true"'))
    outcomes.push(await run(side, 'SASL_PLAINTEXT', byToken, TOPIC_TOOL, ['--create', '--topic', 'by-java', '--partitions', '1']))
    await then(['--create', '--max-life-time-period', '-1'], byToken)
    await then(['--expire', '--hmac', hmac!, '--expiry-time-period', '-1'])
    await then(['--expire', '--hmac', hmac!, '--expiry-time-period', '-1'])
    outcomes.push(await run(side, 'SASL_PLAINTEXT', byToken, TOPIC_TOOL, ['--list']))
    return outcomes.map(normalized)
  }

  test('create, describe, renew, expire, and a login with a token: the same text and exit code', async () => {
    const outcomes = await alike(async (side) => {
      await new Requests(side, raw(await aliceOn(side))).removeAll()
      return story(side)
    })
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1])
    expect(outcomes[11]!.text).toContain('Created topic by-java.')
  })
})

describe('without a secret key', { timeout: TEST_MS }, () => {
  beforeAll(async () => {
    await kafka.stop()
    await ours.stop()
    kafka = await startKafka({ 'delegation.token.secret.key': '' })
    const zero = securedListenersIn()
    zero.remove()
    ours = await brokerInProcess({ ...secured.properties, 'delegation.token.secret.key': '', listeners: zero.properties.listeners! })
  }, 180_000)

  test('the four APIs are disabled', async () => {
    const answers = await alike(async (side) => {
      const requests = new Requests(side, raw(await aliceOn(side)))
      const results: object[] = [(await requests.create({ renewers: [user('x', 'Group')] })).answer, (await requests.create()).answer]
      results.push((await requests.create({ ownerPrincipalType: 'User', ownerPrincipalName: 'bob' })).answer)
      results.push(await requests.renew(UNKNOWN), await requests.expire(UNKNOWN, HOUR_MS), await requests.expire(UNKNOWN, -1))
      results.push(await requests.describe(null), await requests.describe([]))
      const plaintext = new Requests(side, raw(await connected(side, 'PLAINTEXT')))
      results.push((await plaintext.create()).answer, await plaintext.renew(UNKNOWN), await plaintext.describe(null))
      return results
    })
    expect(JSON.stringify(answers)).toContain('DELEGATION_TOKEN_AUTH_DISABLED')
  })
})
