/**
 * Goal: a plugin that throws what is no error, where nobody catches it, fails its task alone. Method: a timer of a task throws null; the
 * owner of its thread has nothing but null to tell why, and must go on.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Worker } from '../../connect/index.ts'
import { WrittenPlugins } from '../connect/runtime/isolation/written-plugins.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

const plugins = new WrittenPlugins()
let workers: WorkersInProcess
let worker: Worker

beforeAll(async () => {
  plugins.writeConnector()
  workers = await workersInProcess()
  worker = await workers.start({ settings: workers.settings({ 'plugin.path': plugins.folder, 'auto.restart.enable': 'false' }) })
})
afterAll(async () => {
  await workers?.stop()
  plugins.remove()
})

test('the task is FAILED, and says what was thrown', async () => {
  const config = { name: 'nothing', 'connector.class': 'Counter', topic: 't', loop: 'throw null' }
  await worker.create('nothing', config, 'RUNNING')
  const task = () => worker.status('nothing').tasks[0]
  await until(() => task()?.state === 'FAILED', 'the task has failed', 55_000)
  expect(task()!.trace).toMatch(/^ThreadFailed: the thread of task 0 of connector nothing has failed: null/)
}, 120_000)
