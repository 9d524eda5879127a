/**
 * Story of connect/runtime.
 * Goal: a Connect cluster with exactly-once sources keeps its promise through what changes around the tasks. Method: the cases of Kafka
 * Connect's ExactlyOnceSourceIntegrationTest on workers in this process: a fenced leader, reconfiguration, a rolling change of the setting,
 * offset topics of connectors, also in another cluster, and offsets that a user changes.
 */
import { expect, test } from 'vitest'
import type { Worker } from '../../../connect/index.ts'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { brokerInProcess } from '../../broker-in-process.ts'
import { until } from '../../until.ts'
import { ConnectClusters, failure, inState, numbers, source, states } from './connect-clusters.ts'
import { ScriptedSource } from './scripted-source.ts'

const clusters = new ConnectClusters()
const enabled = (more: Record<string, string> = {}) =>
  clusters.settings({ 'exactly.once.source.support': 'enabled', 'scheduled.rebalance.max.delay.ms': '0', ...more })
const scripted = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'ScriptedSource',
  topic: `topic-${name}`,
  'exactly.once.support': 'required',
  ...more,
})

/** A request on whichever worker leads, repeated while the group rebalances. */
async function onLeader<T>(workers: readonly Worker[], work: (worker: Worker) => Promise<T>): Promise<T> {
  let result: { value: T } | null = null
  await until(async () => {
    for (const worker of workers) {
      try {
        result = { value: await work(worker) }
        return true
      } catch (error) {
        if ((error as Error).name !== 'NotLeader') throw error
      }
    }
    return false
  }, 'the leader has done it')
  return result!.value
}

/** The values of each task, which are `task:number`, must be there once and in order. */
function expectOnceInOrder(values: readonly string[]): void {
  const next = new Map<string, number>()
  for (const value of values) {
    const [task, number] = value.split(':') as [string, string]
    expect(Number(number), `the next value of task ${task}`).toBe(next.get(task) ?? 0)
    next.set(task, Number(number) + 1)
  }
}

test('a leader that was fenced by a zombie refuses one request, and claims its right to write again', async () => {
  const settings = enabled()
  const worker = await clusters.start(settings)
  await worker.create('before', source('before'), 'RUNNING')
  await until(async () => (await worker.offsets('before')).some(({ offset }) => offset?.n === 10), 'the worker has written all of its own')
  const zombie = clusters.client.producer({ transactionalId: `connect-cluster-${settings['group.id']}` })
  await zombie.initTransactions()
  await zombie.close()
  expect(await failure(worker.create('a', source('a'), 'RUNNING'))).toEqual([
    undefined,
    'Failed to write to config topic; this may be due to a transient error and the request can be safely retried',
  ])
  await worker.create('a', source('a'), 'RUNNING')
  await inState(worker, 'a', 'RUNNING RUNNING')
  await until(async () => (await clusters.committedIn('topic-a')).length === 10, 'its records are there')
})

test('three workers reconfigure a connector from 3 to 5, 1, 5 and 3 tasks: each value is there once, in order', async () => {
  const settings = enabled()
  const workers = [await clusters.start(settings), await clusters.start(settings), await clusters.start(settings)]
  const count = (tasks: number, values: number) =>
    source('r', { 'tasks.max': String(tasks), count: String(values), batch: '7', 'exactly.once.support': 'requested' })
  await onLeader(workers, (worker) => worker.create('r', count(3, 200), 'RUNNING'))
  let values = 200
  for (const tasks of [5, 1, 5, 3]) {
    values += 200
    await onLeader(workers, (worker) => worker.putConfig('r', count(tasks, values)))
    await until(
      async () => {
        const done = await onLeader(workers, async (worker) => worker.offsets('r'))
        return done.filter(({ offset }) => Number(offset!.n) === values).length >= tasks
      },
      `${tasks} tasks have given ${values} values`,
      60_000,
    )
    await until(() => workers.some((worker) => states(worker, 'r') === `RUNNING${' RUNNING'.repeat(tasks)}`), `${tasks} tasks run`)
  }
  // The end of a transaction reaches each partition by itself.
  let committed: string[] = []
  await until(async () => {
    committed = await clusters.committedIn('topic-r')
    return [0, 1, 2].every((task) => committed.includes(`${task}:999`))
  }, 'the last records are visible')
  expectOnceInOrder(committed)
  for (const task of [0, 1, 2]) expect(committed.filter((value) => value.startsWith(`${task}:`))).toEqual(numbers(1000, task))
}, 120_000)

test('disabled, then preparing, then enabled, one worker after the other: the connector runs on, and is exactly-once in the end', async () => {
  const settings = clusters.settings({ 'scheduled.rebalance.max.delay.ms': '0' })
  let workers = [await clusters.start(settings), await clusters.start(settings)]
  const config = (values: number) => source('u', { 'tasks.max': '2', count: String(values) })
  await onLeader(workers, (worker) => worker.create('u', config(50), 'RUNNING'))
  let values = 50
  for (const support of ['preparing', 'enabled']) {
    for (const at of [0, 1]) {
      await clusters.close(workers[at]!)
      workers = workers.with(at, await clusters.start({ ...settings, 'exactly.once.source.support': support }))
      values += 50
      await onLeader(workers, (worker) => worker.putConfig('u', config(values)))
      await until(
        async () => (await onLeader(workers, async (worker) => worker.offsets('u'))).every(({ offset }) => Number(offset!.n) === values),
        `all tasks have given ${values} values`,
        60_000,
      )
    }
  }
  await until(async () => (await clusters.committedIn('topic-u')).length === 2 * values, 'all records are visible')
  expectOnceInOrder(await clusters.committedIn('topic-u'))
  // Only now the worker has what a connector may require.
  await onLeader(workers, (worker) => worker.putConfig('u', { ...config(values), 'exactly.once.support': 'requested' }))
  const { error_count } = await workers[0]!.validate('FileStreamSource', {
    name: 'x',
    'connector.class': 'FileStreamSource',
    file: 'f',
    topic: 't',
    'exactly.once.support': 'required',
  })
  expect(error_count).toBe(0)
}, 120_000)

test("a connector's own offset topic counts, the worker's has a copy, and both are read", async () => {
  for (const support of ['enabled', 'disabled']) {
    const script = new ScriptedSource()
    const settings = clusters.settings({ 'exactly.once.source.support': support })
    const worker = await clusters.start(settings, [script.connector])
    const own = `own-${support}`
    const config = scripted(support, { 'exactly.once.support': 'requested' })
    // What the connector has stored before it gets a topic of its own is read from the worker's.
    await worker.create(support, config, 'RUNNING')
    script.give({ values: ['1', '2'] })
    await until(async () => (await worker.offsets(support)).length === 1, 'the first position is stored')
    await worker.putConfig(support, { ...config, 'offsets.storage.topic': own })
    await until(() => script.starts.length === 2, 'it runs with its own topic')
    expect(script.starts).toEqual([0, 2])
    script.give({ values: ['3'] })
    await until(async () => (await clusters.committedPositions(own, support)).includes(3), 'the position is in the own topic')
    await until(
      async () => (await clusters.committedPositions(settings['offset.storage.topic']!, support)).includes(3),
      "and in the worker's",
    )
    const configs = (await clusters.client.admin.describeTopicConfigs([own])).get(own)!
    expect(configs.find(({ name }) => name === 'cleanup.policy')!.value).toBe('compact')
    await worker.stop(support)
    await until(async () => (await worker.offsets(support))[0]?.offset?.n === 3, 'it is listed')
    await worker.alterOffsets(support, [{ partition: { source: 's' }, offset: { n: 1 } }])
    await worker.resume(support)
    await until(() => script.starts.length === 3, 'it runs again')
    expect(script.starts.at(-1)).toBe(1)
    await worker.stop(support)
    await until(() => script.running === 0, 'it has stopped')
    await worker.resetOffsets(support)
    expect(await worker.offsets(support)).toEqual([])
    await worker.resume(support)
    await until(() => script.starts.length === 4, 'it begins anew')
    expect(script.starts.at(-1)).toBe(0)
    await clusters.close(worker)
  }
})

test('records and positions go to the cluster of the producer, and what it has counts also where the worker has no support any more', async () => {
  const target = await brokerInProcess()
  const bootstrapServers = `127.0.0.1:${target.port}`
  const there = createClient({ bootstrapServers, clientId: 'there' }, realSystem('silent'))
  const script = new ScriptedSource()
  const settings = enabled()
  let worker = await clusters.start(settings, [script.connector])
  const servers = Object.fromEntries(
    ['producer', 'consumer', 'admin'].map((kind) => [`${kind}.override.bootstrap.servers`, bootstrapServers]),
  )
  try {
    await worker.create('s', scripted('s', { 'offsets.storage.topic': 'positions', ...servers }), 'RUNNING')
    script.give({ values: ['1', '2'] })
    await until(async () => (await clusters.committedIn('topic-s', there)).length === 2, 'the records are there')
    expect(await clusters.committedIn('topic-s')).toEqual([])
    expect(await clusters.committedPositions('positions', 's', there)).toEqual([2])
    await until(
      async () => (await clusters.committedPositions(settings['offset.storage.topic']!, 's')).includes(2),
      "the worker's cluster has a copy",
    )
    await clusters.close(worker)
    worker = await clusters.start({ ...settings, 'exactly.once.source.support': 'disabled' }, [script.connector])
    await until(() => script.starts.length === 2, 'it runs again')
    expect(script.starts).toEqual([0, 2])
    script.give({ values: ['3'] })
    await until(async () => (await clusters.committedIn('topic-s', there)).length === 3, 'it goes on')
    await until(async () => (await clusters.committedPositions('positions', 's', there)).includes(3), 'so do its positions')
  } finally {
    await clusters.close(worker)
    await there.close()
    await target.stop()
  }
})

test('an offset topic that cannot be created fails the task, and the status says why', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('n', scripted('n', { 'offsets.storage.topic': 'not a name' }), 'RUNNING')
  await inState(worker, 'n', 'RUNNING FAILED')
  expect(worker.status('n').tasks[0]!.trace).toMatch(
    /The offset topic of the connector could not be opened: .*not a name.*See offsets.storage.topic/,
  )
})

test('offsets of a stopped exactly-once source are changed after its tasks are fenced', async () => {
  const script = new ScriptedSource()
  const settings = enabled()
  const worker = await clusters.start(settings, [script.connector])
  await worker.create('o', scripted('o'), 'RUNNING')
  script.give({ values: ['1', '2', '3'] })
  await until(async () => (await clusters.committedIn('topic-o')).length === 3, 'they are committed')
  await worker.stop('o')
  await until(() => script.running === 0, 'it has stopped')
  // A zombie of the task that still has its producer.
  const zombie = clusters.client.producer({ transactionalId: `${settings['group.id']}-o-0` })
  await zombie.initTransactions()
  zombie.beginTransaction()
  await zombie.send([{ topic: 'topic-o', key: null, value: Buffer.from('of the zombie') }])
  expect(await worker.alterOffsets('o', [{ partition: { source: 's' }, offset: { n: 2 } }])).toEqual({
    message: 'The offsets for this connector have been altered successfully',
  })
  expect(await failure(zombie.commitTransaction())).not.toBeNull()
  await zombie.close()
  expect(await worker.offsets('o')).toEqual([{ partition: { source: 's' }, offset: { n: 2 } }])
  await worker.resume('o')
  await until(() => script.starts.length === 2, 'it runs again')
  expect(script.starts).toEqual([0, 2])
  script.give({ values: ['3 again'] })
  await until(async () => (await clusters.committedIn('topic-o')).length === 4, 'it goes on')
  expect(await clusters.committedIn('topic-o')).toEqual(['1', '2', '3', '3 again'])
})
