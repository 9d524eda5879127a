/**
 * Goal: requests change and show connectors as they do in Kafka Connect. Method: real workers on a real broker in this process, with
 * connectors that tests can look into.
 */
import { expect, test } from 'vitest'
import { until } from '../../until.ts'
import { ConnectClusters, failure, inState, sink, source } from './connect-clusters.ts'

const clusters = new ConnectClusters()

test('pause, resume, stop and delete', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('c', source('c'), 'PAUSED')
  await inState(worker, 'c', 'PAUSED')
  expect(clusters.probe('c').starts).toBe(0)
  await worker.resume('c')
  await inState(worker, 'c', 'RUNNING RUNNING')
  await worker.pause('c')
  await inState(worker, 'c', 'PAUSED PAUSED')
  await worker.resume('c')
  await inState(worker, 'c', 'RUNNING RUNNING')
  await worker.stop('c')
  await inState(worker, 'c', 'STOPPED')
  expect(worker.info('c').tasks).toEqual([])
  expect(clusters.probe('c').stops).toBe(1)
  await worker.resume('c')
  await inState(worker, 'c', 'RUNNING RUNNING')
  expect(clusters.probe('c').startPositions).toEqual([0, 10])
  await worker.delete('c')
  await until(() => failure(Promise.resolve().then(() => worker.status('c'))), 'its status is removed')
  expect(worker.connectors()).toEqual([])
  expect(clusters.probe('c').stops).toBe(2)
})

test('the offsets of stopped connectors can be altered and reset', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('d', source('d'), 'RUNNING')
  await worker.create('sink-d', sink('sink-d', 'topic-d'), 'RUNNING')
  await until(() => clusters.probe('sink-d').flushedRecords.length === 10, 'all records are delivered')
  const change = [{ partition: { task: 0 }, offset: { n: 4 } }]
  expect(await failure(worker.alterOffsets('d', change))).toEqual([400, expect.stringMatching(/^Connectors must be in the STOPPED state/)])
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
  await until(() => clusters.probe('sink-d').flushedRecords.length === 13, 'the last three are delivered again')
  await worker.stop('sink-d')
  await until(() => worker.resetOffsets('sink-d'), 'the group is empty')
  expect(await worker.offsets('sink-d')).toEqual([])
  await worker.resetOffsets('d')
  expect(await worker.offsets('d')).toEqual([])
})

test('invalid requests are refused with the messages of Kafka Connect', async () => {
  const worker = await clusters.start(clusters.settings())
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
  const worker = await clusters.start(clusters.settings())
  await worker.create('f', source('f', { count: '2', extra: 'x' }), 'RUNNING')
  await inState(worker, 'f', 'RUNNING RUNNING')
  expect((await worker.patchConfig('f', { count: '4', extra: null })).config).toEqual(source('f', { count: '4' }))
  await until(async () => (await worker.offsets('f'))[0]?.offset?.n === 4, 'the patch has taken effect')
  await inState(worker, 'f', 'RUNNING RUNNING')
  const before = clusters.probe('f').starts
  const plan = await worker.restart('f', { includeTasks: true, onlyFailed: false })
  expect([plan!.connector.state, plan!.tasks[0]!.state]).toEqual(['RESTARTING', 'RESTARTING'])
  await until(() => clusters.probe('f').starts === before + 1, 'the task has restarted')
  await inState(worker, 'f', 'RUNNING RUNNING')
  expect((await worker.restart('f', { includeTasks: true, onlyFailed: true }))!.connector.state).not.toBe('RESTARTING')
  expect(await worker.restart('f', { includeTasks: false, onlyFailed: false })).toBeNull()
  await inState(worker, 'f', 'RUNNING RUNNING')
  expect(clusters.probe('f').mostRunning).toBe(1)
})

test('active topics that were reset are recorded again when they are used again', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('y', source('y', { count: '1000000', batch: '1' }), 'RUNNING')
  await worker.create('sink-y', sink('sink-y', 'topic-y'), 'RUNNING')
  const both = ['y', 'sink-y']
  await until(() => both.every((name) => worker.topics(name).join() === 'topic-y'), 'both have the topic')
  for (const name of both) await worker.pause(name)
  for (const name of both) await inState(worker, name, 'PAUSED PAUSED')
  for (const name of both) worker.resetTopics(name)
  await until(() => both.every((name) => worker.topics(name).length === 0), 'it is removed')
  for (const name of both) await worker.resume(name)
  await until(() => both.every((name) => worker.topics(name).join() === 'topic-y'), 'both have it again')
})

test('a deleted connector has no status, config, tasks, topics or offsets, though its task has not stopped yet', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('h1', source('h1'), 'RUNNING')
  await worker.create('sink-h1', sink('sink-h1', 'topic-h1'), 'RUNNING')
  await until(() => worker.topics('sink-h1').length === 1, 'its topic is recorded')
  const gate = Promise.withResolvers<void>()
  clusters.probe('sink-h1').gate = gate.promise
  await worker.putConfig('h1', source('h1', { count: '20' }))
  await until(() => clusters.probe('sink-h1').waiting === 1, 'the sink is in a write that does not end')
  await worker.delete('sink-h1')
  expect(clusters.probe('sink-h1').stops).toBe(0)
  const of = (read: () => unknown) => failure(Promise.resolve().then(read))
  expect(await of(() => worker.status('sink-h1'))).toEqual([404, 'No status found for connector sink-h1'])
  expect(await of(() => worker.taskStatus('sink-h1', 0))).toEqual([404, 'No status found for task sink-h1-0'])
  for (const read of ['info', 'config', 'tasks', 'offsets'] as const)
    expect(await of(() => worker[read]('sink-h1'))).toEqual([404, 'Connector sink-h1 not found'])
  expect(worker.topics('sink-h1')).toEqual([])
  gate.resolve()
})

test('a connector that is created under the name of a deleted one does not show the topics of that one', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('h2', source('h2'), 'RUNNING')
  await until(() => worker.topics('h2').length === 1, 'its topic is recorded')
  await worker.delete('h2')
  await worker.create('h2', source('h2', { topic: 'topic-h2-other', count: '20' }), 'RUNNING')
  await until(() => worker.topics('h2').includes('topic-h2-other'), 'its new topic is recorded')
  expect(worker.topics('h2')).toEqual(['topic-h2-other'])
})

test('a restart of what has failed shows nothing as RESTARTING where nothing has failed, also right after another restart', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('h3', source('h3', { 'tasks.max': '3' }), 'RUNNING')
  await inState(worker, 'h3', 'RUNNING RUNNING RUNNING RUNNING')
  for (let round = 0; round < 5; round++) {
    const [, shown] = await Promise.all([
      worker.restart('h3', { includeTasks: true, onlyFailed: false }),
      worker.restart('h3', { includeTasks: true, onlyFailed: true }),
    ])
    expect([shown!.connector.state, ...shown!.tasks.map((task) => task.state)]).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING'])
  }
})

test('a restart right after PUT config does not wait for the shutdown timeout of the connector', async () => {
  const worker = await clusters.start(clusters.settings({ 'task.shutdown.graceful.timeout.ms': '600000' }))
  await worker.create('h4', source('h4'), 'RUNNING')
  await inState(worker, 'h4', 'RUNNING RUNNING')
  await Promise.all([
    worker.putConfig('h4', source('h4', { count: '12' })),
    worker.restart('h4', { includeTasks: false, onlyFailed: false }),
  ])
  await until(async () => (await worker.offsets('h4'))[0]?.offset?.n === 12, 'the new config has taken effect')
})
