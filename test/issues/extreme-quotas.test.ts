/**
 * Goal: quotas that make no sense, but that AlterClientQuotas takes as Kafka does, neither close connections nor stop clients for ever:
 * tiny ones, NaN and Infinity. Method: a broker in this process and raw connections.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import metadata from '../../core/apis/03-metadata.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import describeQuotas from '../../core/apis/48-describe-client-quotas.ts'
import alterQuotas from '../../core/apis/49-alter-client-quotas.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'

const LONGEST_MS = 2 ** 31 - 1

let server: BrokerInProcess
beforeAll(async () => {
  server = await brokerInProcess()
  await server.broker.cluster.createTopic({ name: 'records', partitions: 1, replicationFactor: 1 })
})
afterAll(() => server.stop())

async function setQuota(clientId: string, key: string, value: number): Promise<void> {
  const client = await server.client()
  const entity = [{ entityType: 'client-id', entityName: clientId }]
  const { entries } = await client.send(alterQuotas, 1, {
    entries: [{ entity, ops: [{ key, value, remove: false }] }],
    validateOnly: false,
  })
  expect(entries).toMatchObject([{ errorCode: 0 }])
}

const create = async (clientId: string, name: string) => {
  const topics = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  const client = await server.client()
  return client.send(createTopics, 7, { topics, timeoutMs: 30_000, validateOnly: false }, clientId)
}
const send = async (clientId: string) => {
  const records = encodeBatch([{ key: null, value: Buffer.alloc(1000), timestamp: 1 }])
  const topicData = [{ name: 'records', topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
  const client = await server.client()
  return client.send(produce, 9, { transactionalId: null, acks: 1, timeoutMs: 30_000, topicData }, clientId)
}
const read = async (clientId: string) => {
  const client = await server.client()
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
  const topics = [{ topic: 'records', topicId: ZERO_UUID, partitions }]
  const request = { replicaId: -1, maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 }
  return client.send(fetch, 11, { ...request, topics, forgottenTopicsData: [], rackId: '' }, clientId)
}

test('a tiny controller_mutation_rate: the longest throttle time that fits into the response', async () => {
  await setQuota('creator', 'controller_mutation_rate', 1e-9)
  expect(await create('creator', 'first')).toMatchObject({ throttleTimeMs: 0, topics: [{ errorCode: 0 }] })
  const { throttleTimeMs, topics } = await create('creator', 'second')
  expect(topics).toMatchObject([{ errorCode: 89 }])
  // Less the time since then.
  expect(throttleTimeMs).toBeGreaterThan(LONGEST_MS - 60_000)
})

test('a tiny producer_byte_rate: the same', async () => {
  await setQuota('producer', 'producer_byte_rate', 1e-7)
  expect(await send('producer')).toMatchObject({ throttleTimeMs: LONGEST_MS, responses: [{ partitionResponses: [{ errorCode: 0 }] }] })
})

test.each([Number.NaN, Number.POSITIVE_INFINITY])('%f is no limit', async (value) => {
  for (const key of ['request_percentage', 'controller_mutation_rate']) await setQuota(`${value}`, key, value)
  expect(await send(`${value}`)).toMatchObject({ throttleTimeMs: 0 })
  expect(await create(`${value}`, `topic-of-${value}`)).toMatchObject({ throttleTimeMs: 0, topics: [{ errorCode: 0 }] })
  expect(await create(`${value}`, `other-of-${value}`)).toMatchObject({ throttleTimeMs: 0, topics: [{ errorCode: 0 }] })
  const client = await server.client()
  expect(await client.send(metadata, 12, { topics: [], allowAutoTopicCreation: false }, `${value}`)).toMatchObject({ throttleTimeMs: 0 })
  const { entries } = await client.send(describeQuotas, 1, { components: [], strict: false })
  expect(entries!.flatMap(({ values }) => values.map((each) => each.value))).toContainEqual(value)
})

test('a consumer_byte_rate of NaN or 1 still gives a consumer its records', async () => {
  await send('filler')
  for (const value of [Number.NaN, 1]) {
    await setQuota(`reader-${value}`, 'consumer_byte_rate', value)
    const { responses, throttleTimeMs } = await read(`reader-${value}`)
    // Kafka sends one batch even so, unless it is over the quota: then the response is empty.
    if (value === 1) expect(throttleTimeMs).toBeGreaterThan(0)
    else expect(responses[0]!.partitions[0]!.records!.length).toBeGreaterThan(1000)
  }
})
