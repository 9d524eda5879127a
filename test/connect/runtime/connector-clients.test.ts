/**
 * Goal: the clients of connectors have keys of their own and few connections; one that is not accepted fails its task, not the worker; no
 * secret is written. Method: our broker behind a proxy that ends mutual TLS and knows whose key each connection has; a worker in this
 * process whose log lines are kept.
 */

import { connect } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../../connect/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess, keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../../certificates.ts'
import { freePort } from '../../running-broker.ts'
import { until } from '../../until.ts'
import { failure, inState } from './connect-clusters.ts'
import { Probes } from './probes.ts'

const authority = selfSigned({ subject: 'Test CA' })
const server = authority.issue({ subject: 'broker', names: ['localhost'] })
const keys = {
  worker: authority.issue({ subject: 'worker' }),
  producer: authority.issue({ subject: 'producer' }),
  sink: authority.issue({ subject: 'sink' }),
}
const stranger = selfSigned({ subject: 'Stranger CA' })
const strings = 'org.apache.kafka.connect.storage.StringConverter'

let broker: BrokerInProcess
let address: string
/** Open connections, by the name in the certificate of the client. */
const connections = new Map<string, number>()
/** Of all connections: they are cut when this process changes the certificate of the broker. */
const sockets = new Set<TLSSocket>()
const ended: (() => Promise<void>)[] = []
let proxy: Server

beforeAll(async () => {
  const port = await freePort()
  address = `localhost:${port}`
  broker = await brokerInProcess({ 'advertised.listeners': `PLAINTEXT://${address}` })
  proxy = createServer(
    { key: server.key, cert: server.certificate, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      const name = String(socket.getPeerCertificate().subject.CN)
      connections.set(name, (connections.get(name) ?? 0) + 1)
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        connections.set(name, connections.get(name)! - 1)
      })
      const upstream = connect(broker.port, '127.0.0.1')
      socket.pipe(upstream).pipe(socket)
      // A connection that ends, with or without an error, ends its other half.
      for (const [one, other] of [
        [socket, upstream],
        [upstream, socket],
      ] as const)
        one.on('error', () => {}).once('close', () => other.destroy())
    },
  )
  await new Promise<void>((listening) => proxy.listen(port, 'localhost', listening))
  ended.push(broker.stop, async () => void proxy.close())
})
afterAll(async () => {
  for (const end of ended.splice(0)) await end()
})

/** Under a prefix: TLS with this key. */
const tls = (prefix: string, { key, certificate }: TestCertificate, trusted = authority): Record<string, string> => ({
  [`${prefix}security.protocol`]: 'SSL',
  [`${prefix}ssl.truststore.type`]: 'PEM',
  [`${prefix}ssl.truststore.certificates`]: trusted.certificate,
  [`${prefix}ssl.keystore.type`]: 'PEM',
  [`${prefix}ssl.keystore.key`]: key,
  [`${prefix}ssl.keystore.certificate.chain`]: certificate,
})

const probes = new Probes()
let clusters = 0
let worker: Worker | undefined
const lines: LogLine[] = []
const system = { ...realSystem('silent'), logger: keepingLogger(lines) }

async function start(
  more: Readonly<Record<string, string>> = {},
  systemProperties: Readonly<Record<string, string>> = {},
): Promise<Worker> {
  const group = `secure-${clusters++}`
  const stores = ['config', 'offset', 'status'].flatMap((store) => [
    [`${store}.storage.topic`, `${group}-${store}`],
    [`${store}.storage.replication.factor`, '1'],
  ])
  worker = await startWorker(
    {
      'bootstrap.servers': address,
      'group.id': group,
      ...Object.fromEntries(stores),
      'offset.storage.partitions': '1',
      'key.converter': strings,
      'value.converter': strings,
      ...tls('', keys.worker),
      ...tls('producer.', keys.producer),
      ...tls('consumer.', keys.worker),
      ...more,
    },
    system,
    { connectors: [probes.connector], systemProperties },
  )
  return worker
}
afterEach(async () => {
  await worker?.close()
  worker = undefined
})

const source = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'test.CountingSourceConnector',
  topic: `secure-topic-${clusters}`,
  ...more,
})
const sink = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'test.KeepingSinkConnector',
  topics: `secure-topic-${clusters}`,
  ...more,
})
const traceOf = (name: string): string => worker!.status(name).tasks[0]?.trace ?? ''

describe('connections', () => {
  test('ten sources have those of one and one more each, with the key of the producers; a sink with another key has its own', async () => {
    const started = await start()
    await started.create('s0', source('s0'), 'RUNNING')
    await inState(started, 's0', 'RUNNING RUNNING')
    await until(() => probes.of('s0').startPositions.length === 1 && (connections.get('producer') ?? 0) > 0, 'the source has sent')
    const sinkOf = sink('k', tls('consumer.override.', keys.sink))
    await started.create('k', sinkOf, 'RUNNING')
    await until(() => probes.of('k').flushedRecords.length === 10, 'its records are delivered')
    const [ofProducer, ofWorker] = [connections.get('producer'), connections.get('worker')]
    expect(connections.get('sink')).toBeGreaterThan(0)
    for (let n = 1; n < 10; n++) await started.create(`s${n}`, source(`s${n}`), 'RUNNING')
    await until(() => probes.of('k').flushedRecords.length === 100, 'all records are delivered')
    // Each producer sends on a connection of its own, as on the worker's client.
    expect([connections.get('producer'), connections.get('worker')]).toEqual([ofProducer! + 9, ofWorker])
    await started.delete('k')
    await until(() => connections.get('sink') === 0, 'the client of the sink is closed')
    await started.close()
    await until(() => [...connections.values()].every((open) => open === 0), 'all connections are closed')
  }, 60_000)
})

describe('a client that is not accepted', () => {
  test('fails its task with what to look at, again at a restart, until its config is right', async () => {
    const started = await start()
    for (const tolerance of ['none', 'all']) {
      const name = `wrong-${tolerance}`
      await started.create(
        name,
        source(name, { 'errors.tolerance': tolerance, ...tls('producer.override.', keys.producer, stranger) }),
        'RUNNING',
      )
      await inState(started, name, 'RUNNING FAILED')
      expect(traceOf(name)).toMatch(/Failed to connect kafka producer: localhost:\d+ \(SSL\): .*trust.* \(see producer\.override\.\*/)
      await started.restart(name, { includeTasks: true, onlyFailed: true })
      await inState(started, name, 'RUNNING FAILED')
      await started.putConfig(name, source(name))
      await started.restart(name, { includeTasks: true, onlyFailed: true })
      await inState(started, name, 'RUNNING RUNNING')
    }
    await started.create('wrong-sink', sink('wrong-sink', tls('consumer.override.', keys.producer, stranger)), 'RUNNING')
    await inState(started, 'wrong-sink', 'RUNNING FAILED')
    // The dead-letter queue has an admin client and a producer, and either may be refused.
    for (const kind of ['admin', 'producer']) {
      const queue = { 'errors.deadletterqueue.topic.name': 'dead', 'errors.deadletterqueue.topic.replication.factor': '1' }
      const name = `wrong-queue-${kind}`
      await started.create(name, sink(name, { ...queue, ...tls(`${kind}.override.`, keys.producer, stranger) }), 'RUNNING')
      await inState(started, name, 'RUNNING FAILED')
    }
    expect(started.health().status).toBe('healthy')
  }, 60_000)

  test('is one that a producer without security of its own has: the worker does not lend its key', async () => {
    const started = await start({ 'producer.security.protocol': 'PLAINTEXT', 'producer.request.timeout.ms': '500' })
    await started.create('plain', source('plain'), 'RUNNING')
    await inState(started, 'plain', 'RUNNING RUNNING')
    await until(() => lines.some(({ message }) => message === 'the cluster of the producer does not respond; retrying'), 'it is retried')
    expect(probes.of('plain').startPositions).toEqual([])
    await started.delete('plain')
  }, 60_000)

  test('ends the worker, if it is its own, with the names of its settings', async () => {
    await expect(start(tls('', keys.worker, stranger))).rejects.toThrow(
      /^Failed to connect to and describe Kafka cluster\. Check worker's broker connection and security properties\. localhost:\d+ \(SSL\): .* ssl\.truststore\.certificates/,
    )
    await expect(start({ 'ssl.truststore.certificates': '' })).rejects.toThrow('ssl.truststore.certificates')
    await expect(start({ 'security.protocol': 'TLS' })).rejects.toThrow(
      'Invalid value TLS for configuration security.protocol: String must be one of (case insensitive): SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT',
    )
  })
})

test('a worker that can no longer log in says so and ends', async () => {
  const started = await start({ 'session.timeout.ms': '6000', 'heartbeat.interval.ms': '200', 'rebalance.timeout.ms': '6000' })
  await until(() => started.health().status === 'healthy', 'the worker has joined')
  const other = stranger.issue({ subject: 'broker', names: ['localhost'] })
  proxy.setSecureContext({ key: other.key, cert: other.certificate, ca: authority.certificate })
  for (const socket of sockets) socket.destroy()
  await expect(started.failed).rejects.toThrow(/^The worker can no longer log in to its Kafka cluster: localhost:\d+ \(SSL\): .*truststore/)
  proxy.setSecureContext({ key: server.key, cert: server.certificate, ca: authority.certificate })
}, 60_000)

describe('overrides', () => {
  test('that the policy forbids are refused, one error each, and nothing else is', async () => {
    const started = await start({ 'connector.client.config.override.policy': 'Principal' })
    const config = source('p', { ...tls('producer.override.', keys.producer), 'consumer.override.linger.ms': '1' })
    const infos = await started.validate('test.CountingSourceConnector', config)
    const of = (name: string) => infos.configs.find(({ value }) => value.name === `producer.override.${name}`)!.value
    expect(of('security.protocol')).toMatchObject({ value: 'SSL', errors: [] })
    expect(of('ssl.keystore.key')).toMatchObject({
      value: '[hidden]',
      errors: ["The 'Principal' policy does not allow 'ssl.keystore.key' to be overridden in the connector configuration."],
    })
    expect(infos.error_count).toBe(5)
    expect(await failure(started.create('p', config, 'RUNNING'))).toEqual([
      400,
      expect.stringContaining("Connector configuration is invalid and contains the following 5 error(s):\nThe 'Principal' policy"),
    ])
  })

  test('of login modules that clients must not have are refused in the words of Kafka', async () => {
    const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
    const started = await start()
    const jaas = 'com.sun.security.auth.module.JndiLoginModule required user.provider.url="ldap://planted-url";'
    for (const [connector, kind] of [
      [source('j'), 'producer'],
      [sink('j'), 'consumer'],
    ] as const) {
      const message = await failure(started.create('j', { ...connector, [`${kind}.override.sasl.jaas.config`]: jaas }, 'RUNNING'))
      expect(message).toEqual([400, expect.stringContaining('com.sun.security.auth.module.JndiLoginModule is not allowed.')])
      expect(String(message)).toContain(`${kind}.override.sasl.jaas.config`)
      expect(String(message)).not.toContain('planted-url')
    }
    await started.close()
    // The process may allow fewer than there are; a connector may not allow more.
    const strict = await start({}, { 'org.apache.kafka.allowed.login.modules': 'org.apache.kafka.common.security.plain.PlainLoginModule' })
    const login = { 'producer.override.sasl.jaas.config': `${scram} required username="u" password="p";` }
    const allowing = { ...login, 'org.apache.kafka.allowed.login.modules': scram }
    expect(await failure(strict.create('j', source('j', allowing), 'RUNNING'))).toEqual([
      400,
      expect.stringContaining(`${scram} is not allowed.`),
    ])
  })
})

test('no secret is in a log line, a trace, a status, a message of an error, a response or a metric', async () => {
  // The lines of the private keys, in PEM.
  const planted = Object.values(keys).flatMap(({ key }) => key.split('\n').filter((line) => line !== '' && !line.startsWith('---')))
  const plant = (name: string) => {
    planted.push(`planted-${planted.length}-${name}`)
    return planted.at(-1)!
  }
  const passwords = (prefix: string) => ({
    [`${prefix}ssl.key.password`]: plant(`${prefix}key`),
    [`${prefix}ssl.keystore.password`]: plant(`${prefix}keystore`),
    [`${prefix}ssl.truststore.password`]: plant(`${prefix}truststore`),
    [`${prefix}sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="${plant(`${prefix}jaas`)}";`,
    [`${prefix}sasl.oauthbearer.client.credentials.client.secret`]: plant(`${prefix}secret`),
    [`${prefix}sasl.oauthbearer.assertion.private.key.passphrase`]: plant(`${prefix}passphrase`),
  })
  const seen: string[] = []
  const keep = (...values: unknown[]) => void seen.push(...values.map((value) => JSON.stringify(value) ?? ''))
  lines.length = 0
  const { 'sasl.jaas.config': jaas, ...others } = passwords('')
  const worker = await start({ ...passwords('consumer.'), 'producer.sasl.jaas.config': jaas!, ...tls('', keys.worker) })
  const sasl = (protocol: string, mechanism: string) => ({ 'security.protocol': protocol, 'sasl.mechanism': mechanism })
  const key = `-----BEGIN PRIVATE KEY-----\n${plant('key')}\n-----END PRIVATE KEY-----`
  /** By what goes wrong: the overrides for the producer, and what the user is told. */
  const attempts: Record<string, [overrides: Record<string, string>, told: RegExp]> = {
    'a password of a store that has none': [{ ...tls('', keys.producer), ...others }, /Failed to construct .*ssl\.keystore\.password/],
    'a private key that is none': [{ ...tls('', keys.producer), 'ssl.keystore.key': key }, /Failed to construct .*ssl\.keystore\.key/],
    'a certificate that is not trusted': [{ ...tls('', keys.producer, stranger), ...sasl('SASL_SSL', 'PLAIN') }, /Failed to connect /],
    'a broker without SASL': [{ ...tls('', keys.producer), ...sasl('SASL_SSL', 'PLAIN') }, /Failed to connect /],
    'a mechanism that there is not': [{ ...sasl('SASL_PLAINTEXT', 'GSSAPI'), 'sasl.jaas.config': jaas! }, /Failed to construct .*Kerberos/],
    'a login module of another mechanism': [
      { ...sasl('SASL_PLAINTEXT', 'OAUTHBEARER'), ...others },
      /Failed to construct .*PlainLoginModule/,
    ],
    'a login that does not end': [{ 'sasl.jaas.config': `A required password="${plant('nonsense')}` }, /not terminated by semi-colon/],
    'a login without a user': [
      { ...sasl('SASL_PLAINTEXT', 'PLAIN'), 'sasl.jaas.config': jaas!.replace('username="u"', '') },
      /Failed to construct .*username/,
    ],
  }
  for (const [name, [overrides, told]] of Object.entries(attempts)) {
    const config = source(name, Object.fromEntries(Object.entries(overrides).map(([key, value]) => [`producer.override.${key}`, value])))
    keep(await worker.validate('test.CountingSourceConnector', config))
    const refused = await worker.create(name, config, 'RUNNING').then(
      () => null,
      (error: Error) => error,
    )
    if (refused) {
      expect(refused.message, name).toMatch(told)
      keep(refused.message, refused.stack)
      continue
    }
    await inState(worker, name, 'RUNNING FAILED')
    await worker.restart(name, { includeTasks: true, onlyFailed: true })
    await inState(worker, name, 'RUNNING FAILED')
    expect(traceOf(name), name).toMatch(told)
    keep(worker.status(name), worker.taskStatus(name, 0), await worker.offsets(name).catch((error: Error) => error.message))
  }
  keep(await worker.root(), worker.health(), worker.plugins(false), await system.metrics.text())
  const unnamed = { ...passwords(''), 'connection.password': plant('connection') }
  keep(await worker.create('unnamed', unnamed, 'RUNNING').catch((error: Error) => error.message))
  // The same for a worker that does not start.
  for (const protocol of ['SSL', 'SASL_SSL'])
    keep(
      await startWorker(
        { 'bootstrap.servers': address, ...passwords(''), 'security.protocol': protocol, 'sasl.mechanism': 'PLAIN' },
        system,
      ).then(
        () => 'started',
        (error: Error) => `${error.stack} ${error.cause}`,
      ),
    )
  expect(seen).not.toContain('"started"')
  for (const { message, details } of lines) {
    const { err } = details as { err?: Error }
    keep(message, details, err?.message, err?.stack, String(err?.cause))
  }
  const all = seen.join('\n')
  expect(all).toContain('a task has failed')
  for (const secret of planted) expect(all.includes(secret), secret).toBe(false)
}, 120_000)
