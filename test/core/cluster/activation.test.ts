/**
 * Goal: the controller that becomes active on a folder writes what Apache Kafka's would: bootstrap records, registrations in the versions
 * of the finalized level, and a change for each partition that needs another leader, a new epoch or its directory, and for no other.
 * Method: images of records, and the records that follow from them.
 */
import { describe, expect, test } from 'vitest'
import {
  bootstrapRecords,
  brokerRegistrations,
  controllerRegistration,
  fenceRecords,
  type Takeover,
  takeoverRecords,
} from '../../../core/cluster/activation.ts'
import { MetadataImage } from '../../../core/cluster/image/metadata-image.ts'
import { readBrokerSettings } from '../../../core/settings.ts'
import { completeRecord, encodeMetadataRecord, type NewMetadataRecord, recordVersion } from '../../../core/wire/metadata-records.ts'

const TOPIC = 'rB7sM1pSTL-0QfNKPxCn2w'
const DIR = 'HeI6ZYIJSm81dhmEHarrOQ'
const OTHER_DIR = 'XeI6ZYIJSm81dhmEHarrOQ'
const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA'
const settings = readBrokerSettings({ listeners: 'PLAINTEXT://127.0.0.1:9092', 'log.dirs': '/data' })

type Partition = Extract<NewMetadataRecord, { type: 'PartitionRecord' }>

function imageWith(partition: Partial<Partition>): MetadataImage {
  const image = new MetadataImage()
  const whole = { replicas: [1], isr: [1], leader: 1, leaderEpoch: 5, partitionEpoch: 7, directories: [DIR], ...partition }
  for (const record of [
    { type: 'TopicRecord', name: 't', topicId: TOPIC },
    { type: 'PartitionRecord', partitionId: 0, topicId: TOPIC, ...whole },
  ] as NewMetadataRecord[])
    image.apply(completeRecord(record))
  return image
}

const takeover: Takeover = {
  nodeId: 1,
  metadataVersion: 30,
  directories: [DIR],
  mayHaveLostRecords: false,
  directoryOf: () => DIR,
  newDirectory: () => DIR,
}

describe('partitions at a takeover', () => {
  test.each<[string, Partial<Partition>, Partial<Takeover>, object | null]>([
    ['led by this node: nothing', {}, {}, null],
    ['records may be lost: a new epoch', {}, { mayHaveLostRecords: true }, { leader: 1 }],
    ['without a leader, in the ISR', { leader: -1 }, {}, { leader: 1 }],
    [
      'after a clean stop of Kafka with eligible leader replicas',
      { leader: -1, isr: [], eligibleLeaderReplicas: [1], lastKnownElr: [1] },
      {},
      { leader: 1, isr: [1], eligibleLeaderReplicas: [], lastKnownElr: [] },
    ],
    ['of other nodes only', { replicas: [2], isr: [2], leader: 2 }, {}, null],
    ['without an assigned directory', { directories: [ZERO] }, {}, { directories: [DIR] }],
    ['without an assigned directory, below the level that has them', { directories: [] }, { metadataVersion: 16 }, null],
    [
      'moved to another of the directories',
      {},
      { directories: [DIR, OTHER_DIR], directoryOf: () => OTHER_DIR },
      { directories: [OTHER_DIR] },
    ],
    ['not yet created', {}, { directoryOf: () => null }, null],
    ['in a directory that is not there', { directories: [OTHER_DIR] }, { directoryOf: () => null }, { leader: -1 }],
    ['in a directory that is still not there', { directories: [OTHER_DIR], leader: -1 }, { directoryOf: () => null }, null],
  ])('%s', (_, partition, over, change) => {
    const records = [...takeoverRecords(imageWith(partition), { ...takeover, ...over })]
    expect(records).toEqual(change === null ? [] : [{ type: 'PartitionChangeRecord', partitionId: 0, topicId: TOPIC, ...change }])
  })

  test('a change that is applied needs no other one', () => {
    const image = imageWith({ leader: -1, isr: [], eligibleLeaderReplicas: [1], lastKnownElr: [1], directories: [ZERO] })
    for (const record of takeoverRecords(image, takeover)) image.apply(completeRecord(record))
    expect(image.partitionState('t', 0)).toMatchObject({
      leader: 1,
      leaderEpoch: 6,
      partitionEpoch: 8,
      isr: [1],
      eligibleLeaderReplicas: [],
    })
    expect([...takeoverRecords(image, takeover)]).toEqual([])
  })
})

describe('the first records', () => {
  const level = (name: string, featureLevel: number): NewMetadataRecord => ({ type: 'FeatureLevelRecord', name, featureLevel })

  test('are a transaction where the level has them', () => {
    expect(bootstrapRecords([level('metadata.version', 30)], 1).map(({ type }) => type)).toEqual([
      'BeginTransactionRecord',
      'FeatureLevelRecord',
      'EndTransactionRecord',
    ])
    expect(bootstrapRecords([level('metadata.version', 12)], 1).map(({ type }) => type)).toEqual(['FeatureLevelRecord'])
  })

  test('with eligible leader replicas min.insync.replicas is a config of the cluster', () => {
    const records = bootstrapRecords([level('metadata.version', 30), level('eligible.leader.replicas.version', 1)], 2)
    expect(records.at(-2)).toEqual({ type: 'ConfigRecord', resourceType: 4, resourceName: '', name: 'min.insync.replicas', value: '2' })
  })
})

test.each([7, 8, 10, 15, 17, 30])('the registrations under metadata.version %i can be written and applied', (metadataVersion) => {
  const incarnation = { settings, incarnationId: DIR, metadataVersion, brokerEpoch: 12, directories: [DIR] }
  const image = new MetadataImage()
  for (const record of [...controllerRegistration(incarnation), ...brokerRegistrations(incarnation)]) {
    encodeMetadataRecord(record, recordVersion(record.type, metadataVersion))
    image.apply(completeRecord(record))
  }
  expect(image.brokers.get(1)).toMatchObject({
    brokerEpoch: 12,
    fenced: false,
    endPoints: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }],
  })
  expect(image.controllers.size).toBe(metadataVersion >= 15 ? 1 : 0)
  for (const record of fenceRecords(1, 12, metadataVersion)) image.apply(completeRecord(record))
  expect(image.brokers.get(1)).toMatchObject({ fenced: true })
})
