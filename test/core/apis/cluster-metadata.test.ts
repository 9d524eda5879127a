/**
 * Goal: the APIs that show and change the metadata of the cluster respond as Apache Kafka's broker does: the quorum, feature levels,
 * quotas, SCRAM users, config resources, log directories, registrations. Method: requests to a broker whose metadata log has them.
 * Story of core/apis.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../../core/apis/03-metadata.ts'
import describeLogDirs from '../../../core/apis/35-describe-log-dirs.ts'
import describeQuotas from '../../../core/apis/48-describe-client-quotas.ts'
import alterQuotas from '../../../core/apis/49-alter-client-quotas.ts'
import describeScram from '../../../core/apis/50-describe-user-scram-credentials.ts'
import describeQuorum from '../../../core/apis/55-describe-quorum.ts'
import updateFeatures from '../../../core/apis/57-update-features.ts'
import unregisterBroker from '../../../core/apis/64-unregister-broker.ts'
import listConfigResources from '../../../core/apis/74-list-config-resources.ts'
import { errorCode } from '../../../core/errors.ts'
import { encodeMetadataRecord, type NewMetadataRecord, recordVersion } from '../../../core/wire/metadata-records.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import type { RawClient } from '../../raw-client.ts'

const key = Buffer.from('key')
const quota = (entity: { entityType: string; entityName: string | null }[], value: number) =>
  ({ type: 'ClientQuotaRecord', entity, key: 'producer_byte_rate', value, remove: false }) as const
const kept: NewMetadataRecord[] = [
  { type: 'UserScramCredentialRecord', name: 'alice', mechanism: 1, salt: key, storedKey: key, serverKey: key, iterations: 4096 },
  { type: 'UserScramCredentialRecord', name: 'alice', mechanism: 2, salt: key, storedKey: key, serverKey: key, iterations: 8192 },
  quota([{ entityType: 'user', entityName: 'alice' }], 1),
  quota([{ entityType: 'user', entityName: null }], 2),
  quota(
    [
      { entityType: 'user', entityName: 'alice' },
      { entityType: 'client-id', entityName: 'app' },
    ],
    3,
  ),
  { type: 'ConfigRecord', resourceType: 16, resourceName: 'subscription', name: 'interval.ms', value: '1000' },
]

let server: BrokerInProcess
let client: RawClient
beforeAll(async () => {
  server = await brokerInProcess()
  await server.broker.cluster.createTopic({ name: 'orders', partitions: 2, replicationFactor: 1 })
  const values = kept.map((record) => encodeMetadataRecord(record, recordVersion(record.type, 30)))
  const batch = encodeBatch(values.map((value) => ({ key: null, value, timestamp: 1 })))
  await server.broker.logs.get('__cluster_metadata', 0)!.append(batch, 'coordinator').durable
  await server.restart()
  client = await server.client()
})
afterAll(() => server.stop())

test('DescribeQuorum: this node leads and votes alone', async () => {
  const ask = (topicName: string) => client.send(describeQuorum, 2, { topics: [{ topicName, partitions: [{ partitionIndex: 0 }] }] })
  const { topics, nodes } = await ask('__cluster_metadata')
  const [partition] = topics[0]!.partitions
  expect(partition).toMatchObject({ errorCode: 0, leaderId: 1, leaderEpoch: 2, observers: [] })
  expect(partition!.highWatermark).toBe(partition!.currentVoters[0]!.logEndOffset)
  expect(partition!.currentVoters).toMatchObject([{ replicaId: 1, replicaDirectoryId: server.broker.logs.metadataDirectory.id }])
  expect(nodes).toMatchObject([{ nodeId: 1, listeners: [{ name: 'CONTROLLER' }] }])
  expect((await ask('orders')).topics[0]!.partitions[0]!.errorCode).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'))
})

test('UpdateFeatures: validated, refused, done', async () => {
  const ask = (maxVersionLevel: number, upgradeType: number, validateOnly: boolean) =>
    client.send(updateFeatures, 1, { featureUpdates: [{ feature: 'transaction.version', maxVersionLevel, upgradeType }], validateOnly })
  const level = () => server.broker.cluster.finalizedFeature('transaction.version')
  expect(await ask(3, 1, false)).toMatchObject({ errorCode: errorCode('INVALID_UPDATE_VERSION') })
  expect([await ask(1, 2, true), level()]).toMatchObject([{ errorCode: 0, results: [{ feature: 'transaction.version', errorCode: 0 }] }, 2])
  expect([await ask(1, 2, false), level()]).toMatchObject([{ errorCode: 0 }, 1])
  expect([await ask(2, 1, false), level()]).toMatchObject([{ errorCode: 0 }, 2])
})

test('UnregisterBroker: other ids are not registered, and the broker that runs stays', async () => {
  const ask = (brokerId: number) => client.send(unregisterBroker, 0, { brokerId })
  const unknown = (brokerId: number) => ({
    errorCode: errorCode('BROKER_ID_NOT_REGISTERED'),
    errorMessage: `Broker ID ${brokerId} is not currently registered`,
  })
  expect([await ask(9), await ask(-1)]).toMatchObject([unknown(9), unknown(-1)])
  expect(await ask(1)).toMatchObject({ errorCode: errorCode('POLICY_VIOLATION'), errorMessage: expect.stringContaining('stop it instead') })
})

describe('DescribeClientQuotas', () => {
  const ask = (components: { entityType: string; matchType: number; match: string | null }[], strict: boolean) =>
    client.send(describeQuotas, 1, { components, strict })
  const user = (matchType: number, match: string | null = null) => ({ entityType: 'user', matchType, match })
  test.each([
    ['all', [], false, [1, 2, 3]],
    ['of a user', [user(0, 'alice')], false, [1, 3]],
    ['of a user alone', [user(0, 'alice')], true, [1]],
    ['of the default', [user(1)], true, [2]],
    ['of any user', [user(2)], false, [1, 2, 3]],
    ['of a user and a client id', [user(0, 'alice'), { entityType: 'client-id', matchType: 2, match: null }], true, [3]],
    ['of nobody', [user(0, 'bob')], false, []],
  ])('%s', async (_, components, strict, expected) => {
    const { errorCode: code, entries } = await ask(components, strict)
    expect([code, entries?.map(({ values }) => values[0]!.value)]).toEqual([0, expected])
  })
  test('a filter that makes no sense', async () => {
    expect(await ask([user(0)], false)).toMatchObject({ errorCode: errorCode('INVALID_REQUEST'), entries: null })
    expect(await ask([user(2), user(2)], false)).toMatchObject({ errorMessage: expect.stringContaining('more than once') })
    expect(await ask([{ entityType: 'group', matchType: 2, match: null }], false)).toMatchObject({
      errorCode: errorCode('UNSUPPORTED_VERSION'),
    })
  })
})

test('DescribeUserScramCredentials: without their keys', async () => {
  const credentialInfos = [
    { mechanism: 1, iterations: 4096 },
    { mechanism: 2, iterations: 8192 },
  ]
  const all = await client.send(describeScram, 0, { users: null })
  expect(all.results).toEqual([{ user: 'alice', errorCode: 0, errorMessage: '', credentialInfos }])
  const some = await client.send(describeScram, 0, { users: [{ name: 'alice' }, { name: 'bob' }, { name: 'eve' }, { name: 'eve' }] })
  expect(some.results.map(({ user, errorCode: code }) => [user, code])).toEqual([
    ['alice', 0],
    ['bob', errorCode('RESOURCE_NOT_FOUND')],
    ['eve', errorCode('DUPLICATE_RESOURCE')],
  ])
})

test('ListConfigResources: of all types, of one, of an unknown one, and of v0', async () => {
  const ask = (resourceTypes: number[]) => client.send(listConfigResources, 1, { resourceTypes })
  expect((await ask([])).configResources).toEqual([
    { resourceName: 'orders', resourceType: 2 },
    { resourceName: '1', resourceType: 4 },
    { resourceName: '1', resourceType: 8 },
    { resourceName: 'subscription', resourceType: 16 },
  ])
  expect((await ask([2])).configResources).toEqual([{ resourceName: 'orders', resourceType: 2 }])
  expect((await ask([3])).errorCode).toBe(errorCode('UNSUPPORTED_VERSION'))
  expect((await client.send(listConfigResources, 0, {})).configResources).toMatchObject([{ resourceName: 'subscription' }])
})

test('DescribeLogDirs: the partitions of a directory and the space of its volume', async () => {
  const all = await client.send(describeLogDirs, 4, { topics: null })
  expect(all.results).toMatchObject([{ errorCode: 0, logDir: server.dir, topics: [{ name: 'orders' }] }])
  expect(all.results[0]!.topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex).sort()).toEqual([0, 1])
  expect(all.results[0]!.usableBytes).toBeGreaterThan(0)
  const one = await client.send(describeLogDirs, 4, { topics: [{ topic: 'orders', partitions: [1] }] })
  expect(one.results[0]!.topics).toMatchObject([{ name: 'orders', partitions: [{ partitionIndex: 1, offsetLag: 0, isFutureKey: false }] }])
})

describe('AlterClientQuotas', () => {
  const entity = [{ entityType: 'client-id', entityName: 'altered' }]
  const alter = (value: number | null, validateOnly = false) =>
    client.send(alterQuotas, 1, {
      entries: [{ entity, ops: [{ key: 'controller_mutation_rate', value: value ?? 0, remove: value === null }] }],
      validateOnly,
    })
  const stored = async () => {
    const components = [{ entityType: 'client-id', matchType: 0, match: 'altered' }]
    return (await client.send(describeQuotas, 1, { components, strict: true })).entries
  }

  test('sets, validates only, refuses and removes; who listens is told of changes alone', async () => {
    let changes = 0
    const unsubscribe = server.broker.cluster.onClientQuotasChanged(() => changes++)
    expect(await alter(0.25)).toMatchObject({ throttleTimeMs: 0, entries: [{ errorCode: 0, errorMessage: null, entity }] })
    expect(await stored()).toMatchObject([{ entity, values: [{ key: 'controller_mutation_rate', value: 0.25 }] }])
    await alter(7, true)
    const refused = {
      errorCode: errorCode('INVALID_REQUEST'),
      errorMessage: 'Quota controller_mutation_rate must be greater than 0',
      entity,
    }
    expect((await alter(-1)).entries).toEqual([refused])
    await alter(0.25)
    expect([(await stored())![0]!.values[0]!.value, changes]).toEqual([0.25, 1])
    await alter(null)
    expect([await stored(), changes]).toEqual([[], 2])
    unsubscribe()
    await alter(1)
    await alter(null)
    expect(changes).toBe(2)
  })

  test('a client over its quota has no topic created by Metadata', async () => {
    await alter(0.1)
    const ask = (name: string, clientId: string) =>
      client.send(metadata, 12, { topics: [{ name, topicId: ZERO_UUID }], allowAutoTopicCreation: true }, clientId)
    const errorsOf = async (name: string, clientId: string) => (await ask(name, clientId)).topics.map((topic) => topic.errorCode)
    // The burst of 1.1 partitions, and one more.
    expect([await errorsOf('first', 'altered'), await errorsOf('second', 'altered')]).toEqual([[0], [0]])
    expect(await errorsOf('third', 'altered')).toEqual([errorCode('UNKNOWN_TOPIC_OR_PARTITION')])
    expect(await errorsOf('third', 'another')).toEqual([0])
    await alter(null)
  })
})
