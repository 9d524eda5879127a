/**
 * Goal: responses about transactions and the cleaner that once differed from Apache Kafka 4.3.1's. Method: raw requests to a broker; the
 * expected error codes are Kafka's own, recorded by sending the same requests to it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import writeTxnMarkers from '../../core/apis/27-write-txn-markers.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'

let server: BrokerInProcess
let client: RawClient
beforeAll(async () => {
  server = await brokerInProcess({ 'transaction.state.log.num.partitions': '2' })
  client = await server.client()
  await server.broker.cluster.createTopic({ name: 'orders', partitions: 1, replicationFactor: 1 })
  await client.send(findCoordinator, 4, { coordinatorKeys: ['tx'], keyType: 1 })
  const request = { transactionalId: 'tx', transactionTimeoutMs: 60_000 }
  await until(async () => (await client.send(initProducerId, 5, request)).errorCode === 0, 'the coordinator is ready')
})
afterAll(() => server?.stop())

test('a version of InitProducerId that is not advertised closes the connection', async () => {
  const other = await server.client()
  const sent = other.send(initProducerId, 6, { transactionalId: 'tx', transactionTimeoutMs: 60_000 })
  await expect(sent).rejects.toThrow('closed')
})

test('only -1 and -1 are no producer for InitProducerId', async () => {
  const init = async (version: number, producerId: number, producerEpoch: number) =>
    (await client.send(initProducerId, version, { transactionalId: 'tx', transactionTimeoutMs: 60_000, producerId, producerEpoch }))
      .errorCode
  expect(await init(5, -2, -2)).toBe(90)
  expect(await init(3, -2, -2)).toBe(47)
  expect(await init(5, -1, 3)).toBe(42)
  expect(await init(5, 3, -1)).toBe(42)
})

test('WriteTxnMarkers without a producer writes nothing', async () => {
  const write = async (producerId: number, producerEpoch: number) => {
    const marker = { producerId, producerEpoch, transactionResult: true, coordinatorEpoch: 0, transactionVersion: 2 }
    const { markers } = await client.send(writeTxnMarkers, 2, {
      markers: [{ ...marker, topics: [{ name: 'orders', partitionIndexes: [0] }] }],
    })
    return markers[0]!.topics[0]!.partitions[0]!.errorCode
  }
  expect(await write(-1, 0)).toBe(-1)
  expect(await write(7, -1)).toBe(-1)
  expect(server.broker.logs.get('orders', 0)!.logEndOffset).toBe(0)
})

test('the response to a duplicate has the timestamp of the stored batch', async () => {
  const { producerId } = await client.send(initProducerId, 5, { transactionalId: null, transactionTimeoutMs: 0 })
  const timestamp = Date.now() - 1_000
  const records = encodeBatch([{ key: null, value: Buffer.from('v'), timestamp }], { producerId, producerEpoch: 0, baseSequence: 0 })
  const send = async () => {
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const { responses } = await client.send(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData })
    return responses[0]!.partitionResponses[0]
  }
  expect(await send()).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: -1 })
  expect(await send()).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: timestamp })
})

test('log.cleaner.threads at most doubles or halves with one change', async () => {
  const set = async (value: string | null, validateOnly = false) => {
    const configs = [{ name: 'log.cleaner.threads', value, configOperation: value === null ? 1 : 0 }]
    const resources = [{ resourceType: 4, resourceName: '', configs }]
    return (await client.send(incrementalAlterConfigs, 1, { resources, validateOnly })).responses[0]!.errorCode
  }
  expect(await set('3')).toBe(42)
  expect(await set('3', true)).toBe(42)
  expect(await set('0')).toBe(42)
  expect(await set('2')).toBe(0)
  expect(await set('4')).toBe(0)
  expect(await set('1')).toBe(42)
  expect(await set(null)).toBe(42)
  expect(await set('2')).toBe(0)
  expect(await set(null)).toBe(0)
})
