/**
 * Goal: the image is what the records of the metadata log say: epochs are counted as Apache Kafka counts them, what is removed is gone, a
 * record that does not fit is refused, and the records of an image build the same image.
 * Method: stories of records, each through its bytes, and the log and the snapshot of a node of Apache Kafka beside each other.
 */
import { describe, expect, it } from 'vitest'
import { configResourceTypes } from '../../../../core/cluster/image/configurations-image.ts'
import { DamagedMetadata } from '../../../../core/cluster/image/damaged-metadata.ts'
import { MetadataImage } from '../../../../core/cluster/image/metadata-image.ts'
import { decodeSnapshotFile } from '../../../../core/cluster/snapshot-file.ts'
import {
  completeRecord,
  decodeMetadataRecord,
  encodeMetadataRecord,
  type NewMetadataRecord,
  recordVersion,
} from '../../../../core/wire/metadata-records.ts'
import { contentOf, goldenFile, goldenLog, imageOfLog, imageOfRecords } from '../golden-metadata.ts'

const id = (n: number) => Buffer.from(n.toString(16).padStart(32, '0'), 'hex').toString('base64url')
const LEVEL: NewMetadataRecord = { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 }
const ORDERS = id(100)
const DIRECTORY = id(200)

function imageOf(records: readonly NewMetadataRecord[], image = new MetadataImage()): MetadataImage {
  for (const record of records) {
    const version = recordVersion(record.type, image.metadataVersion)
    image.apply(decodeMetadataRecord(encodeMetadataRecord(record, version)))
  }
  return image
}

const partition = (partitionId: number, more = {}): NewMetadataRecord => ({
  type: 'PartitionRecord',
  partitionId,
  topicId: ORDERS,
  replicas: [1],
  isr: [1],
  leader: 1,
  leaderEpoch: 0,
  partitionEpoch: 0,
  directories: [DIRECTORY],
  ...more,
})
const orders: NewMetadataRecord[] = [
  LEVEL,
  { type: 'TopicRecord', name: 'orders', topicId: ORDERS },
  { type: 'ConfigRecord', resourceType: 2, resourceName: 'orders', name: 'retention.ms', value: '60000' },
  partition(0),
  partition(1),
]
const change = (more: object): NewMetadataRecord => ({ type: 'PartitionChangeRecord', partitionId: 0, topicId: ORDERS, ...more })
const broker = (more = {}): NewMetadataRecord => ({
  type: 'RegisterBrokerRecord',
  brokerId: 1,
  incarnationId: id(7),
  brokerEpoch: 5,
  endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
  features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }],
  rack: 'a',
  logDirs: [DIRECTORY],
  ...more,
})

describe('topics', () => {
  it('have the partitions and configs of their records, until they are removed', () => {
    const image = imageOf(orders)
    const topic = image.topic('orders')!
    expect(topic).toEqual({ name: 'orders', id: ORDERS, partitions: 2, internal: false, configs: { 'retention.ms': '60000' } })
    expect(image.topicById(ORDERS)).toBe(topic)
    expect([...image.topics()]).toEqual([topic])
    expect(image.partitionCount).toBe(2)

    imageOf([partition(2), { type: 'ConfigRecord', resourceType: 2, resourceName: 'orders', name: 'retention.ms', value: null }], image)
    expect(image.topic('orders')).toMatchObject({ partitions: 3, configs: {} })
    expect(topic).toMatchObject({ partitions: 2, configs: { 'retention.ms': '60000' } })

    imageOf([{ type: 'ConfigRecord', resourceType: 2, resourceName: 'orders', name: 'a', value: 'b' }], image)
    imageOf([{ type: 'RemoveTopicRecord', topicId: ORDERS }], image)
    expect(image.topic('orders')).toBeUndefined()
    expect(image.partitionCount).toBe(0)
    imageOf([{ type: 'TopicRecord', name: 'orders', topicId: id(101) }], image)
    expect(image.topic('orders')).toMatchObject({ id: id(101), partitions: 0, configs: {} })
  })

  it('do not get the configs of a topic that had their name: snapshots of Apache Kafka may still have them', () => {
    const config: NewMetadataRecord = { type: 'ConfigRecord', resourceType: 2, resourceName: 'orders', name: 'retention.ms', value: '5' }
    expect(imageOf([LEVEL, config, { type: 'TopicRecord', name: 'orders', topicId: ORDERS }]).topic('orders')!.configs).toEqual({})
  })

  it('collide where they differ in "." and "_" only', () => {
    const image = imageOf([LEVEL, { type: 'TopicRecord', name: 'a.b', topicId: ORDERS }])
    expect(image.collidingTopic('a_b')).toBe('a.b')
    expect(image.collidingTopic('a.b')).toBeUndefined()
    imageOf([{ type: 'RemoveTopicRecord', topicId: ORDERS }], image)
    expect(image.collidingTopic('a_b')).toBeUndefined()
  })
})

describe('epochs of a partition', () => {
  const stateAfter = (...records: NewMetadataRecord[]) => imageOf([...orders, ...records]).partitionState('orders', 0)!

  it('the partition epoch rises with each change, the leader epoch where a leader is named', () => {
    expect(stateAfter()).toMatchObject({ leaderEpoch: 0, partitionEpoch: 0 })
    expect(stateAfter(change({ isr: [1] }))).toMatchObject({ leader: 1, leaderEpoch: 0, partitionEpoch: 1 })
    expect(stateAfter(change({ leader: 1 }))).toMatchObject({ leader: 1, leaderEpoch: 1, partitionEpoch: 1 })
    expect(stateAfter(change({ leader: -1, isr: [] }), change({ leader: 1, isr: [1], leaderRecoveryState: 1 }))).toMatchObject({
      leader: 1,
      isr: [1],
      leaderRecoveryState: 1,
      leaderEpoch: 2,
      partitionEpoch: 2,
    })
  })

  it('a ClearElrRecord changes only partitions that have something to clear', () => {
    const image = imageOf([...orders, change({ eligibleLeaderReplicas: [2], lastKnownElr: [3] })])
    expect(image.partitionState('orders', 0)).toMatchObject({ eligibleLeaderReplicas: [2], lastKnownElr: [3], partitionEpoch: 1 })
    imageOf([{ type: 'ClearElrRecord', topicName: '' }], image)
    const cleared = { eligibleLeaderReplicas: [], lastKnownElr: [], leaderEpoch: 0 }
    expect(image.partitionState('orders', 0)).toMatchObject({ ...cleared, partitionEpoch: 2 })
    expect(image.partitionState('orders', 1)).toMatchObject({ ...cleared, partitionEpoch: 0 })
  })

  it('directories follow the replicas, and those never assigned are MIGRATING', () => {
    expect(stateAfter(partition(0, { directories: [] })).directories).toEqual([id(0)])
    expect(stateAfter(partition(0, { directories: [] }), change({ replicas: [1, 2] })).directories).toEqual([id(0), id(0)])
    expect(stateAfter(change({ replicas: [2, 1], directories: [id(1), DIRECTORY], addingReplicas: [2] }))).toMatchObject({
      replicas: [2, 1],
      directories: [id(1), DIRECTORY],
      addingReplicas: [2],
    })
    expect(() => stateAfter(change({ replicas: [1, 2] }))).toThrow('2 replicas and 1 directories')
  })
})

describe('brokers', () => {
  it('are fenced, unfenced and shut down by records of either kind', () => {
    const image = imageOf([LEVEL, broker()])
    const now = () => image.brokers.get(1)!
    const changed = (more: object) => imageOf([{ type: 'BrokerRegistrationChangeRecord', brokerId: 1, brokerEpoch: 5, ...more }], image)
    expect(now()).toMatchObject({ fenced: true, inControlledShutdown: false, rack: 'a', cordonedLogDirs: null })
    changed({ fenced: -1, cordonedLogDirs: [] })
    expect(now()).toMatchObject({ fenced: false, cordonedLogDirs: [], logDirs: [DIRECTORY] })
    changed({ inControlledShutdown: 1, logDirs: [id(1)] })
    expect(now()).toMatchObject({ fenced: false, inControlledShutdown: true, cordonedLogDirs: [], logDirs: [id(1)] })
    imageOf([{ type: 'FenceBrokerRecord', id: 1, epoch: 5 }], image)
    expect(now().fenced).toBe(true)
    imageOf([{ type: 'UnfenceBrokerRecord', id: 1, epoch: 5 }], image)
    expect(now().fenced).toBe(false)
    expect(() => changed({ fenced: 2 })).toThrow('fenced=2')
    expect(() => imageOf([{ type: 'FenceBrokerRecord', id: 1, epoch: 4 }], image)).toThrow('at epoch 4, and its epoch is 5')
    imageOf([{ type: 'UnregisterBrokerRecord', brokerId: 1, brokerEpoch: 5 }], image)
    expect(image.brokers.size).toBe(0)
  })
})

describe('what else there is', () => {
  it('configs of brokers, features and quotas are set and removed', () => {
    const set = (resourceType: number, resourceName: string, name: string, value: string | null): NewMetadataRecord => ({
      type: 'ConfigRecord',
      resourceType,
      resourceName,
      name,
      value,
    })
    const image = imageOf([
      set(4, '', 'a', '1'),
      set(4, '1', 'b', '2'),
      set(4, '1', 'c', '3'),
      set(4, '1', 'b', null),
      set(32, 'g', 'x', 'y'),
    ])
    expect(image.brokerConfigs('')).toEqual({ a: '1' })
    expect(image.brokerConfigs('1')).toEqual({ c: '3' })
    expect([...image.configResources(configResourceTypes.group)]).toEqual(['g'])

    imageOf([LEVEL, { type: 'FeatureLevelRecord', name: 'share.version', featureLevel: 1 }], image)
    imageOf([{ type: 'FeatureLevelRecord', name: 'kraft.version', featureLevel: 1 }], image)
    expect([...image.features]).toEqual([
      ['metadata.version', 30],
      ['share.version', 1],
    ])
    imageOf([{ type: 'FeatureLevelRecord', name: 'share.version', featureLevel: 0 }], image)
    expect(image.features.has('share.version')).toBe(false)

    const user = { entityType: 'user', entityName: 'alice' }
    const client = { entityType: 'client-id', entityName: null }
    const quota = (entity: (typeof user | typeof client)[], key: string, value: number, remove = false): NewMetadataRecord => ({
      type: 'ClientQuotaRecord',
      entity,
      key,
      value,
      remove,
    })
    imageOf([quota([user, client], 'producer_byte_rate', 5), quota([client, user], 'consumer_byte_rate', 6)], image)
    expect([...image.clientQuotas()].map(({ quotas }) => quotas)).toEqual([{ producer_byte_rate: 5, consumer_byte_rate: 6 }])
    imageOf([quota([user, client], 'producer_byte_rate', 0, true), quota([user, client], 'consumer_byte_rate', 0, true)], image)
    expect([...image.clientQuotas()]).toEqual([])
  })

  it('users, ACLs, tokens and producer ids are kept as they are, and equal after a round trip', () => {
    const scram = { name: 'alice', mechanism: 1, salt: Buffer.from('s'), storedKey: Buffer.from('k'), serverKey: Buffer.from('v') }
    const image = imageOf([
      ...orders,
      broker(),
      { type: 'RegisterControllerRecord', controllerId: 1, incarnationId: id(9), zkMigrationReady: false, endPoints: [], features: [] },
      { type: 'UserScramCredentialRecord', ...scram, iterations: 4096 },
      { type: 'UserScramCredentialRecord', ...scram, name: 'bob', iterations: 4096 },
      {
        type: 'AccessControlEntryRecord',
        id: id(50),
        resourceType: 2,
        resourceName: 'orders',
        patternType: 3,
        principal: 'User:alice',
        host: '*',
        operation: 3,
        permissionType: 3,
      },
      {
        type: 'DelegationTokenRecord',
        owner: 'User:alice',
        requester: 'User:alice',
        renewers: ['User:bob'],
        issueTimestamp: 1,
        maxTimestamp: 3,
        expirationTimestamp: 2,
        tokenId: 'token',
      },
      { type: 'ProducerIdsRecord', brokerId: 1, brokerEpoch: 5, nextProducerId: 1000 },
      { type: 'NoOpRecord' },
      { type: 'ZkMigrationStateRecord', zkMigrationState: 0 },
      change({ leader: 1 }),
    ])
    expect(image.nextProducerId).toBe(1000)
    expect(image.scramCredential(1, 'alice')).toEqual({ ...scram, iterations: 4096 })
    const copy = imageOf([...image.toRecords()])
    expect(contentOf(copy)).toEqual(contentOf(image))
    expect(copy.partitionState('orders', 0)).toMatchObject({ leaderEpoch: 1, partitionEpoch: 1 })

    imageOf([{ type: 'RemoveUserScramCredentialRecord', name: 'alice', mechanism: 1 }], image)
    imageOf(
      [
        { type: 'RemoveAccessControlEntryRecord', id: id(50) },
        { type: 'RemoveDelegationTokenRecord', tokenId: 'token' },
      ],
      image,
    )
    expect([...image.scramCredentials()].map(({ name }) => name)).toEqual(['bob'])
    expect(image.accessControlEntries.size + image.delegationTokens.size).toBe(0)
  })

  it('entries that say the same are found by what they say, each until it is removed', () => {
    const acl = { resourceType: 2, resourceName: 'o', patternType: 3, principal: 'User:a', host: '*', operation: 3, permissionType: 3 }
    const add = (number: number, given = acl): NewMetadataRecord => ({ type: 'AccessControlEntryRecord', id: id(number), ...given })
    const image = imageOf([add(50), add(51), add(52, { ...acl, host: 'h' })])
    expect([image.aclIds(acl), image.aclIds({ ...acl, host: 'h' })]).toEqual([[id(50), id(51)], [id(52)]])
    imageOf([{ type: 'RemoveAccessControlEntryRecord', id: id(50) }, add(52, { ...acl, host: 'other' })], image)
    expect([image.aclIds(acl), image.aclIds({ ...acl, host: 'h' }), image.aclIds({ ...acl, host: 'other' })]).toEqual([
      [id(51)],
      [],
      [id(52)],
    ])
  })
})

describe('the log of Apache Kafka', () => {
  it('builds the image of its snapshot, but for what Apache Kafka itself loses and revives', () => {
    const name = '00000000000000000140-0000000004.checkpoint'
    const snapshot = contentOf(imageOfRecords(decodeSnapshotFile(goldenFile('static', name)).records))
    const log = contentOf(imageOfLog(goldenLog('static'), 140))
    // A node that starts applies its log at once: a SCRAM user that was deleted takes the others of the mechanism along, and the configs of
    // a topic that was deleted stay.
    expect(log.filter((record) => !snapshot.includes(record)).map((record) => (JSON.parse(record) as { name?: string }).name)).toEqual([
      'admin',
      'alice',
    ])
    expect(snapshot.filter((record) => !log.includes(record))).toEqual([
      '{"type":"ConfigRecord","resourceType":2,"resourceName":"to-be-deleted","name":"retention.ms","value":"5"}',
    ])
    expect(contentOf(imageOfRecords(imageOfLog(goldenLog('static'), 140).toRecords()))).toEqual(log)
  })

  it('builds the image of its snapshot, with a dynamic quorum', () => {
    const name = '00000000000000000033-0000000001.checkpoint'
    const snapshot = contentOf(imageOfRecords(decodeSnapshotFile(goldenFile('dynamic', name)).records))
    expect(contentOf(imageOfLog(goldenLog('dynamic'), 33))).toEqual(snapshot)
  })

  it('says what its administrator sees', () => {
    const image = imageOfLog(goldenLog('static'))
    expect([...image.topics()].map(({ name, partitions, configs }) => [name, partitions, configs])).toEqual([
      ['orders', 5, { 'cleanup.policy': 'compact', 'max.message.bytes': '2000000', 'min.insync.replicas': '1' }],
      ['events', 2, {}],
    ])
    // Stopped: without in-sync replicas, and the broker that stopped cleanly may be elected again. One start of four came after kill -9.
    expect(image.partitionState('orders', 4)).toMatchObject({
      replicas: [1],
      isr: [],
      eligibleLeaderReplicas: [1],
      leader: -1,
      leaderRecoveryState: 1,
      leaderEpoch: 7,
      partitionEpoch: 7,
    })
    expect(image.partitionState('events', 1)).toMatchObject({ leader: -1, leaderRecoveryState: 0, leaderEpoch: 5, partitionEpoch: 5 })
    expect(image.brokerConfigs('')).toEqual({ 'min.insync.replicas': '1', 'log.retention.ms': '100000000' })
    expect(image.brokerConfigs('1')).toEqual({ 'log.cleaner.threads': '2' })
    expect(image.configs(configResourceTypes.group, 'g1')).toEqual({ 'consumer.session.timeout.ms': '50000' })
    expect([...image.configResources(configResourceTypes.clientMetrics)]).toEqual(['m1'])
    expect([...image.scramCredentials()].map(({ name, mechanism, iterations }) => [name, mechanism, iterations])).toEqual([
      ['admin', 1, 4096],
      ['alice', 1, 4096],
      ['alice', 2, 8192],
    ])
    expect([...image.clientQuotas()].map(({ entity, quotas }) => [entity.map(({ entityName }) => entityName), quotas])).toEqual([
      [['alice'], { producer_byte_rate: 1024 }],
      [[null], { request_percentage: 50.5 }],
      [[null, 'alice'], { producer_byte_rate: 512 }],
      [['10.0.0.1'], { connection_creation_rate: 7 }],
    ])
    expect([...image.accessControlEntries.values()].map(({ principal, resourceName }) => [principal, resourceName])).toEqual([
      ['User:alice', 'orders'],
      ['User:bob', 'ord'],
    ])
    expect([...image.delegationTokens.values()].map(({ owner, renewers }) => [owner, renewers])).toEqual([['User:admin', ['User:alice']]])
    expect(image.nextProducerId).toBe(1000)
    expect(image.features.get('metadata.version')).toBe(30)
    expect(image.brokers.get(1)).toMatchObject({ fenced: true, inControlledShutdown: true })
    expect(image.controllers.get(1)!.endPoints).toMatchObject([{ name: 'CONTROLLER' }])
  })
})

describe('a damaged log', () => {
  const wrong: [string, NewMetadataRecord][] = [
    ['topic orders is created twice', { type: 'TopicRecord', name: 'orders', topicId: id(101) }],
    ['is given twice', { type: 'TopicRecord', name: 'others', topicId: ORDERS }],
    ['which does not exist', partition(0, { topicId: id(1) })],
    ['partition -1', partition(-1)],
    ['partition 7 of topic orders, which does not exist', { type: 'PartitionChangeRecord', partitionId: 7, topicId: ORDERS, isr: [1] }],
    ['which does not exist', { type: 'RemoveTopicRecord', topicId: id(1) }],
    ['topic others, which does not exist', { type: 'ClearElrRecord', topicName: 'others' }],
    ['it is not registered', { type: 'UnregisterBrokerRecord', brokerId: 3, brokerEpoch: 5 }],
    ['it does not exist', { type: 'RemoveAccessControlEntryRecord', id: id(1) }],
    ['none of mechanism 1', { type: 'RemoveUserScramCredentialRecord', name: 'x', mechanism: 1 }],
    ['goes back', { type: 'ProducerIdsRecord', brokerId: 1, nextProducerId: -5 }],
  ]

  it.each(wrong)('is refused: %s', (sentence, record) => {
    const image = imageOf(orders)
    expect(() => imageOf([record], image)).toThrow(DamagedMetadata)
    expect(() => imageOf([record], image)).toThrow(sentence)
  })

  it('is refused where a partition is left out', () => {
    const image = imageOf([...orders, partition(3)])
    expect(() => image.topic('orders')).toThrow('4 partitions, without partition 2')
  })

  it('transactions of the log are for its reader', () => {
    const image = new MetadataImage()
    expect(() => image.apply(completeRecord({ type: 'BeginTransactionRecord' }))).toThrow('reader of the metadata log')
  })
})
