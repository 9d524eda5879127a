/**
 * Goal: a task with plugins of plugin.path runs in a thread of its own as any other task runs: records, positions, states, offsets, topics,
 * metrics, traces. Method: a worker on a real broker in this process; plugins written into a folder.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Worker } from '../../../../connect/index.ts'
import { until as untilWithin } from '../../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../../worker-in-process.ts'
import { valuesIn } from '../connect-clusters.ts'
import { WrittenPlugins } from './written-plugins.ts'

// Threads load the worker's code and loops take the processors: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 })

/** Each task loads the worker's code in its thread. */
const SLOW_MS = 55_000
const until = <T>(condition: () => T | Promise<T>, what: string) => untilWithin(condition, what, SLOW_MS)

const plugins = new WrittenPlugins()
let workers: WorkersInProcess
let worker: Worker

beforeAll(async () => {
  plugins.writeAll()
  workers = await workersInProcess()
  worker = await workers.start({ settings: workers.settings({ 'plugin.path': plugins.folder }) })
})
afterAll(async () => {
  await workers?.stop()
  plugins.remove()
})

const string = 'org.apache.kafka.connect.storage.StringConverter'
const source = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'Counter',
  topic: `topic-${name}`,
  'key.converter': string,
  'value.converter': string,
  ...more,
})
const state = (name: string) => {
  const { connector, tasks } = worker.status(name)
  return [connector, ...tasks].map((one) => one.state).join(' ')
}
const inState = (name: string, wanted: string) =>
  until(() => {
    try {
      return state(name) === wanted
    } catch {
      return false
    }
  }, `${name} is ${wanted}`)
const numbers = (count: number, task = 0, end = '') => Array.from({ length: count }, (_, n) => `${task}:${n}${end}`)

test('a source stores its records and positions, and continues after them', async () => {
  await worker.create('a', source('a', { 'tasks.max': '2' }), 'RUNNING')
  await inState('a', 'RUNNING RUNNING RUNNING')
  await until(
    async () => (await worker.offsets('a')).every(({ offset }) => offset?.n === 10) && (await worker.offsets('a')).length === 2,
    'positions',
  )
  expect((await valuesIn(workers.client, 'topic-a')).sort()).toEqual([...numbers(10), ...numbers(10, 1)].sort())
  expect(worker.status('a').tasks[0]).toMatchObject({ state: 'RUNNING', version: '2.0.0' })
  await until(() => worker.topics('a').length === 1, 'its topic is recorded')
  await worker.putConfig('a', source('a', { 'tasks.max': '2', count: '15' }))
  await until(async () => (await worker.offsets('a')).every(({ offset }) => offset?.n === 15), 'the rest')
  expect((await valuesIn(workers.client, 'topic-a')).sort()).toEqual([...numbers(15), ...numbers(15, 1)].sort())
})

test('transforms, predicates and converters of plugin.path run with a connector of the worker too', async () => {
  const file = join(plugins.folder, 'lines.out')
  await worker.create(
    'b',
    source('b', {
      count: '6',
      transforms: 'more',
      'transforms.more.type': 'Suffix',
      'transforms.more.suffix': '!',
      'transforms.more.predicate': 'even',
      predicates: 'even',
      'predicates.even.type': 'Even',
      'value.converter': 'Reverse',
    }),
    'RUNNING',
  )
  await until(async () => (await worker.offsets('b'))[0]?.offset?.n === 6, 'its position')
  expect(await valuesIn(workers.client, 'topic-b')).toEqual(['!0:0', '1:0', '!2:0', '3:0', '!4:0', '5:0'])
  const sink = {
    name: 'b-sink',
    'connector.class': 'FileStreamSink',
    topics: 'topic-b',
    file,
    'key.converter': string,
    'value.converter': 'org.example.ReverseConverter',
  }
  await worker.create('b-sink', sink, 'RUNNING')
  await until(() => readLines(file).length === 6, 'six lines')
  expect(readLines(file)).toEqual(['0:0!', '0:1', '0:2!', '0:3', '0:4!', '0:5'])
})

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1)
  } catch {
    return []
  }
}

test('a sink writes each record once, and its offsets are committed', async () => {
  const file = join(plugins.folder, 'sink.out')
  await worker.create('c', source('c', { count: '30' }), 'RUNNING')
  const sink = {
    name: 'c-sink',
    'connector.class': 'FileLinesSink',
    topics: 'topic-c',
    file,
    'key.converter': string,
    'value.converter': string,
  }
  await worker.create('c-sink', sink, 'RUNNING')
  await until(() => readLines(file).length === 30, 'all lines')
  expect(readLines(file)).toEqual(numbers(30))
  await until(async () => (await worker.offsets('c-sink'))[0]?.offset?.kafka_offset === 30, 'its offset')
})

const HOOKS = `
import { appendFileSync } from 'node:fs'
import { defineConnector, defineSink, defineSource, setting, sourceRecord } from 'tributary/connect/sdk'
const settings = { file: setting.string({ doc: 'Where it writes down what it hears.' }), topic: setting.string({ default: '', doc: 'The topic.' }) }
export default defineConnector({
  name: 'hooks',
  doc: 'Hears what becomes of its records.',
  source: defineSource({
    class: 'org.example.HearingSourceConnector',
    settings,
    exactlyOnceSupport: () => 'supported',
    async *read({ config, signal }) {
      const hear = (text) => appendFileSync(config.file, text + '\\n')
      const twice = sourceRecord({ topic: config.topic, partition: 0, value: 7 })
      yield {
        records: [twice, sourceRecord({ topic: config.topic, partition: 0, value: 'no number' }), twice],
        positions: [],
        stored: (index, { offset }) => hear(index + ' is at ' + offset),
        rejected: (index) => hear('rejected ' + index),
        acknowledged: () => hear('acknowledged'),
      }
      await new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', resolve, { once: true })))
    },
  }),
  sink: defineSink({
    class: 'org.example.NamingSinkConnector',
    settings: { ...settings, names: setting.oneOf(['one less', 'map'], { default: 'one less', doc: 'What flush returns.' }) },
    start: ({ config }) => ({
      async write(records) {
        appendFileSync(config.file, records.map(({ value }) => value + '\\n').join(''))
      },
      async flush(offsets) {
        if (config.names === 'map') return new Map(offsets.map((offset) => [offset.partition, offset.offset]))
        return offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset - 1 }))
      },
    }),
  }),
})
`

test('a source in a thread hears of each of its records, and a sink there names the offsets that are committed', async () => {
  plugins.write('hooks.mjs', HOOKS)
  await until(() => worker.plugins(false).some((plugin) => plugin.class === 'org.example.NamingSinkConnector'), 'the plugin is found')
  const heard = join(plugins.folder, 'heard.txt')
  const integers = { 'value.converter': 'org.apache.kafka.connect.converters.IntegerConverter' }
  const source = { 'connector.class': 'org.example.HearingSourceConnector', topic: 'topic-hooks', file: heard, 'errors.tolerance': 'all' }
  await worker.create('hears', { name: 'hears', ...source, ...integers }, 'RUNNING')
  const lines = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
  await until(() => lines(heard).includes('acknowledged'), 'the source has heard of its batch')
  expect(lines(heard)).toEqual(['rejected 1', '0 is at 0', '2 is at 1', 'acknowledged'])

  const file = join(plugins.folder, 'named.txt')
  const sink = { name: 'names', 'connector.class': 'org.example.NamingSinkConnector', topics: 'topic-hooks', file, ...integers }
  await worker.create('names', sink, 'RUNNING')
  await until(async () => (await worker.offsets('names'))[0]?.offset?.kafka_offset === 1, 'what it names is committed')
  expect(lines(file)).toEqual(['7', '7'])
  // A restart goes on with what was never named.
  await worker.restartTask('names', 0)
  await until(() => lines(file).length === 3, 'the second is delivered again')
  await worker.putConfig('names', { ...sink, names: 'map' })
  await inState('names', 'RUNNING FAILED')
  expect(worker.status('names').tasks[0]!.trace).toContain('flush of org.example.NamingSinkConnector has returned an object')
  expect((await worker.offsets('names'))[0]?.offset?.kafka_offset).toBe(1)
})

test('what waiting cannot mend is not restarted, a stall is reported, and dead letters are replayed', async () => {
  const queue = {
    'errors.deadletterqueue.topic.name': 'dead-l',
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
  }
  const broken = {
    transforms: 'm',
    'transforms.m.type': 'org.apache.kafka.connect.transforms.InsertField$Value',
    'transforms.m.static.field': 'f',
    'transforms.m.static.value': 'v',
  }
  await worker.create('l', source('l', { count: '4', ...queue, ...broken }), 'RUNNING')
  await inState('l', 'RUNNING FAILED')
  expect(worker.taskStatus('l', 0)).toMatchObject({
    trace: expect.stringMatching(/Only Map|Only Struct/),
    restart: { next: null, reason: 'cannot-mend' },
  })
  await worker.putConfig('l', source('l', { count: '4', ...queue, ...broken, 'errors.tolerance': 'all' }))
  await until(async () => (await worker.offsets('l'))[0]?.offset?.n === 4, 'its position')
  await worker.putConfig('l', source('l', { count: '4', ...queue }))
  await until(async () => (await worker.deadLetters('l', {})).groups[0]?.count === 5, 'one that failed the task, four that were skipped')
  await inState('l', 'RUNNING RUNNING')
  const letters = [1, 2, 3, 4].map((offset) => ({ partition: 0, offset }))
  const replay = () => worker.replayDeadLetters('l', { letters }).catch((error) => error.status)
  const report = await until(async () => ((found) => (found === 409 ? null : found))(await replay()), 'its task runs')
  expect(report).toMatchObject({ chosen: 4, delivered: 4, failed: 0 })
  expect(await valuesIn(workers.client, 'topic-l')).toEqual(numbers(4))
  expect(await replay()).toMatchObject({ already_replayed: 4, delivered: 0 })

  const sink = { 'connector.class': 'FileLinesSink', topics: 'topic-l', 'key.converter': string, 'value.converter': string }
  const hanging = { ...sink, name: 'l-sink', file: join(plugins.folder, 'l.out'), hang: 'true', 'task.stall.timeout.ms': '1000' }
  await worker.create('l-sink', hanging, 'RUNNING')
  await inState('l-sink', 'RUNNING RUNNING')
  await until(() => worker.taskStatus('l-sink', 0).stalled?.stage === 'put', 'it is stalled')
  await worker.stop('l-sink')
}, 60_000)

test('a task is paused, resumed, restarted and stopped', async () => {
  await worker.create('d', source('d', { count: '5' }), 'RUNNING')
  await inState('d', 'RUNNING RUNNING')
  await worker.pause('d')
  await inState('d', 'PAUSED PAUSED')
  await worker.restartTask('d', 0)
  await worker.putConfig('d', source('d', { count: '8' }))
  await inState('d', 'PAUSED PAUSED')
  await worker.resume('d')
  await until(async () => (await worker.offsets('d'))[0]?.offset?.n === 8, 'it has gone on')
  expect(await valuesIn(workers.client, 'topic-d')).toEqual(numbers(8))
  await worker.stop('d')
  await inState('d', 'STOPPED')
  await expect(worker.alterOffsets('d', [{ partition: { nothing: 1 }, offset: { n: 2 } }])).rejects.toThrow(
    'a partition of topic-d has a task',
  )
  await worker.alterOffsets('d', [{ partition: { task: 0 }, offset: { n: 2 } }])
  await worker.resume('d')
  await until(async () => (await worker.offsets('d'))[0]?.offset?.n === 8, 'it has read again from there')
  expect(await valuesIn(workers.client, 'topic-d')).toEqual([...numbers(8), ...numbers(8).slice(2)])
})

test('a config is validated by the settings and checks of the plugin', async () => {
  const infos = await worker.validate('Counter', source('e', { count: '-1', topic: 'x', 'task.heap.max.mb': '1' }))
  const errors = infos.configs.flatMap(({ value }) => value.errors)
  expect(errors).toEqual([
    'Invalid value -1 for configuration count: Count down is not counting',
    'Invalid value 1 for configuration task.heap.max.mb: Value must be at least 32',
  ])
  await expect(worker.create('e', source('e', { topic: 'forbidden' }), 'RUNNING')).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining('Invalid value forbidden for configuration topic: it is forbidden'),
  })
})

test('the error of a task is in its trace, with its causes', async () => {
  await worker.create('f', source('f', { loop: 'throw' }), 'RUNNING')
  await inState('f', 'RUNNING FAILED')
  const { trace } = worker.status('f').tasks[0]!
  expect(trace).toMatch(/^Error: the source is broken\n {4}at .*lib\/index\.js/)
  expect(trace).toContain('Caused by: TypeError: its cause')
})

test('a connector of the worker runs in a thread where its config says so, and what it counts is in the metrics', async () => {
  const [from, to] = [join(plugins.folder, 'in.lines'), join(plugins.folder, 'out.lines')]
  writeFileSync(from, 'one\ntwo\n')
  const thread = { 'task.isolation': 'thread', 'key.converter': string, 'value.converter': string }
  await worker.create('g', { ...thread, name: 'g', 'connector.class': 'FileStreamSource', file: from, topic: 'topic-g' }, 'RUNNING')
  await worker.create('g-sink', { ...thread, name: 'g-sink', 'connector.class': 'FileStreamSink', file: to, topics: 'topic-g' }, 'RUNNING')
  await until(() => readLines(to).join() === 'one,two', 'both lines')
  await until(
    async () => (await workers.system.metrics.text()).includes('source_record_write_total{connector="g",task="0"} 2'),
    'what the thread counts is in the metrics',
  )
})
