/**
 * Goal: what Apache Kafka 4.3.1 was seen to answer, and we did not. Method: raw requests to a broker; the expected codes are Kafka's own, found by
 * sending the same to both.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import fetch from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import metadata from '../../core/apis/03-metadata.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import createPartitions from '../../core/apis/37-create-partitions.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import type { AnyApi } from '../../core/wire/api.ts'
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
    const asked = resources.map(({ name, configs }) => ({
      resourceType: 2,
      resourceName: name,
      configs: configs.map(([key, value, configOperation]) => ({ name: key, value, configOperation })),
    }))
    const { responses } = await client.send(incrementalAlterConfigs, 1, { resources: asked, validateOnly: false })
    return responses.map(({ errorCode }) => errorCode)
  }

  test('a config that is not known may be deleted: MirrorMaker 2 does so for each that its source has at the default', async () => {
    expect(await alter({ name: 'orders', configs: [['message.format.version', null, 1], ['retention.ms', '5000', 0]] })).toEqual([0]) // biome-ignore format: one line
    expect(server.broker.cluster.topic('orders')!.configs).toEqual({ 'retention.ms': '5000' })
    expect(await alter({ name: 'orders', configs: [['foo', 'x', 0]] })).toEqual([40])
    expect(await alter({ name: 'orders', configs: [['foo', 'x', 2]] })).toEqual([40])
    expect(await alter({ name: 'orders', configs: [['toString', '5', 0]] })).toEqual([40])
  })

  test('names that no topic can have, and a resource that is there twice', async () => {
    const set: [string, string, number][] = [['retention.ms', '1', 0]]
    expect(await alter({ name: 'a b', configs: set })).toEqual([17])
    expect(await alter({ name: '', configs: set })).toEqual([42])
    expect(await alter({ name: 'keyed', configs: set }, { name: 'orders', configs: set }, { name: 'keyed', configs: set })).toEqual([
      42, 0, 42,
    ])
    expect(server.broker.cluster.topic('keyed')!.configs).toEqual({ 'cleanup.policy': 'compact' })
  })
})

test('DeleteRecords keeps its hands off the offsets topic and off topics that are only compacted', async () => {
  await client.send(findCoordinator, 2, { key: 'g', keyType: 0 })
  const remove = async (name: string) => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset: -1 }] }]
    return (await client.send(deleteRecords, 2, { topics, timeoutMs: 1000 })).topics[0]!.partitions[0]
  }
  expect(await remove('__consumer_offsets')).toMatchObject({ errorCode: 17, lowWatermark: -1 })
  expect(await remove('keyed')).toMatchObject({ errorCode: 44, lowWatermark: -1 })
  expect(await remove('orders')).toMatchObject({ errorCode: 0, lowWatermark: 0 })
})

test('Metadata tells what a client may do, where it asks', async () => {
  const ask = (version: number, more: object) =>
    client.send(metadata, version, { topics: [{ name: 'orders', topicId: ZERO_UUID }], allowAutoTopicCreation: false, ...more })
  const all = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true }
  for (const version of [8, 10])
    expect(await ask(version, all)).toMatchObject({ clusterAuthorizedOperations: 8096, topics: [{ topicAuthorizedOperations: 3576 }] })
  expect((await ask(12, all)).topics).toMatchObject([{ topicAuthorizedOperations: 3576 }])
  expect(await ask(8, {})).toMatchObject({
    clusterAuthorizedOperations: -2147483648,
    topics: [{ topicAuthorizedOperations: -2147483648 }],
  })
})

test('Metadata by an id looks for the id, whatever name comes with it', async () => {
  const { id } = server.broker.cluster.topic('orders')!
  const topics = [{ name: 'keyed', topicId: id }]
  expect((await client.send(metadata, 12, { topics, allowAutoTopicCreation: true })).topics).toMatchObject([
    { errorCode: 0, name: 'orders' },
  ])
})

test('no request makes more than 10,000 partitions', async () => {
  const topic = (name: string) => ({ name, numPartitions: 6000, replicationFactor: 1, assignments: [], configs: [] })
  const { topics } = await client.send(createTopics, 7, { topics: [topic('wide-1'), topic('wide-2')], validateOnly: true })
  expect(topics).toMatchObject([{ errorCode: 44 }, { errorCode: 44, errorMessage: 'Excessively large number of partitions per request.' }])
  const grow = async (count: number) => {
    const asked = { topics: [{ name: 'orders', count, assignments: null }], timeoutMs: 1000, validateOnly: true }
    return (await client.send(createPartitions, 3, asked)).results[0]!.errorCode
  }
  expect([await grow(10_002), await grow(10_003)]).toEqual([0, 44])
})

test('offsets and times at the ends of an int64 are asked for, and no reason to end the connection', async () => {
  const greatest = Buffer.from('7fffffffffffffff', 'hex')
  const least = Buffer.from('8000000000000000', 'hex')
  const mark = 4_919_131_752_989_213
  const marked = Buffer.alloc(8)
  marked.writeBigInt64BE(BigInt(mark))
  const ask = async (api: AnyApi, version: number, request: unknown, value: Buffer) => {
    const frame = encodeRequest(api, version, 7, request)
    value.copy(frame, frame.indexOf(marked))
    client.write(frame)
    return client.frame()
  }
  const times = { replicaId: -1, isolationLevel: 0, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: mark }] }] }
  // no record is that late; and what is asked for below the specials is not known
  expect((await ask(listOffsets, 7, times, greatest)).includes(Buffer.from('0000ffffffffffffffffffffffffffffffff', 'hex'))).toBe(true)
  expect((await ask(listOffsets, 7, times, least)).includes(Buffer.from('0023ffffffffffffffffffffffffffffffff', 'hex'))).toBe(true)
  const partitions = [{ partition: 0, fetchOffset: mark, partitionMaxBytes: 100 }]
  const read = { maxWaitMs: 0, minBytes: 0, isolationLevel: 0, topics: [{ topic: 'orders', partitions }] }
  for (const value of [greatest, least])
    expect((await ask(fetch, 4, read, value)).includes(Buffer.from('0001ffffffffffffffff', 'hex'))).toBe(true)
  const away = { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: mark }] }], timeoutMs: 100 }
  for (const value of [greatest, least])
    expect((await ask(deleteRecords, 1, away, value)).includes(Buffer.from('ffffffffffffffff0001', 'hex'))).toBe(true)
})
