/**
 * Goal: a transactional producer of kafkajs works unchanged: commits, aborts, offsets in transactions, and the fencing of its predecessor.
 * Method: a real broker in this process; a read-committed consumer, which is the default of kafkajs.
 */
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

const { Kafka, logLevel } = kafkajs

let server: BrokerInProcess
let kafka: InstanceType<typeof Kafka>
beforeAll(async () => {
  server = await brokerInProcess({ 'group.initial.rebalance.delay.ms': '0' })
  kafka = new Kafka({ brokers: [server.broker.address], clientId: 'transactions', logLevel: logLevel.NOTHING })
})
afterAll(() => server.stop())

async function newTopic(topic: string, numPartitions = 2): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
  await admin.disconnect()
}

async function transactional(transactionalId: string) {
  const producer = kafka.producer({
    transactionalId,
    maxInFlightRequests: 1,
    idempotent: true,
    retry: { retries: 20, initialRetryTime: 50 },
  })
  await producer.connect()
  return producer
}

const messages = (...values: string[]) => values.map((value, index) => ({ value, partition: index % 2 }))

test('committed records are read, in transactions one after the other; aborted ones are not', { timeout: 60_000 }, async () => {
  const topic = 'commits'
  await newTopic(topic)
  const producer = await transactional('commits')
  for (const [end, values] of [
    ['commit', ['a', 'b']],
    ['abort', ['never', 'never']],
    ['commit', ['c', 'd']],
    ['abort', ['never']],
    ['commit', ['e']],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: messages(...values) })
    await transaction[end]()
  }
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'commits', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const seen: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value!.toString()) })
  await until(() => seen.length >= 5, 'all committed records are read')
  await consumer.disconnect()
  expect(seen.sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('offsets are committed with the transaction, and dropped with it', { timeout: 60_000 }, async () => {
  const topic = 'offsets'
  await newTopic(topic)
  const admin = kafka.admin()
  await admin.connect()
  const offset = async () => (await admin.fetchOffsets({ groupId: 'g', topics: [topic] }))[0]!.partitions[0]!.offset
  const producer = await transactional('offsets')
  for (const [end, sent, expected] of [
    ['commit', '5', '5'],
    ['abort', '9', '5'],
    ['commit', '7', '7'],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: messages('x') })
    await transaction.sendOffsets({ consumerGroupId: 'g', topics: [{ topic, partitions: [{ partition: 0, offset: sent }] }] })
    await transaction[end]()
    await until(async () => (await offset()) === expected, `after ${end} of ${sent} the offset is ${expected}`)
  }
  await producer.disconnect()
  await admin.disconnect()
})

test('a second producer fences the first one, and its open transaction is aborted', { timeout: 60_000 }, async () => {
  const topic = 'fenced'
  await newTopic(topic)
  const first = await transactional('fenced')
  const open = await first.transaction()
  await open.send({ topic, messages: messages('never') })
  const second = await transactional('fenced')
  const transaction = await second.transaction()
  await transaction.send({ topic, messages: messages('seen') })
  await transaction.commit()
  await expect(open.commit()).rejects.toThrow(/epoch|fenced/i)
  await first.disconnect()
  await second.disconnect()
  const consumer = kafka.consumer({ groupId: 'fenced', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const seen: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value!.toString()) })
  await until(() => seen.length >= 1, 'the committed record is read')
  await consumer.disconnect()
  expect(seen).toEqual(['seen'])
})
