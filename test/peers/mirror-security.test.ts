/**
 * Goal: an mm2.properties with the security of Kafka's documentation mirrors between secured Apache Kafka clusters, each client as its own
 * user; a refusal fails one flow with the reason; no password is written anywhere. Method: a Kafka without security, one with SASL_SSL and
 * SCRAM-SHA-512 whose ACLs give each user no more than its client needs, one with mutual TLS; our mirror as a process with debug logs.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { formatProperties } from '../../core/system/java-properties.ts'
import type { FailoverReport, MirrorStatus } from '../../mirror/types.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { type Cluster, content, createTopic, quietSystem, readAll, write } from '../mirror/clusters.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaScript, kafkaTool, startApacheKafka } from './apache-kafka.ts'
import { launch } from './launch.ts'
import { temporaryFolder } from './workers.ts'

const RECORDS = 300
const START_MS = 240_000
const LAST_CHARACTERS = 4_000
const folder = temporaryFolder()
const file = (name: string) => join(folder, name)

const passwords = { reader: 'secret-of-reader', writer: 'secret-of-writer', admin: 'secret-of-admin', root: 'secret-of-root' } as const
const STORE_PASSWORD = 'secret-of-stores'
const WRONG_PASSWORD = 'secret-that-is-wrong'
const secrets = [...Object.values(passwords), STORE_PASSWORD, WRONG_PASSWORD]

const authority = selfSigned({ subject: 'Test CA' })

/** By alias: without security, with SASL_SSL, with mutual TLS. */
interface Secured extends Cluster {
  kafka: KafkaBroker
  /** The listener of the mirror: host:port. */
  secured: string
}
const clusters = {} as Record<'us' | 'eu' | 'asia', Secured>

const run = async (command: string, ...args: string[]) => void (await promisify(execFile)(command, args, { timeout: 60_000 }))

async function writeTrustStore(name: string, { certificate }: TestCertificate): Promise<void> {
  writeFileSync(file('ca.pem'), certificate)
  const store = ['-storetype', 'PKCS12', '-keystore', file(name), '-storepass', STORE_PASSWORD, '-noprompt']
  await run('keytool', '-importcert', '-alias', 'ca', '-file', file('ca.pem'), ...store)
}

async function writeKeyStore(name: string, shown: TestCertificate): Promise<void> {
  writeFileSync(file('key.pem'), shown.key + shown.certificate)
  const store = ['-name', 'mirror', '-passout', `pass:${STORE_PASSWORD}`, '-out', file(name)]
  await run('openssl', 'pkcs12', '-export', '-in', file('key.pem'), ...store)
}

async function writeStores(): Promise<void> {
  const { key, certificate } = authority.issue({ subject: 'broker', names: ['localhost'] })
  writeFileSync(file('broker.pem'), key + certificate + authority.certificate)
  const other = selfSigned({ subject: 'Other CA' })
  await writeTrustStore('other-truststore.p12', other)
  await writeKeyStore('stranger.p12', other.issue({ subject: 'stranger' }))
  await writeTrustStore('truststore.p12', authority)
  await writeKeyStore('keystore.p12', authority.issue({ subject: 'mirror' }))
}

/** A Kafka with a listener for the test, and one for the mirror. */
async function startSecured(protocol: 'SASL_SSL' | 'SSL', more: Readonly<Record<string, string>>, format = ''): Promise<Secured> {
  const settings: Record<string, string> = {}
  let secured = ''
  const kafka = await startApacheKafka(settings, format, async (_, port) => {
    secured = `localhost:${await freePort()}`
    const own = `PLAINTEXT://127.0.0.1:${port},SECURED://${secured}`
    Object.assign(settings, {
      listeners: `${own},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': own,
      'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:${protocol}`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': file('broker.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': file('ca.pem'),
      'super.users': 'User:ANONYMOUS;User:root',
      ...more,
    })
  })
  return { ...connect(kafka.address), kafka, secured }
}

function connect(address: string): Cluster {
  const client = createClient({ bootstrapServers: address, clientId: 'test' }, quietSystem())
  return { address, client }
}

beforeAll(async () => {
  await writeStores()
  const us = await startApacheKafka()
  clusters.us = { ...connect(us.address), kafka: us, secured: us.address }
  const scram = Object.entries(passwords).map(([user, password]) => `--add-scram SCRAM-SHA-512=[name=${user},password=${password}]`)
  clusters.eu = await startSecured(
    'SASL_SSL',
    {
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.secured.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    },
    scram.join(' '),
  )
  clusters.asia = await startSecured('SSL', { 'listener.name.secured.ssl.client.auth': 'required' })
  const allow = (user: keyof typeof passwords, operations: readonly string[], ...of: string[]) =>
    kafkaTool([
      'kafka-acls', '--bootstrap-server', clusters.eu.address, '--add', '--force', '--allow-principal', `User:${user}`,
      ...operations.flatMap((operation) => ['--operation', operation]), ...of,
    ]) // biome-ignore format: one command line
  await allow('reader', ['Read'], '--topic', '*')
  await allow('writer', ['Write'], '--topic', '*')
  // A commit of an offset reads the topic, as Kafka sees it.
  await allow('admin', ['Create', 'Alter', 'DescribeConfigs', 'AlterConfigs', 'Read'], '--topic', '*')
  await allow('admin', ['Read'], '--group', '*')
  for (const cluster of Object.values(clusters)) {
    await createTopic(cluster, 'payments')
    await write(cluster, 'payments', RECORDS)
    await createTopic(cluster, 'orders', 2)
    await write(cluster, 'orders', RECORDS, { partitions: 2, codec: 'lz4' })
    await cluster.client.admin.alterGroupOffsets('shop', [{ topic: 'orders', partition: 0, offset: 100 }])
  }
}, START_MS)

const scramLogin = (user: keyof typeof passwords, password: string = passwords[user]) =>
  `org.apache.kafka.common.security.scram.ScramLoginModule required username="${user}" password="${password}";`

/** As the documentation of Kafka writes it: what clusters share at the top, then each cluster, then each flow. */
const mm2Properties = (port: number, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  clusters: 'us, eu, asia',
  listeners: `http://127.0.0.1:${port}`,
  'ssl.truststore.location': file('truststore.p12'),
  'ssl.truststore.password': STORE_PASSWORD,
  'us.bootstrap.servers': clusters.us.secured,
  'eu.bootstrap.servers': clusters.eu.secured,
  'eu.security.protocol': 'SASL_SSL',
  'eu.sasl.mechanism': 'SCRAM-SHA-512',
  'eu.consumer.sasl.jaas.config': scramLogin('reader'),
  'eu.producer.sasl.jaas.config': scramLogin('writer'),
  'eu.admin.sasl.jaas.config': scramLogin('admin'),
  'asia.bootstrap.servers': clusters.asia.secured,
  'asia.security.protocol': 'SSL',
  'asia.ssl.keystore.location': file('keystore.p12'),
  'asia.ssl.keystore.password': STORE_PASSWORD,
  'asia.ssl.key.password': STORE_PASSWORD,
  ...Object.fromEntries(flows.map((flow) => [`${flow}.enabled`, 'true'])),
  topics: 'orders',
  groups: 'shop',
  'replication.factor': '1',
  'emit.checkpoints.interval.seconds': '1',
  'sync.topic.acls.enabled': 'false',
  ...more,
})
const flows = ['us->eu', 'eu->us', 'eu->asia', 'asia->eu', 'us->asia', 'asia->us'] as const

interface MirrorProcess {
  child: ChildProcess
  ended: Promise<number | null>
  ask(method: string, path: string, body?: object): Promise<string>
  status(flow: string): Promise<MirrorStatus>
}
const started: MirrorProcess[] = []
/** All that anybody could read. */
let seen = ''

async function startMirror(more: Readonly<Record<string, string>> = {}): Promise<MirrorProcess> {
  const port = await freePort()
  const path = file(`mm2-${port}.properties`)
  writeFileSync(path, formatProperties(Object.entries(mm2Properties(port, more))))
  const child = spawn(resolve(import.meta.dirname, '../../bin/tributary'), ['mirror', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'debug' },
  })
  const keep = (chunk: Buffer) => {
    seen += chunk
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const mirror: MirrorProcess = {
    child,
    ended: new Promise((done) => child.once('close', done)),
    async ask(method, route, body) {
      const response = await fetch(`http://127.0.0.1:${port}${route}`, {
        method,
        ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      })
      const text = await response.text()
      seen += text
      if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`)
      return text
    },
    status: async (flow) => JSON.parse(await mirror.ask('GET', `/mirrors/${encodeURIComponent(flow)}`)) as MirrorStatus,
  }
  started.push(mirror)
  const hasStarted = async () => child.exitCode !== null || (await mirror.ask('GET', '/mirrors')) !== ''
  await until(hasStarted, 'the mirror has started', 60_000)
  if (child.exitCode !== null) throw new Error(`the mirror has ended: ${seen.slice(-LAST_CHARACTERS)}`)
  return mirror
}

async function stop({ child, ended }: MirrorProcess): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

afterAll(async () => {
  for (const mirror of started) await stop(mirror)
  for (const cluster of Object.values(clusters)) {
    await cluster.client.close()
    await cluster.kafka.stop()
  }
})

const setPassword = (user: keyof typeof passwords, password: string) =>
  kafkaTool([
    'kafka-configs', '--bootstrap-server', clusters.eu.address, '--entity-type', 'users', '--entity-name', user,
    '--alter', '--add-config', `SCRAM-SHA-512=[password=${password}]`,
  ]) // biome-ignore format: one command line

const mirrored = (mirror: MirrorProcess, flow: string, records: number) =>
  until(
    async () => {
      const { state, trace, partitions } = await mirror.status(flow)
      if (state === 'FAILED') throw new Error(`${flow}: ${trace}`)
      const orders = partitions.filter(({ topic }) => topic === 'orders')
      return state === 'RUNNING' && orders.reduce((sum, { targetEndOffset }) => sum + targetEndOffset, 0) >= records
    },
    `${flow} has mirrored ${records} records`,
    60_000,
  )

test(
  'MirrorMaker 2 mirrors by a file with security, and the mirror goes on by the same file',
  async () => {
    const only = {
      ...Object.fromEntries(flows.map((flow) => [`${flow}.enabled`, `${flow === 'us->eu' || flow === 'eu->asia'}`])),
      // MirrorMaker 2's worker has this user, whatever its clients have.
      'eu.sasl.jaas.config': scramLogin('root'),
      'emit.heartbeats.enabled': 'false',
      'plugin.discovery': 'service_load',
      'offset.storage.replication.factor': '1',
      'config.storage.replication.factor': '1',
      'status.storage.replication.factor': '1',
      'offset-syncs.topic.replication.factor': '1',
      'checkpoints.topic.replication.factor': '1',
      topics: 'payments',
    }
    const path = file('mirror-maker.properties')
    const { listeners: _, ...properties } = mm2Properties(0, only)
    writeFileSync(path, formatProperties(Object.entries(properties)))
    const arrived = async (cluster: Cluster, topic: string) =>
      (await cluster.client.topic(topic, { refresh: true })) === undefined ? 0 : (await readAll(cluster, topic)).records.length
    const mirrorMaker = await launch('MirrorMaker 2', kafkaScript(), ['connect-mirror-maker', path], {
      env: { KAFKA_HEAP_OPTS: '-Xmx256m', KAFKA_LOG_LEVEL: 'WARN' },
      ready: async () =>
        (await arrived(clusters.eu, 'us.payments')) === RECORDS && (await arrived(clusters.asia, 'eu.payments')) === RECORDS,
    })
    await mirrorMaker.end('SIGTERM')
    const mirror = await startMirror(only)
    await write(clusters.us, 'payments', 100, { from: RECORDS })
    await until(async () => (await arrived(clusters.eu, 'us.payments')) === RECORDS + 100, 'the new records have arrived', 60_000)
    expect(content((await readAll(clusters.eu, 'us.payments')).records)).toEqual(content((await readAll(clusters.us, 'payments')).records))
    await mirrored(mirror, 'eu->asia', 0)
    expect(await arrived(clusters.asia, 'eu.payments')).toBe(RECORDS)
    await stop(mirror)
  },
  START_MS,
)

test(
  'flows each way between all of them, and failovers',
  async () => {
    const mirror = await startMirror()
    for (const flow of flows) await mirrored(mirror, flow, RECORDS)
    for (const flow of flows) {
      const [source, target] = flow.split('->') as [keyof typeof clusters, keyof typeof clusters]
      for (const partition of [0, 1]) {
        const [sent, arrived] = await Promise.all([
          readAll(clusters[source], 'orders', partition),
          readAll(clusters[target], `${source}.orders`, partition),
        ])
        expect(content(arrived.records), `${flow} ${partition}`).toEqual(content(sent.records))
      }
    }
    for (const flow of flows) {
      const [source, target] = flow.split('->') as [keyof typeof clusters, keyof typeof clusters]
      const path = `/mirrors/${encodeURIComponent(flow)}/failover`
      const report = JSON.parse(await mirror.ask('POST', path, { groups: ['shop'] })) as FailoverReport
      expect(report, flow).toMatchObject({ sourceReachable: true, groups: [{ group: 'shop', applied: true }] })
      const offsets = await clusters[target].client.admin.groupOffsets('shop')
      expect(offsets).toContainEqual(expect.objectContaining({ topic: `${source}.orders`, partition: 0, offset: 100 }))
    }
    await until(
      async () => (await clusters.eu.client.topic('us.checkpoints.internal', { refresh: true })) !== undefined,
      'checkpoints',
      20_000,
    )
    await until(async () => (await readAll(clusters.eu, 'heartbeats')).records.length > 0, 'heartbeats', 20_000)
    await mirror.ask('GET', '/metrics')
    await stop(mirror)
  },
  START_MS,
)

test(
  'a user that is refused fails its flows with the reason, and a resume with the right password goes on',
  async () => {
    const mirror = await startMirror({ 'eu.producer.sasl.jaas.config': scramLogin('writer', WRONG_PASSWORD) })
    for (const flow of ['us->eu', 'asia->eu']) {
      await until(async () => (await mirror.status(flow)).state === 'FAILED', `${flow} has failed`, 30_000)
      expect((await mirror.status(flow)).trace).toMatch(/Authentication failed.*SCRAM-SHA-512/)
    }
    await mirrored(mirror, 'us->asia', RECORDS)
    await setPassword('writer', WRONG_PASSWORD)
    await write(clusters.us, 'orders', 100, { from: RECORDS, partitions: 2 })
    await mirror.ask('PUT', `/mirrors/${encodeURIComponent('us->eu')}/resume`)
    await mirrored(mirror, 'us->eu', RECORDS + 100)
    expect((await mirror.status('asia->eu')).state).toBe('FAILED')
    await stop(mirror)
    await setPassword('writer', passwords.writer)
  },
  START_MS,
)

test(
  'a certificate that is not accepted, and a broker that is not trusted, fail the flow with what to look at',
  async () => {
    const mirror = await startMirror({
      'asia.consumer.ssl.keystore.location': file('stranger.p12'),
      'us->eu.target.admin.ssl.truststore.location': file('other-truststore.p12'),
    })
    const traceOf = async (flow: string) => {
      await until(async () => (await mirror.status(flow)).state === 'FAILED', `${flow} has failed`, 30_000)
      return (await mirror.status(flow)).trace
    }
    expect(await traceOf('us->eu')).toMatch(/the certificate CN=broker of the broker is not trusted.*CN=Test CA/)
    expect(await traceOf('asia->us')).toMatch(/the broker does not accept the client certificate.*stranger\.p12/)
    await stop(mirror)
  },
  START_MS,
)

test('nothing that was written or shown has a password', () => {
  expect(seen.length).toBeGreaterThan(10_000)
  for (const secret of secrets) expect(seen).not.toContain(secret)
})
