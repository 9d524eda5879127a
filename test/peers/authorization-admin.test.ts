/**
 * Goal: the APIs that administer a cluster ask for the permissions that Apache Kafka asks for, and answer who lacks them as it does.
 * Method: users with one entry, with all but one, and with one denied, for each operation on each type of resource, by name, prefix and
 * wildcard; each sends the same requests to both brokers, and whole responses are compared.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import { errorName } from '../../core/errors.ts'
import { CLUSTER_NAME } from '../../core/security/authorizer.ts'
import { adminRequests, responseOf } from '../admin-requests.ts'
import { until } from '../until.ts'
import { type AuthorizedPeer, type AuthorizedPeers, type Entry, startAuthorizedPeers, type Users } from './authorized-peers.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const operations = {
  Cluster: ['Create', 'Delete', 'Alter', 'Describe', 'ClusterAction', 'DescribeConfigs', 'AlterConfigs', 'All'],
  Topic: ['Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs', 'AlterConfigs', 'All'],
  Group: ['Read', 'Delete', 'Describe', 'DescribeConfigs', 'AlterConfigs', 'All'],
} as const
type ResourceType = keyof typeof operations

const entry = (permission: Entry['permission'], operation: Entry['operation'], resourceType: ResourceType, name: string): Entry => ({
  permission,
  operation,
  resourceType,
  name: name.endsWith('%') ? name.slice(0, -1) : name,
  pattern: name.endsWith('%') ? 'Prefixed' : 'Literal',
})
const allow = (operation: Entry['operation'], type: ResourceType, name: string) => entry('Allow', operation, type, name)
const deny = (operation: Entry['operation'], type: ResourceType, name: string) => entry('Deny', operation, type, name)
/** What a user may ask about by name: it exists, and it does not. */
const namesOf = (user: string, type: ResourceType) => (type === 'Cluster' ? [CLUSTER_NAME] : [`mine-${user}`, `mine-new-${user}`])
const everything = (Object.keys(operations) as ResourceType[]).map((type) => allow('All', type, type === 'Cluster' ? CLUSTER_NAME : '*'))

/** Names of users are words: the file of the broker has them. */
function usersOf(type: ResourceType): Users {
  const users: Record<string, Entry[]> = {}
  const each = (user: string, entries: (name: string) => Entry[]) => {
    users[user] = namesOf(user, type).flatMap(entries)
  }
  for (const operation of operations[type]) {
    const user = (kind: string) => `${type}_${kind}_${operation}`
    each(user('only'), (name) => [allow(operation, type, name)])
    const others = operations[type].filter((other) => other !== operation && other !== 'All')
    each(user('except'), (name) => others.map((other) => allow(other, type, name)))
    each(user('denied'), (name) => [...everything, deny(operation, type, name)])
    if (type === 'Cluster') continue
    users[user('prefix')] = [allow(operation, type, 'mine-%')]
    users[user('wildcard')] = [allow(operation, type, '*')]
    users[user('denied_prefix')] = [...everything, deny(operation, type, 'mine-%')]
  }
  return users
}

const users: Users = { nobody: [], everybody: everything, ...usersOf('Cluster'), ...usersOf('Topic'), ...usersOf('Group') }
const topics = Object.keys(users).flatMap((user) => [`mine-${user}`, `theirs-${user}`])

let peers: AuthorizedPeers
/** By name. */
const topicIds = new Map<AuthorizedPeer, ReadonlyMap<string, string>>()

async function prepare(peer: AuthorizedPeer): Promise<void> {
  const { admin } = peer
  const newTopics = [...topics, 'shared'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }))
  const created = await admin.send(createTopics, 7, { topics: newTopics, validateOnly: false, timeoutMs: 60_000 })
  expect(created.topics.filter(({ errorCode }) => errorCode !== 0)).toEqual([])
  await until(async () => {
    const { coordinators } = await admin.send(findCoordinator, 4, { keyType: 0, coordinatorKeys: ['shared'] })
    return coordinators[0]!.errorCode === 0
  }, `${peer.name} has a coordinator`)
  for (const groupId of topics) {
    const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
    const commit = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: 'shared', partitions }] }
    await until(async () => {
      const committed = await admin.send(offsetCommit, 8, commit)
      return committed.topics[0]!.partitions[0]!.errorCode === 0
    }, `${groupId} has committed`)
  }
  const all = await admin.send(metadata, 12, { topics: null })
  topicIds.set(peer, new Map(all.topics.map(({ name, topicId }) => [name!, topicId])))
}

beforeAll(async () => {
  peers = await startAuthorizedPeers(users, { 'offsets.topic.num.partitions': '5' })
  await Promise.all([prepare(peers.ours), prepare(peers.kafka)])
})
afterAll(() => peers?.stop())

test('values for a broker are validated for who may alter them; Kafka validates them for everybody', async () => {
  const configs = [{ name: 'log.retention.ms', configOperation: 0, value: 'x' }]
  const request = { resources: [{ resourceType: 4, resourceName: '1', configs }], validateOnly: true }
  const errorsFor = async (user: string) =>
    Promise.all(
      [peers.ours, peers.kafka].map(async (peer) => {
        const { responses } = await (await peer.as(user)).send(incrementalAlterConfigs, 1, request)
        return errorName(responses[0]!.errorCode)
      }),
    )
  expect(await errorsFor('everybody')).toEqual(['INVALID_REQUEST', 'INVALID_REQUEST'])
  expect(await errorsFor('nobody')).toEqual(['CLUSTER_AUTHORIZATION_FAILED', 'INVALID_REQUEST'])
})

test.each(Object.keys(users))('%s', async (user) => {
  for (const { api, version, build } of adminRequests) {
    const ask = async (peer: AuthorizedPeer) => {
      const ids = topicIds.get(peer)!
      return responseOf(await peer.as(user), api, version, build(user, ids), ids)
    }
    const [mine, theirs] = await Promise.all([ask(peers.ours), ask(peers.kafka)])
    expect.soft(mine, `${api.name} v${version}`).toEqual(theirs)
  }
})
