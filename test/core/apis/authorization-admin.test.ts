/**
 * Goal: the APIs that administer a cluster ask the authorizer for what they declare, do nothing that it denies, and answer as Apache Kafka.
 * Method: requests go to the dispatcher of a running broker, with an authorizer that denies what a test says and keeps its questions.
 * Story of core/apis.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import offsetCommit from '../../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../../core/apis/09-offset-fetch.ts'
import createTopics from '../../../core/apis/19-create-topics.ts'
import deleteTopics from '../../../core/apis/20-delete-topics.ts'
import describeConfigs from '../../../core/apis/32-describe-configs.ts'
import alterConfigs from '../../../core/apis/33-alter-configs.ts'
import describeLogDirs from '../../../core/apis/35-describe-log-dirs.ts'
import createPartitions from '../../../core/apis/37-create-partitions.ts'
import deleteGroups from '../../../core/apis/42-delete-groups.ts'
import electLeaders from '../../../core/apis/43-elect-leaders.ts'
import incrementalAlterConfigs from '../../../core/apis/44-incremental-alter-configs.ts'
import alterReassignments from '../../../core/apis/45-alter-partition-reassignments.ts'
import listReassignments from '../../../core/apis/46-list-partition-reassignments.ts'
import offsetDelete from '../../../core/apis/47-offset-delete.ts'
import describeQuotas from '../../../core/apis/48-describe-client-quotas.ts'
import describeScram from '../../../core/apis/50-describe-user-scram-credentials.ts'
import alterScram from '../../../core/apis/51-alter-user-scram-credentials.ts'
import describeQuorum from '../../../core/apis/55-describe-quorum.ts'
import updateFeatures from '../../../core/apis/57-update-features.ts'
import describeCluster from '../../../core/apis/60-describe-cluster.ts'
import unregisterBroker from '../../../core/apis/64-unregister-broker.ts'
import listConfigResources from '../../../core/apis/74-list-config-resources.ts'
import type { AnyServedApi } from '../../../core/apis/define-api.ts'
import type { Peer } from '../../../core/apis/request-context.ts'
import { errorCode } from '../../../core/errors.ts'
import { RequestDispatcher } from '../../../core/network/request-dispatcher.ts'
import type { Action, Authorizer } from '../../../core/security/authorizer.ts'
import type { Api, RequestOf, ResponseOf } from '../../../core/wire/api.ts'
import { Reader } from '../../../core/wire/reader.ts'
import { type Fields, ZERO_UUID } from '../../../core/wire/types.ts'
import { Writer } from '../../../core/wire/writer.ts'
import { adminRequests } from '../../admin-requests.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { encodeRequest } from '../../raw-client.ts'

let running: BrokerInProcess
let ids: Map<string, string>
beforeAll(async () => {
  running = await brokerInProcess()
  const newTopics = ['mine-alice', 'theirs-alice'].map((name) => ({ name, partitions: 1, replicationFactor: 1 }))
  for (const topic of newTopics) await running.broker.cluster.createTopic(topic)
  ids = new Map([...running.broker.cluster.topics()].map(({ name, id }) => [name, id]))
})
afterAll(() => running.stop())

const TOPIC = { errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), errorMessage: 'Topic authorization failed.' }
const GROUP = { errorCode: errorCode('GROUP_AUTHORIZATION_FAILED'), errorMessage: 'Group authorization failed.' }
const CLUSTER = { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), errorMessage: 'Cluster authorization failed.' }
const DONE = { errorCode: 0, errorMessage: null }
/** Where Kafka names the request. */
const needs = (api: AnyServedApi, operation: string) => ({ ...CLUSTER, errorMessage: `Request ${api.name} needs ${operation} permission.` })

const peer: Peer = {
  ...{
    id: '1',
    host: '/127.0.0.1',
    listener: 'PLAINTEXT',
    principal: 'User:alice',
    tokenAuthenticated: false,
    closed: false,
    maxResponseBytes: 1 << 20,
  },
  onClose: () => () => {},
  close: (reason) => {
    throw new Error(reason)
  },
}

/** `Create Topic mine-alice`: a client of the broker who is denied what `denies` says. */
function clientWithout(denies: RegExp) {
  const actions: Action[] = []
  const authorizer: Authorizer = {
    authorize(_, action) {
      actions.push(action)
      const { operation, resourceType, resourceName } = action
      return !denies.test(`${operation} ${resourceType} ${resourceName}`)
    },
    authorizeByResourceType: () => {
      throw new Error('no API that administers a cluster asks for any resource of a type')
    },
  }
  async function ask<Q extends Fields, R extends Fields>(
    api: Api<Q, R>,
    version: number,
    request: RequestOf<Api<Q, R>>,
  ): Promise<ResponseOf<Api<Q, R>>> {
    const dispatcher = new RequestDispatcher([api as AnyServedApi], { ...running.broker, authorizer })
    const pending = dispatcher.read(encodeRequest(api, version, 1, request).subarray(4), peer)
    let response: unknown
    try {
      response = await pending.api.handle(pending)
    } catch (error) {
      response = dispatcher.errorResponse(pending, error)
    }
    const sent = new Writer()
    api.writeResponse(sent, version, response as never)
    return api.readResponse(new Reader(sent.bytes()), version)
  }
  return { ask, actions }
}

const NOTHING = /$^/
const EVERYTHING = /./
const newTopic = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })

test('each API asks for all that it declares', async () => {
  const asked = new Map<string, Set<string>>()
  for (const denied of [NOTHING, EVERYTHING, /^(Create|Delete) Cluster/])
    for (const { api, version, build } of adminRequests) {
      if (denied !== EVERYTHING && api.key === deleteTopics.key) continue
      const client = clientWithout(denied)
      await client.ask(api, version, build('alice', ids) as never)
      const requirements = asked.get(api.name) ?? new Set()
      asked.set(api.name, requirements)
      for (const { operation, resourceType } of client.actions) requirements.add(`${operation} ${resourceType}`)
    }
  const declared = new Map(adminRequests.map(({ api }) => [api.name, (api as AnyServedApi).authorization.toSorted()]))
  // The bits of what is allowed need no declaration.
  asked.set('DescribeCluster', new Set([...asked.get('DescribeCluster')!].filter((requirement) => requirement === 'Describe Cluster')))
  expect(new Map([...asked].map(([name, requirements]) => [name, [...requirements].sort()]))).toEqual(declared)
})

describe('CreateTopics', () => {
  const request = { topics: ['new-a', 'new-b', 'twice', 'twice', '__cluster_metadata'].map(newTopic), validateOnly: true }
  const creation = async (denies: RegExp, version = 7) => {
    const client = clientWithout(denies)
    const { topics } = await client.ask(createTopics, version, request)
    return { byName: new Map(topics.map((topic) => [topic.name, topic])), actions: client.actions }
  }
  test('who may create on the cluster needs nothing on a topic', async () => {
    const { byName, actions } = await creation(/Create Topic/)
    expect([byName.get('new-a'), byName.get('new-b')]).toMatchObject([DONE, DONE])
    expect(actions.some(({ operation, resourceType }) => operation === 'Create' && resourceType === 'Topic')).toBe(false)
  })
  test('a topic that may not be created has its error, and the others their own', async () => {
    const { byName } = await creation(/Create Cluster|Create Topic new-b/)
    expect(byName.get('new-a')).toMatchObject(DONE)
    expect(byName.get('new-b')).toMatchObject({ errorCode: TOPIC.errorCode, errorMessage: 'Authorization failed.' })
    expect(byName.get('twice')).toMatchObject({ errorMessage: 'Duplicate topic name.' })
    expect(byName.get('__cluster_metadata')).toMatchObject({ errorMessage: 'Creation of internal topic __cluster_metadata is prohibited.' })
  })
  test('configs are shown to who may describe them', async () => {
    const { byName } = await creation(/DescribeConfigs Topic new-b/)
    expect(byName.get('new-a')).toMatchObject({ topicConfigErrorCode: 0, numPartitions: 1, replicationFactor: 1 })
    expect(byName.get('new-a')!.configs!.length).toBeGreaterThan(0)
    const hidden = { topicConfigErrorCode: TOPIC.errorCode, numPartitions: -1, replicationFactor: -1, configs: [] }
    expect(byName.get('new-b')).toMatchObject({ ...DONE, ...hidden })
  })
  test('what is denied is not created, and does not count', async () => {
    const client = clientWithout(/Create (Cluster|Topic theirs-new)/)
    const large = { ...newTopic('theirs-new'), numPartitions: 20_000 }
    const { topics } = await client.ask(createTopics, 7, { topics: [large, newTopic('mine-new')], validateOnly: false })
    expect(new Map(topics.map(({ name, errorCode: code }) => [name, code]))).toEqual(
      new Map([
        ['theirs-new', TOPIC.errorCode],
        ['mine-new', 0],
      ]),
    )
    expect([running.broker.cluster.topic('theirs-new'), running.broker.cluster.topic('mine-new')]).toMatchObject([undefined, {}])
  })
  test('the audit log has no line for the wider permission that is denied', async () => {
    const { actions } = await creation(EVERYTHING)
    const quiet = (operation: string) => actions.filter((action) => action.operation === operation).map(({ logIfDenied }) => logIfDenied)
    expect(actions[0]).toMatchObject({ operation: 'Create', resourceType: 'Cluster', logIfAllowed: true, logIfDenied: false })
    expect(quiet('Create')).toEqual([false, true, true])
    expect(quiet('DescribeConfigs')).toEqual([false, false])
  })
})

describe('DeleteTopics', () => {
  const removal = async (denies: RegExp, topics: { name: string | null; topicId: string }[]) => {
    const client = clientWithout(denies)
    const { responses } = await client.ask(deleteTopics, 6, { topics, timeoutMs: 1000 })
    return responses
  }
  const named = (name: string) => ({ name, topicId: ZERO_UUID })
  const byId = (name: string) => ({ name: null, topicId: ids.get(name)! })
  const withId = (name: string) => ({ name, topicId: ids.get(name)! })

  test('who may not describe a topic does not learn whether it exists', async () => {
    const responses = await removal(/Delete Cluster|(Describe|Delete) Topic/, [named('mine-alice'), named('nowhere')])
    expect(responses).toEqual([
      { ...named('mine-alice'), ...TOPIC },
      { ...named('nowhere'), ...TOPIC },
    ])
  })
  test('who may describe it learns that it does not exist', async () => {
    const responses = await removal(/Delete (Cluster|Topic)/, [named('mine-alice'), named('nowhere')])
    const unknown = { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage: 'This server does not host this topic-partition.' }
    expect(responses).toEqual([
      { ...named('mine-alice'), ...TOPIC },
      { ...named('nowhere'), ...unknown },
    ])
  })
  test('an id has the name of its topic for who may describe it', async () => {
    const request = [byId('mine-alice'), byId('theirs-alice')]
    expect(await removal(/Delete (Cluster|Topic)|Describe Topic theirs/, request)).toEqual([
      { ...withId('mine-alice'), ...TOPIC },
      { ...byId('theirs-alice'), ...TOPIC },
    ])
  })
  test('a topic that is named and given by its id is not deleted', async () => {
    const responses = await removal(NOTHING, [named('mine-alice'), byId('mine-alice')])
    const errorMessage = 'The provided topic name maps to an ID that was already supplied.'
    expect(responses).toEqual([{ ...withId('mine-alice'), errorCode: errorCode('INVALID_REQUEST'), errorMessage }])
    expect(running.broker.cluster.topic('mine-alice')).toBeDefined()
  })
  test('each permission is enough to delete', async () => {
    for (const [name, denies] of [
      ['by-cluster', /Topic/],
      ['by-topic', /Delete Cluster/],
    ] as const) {
      await running.broker.cluster.createTopic({ name, partitions: 1, replicationFactor: 1 })
      expect(await removal(denies, [named(name)])).toMatchObject([{ name, ...DONE }])
      expect(running.broker.cluster.topic(name)).toBeUndefined()
    }
  })
  test('the audit log has no line where Delete on the cluster is denied', async () => {
    const client = clientWithout(EVERYTHING)
    await client.ask(deleteTopics, 6, { topics: [named('mine-alice')], timeoutMs: 1000 })
    expect(client.actions[0]).toMatchObject({ operation: 'Delete', resourceType: 'Cluster', logIfDenied: false })
    expect(client.actions.slice(1)).toMatchObject([{ operation: 'Describe' }, { operation: 'Delete' }])
  })
  test('where topics cannot be deleted nobody is asked', async () => {
    const fixed = await brokerInProcess({ 'delete.topic.enable': 'false' })
    try {
      const client = await fixed.client()
      const errorMessage = 'Topic deletion is disabled.'
      const [before, after] = [
        await client.send(deleteTopics, 1, { topicNames: ['nowhere'], timeoutMs: 1000 }),
        await client.send(deleteTopics, 5, { topicNames: ['nowhere'], timeoutMs: 1000 }),
      ]
      expect(before.responses).toMatchObject([{ errorCode: errorCode('INVALID_REQUEST') }])
      expect(after.responses).toMatchObject([{ errorCode: errorCode('TOPIC_DELETION_DISABLED'), errorMessage }])
    } finally {
      await fixed.stop()
    }
  })
})

describe('configs', () => {
  const resources = [
    { resourceType: 2, resourceName: 'mine-alice', name: 'retention.ms', value: '1000', denied: /Configs Topic mine-alice/, error: TOPIC },
    { resourceType: 4, resourceName: '1', name: 'log.retention.ms', value: 'x', denied: /Configs Cluster/, error: CLUSTER },
    { resourceType: 16, resourceName: 's', name: 'interval.ms', value: '1000', denied: /Configs Cluster/, error: CLUSTER },
    { resourceType: 32, resourceName: 'g', name: 'consumer.session.timeout.ms', value: '45000', denied: /Configs Group g/, error: GROUP },
  ]
  test.each(resources)('of type $resourceType', async ({ resourceType, resourceName, name, value, denied, error }) => {
    const { ask } = clientWithout(denied)
    const resource = { resourceType, resourceName }
    const described = await ask(describeConfigs, 4, { resources: [{ ...resource, configurationKeys: null }], includeSynonyms: true })
    expect(described.results).toEqual([{ ...resource, ...error, configs: [] }])
    const replaced = await ask(alterConfigs, 2, { resources: [{ ...resource, configs: [{ name, value }] }], validateOnly: false })
    const configs = [{ name, configOperation: 0, value }]
    const altered = await ask(incrementalAlterConfigs, 1, { resources: [{ ...resource, configs }], validateOnly: false })
    expect([...replaced.responses, ...altered.responses]).toEqual([
      { ...resource, ...error },
      { ...resource, ...error },
    ])
    expect(running.broker.cluster.topic('mine-alice')!.configs).toEqual({})
    expect([...running.broker.cluster.configResources(resourceType)]).not.toContain(resourceName === '1' ? '' : resourceName)
  })
  test('of loggers: as Kafka, without a message', async () => {
    const { ask } = clientWithout(/Configs Cluster/)
    const resource = { resourceType: 8, resourceName: '1' }
    const described = await ask(describeConfigs, 4, { resources: [{ ...resource, configurationKeys: null }], includeSynonyms: true })
    expect(described.results).toMatchObject([CLUSTER])
    const configs = [{ name: 'root', configOperation: 0, value: 'DEBUG' }]
    const altered = await ask(incrementalAlterConfigs, 1, { resources: [{ ...resource, configs }], validateOnly: false })
    expect(altered.responses).toEqual([{ ...resource, errorCode: CLUSTER.errorCode, errorMessage: null }])
  })
  test('one that is denied does not keep others from their change', async () => {
    const { ask } = clientWithout(/AlterConfigs Topic theirs/)
    const configs = [{ name: 'retention.ms', configOperation: 0, value: '60000' }]
    const both = ['theirs-alice', 'mine-alice'].map((resourceName) => ({ resourceType: 2, resourceName, configs }))
    const { responses } = await ask(incrementalAlterConfigs, 1, { resources: both, validateOnly: false })
    expect(responses).toMatchObject([TOPIC, DONE])
    const { cluster } = running.broker
    expect([cluster.topic('theirs-alice')!.configs, cluster.topic('mine-alice')!.configs]).toEqual([{}, { 'retention.ms': '60000' }])
  })
  test('a type that does not exist fails the whole description, before anybody is asked for it', async () => {
    const { ask } = clientWithout(EVERYTHING)
    const both = [2, 99].map((resourceType) => ({ resourceType, resourceName: 'mine-alice', configurationKeys: null }))
    const { results } = await ask(describeConfigs, 4, { resources: both, includeSynonyms: false })
    expect(results.map(({ errorCode: code }) => code)).toEqual([errorCode('INVALID_REQUEST'), errorCode('INVALID_REQUEST')])
  })
  test('what makes no sense has its error before anybody is asked', async () => {
    const client = clientWithout(EVERYTHING)
    const resource = (names: string[], value: string | null) => ({
      ...{ resourceType: 2, resourceName: `of-${names.length}` },
      configs: names.map((name) => ({ name, configOperation: 0, value })),
    })
    const asked = { resources: [resource(['a', 'a'], 'x'), resource(['a'], null)], validateOnly: true }
    const { responses } = await client.ask(incrementalAlterConfigs, 1, asked)
    expect(responses).toMatchObject([
      { errorMessage: 'Error due to duplicate config keys' },
      { errorMessage: 'Null value not supported for : a' },
    ])
    expect(client.actions).toEqual([])
  })
})

test('CreatePartitions: each topic on its own', async () => {
  const { ask } = clientWithout(/Alter Topic theirs/)
  const topics = ['mine-alice', 'theirs-alice', 'twice', 'twice'].map((name) => ({ name, count: 3, assignments: null }))
  const { results } = await ask(createPartitions, 3, { topics, timeoutMs: 1000, validateOnly: true })
  expect(results).toEqual([
    { name: 'mine-alice', ...DONE },
    { name: 'theirs-alice', errorCode: TOPIC.errorCode, errorMessage: null },
    { name: 'twice', errorCode: errorCode('INVALID_REQUEST'), errorMessage: 'Duplicate topic name.' },
  ])
})

test('DeleteGroups: each group on its own, and those that are denied stay', async () => {
  const client = await running.client()
  const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
  for (const groupId of ['mine', 'theirs']) {
    const commit = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: 'theirs-alice', partitions }] }
    expect((await client.send(offsetCommit, 8, commit)).topics).toMatchObject([{ partitions: [{ errorCode: 0 }] }])
  }
  const groupsNames = ['mine', 'theirs', 'nowhere', 'theirs']
  const { results } = await clientWithout(/Delete Group theirs/).ask(deleteGroups, 2, { groupsNames })
  expect(results).toEqual([
    { groupId: 'mine', errorCode: 0 },
    { groupId: 'nowhere', errorCode: errorCode('GROUP_ID_NOT_FOUND') },
    { groupId: 'theirs', errorCode: GROUP.errorCode },
  ])
  expect((await client.send(deleteGroups, 2, { groupsNames: ['theirs'] })).results).toEqual([{ groupId: 'theirs', errorCode: 0 }])
})

test('OffsetDelete: the group first, then each topic', async () => {
  const client = await running.client()
  const groupId = 'group-of-offsets'
  const commits = ['mine-alice', 'theirs-alice'].map((name) => ({
    name,
    partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }],
  }))
  await client.send(offsetCommit, 8, { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: commits })
  const fetched = async () => {
    const { groups } = await client.send(offsetFetch, 8, { groups: [{ groupId, topics: null }] })
    return groups[0]!.topics.map(({ name }) => name).sort()
  }
  const topics = ['mine-alice', 'theirs-alice', 'nowhere'].map((name) => ({
    name,
    partitions: [0, 1].map((partitionIndex) => ({ partitionIndex })),
  }))
  const error = { errorCode: GROUP.errorCode, throttleTimeMs: 0, topics: [] }
  expect(await clientWithout(/Delete Group/).ask(offsetDelete, 0, { groupId, topics })).toEqual(error)
  const missing = { ...error, errorCode: errorCode('GROUP_ID_NOT_FOUND') }
  expect(await clientWithout(/Read Topic/).ask(offsetDelete, 0, { groupId: 'nowhere', topics })).toEqual(missing)
  expect(await fetched()).toEqual(['mine-alice', 'theirs-alice'])
  const response = await clientWithout(/Read Topic theirs/).ask(offsetDelete, 0, { groupId, topics })
  const [denied, unknown] = [TOPIC.errorCode, errorCode('UNKNOWN_TOPIC_OR_PARTITION')]
  expect(response).toMatchObject({ errorCode: 0 })
  expect(response.topics.map(({ name, partitions }) => [name, ...partitions.map(({ errorCode: code }) => code)])).toEqual([
    ['mine-alice', 0, unknown],
    ['theirs-alice', denied, denied],
    ['nowhere', unknown, unknown],
  ])
  expect(await fetched()).toEqual(['theirs-alice'])
})

describe('what is asked of the cluster', () => {
  test('DescribeLogDirs: no directories; before v3 there is no field for the error', async () => {
    const { ask } = clientWithout(/Describe Cluster/)
    expect(await ask(describeLogDirs, 1, { topics: null })).toMatchObject({ results: [] })
    expect(await ask(describeLogDirs, 3, { topics: null })).toMatchObject({ errorCode: CLUSTER.errorCode, results: [] })
  })
  test('ElectLeaders, AlterPartitionReassignments: the error is at each partition', async () => {
    const { ask } = clientWithout(/Alter Cluster/)
    const error = needs(electLeaders, 'ALTER')
    const elected = await ask(electLeaders, 2, { electionType: 0, topicPartitions: [{ topic: 'mine-alice', partitions: [0, 1] }] })
    const partitionResult = [0, 1].map((partitionId) => ({ partitionId, ...error }))
    expect(elected).toMatchObject({
      errorCode: error.errorCode,
      replicaElectionResults: [{ topic: 'mine-alice', partitionResult }],
    })
    const topics = [{ name: 'mine-alice', partitions: [{ partitionIndex: 0, replicas: null }] }]
    const moved = needs(alterReassignments, 'ALTER')
    const partitions = [{ partitionIndex: 0, ...moved }]
    expect(await ask(alterReassignments, 1, { topics })).toMatchObject({ ...moved, responses: [{ name: 'mine-alice', partitions }] })
  })
  test('SCRAM users', async () => {
    const users = [{ name: 'alice' }]
    const described = await clientWithout(/Describe Cluster/).ask(describeScram, 0, { users })
    const unnamed = { user: '', errorCode: CLUSTER.errorCode, errorMessage: null, credentialInfos: [] }
    expect(described).toMatchObject({ errorCode: CLUSTER.errorCode, errorMessage: null, results: [unnamed] })
    expect(await clientWithout(/Describe Cluster/).ask(describeScram, 0, { users: null })).toMatchObject({ errorCode: 31, results: [] })
    const [salt, saltedPassword] = [Buffer.from('salt'), Buffer.alloc(32)]
    const upsertions = [{ name: 'alice', mechanism: 1, iterations: 4096, salt, saltedPassword }]
    const deletions = [{ name: 'bob', mechanism: 1 }]
    const altered = await clientWithout(/Alter Cluster/).ask(alterScram, 0, { deletions, upsertions })
    const error = needs(alterScram, 'ALTER')
    expect(altered.results).toEqual([
      { user: 'bob', ...error },
      { user: 'alice', ...error },
    ])
    expect([...running.broker.cluster.scramCredentials()]).toEqual([])
  })
  test('DescribeCluster: the brokers are for everybody, what is allowed is not', async () => {
    const operations = async (denies: RegExp, includeClusterAuthorizedOperations = true) =>
      clientWithout(denies).ask(describeCluster, 2, { includeClusterAuthorizedOperations })
    expect(await operations(/ Cluster/)).toMatchObject({ errorCode: 0, brokers: [{}], clusterAuthorizedOperations: 0 })
    expect((await operations(/^(Alter|Create) Cluster/)).clusterAuthorizedOperations).toBe(8096 - (1 << 7) - (1 << 5))
    expect((await operations(EVERYTHING, false)).clusterAuthorizedOperations).toBe(-2147483648)
  })
  test('the others', async () => {
    const without = (operation: string) => clientWithout(new RegExp(`^${operation} Cluster`))
    const { errorCode: code } = CLUSTER
    expect(await without('Describe').ask(listReassignments, 0, { topics: null })).toMatchObject({
      ...needs(listReassignments, 'DESCRIBE'),
      topics: [],
    })
    expect(await without('DescribeConfigs').ask(describeQuotas, 1, { components: [], strict: false })).toMatchObject({
      ...{ errorCode: code, errorMessage: null, entries: null },
    })
    const asked = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }
    expect(await without('Describe').ask(describeQuorum, 2, asked)).toMatchObject({ ...CLUSTER, topics: [], nodes: [] })
    const featureUpdates = [{ feature: 'transaction.version', maxVersionLevel: 1, upgradeType: 2 }]
    expect(await without('Alter').ask(updateFeatures, 2, { featureUpdates })).toMatchObject(needs(updateFeatures, 'ALTER'))
    expect(running.broker.cluster.finalizedFeature('transaction.version')).toBe(2)
    expect(await without('Alter').ask(unregisterBroker, 0, { brokerId: 9 })).toMatchObject(needs(unregisterBroker, 'ALTER'))
    expect(await without('DescribeConfigs').ask(listConfigResources, 1, { resourceTypes: [] })).toMatchObject({
      ...{ errorCode: code, configResources: [] },
    })
  })
})
