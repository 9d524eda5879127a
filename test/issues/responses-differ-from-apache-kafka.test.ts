/**
 * Goal: responses that once differed from Apache Kafka 4.3.1's. Method: raw requests to a broker; the expected error codes are Kafka's own,
 * recorded by sending the same requests to it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import metadata from '../../core/apis/03-metadata.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import createPartitions from '../../core/apis/37-create-partitions.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest, type RawClient } from '../raw-client.ts'

let server: BrokerInProcess
let client: RawClient
beforeAll(async () => {
  server = await brokerInProcess()
  client = await server.client()
  await server.broker.cluster.createTopic({ name: 'orders', partitions: 2, replicationFactor: 1 })
  await server.broker.cluster.createTopic({ name: 'keyed', partitions: 1, replicationFactor: 1, configs: { 'cleanup.policy': 'compact' } })
})
afterAll(() => server.stop())

describe('IncrementalAlterConfigs', () => {
  const alter = async (...resources: { name: string; configs: [name: string, value: string | null, operation: number][] }[]) => {
    const requested = resources.map(({ name, configs }) => ({
      resourceType: 2,
      resourceName: name,
      configs: configs.map(([key, value, configOperation]) => ({ name: key, value, configOperation })),
    }))
    const { responses } = await client.send(incrementalAlterConfigs, 1, { resources: requested, validateOnly: false })
    return responses.map(({ errorCode }) => errorCode)
  }

  test('an unknown config may be deleted: MirrorMaker 2 does so for each config that its source has at the default', async () => {
    expect(await alter({ name: 'orders', configs: [['message.format.version', null, 1], ['retention.ms', '5000', 0]] })).toEqual([0]) // biome-ignore format: one line
    expect(server.broker.cluster.topic('orders')!.configs).toEqual({ 'retention.ms': '5000' })
    expect(await alter({ name: 'orders', configs: [['foo', 'x', 0]] })).toEqual([40])
    expect(await alter({ name: 'orders', configs: [['foo', 'x', 2]] })).toEqual([40])
    expect(await alter({ name: 'orders', configs: [['toString', '5', 0]] })).toEqual([40])
  })

  test('invalid topic names, and a resource given twice', async () => {
    const set: [string, string, number][] = [['retention.ms', '1', 0]]
    expect(await alter({ name: 'a b', configs: set })).toEqual([17])
    expect(await alter({ name: '', configs: set })).toEqual([42])
    expect(await alter({ name: 'keyed', configs: set }, { name: 'orders', configs: set }, { name: 'keyed', configs: set })).toEqual([
      42, 0, 42,
    ])
    expect(server.broker.cluster.topic('keyed')!.configs).toEqual({ 'cleanup.policy': 'compact' })
  })
})

test('DeleteRecords is refused for the offsets topic and for topics that are only compacted', async () => {
  await client.send(findCoordinator, 2, { key: 'g', keyType: 0 })
  const remove = async (name: string, partitionIndex = 0) => {
    const topics = [{ name, partitions: [{ partitionIndex, offset: -1 }] }]
    return (await client.send(deleteRecords, 2, { topics, timeoutMs: 1000 })).topics[0]!.partitions[0]
  }
  expect(await remove('__consumer_offsets')).toMatchObject({ errorCode: 17, lowWatermark: -1 })
  expect(await remove('__consumer_offsets', 99)).toMatchObject({ errorCode: 3, lowWatermark: -1 })
  expect(await remove('keyed')).toMatchObject({ errorCode: 44, lowWatermark: -1 })
  expect(await remove('orders')).toMatchObject({ errorCode: 0, lowWatermark: 0 })
})

test('Produce to the offsets topic is refused without an explanation', async () => {
  await client.send(findCoordinator, 2, { key: 'g', keyType: 0 })
  const records = encodeBatch([{ key: null, value: Buffer.from('v'), timestamp: 1 }])
  const topicData = [{ name: '__consumer_offsets', partitionData: [{ index: 0, records }] }]
  const { responses } = await client.send(produce, 9, { transactionalId: null, acks: 1, timeoutMs: 1000, topicData })
  expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 17, errorMessage: null })
})

test('Metadata gives the authorized operations, where they are requested', async () => {
  const request = (version: number, more: object) =>
    client.send(metadata, version, { topics: [{ name: 'orders', topicId: ZERO_UUID }], allowAutoTopicCreation: false, ...more })
  const all = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true }
  for (const version of [8, 10])
    expect(await request(version, all)).toMatchObject({ clusterAuthorizedOperations: 8096, topics: [{ topicAuthorizedOperations: 3576 }] })
  expect((await request(12, all)).topics).toMatchObject([{ topicAuthorizedOperations: 3576 }])
  expect(await request(8, {})).toMatchObject({
    clusterAuthorizedOperations: -2147483648,
    topics: [{ topicAuthorizedOperations: -2147483648 }],
  })
})

test('Metadata by topic id ignores the name that comes with it', async () => {
  const { id } = server.broker.cluster.topic('orders')!
  const topics = [{ name: 'keyed', topicId: id }]
  expect((await client.send(metadata, 12, { topics, allowAutoTopicCreation: true })).topics).toMatchObject([
    { errorCode: 0, name: 'orders' },
  ])
})

test('no request creates more than 10,000 partitions', async () => {
  const topic = (name: string) => ({ name, numPartitions: 6000, replicationFactor: 1, assignments: [], configs: [] })
  const { topics } = await client.send(createTopics, 7, { topics: [topic('wide-1'), topic('wide-2')], validateOnly: true })
  expect(topics).toMatchObject([{ errorCode: 44 }, { errorCode: 44, errorMessage: 'Excessively large number of partitions per request.' }])
  const grow = async (count: number) => {
    const request = { topics: [{ name: 'orders', count, assignments: null }], timeoutMs: 1000, validateOnly: true }
    return (await client.send(createPartitions, 3, request)).results[0]!.errorCode
  }
  expect([await grow(10_002), await grow(10_003)]).toEqual([0, 44])
})

test('offsets and timestamps at the ends of int64 get a response; the connection stays open', async () => {
  const greatest = Buffer.from('7fffffffffffffff', 'hex')
  const least = Buffer.from('8000000000000000', 'hex')
  const placeholder = 4_919_131_752_989_213
  const placeholderBytes = Buffer.alloc(8)
  placeholderBytes.writeBigInt64BE(BigInt(placeholder))
  const send = async (api: AnyApi, version: number, request: unknown, value: Buffer) => {
    const frame = encodeRequest(api, version, 7, request)
    value.copy(frame, frame.indexOf(placeholderBytes))
    client.write(frame)
    return client.frame()
  }
  const byTime = {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: placeholder }] }],
  }
  // No record is that late, and a timestamp below the special ones is not supported.
  expect((await send(listOffsets, 7, byTime, greatest)).includes(Buffer.from('0000ffffffffffffffffffffffffffffffff', 'hex'))).toBe(true)
  expect((await send(listOffsets, 7, byTime, least)).includes(Buffer.from('0023ffffffffffffffffffffffffffffffff', 'hex'))).toBe(true)
  const partitions = [{ partition: 0, fetchOffset: placeholder, partitionMaxBytes: 100 }]
  const reading = { maxWaitMs: 0, minBytes: 0, isolationLevel: 0, topics: [{ topic: 'orders', partitions }] }
  for (const value of [greatest, least])
    expect((await send(fetch, 4, reading, value)).includes(Buffer.from('0001ffffffffffffffff', 'hex'))).toBe(true)
  const removal = { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: placeholder }] }], timeoutMs: 100 }
  for (const value of [greatest, least])
    expect((await send(deleteRecords, 1, removal, value)).includes(Buffer.from('ffffffffffffffff0001', 'hex'))).toBe(true)
})
