/**
 * Goal: a waiting fetch gets a response for the topic and the offsets that it requested. The offset after a record that is not durable yet
 * is no error, and a topic recreated under its name is not the topic of the requested id. Method: a broker on a disk whose fdatasync is
 * delayed; topics are deleted and recreated under a waiting fetch.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import { type RunningBroker, startBroker } from '../../core/index.ts'
import { realDisk } from '../../core/system/disk.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { batchOf, faultyDisk } from '../core/log/scratch-log.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'

const dir = mkdtempSync(join(tmpdir(), 'tributary-fetch-'))
const disk = faultyDisk()
let broker: RunningBroker
let client: RawClient
let producer: RawClient
const flushed = Promise.withResolvers<void>()

beforeAll(async () => {
  broker = await startBroker(
    { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir },
    { ...realSystem('silent'), logger: silentLogger, disk },
  )
  client = await rawClient(broker.addresses[0]!.port)
  producer = await rawClient(broker.addresses[0]!.port)
})
afterAll(async () => {
  flushed.resolve()
  client.close()
  producer.close()
  await broker.close()
  rmSync(dir, { recursive: true, force: true })
})

const create = (name: string) => broker.cluster.createTopic({ name, partitions: 1, replicationFactor: 1 })
const produceOne = async (name: string, acks: number) => {
  const partitionData = [{ index: 0, records: batchOf(['value'], { timestamp: Date.now() }) }]
  return (await producer.send(produce, 9, { acks, timeoutMs: 5000, topicData: [{ name, partitionData }] })).responses[0]!
    .partitionResponses[0]!
}
const fetchFrom = async (topic: { topic?: string; topicId?: string }, fetchOffset: number, over: object = {}) => {
  const topics = [{ ...topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }]
  const version = topic.topicId === undefined ? 12 : 13
  const request = { maxWaitMs: 0, minBytes: 1, isolationLevel: 0, topics, ...over }
  return (await client.send(fetch, version, request as never)).responses[0]!.partitions[0]!
}

test('the offset after a record that is not durable yet is no error: the record is served once it is durable', async () => {
  await create('slow')
  await produceOne('slow', -1)
  disk.fdatasync = async (file) => {
    await flushed.promise
    return realDisk.fdatasync(file)
  }
  expect(await produceOne('slow', 1)).toMatchObject({ errorCode: 0, baseOffset: 1 })
  expect(await fetchFrom({ topic: 'slow' }, 2)).toMatchObject({ errorCode: 0, highWatermark: 1, records: Buffer.alloc(0) })
  expect(await fetchFrom({ topic: 'slow' }, 3)).toMatchObject({ errorCode: 1 })
  flushed.resolve()
  await until(async () => (await fetchFrom({ topic: 'slow' }, 2)).highWatermark === 2, 'the record is served')
})

test('a topic recreated under a waiting fetch is not the topic of the requested id', async () => {
  const { id } = await create('recreated')
  const waiting = fetchFrom({ topicId: id }, 0, { maxWaitMs: 20_000 })
  await until(() => broker.fetchPurgatory.size === 1, 'the fetch waits')
  const deleted = broker.cluster.deleteTopic('recreated')
  const created = create('recreated')
  await Promise.all([deleted, created])
  expect(await waiting).toMatchObject({ errorCode: 100 })
})

test('a fetch does not wait for more bytes than its max.bytes', async () => {
  await create('small')
  await produceOne('small', -1)
  expect((await fetchFrom({ topic: 'small' }, 0, { maxWaitMs: 20_000, minBytes: 100_000, maxBytes: 50 })).records?.length).toBeGreaterThan(
    0,
  )
})
