/**
 * Story of mirror. Goal: no password of a mirror is in anything that it writes or shows: logs at every level, responses, statuses, metrics,
 * errors (Invariant 12). Method: another secret in each setting; a mirror and the connectors of a worker start, are refused, are resumed
 * and fail over; all that they have written is searched.
 */
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Services } from '../../api/resource.ts'
import { buildServer } from '../../api/server.ts'
import { startWorker } from '../../connect/index.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { mirrorConnectors, startMirrors } from '../../mirror/index.ts'
import { until } from '../until.ts'
import { caughtUp, createTopic, ourCluster, properties, quietSystem, write } from './clusters.ts'
import { jaasConfig, type SecuredCluster, securedCluster } from './secured-cluster.ts'

const passwords = [
  'ssl.keystore.password',
  'ssl.keystore.key',
  'ssl.key.password',
  'ssl.truststore.password',
  'sasl.oauthbearer.client.credentials.client.secret',
  'sasl.oauthbearer.assertion.private.key.passphrase',
]
const MARK = 's3cret of '
/** The mark as text, and as the inside of longer hexadecimal and base64 text. */
const marks = [
  MARK.slice(0, -4),
  Buffer.from(MARK).toString('hex'),
  ...[0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), Buffer.from(MARK)])
      .toString('base64')
      .slice(Math.ceil((before * 8) / 6), Math.floor(((before + MARK.length) * 8) / 6)),
  ),
]

/** Another secret in each password under each prefix. */
const planted = (prefixes: readonly string[]): Record<string, string> =>
  Object.fromEntries(prefixes.flatMap((prefix) => passwords.map((name) => [prefix + name, `${MARK}${prefix}${name}`])))

const login = (prefixes: readonly string[], user: string, cluster: SecuredCluster): Record<string, string> =>
  Object.fromEntries(
    prefixes.map((prefix, index) => {
      const own = `${user} ${index}`
      cluster.users.set(own, MARK + own)
      return [`${prefix}sasl.jaas.config`, jaasConfig(own, MARK + own)]
    }),
  )

const saslOn = { 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN' }

/** A system that keeps all that is logged, as text. */
function recording(): { system: System; written: string[] } {
  const written: string[] = []
  const keep = (details: object, message: string) => void written.push(`${message} ${inspect(details, { depth: 12, showHidden: true })}`)
  const child = (bindings: object): Logger => {
    keep(bindings, 'child')
    return logger
  }
  const logger: Logger = { error: keep, warn: keep, info: keep, debug: keep, child }
  return { system: { ...quietSystem(), logger }, written }
}

/** Asks the REST API for everything of these paths. */
async function askAll(services: Omit<Services, 'version'>, paths: readonly string[]): Promise<string[]> {
  const app = buildServer({ ...services, version: '1' } as never)
  const bodies = []
  for (const path of paths) {
    const { statusCode, body } = await app.inject(path)
    expect(statusCode, path).toBe(200)
    bodies.push(`${path} ${body}`)
  }
  await app.close()
  return bodies
}

function expectNoSecret(written: readonly string[], atLeast: number): void {
  expect(written.length).toBeGreaterThan(atLeast)
  expect(written.filter((text) => marks.some((mark) => text.includes(mark)))).toEqual([])
}

const twoClusters = async () => {
  const clusters = await Promise.all([securedCluster({ users: {}, tls: false }), securedCluster({ users: {}, tls: false })])
  await createTopic(clusters[0], 't')
  await write(clusters[0], 't', 10)
  return clusters
}

/** Every user of the cluster gets another password, and connects again. */
function refuseAll(cluster: SecuredCluster): Map<string, string> {
  const before = new Map(cluster.users)
  for (const user of before.keys()) if (user !== 'test') cluster.users.set(user, `${MARK}nobody`)
  cluster.hangUp()
  return before
}

test('a mirror that starts, is refused, fails over, is resumed and stops', async () => {
  const [us, central] = await twoClusters()
  const { system, written } = recording()
  const sides = ['us.', 'us.consumer.', 'us.producer.', 'us->central.source.admin.']
  const targets = ['central.', 'central.consumer.', 'central.admin.', 'us->central.target.producer.']
  const mirror = await startMirrors(
    properties(us, central, {
      'us->central.topics': 't',
      'emit.checkpoints.interval.seconds': '1',
      ...saslOn,
      ...planted([
        '',
        'listeners.https.',
        'admin.listeners.https.',
        ...sides,
        ...targets,
        'us->central.',
        'consumer.',
        'us.typo.',
        'us->mars.',
        'us->central.producer.override.',
      ]),
      ...login(sides, 'us', us),
      ...login(targets, 'central', central),
    }),
    system,
  )
  onTestFinished(() => mirror.close())
  await caughtUp(mirror, 'us->central', 10)
  const services = { mirrors: mirror, system }
  const paths = ['/mirrors', '/mirrors/us-%3Ecentral', '/metrics', '/docs/openapi.json']
  const shown = async () => written.push(...(await askAll(services, paths)), inspect(mirror.settings, { depth: 12, showHidden: true }))
  await shown()
  for (const cluster of [us, central]) {
    const before = refuseAll(cluster)
    await until(() => mirror.status('us->central').state === 'FAILED', 'the flow is refused', 20_000)
    expect(mirror.status('us->central').trace).toMatch(/Invalid username or password/)
    await shown()
    const failover = mirror.failover('us->central', { groups: 'all', dryRun: true })
    written.push(await failover.then(JSON.stringify, (error) => inspect(error, { depth: 12, showHidden: true })))
    for (const [user, password] of before) cluster.users.set(user, password)
    await mirror.resume('us->central')
    await until(() => mirror.status('us->central').state === 'RUNNING', 'the flow runs again', 20_000)
    await shown()
  }
  await mirror.close()
  expectNoSecret(written, 20)
})

test('connectors of a worker that start, are refused and are restarted; their configs alone are shown as they were written', async () => {
  const [us, central] = await twoClusters()
  const own = await ourCluster()
  const { system, written } = recording()
  const storage = ['config', 'offset', 'status'].flatMap((kind) => [
    [`${kind}.storage.topic`, `connect-${kind}s`],
    [`${kind}.storage.replication.factor`, '1'],
  ])
  const settings = {
    'bootstrap.servers': own.address,
    'group.id': 'connect',
    ...Object.fromEntries(storage),
    ...planted(['', 'listeners.https.', 'admin.listeners.https.']),
  }
  const worker = await startWorker(settings, system, { connectors: mirrorConnectors(system) })
  onTestFinished(() => worker.close())
  const sources = ['source.cluster.', 'source.consumer.', 'source.producer.', 'source.admin.']
  const targets = ['target.cluster.', 'target.consumer.', 'target.producer.', 'target.admin.']
  const config = {
    'source.cluster.alias': 'us',
    'target.cluster.alias': 'central',
    'source.cluster.bootstrap.servers': us.address,
    'target.cluster.bootstrap.servers': central.address,
    topics: 't',
    ...Object.fromEntries(
      ['source', 'target'].flatMap((side) => Object.entries(saslOn).map(([name, value]) => [`${side}.cluster.${name}`, value])),
    ),
    ...planted([...sources, ...targets, 'producer.', 'consumer.', 'admin.']),
    ...login(sources, 'us', us),
    ...login(targets, 'central', central),
  }
  const kinds = ['Source', 'Checkpoint', 'Heartbeat']
  const classOf = (kind: string) => `org.apache.kafka.connect.mirror.Mirror${kind}Connector`
  for (const kind of kinds) {
    written.push(
      JSON.stringify(await worker.validate(`Mirror${kind}Connector`, { ...config, name: kind, 'connector.class': classOf(kind) })),
    )
    await worker.putConfig(kind, { ...config, 'connector.class': classOf(kind) })
  }
  const stateOf = (kind: string) => worker.status(kind).tasks[0]?.state
  const paths = kinds.flatMap((kind) => [`/connectors/${kind}/status`, `/connectors/${kind}/topics`, `/connectors/${kind}/offsets`])
  const shown = async () =>
    written.push(...(await askAll({ worker, system } as never, ['/', '/connectors', '/connectors?expand=status', '/metrics', ...paths])))
  await until(() => kinds.every((kind) => stateOf(kind) === 'RUNNING'), 'the tasks run', 30_000)
  await until(() => central.sent.get('central 2') !== undefined, 'records arrive', 30_000)
  await shown()
  for (const cluster of [us, central]) {
    const before = refuseAll(cluster)
    const refused = cluster === us ? ['Source'] : kinds
    await until(() => refused.every((kind) => stateOf(kind) === 'FAILED'), 'the tasks are refused', 30_000)
    for (const kind of refused) expect(worker.status(kind).tasks[0]!.trace).toMatch(/Invalid username or password/)
    await shown()
    for (const [user, password] of before) cluster.users.set(user, password)
    for (const kind of kinds) await worker.restart(kind, { includeTasks: true, onlyFailed: false })
    await until(() => kinds.every((kind) => stateOf(kind) === 'RUNNING'), 'the tasks run again', 30_000)
    await shown()
  }
  await worker.close()
  expectNoSecret(written, 20)
  expect(worker.config('Source')['source.consumer.ssl.key.password']).toBe(`${MARK}source.consumer.ssl.key.password`)
})

describe('an error of the start', () => {
  const given = {
    clusters: 'us, central',
    'us.bootstrap.servers': '127.0.0.1:1',
    'central.bootstrap.servers': '127.0.0.1:1',
    'us->central.enabled': 'true',
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'SCRAM-SHA-512',
  }
  const login = (module: string, rest: string) => ({ 'us.sasl.jaas.config': `${module} required ${rest}` })
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  test.each([
    ['no semicolon', login(scram, 'username="u" password="s3cret"')],
    ['no quote', login(scram, 'username="u" password="s3cret;')],
    ['an unknown module', login('com.example.Login', 'password="s3cret";')],
    [
      'the module of another mechanism',
      login('org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule', 'clientSecret="s3cret";'),
    ],
    ['two modules', login(scram, `username="u" password="s3cret"; ${scram} required password="s3cret2";`)],
    ['no user', login(scram, 'password="s3cret";')],
    ['a wrong store password', { 'us.ssl.truststore.location': '/none.p12', 'us.ssl.truststore.password': 's3cret' }],
    ['a broken key', { 'us.ssl.keystore.type': 'PEM', 'us.ssl.keystore.key': 's3cret', 'us.ssl.keystore.certificate.chain': 'x' }],
  ])('of %s', async (_, wrong) => {
    const { system, written } = recording()
    const valid = { 'sasl.jaas.config': `${scram} required username="u" password="s3cret";` }
    const error = await startMirrors({ ...given, ...valid, ...wrong }, system).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expectNoSecret([...written, inspect(error, { depth: 12, showHidden: true })], 0)
  })
})
