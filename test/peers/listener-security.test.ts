/**
 * Goal: secured listeners behave as those of Apache Kafka. Method: a broker of each with the same settings, certificates and users. The
 * same requests, good and bad, to both, and their answers compared; and Kafka's tools with each protocol and mechanism against ours.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import describeScram from '../../core/apis/50-describe-user-scram-credentials.ts'
import alterScram from '../../core/apis/51-alter-user-scram-credentials.ts'
import describeCluster from '../../core/apis/60-describe-cluster.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { selfSigned } from '../certificates.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { freePort } from '../running-broker.ts'
import {
  PLAIN_LOGIN_MODULE,
  type SecuredListener,
  type SecuredListeners,
  securedListeners,
  securedListenersIn,
} from '../secured-listeners.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

const SESSION_MS = '30000'
const SCRAM_LOGIN_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule'

let secured: SecuredListeners
let kafka: KafkaBroker
let ours: BrokerInProcess
const folder = mkdtempSync(join(tmpdir(), 'listener-security-'))
const kafkaPorts = new Map<SecuredListener, number>()

/** All but the sessions are as the file of a user has them. */
const sessions = {
  'listener.name.session.plain.connections.max.reauth.ms': SESSION_MS,
}

beforeAll(async () => {
  for (const name of securedListeners) kafkaPorts.set(name, await freePort())
  secured = securedListenersIn([...kafkaPorts.values()])
  kafka = await startApacheKafka((port) => {
    kafkaPorts.set('PLAINTEXT', port)
    const listeners = [...kafkaPorts].map(([name, at]) => `${name}://127.0.0.1:${at}`).join(',')
    return {
      ...secured.properties,
      ...sessions,
      listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': listeners,
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': secured.properties['listener.security.protocol.map']!,
    }
  })
  const zero = securedListenersIn()
  zero.remove()
  ours = await brokerInProcess({ ...secured.properties, ...sessions, listeners: zero.properties.listeners! })
}, 180_000)

afterAll(async () => {
  await kafka?.stop()
  await ours?.stop()
  secured?.remove()
  rmSync(folder, { recursive: true, force: true })
})

type Side = 'kafka' | 'ours'
const portOf = (side: Side, listener: SecuredListener): number =>
  side === 'kafka' ? kafkaPorts.get(listener)! : ours.broker.addresses.find((address) => address.listener === listener)!.port

const plain = (user: string, password: string, authzid = '') => Buffer.from(`${authzid}\0${user}\0${password}`)
const versions = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
const topics = {
  ...{ topics: [{ name: 'absent' }], allowAutoTopicCreation: false },
  ...{ includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false },
}

/** Each entry is an answer; the last one is what becomes of the connection. */
type Conversation = (client: RawClient) => Promise<unknown[]>

const handshake =
  (mechanism: string, version = 1) =>
  (client: RawClient) =>
    client.send(saslHandshake, version, { mechanism })
const message =
  (authBytes: Buffer, version = 2) =>
  (client: RawClient) =>
    client.send(saslAuthenticate, version, { authBytes })
const cluster = (client: RawClient) => client.send(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 })
const clusterError = async (client: RawClient) => ({ errorCode: (await cluster(client)).errorCode })
const bare = (bytes: Buffer) => async (client: RawClient) => {
  client.write(Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]))
  return { frame: (await client.frame()).toString('hex') }
}
const bytes =
  (...values: number[]) =>
  async (client: RawClient) => {
    client.write(Buffer.from(values))
    return { frame: (await client.frame()).toString('hex') }
  }

const steps =
  (...list: ((client: RawClient) => Promise<unknown>)[]): Conversation =>
  async (client) => {
    const answers: unknown[] = []
    for (const step of list) {
      try {
        answers.push(await step(client))
      } catch (error) {
        answers.push((error as Error).message)
        return answers
      }
    }
    return answers
  }

/** What remains is asked once more: an answer, or a close. */
async function outcome(side: Side, listener: SecuredListener, conversation: Conversation): Promise<unknown[]> {
  const client = await rawClient(portOf(side, listener))
  try {
    const answers = await conversation(client)
    const after = await Promise.race([client.whenClosed().then(() => 'closed'), pause().then(() => 'open')])
    return [...answers, after]
  } finally {
    client.close()
  }
}

/** Longer than connection.failed.authentication.delay.ms: a connection that will be closed is closed then. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 400))

/** Kafka gives the mechanisms in the order of a HashSet. */
const sorted = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, entry) => (key === 'mechanisms' ? [...(entry as string[])].sort() : entry)).replace(/"Buffer"/g, '"Bytes"'),
  )

async function bothSay(listener: SecuredListener, conversation: Conversation): Promise<void> {
  const theirs = await outcome('kafka', listener, conversation)
  expect(sorted(await outcome('ours', listener, conversation))).toEqual(sorted(theirs))
}

describe('the same requests have the same answers', () => {
  const alice = plain('alice', 'alice-secret')
  test.each<[string, Conversation]>([
    ['a login', steps(handshake('PLAIN'), message(alice), clusterError)],
    ['a login in old versions', steps(handshake('PLAIN'), message(alice, 0), clusterError)],
    [
      'ApiVersions of a version to come',
      steps((client) => client.send(apiVersions, 0, {}).then(({ errorCode }) => ({ errorCode })), handshake('PLAIN')),
    ],
    [
      'ApiVersions twice',
      steps(
        ...[0, 0].map((version) => (client: RawClient) => client.send(apiVersions, version, {}).then(({ errorCode }) => ({ errorCode }))),
      ),
    ],
    [
      'a client without a name',
      steps(
        (client) => client.send(apiVersions, 4, { ...versions, clientSoftwareName: '' }).then(({ errorCode }) => ({ errorCode })),
        handshake('PLAIN'),
      ),
    ],
    ['Metadata first', steps((client) => client.send(metadata, 12, topics))],
    ['SaslAuthenticate first', steps(message(alice))],
    ['an unknown mechanism', steps(handshake('NONE'))],
    ['GSSAPI', steps(handshake('GSSAPI'))],
    ['a mechanism in small letters', steps(handshake('plain'))],
    ['DescribeCluster after the handshake', steps(handshake('PLAIN'), clusterError)],
    ['Metadata after the handshake', steps(handshake('PLAIN'), (client) => client.send(metadata, 12, topics))],
    [
      'ApiVersions after the handshake',
      steps(handshake('PLAIN'), (client) => client.send(apiVersions, 3, versions).then(({ errorCode }) => ({ errorCode }))),
    ],
    ['a second handshake', steps(handshake('PLAIN'), handshake('PLAIN'))],
    ['a wrong password', steps(handshake('PLAIN'), message(plain('alice', 'wrong')))],
    ['an unknown user', steps(handshake('PLAIN'), message(plain('nobody', 'wrong')))],
    ['another authorization id', steps(handshake('PLAIN'), message(plain('alice', 'alice-secret', 'bob')))],
    ['the same authorization id', steps(handshake('PLAIN'), message(plain('alice', 'alice-secret', 'alice')), clusterError)],
    ['no user', steps(handshake('PLAIN'), message(plain('', 'x')))],
    ['no password', steps(handshake('PLAIN'), message(plain('alice', '')))],
    ['two tokens', steps(handshake('PLAIN'), message(Buffer.from('alice\0alice-secret')))],
    ['an empty message', steps(handshake('PLAIN'), message(Buffer.alloc(0)))],
    ['SCRAM: no format', steps(handshake('SCRAM-SHA-256'), message(Buffer.from('nonsense')))],
    ['a bare token', steps(handshake('PLAIN', 0), bare(alice), clusterError)],
    ['a wrong bare token', steps(handshake('PLAIN', 0), bare(plain('alice', 'wrong')))],
    ['SaslAuthenticate after the login', steps(handshake('PLAIN'), message(alice), message(alice), clusterError)],
    ['a handshake after the login', steps(handshake('PLAIN'), message(alice), handshake('PLAIN'), clusterError)],
    ['a request that is too large', steps(bytes(0, 8, 0, 1))],
    ['a negative length', steps(bytes(255, 255, 255, 255))],
    ['an unknown API', steps(bytes(0, 0, 0, 10, 3, 231, 0, 0, 0, 0, 0, 1, 255, 255))],
    ['HTTP', steps(bytes(...Buffer.from('GET / HTTP/1.1\r\n\r\n')))],
  ])('SASL_PLAINTEXT: %s', (_, conversation) => bothSay('SASL_PLAINTEXT', conversation))

  test('PLAINTEXT: SaslHandshake and SaslAuthenticate', () => bothSay('PLAINTEXT', steps(handshake('PLAIN'), message(alice), clusterError)))
})

describe('users of SCRAM', () => {
  const upsertion = (name: string, changes: object = {}) => ({
    ...{ name, mechanism: 1, iterations: 4096, salt: Buffer.from('0123456789abcdef'), saltedPassword: Buffer.alloc(32, 7) },
    ...changes,
  })
  const alter = (deletions: { name: string; mechanism: number }[], ...upsertions: ReturnType<typeof upsertion>[]) =>
    steps(async (client) => {
      const { results } = await client.send(alterScram, 0, { deletions, upsertions })
      return results
        .map(({ user, errorCode, errorMessage }) => ({ user, errorCode, errorMessage }))
        .sort((a, b) => (a.user < b.user ? -1 : 1))
    })
  test.each<[string, Conversation]>([
    [
      'iterations at and beyond the limits',
      alter(
        [],
        upsertion('a', { iterations: 4095 }),
        upsertion('b'),
        upsertion('c', { iterations: 16_384 }),
        upsertion('d', { iterations: 16_385 }),
      ),
    ],
    ['both mechanisms of a user at once', alter([], upsertion('e'), upsertion('e', { mechanism: 2 }))],
    ['an unknown mechanism and an empty name', alter([], upsertion('f', { mechanism: 3 }), upsertion(''))],
    [
      'a deletion of what does not exist',
      alter([
        { name: 'nobody', mechanism: 1 },
        { name: 'b', mechanism: 2 },
      ]),
    ],
    ['a deletion with an upsertion', alter([{ name: 'b', mechanism: 1 }], upsertion('b'))],
    ['a deletion', alter([{ name: 'b', mechanism: 1 }])],
    ['a description', steps(async (client) => await client.send(describeScram, 0, { users: null }))],
  ])('%s', (_, conversation) => bothSay('PLAINTEXT', conversation))

  test('another authorization id', () =>
    bothSay('SASL_PLAINTEXT', steps(handshake('SCRAM-SHA-256'), message(Buffer.from('n,a=bob,n=c,r=abc')))))
})

describe('a session with an end', () => {
  const alice = message(plain('alice', 'alice-secret'))
  test.each<[string, Conversation]>([
    ['is renewed by the same user', steps(handshake('PLAIN'), alice, handshake('PLAIN'), alice, clusterError)],
    ['is not renewed twice within a second', steps(handshake('PLAIN'), alice, handshake('PLAIN'), alice, handshake('PLAIN'), clusterError)],
    ['is not renewed by another user', steps(handshake('PLAIN'), alice, handshake('PLAIN'), message(plain('bob', 'bob-secret')))],
    ['is not renewed with a wrong password', steps(handshake('PLAIN'), alice, handshake('PLAIN'), message(plain('alice', 'wrong')))],
    ['is not renewed with another mechanism', steps(handshake('PLAIN'), alice, handshake('SCRAM-SHA-256'), alice)],
    ['is not renewed with an unknown mechanism', steps(handshake('PLAIN'), alice, handshake('NONE'))],
    ['another API in a renewal', steps(handshake('PLAIN'), alice, handshake('PLAIN'), clusterError)],
    ['SaslAuthenticate without a handshake', steps(handshake('PLAIN'), alice, alice, clusterError)],
  ])('%s', (_, conversation) => bothSay('SESSION', conversation))
})

describe('IncrementalAlterConfigs of the stores of a listener', () => {
  const alter =
    (configs: Record<string, string | null>): ((client: RawClient) => Promise<unknown>) =>
    async (client) => {
      const { responses } = await client.send(incrementalAlterConfigs, 1, {
        resources: [
          {
            resourceType: 4,
            resourceName: '1',
            configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: value === null ? 1 : 0, value })),
          },
        ],
        validateOnly: false,
      })
      return responses.map(({ errorCode }) => errorCode)
    }
  const location = 'listener.name.ssl.ssl.keystore.location'
  const store = (name: string, subject: string, names = ['localhost', '127.0.0.1']) =>
    secured.write(name, secured.authority.issue({ subject, names }))
  const broken = () => {
    const file = join(secured.folder, 'broken.pem')
    writeFileSync(file, 'no certificate')
    return file
  }
  test.each<[string, () => Record<string, string | null>]>([
    ['a renewed certificate', () => ({ [location]: store('renewed.pem', 'broker') })],
    ['a file that is not there', () => ({ [location]: join(secured.folder, 'missing.pem') })],
    ['a file without a certificate', () => ({ [location]: broken() })],
    ['a certificate of another name', () => ({ [location]: store('other.pem', 'another') })],
    ['a certificate for other hosts', () => ({ [location]: store('hosts.pem', 'broker', ['elsewhere']) })],
    ['no certificate any more', () => ({ [location]: null })],
    ['without the prefix of a listener', () => ({ 'ssl.keystore.location': store('plain.pem', 'broker') })],
    ['a setting that is not changed dynamically', () => ({ 'listener.name.ssl.ssl.client.auth': 'required' })],
    ['the mechanisms of a listener', () => ({ 'listener.name.sasl_ssl.sasl.enabled.mechanisms': 'PLAIN' })],
    ['a listener that is not there', () => ({ 'listener.name.none.ssl.keystore.location': store('none.pem', 'broker') })],
  ])('%s', async (_, configs) => {
    const request = configs()
    await bothSay('PLAINTEXT', steps(alter(request)))
  })
})

function clientFile(name: string, lines: Record<string, string>): string {
  const file = join(folder, `${name}.properties`)
  writeFileSync(
    file,
    Object.entries(lines)
      .map((line) => `${line.join('=')}\n`)
      .join(''),
  )
  return file
}

const trust = () => ({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': secured.caFile })
const jaas = (module: string, user: string, password: string) => ({
  'sasl.jaas.config': `${module} required username="${user}" password="${password}";`,
})

test('DescribeConfigs: passwords and users are never shown, the rest is', () => {
  const names = [
    ...['ssl.key.password', 'ssl.keystore.password', 'ssl.truststore.password', 'ssl.keystore.type', 'ssl.truststore.type'],
    ...['ssl.client.auth', 'sasl.enabled.mechanisms', 'connections.max.reauth.ms', 'sasl.server.max.receive.size'],
    ...['listener.name.mtls.ssl.client.auth', 'listener.name.sasl_ssl.plain.sasl.jaas.config'],
  ]
  return bothSay(
    'PLAINTEXT',
    steps(async (client) => {
      const resources = [{ resourceType: 4, resourceName: '1', configurationKeys: names }]
      const { results } = await client.send(describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false })
      return results[0]!.configs
        .map(({ name, value, isSensitive, configSource, configType }) => ({ name, value, isSensitive, configSource, configType }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    }),
  )
})

/** For a JVM beside others on a machine with few cores. */
const TOOL_MS = 180_000

const create = (side: Side, listener: SecuredListener, config: string, topic: string): Promise<string> =>
  kafkaTool(
    [
      ...['kafka-topics', '--bootstrap-server', `127.0.0.1:${portOf(side, listener)}`, '--command-config', config],
      ...['--create', '--topic', topic],
    ],
    undefined,
    TOOL_MS,
  )

const plainLogin = () => ({ 'sasl.mechanism': 'PLAIN', ...jaas(PLAIN_LOGIN_MODULE, 'alice', 'alice-secret') })
const scramLogin = () => ({ 'sasl.mechanism': 'SCRAM-SHA-512', ...jaas(SCRAM_LOGIN_MODULE, 'carol', 'carol-secret') })
const ownCertificate = () => ({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': secured.clientFile })

describe("Kafka's tools against our listeners", { timeout: TOOL_MS }, () => {
  test('kafka-configs adds a user of SCRAM', async () => {
    const address = `127.0.0.1:${portOf('ours', 'PLAINTEXT')}`
    const added = await kafkaTool(
      [
        ...['kafka-configs', '--bootstrap-server', address, '--alter', '--entity-type', 'users', '--entity-name', 'carol'],
        ...['--add-config', 'SCRAM-SHA-512=[password=carol-secret]'],
      ],
      undefined,
      TOOL_MS,
    )
    expect(added).toContain('Completed updating config for user carol.')
  })

  test.each<[string, SecuredListener, () => Record<string, string>]>([
    ['scram-over-tls', 'SASL_SSL', () => ({ 'security.protocol': 'SASL_SSL', ...trust(), ...scramLogin() })],
    ['scram', 'SASL_PLAINTEXT', () => ({ 'security.protocol': 'SASL_PLAINTEXT', ...scramLogin() })],
    ['plain-over-tls', 'SASL_SSL', () => ({ 'security.protocol': 'SASL_SSL', ...trust(), ...plainLogin() })],
    ['tls', 'SSL', () => ({ 'security.protocol': 'SSL', ...trust() })],
    ['certificate', 'MTLS', () => ({ 'security.protocol': 'SSL', ...trust(), ...ownCertificate() })],
  ])('kafka-topics creates a topic: %s', async (name, listener, lines) => {
    expect(await create('ours', listener, clientFile(name, lines()), name)).toContain(`Created topic ${name}.`)
  })
})

describe("Kafka's tools say the same of both", { timeout: 2 * TOOL_MS }, () => {
  /** The lines that name an exception. */
  async function failure(side: Side, listener: SecuredListener, config: string): Promise<string[]> {
    const error = await create(side, listener, config, 'refused').then(
      (output) => expect.fail(`it worked: ${output}`),
      (thrown: { stdout: string; stderr: string }) => thrown,
    )
    const lines = `${error.stdout}\n${error.stderr}`.split('\n').filter((line) => /Exception|Error while executing/.test(line))
    return [
      ...new Set(
        lines.map((line) =>
          line
            .replace(/^\[[^\]]*\] /, '')
            .replace(/127\.0\.0\.1:\d+/g, 'HOST')
            .replace(/localhost\/\S+|node -?\d+/g, '…'),
        ),
      ),
    ].slice(0, 2)
  }

  test.each<[string, SecuredListener, () => Record<string, string>]>([
    [
      'a wrong password',
      'SASL_SSL',
      () => ({ 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN', ...trust(), ...jaas(PLAIN_LOGIN_MODULE, 'alice', 'wrong') }),
    ],
    [
      'a wrong secret of SCRAM',
      'SASL_PLAINTEXT',
      () => ({ 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'SCRAM-SHA-512', ...jaas(SCRAM_LOGIN_MODULE, 'carol', 'wrong') }),
    ],
    [
      'a broker that is not trusted',
      'SSL',
      () => {
        const other = join(secured.folder, 'other-ca.pem')
        writeFileSync(other, selfSigned({ subject: 'Another Authority' }).certificate)
        return { 'security.protocol': 'SSL', 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': other }
      },
    ],
  ])('%s', async (name, listener, lines) => {
    const config = clientFile(name.replaceAll(' ', '-'), lines())
    const theirs = await failure('kafka', listener, config)
    expect(theirs.length).toBeGreaterThan(0)
    expect(await failure('ours', listener, config)).toEqual(theirs)
  })
})
