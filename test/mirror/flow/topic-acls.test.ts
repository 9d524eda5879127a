/**
 * Goal: the mirror gives the target the access control list entries that MirrorMaker 2 gives it, and no others.
 * Method: the pure decision, entry by entry, with both replication policies.
 */
import { describe, expect, test } from 'vitest'
import { type Acl, aclOperations, patternTypes, permissionTypes, resourceTypes } from '../../../core/client/index.ts'
import { targetAcls } from '../../../mirror/flow/topic-acls.ts'
import { createPolicy } from '../../../mirror/policy.ts'
import { parseMirrorSettings, routeOf } from '../../../mirror/settings/mm2-properties.ts'

const route = (more: Readonly<Record<string, string>> = {}) =>
  routeOf(
    parseMirrorSettings({
      clusters: 'us, central',
      'us.bootstrap.servers': 'localhost:1',
      'central.bootstrap.servers': 'localhost:1',
      'us->central.enabled': 'true',
      ...more,
    }).flows[0]!,
  )

const readOrders: Acl = {
  resourceType: resourceTypes.Topic,
  resourceName: 'orders',
  patternType: patternTypes.LITERAL,
  principal: 'User:alice',
  host: '10.0.0.1',
  operation: aclOperations.Read,
  permissionType: permissionTypes.ALLOW,
}
const like = (more: Partial<Acl>): Acl => ({ ...readOrders, ...more })
const names = (acls: readonly Acl[]) => acls.map(({ resourceName }) => resourceName)

describe('the entries of the target', () => {
  test('have the name of the mirrored topic; principal, host, operation and permission are those of the source', () => {
    expect(targetAcls([readOrders], route())).toEqual([like({ resourceName: 'us.orders' })])
    expect(targetAcls([readOrders], route({ 'replication.policy.separator': '_' }))).toEqual([like({ resourceName: 'us_orders' })])
    expect(targetAcls([readOrders], route({ 'replication.policy.class': 'IdentityReplicationPolicy' }))).toEqual([readOrders])
  })

  test('of literal topic names only', () => {
    const others = [
      ...Object.values(resourceTypes).filter((type) => type !== resourceTypes.Topic).map((resourceType) => like({ resourceType })), // biome-ignore format: one line
      like({ patternType: patternTypes.PREFIXED }),
    ]
    expect(targetAcls(others, route())).toEqual([])
  })

  test('nobody is allowed to write; who is denied to write stays so', () => {
    const { ALLOW, DENY } = permissionTypes
    const of = (permissionType: number) =>
      Object.values(aclOperations).flatMap((operation) =>
        targetAcls([like({ operation, permissionType })], route()).map((acl) => [operation, acl.operation]),
      )
    const same = Object.values(aclOperations).map((operation) => [operation, operation])
    expect(of(DENY)).toEqual(same)
    expect(of(ALLOW)).toEqual(
      same
        .filter(([operation]) => operation !== aclOperations.Write)
        .map(([operation, same]) => [operation, operation === aclOperations.All ? aclOperations.Read : same]),
    )
  })

  test('each once', () => {
    const all = like({ operation: aclOperations.All })
    expect(targetAcls([all, readOrders, all], route())).toEqual([like({ resourceName: 'us.orders' })])
  })

  test('of topics that are mirrored, whether they exist or not: the filters, internal topics, cycles, heartbeats', () => {
    const topics = ['orders', 'payments', 'orders.replica', '__consumer_offsets', 'central.orders', 'eu.orders', 'heartbeats', '*']
    const acls = topics.map((resourceName) => like({ resourceName }))
    expect(names(targetAcls(acls, route()))).toEqual(['us.orders', 'us.payments', 'us.eu.orders', 'us.heartbeats', 'us.*'])
    expect(names(targetAcls(acls, route({ topics: 'orders, pay.*' })))).toEqual(['us.orders', 'us.payments', 'us.heartbeats'])
    const none = { topics: 'none', 'heartbeats.replication.enabled': 'false' }
    expect(names(targetAcls(acls, route(none)))).toEqual([])
    const internal = createPolicy({ className: 'DefaultReplicationPolicy', separator: '.', internalSeparatorEnabled: true, sourceAlias: 'us' }) // biome-ignore format: one line
    const ofMirror = [internal.checkpointsTopic('eu'), internal.offsetSyncsTopic('central'), internal.offsetMapTopic('eu')]
    expect(targetAcls(ofMirror.map((resourceName) => like({ resourceName })), route({ 'topics.exclude': '' }))).toEqual([]) // biome-ignore format: one line
  })
})
