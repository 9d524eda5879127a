/**
 * Goal: the broker as a whole: requests of old and new clients get Apache Kafka's responses, in order, and acknowledged records survive a
 * restart. Method: a real broker in this process, raw requests in the oldest, a middle and the newest version.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import metadata from '../../core/apis/03-metadata.ts'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteTopics from '../../core/apis/20-delete-topics.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import offsetForLeaderEpoch from '../../core/apis/23-offset-for-leader-epoch.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import describeCluster from '../../core/apis/60-describe-cluster.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import describeTopicPartitions from '../../core/apis/75-describe-topic-partitions.ts'
import { ListenError, startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { batches, decodeRecords, encodeBatch, stampProducer } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest, type RawClient } from '../raw-client.ts'
import { until } from '../until.ts'

let server: BrokerInProcess
let client: RawClient
let topics = 0

beforeAll(async () => {
  server = await brokerInProcess()
  client = await server.client()
})
afterAll(() => server.stop())

async function newTopic(numPartitions = 1, configs: Record<string, string> = {}): Promise<{ name: string; topicId: string }> {
  const name = `topic-${++topics}`
  const asked = {
    name,
    numPartitions,
    replicationFactor: 1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
  const { topics: made } = await client.send(createTopics, 7, { topics: [asked], validateOnly: false })
  expect(made[0]).toMatchObject({ errorCode: 0, numPartitions, replicationFactor: 1 })
  return { name, topicId: made[0]!.topicId }
}

/** The time of a batch's first record; retention leaves it alone. */
const t0 = Date.now() - 60_000
const batch = (...values: string[]) =>
  encodeBatch(values.map((value, index) => ({ key: null, value: Buffer.from(value), timestamp: t0 + index })))

async function put(
  topic: { name: string; topicId: string },
  records: Buffer,
  over: { version?: number; partition?: number; acks?: number; by?: RawClient } = {},
) {
  const { version = 9, partition = 0, acks = -1, by = client } = over
  const topicData = [{ ...topic, partitionData: [{ index: partition, records }] }]
  return (await by.send(produce, version, { acks, timeoutMs: 5000, topicData })).responses[0]!.partitionResponses[0]!
}

async function get(
  topic: { name: string; topicId: string },
  fetchOffset: number,
  over: { version?: number; by?: RawClient; [more: string]: unknown } = {},
) {
  const { version = 11, by = client, ...more } = over
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000, ...more }]
  const request = {
    maxWaitMs: 0,
    minBytes: 1,
    isolationLevel: 0,
    sessionId: 0,
    topics: [{ topic: topic.name, topicId: topic.topicId, partitions }],
    ...more,
  }
  const response = await by.send(fetch, version, request)
  expect(response.errorCode).toBe(0)
  return response.responses[0]!.partitions[0]!
}

const valuesOf = (records: Buffer | null) =>
  [...batches(records ?? Buffer.alloc(0))].flatMap(({ bytes }) => decodeRecords(bytes).map(({ offset, value }) => `${offset}:${value}`))

describe('produce and fetch', () => {
  test.each([
    [3, 4],
    [5, 5],
    [7, 7],
    [8, 11],
    [9, 12],
    [12, 12],
    [13, 13],
    [13, 15],
    [13, 18],
  ])('produce v%i, fetch v%i', async (produceVersion, fetchVersion) => {
    const topic = await newTopic()
    expect(await put(topic, batch('a', 'b'), { version: produceVersion, acks: 1 })).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await put(topic, batch('c'), { version: produceVersion })).toMatchObject({ errorCode: 0, baseOffset: 2 })
    const read = await get(topic, 0, { version: fetchVersion })
    expect(read).toMatchObject({ errorCode: 0, highWatermark: 3, lastStableOffset: 3 })
    expect(valuesOf(read.records)).toEqual(['0:a', '1:b', '2:c'])
  })

  test('a fetch offset inside a batch returns the whole batch', async () => {
    const topic = await newTopic()
    await put(topic, batch('a', 'b', 'c'))
    expect(valuesOf((await get(topic, 1)).records)).toEqual(['0:a', '1:b', '2:c'])
  })

  test('unknown topics, ids and partitions get their own error codes', async () => {
    const topic = await newTopic()
    const nowhere = { name: 'nowhere', topicId: 'AAAAAAAAAAAAAAAAAAAABQ' }
    expect(await put(nowhere, batch('a'))).toMatchObject({ errorCode: 3, baseOffset: -1 })
    expect(await put(nowhere, batch('a'), { version: 13 })).toMatchObject({ errorCode: 100 })
    expect(await put(topic, batch('a'), { partition: 9 })).toMatchObject({ errorCode: 3 })
    expect(await get(nowhere, 0)).toMatchObject({ errorCode: 3 })
    expect(await get(nowhere, 0, { version: 13 })).toMatchObject({ errorCode: 100 })
  })

  test('old and unknown leader epochs are rejected', async () => {
    const topic = await newTopic()
    await put(topic, batch('a'))
    expect(await get(topic, 0, { currentLeaderEpoch: 7 })).toMatchObject({ errorCode: 75 })
    expect(await get(topic, 0, { currentLeaderEpoch: 0 })).toMatchObject({ errorCode: 0 })
    expect(await get(topic, 0, { version: 12, lastFetchedEpoch: 0 })).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: -1 } })
  })

  test('max bytes are shared by the partitions, and the first batch is returned whole', async () => {
    const topic = await newTopic(3)
    for (let partition = 0; partition < 3; partition++) await put(topic, batch('x'.repeat(5000)), { partition })
    const partitions = [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 100_000 }))
    const ask = (maxBytes: number) =>
      client.send(fetch, 11, { maxWaitMs: 0, minBytes: 1, maxBytes, isolationLevel: 0, topics: [{ topic: topic.name, partitions }] })
    const filled = async (maxBytes: number) =>
      (await ask(maxBytes)).responses[0]!.partitions.map(({ records }) => (records?.length ?? 0) > 0)
    expect(await filled(1)).toEqual([true, false, false])
    expect(await filled(11_000)).toEqual([true, true, false])
    expect(await filled(100_000)).toEqual([true, true, true])
  })

  test('a fetch waits for min bytes, and completes when they are appended or the topic is deleted', async () => {
    const topic = await newTopic()
    const polling = await server.client()
    expect((await get(topic, 0, { by: polling, maxWaitMs: 50 })).records).toHaveLength(0)
    const waits = () => until(() => server.broker.fetchPurgatory.size === 1, 'the fetch to wait')

    const poll = get(topic, 0, { by: polling, maxWaitMs: 120_000 })
    await waits()
    await put(topic, batch('late'))
    expect(valuesOf((await poll).records)).toEqual(['0:late'])

    const orphan = get(topic, 1, { by: polling, maxWaitMs: 120_000 })
    await waits()
    await client.send(deleteTopics, 6, { topics: [{ name: topic.name, topicId: ZERO_UUID }], timeoutMs: 1000 })
    expect(await orphan).toMatchObject({ errorCode: 3 })
  })

  test('a retried batch of an idempotent producer is stored once', async () => {
    const topic = await newTopic()
    const { producerId, producerEpoch } = await client.send(initProducerId, 5, { transactionalId: null, transactionTimeoutMs: 1000 })
    const stamped = (value: string, baseSequence: number) => {
      const bytes = batch(value)
      stampProducer(bytes, { producerId, producerEpoch, baseSequence })
      return bytes
    }
    expect(await put(topic, stamped('a', 0))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await put(topic, stamped('b', 1))).toMatchObject({ errorCode: 0, baseOffset: 1 })
    expect(await put(topic, stamped('a', 0))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await put(topic, stamped('d', 3))).toMatchObject({ errorCode: 45 })
    expect(valuesOf((await get(topic, 0)).records)).toEqual(['0:a', '1:b'])
  })

  test('a client cannot append to an internal topic', async () => {
    await client.send(findCoordinator, 4, { coordinatorKeys: ['g'], keyType: 0 })
    expect(await put({ name: '__consumer_offsets', topicId: ZERO_UUID }, batch('a'))).toMatchObject({ errorCode: 17 })
    expect(await put({ name: '__cluster_metadata', topicId: ZERO_UUID }, batch('a'))).toMatchObject({ errorCode: 3 })
    expect(await get({ name: '__cluster_metadata', topicId: ZERO_UUID }, 0)).toMatchObject({ errorCode: 3 })
  })

  test('a transactional id without a transactional batch changes nothing', async () => {
    const topic = await newTopic()
    const topicData = [{ ...topic, partitionData: [{ index: 0, records: batch('a') }] }]
    const { responses } = await client.send(produce, 9, { transactionalId: 'tx', acks: -1, timeoutMs: 1000, topicData })
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })

  test.each([
    ['AddPartitionsToTxn', 11, 4],
    ['a partition that joins by Produce', 12, 5],
  ] as const)('transactions with %s: committed records are read, aborted ones are not', async (_, produceVersion, endVersion) => {
    const topic = await newTopic()
    const transactionalId = `tx-${produceVersion}`
    expect(await client.send(findCoordinator, 4, { coordinatorKeys: [transactionalId], keyType: 1 })).toMatchObject({
      coordinators: [{ key: transactionalId, errorCode: 0, nodeId: 1 }],
    })
    const initialized = await client.send(initProducerId, 5, { transactionalId, transactionTimeoutMs: 60_000 })
    expect(initialized).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    const { producerId } = initialized
    let { producerEpoch } = initialized
    let baseSequence = 0
    for (const [value, committed] of [
      ['committed', true],
      ['aborted', false],
    ] as const) {
      if (produceVersion < 12) {
        const added = await client.send(addPartitionsToTxn, 3, {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: [{ name: topic.name, partitions: [0] }],
        })
        expect(added.resultsByTopicV3AndBelow[0]!.resultsByPartition).toEqual([{ partitionIndex: 0, partitionErrorCode: 0 }])
      }
      const record = { key: null, value: Buffer.from(value), timestamp: t0 }
      const records = encodeBatch([record], { producerId, producerEpoch, baseSequence, transactional: true })
      const topicData = [{ ...topic, partitionData: [{ index: 0, records }] }]
      const { responses } = await client.send(produce, produceVersion, { transactionalId, acks: -1, timeoutMs: 1000, topicData })
      expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0 })
      const ended = await client.send(endTxn, endVersion, { transactionalId, producerId, producerEpoch, committed })
      expect(ended).toMatchObject({ errorCode: 0, producerEpoch: endVersion >= 5 ? producerEpoch + 1 : -1 })
      if (endVersion >= 5) producerEpoch = ended.producerEpoch
      else baseSequence++
      await until(async () => {
        const { transactionStates } = await client.send(describeTransactions, 0, { transactionalIds: [transactionalId] })
        return transactionStates[0]!.transactionState === (committed ? 'CompleteCommit' : 'CompleteAbort')
      }, 'the transaction is complete')
    }
    // Two records and two markers.
    expect(await get(topic, 0, { isolationLevel: 1 })).toMatchObject({
      highWatermark: 4,
      lastStableOffset: 4,
      abortedTransactions: [{ producerId, firstOffset: 2 }],
    })
    const { transactionStates } = await client.send(listTransactions, 2, {
      stateFilters: ['CompleteAbort'],
      producerIdFilters: [producerId],
    })
    expect(transactionStates).toEqual([{ transactionalId, producerId, transactionState: 'CompleteAbort' }])
  })
})

test('pipelined requests get their responses in order, and a read after a write sees it', async () => {
  const topic = await newTopic()
  const piped = await server.client()
  const topicData = [{ ...topic, partitionData: [{ index: 0, records: batch('x') }] }]
  const requests: Buffer[] = []
  for (let id = 0; id < 300; id++) {
    if (id % 3 === 0) requests.push(encodeRequest(produce, 9, id, { acks: -1, timeoutMs: 1000, topicData }))
    else if (id % 3 === 1)
      requests.push(
        encodeRequest(listOffsets, 7, id, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        }),
      )
    else requests.push(encodeRequest(metadata, 9, id, { topics: [{ name: topic.name }] }))
  }
  piped.write(Buffer.concat(requests))
  for (let id = 0; id < 300; id++) {
    const frame = await piped.frame()
    expect(frame.readInt32BE(0)).toBe(id)
    // ListOffsets v7 ends with the offset, the leader epoch and three empty tag buffers.
    if (id % 3 === 1) expect(Number(frame.readBigInt64BE(frame.length - 3 - 4 - 8))).toBe((id - 1) / 3 + 1)
  }
})

describe('metadata', () => {
  test('ApiVersions lists the implemented versions and feature levels', async () => {
    const answer = await client.send(apiVersions, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' })
    const rows = new Map(answer.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]))
    expect(rows.get(0)).toEqual([0, 13])
    expect(rows.get(1)).toEqual([4, 18])
    expect(rows.get(18)).toEqual([0, 4])
    expect(rows.get(24)).toEqual([0, 5])
    expect(rows.get(22)).toEqual([0, 5])
    expect(answer.supportedFeatures).toContainEqual({ name: 'transaction.version', minVersion: 0, maxVersion: 2 })
    expect(answer.finalizedFeatures.map(({ name, maxVersionLevel }) => `${name}=${maxVersionLevel}`)).toEqual([
      'metadata.version=30',
      'transaction.version=2',
      'kraft.version=1',
    ])
    expect(answer.finalizedFeaturesEpoch).toBeGreaterThan(0)
    const older = await client.send(apiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' })
    expect(older.supportedFeatures.map(({ name }) => name)).toEqual(['metadata.version'])
  })

  test('Metadata by name, by id, of all topics, of none, and of unknown ones', async () => {
    const topic = await newTopic(2)
    const ask = (version: number, asked: unknown[] | null, allowAutoTopicCreation = false) =>
      client.send(metadata, version, { topics: asked as never, allowAutoTopicCreation })
    const byName = await ask(12, [{ name: topic.name, topicId: ZERO_UUID }])
    expect(byName).toMatchObject({
      controllerId: 1,
      clusterId: server.broker.cluster.clusterId,
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: server.port }],
    })
    expect(byName.topics).toMatchObject([
      { errorCode: 0, ...topic, partitions: [{ leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1] }, {}] },
    ])
    expect((await ask(12, [{ name: null, topicId: topic.topicId }])).topics).toMatchObject([{ errorCode: 0, ...topic }])
    expect((await ask(12, [{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAABQ' }])).topics).toMatchObject([{ errorCode: 100 }])
    expect((await ask(0, [])).topics.map(({ name }) => name)).toContain(topic.name)
    expect((await ask(1, null)).topics.map(({ name }) => name)).toContain(topic.name)
    expect((await ask(1, [])).topics).toEqual([])
    expect((await ask(4, [{ name: 'not-there' }])).topics).toMatchObject([{ errorCode: 3, partitions: [] }])
    expect((await ask(4, [{ name: 'a/b' }], true)).topics).toMatchObject([{ errorCode: 17 }])
    expect((await ask(4, [{ name: '__transaction_state' }], true)).topics).toMatchObject([{ errorCode: 0, isInternal: true }])
  })

  test('Metadata creates a topic where client and broker allow it', async () => {
    const ask = (version: number, name: string, allowAutoTopicCreation: boolean) =>
      client.send(metadata, version, { topics: [{ name, topicId: ZERO_UUID }], allowAutoTopicCreation })
    expect((await ask(9, 'auto-1', true)).topics).toMatchObject([{ errorCode: 0, name: 'auto-1', partitions: [{ leaderId: 1 }] }])
    // A client that is too old to have the field allows it.
    expect((await ask(1, 'auto-2', true)).topics).toMatchObject([{ errorCode: 0, name: 'auto-2' }])
    const strict = await brokerInProcess({ 'auto.create.topics.enable': 'false' })
    try {
      const other = await strict.client()
      const { topics: told } = await other.send(metadata, 9, {
        topics: [{ name: 'auto-3', topicId: ZERO_UUID }],
        allowAutoTopicCreation: true,
      })
      expect(told).toMatchObject([{ errorCode: 3 }])
    } finally {
      await strict.stop()
    }
  })

  test('FindCoordinator creates the offsets topic as Kafka does', async () => {
    const found = await client.send(findCoordinator, 4, { coordinatorKeys: ['g'], keyType: 0 })
    expect(found.coordinators).toMatchObject([{ key: 'g', nodeId: 1, host: '127.0.0.1', port: server.port, errorCode: 0 }])
    const topic = server.broker.cluster.topic('__consumer_offsets')
    expect(topic).toMatchObject({
      internal: true,
      partitions: 2,
      configs: { 'cleanup.policy': 'compact', 'compression.type': 'producer', 'segment.bytes': '104857600' },
    })
  })

  test('FindCoordinator creates the topic of transactions as Kafka does', async () => {
    const found = await client.send(findCoordinator, 3, { key: 'tx', keyType: 1 })
    expect(found).toMatchObject({ nodeId: 1, host: '127.0.0.1', port: server.port, errorCode: 0 })
    expect(server.broker.cluster.topic('__transaction_state')).toMatchObject({
      internal: true,
      partitions: 50,
      configs: {
        'cleanup.policy': 'compact',
        'compression.type': 'uncompressed',
        'min.insync.replicas': '2',
        'segment.bytes': '104857600',
        'unclean.leader.election.enable': 'false',
      },
    })
  })

  test('DescribeCluster', async () => {
    const ask = (endpointType: number) => client.send(describeCluster, 2, { includeClusterAuthorizedOperations: true, endpointType })
    expect(await ask(1)).toMatchObject({
      errorCode: 0,
      controllerId: 1,
      brokers: [{ brokerId: 1, port: server.port, isFenced: false }],
      clusterAuthorizedOperations: 8096,
    })
    expect(await ask(2)).toMatchObject({ errorCode: 114 })
    expect(await ask(9)).toMatchObject({ errorCode: 115 })
  })

  test('DescribeTopicPartitions returns pages', async () => {
    const asked = [await newTopic(3), await newTopic(1), await newTopic(4)].map(({ name }) => ({ name }))
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    do {
      const page: Awaited<ReturnType<typeof client.send<typeof describeTopicPartitions.request, typeof describeTopicPartitions.response>>> =
        await client.send(describeTopicPartitions, 0, { topics: asked, responsePartitionLimit: 2, cursor })
      const here = page.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}/${partitionIndex}`))
      expect(here.length).toBeLessThanOrEqual(2)
      seen.push(...here)
      cursor = page.nextCursor
    } while (cursor)
    expect(seen).toHaveLength(8)
    expect(new Set(seen).size).toBe(8)
    expect(seen).toEqual([...seen].sort())
  })

  test('DescribeConfigs includes documentation and synonyms on request, and a message for an unknown resource', async () => {
    const topic = await newTopic(1, { 'retention.ms': '5' })
    const ask = (resourceType: number, resourceName: string, more = true) =>
      client.send(describeConfigs, 4, {
        resources: [{ resourceType, resourceName, configurationKeys: ['retention.ms'] }],
        includeSynonyms: more,
        includeDocumentation: more,
      })
    const told = (await ask(2, topic.name)).results[0]!
    expect(told.configs).toMatchObject([
      { name: 'retention.ms', value: '5', configSource: 1, configType: 5, synonyms: [{ value: '5', source: 1 }] },
    ])
    expect(told.configs[0]!.documentation).toMatch(/age/)
    expect((await ask(2, topic.name, false)).results[0]!.configs[0]).toMatchObject({ synonyms: [], documentation: null })
    expect((await ask(2, 'nowhere')).results[0]).toMatchObject({ errorCode: 3, configs: [] })
    expect((await ask(99, 'x')).results[0]).toMatchObject({ errorCode: 42 })
  })
})

describe('offsets', () => {
  test('ListOffsets: earliest, latest, timestamps, and timestamps that a version does not support', async () => {
    const topic = await newTopic()
    await put(topic, batch('a', 'b', 'c'))
    const ask = async (timestamp: number, version = 11, more: object = {}) => {
      const asked = [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp, ...more }] }]
      return (await client.send(listOffsets, version, { replicaId: -1, isolationLevel: 0, topics: asked })).topics[0]!.partitions[0]!
    }
    expect(await ask(-1)).toMatchObject({ errorCode: 0, offset: 3, leaderEpoch: 0 })
    expect(await ask(-1, 1)).toMatchObject({ errorCode: 0, offset: 3 })
    expect(await ask(-2)).toMatchObject({ errorCode: 0, offset: 0 })
    expect(await ask(t0 + 1)).toMatchObject({ errorCode: 0, offset: 1, timestamp: t0 + 1 })
    expect(await ask(t0 + 9999)).toMatchObject({ errorCode: 0, offset: -1 })
    expect(await ask(-3)).toMatchObject({ errorCode: 0, offset: 2, timestamp: t0 + 2 })
    expect(await ask(-3, 6)).toMatchObject({ errorCode: 35 })
    expect(await ask(-4, 7)).toMatchObject({ errorCode: 35 })
    expect(await ask(-9)).toMatchObject({ errorCode: 35 })
    expect(await ask(-1, 11, { currentLeaderEpoch: 4 })).toMatchObject({ errorCode: 75 })
  })

  test('DeleteRecords raises the log start offset durably; -1 means all records', async () => {
    const topic = await newTopic()
    for (const value of ['a', 'b', 'c', 'd']) await put(topic, batch(value))
    const remove = async (offset: number) =>
      (
        await client.send(deleteRecords, 2, {
          topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, offset }] }],
          timeoutMs: 1000,
        })
      ).topics[0]!.partitions[0]
    expect(await remove(2)).toMatchObject({ errorCode: 0, lowWatermark: 2 })
    expect(await get(topic, 1)).toMatchObject({ errorCode: 1 })
    expect(valuesOf((await get(topic, 2)).records)).toEqual(['2:c', '3:d'])
    expect(await remove(99)).toMatchObject({ errorCode: 1, lowWatermark: -1 })
    expect(await remove(-1)).toMatchObject({ errorCode: 0, lowWatermark: 4 })
    expect(await get(topic, 4)).toMatchObject({ errorCode: 0, logStartOffset: 4 })
  })

  test('OffsetForLeaderEpoch', async () => {
    const topic = await newTopic()
    await put(topic, batch('a', 'b'))
    const partitions = [
      { partition: 0, leaderEpoch: 0 },
      { partition: 0, leaderEpoch: 5 },
      { partition: 3, leaderEpoch: 0 },
      { partition: 0, leaderEpoch: 0, currentLeaderEpoch: 7 },
    ]
    const { topics: told } = await client.send(offsetForLeaderEpoch, 4, { topics: [{ topic: topic.name, partitions }] })
    expect(told[0]!.partitions).toMatchObject([
      { errorCode: 0, leaderEpoch: 0, endOffset: 2 },
      { errorCode: 0, leaderEpoch: -1, endOffset: -1 },
      { errorCode: 3 },
      { errorCode: 75 },
    ])
  })
})

describe('a broker that stops', () => {
  test('keeps every acknowledged record, its topics and their ids', async () => {
    const own = await brokerInProcess()
    try {
      const before = await own.client()
      const asked = { name: 'kept', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      const { topicId } = (await before.send(createTopics, 7, { topics: [asked], validateOnly: false })).topics[0]!
      const topic = { name: 'kept', topicId }
      for (let i = 0; i < 20; i++) expect((await put(topic, batch(`v${i}`), { by: before })).errorCode).toBe(0)
      await own.restart()
      const after = await own.client()
      const read = await get(topic, 0, { version: 13, by: after })
      expect(valuesOf(read.records)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}:v${i}`))
      expect(await put(topic, batch('more'), { by: after })).toMatchObject({ errorCode: 0, baseOffset: 20 })
    } finally {
      await own.stop()
    }
  })

  test('keeps committed offsets, in the offsets topic', async () => {
    const own = await brokerInProcess()
    try {
      const before = await own.client()
      await before.send(metadata, 9, { topics: [{ name: 'read', topicId: ZERO_UUID }], allowAutoTopicCreation: true })
      const topics = [{ name: 'read', partitions: [{ partitionIndex: 0, committedOffset: 42, committedMetadata: 'here' }] }]
      const commit = await before.send(offsetCommit, 8, { groupId: 'readers', memberId: '', topics })
      expect(commit.topics[0]!.partitions[0]!.errorCode).toBe(0)
      await own.restart()
      const after = await own.client()
      const ask = { groups: [{ groupId: 'readers', topics: [{ name: 'read', partitionIndexes: [0] }] }] }
      const found = await after.send(offsetFetch, 8, ask as never)
      expect(found.groups[0]!.topics[0]!.partitions[0]).toMatchObject({ committedOffset: 42, metadata: 'here', errorCode: 0 })
    } finally {
      await own.stop()
    }
  })

  test('does not wait for the time of a fetch, nor for a connection that sends nothing more', async () => {
    const own = await brokerInProcess()
    const polling = await own.client()
    const silent = await own.client()
    silent.write(Buffer.from([0, 0]))
    await polling.send(metadata, 9, { topics: [{ name: 'polled', topicId: ZERO_UUID }], allowAutoTopicCreation: true })
    const poll = get({ name: 'polled', topicId: ZERO_UUID }, 0, { by: polling, maxWaitMs: 120_000 })
    await until(() => own.broker.fetchPurgatory.size === 1, 'the fetch to wait')
    // The timeout of this test is shorter than the fetch's wait.
    await Promise.all([own.stop(), poll.catch(() => 'closed'), silent.whenClosed(), polling.whenClosed()])
  })

  test('a port or a folder in use fails the start with a message for the operator, and nothing stays open', async () => {
    const system = { ...realSystem('silent'), logger: silentLogger }
    const free = `${server.dir}-other`
    const taken = startBroker({ listeners: `PLAINTEXT://127.0.0.1:${server.port}`, 'log.dirs': free }, system)
    await expect(taken).rejects.toThrow(ListenError)
    await expect(taken).rejects.toThrow(/is in use by another process\. Stop that process, or name another port in `listeners`/)
    await expect(startBroker({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': server.dir }, system)).rejects.toThrow(server.dir)
    const again = await startBroker({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': free }, system)
    await again.close()
  })
})

test('the metrics have values, and their names follow the rules of Prometheus', async () => {
  const page = await server.broker.system.metrics.text()
  expect(page).toMatch(/tributary_broker_connections [1-9]/)
  expect(page).toMatch(/tributary_broker_requests_total\{api="Produce"\} [1-9]/)
  expect(page).toMatch(/tributary_broker_partition_log_end_offset\{topic="topic-1",partition="0"\} 3/)
  // Counters end in _total, and nothing else does.
  const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!] as const)
  expect(types.filter(([name, type]) => name.endsWith('_total') !== (type === 'counter'))).toEqual([])
})

test('small responses are counted as sent bytes', async () => {
  const client = await server.client()
  const sent = async () => Number(/^tributary_broker_sent_bytes_total (\d+)$/m.exec(await server.broker.system.metrics.text())![1])
  const before = await sent()
  await client.send(metadata, 1, { topics: [] })
  expect(await sent()).toBeGreaterThan(before)
})
