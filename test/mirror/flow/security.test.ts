/**
 * Story of mirror/flow. Goal: a flow reaches secured clusters with the credentials of each of its clients; one that is refused fails with
 * the reason and is not tried again until a resume, and fails over all the same. Method: brokers of ours behind gates with certificates and
 * users.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import produce from '../../../core/apis/00-produce.ts'
import fetchApi from '../../../core/apis/01-fetch.ts'
import listOffsets from '../../../core/apis/02-list-offsets.ts'
import createTopics from '../../../core/apis/19-create-topics.ts'
import type { Logger } from '../../../core/system/logger.ts'
import { startMirrors } from '../../../mirror/index.ts'
import { MirrorSettingsError } from '../../../mirror/settings/mm2-properties.ts'
import { until } from '../../until.ts'
import { caughtUp, createTopic, mirrorOf, properties, quietSystem, readAll, write } from '../clusters.ts'
import { jaasConfig, type SecuredCluster, securedCluster } from '../secured-cluster.ts'
import { expectSameRecords } from '../started-flow.ts'

const under = (prefix: string, settings: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [prefix + name, value]))

const flow = (us: SecuredCluster, central: SecuredCluster, more: Readonly<Record<string, string>> = {}) =>
  properties(us, central, {
    'us->central.topics': 't',
    'emit.heartbeats.enabled': 'false',
    ...under('us.', us.settingsOf('mirror')),
    ...under('central.', central.settingsOf('mirror')),
    ...more,
  })

async function withTopic(us: SecuredCluster, records = 10): Promise<void> {
  await createTopic(us, 't')
  await write(us, 't', records)
}

const users = () => ({ mirror: 'of the mirror' })

describe('credentials', () => {
  test('a client certificate at the source, a password by TLS at the target', async () => {
    const [us, central] = await Promise.all([securedCluster({ certificates: true }), securedCluster({ users: users() })])
    await withTopic(us, 100)
    const mirror = await mirrorOf(flow(us, central))
    await caughtUp(mirror, 'us->central', 100)
    await expectSameRecords({ us, central } as never)
    expect([...us.sent.keys()].sort()).toEqual(['mirror', 'test'])
    // One client for each side, as without security.
    const ofFlow = (cluster: SecuredCluster) => [...cluster.clientIds].filter((id) => id !== 'test')
    expect([ofFlow(us), ofFlow(central)]).toEqual([['us->central|source'], ['us->central|target']])
  })

  test('consumer, producer and admin client of a cluster with users of their own', async () => {
    const us = await securedCluster({ users: { reader: 'r', 'source admin': 'sa', 'source writer': 'sw' }, tls: false })
    const central = await securedCluster({ users: { reader: 'r', writer: 'w', admin: 'a' }, tls: false })
    await withTopic(us, 100)
    const login = (prefix: string, cluster: SecuredCluster, user: string) => ({
      [`${prefix}.sasl.jaas.config`]: jaasConfig(user, cluster.users.get(user)!),
    })
    const mirror = await mirrorOf(
      properties(us, central, {
        'us->central.topics': 't',
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': 'PLAIN',
        'offset.flush.interval.ms': '100',
        'sync.topic.configs.interval.seconds': '1',
        'central->us.emit.heartbeats.enabled': 'false',
        ...login('us.consumer', us, 'reader'),
        ...login('us.producer', us, 'source writer'),
        ...login('us->central.source.admin', us, 'source admin'),
        ...login('central', central, 'writer'),
        ...login('central.consumer', central, 'reader'),
        ...login('central.admin', central, 'admin'),
      }),
    )
    await caughtUp(mirror, 'us->central', 100)
    await expectSameRecords({ us, central } as never)
    await until(() => us.sent.get('source writer')?.has(produce.key), 'offset syncs are written', 20_000)
    const sentBy = (cluster: SecuredCluster, user: string) => {
      const keys = cluster.sent.get(user)!
      return [produce, fetchApi, createTopics, listOffsets].filter(({ key }) => keys.has(key)).map(({ name }) => name)
    }
    expect(sentBy(us, 'reader')).toEqual(['Fetch'])
    expect(sentBy(us, 'source writer')).toEqual(['Produce'])
    expect(sentBy(us, 'source admin')).toEqual(expect.arrayContaining(['CreateTopics', 'ListOffsets']))
    expect(sentBy(us, 'source admin')).not.toContain('Fetch')
    expect(sentBy(central, 'writer')).toEqual(['Produce'])
    expect(sentBy(central, 'reader')).toEqual(['Fetch'])
    expect(sentBy(central, 'admin')).toEqual(['CreateTopics', 'ListOffsets'])
  })
})

describe('a flow that is refused', () => {
  const failed = async (mirror: Awaited<ReturnType<typeof mirrorOf>>) => {
    await until(() => mirror.status('us->central').state === 'FAILED', 'the flow has failed', 20_000)
    return mirror.status('us->central').trace!
  }

  test.each([
    ['source', 'us.'],
    ['target', 'central.'],
    ['source', 'us.admin.'],
    ['target', 'us->central.target.producer.'],
    ['target', 'central.consumer.'],
  ] as const)('by the %s (password of %s): FAILED with the reason, until a resume with the right password', async (side, prefix) => {
    const [us, central] = await Promise.all([
      securedCluster({ users: users(), tls: false }),
      securedCluster({ users: users(), tls: false }),
    ])
    await withTopic(us)
    const cluster = side === 'source' ? us : central
    cluster.users.set('other', 'changed')
    const mirror = await mirrorOf(flow(us, central, { [`${prefix}sasl.jaas.config`]: jaasConfig('other', 'wrong') }))
    expect(await failed(mirror)).toMatch(/Invalid username or password/)
    const { attempts } = cluster
    await mirror.resume('us->central')
    expect(await failed(mirror)).toMatch(/Invalid username or password/)
    expect(cluster.attempts).toBeGreaterThan(attempts)
    cluster.users.set('other', 'wrong')
    await mirror.resume('us->central')
    await caughtUp(mirror, 'us->central', 10)
    expect(mirror.status('us->central').trace).toBeUndefined()
  })

  test.each([['source'], ['target']] as const)('by the %s while it runs: the password has changed', async (side) => {
    const [us, central] = await Promise.all([
      securedCluster({ users: users(), tls: false }),
      securedCluster({ users: users(), tls: false }),
    ])
    await withTopic(us)
    const mirror = await mirrorOf(flow(us, central))
    await caughtUp(mirror, 'us->central', 10)
    const cluster = side === 'source' ? us : central
    cluster.users.set('mirror', 'changed')
    cluster.hangUp()
    await write(us, 't', 10, { from: 10 })
    expect(await failed(mirror)).toMatch(/Invalid username or password/)
    cluster.users.set('mirror', 'of the mirror')
    await mirror.resume('us->central')
    await caughtUp(mirror, 'us->central', 20)
    await expectSameRecords({ us, central } as never)
  })

  test('while it runs, for the offset syncs alone', async () => {
    const [us, central] = await Promise.all([
      securedCluster({ users: users(), tls: false }),
      securedCluster({ users: users(), tls: false }),
    ])
    await withTopic(us)
    us.users.set('syncs', 'of the syncs')
    const mirror = await mirrorOf(flow(us, central, { 'us.producer.sasl.jaas.config': jaasConfig('syncs', 'of the syncs') }))
    await until(() => us.sent.get('syncs')?.has(produce.key), 'offset syncs are written', 20_000)
    us.users.set('syncs', 'changed')
    us.hangUp()
    await write(us, 't', 200, { from: 10 })
    expect(await failed(mirror)).toMatch(/Invalid username or password/)
  })

  test('because a certificate is not trusted any more', async () => {
    const [us, central] = await Promise.all([securedCluster(), securedCluster()])
    await withTopic(us)
    const mirror = await mirrorOf(flow(us, central))
    await caughtUp(mirror, 'us->central', 10)
    us.showForeignCertificate()
    us.hangUp()
    expect(await failed(mirror)).toMatch(/the certificate CN=somebody else of the broker is not trusted.*ssl\.truststore/)
  })

  test('by the source fails over by what the target has, and goes on after a resume', async () => {
    const [us, central] = await Promise.all([
      securedCluster({ users: users(), tls: false }),
      securedCluster({ users: users(), tls: false }),
    ])
    await withTopic(us, 40)
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 25 }])
    const given = flow(us, central, { 'emit.checkpoints.interval.seconds': '1' })
    const mirror = await mirrorOf(given)
    await caughtUp(mirror, 'us->central', 40)
    const offsets = async () => (await mirror.failover('us->central', { groups: 'all', dryRun: true })).groups.length
    await until(async () => (await offsets()) === 1, 'the commit has been seen', 20_000)
    await until(
      async () => (await central.client.topic('us.checkpoints.internal', { refresh: true })) !== undefined,
      'a checkpoint',
      20_000,
    )
    us.users.set('mirror', 'changed')
    us.hangUp()
    await failed(mirror)
    const report = await mirror.failover('us->central', { groups: 'all', dryRun: false })
    expect(report).toMatchObject({ mirror: 'us->central', sourceReachable: false, groups: [{ group: 'g', applied: true }] })
    expect(report.groups[0]!.partitions[0]).toMatchObject({ topic: 't', targetOffset: 25 })
    expect((await central.client.admin.groupOffsets('g')).map(({ topic, offset }) => [topic, offset])).toEqual([['us.t', 25]])
    // The failover is stored on the target: another process would not mirror either.
    us.users.set('mirror', 'of the mirror')
    await mirror.close()
    const again = await mirrorOf(given)
    await until(() => again.status('us->central').state === 'FAILED_OVER', 'the failover is known', 20_000)
    await again.resume('us->central')
    await caughtUp(again, 'us->central', 40)
  })

  test('by the target cannot fail over, and says why', async () => {
    const [us, central] = await Promise.all([
      securedCluster({ users: users(), tls: false }),
      securedCluster({ users: users(), tls: false }),
    ])
    await withTopic(us)
    const mirror = await mirrorOf(flow(us, central, { 'central.sasl.jaas.config': jaasConfig('mirror', 'wrong') }))
    await failed(mirror)
    await expect(mirror.failover('us->central', { groups: 'all', dryRun: true })).rejects.toThrow(
      /us->central cannot fail over now: the target cannot be read.*Invalid username or password/,
    )
  })

  test('a cluster that cannot be reached is waited for, whatever its security', async () => {
    const [us, central] = await Promise.all([securedCluster({ users: users() }), securedCluster({ users: users() })])
    await withTopic(us)
    await us.broker.kill()
    us.hangUp()
    const mirror = await mirrorOf(flow(us, central, { 'request.timeout.ms': '2000' }))
    await until(() => mirror.status('us->central').trace !== undefined, 'the reason is shown', 20_000)
    expect(mirror.status('us->central').state).not.toBe('FAILED')
    await us.broker.start()
    await caughtUp(mirror, 'us->central', 10)
  })

  test('heartbeats that are refused stop, and a resume writes them again', async () => {
    const [us, central] = await Promise.all([securedCluster(), securedCluster({ users: users(), tls: false })])
    await withTopic(us)
    const errors: string[] = []
    const ignore = () => {}
    const logger: Logger = { error: (_, message) => errors.push(message), warn: ignore, info: ignore, debug: ignore, child: () => logger }
    const wrong = flow(us, central, {
      'emit.heartbeats.enabled': 'true',
      'central.producer.sasl.jaas.config': jaasConfig('beats', 'right'),
    })
    const mirror = await startMirrors(wrong, { ...quietSystem(), logger })
    onTestFinished(() => mirror.close())
    const stopped = () => errors.filter((message) => /the heartbeats of this flow have stopped/.test(message)).length
    await until(() => stopped() === 1, 'they have stopped', 20_000)
    await failed(mirror)
    central.users.set('beats', 'right')
    await mirror.resume('us->central')
    await until(async () => (await readAll(central, 'heartbeats')).records.length > 0, 'heartbeats', 20_000)
    expect(stopped()).toBe(1)
  })
})

describe('settings that cannot work are refused at the start, by the name that the user gave', () => {
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="the secret";'
  const jndi = 'com.sun.security.auth.module.JndiLoginModule required user.provider.url="the secret";'
  test.each([
    ['us.', { 'sasl.mechanism': 'GSSAPI', 'sasl.jaas.config': scram }, 'us.sasl.mechanism', /GSSAPI.*us\.sasl\.mechanism.*Kerberos/],
    [
      'us.consumer.',
      { 'sasl.jaas.config': jndi },
      'us.consumer.sasl.jaas.config',
      /us\.consumer\.sasl\.jaas\.config: .*JndiLoginModule.*not allowed/,
    ],
    [
      'us->central.target.producer.',
      { 'sasl.jaas.config': 'com.example.Login required password="the secret";' },
      'us->central.target.producer.sasl.jaas.config',
      /us->central\.target\.producer\.sasl\.jaas\.config: .*com\.example\.Login is not available/,
    ],
    ['central.', { 'sasl.mechanism': 'AWS_MSK_IAM' }, 'central.sasl.mechanism', /central\.sasl\.mechanism.*IAM/],
    ['', { 'sasl.jaas.config': 'nonsense' }, 'sasl.jaas.config', /^sasl\.jaas\.config: /],
    [
      'us.',
      { 'ssl.truststore.location': '/there/is/none.p12' },
      'us.ssl.truststore.location',
      /us\.ssl\.truststore\.location.*\/there\/is\/none\.p12/,
    ],
    ['central.admin.', { 'ssl.truststore.type': 'BKS' }, 'central.admin.ssl.truststore.type', /central\.admin\.ssl\.truststore\.type/],
  ] as const)('%s%j', async (prefix, settings, setting, message) => {
    const given = {
      clusters: 'us, central',
      'us.bootstrap.servers': '127.0.0.1:1',
      'central.bootstrap.servers': '127.0.0.1:1',
      'us->central.enabled': 'true',
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'SCRAM-SHA-512',
      'sasl.jaas.config': scram,
      ...under(prefix, settings),
    }
    const error = await startMirrors(given, quietSystem()).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(MirrorSettingsError)
    expect((error as MirrorSettingsError).message).toMatch(message)
    expect((error as MirrorSettingsError).setting).toBe(setting)
    expect((error as MirrorSettingsError).message).not.toContain('the secret')
  })
})
