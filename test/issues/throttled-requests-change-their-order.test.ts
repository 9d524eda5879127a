/**
 * Goal: whatever a client sends in a row, and however its bytes are cut, a throttled connection keeps the order of requests, counts the
 * bytes of each once, and appends each Produce once, with acks=0 too. Method: a random mix of requests to a broker whose clock is fast,
 * with a seed that is logged; the window of the quota is long, so that nothing in it is forgotten.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import metadata from '../../core/apis/03-metadata.ts'
import { type Clock, realClock } from '../../core/system/clock.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { seededRandom } from '../random.ts'
import { encodeRequest } from '../raw-client.ts'
import { until } from '../until.ts'

const SPEED = 100
const fastClock: Clock = {
  ...realClock,
  monotonic: () => realClock.monotonic() * SPEED,
  after: (delayMs, task) => realClock.after(delayMs / SPEED, task),
  every: (periodMs, task) => realClock.every(periodMs / SPEED, task),
  sleep: (delayMs, signal) => realClock.sleep(delayMs / SPEED, signal),
}
const WINDOW_SECONDS = 1000
const RATE = 10
/** What may be sent at once, by the ten complete samples of eleven. */
const FREE_BYTES = RATE * WINDOW_SECONDS * 10
const VALUE_BYTES = 4000

let server: BrokerInProcess
beforeAll(async () => {
  const slow = { 'quota.window.size.seconds': `${WINDOW_SECONDS}`, 'connections.max.idle.ms': '2000000000' }
  server = await brokerInProcess(slow, { clock: fastClock })
  await server.broker.cluster.createTopic({ name: 'bytes', partitions: 1, replicationFactor: 1 })
})
afterAll(() => server.stop())

test('a random mix of requests, in random pieces', async () => {
  const random = seededRandom()
  const clientId = 'mixed'
  const entity = [{ entityType: 'client-id', entityName: clientId }]
  await server.broker.cluster.alterClientQuotas([{ entity, ops: [{ key: 'producer_byte_rate', value: RATE, remove: false }] }], false)
  const client = await server.client()
  const end = async () => {
    const request = { replicaId: -1, maxWaitMs: 0, minBytes: 1, maxBytes: 1, isolationLevel: 0, sessionId: 0, sessionEpoch: -1, rackId: '' }
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }]
    const topics = [{ topic: 'bytes', topicId: ZERO_UUID, partitions }]
    const { responses } = await client.send(fetch, 11, { ...request, topics, forgottenTopicsData: [] }, 'unlimited')
    return responses[0]!.partitions[0]!.highWatermark
  }
  const frames: Buffer[] = []
  const expected: number[] = []
  let producedBytes = 0
  let produced = 0
  for (let id = 1; producedBytes < FREE_BYTES * 1.1; id++) {
    const acks = random() < 0.3 ? 0 : 1
    if (random() < 0.4) frames.push(encodeRequest(metadata, 12, id, { topics: [], allowAutoTopicCreation: false }, clientId))
    else {
      const records = encodeBatch([{ key: null, value: Buffer.alloc(Math.floor(VALUE_BYTES * random())), timestamp: Date.now() }])
      const topicData = [{ name: 'bytes', topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
      const frame = encodeRequest(produce, 9, id, { transactionalId: null, acks, timeoutMs: 30_000, topicData }, clientId)
      frames.push(frame)
      // Less the length, and the header of version 2: 10 bytes, the client id, and the tags.
      producedBytes += frame.length - 4 - 10 - clientId.length - 1
      produced++
      if (acks === 0) continue
    }
    expected.push(id)
  }
  const bytes = Buffer.concat(frames)
  const startedAt = fastClock.monotonic()
  for (let at = 0; at < bytes.length; ) {
    const length = Math.ceil(random() ** 4 * 20_000)
    client.write(bytes.subarray(at, at + length))
    at += length
    if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
  }
  const received: number[] = []
  while (received.length < expected.length) received.push((await client.frame()).readInt32BE(0))
  expect(received).toEqual(expected)
  expect(fastClock.monotonic() - startedAt).toBeGreaterThanOrEqual(((producedBytes - 2 * VALUE_BYTES - FREE_BYTES) / RATE) * 1000)
  // The last one may have no response.
  await until(async () => (await end()) === produced, 'each Produce is appended')
  const { sensors } = server.broker.quotas.produce
  const { usage } = [...sensors.all()].find((sensor) => sensor.entity.clientId === clientId)!
  expect(usage.sum(server.broker.quotas.now())).toBe(producedBytes)
}, 120_000)
