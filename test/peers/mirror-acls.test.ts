/**
 * Goal: the mirror creates the access control list entries on the target that MirrorMaker 2 creates there. Method: two Apache Kafka brokers
 * with StandardAuthorizer and entries of every kind at the source; MirrorMaker 2, then our mirror with the same file, and our mirror
 * between two of our brokers: the target has the same entries each time.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import deleteAcls from '../../core/apis/31-delete-acls.ts'
import { type Acl, aclOperations, patternTypes, permissionTypes, resourceTypes } from '../../core/client/index.ts'
import { describeAcl } from '../../core/security/acl/acl.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { type Cluster, connectTo, createTopic, mirrorOf } from '../mirror/clusters.ts'
import { writeProperties } from '../properties-file.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaScript, startApacheKafka } from './apache-kafka.ts'
import { launch } from './launch.ts'
import { temporaryFolder } from './workers.ts'

vi.setConfig({ testTimeout: 400_000, hookTimeout: 240_000 })

const authorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}
const folder = temporaryFolder()
const kafkas: KafkaBroker[] = []
const ours: BrokerInProcess[] = []

beforeAll(async () => {
  // One after the other: each uses the port after its own too.
  for (let count = 0; count < 2; count++) {
    kafkas.push(await startApacheKafka(authorizer))
    ours.push(await brokerInProcess(authorizer))
  }
})
afterAll(async () => {
  for (const kafka of kafkas) await kafka.stop()
  for (const broker of ours) await broker.stop()
})

const topics = [
  ...['orders', 'payments', 'absent', '*', 'heartbeats', 'eu.heartbeats', 'eu.orders', 'central.orders', 'us.orders', 'eu.central.orders'],
  ...['orders.replica', '__consumer_offsets', '.hidden', 'mm2-offset-syncs.central.internal', 'eu.checkpoints.internal', 'not a topic'],
]
const operations = Object.values(aclOperations).filter((operation) => operation !== aclOperations.Any)
const { ALLOW, DENY } = permissionTypes

const acl = (resourceName: string, more: Partial<Acl> = {}): Acl => ({
  ...{ resourceType: resourceTypes.Topic, resourceName, patternType: patternTypes.LITERAL },
  ...{ principal: 'User:alice', host: '*', operation: aclOperations.Read, permissionType: ALLOW },
  ...more,
})
const sourceAcls: readonly Acl[] = [
  ...topics.flatMap((name) => operations.flatMap((operation) => [ALLOW, DENY].map((permissionType) => acl(name, { operation, permissionType })))), // biome-ignore format: one line
  ...['User:*', 'User:CN=a,O=b', 'Group:readers'].map((principal) => acl('orders', { principal, host: '10.0.0.1' })),
  ...['orders', 'ord', '*'].map((name) => acl(name, { patternType: patternTypes.PREFIXED })),
  acl('orders', { resourceType: resourceTypes.Group }),
  acl('orders', { resourceType: resourceTypes.TransactionalId }),
  acl('kafka-cluster', { resourceType: resourceTypes.Cluster, operation: aclOperations.Describe }),
  acl('orders', { resourceType: resourceTypes.DelegationToken, operation: aclOperations.Describe }),
  acl('User:orders', { resourceType: resourceTypes.User, operation: aclOperations.DescribeTokens }),
]

const everything = {
  ...{ resourceType: resourceTypes.Any, resourceName: null, patternType: patternTypes.ANY },
  ...{ principal: null, host: null, operation: aclOperations.Any, permissionType: permissionTypes.ANY },
}
const listed = async ({ client }: Cluster) => (await client.admin.describeAcls(everything)).map(describeAcl).sort()

async function removeAll(cluster: Cluster): Promise<void> {
  const { resourceType: resourceTypeFilter, patternType: patternTypeFilter, operation, permissionType } = everything
  const filter = { resourceTypeFilter, patternTypeFilter, operation, permissionType, resourceNameFilter: null, principalFilter: null, hostFilter: null } // biome-ignore format: one line
  await cluster.client.send('controller', deleteAcls, { filters: [filter] })
  await until(async () => (await listed(cluster)).length === 0, 'no entries are left')
}

async function prepare(cluster: Cluster): Promise<void> {
  expect((await cluster.client.admin.createAcls(sourceAcls)).filter((error) => error)).toEqual([])
  await until(async () => (await listed(cluster)).length === sourceAcls.length, 'the source has its entries')
  if (!(await cluster.client.topic('orders', { refresh: true }))) await createTopic(cluster, 'orders')
}

/** `alias` is of the source: by its name MirrorMaker 2 finds the settings of an earlier run at the target. */
const given = (alias: string, source: Cluster, target: Cluster, more: Readonly<Record<string, string>>): Record<string, string> => ({
  clusters: `${alias}, central`,
  [`${alias}.bootstrap.servers`]: source.address,
  'central.bootstrap.servers': target.address,
  [`${alias}->central.enabled`]: 'true',
  'replication.factor': '1',
  ...Object.fromEntries(
    ['offset.storage', 'config.storage', 'status.storage', 'offset-syncs.topic', 'checkpoints.topic', 'heartbeats.topic'].map((what) => [
      `${what}.replication.factor`,
      '1',
    ]),
  ),
  'plugin.discovery': 'service_load',
  ...more,
})

test.each([
  ['us', 'the DefaultReplicationPolicy', {}],
  ['eu', 'topics and a separator', { topics: 'ord.*, pay.*, [*]', 'replication.policy.separator': '--' }],
  ['asia', 'the IdentityReplicationPolicy', { 'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy' }],
])('from %s: %s', async (alias, _, more) => {
  const [us, central] = kafkas.map(({ address }) => connectTo(address)) as [Cluster, Cluster]
  await prepare(us)
  const path = writeProperties(join(folder, `${alias}.properties`), given(alias, us, central, more))
  const mirrorMaker = await launch('MirrorMaker 2', kafkaScript(), ['connect-mirror-maker', path], {
    env: { KAFKA_HEAP_OPTS: '-Xmx256m', KAFKA_LOG_LEVEL: 'WARN' },
    ready: async () => (await listed(central)).length > 0,
  })
  await mirrorMaker.end('SIGTERM')
  const theirs = await listed(central)
  await removeAll(central)

  /** What the target has once the mirror has created as many: fewer is a failure, and more is a difference. */
  const mirrored = async (source: Cluster, target: Cluster) => {
    const mirror = await mirrorOf(given(alias, source, target, more))
    const enough = until(async () => (await listed(target)).length >= theirs.length, `${theirs.length} entries at the target`, 60_000)
    await enough.catch(() => undefined)
    const { state, trace } = mirror.status(`${alias}->central`)
    await mirror.close()
    expect([state, trace]).toEqual(['RUNNING', undefined])
    const found = await listed(target)
    await removeAll(target)
    return found
  }
  expect(await mirrored(us, central)).toEqual(theirs)
  const [oursUs, oursCentral] = ours.map(({ port }) => connectTo(`127.0.0.1:${port}`)) as [Cluster, Cluster]
  await prepare(oursUs)
  expect(await mirrored(oursUs, oursCentral)).toEqual(theirs)
  // The wildcard is one of them.
  expect(theirs.length).toBeGreaterThan(2 * 2 * operations.length)
})
