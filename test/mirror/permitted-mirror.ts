/**
 * A mirror whose users have no more permissions than it needs, and a story in which it does all that it can: new topics and partitions,
 * configs, access control lists, heartbeats, checkpoints, group offsets, a restart, a failover. Each step waits for its effect.
 */
import { expect } from 'vitest'
import { type Acl, aclOperations, type Client, patternTypes, permissionTypes, resourceTypes } from '../../core/client/index.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { until } from '../until.ts'
import { type Cluster, caughtUp, createTopic, mirrorOf, properties, write } from './clusters.ts'

type Operation = keyof typeof aclOperations
type Resource = readonly [type: keyof typeof resourceTypes, name: string]

const permissions: Readonly<Record<'source' | 'target', readonly (readonly [...Resource, ...Operation[]])[]>> = {
  source: [
    ['Topic', 'orders', 'Read', 'DescribeConfigs'],
    ['Topic', 'later', 'Read', 'DescribeConfigs'],
    ['Topic', 'heartbeats', 'Read', 'DescribeConfigs'],
    // READ, to continue after a MirrorMaker 2, or after itself.
    ['Topic', 'mm2-offset-syncs.central.internal', 'Create', 'Write', 'Read'],
    ['Group', 'shop', 'Describe'],
    // Of the access control lists.
    ['Cluster', 'kafka-cluster', 'Describe'],
  ],
  target: [
    ['Topic', 'us.orders', 'Create', 'Alter', 'AlterConfigs', 'Write', 'Read'],
    ['Topic', 'us.later', 'Create', 'AlterConfigs', 'Write'],
    ['Topic', 'us.heartbeats', 'Create', 'AlterConfigs', 'Write'],
    ['Topic', 'heartbeats', 'Create', 'Write'],
    ['Topic', 'mm2-offset-map.us.internal', 'Create', 'Write', 'Read'],
    ['Topic', 'mm2-offsets.us.internal', 'Create', 'Write', 'Read'],
    ['Topic', 'us.checkpoints.internal', 'Create', 'Write', 'Read'],
    ['Group', 'shop', 'Read'],
    // Of the access control lists.
    ['Cluster', 'kafka-cluster', 'Alter'],
  ],
}

/** The entries of a user of each side. */
export const aclsOf = (side: keyof typeof permissions, principal: string): Acl[] =>
  permissions[side].flatMap(([type, resourceName, ...operations]) =>
    operations.map((operation) => ({
      ...{ resourceType: resourceTypes[type], resourceName, patternType: patternTypes.LITERAL },
      ...{ principal, host: '*', operation: aclOperations[operation], permissionType: permissionTypes.ALLOW },
    })),
  )

/** A cluster as a user that may do everything sees it, and the listener of the mirror's user. */
export interface GuardedCluster extends Cluster {
  users: string
}

export const MIRROR_PASSWORD = 'mirror-secret'

const login = (alias: string, address: string): Record<string, string> => ({
  [`${alias}.bootstrap.servers`]: address,
  [`${alias}.security.protocol`]: 'SASL_PLAINTEXT',
  [`${alias}.sasl.mechanism`]: 'PLAIN',
  [`${alias}.sasl.jaas.config`]: `${PLAIN_LOGIN_MODULE} required username="mirror" password="${MIRROR_PASSWORD}";`,
})

const everySecond = [
  ...['refresh.topics', 'sync.topic.configs', 'sync.topic.acls', 'emit.checkpoints', 'emit.heartbeats', 'sync.group.offsets'],
].map((name) => [`${name}.interval.seconds`, '1'])

const topicOf = (client: Client, name: string) => client.topic(name, { refresh: true })
const retentionOf = async (client: Client, name: string) =>
  (await client.admin.describeTopicConfigs([name])).get(name)!.find((config) => config.name === 'retention.ms')?.value
const retention = (value: string) => new Map([['orders', [{ name: 'retention.ms', operation: 0 as const, value }]]])
const exists = (cluster: Cluster, name: string) =>
  until(async () => (await topicOf(cluster.client, name)) !== undefined, `${name} exists`, 60_000)

const reader: Acl = {
  ...{ resourceType: resourceTypes.Topic, resourceName: 'orders', patternType: patternTypes.LITERAL },
  ...{ principal: 'User:reader', host: '*', operation: aclOperations.Read, permissionType: permissionTypes.ALLOW },
}

/** `us` is the source, `central` the target. */
export async function tellEverything(us: GuardedCluster, central: GuardedCluster): Promise<void> {
  for (const [{ client }, side] of [[us, 'source'], [central, 'target']] as const) {
    const acls = [...aclsOf(side, 'User:mirror'), ...(side === 'source' ? [reader] : [])]
    expect((await client.admin.createAcls(acls)).filter((error) => error)).toEqual([])
  } // biome-ignore format: one pair a line
  const offsetsOfShop = async () => (await central.client.admin.groupOffsets('shop')).find(({ topic }) => topic === 'us.orders')?.offset
  await createTopic(us, 'orders', 1, { 'retention.ms': '86400000' })
  await createTopic(us, 'heartbeats')
  await write(us, 'heartbeats', 1)
  await write(us, 'orders', 50)
  await us.client.admin.alterGroupOffsets('shop', [{ topic: 'orders', partition: 0, offset: 20 }])
  const given = properties(us, central, {
    ...login('us', us.users),
    ...login('central', central.users),
    topics: 'orders, later',
    ...Object.fromEntries(everySecond),
    'central->us.emit.heartbeats.enabled': 'false',
    'sync.group.offsets.enabled': 'true',
    'offset.flush.interval.ms': '500',
  })
  const first = await mirrorOf(given)
  await caughtUp(first, 'us->central', 50, 60_000)
  expect(await retentionOf(central.client, 'us.orders')).toBe('86400000')
  await us.client.admin.createPartitions('orders', 2)
  await us.client.admin.alterTopicConfigs(retention('90000000'))
  const filter = { ...reader, resourceName: 'us.orders' }
  await until(async () => (await central.client.admin.describeAcls(filter)).length === 1, 'the entry has arrived', 60_000)
  await until(async () => (await topicOf(central.client, 'us.orders'))!.partitions.length === 2, 'the second partition', 60_000)
  await until(async () => (await retentionOf(central.client, 'us.orders')) === '90000000', 'the config is synced', 60_000)
  await until(async () => (await offsetsOfShop()) === 20, 'the offset of the group is committed', 60_000)
  for (const name of ['heartbeats', 'us.heartbeats', 'us.checkpoints.internal', 'mm2-offsets.us.internal']) await exists(central, name)
  const heartbeats = [{ topic: 'us.heartbeats', partition: 0, spec: 'latest' as const }]
  await until(async () => (await central.client.admin.listOffsets(heartbeats))[0]!.offset === 1, 'the heartbeat is mirrored', 60_000)
  await exists(us, 'mm2-offset-syncs.central.internal')
  await first.close()

  await write(us, 'orders', 10, { from: 50 })
  const second = await mirrorOf(given)
  await caughtUp(second, 'us->central', 60, 60_000)
  await createTopic(us, 'later')
  await write(us, 'later', 10)
  await caughtUp(second, 'us->central', 70, 60_000)
  await us.client.admin.alterGroupOffsets('shop', [{ topic: 'orders', partition: 0, offset: 30 }])
  const report = await second.failover('us->central', { groups: 'all', dryRun: false })
  expect(report.groups).toMatchObject([{ group: 'shop', applied: true }])
  expect(await offsetsOfShop()).toBe(30)
  await second.close()
}
