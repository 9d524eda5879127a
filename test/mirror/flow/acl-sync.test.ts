/**
 * Goal: access control list entries arrive with their topics, at each interval, and are never removed; a cluster that refuses is logged
 * once with what to do, and the mirror goes on. Method: our brokers with and without an authorizer, a mirror between them.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import deleteAcls from '../../../core/apis/31-delete-acls.ts'
import { type Acl, aclKey, aclOperations, patternTypes, permissionTypes, resourceTypes } from '../../../core/client/index.ts'
import { AclSync } from '../../../mirror/flow/acl-sync.ts'
import { topicAclFilter } from '../../../mirror/flow/topic-acls.ts'
import { parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'
import { brokerInProcess, keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { until } from '../../until.ts'
import { type Cluster, caughtUp, connectTo, createTopic, mirrorOf, properties, write } from '../clusters.ts'

const authorizer = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
const permitted = { 'authorizer.class.name': authorizer, 'super.users': 'User:ANONYMOUS' }
/** ANONYMOUS may do what `allow` grants it. */
const refused = { 'authorizer.class.name': authorizer, 'super.users': 'User:root' }

/** `lines` are of its log, the audit log among them. */
async function clusterWith(settings: Readonly<Record<string, string>>): Promise<Cluster & { lines: LogLine[] }> {
  const broker = await brokerInProcess(settings)
  onTestFinished(() => broker.stop())
  return { ...connectTo(`127.0.0.1:${broker.port}`), lines: broker.lines }
}

const wasAsked = ({ lines }: { lines: LogLine[] }) => lines.some(({ message }) => message.includes('for request = DescribeAcls'))

const acl = (resourceName: string, more: Partial<Acl> = {}): Acl => ({
  ...{ resourceType: resourceTypes.Topic, resourceName, patternType: patternTypes.LITERAL },
  ...{ principal: 'User:alice', host: '*', operation: aclOperations.Read, permissionType: permissionTypes.ALLOW },
  ...more,
})

async function add({ client }: Cluster, ...acls: Acl[]): Promise<void> {
  expect(await client.admin.createAcls(acls)).toEqual(acls.map(() => null))
}

const holds = (cluster: Cluster, ...acls: Acl[]) =>
  until(async () => {
    const found = await cluster.client.admin.describeAcls(topicAclFilter)
    return JSON.stringify(found.map(aclKey).sort()) === JSON.stringify(acls.map(aclKey).sort())
  }, `${acls.length} entries at the target`)

async function remove({ client }: Cluster, { resourceType, resourceName, patternType, principal, host, ...rest }: Acl): Promise<void> {
  const resource = { resourceTypeFilter: resourceType, resourceNameFilter: resourceName, patternTypeFilter: patternType }
  const filter = { ...resource, principalFilter: principal, hostFilter: host, ...rest }
  const { filterResults } = await client.send('controller', deleteAcls, { filters: [filter] })
  expect(filterResults[0]!.matchingAcls).toHaveLength(1)
}

describe('a mirror between clusters with authorizers', () => {
  test('entries arrive with the topic; later ones follow; those of the target are never removed, and created again', async () => {
    const [us, central] = [await clusterWith(permitted), await clusterWith(permitted)]
    await createTopic(us, 'orders')
    await write(us, 'orders', 20)
    await add(us, acl('orders', { operation: aclOperations.All }), acl('orders', { operation: aclOperations.Write }), acl('other'))
    const own = acl('us.orders', { principal: 'User:own', operation: aclOperations.Write })
    await add(central, own)
    const mirror = await mirrorOf(properties(us, central, { topics: 'orders', 'sync.topic.acls.interval.seconds': '1' }))
    await caughtUp(mirror, 'us->central', 20)
    await holds(central, own, acl('us.orders'))

    const later = { principal: 'User:bob', operation: aclOperations.Write, permissionType: permissionTypes.DENY }
    await add(us, acl('orders', later))
    await holds(central, own, acl('us.orders'), acl('us.orders', later))
    expect(wasAsked(us)).toBe(true)
    await remove(us, acl('orders', later))
    await remove(central, acl('us.orders'))
    // The flow is paused, as it is while configs are synced too: entries do not wait for it.
    await mirror.pause('us->central')
    await add(us, acl('orders', { principal: 'User:carol' }))
    await holds(central, own, acl('us.orders'), acl('us.orders', later), acl('us.orders', { principal: 'User:carol' }))
  })

  test('none where sync.topic.acls.enabled is false', async () => {
    const [us, central] = [await clusterWith(permitted), await clusterWith(permitted)]
    await createTopic(us, 'orders')
    await write(us, 'orders', 20)
    await add(us, acl('orders'))
    const off = { topics: 'orders.*', 'sync.topic.acls.enabled': 'false', 'refresh.topics.interval.seconds': '1' }
    const mirror = await mirrorOf(properties(us, central, off))
    await caughtUp(mirror, 'us->central', 20)
    // Periodic tasks run.
    await createTopic(us, 'orders-later')
    await until(async () => (await central.client.topic('us.orders-later', { refresh: true })) !== undefined, 'a topic of a later refresh')
    expect(wasAsked(us)).toBe(false)
    await holds(central)
  })
})

describe('what a cluster refuses', () => {
  /** Syncs between the two, without a mirror around it; `lines` is what it has logged. */
  function syncOf(us: Cluster, central: Cluster): { sync: AclSync; lines: LogLine[]; logged(): string[] } {
    const lines: LogLine[] = []
    const [settings] = parseMirrorSettings(properties(us, central)).flows
    const sync = new AclSync({ settings: settings!, source: us.client, target: central.client, logger: keepingLogger(lines) })
    return { sync, lines, logged: () => lines.splice(0).map(({ level, message }) => `${level}: ${message}`) }
  }
  const hint = 'Change that, or set sync.topic.acls.enabled=false'

  test('no authorizer at the source, none at the target: said once each', async () => {
    const [us, central] = [await clusterWith({}), await clusterWith(permitted)]
    const { sync, logged } = syncOf(us, central)
    await sync.sync()
    await sync.sync()
    expect(logged()).toEqual([`info: topic ACLs are not synced: the cluster has no authorizer (source us). ${hint}`])

    const back = syncOf(central, us)
    await back.sync.sync()
    // Nothing to create, so the target was not asked.
    expect(back.logged()).toEqual([])
    await add(central, acl('orders'))
    await back.sync.sync()
    await back.sync.sync()
    expect(back.logged()).toEqual([`info: topic ACLs are not synced: the cluster has no authorizer (target central). ${hint}`])
  })

  test('no permission at the source, then none at the target: a warning each that says what to grant', async () => {
    const [us, central] = [await clusterWith(refused), await clusterWith(refused)]
    const { sync, lines, logged } = syncOf(us, central)
    const error = (operation: string) => ({
      message: expect.stringContaining(`grant ${operation} on the cluster to the user of this client`),
    })
    await sync.sync()
    await sync.sync()
    expect(lines[0]!.details).toMatchObject({ mirror: 'us->central', cluster: 'us', err: error('DESCRIBE') })
    expect(logged()).toEqual([`warn: topic ACLs are not synced: the cluster does not permit it (source us). ${hint}`])

    // The source changes: it permits what the target does not.
    const other = await clusterWith(permitted)
    await add(other, acl('orders'))
    const next = syncOf(other, central)
    await next.sync.sync()
    await next.sync.sync()
    expect(next.lines[0]!.details).toMatchObject({ cluster: 'central', err: error('ALTER') })
    expect(next.logged()).toEqual([`warn: topic ACLs are not synced: the cluster does not permit it (target central). ${hint}`])
  })

  test('one entry that the target refuses does not keep the others', async () => {
    const [us, central] = [await clusterWith(permitted), await clusterWith(permitted)]
    const { sync, logged } = syncOf({ ...us, client: withUnknownAcl(us.client) }, central)
    await add(us, acl('orders'))
    await expect(sync.sync()).rejects.toThrow('1 of 2 ACLs, such as topic us.newer: Invalid operation UNKNOWN')
    await holds(central, acl('us.orders'))
    expect(logged()).toEqual([])
  })

  /** A source of a later version, with an operation that this one does not know. */
  const withUnknownAcl = (client: Cluster['client']): Cluster['client'] => ({
    ...client,
    admin: Object.assign(Object.create(client.admin), {
      describeAcls: async () => [acl('newer', { operation: 99 }), ...(await client.admin.describeAcls(topicAclFilter))],
    }),
  })

  test('the count is logged when it changes', async () => {
    const [us, central] = [await clusterWith(permitted), await clusterWith(permitted)]
    const { sync, lines } = syncOf(us, central)
    await add(us, acl('orders'))
    await sync.sync()
    await sync.sync()
    await add(us, acl('payments'))
    await sync.sync()
    expect(lines.map(({ level, message, details }) => [level, message, details])).toEqual(
      [1, 2].map((acls) => ['info', 'topic ACLs synced', { mirror: 'us->central', acls }]),
    )
  })
})
