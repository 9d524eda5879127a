/**
 * Goal: clients are held to their quotas: the response comes at once, and the connection is muted for the throttle time (KIP-219); nobody
 * else waits. Method: a broker whose clock is fast, and raw connections. Least durations are judged, by that clock: a slow machine only
 * takes longer.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import produce from '../../../core/apis/00-produce.ts'
import fetch from '../../../core/apis/01-fetch.ts'
import metadata from '../../../core/apis/03-metadata.ts'
import createTopics from '../../../core/apis/19-create-topics.ts'
import { type Clock, realClock } from '../../../core/system/clock.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { encodeRequest, type RawClient } from '../../raw-client.ts'
import { until } from '../../until.ts'

const SPEED = 20
const fastClock: Clock = {
  ...realClock,
  monotonic: () => realClock.monotonic() * SPEED,
  after: (delayMs, task) => realClock.after(delayMs / SPEED, task),
  every: (periodMs, task) => realClock.every(periodMs / SPEED, task),
  sleep: (delayMs, signal) => realClock.sleep(delayMs / SPEED, signal),
}
const IDLE_MS = 30_000

let server: BrokerInProcess
beforeAll(async () => {
  // Windows of a minute and ten seconds, and connections that are soon idle.
  const windows = { 'quota.window.num': '7', 'quota.window.size.seconds': '10' }
  server = await brokerInProcess({ ...windows, 'connections.max.idle.ms': `${IDLE_MS}` }, { clock: fastClock })
  await server.broker.cluster.createTopic({ name: 'bytes', partitions: 1, replicationFactor: 1 })
})
afterAll(() => server.stop())
afterEach(async () => {
  const entries = [...server.broker.cluster.clientQuotas()]
  const removals = entries.map(({ entity, quotas }) => ({
    entity,
    ops: Object.keys(quotas).map((key) => ({ key, value: 0, remove: true })),
  }))
  await server.broker.cluster.alterClientQuotas(removals, false)
  expect(server.broker.quotas.isEnabled).toBe(false)
})

async function setQuota(clientId: string, key: string, value: number): Promise<void> {
  const entity = [{ entityType: 'client-id', entityName: clientId }]
  const outcomes = await server.broker.cluster.alterClientQuotas([{ entity, ops: [{ key, value, remove: false }] }], false)
  expect(outcomes).toMatchObject([{ error: null }])
}

const BATCH_BYTES = 20_000
const produced = (bytes = BATCH_BYTES, acks = 1) => ({
  transactionalId: null,
  acks,
  timeoutMs: 30_000,
  topicData: [
    {
      name: 'bytes',
      topicId: ZERO_UUID,
      partitionData: [{ index: 0, records: encodeBatch([{ key: null, value: Buffer.alloc(bytes, 1), timestamp: 1 }]) }],
    },
  ],
})
const fetched = (maxBytes: number) => ({
  replicaId: -1,
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: [{ topic: 'bytes', topicId: ZERO_UUID, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: maxBytes }] }],
  forgottenTopicsData: [],
  rackId: '',
})
const brokersOnly = { topics: [], allowAutoTopicCreation: false }

const withClient = async <T>(use: (client: RawClient) => Promise<T>): Promise<T> => {
  const client = await server.client()
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

/** How long it takes in the broker's time. */
async function timed<T>(task: () => Promise<T>): Promise<{ result: T; durationMs: number }> {
  const startedAt = fastClock.monotonic()
  const result = await task()
  return { result, durationMs: fastClock.monotonic() - startedAt }
}

describe('producer_byte_rate', () => {
  test('a producer that sends all at once is held to its rate', async () => {
    await setQuota('fast', 'producer_byte_rate', 5000)
    const requests = 30
    const { durationMs } = await timed(() =>
      withClient((client) => Promise.all(Array.from({ length: requests }, () => client.send(produce, 9, produced(), 'fast')))),
    )
    // 600 KB at 5 KB/s, less the minute that may be used at once, and the last request, which waits for nothing.
    expect(durationMs).toBeGreaterThan(54_000)
  })

  test('the response comes first, then nothing is read from the connection, and it is not idle', async () => {
    await setQuota('slow', 'producer_byte_rate', 200)
    await withClient(async (client) => {
      const { result: throttleTimeMs, durationMs } = await timed(async () => {
        const response = await client.send(produce, 9, produced(), 'slow')
        const next = client.send(metadata, 12, brokersOnly, 'slow')
        // Meanwhile the same client is answered on another connection, and others are too.
        await withClient((other) => other.send(metadata, 12, brokersOnly, 'slow'))
        await withClient((other) => other.send(produce, 9, produced(), 'other'))
        expect(await server.broker.system.metrics.text()).toContain('tributary_quota_throttled_connections 1')
        await next
        return response.throttleTimeMs
      })
      expect(throttleTimeMs).toBeGreaterThan(IDLE_MS)
      expect(durationMs).toBeGreaterThanOrEqual(throttleTimeMs)
      expect(client.closed).toBe(false)
    })
  })

  test('with acks=0 the client waits without a response', async () => {
    await setQuota('silent', 'producer_byte_rate', 250)
    await withClient(async (client) => {
      const { durationMs } = await timed(async () => {
        client.write(encodeRequest(produce, 9, 1, produced(BATCH_BYTES, 0), 'silent'))
        await client.send(metadata, 12, brokersOnly, 'silent')
      })
      expect(durationMs).toBeGreaterThan(19_000)
    })
  })
})

test('consumer_byte_rate: a response over the quota is empty, and what was not sent does not count', async () => {
  await withClient((client) => client.send(produce, 9, produced(), 'filler'))
  await setQuota('reader', 'consumer_byte_rate', 450)
  const read = () => withClient((client) => client.send(fetch, 11, fetched(BATCH_BYTES + 100), 'reader'))
  const first = await read()
  const second = await read()
  expect([first.throttleTimeMs, first.responses.length]).toEqual([0, 1])
  expect(second.throttleTimeMs).toBeGreaterThan(0)
  expect(second).toMatchObject({ errorCode: 0, sessionId: 0, responses: [] })
  const third = await until(async () => {
    const response = await read()
    return response.responses.length > 0 ? response : null
  }, 'the consumer gets records again')
  expect(third?.throttleTimeMs).toBe(0)
})

test('consumer_byte_rate: no response is larger than what one window allows', async () => {
  for (let sent = 0; sent < 5; sent++) await withClient((client) => client.send(produce, 9, produced(), 'filler'))
  await setQuota('reader of much', 'consumer_byte_rate', Math.floor((2.5 * BATCH_BYTES) / 60))
  const { responses } = await withClient((client) => client.send(fetch, 11, fetched(1_000_000), 'reader of much'))
  const { length } = responses[0]!.partitions[0]!.records!
  expect(length).toBeGreaterThan(2 * BATCH_BYTES)
  expect(length).toBeLessThan(2.5 * BATCH_BYTES)
})

test('request_percentage: every API is throttled, for one window at most', async () => {
  await setQuota('busy', 'request_percentage', 0.0001)
  const { result, durationMs } = await timed(() =>
    withClient(async (client) => [
      await client.send(metadata, 12, brokersOnly, 'busy'),
      await client.send(metadata, 12, brokersOnly, 'busy'),
    ]),
  )
  expect(result.map(({ throttleTimeMs }) => throttleTimeMs)).toEqual([10_000, 10_000])
  expect(durationMs).toBeGreaterThanOrEqual(10_000)
  const text = await server.broker.system.metrics.text()
  expect(text).toMatch(/tributary_quota_request_time\{type="Request",user="",client_id="busy"\} \d/)
  expect(text).toContain('tributary_quota_throttle_time{type="Request",user="",client_id="busy"} 10000')
})

test('controller_mutation_rate: a refused request is throttled as well', async () => {
  await setQuota('admin', 'controller_mutation_rate', 0.1)
  const create = (client: RawClient, name: string, numPartitions: number) => {
    const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }]
    return client.send(createTopics, 7, { topics, timeoutMs: 1000, validateOnly: false }, 'admin')
  }
  await withClient(async (client) => {
    expect(await create(client, 'many', 4)).toMatchObject({ throttleTimeMs: 0, topics: [{ errorCode: 0 }] })
    const { throttleTimeMs, topics } = await create(client, 'more', 1)
    expect(topics).toMatchObject([{ errorCode: 89, errorMessage: null }])
    expect(throttleTimeMs).toBeGreaterThan(10_000)
    expect(await server.broker.system.metrics.text()).toContain('tributary_quota_throttled_connections 1')
    expect(await client.send(metadata, 12, brokersOnly, 'admin')).toMatchObject({ throttleTimeMs: 0 })
  })
  expect(server.broker.cluster.topic('more')).toBeUndefined()
})

test('without quotas nothing is recorded', async () => {
  const { produce: producers, fetch: consumers, request, mutation } = server.broker.quotas
  const sizes = () => [producers, consumers, request, mutation].map(({ sensors }) => sensors.size)
  const before = sizes()
  await withClient((client) => client.send(produce, 9, produced(), 'unmeasured'))
  await withClient((client) => client.send(fetch, 11, fetched(1000), 'unmeasured'))
  expect(sizes()).toEqual(before)
})

test('a broker that stops answers what it has read from throttled connections', async () => {
  await setQuota('stopped', 'producer_byte_rate', 1)
  const client = await server.client()
  const requests = [1, 2].map((id) => encodeRequest(produce, 9, id, produced(), 'stopped'))
  client.write(Buffer.concat(requests))
  const first = await client.frame()
  const stopping = server.broker.close()
  const second = await client.frame()
  expect([first.readInt32BE(0), second.readInt32BE(0)]).toEqual([1, 2])
  await stopping
  await server.restart()
  // The quota is kept, as all metadata is.
  expect([...server.broker.cluster.clientQuotas()]).toMatchObject([{ quotas: { producer_byte_rate: 1 } }])
  expect(server.broker.quotas.produce.isEnabled).toBe(true)
})
