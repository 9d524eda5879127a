/**
 * Goal: a worker runs connectors as Kafka Connect does, alone and with others, and keeps its promises when things fail. Method: real workers
 * in this process on a real broker, connectors that tests can look into, and a small HTTP server that takes what followers hand the leader.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ConnectError, NotLeader, startWorker, type Worker } from '../../../connect/index.ts'
import { type Client, type ConsumedRecord, createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { until } from '../../until.ts'
import { BadRecord, Disconnected, EndOfSource, Probes, Retriable } from './probes.ts'

const system = realSystem('silent')
const string = 'org.apache.kafka.connect.storage.StringConverter'
let broker: BrokerInProcess
let client: Client
let probes: Probes
const open: { worker: Worker; server: Server }[] = []
let groups = 0

beforeAll(async () => {
  broker = await brokerInProcess()
  client = createClient({ bootstrapServers: `127.0.0.1:${broker.port}`, clientId: 'test' }, system)
})
afterEach(async () => {
  await Promise.all(
    open.splice(0).map(({ worker, server }) => Promise.all([worker.close(), new Promise((resolve) => server.close(resolve))])),
  )
})
afterAll(async () => {
  await client?.close()
  await broker?.stop()
})

/** A cluster of its own: names of group and topics that nobody else has. */
function cluster(more: Record<string, string> = {}): Record<string, string> {
  probes = new Probes()
  const group = `group-${groups++}`
  return {
    'bootstrap.servers': `127.0.0.1:${broker.port}`,
    'group.id': group,
    'config.storage.topic': `${group}-configs`,
    'offset.storage.topic': `${group}-offsets`,
    'status.storage.topic': `${group}-status`,
    'config.storage.replication.factor': '1',
    'offset.storage.replication.factor': '1',
    'status.storage.replication.factor': '1',
    'offset.storage.partitions': '3',
    'offset.flush.interval.ms': '200',
    'key.converter': string,
    'value.converter': string,
    ...more,
  }
}

async function start(properties: Record<string, string>): Promise<Worker> {
  let worker: Worker | null = null
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', async () => {
      const body = Buffer.concat(chunks)
      const header = (name: string) => (request.headers[name] as string | undefined) ?? null
      const signature = { key: header('x-connect-authorization'), algorithm: header('x-connect-request-signature-algorithm'), body }
      try {
        await worker!.putTaskConfigs(decodeURIComponent(request.url!.split('/')[2]!), JSON.parse(body.toString()), signature)
        answer.writeHead(204).end()
      } catch (error) {
        answer.writeHead(error instanceof ConnectError ? error.status : 409).end(String(error))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  worker = await startWorker(properties, system, { advertisedUrl: `http://127.0.0.1:${port}`, connectors: [probes.connector] })
  open.push({ worker, server })
  return worker
}

async function crash(worker: Worker): Promise<void> {
  const at = open.findIndex((one) => one.worker === worker)
  const { server } = open.splice(at, 1)[0]!
  await Promise.all([worker.close(), new Promise((resolve) => server.close(resolve))])
}

const source = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'CountingSource',
  topic: `topic-${name}`,
  ...more,
})
const sink = (name: string, topics: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'KeepingSink',
  topics,
  ...more,
})

const states = (worker: Worker, name: string) => {
  const { connector, tasks } = worker.status(name)
  return [connector.state, ...tasks.map((task) => task.state)].join(' ')
}
const inState = (worker: Worker, name: string, wanted: string) =>
  until(() => states(worker, name) === wanted, `${name} is ${wanted}`).catch((error) => {
    throw new Error(`${name} is ${states(worker, name)}: ${JSON.stringify(worker.status(name))}`, { cause: error })
  })

async function valuesIn(topic: string): Promise<string[]> {
  const consumer = client.consumer()
  const metadata = await client.topic(topic, { refresh: true })
  const partitions = metadata!.partitions.map(({ index }) => ({ topic, partition: index }))
  consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
  const ends = await client.admin.listOffsets(partitions.map((partition) => ({ ...partition, spec: 'latest' as const })))
  const total = ends.reduce((sum, { offset }) => sum + offset, 0)
  const values: string[] = []
  while (values.length < total)
    for (const batch of await consumer.poll(1000)) values.push(...batch.records.map((record) => record.value!.toString()))
  await consumer.close()
  return values
}
const numbers = (count: number, task = 0) => Array.from({ length: count }, (_, n) => `${task}:${n}`)
const failure = async (work: Promise<unknown>) =>
  await work.then(
    () => null,
    (error: ConnectError) => [error.status, error.message],
  )

describe('one worker', () => {
  test('a source runs, stores its position, and goes on behind it after a restart of the worker', async () => {
    const properties = cluster()
    const first = await start(properties)
    const info = await first.create('a', source('a', { count: '10' }), 'RUNNING')
    expect(info).toEqual({ name: 'a', config: source('a', { count: '10' }), tasks: [], type: 'source' })
    await inState(first, 'a', 'RUNNING RUNNING')
    await until(async () => (await first.offsets('a'))[0]?.offset?.n === 10, 'all positions are stored')
    expect(await valuesIn('topic-a')).toEqual(numbers(10))
    expect(first.info('a').tasks).toEqual([{ connector: 'a', task: 0 }])
    expect(first.tasks('a')[0]!.config).toEqual({ ...source('a', { count: '10' }), task: '0', 'task.class': 'test.CountingSourceTask' })
    await until(() => first.topics('a').length === 1, 'its topic is known')
    expect(first.status('a').tasks[0]).toEqual({ id: 0, state: 'RUNNING', worker_id: first.workerId, version: '1.2.3' })
    await crash(first)
    const second = await start(properties)
    await second.putConfig('a', source('a', { count: '15' }))
    await until(async () => (await second.offsets('a'))[0]?.offset?.n === 15, 'the rest is stored')
    expect(await valuesIn('topic-a')).toEqual(numbers(15))
    expect(probes.of('a').begins.every((begin) => begin === 0 || begin === 10)).toBe(true)
    expect(probes.of('a').mostLive).toBe(1)
  })

  test('a sink takes everything once, commits behind its flush, and goes on there', async () => {
    const properties = cluster()
    const worker = await start(properties)
    await worker.create('b', source('b', { count: '100', batch: '7' }), 'RUNNING')
    await worker.create('sink-b', sink('sink-b', 'topic-b'), 'RUNNING')
    const probe = probes.of('sink-b')
    await until(() => probe.taken.length === 100, 'all records are taken')
    expect(probe.taken.map((record) => record.value)).toEqual(numbers(100))
    expect(probe.opened).toEqual(['topic-b-0'])
    await until(async () => (await worker.offsets('sink-b'))[0]?.offset?.kafka_offset === 100, 'the offset is committed')
    await worker.restartTask('sink-b', 0)
    await until(() => probe.starts === 2, 'the task began anew')
    await inState(worker, 'sink-b', 'RUNNING RUNNING')
    await until(() => probe.opened.length === 2, 'its partition is back')
    expect(probe.taken).toHaveLength(100)
  })

  test('pause, resume and stop', async () => {
    const worker = await start(cluster())
    await worker.create('c', source('c'), 'PAUSED')
    await inState(worker, 'c', 'PAUSED')
    expect(probes.of('c').starts).toBe(0)
    await worker.resume('c')
    await inState(worker, 'c', 'RUNNING RUNNING')
    await worker.pause('c')
    await inState(worker, 'c', 'PAUSED PAUSED')
    await worker.resume('c')
    await inState(worker, 'c', 'RUNNING RUNNING')
    await worker.stop('c')
    await inState(worker, 'c', 'STOPPED')
    expect(worker.info('c').tasks).toEqual([])
    expect(probes.of('c').stops).toBe(1)
    await worker.resume('c')
    await inState(worker, 'c', 'RUNNING RUNNING')
    expect(probes.of('c').begins).toEqual([0, 10])
    await worker.delete('c')
    await until(() => failure(Promise.resolve().then(() => worker.status('c'))), 'its status is gone')
    expect(worker.connectors()).toEqual([])
    expect(probes.of('c').stops).toBe(2)
  })

  test('offsets of stopped connectors can be changed and taken away', async () => {
    const worker = await start(cluster())
    await worker.create('d', source('d'), 'RUNNING')
    await worker.create('sink-d', sink('sink-d', 'topic-d'), 'RUNNING')
    await until(() => probes.of('sink-d').taken.length === 10, 'all records are taken')
    const change = [{ partition: { task: 0 }, offset: { n: 4 } }]
    expect(await failure(worker.alterOffsets('d', change))).toEqual([
      400,
      expect.stringMatching(/^Connectors must be in the STOPPED state/),
    ])
    await worker.stop('d')
    await worker.stop('sink-d')
    await inState(worker, 'sink-d', 'STOPPED')
    expect(await failure(worker.alterOffsets('d', []))).toEqual([
      400,
      'Partitions / offsets need to be provided for an alter offsets request',
    ])
    await expect(worker.alterOffsets('d', [{ partition: { x: 1 }, offset: null }])).rejects.toThrow("a partition has the key 'task'")
    expect(await worker.alterOffsets('d', change)).toEqual({ message: 'The offsets for this connector have been altered successfully' })
    expect(await worker.offsets('d')).toEqual(
      [
        { partition: { task: 0 }, offset: { n: 10 } },
        { partition: { task: 0 }, offset: { n: 4 } },
      ].slice(1),
    )
    const of = (offset: unknown) => [{ partition: { kafka_topic: 'topic-d', kafka_partition: '0' }, offset: { kafka_offset: offset } }]
    expect(await failure(worker.alterOffsets('sink-d', of('x')))).toEqual([400, expect.stringContaining("'x'")])
    expect(await failure(worker.alterOffsets('sink-d', of(-1)))).toEqual([400, expect.stringContaining('-1')])
    await until(() => worker.alterOffsets('sink-d', of('7')), 'the group is empty')
    expect(await worker.offsets('sink-d')).toEqual([
      { partition: { kafka_partition: 0, kafka_topic: 'topic-d' }, offset: { kafka_offset: 7 } },
    ])
    await worker.resume('sink-d')
    await until(() => probes.of('sink-d').taken.length === 13, 'the last three come again')
    await worker.stop('sink-d')
    await until(() => worker.resetOffsets('sink-d'), 'the group is empty')
    expect(await worker.offsets('sink-d')).toEqual([])
    await worker.resetOffsets('d')
    expect(await worker.offsets('d')).toEqual([])
  })

  test('wrong requests are refused with Kafka Connect’s sentences', async () => {
    const worker = await start(cluster())
    await worker.create('e', source('e'), 'RUNNING')
    const now = (work: () => unknown) => failure(Promise.resolve().then(work))
    expect(await failure(worker.create('e', source('e'), 'RUNNING'))).toEqual([409, 'Connector e already exists'])
    expect(await failure(worker.create('x', source('y'), 'RUNNING'))).toEqual([
      400,
      "Connector name configuration (y) doesn't match connector name in the URL (x)",
    ])
    expect(await failure(worker.create('x', { 'connector.class': 'Nope' }, 'RUNNING'))).toEqual([
      400,
      expect.stringMatching(/which name matches Nope, available/),
    ])
    expect(await failure(worker.create('x', { 'connector.class': 'CountingSource' }, 'RUNNING'))).toEqual([
      400,
      expect.stringContaining('Missing required configuration "topic" which has no default value.'),
    ])
    expect(await now(() => worker.info('x'))).toEqual([404, 'Connector x not found'])
    expect(await now(() => worker.status('x'))).toEqual([404, 'No status found for connector x'])
    expect(await now(() => worker.taskStatus('x', 3))).toEqual([404, 'No status found for task x-3'])
    expect(await failure(worker.pause('x'))).toEqual([404, 'Unknown connector x'])
    expect(await failure(worker.stop('x'))).toEqual([404, 'Unknown connector x'])
    expect(await failure(worker.delete('x'))).toEqual([404, 'Connector x not found'])
    expect(await failure(worker.restart('x', { includeTasks: true, onlyFailed: false }))).toEqual([404, 'Unknown connector: x'])
    expect(await failure(worker.restartTask('e', 9))).toEqual([404, 'Unknown task: e-9'])
    expect(worker.topics('x')).toEqual([])
    expect(await failure(worker.validate('KeepingSink', source('e')))).toEqual([
      400,
      'Included connector type CountingSource does not match request type KeepingSink',
    ])
    expect((await worker.validate('CountingSource', { 'connector.class': 'test.CountingSourceConnector' })).error_count).toBe(2)
    expect(await now(() => worker.pluginConfig('Nope'))).toEqual([404, 'Unknown plugin Nope.'])
    expect(worker.pluginConfig('CountingSource')[0]!.name).toBe('topic')
    expect(worker.pluginConfig('StringConverter').map((key) => key.name)).toContain('converter.encoding')
  })

  test('patch and restart', async () => {
    const worker = await start(cluster())
    await worker.create('f', source('f', { count: '2', extra: 'x' }), 'RUNNING')
    await inState(worker, 'f', 'RUNNING RUNNING')
    expect((await worker.patchConfig('f', { count: '4', extra: null })).config).toEqual(source('f', { count: '4' }))
    await until(async () => (await worker.offsets('f'))[0]?.offset?.n === 4, 'the patch took hold')
    await inState(worker, 'f', 'RUNNING RUNNING')
    const before = probes.of('f').starts
    const plan = await worker.restart('f', { includeTasks: true, onlyFailed: false })
    expect([plan!.connector.state, plan!.tasks[0]!.state]).toEqual(['RESTARTING', 'RESTARTING'])
    await until(() => probes.of('f').starts === before + 1, 'the task began anew')
    await inState(worker, 'f', 'RUNNING RUNNING')
    expect((await worker.restart('f', { includeTasks: true, onlyFailed: true }))!.connector.state).not.toBe('RESTARTING')
    expect(await worker.restart('f', { includeTasks: false, onlyFailed: false })).toBeNull()
    await inState(worker, 'f', 'RUNNING RUNNING')
    expect(probes.of('f').mostLive).toBe(1)
  })

  test('several tasks, fewer tasks, and too many tasks', async () => {
    const worker = await start(cluster())
    await worker.create('g', source('g', { 'tasks.max': '3' }), 'RUNNING')
    await inState(worker, 'g', 'RUNNING RUNNING RUNNING RUNNING')
    await until(async () => (await worker.offsets('g')).length === 3, 'three positions')
    await worker.putConfig('g', source('g', { 'tasks.max': '1' }))
    await inState(worker, 'g', 'RUNNING RUNNING')
    expect((await valuesIn('topic-g')).sort()).toEqual([0, 1, 2].flatMap((task) => numbers(10, task)).sort())
  })
})

test('topics are created as the connector says; a pattern follows topics that come later', async () => {
  const worker = await start(cluster({ 'consumer.metadata.max.age.ms': '200', 'metadata.max.age.ms': '200' }))
  const created = { 'topic.creation.default.partitions': '4', 'topic.creation.default.replication.factor': '1' }
  await worker.create('sink-x', { name: 'sink-x', 'connector.class': 'KeepingSink', 'topics.regex': 'topic-x.' }, 'RUNNING')
  await worker.create('x1', source('x1', created), 'RUNNING')
  await worker.create('x2', source('x2'), 'RUNNING')
  const probe = probes.of('sink-x')
  await until(() => probe.taken.length === 20, 'the records of both topics')
  expect((await client.topic('topic-x1'))!.partitions).toHaveLength(4)
  await until(() => worker.topics('sink-x').join() === 'topic-x1,topic-x2', 'its topics are known')
})

test('topics that were forgotten on demand are noted again as soon as they are used again', async () => {
  const worker = await start(cluster())
  await worker.create('y', source('y', { count: '1000000', batch: '1' }), 'RUNNING')
  await worker.create('sink-y', sink('sink-y', 'topic-y'), 'RUNNING')
  const both = ['y', 'sink-y']
  await until(() => both.every((name) => worker.topics(name).join() === 'topic-y'), 'the topic is known of both')
  for (const name of both) await worker.pause(name)
  for (const name of both) await inState(worker, name, 'PAUSED PAUSED')
  for (const name of both) worker.resetTopics(name)
  await until(() => both.every((name) => worker.topics(name).length === 0), 'it is forgotten')
  for (const name of both) await worker.resume(name)
  await until(() => both.every((name) => worker.topics(name).join() === 'topic-y'), 'it is known again of both')
})

describe('when connectors fail', () => {
  test('a task that throws is FAILED with its trace, nothing else stops, and a restart mends it', async () => {
    const worker = await start(cluster())
    await worker.create('other', source('other'), 'RUNNING')
    probes.of('h').throwNext.push(new Error('the disk is full', { cause: new Error('ENOSPC') }))
    await worker.create('h', source('h'), 'RUNNING')
    await inState(worker, 'h', 'RUNNING FAILED')
    const { trace } = worker.taskStatus('h', 0)
    expect(trace).toMatch(/the disk is full[\s\S]*Caused by: .*ENOSPC/)
    await inState(worker, 'other', 'RUNNING RUNNING')
    const plan = await worker.restart('h', { includeTasks: true, onlyFailed: true })
    expect([plan!.connector.state, plan!.tasks[0]!.state]).toEqual(['RUNNING', 'RESTARTING'])
    await inState(worker, 'h', 'RUNNING RUNNING')
    await until(async () => (await worker.offsets('h'))[0]?.offset?.n === 10, 'it went on')
    expect(await valuesIn('topic-h')).toEqual(numbers(10))
  })

  test('Retriable and Disconnected begin the reading anew behind what is stored; EndOfSource ends it well', async () => {
    const worker = await start(cluster())
    const probe = probes.of('i')
    await worker.create('i', source('i', { count: '3' }), 'RUNNING')
    await until(() => probe.begins.length === 1, 'it began')
    probe.throwNext.push(new Retriable('later', { afterMs: 5 }), new Disconnected('gone'), new EndOfSource('done'))
    await worker.putConfig('i', source('i', { count: '9', 'errors.retry.delay.max.ms': '20' }))
    await until(() => probe.begins.length >= 4, 'it began again')
    await inState(worker, 'i', 'RUNNING RUNNING')
    expect(probe.begins).toEqual([0, 3, 3, 3])
    expect(await valuesIn('topic-i')).toEqual(numbers(3))
    expect(probe.mostLive).toBe(1)
  })

  test('a sink asks to try again: the same records come again, none is lost or doubled', async () => {
    const worker = await start(cluster())
    const probe = probes.of('sink-j')
    probe.throwNext.push(new Retriable('busy', { afterMs: 20 }), new Retriable('still busy', { afterMs: 20 }))
    await worker.create('j', source('j'), 'RUNNING')
    await worker.create('sink-j', sink('sink-j', 'topic-j'), 'RUNNING')
    await until(() => probe.taken.length === 10, 'all are taken')
    expect(probe.taken.map((record) => record.value)).toEqual(numbers(10))
    expect(probe.starts).toBe(1)
  })

  test('a sink that lost its connection begins anew behind the last commit', async () => {
    const worker = await start(cluster())
    const probe = probes.of('sink-k')
    probe.throwNext.push(new Disconnected('gone'))
    await worker.create('k', source('k'), 'RUNNING')
    await worker.create('sink-k', sink('sink-k', 'topic-k', { 'errors.retry.delay.max.ms': '20' }), 'RUNNING')
    await until(() => probe.taken.length === 10, 'all are taken')
    expect(probe.taken.map((record) => record.value)).toEqual(numbers(10))
    expect([probe.starts, probe.mostLive]).toEqual([2, 1])
    await inState(worker, 'sink-k', 'RUNNING RUNNING')
  })

  test('bad records go to the dead-letter topic with the reason, and the rest is taken', async () => {
    const worker = await start(cluster())
    const probe = probes.of('sink-l')
    await worker.create('l', source('l', { count: '5', batch: '5' }), 'RUNNING')
    await until(async () => (await worker.offsets('l'))[0]?.offset?.n === 5, 'all are there')
    probe.throwNext.push(new BadRecord(1, 'no such column', { also: [new BadRecord(3, 'neither')] }))
    const dead = {
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': 'dead-l',
      'errors.deadletterqueue.topic.replication.factor': '1',
      'errors.deadletterqueue.context.headers.enable': 'true',
    }
    await worker.create('sink-l', sink('sink-l', 'topic-l', dead), 'RUNNING')
    await until(async () => (await worker.offsets('sink-l'))[0]?.offset?.kafka_offset === 5, 'the offset is committed past them')
    expect(probe.taken.map((record) => record.value)).toEqual(['0:0', '0:2', '0:4'])
    const consumer = client.consumer()
    consumer.assign([{ topic: 'dead-l', partition: 0, offset: 'earliest' }])
    const letters: ConsumedRecord[] = []
    await until(async () => {
      for (const batch of await consumer.poll(500)) letters.push(...batch.records)
      return letters.length === 2
    }, 'the dead letters')
    await consumer.close()
    expect(letters.map((record) => record.value!.toString())).toEqual(['0:1', '0:3'])
    const headers = Object.fromEntries(letters[0]!.headers.map((header) => [header.key, header.value!.toString()]))
    expect(headers).toMatchObject({
      '__connect.errors.topic': 'topic-l',
      '__connect.errors.partition': '0',
      '__connect.errors.offset': '1',
      '__connect.errors.connector.name': 'sink-l',
      '__connect.errors.task.id': '0',
      '__connect.errors.stage': 'TASK_PUT',
      '__connect.errors.exception.message': 'no such column',
    })
  })

  test('with errors.tolerance=none a record that cannot be converted fails the task, and is not committed', async () => {
    const worker = await start(cluster())
    await worker.create('m', source('m'), 'RUNNING')
    await until(async () => (await worker.offsets('m'))[0]?.offset?.n === 10, 'all are there')
    const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }
    await worker.create('sink-m', sink('sink-m', 'topic-m', json), 'RUNNING')
    await inState(worker, 'sink-m', 'RUNNING FAILED')
    expect(worker.taskStatus('sink-m', 0).trace).toMatch(/VALUE_CONVERTER in org.apache.kafka.connect.json.JsonConverter/)
    expect(await worker.offsets('sink-m')).toEqual([])
  })

  test('with errors.tolerance=none the record that fails the task is in the dead-letter topic all the same', async () => {
    const worker = await start(cluster())
    await worker.create('o', source('o'), 'RUNNING')
    await until(async () => (await worker.offsets('o'))[0]?.offset?.n === 10, 'all are there')
    const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }
    const dead = { 'errors.deadletterqueue.topic.name': 'dead-o', 'errors.deadletterqueue.topic.replication.factor': '1' }
    await worker.create('sink-o', sink('sink-o', 'topic-o', { ...json, ...dead }), 'RUNNING')
    await inState(worker, 'sink-o', 'RUNNING FAILED')
    expect(await valuesIn('dead-o')).toEqual(['0:0'])
  })

  test('a flow commits its own positions, reports, and is begun again', async () => {
    const worker = await start(cluster())
    const probe = probes.of('n')
    probe.throwNext.push(new Retriable('later', { afterMs: 5 }))
    await worker.create('n', { name: 'n', 'connector.class': 'BeatingFlow' }, 'RUNNING')
    await until(() => worker.flowReport('n', 0)?.beat === 1, 'it reports')
    await worker.pause('n')
    await until(() => probe.live.get(0) === 0, 'it ended')
    await worker.resume('n')
    await until(() => worker.flowReport('n', 0)?.beat === 2, 'it goes on from its position')
    expect(probe.begins).toEqual([0, 0, 1])
  })
})

describe('several workers', () => {
  test('share the work, follow one leader, and take over at once from one that leaves', async () => {
    const properties = cluster({ 'heartbeat.interval.ms': '200' })
    const one = await start(properties)
    await one.create('p', source('p', { 'tasks.max': '4' }), 'RUNNING')
    await one.create('q', source('q', { 'tasks.max': '4' }), 'RUNNING')
    await inState(one, 'p', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
    const two = await start(properties)
    const of = (worker: Worker, name: string) =>
      worker.status(name).tasks.filter((task) => task.worker_id === two.workerId && task.state === 'RUNNING').length
    await until(() => of(one, 'p') + of(one, 'q') === 4, 'half of the tasks are with the second')
    for (const name of ['p', 'q']) await inState(two, name, 'RUNNING RUNNING RUNNING RUNNING RUNNING')
    const [leader, follower] = await until(async () => {
      const refused = await two.delete('nope').catch((error) => error)
      return refused instanceof NotLeader || refused instanceof ConnectError ? ([one, two] as const) : null
    }, 'who leads').then((pair) => pair!)
    const refused = await follower.create('r', source('r'), 'RUNNING').catch((error) => error)
    expect(refused).toBeInstanceOf(NotLeader)
    expect(refused.leaderUrl).toBe(`http://${leader.workerId}/`)
    // whether there is such a connector is for the leader to say: a follower may not have read of it yet
    await expect(follower.delete('new')).rejects.toBeInstanceOf(NotLeader)
    await expect(follower.patchConfig('new', {})).rejects.toBeInstanceOf(NotLeader)
    await leader.create('r', source('r', { 'tasks.max': '2' }), 'RUNNING')
    await inState(follower, 'r', 'RUNNING RUNNING RUNNING')
    await follower.pause('r')
    await inState(leader, 'r', 'PAUSED PAUSED PAUSED')
    await crash(follower)
    for (const name of ['p', 'q']) {
      await inState(leader, name, 'RUNNING RUNNING RUNNING RUNNING RUNNING')
      expect(leader.status(name).tasks.every((task) => task.worker_id === leader.workerId)).toBe(true)
    }
    for (const name of ['p', 'q', 'r']) expect(probes.of(name).mostLive, name).toBe(1)
    for (const name of ['p', 'q'])
      expect((await valuesIn(`topic-${name}`)).sort()).toEqual([0, 1, 2, 3].flatMap((task) => numbers(10, task)).sort())
  })

  test('of the eager protocol let go of everything and share it anew', async () => {
    const properties = cluster({ 'heartbeat.interval.ms': '200', 'connect.protocol': 'eager' })
    const one = await start(properties)
    await one.create('e1', source('e1', { 'tasks.max': '4' }), 'RUNNING')
    await inState(one, 'e1', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
    const two = await start(properties)
    const owners = () => new Set(two.status('e1').tasks.map((task) => task.worker_id))
    await until(() => owners().size === 2, 'both run tasks')
    await inState(two, 'e1', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
    await crash(one)
    await until(() => owners().size === 1, 'the other takes over')
    await inState(two, 'e1', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
    expect(probes.of('e1').mostLive).toBe(1)
  })

  test('when the leader leaves, another leads', async () => {
    const properties = cluster({ 'heartbeat.interval.ms': '200' })
    const one = await start(properties)
    await one.create('s', source('s'), 'RUNNING')
    const two = await start(properties)
    await until(() => two.connectors().length === 1, 'the second knows it')
    await crash(one)
    await until(() => two.putConfig('s', source('s', { count: '12' })), 'the second leads')
    await until(async () => (await two.offsets('s'))[0]?.offset?.n === 12, 'it went on')
    expect(await valuesIn('topic-s')).toEqual(numbers(12))
    expect(probes.of('s').mostLive).toBe(1)
  })
})

test('the internal topics have as many partitions as the cluster gives where it is asked for them', async () => {
  const properties = cluster({ 'offset.storage.partitions': '-1', 'offset.storage.replication.factor': '-1' })
  const worker = await start(properties)
  await worker.create('counted', source('counted', { count: '3' }), 'RUNNING')
  await until(async () => (await worker.offsets('counted')).length === 1, 'its position is stored')
  expect((await client.topic(properties['offset.storage.topic']!))?.partitions).toHaveLength(1)
  await expect(start(cluster({ 'status.storage.partitions': '0' }))).rejects.toThrow(
    "Invalid value 0 for configuration status.storage.partitions: Number of partitions must be positive, or -1 to use the broker's default",
  )
})

test('a worker alone keeps its positions in a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'alone-'))
  probes = new Probes()
  const properties = {
    'bootstrap.servers': `127.0.0.1:${broker.port}`,
    'offset.storage.file.filename': join(folder, 'offsets.json'),
    'offset.flush.interval.ms': '100',
    'key.converter': string,
    'value.converter': string,
  }
  const first = await start(properties)
  await first.create('t', source('t'), 'RUNNING')
  await until(async () => (await first.offsets('t'))[0]?.offset?.n === 10, 'positions are stored')
  await crash(first)
  const second = await start(properties)
  expect(second.connectors()).toEqual([])
  await second.create('t', source('t', { count: '12' }), 'RUNNING')
  await until(async () => (await second.offsets('t'))[0]?.offset?.n === 12, 'positions are stored')
  expect(await valuesIn('topic-t')).toEqual(numbers(12))
  await second.close()
  rmSync(folder, { recursive: true })
})

test('closing is quick and leaves nothing behind', async () => {
  const worker = await start(cluster())
  await worker.create('u', source('u'), 'RUNNING')
  await inState(worker, 'u', 'RUNNING RUNNING')
  const began = performance.now()
  await worker.close()
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(probes.of('u').live.get(0)).toBe(0)
})
