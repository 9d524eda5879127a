/**
 * Goal: a fetch is answered for the topic and the offsets that it asked for, whatever happens while it waits: an offset that was given out and is not
 * served yet is no error, and a topic that was made again under its name is not the one that a topic id named. Method: a broker on a disk whose
 * fdatasync is held back; topics deleted and made again under a waiting fetch.
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
let writer: RawClient
let letGo = () => {}
const held = new Promise<void>((resolve) => {
  letGo = resolve
})

beforeAll(async () => {
  broker = await startBroker(
    { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir },
    { ...realSystem('silent'), logger: silentLogger, disk },
  )
  client = await rawClient(broker.addresses[0]!.port)
  writer = await rawClient(broker.addresses[0]!.port)
})
afterAll(async () => {
  letGo()
  client.close()
  writer.close()
  await broker.close()
  rmSync(dir, { recursive: true, force: true })
})

const create = (name: string) => broker.cluster.createTopic({ name, partitions: 1, replicationFactor: 1 })
const put = async (name: string, acks: number) => {
  const partitionData = [{ index: 0, records: batchOf(['value'], { timestamp: Date.now() }) }]
  return (await writer.send(produce, 9, { acks, timeoutMs: 5000, topicData: [{ name, partitionData }] })).responses[0]!
    .partitionResponses[0]!
}
const get = async (asked: { topic?: string; topicId?: string }, fetchOffset: number, over: object = {}) => {
  const topics = [{ ...asked, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }]
  const version = asked.topicId === undefined ? 12 : 13
  const request = { maxWaitMs: 0, minBytes: 1, isolationLevel: 0, topics, ...over }
  return (await client.send(fetch, version, request as never)).responses[0]!.partitions[0]!
}

test('the offset behind a record that is written and not served yet is no error: it is served from there once it may be', async () => {
  await create('slow')
  await put('slow', -1)
  disk.fdatasync = async (file) => {
    await held
    return realDisk.fdatasync(file)
  }
  expect(await put('slow', 1)).toMatchObject({ errorCode: 0, baseOffset: 1 })
  expect(await get({ topic: 'slow' }, 2)).toMatchObject({ errorCode: 0, highWatermark: 1, records: Buffer.alloc(0) })
  expect(await get({ topic: 'slow' }, 3)).toMatchObject({ errorCode: 1 })
  letGo()
  await until(async () => (await get({ topic: 'slow' }, 2)).highWatermark === 2, 'the record to be served')
})

test('a topic that was deleted and made again under a waiting fetch is not the one that the topic id named', async () => {
  const { id } = await create('again')
  const waiting = get({ topicId: id }, 0, { maxWaitMs: 20_000 })
  await until(() => broker.fetchPurgatory.size === 1, 'the fetch to wait')
  const deleted = broker.cluster.deleteTopic('again')
  const made = create('again')
  await Promise.all([deleted, made])
  expect(await waiting).toMatchObject({ errorCode: 100 })
})

test('a fetch does not wait for more bytes than its answer may hold', async () => {
  await create('small')
  await put('small', -1)
  expect((await get({ topic: 'small' }, 0, { maxWaitMs: 20_000, minBytes: 100_000, maxBytes: 50 })).records?.length).toBeGreaterThan(0)
})
