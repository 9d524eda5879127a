/**
 * Goal: a worker runs connectors as Kafka Connect does, distributed and standalone. Method: real workers on a real broker in this process,
 * with connectors that tests can look into.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../until.ts'
import { ConnectClusters, inState, numbers, sink, source } from './connect-clusters.ts'

const clusters = new ConnectClusters()

test('a source task stores its position, and continues after it when the worker is restarted', async () => {
  const properties = clusters.settings()
  const first = await clusters.start(properties)
  const info = await first.create('a', source('a', { count: '10' }), 'RUNNING')
  expect(info).toEqual({ name: 'a', config: source('a', { count: '10' }), tasks: [], type: 'source' })
  await inState(first, 'a', 'RUNNING RUNNING')
  await until(async () => (await first.offsets('a'))[0]?.offset?.n === 10, 'all positions are stored')
  expect(await clusters.valuesIn('topic-a')).toEqual(numbers(10))
  expect(first.info('a').tasks).toEqual([{ connector: 'a', task: 0 }])
  expect(first.tasks('a')[0]!.config).toEqual({ ...source('a', { count: '10' }), task: '0', 'task.class': 'test.CountingSourceTask' })
  await until(() => first.topics('a').length === 1, 'its topic is recorded')
  expect(first.status('a').tasks[0]).toEqual({ id: 0, state: 'RUNNING', worker_id: first.workerId, version: '1.2.3' })
  await clusters.close(first)
  const second = await clusters.start(properties)
  await second.putConfig('a', source('a', { count: '15' }))
  await until(async () => (await second.offsets('a'))[0]?.offset?.n === 15, 'the rest is stored')
  expect(await clusters.valuesIn('topic-a')).toEqual(numbers(15))
  expect(clusters.probe('a').startPositions.every((begin) => begin === 0 || begin === 10)).toBe(true)
  expect(clusters.probe('a').mostRunning).toBe(1)
})

test('a sink task delivers each record once, commits after its flush, and continues there', async () => {
  const properties = clusters.settings()
  const worker = await clusters.start(properties)
  await worker.create('b', source('b', { count: '100', batch: '7' }), 'RUNNING')
  await worker.create('sink-b', sink('sink-b', 'topic-b'), 'RUNNING')
  const probe = clusters.probe('sink-b')
  await until(() => probe.flushedRecords.length === 100, 'all records are delivered')
  expect(probe.flushedRecords.map((record) => record.value)).toEqual(numbers(100))
  expect(probe.opened).toEqual(['topic-b-0'])
  await until(async () => (await worker.offsets('sink-b'))[0]?.offset?.kafka_offset === 100, 'the offset is committed')
  await worker.restartTask('sink-b', 0)
  await until(() => probe.starts === 2, 'the task has restarted')
  await inState(worker, 'sink-b', 'RUNNING RUNNING')
  await until(() => probe.opened.length === 2, 'its partition is back')
  expect(probe.flushedRecords).toHaveLength(100)
})

test('tasks.max raises and lowers the number of tasks', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('g', source('g', { 'tasks.max': '3' }), 'RUNNING')
  await inState(worker, 'g', 'RUNNING RUNNING RUNNING RUNNING')
  await until(async () => (await worker.offsets('g')).length === 3, 'three positions')
  await worker.putConfig('g', source('g', { 'tasks.max': '1' }))
  await inState(worker, 'g', 'RUNNING RUNNING')
  expect((await clusters.valuesIn('topic-g')).sort()).toEqual([0, 1, 2].flatMap((task) => numbers(10, task)).sort())
})

test('topics are created by topic.creation.*, and topics.regex follows new topics', async () => {
  const worker = await clusters.start(clusters.settings({ 'consumer.metadata.max.age.ms': '200', 'metadata.max.age.ms': '200' }))
  const created = { 'topic.creation.default.partitions': '4', 'topic.creation.default.replication.factor': '1' }
  await worker.create('sink-x', { name: 'sink-x', 'connector.class': 'KeepingSink', 'topics.regex': 'topic-x.' }, 'RUNNING')
  await worker.create('x1', source('x1', created), 'RUNNING')
  await worker.create('x2', source('x2'), 'RUNNING')
  const probe = clusters.probe('sink-x')
  await until(() => probe.flushedRecords.length === 20, 'the records of both topics')
  expect((await clusters.client.topic('topic-x1'))!.partitions).toHaveLength(4)
  await until(() => worker.topics('sink-x').join() === 'topic-x1,topic-x2', 'its topics are known')
})

test('internal topics with -1 partitions have the default of the cluster', async () => {
  const properties = clusters.settings({ 'offset.storage.partitions': '-1', 'offset.storage.replication.factor': '-1' })
  const worker = await clusters.start(properties)
  await worker.create('counted', source('counted', { count: '3' }), 'RUNNING')
  await until(async () => (await worker.offsets('counted')).length === 1, 'its position is stored')
  expect((await clusters.client.topic(properties['offset.storage.topic']!))?.partitions).toHaveLength(1)
  await expect(clusters.start(clusters.settings({ 'status.storage.partitions': '0' }))).rejects.toThrow(
    "Invalid value 0 for configuration status.storage.partitions: Number of partitions must be positive, or -1 to use the broker's default",
  )
})

test('a standalone worker keeps its positions in a file, and takes task configs from nobody', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'alone-'))
  const { 'group.id': _, ...settings } = clusters.settings()
  const properties = { ...settings, 'offset.storage.file.filename': join(folder, 'offsets.json') }
  const first = await clusters.start(properties)
  await first.create('t', source('t'), 'RUNNING')
  await until(async () => (await first.offsets('t'))[0]?.offset?.n === 10, 'positions are stored')
  await expect(first.putTaskConfigs('t', [], { key: null, algorithm: null, body: Buffer.alloc(0) })).rejects.toThrow(
    'Kafka Connect in standalone mode does not support externally setting task configurations.',
  )
  await clusters.close(first)
  const second = await clusters.start(properties)
  expect(second.connectors()).toEqual([])
  await second.create('t', source('t', { count: '12' }), 'RUNNING')
  await until(async () => (await second.offsets('t'))[0]?.offset?.n === 12, 'positions are stored')
  expect(await clusters.valuesIn('topic-t')).toEqual(numbers(12))
  await second.close()
  rmSync(folder, { recursive: true })
})

test('close stops all tasks', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('u', source('u'), 'RUNNING')
  await inState(worker, 'u', 'RUNNING RUNNING')
  await worker.close()
  expect(clusters.probe('u').running.get(0)).toBe(0)
})
