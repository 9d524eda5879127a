/**
 * Goal: whatever a plugin does, it fails alone, with a trace that says why, while the worker and other tasks go on. Method: plugins that
 * loop for ever, that fill the memory and that end the process, at each place where a worker runs their code.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Worker } from '../../../../connect/index.ts'
import { findPlugins } from '../../../../connect/plugins.ts'
import { openPathPlugins } from '../../../../connect/runtime/isolation/path-plugins.ts'
import { parseWorkerSettings } from '../../../../connect/runtime/worker-settings.ts'
import { realSystem } from '../../../../core/system/index.ts'
import { until } from '../../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../../worker-in-process.ts'
import { WrittenPlugins } from './written-plugins.ts'

// Threads load the worker's code and loops take the processors: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 })

const plugins = new WrittenPlugins()
let workers: WorkersInProcess
let worker: Worker

beforeAll(async () => {
  plugins.writeAll()
  workers = await workersInProcess()
  worker = await workers.start({
    settings: workers.settings({ 'plugin.path': plugins.folder, 'task.unresponsive.timeout.ms': '5000', 'task.heap.max.mb': '64' }),
  })
})
afterAll(async () => {
  await workers?.stop()
  plugins.remove()
})

/** Plugins that compute for ever take the processors from the others meanwhile. */
const SLOW_MS = 55_000

const string = 'org.apache.kafka.connect.storage.StringConverter'
const source = (name: string, loop: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'Counter',
  topic: `topic-${name}`,
  loop,
  'value.converter': string,
  ...more,
})
const statesOf = (name: string) => {
  try {
    const { connector, tasks } = worker.status(name)
    return [connector, ...tasks].map((one) => one.state).join(' ')
  } catch {
    return ''
  }
}
const inState = (name: string, wanted: string) => until(() => statesOf(name) === wanted, `${name} is ${wanted}`, SLOW_MS)

/** A well-behaved connector works from end to end. */
async function worksBeside(name: string): Promise<void> {
  await worker.create(name, source(name, ''), 'RUNNING')
  await until(async () => (await worker.offsets(name))[0]?.offset?.n === 10, `${name} has stored all positions`, SLOW_MS)
  expect(statesOf(name)).toBe('RUNNING RUNNING')
}

test('a task that computes for ever fails with the place where it was, and others go on meanwhile', async () => {
  await worker.create('loop', source('loop', 'read'), 'RUNNING')
  await inState('loop', 'RUNNING RUNNING')
  await worksBeside('beside-loop')
  await inState('loop', 'RUNNING FAILED')
  const { trace } = worker.status('loop').tasks[0]!
  expect(trace).toMatch(/^ThreadFailed: task 0 of connector loop has not responded for 5 s and was ended/)
  expect(trace).toMatch(/at spin \(file:.*count\/lib\/index\.js:\d+:\d+\)\n {4}at loopOn/)
  await worker.putConfig('loop', source('loop', ''))
  await until(async () => (await worker.offsets('loop'))[0]?.offset?.n === 10, 'it works after the mend', SLOW_MS)
})

test('a task that computes for ever is ended when it is stopped', async () => {
  await worker.create('stop', source('stop', 'read', { 'task.unresponsive.timeout.ms': '600000' }), 'RUNNING')
  await inState('stop', 'RUNNING RUNNING')
  await worker.stop('stop')
  await inState('stop', 'STOPPED')
})

test('a task that fills its memory fails alone', async () => {
  await worker.create('memory', source('memory', 'memory', { 'task.unresponsive.timeout.ms': '60000' }), 'RUNNING')
  await inState('memory', 'RUNNING FAILED')
  expect(worker.status('memory').tasks[0]!.trace).toMatch(/task 0 of connector memory needs more than 64 MB of memory and was ended/)
  await worksBeside('beside-memory')
})

test('a task that ends its process fails alone', async () => {
  await worker.create('exit', source('exit', 'exit'), 'RUNNING')
  await inState('exit', 'RUNNING FAILED')
  expect(worker.status('exit').tasks[0]!.trace).toMatch(/has ended with exit code 3: a plugin must not end its process/)
})

test('a task that sends the worker something else fails alone', async () => {
  await worker.create('post', source('post', 'post'), 'RUNNING')
  await inState('post', 'RUNNING FAILED')
  expect(worker.status('post').tasks[0]!.trace).toMatch(/has sent a message that is none: a plugin must not use parentPort/)
})

test('a task that sends messages without end fails alone', async () => {
  await worker.create('flood', source('flood', 'flood'), 'RUNNING')
  await inState('flood', 'RUNNING FAILED')
  expect(worker.status('flood').tasks[0]!.trace).toMatch(/^ThreadFailed: task 0 of connector flood has sent messages without end/)
})

test('which tasks run in threads', async () => {
  const found = await findPlugins()
  const system = realSystem('silent')
  const { isolation, pathPlugins } = await openPathPlugins(found, parseWorkerSettings({ 'plugin.path': plugins.folder }), {
    properties: {},
    systemProperties: {},
    workerId: 'test:8083',
    system,
  })
  pathPlugins.close()
  const file = found.connector('FileStreamSource')
  const given = { ...file, origin: { ...file.origin, module: null } }
  expect(isolation.isIsolated(file, { 'connector.class': 'FileStreamSource' })).toBe(false)
  expect(isolation.isIsolated(file, { 'connector.class': 'FileStreamSource', 'task.isolation': 'thread' })).toBe(true)
  expect(isolation.isIsolated(file, { 'connector.class': 'FileStreamSource', 'value.converter': 'Reverse' })).toBe(true)
  expect(isolation.isIsolated(file, { 'connector.class': 'FileStreamSource', transforms: 'x', 'transforms.x.type': 'Suffix' })).toBe(true)
  expect(isolation.isIsolated(found.connector('Counter'), { 'connector.class': 'Counter' })).toBe(true)
  expect(isolation.isIsolated(given, { 'connector.class': 'Other', 'task.isolation': 'thread' })).toBe(false)
})

test('a validation that computes for ever is answered with 500, and other requests go on', async () => {
  const validating = worker.validate('Counter', source('v', 'check')).then(
    () => null,
    (error: unknown) => error,
  )
  await worksBeside('beside-validation')
  expect(await validating).toMatchObject({
    status: 500,
    message: expect.stringMatching(/^the validation of connector v has not responded for 10 s and was ended/),
  })
})

test('a connector whose tasks() computes for ever fails with the place where it was', async () => {
  await worker.create('tasks', source('tasks', 'tasks'), 'RUNNING')
  await until(() => statesOf('tasks') === 'FAILED', 'tasks is FAILED', SLOW_MS)
  const { trace } = worker.status('tasks').connector
  expect(trace).toMatch(/^ThreadFailed: tasks of org\.example\.CountSourceConnector has not responded for 10 s/)
  expect(trace).toContain('at spin')
  await worksBeside('beside-tasks')
})
