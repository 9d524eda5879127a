/**
 * Goal: with exactly.once.source.support=enabled records and positions of a source are committed together, at each kind of boundary.
 * Method: workers on a real broker, with a source that gives its records and the ends of its transactions on demand; what read_committed
 * readers of the topic and of the offset topic get.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Condition } from '../../../core/system/condition.ts'
import { until } from '../../until.ts'
import { ConnectClusters, failure, inState, numbers, source, states } from './connect-clusters.ts'
import { Retriable } from './probes.ts'
import { ScriptedSource } from './scripted-source.ts'

const clusters = new ConnectClusters()
const enabled = (more: Record<string, string> = {}) => clusters.settings({ 'exactly.once.source.support': 'enabled', ...more })
const scripted = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'ScriptedSource',
  topic: `topic-${name}`,
  'exactly.once.support': 'required',
  ...more,
})

test('at the boundary poll records and positions are committed with each batch, also of two tasks', async () => {
  const settings = enabled()
  const worker = await clusters.start(settings)
  await worker.create('a', source('a', { count: '20', 'tasks.max': '2' }), 'RUNNING')
  await inState(worker, 'a', 'RUNNING RUNNING RUNNING')
  await until(async () => (await clusters.committedIn('topic-a')).length === 40, 'all records are committed')
  expect((await clusters.committedIn('topic-a')).sort()).toEqual([...numbers(20), ...numbers(20, 1)].sort())
  await until(async () => (await worker.offsets('a')).every(({ offset }) => offset!.n === 20), 'the positions are there')
})

test('at the boundary interval nothing is visible before the interval ends, and it ends though nothing more comes', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('b', scripted('b', { 'transaction.boundary': 'interval', 'transaction.boundary.interval.ms': '3000' }), 'RUNNING')
  script.give({ values: ['1', '2'] })
  await until(async () => (await clusters.storedIn('topic-b')) > 0, 'the records are sent')
  expect(await clusters.committedIn('topic-b')).toEqual([])
  script.give({ values: ['3'] })
  await until(async () => (await clusters.committedIn('topic-b')).length === 3, 'the transaction ends', 20_000)
  await until(async () => (await worker.offsets('b')).some(({ offset }) => offset?.n === 3), 'its position is there')
})

test('a task with a limit commits each batch before it waits, and its metrics say how large the transactions are', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('rate', scripted('rate', { 'task.records.per.second.max': '2' }), 'RUNNING')
  script.give({ values: ['1', '2', '3', '4'] })
  script.give({ values: ['5'] })
  await until(async () => (await clusters.committedIn('topic-rate')).length === 4, 'the first batch is committed')
  await until(async () => (await clusters.committedIn('topic-rate')).length === 5, 'the second batch is committed')
  expect((await worker.offsets('rate'))[0]?.offset).toEqual({ n: 5 })
  const sizeOf = async (which: string) =>
    Number(
      new RegExp(`source_task_metrics_transaction_size_${which}{connector="rate",task="0"} (\\S+)`).exec(await clusters.metrics())?.[1],
    )
  expect([await sizeOf('min'), await sizeOf('max'), await sizeOf('avg')]).toEqual([1, 4, 2.5])
  // Without transactions there are no such metrics.
  const other = await clusters.start(clusters.settings())
  await other.create('plain', source('plain', { count: '5' }), 'RUNNING')
  await inState(other, 'plain', 'RUNNING RUNNING')
  expect(await clusters.metrics()).not.toMatch(/transaction_size_avg{connector="plain"/)
})

test('a stop commits what an interval has open', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('c', scripted('c', { 'transaction.boundary': 'interval', 'transaction.boundary.interval.ms': '600000' }), 'RUNNING')
  script.give({ values: ['1', '2'] })
  await until(async () => (await clusters.storedIn('topic-c')) > 0, 'the records are sent')
  await worker.stop('c')
  await until(async () => (await clusters.committedIn('topic-c')).length === 2, 'they are committed')
  expect((await worker.offsets('c'))[0]?.offset).toEqual({ n: 2 })
})

test('at the boundary connector the source commits and aborts after batches and in the middle of them', async () => {
  const script = new ScriptedSource()
  const settings = enabled()
  const worker = await clusters.start(settings, [script.connector])
  await worker.create('d', scripted('d', { 'transaction.boundary': 'connector' }), 'RUNNING')
  script.give({ values: ['1', '2'] })
  script.give({ values: ['3'], end: 'commit' })
  await until(async () => (await clusters.committedIn('topic-d')).length === 3, 'the first three are committed')
  script.give({ values: ['4', '5'], end: 'abort' })
  script.give({ values: ['6', '7', '8', '9', '10'], ends: { 7: 'commit', 9: 'abort' } })
  script.give({ values: ['11'], end: 'commit' })
  await until(async () => (await clusters.committedIn('topic-d')).length === 7, 'the rest is committed')
  expect(await clusters.committedIn('topic-d')).toEqual(['1', '2', '3', '6', '7', '10', '11'])
  expect(await clusters.committedPositions(settings['offset.storage.topic']!, 'd')).toEqual([3, 5, 7, 9, 11])
  // A transaction that the source has not ended is aborted when the task stops.
  const stored = await clusters.storedIn('topic-d')
  script.give({ values: ['12'] })
  await until(async () => (await clusters.storedIn('topic-d')) > stored, 'it is sent')
  await worker.restartTask('d', 0)
  await until(() => script.starts.length === 2, 'the task runs again')
  expect(script.starts).toEqual([0, 11])
  script.give({ values: ['again 12'], end: 'commit' })
  await until(async () => (await clusters.committedIn('topic-d')).length === 8, 'it is sent again')
  expect((await clusters.committedIn('topic-d')).at(-1)).toBe('again 12')
})

test('a source hears where its records are when their transaction is committed, and never of aborted ones', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('told', scripted('told', { 'transaction.boundary': 'connector' }), 'RUNNING')
  script.give({ values: ['1', '2'] })
  await until(async () => (await clusters.storedIn('topic-told')) > 0, 'the records are sent')
  expect(script.stored).toEqual([])
  script.give({ values: ['3'], end: 'commit' })
  script.give({ values: ['4'], end: 'abort' })
  script.give({ values: ['5'], end: 'commit' })
  await until(() => script.stored.length === 4, 'the source hears of four')
  expect(script.stored.map(([value]) => value)).toEqual(['1', '2', '3', '5'])
  expect(script.stored.slice(0, 3).map(([, offset]) => offset)).toEqual([0, 1, 2])
  // The mark of the commit is between them, and what was written of the aborted transaction.
  expect(script.stored[3]![1]).toBeGreaterThan(3)
})

test('a source that asks for both ends of a transaction fails its task', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('e', scripted('e', { 'transaction.boundary': 'connector' }), 'RUNNING')
  script.give({ values: ['1'], end: 'commit', also: 'abort' })
  await inState(worker, 'e', 'RUNNING FAILED')
  expect(worker.status('e').tasks[0]!.trace).toContain('Connector requested both commit and abort of same transaction')
})

test('a retriable error of the source is read again after the last committed position: nothing twice, nothing lost', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  for (const boundary of ['poll', 'interval', 'connector'] as const) {
    script.starts.length = 0
    await worker.create(boundary, scripted(boundary, { 'transaction.boundary': boundary }), 'RUNNING')
    script.give({ values: ['1', '2'], end: boundary === 'connector' ? 'commit' : undefined })
    script.give({ values: ['3'] })
    script.give({ error: new Retriable('the system is away', { afterMs: 10 }) })
    await until(() => script.starts.length === 2, 'it is read again')
    // What the source has not ended itself is aborted, and read again.
    const position = boundary === 'connector' ? 2 : 3
    expect(script.starts).toEqual([0, position])
    if (boundary === 'connector') script.give({ values: ['3'] })
    script.give({ values: ['4'], end: boundary === 'connector' ? 'commit' : undefined })
    if (boundary === 'interval') await worker.pause(boundary)
    if (boundary === 'interval') await worker.stop(boundary)
    await until(async () => (await clusters.committedIn(`topic-${boundary}`)).length === 4, 'all are committed')
    expect(await clusters.committedIn(`topic-${boundary}`)).toEqual(['1', '2', '3', '4'])
    await worker.delete(boundary)
    await until(() => script.running === 0, 'the task has stopped')
  }
})

test('a task that another producer has fenced fails, and says why; after a restart it goes on without a gap', async () => {
  const script = new ScriptedSource()
  const settings = enabled()
  const worker = await clusters.start(settings, [script.connector])
  await worker.create('f', scripted('f'), 'RUNNING')
  script.give({ values: ['1'] })
  await until(async () => (await clusters.committedIn('topic-f')).length === 1, 'the first is committed')
  const newer = clusters.client.producer({ transactionalId: `${settings['group.id']}-f-0` })
  await newer.initTransactions()
  await newer.close()
  script.give({ values: ['lost'] })
  await inState(worker, 'f', 'RUNNING FAILED')
  expect(worker.status('f').tasks[0]!.trace).toMatch(/task f-0 (was fenced|was unable to finish)/)
  await worker.restartTask('f', 0)
  await until(() => script.starts.length === 2, 'it runs again')
  expect(script.starts).toEqual([0, 1])
  script.give({ values: ['2'] })
  await until(async () => (await clusters.committedIn('topic-f')).length === 2, 'it goes on')
  expect(await clusters.committedIn('topic-f')).toEqual(['1', '2'])
})

test('a source must not write to its own offset topic', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  await worker.create('g', scripted('g', { topic: 'whoops', 'offsets.storage.topic': 'whoops' }), 'RUNNING')
  script.give({ values: ['1'] })
  await inState(worker, 'g', 'RUNNING FAILED')
  expect(worker.status('g').tasks[0]!.trace).toContain(
    'Source tasks may not produce to their own offsets topics when exactly-once support is enabled',
  )
})

test('batches that are read while a transaction is committed become one transaction', async () => {
  const script = new ScriptedSource()
  const settings = enabled()
  const worker = await clusters.start(settings, [script.connector])
  await worker.create('h', scripted('h'), 'RUNNING')
  for (let n = 1; n <= 200; n++) script.give({ values: [String(n)] })
  await until(async () => (await clusters.committedIn('topic-h')).length === 200, 'all are committed')
  const positions = await clusters.committedPositions(settings['offset.storage.topic']!, 'h')
  expect(positions.at(-1)).toBe(200)
  expect(positions.length).toBeLessThan(100)
  // Each batch as a whole: a position is never in the middle of one.
  expect(await clusters.committedIn('topic-h')).toEqual(Array.from({ length: 200 }, (_, n) => String(n + 1)))
})

test('a task that stops commits what it has sent; a cancelled one commits nothing more', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled({ 'task.shutdown.graceful.timeout.ms': '100' }), [script.connector])
  await worker.create('i', scripted('i', { 'transaction.boundary': 'interval', 'transaction.boundary.interval.ms': '600000' }), 'RUNNING')
  script.give({ values: ['1'] })
  await until(async () => (await clusters.storedIn('topic-i')) > 0, 'it is sent')
  const hanging = new Condition()
  let hangs = true
  script.give({ hang: () => hanging.until(() => !hangs), values: ['late'] })
  await until(() => script.hanging === 1, 'the source hangs')
  await worker.stop('i')
  await until(() => states(worker, 'i') === 'STOPPED', 'it is stopped')
  hangs = false
  hanging.notify()
  await until(() => script.running === 0, 'the source has ended')
  expect((await worker.offsets('i'))[0]?.offset).toEqual({ n: 1 })
  expect(await failure(worker.alterOffsets('i', [{ partition: { source: 's' }, offset: { n: 7 } }]))).toBeNull()
  await worker.resume('i')
  await until(() => script.starts.length === 2, 'it runs again')
  expect(script.starts).toEqual([0, 7])
  expect(await clusters.committedIn('topic-i')).toEqual(['1'])
})

test('dead letters are committed with the records and positions of their batch', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  const letters = {
    'value.converter': 'org.apache.kafka.connect.converters.IntegerConverter',
    'errors.deadletterqueue.topic.name': 'letters',
    'errors.deadletterqueue.topic.replication.factor': '1',
  }
  await worker.create('j', scripted('j', { ...letters, 'errors.tolerance': 'all', 'transaction.boundary': 'connector' }), 'RUNNING')
  script.give({ values: ['not a number'] })
  await until(async () => (await clusters.storedIn('letters')) > 0, 'the letter is sent')
  expect(await clusters.committedIn('letters')).toEqual([])
  script.give({ values: ['nor this'], end: 'abort' })
  script.give({ values: ['a third'], end: 'commit' })
  await until(async () => (await clusters.committedIn('letters')).length === 1, 'the third is committed')
  expect((await clusters.committedIn('letters'))[0]).toContain('a third')
  expect((await worker.offsets('j'))[0]!.offset).toEqual({ n: 3 })
  // Without tolerance the batch fails with its task, and is read again: its letter is aborted with it.
  await worker.putConfig('j', scripted('j', { ...letters, 'transaction.boundary': 'connector' }))
  await until(() => script.starts.length === 2, 'it runs again')
  script.give({ values: ['a fourth'], end: 'commit' })
  await inState(worker, 'j', 'RUNNING FAILED')
  expect((await worker.offsets('j'))[0]!.offset).toEqual({ n: 3 })
  expect(await clusters.committedIn('letters')).toHaveLength(1)
})

test('a source hears of a skipped record when the transaction with its dead letter is committed, and of the one that fails the task', async () => {
  const script = new ScriptedSource()
  const worker = await clusters.start(enabled(), [script.connector])
  const config = {
    'value.converter': 'org.apache.kafka.connect.converters.IntegerConverter',
    'errors.deadletterqueue.topic.name': 'letters-told',
    'errors.deadletterqueue.topic.replication.factor': '1',
    'transaction.boundary': 'connector',
  }
  await worker.create('rejects', scripted('rejects', { ...config, 'errors.tolerance': 'all' }), 'RUNNING')
  script.give({ values: ['no number'] })
  await until(async () => (await clusters.storedIn('letters-told')) > 0, 'the letter is sent')
  expect(script.rejected).toEqual([])
  script.give({ values: ['nor this'], end: 'abort' })
  script.give({ values: ['a third', 'a fourth'], ends: { 3: 'commit' }, end: 'commit' })
  await until(() => script.rejected.length === 2, 'the source hears of what is committed')
  expect(script.rejected).toEqual(['a third', 'a fourth'])
  await worker.putConfig('rejects', scripted('rejects', config))
  await until(() => script.starts.length === 2, 'it runs again')
  script.give({ values: ['a fifth', 'a sixth'], end: 'commit' })
  await inState(worker, 'rejects', 'RUNNING FAILED')
  expect(script.rejected).toEqual(['a third', 'a fourth', 'a fifth'])
})

test('a source without positions hears of skipped records though nothing is sent, exactly once too', async () => {
  const script = new ScriptedSource(false)
  const worker = await clusters.start(enabled(), [script.connector])
  const converter = { 'value.converter': 'org.apache.kafka.connect.converters.IntegerConverter' }
  await worker.create('skips', scripted('skips', { ...converter, 'errors.tolerance': 'all' }), 'RUNNING')
  script.give({ values: ['no number'] })
  await until(() => script.rejected.length === 1, 'the source hears of it')
  expect([script.rejected, script.stored]).toEqual([['no number'], []])
})

test('a task in a thread of its own is fenced by the worker and commits its transactions itself', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exactly-once-'))
  try {
    const file = join(folder, 'lines.txt')
    writeFileSync(file, '1\n2\n')
    const settings = enabled()
    const worker = await clusters.start(settings)
    const config = { name: 'k', 'connector.class': 'FileStreamSource', file, topic: 'topic-k', 'exactly.once.support': 'required' }
    await worker.create('k', { ...config, 'task.isolation': 'thread' }, 'RUNNING')
    await until(async () => (await clusters.committedIn('topic-k')).length === 2, 'the lines are committed', 60_000)
    // Another task of this id, as after a partition of the network, fences it; after its restart it goes on exactly.
    const zombie = clusters.client.producer({ transactionalId: `${settings['group.id']}-k-0` })
    await zombie.initTransactions()
    await zombie.close()
    appendFileSync(file, '3\n')
    await inState(worker, 'k', 'RUNNING FAILED')
    await worker.restartTask('k', 0)
    appendFileSync(file, '4\n')
    await until(async () => (await clusters.committedIn('topic-k')).length === 4, 'the rest is committed', 60_000)
    expect(await clusters.committedIn('topic-k')).toEqual(['1', '2', '3', '4'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)
