/**
 * Goal: Kafka's tools for transactions work with our broker as with Apache Kafka's. Method: each tool as an operator runs it, on a
 * transaction that is open, on one that hangs because its coordinator does not know it, and with the load tools that write transactions.
 * TRIBUTARY_TEST_PEERS_BROKER=kafka runs it on Apache Kafka.
 */
import kafkajs, { type Transaction } from 'kafkajs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { TRANSACTION_SETTINGS } from '../conformance/transaction-scenario.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { kafkaTool, startApacheKafka } from './apache-kafka.ts'

// Each tool starts a JVM.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const TOPIC = 'rivers'
const HOUR_MS = 3_600_000
/** Without the check that a partition belongs to a transaction: a transaction can then be left hanging, as an old client can leave it. */
const SETTINGS = { ...TRANSACTION_SETTINGS, 'transaction.partition.verification.enable': 'false' }

let broker: { address: string; port: number; stop(): Promise<void> }
let raw: RawClient
const kafka = () => new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING })
const tool = (name: string, ...args: string[]) => kafkaTool([name, '--bootstrap-server', broker.address, ...args])
const transactions = (...args: string[]) => tool('kafka-transactions', ...args)
/** The rows of a tool's table, by the names of its columns. */
const table = (out: string): Record<string, string>[] => {
  const [names, ...rows] = out
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s*\t\s*/))
  return rows.map((row) => Object.fromEntries(names!.map((name, index) => [name, row[index] ?? ''])))
}

async function end(topic: string, isolationLevel: 0 | 1): Promise<number> {
  const { topics } = await raw.send(listOffsets, 5, {
    replicaId: -1,
    isolationLevel,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  })
  return topics[0]!.partitions[0]!.offset
}

beforeAll(async () => {
  broker = process.env.TRIBUTARY_TEST_PEERS_BROKER === 'kafka' ? await startApacheKafka(SETTINGS) : await startTestBroker(SETTINGS)
  raw = await rawClient(broker.port)
  const admin = kafka().admin()
  await admin.connect()
  const topics = [TOPIC, 'hanging', 'perf', 'copy-in', 'copy-out'].map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1 }))
  await admin.createTopics({ topics, waitForLeaders: true })
  await admin.disconnect()
})
afterAll(async () => {
  raw?.close()
  await broker?.stop()
})

test('kafka-transactions: list, describe, describe-producers and forceTerminateTransaction of an open transaction', async () => {
  const producer = kafka().producer({ transactionalId: 'gauge', maxInFlightRequests: 1, transactionTimeout: 600_000 })
  await producer.connect()
  try {
    const open: Transaction = await producer.transaction()
    await open.send({ topic: TOPIC, messages: [{ value: 'rising', partition: 0 }] })

    const listed = table(await transactions('list')).find(({ TransactionalId }) => TransactionalId === 'gauge')!
    expect(listed).toMatchObject({ Coordinator: '1', TransactionState: 'Ongoing' })

    const [described] = table(await transactions('describe', '--transactional-id', 'gauge'))
    expect(described).toMatchObject({
      CoordinatorId: '1',
      TransactionalId: 'gauge',
      ProducerId: listed.ProducerId,
      ProducerEpoch: '0',
      TransactionState: 'Ongoing',
      TransactionTimeoutMs: '600000',
      TopicPartitions: `${TOPIC}-0`,
    })
    expect(Number(described!.TransactionDurationMs)).toBeGreaterThan(0)

    const [ofPartition] = table(await transactions('describe-producers', '--topic', TOPIC, '--partition', '0'))
    expect(ofPartition).toMatchObject({
      ProducerId: listed.ProducerId,
      ProducerEpoch: '0',
      LastSequence: '0',
      CurrentTransactionStartOffset: '0',
    })
    expect(table(await transactions('find-hanging', '--broker-id', '1'))).toEqual([])

    await transactions('forceTerminateTransaction', '--transactionalId', 'gauge')
    await until(async () => (await end(TOPIC, 1)) === (await end(TOPIC, 0)), 'the transaction has ended')
    await expect(open.commit()).rejects.toThrow()
    const [after] = table(await transactions('describe', '--transactional-id', 'gauge'))
    expect(after).toMatchObject({ TransactionState: 'Empty', TopicPartitions: '' })
  } finally {
    await producer.disconnect()
  }
})

test('kafka-transactions: find-hanging shows a transaction that no coordinator knows, and abort ends it', async () => {
  const producerId = 7_000
  const records = [{ key: null, value: Buffer.from('stuck'), timestamp: Date.now() - HOUR_MS }]
  const { responses } = await raw.send(produce, 7, {
    transactionalId: 'lost',
    acks: -1,
    timeoutMs: 10_000,
    topicData: [
      {
        name: 'hanging',
        partitionData: [
          { index: 0, records: encodeBatch(records, { producerId, producerEpoch: 3, baseSequence: 0, transactional: true }) },
        ],
      },
    ],
  })
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
  expect(await end('hanging', 1)).toBe(0)

  const [found] = table(await transactions('find-hanging', '--broker-id', '1'))
  expect(found).toMatchObject({ Topic: 'hanging', Partition: '0', ProducerId: `${producerId}`, ProducerEpoch: '3', StartOffset: '0' })
  await transactions('abort', '--topic', 'hanging', '--partition', '0', '--start-offset', '0')
  expect(await end('hanging', 1)).toBe(2)
  expect(table(await transactions('find-hanging', '--broker-id', '1'))).toEqual([])
})

test('kafka-producer-perf-test with transactions, and kafka-console-consumer with read_committed', async () => {
  const load = ['--topic', 'perf', '--num-records', '3000', '--record-size', '100', '--throughput', '-1']
  const transactional = ['--transactional-id', 'perf', '--transaction-duration-ms', '20']
  expect(await tool('kafka-producer-perf-test', ...load, ...transactional)).toMatch(/3000 records sent/)
  const consume = ['--topic', 'perf', '--from-beginning', '--isolation-level', 'read_committed', '--max-messages', '3000']
  const consumed = await tool('kafka-console-consumer', ...consume, '--timeout-ms', '30000')
  expect(consumed.trim().split('\n')).toHaveLength(3000)
  const markers = (await end('perf', 0)) - 3000
  expect(markers, 'each transaction has a marker').toBeGreaterThanOrEqual(1)
  const state = table(await transactions('list')).find(({ TransactionalId }) => TransactionalId === 'perf')
  expect(state).toMatchObject({ TransactionState: 'CompleteCommit' })
})

test('TransactionalMessageCopier copies each message once, with random aborts and its offsets in the transactions', async () => {
  const producer = kafka().producer()
  await producer.connect()
  const values = Array.from({ length: 1_000 }, (_, index) => `message ${index}`)
  await producer.send({ topic: 'copy-in', messages: values.map((value) => ({ value, partition: 0 })) })
  await producer.disconnect()
  const copy = ['--broker-list', broker.address, '--input-topic', 'copy-in', '--input-partition', '0', '--output-topic', 'copy-out']
  const how = ['--transactional-id', 'copier', '--consumer-group', 'copiers', '--transaction-size', '37', '--use-group-metadata']
  await kafkaTool(['transactional-message-copier', ...copy, ...how, '--enable-random-aborts'])
  const consume = ['--topic', 'copy-out', '--from-beginning', '--isolation-level', 'read_committed', '--max-messages', '1000']
  const consumed = await tool('kafka-console-consumer', ...consume, '--timeout-ms', '30000')
  expect(consumed.trim().split('\n')).toEqual(values)
  expect(await tool('kafka-consumer-groups', '--describe', '--group', 'copiers')).toMatch(/copiers\s+copy-in\s+0\s+1000\s/)
})
