/**
 * Goal: a connector that fails stops nothing else, loses no record and sends none twice. Method: real workers on a real broker in this
 * process, with connectors that throw on demand.
 */
import { expect, test } from 'vitest'
import { until } from '../../until.ts'
import { ConnectClusters, inState, numbers, sink, source } from './connect-clusters.ts'
import { Disconnected, EndOfSource, Retriable } from './probes.ts'

const clusters = new ConnectClusters()

test('a task that throws is FAILED with a trace, stops nothing else, and runs after a restart', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('other', source('other'), 'RUNNING')
  clusters.probe('h').throwNext.push(new Error('the disk is full', { cause: new Error('ENOSPC') }))
  await worker.create('h', source('h'), 'RUNNING')
  await inState(worker, 'h', 'RUNNING FAILED')
  const { trace } = worker.taskStatus('h', 0)
  expect(trace).toMatch(/the disk is full[\s\S]*Caused by: .*ENOSPC/)
  await inState(worker, 'other', 'RUNNING RUNNING')
  const plan = await worker.restart('h', { includeTasks: true, onlyFailed: true })
  expect([plan!.connector.state, plan!.tasks[0]!.state]).toEqual(['RUNNING', 'RESTARTING'])
  await inState(worker, 'h', 'RUNNING RUNNING')
  await until(async () => (await worker.offsets('h'))[0]?.offset?.n === 10, 'it went on')
  expect(await clusters.valuesIn('topic-h')).toEqual(numbers(10))
})

test('Retriable and Disconnected read again after the stored position; EndOfSource ends the task without a failure', async () => {
  const worker = await clusters.start(clusters.settings())
  const probe = clusters.probe('i')
  await worker.create('i', source('i', { count: '3' }), 'RUNNING')
  await until(() => probe.startPositions.length === 1, 'it began')
  probe.throwNext.push(new Retriable('later', { afterMs: 5 }), new Disconnected('gone'), new EndOfSource('done'))
  await worker.putConfig('i', source('i', { count: '9', 'errors.retry.delay.max.ms': '20' }))
  await until(() => probe.startPositions.length >= 4, 'it was read again')
  await inState(worker, 'i', 'RUNNING RUNNING')
  expect(probe.startPositions).toEqual([0, 3, 3, 3])
  expect(await clusters.valuesIn('topic-i')).toEqual(numbers(3))
  expect(probe.mostRunning).toBe(1)
})

test('a sink that throws Retriable gets the same records again, none lost and none twice', async () => {
  const worker = await clusters.start(clusters.settings())
  const probe = clusters.probe('sink-j')
  probe.throwNext.push(new Retriable('busy', { afterMs: 20 }), new Retriable('still busy', { afterMs: 20 }))
  await worker.create('j', source('j'), 'RUNNING')
  await worker.create('sink-j', sink('sink-j', 'topic-j'), 'RUNNING')
  await until(() => probe.flushedRecords.length === 10, 'all are delivered')
  expect(probe.flushedRecords.map((record) => record.value)).toEqual(numbers(10))
  expect(probe.starts).toBe(1)
})

test('a sink that throws Disconnected starts again after the last commit', async () => {
  const worker = await clusters.start(clusters.settings())
  const probe = clusters.probe('sink-k')
  probe.throwNext.push(new Disconnected('gone'))
  await worker.create('k', source('k'), 'RUNNING')
  await worker.create('sink-k', sink('sink-k', 'topic-k', { 'errors.retry.delay.max.ms': '20' }), 'RUNNING')
  await until(() => probe.flushedRecords.length === 10, 'all are delivered')
  expect(probe.flushedRecords.map((record) => record.value)).toEqual(numbers(10))
  expect([probe.starts, probe.mostRunning]).toEqual([2, 1])
  await inState(worker, 'sink-k', 'RUNNING RUNNING')
})

test('with errors.tolerance=none a record that cannot be converted fails the task, and is not committed', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('m', source('m'), 'RUNNING')
  await until(async () => (await worker.offsets('m'))[0]?.offset?.n === 10, 'all are stored')
  const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }
  await worker.create('sink-m', sink('sink-m', 'topic-m', json), 'RUNNING')
  await inState(worker, 'sink-m', 'RUNNING FAILED')
  expect(worker.taskStatus('sink-m', 0).trace).toMatch(/VALUE_CONVERTER in org.apache.kafka.connect.json.JsonConverter/)
  expect(await worker.offsets('sink-m')).toEqual([])
})

test('a flow stores its own positions, reports, and starts again after a retriable error and a resume', async () => {
  const worker = await clusters.start(clusters.settings())
  const probe = clusters.probe('n')
  probe.throwNext.push(new Retriable('later', { afterMs: 5 }))
  await worker.create('n', { name: 'n', 'connector.class': 'CountingFlow' }, 'RUNNING')
  await until(() => worker.flowReport('n', 0)?.runs === 1, 'it reports')
  await worker.pause('n')
  await until(() => probe.running.get(0) === 0, 'it ended')
  await worker.resume('n')
  await until(() => worker.flowReport('n', 0)?.runs === 2, 'it continues from its position')
  expect(probe.startPositions).toEqual([0, 0, 1])
})
