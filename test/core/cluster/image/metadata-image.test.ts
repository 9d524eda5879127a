/**
 * Goal: the image is what the records of the metadata log say: epochs are counted as Apache Kafka counts them, what is removed is gone, a
 * record that does not fit is refused, and the records of an image build the same image. Method: stories of records, each through its bytes.
 */
import { describe, expect, it } from 'vitest'
import { configResourceTypes } from '../../../../core/cluster/image/configurations-image.ts'
import { DamagedMetadata } from '../../../../core/cluster/image/damaged-metadata.ts'
import { MetadataImage } from '../../../../core/cluster/image/metadata-image.ts'
import {
  completeRecord,
  decodeMetadataRecord,
  encodeMetadataRecord,
  type NewMetadataRecord,
  recordVersion,
} from '../../../../core/wire/metadata-records.ts'

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

/** Equal for equal images. */
const contentOf = (image: MetadataImage) => [...image.toRecords()]

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
    const copy = imageOf(contentOf(image) as NewMetadataRecord[])
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
