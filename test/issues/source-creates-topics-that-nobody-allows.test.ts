/**
 * Symptom: a source without `topic.creation.*` settings created its topics on a broker with `auto.create.topics.enable=false`, as did
 * one of a worker with `topic.creation.enable=false`; one that was deleted meanwhile could create its topic afterwards, and held its
 * task for the time of a request. Goal: the topic is created by those who may, and a task that is stopped waits for no topic. Method:
 * sources on such a broker.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { inState, source } from '../connect/runtime/connect-clusters.ts'
import { Probes } from '../connect/runtime/probes.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

let workers: WorkersInProcess
const probes = new Probes()
const start = (settings: Record<string, string> = {}) =>
  workers.start({ settings: workers.settings({ 'offset.flush.interval.ms': '200', ...settings }), connectors: [probes.connector] })
const creation = { 'topic.creation.default.partitions': '2', 'topic.creation.default.replication.factor': '1' }
const topic = (name: string) => workers.client.topic(name, { refresh: true })

beforeAll(async () => {
  workers = await workersInProcess({ 'auto.create.topics.enable': 'false' })
})
afterEach(() => workers.closeAll())
afterAll(() => workers.stop())

test('a source whose topic nobody creates waits for it', async () => {
  const worker = await start()
  await worker.putConfig('a', source('a'))
  await worker.putConfig('b', source('b', creation))
  await until(async () => (await topic('topic-b'))?.partitions.length === 2, 'the topic of the other source is created')
  expect(await topic('topic-a')).toBeUndefined()
  expect((await workers.client.admin.createTopics([{ name: 'topic-a', partitions: 1, replicationFactor: 1 }])).get('topic-a')).toBeNull()
  const end = async () => (await workers.client.admin.listOffsets([{ topic: 'topic-a', partition: 0, spec: 'latest' }]))[0]!.offset
  await until(async () => (await end()) === 10, 'its records are in the topic', 45_000)
})

test('a worker that creates no topics creates none', async () => {
  const worker = await start({ 'topic.creation.enable': 'false' })
  await worker.putConfig('c', source('c', creation))
  await inState(worker, 'c', 'RUNNING RUNNING')
  await until(() => probes.of('c').starts > 0, 'the source reads')
  await worker.delete('c')
  await until(() => probes.of('c').stops === probes.of('c').starts, 'its task has stopped, though its topic does not exist')
  expect(await topic('topic-c')).toBeUndefined()
})
