/**
 * Goal: a task that fails while it stops is no failure: its successor runs, is not restarted by the back-off of the one before, and a
 * stopped connector stays stopped. Method: a real worker whose automatic restarts wait for a minute, and a sink that throws when it is
 * stopped.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineConnector, defineSink } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

let starts = 0
let stops = 0
let workers: WorkersInProcess

const failsToStop = defineConnector({
  name: 'fails-to-stop',
  doc: 'Throws when it is stopped.',
  version: '1',
  sink: defineSink({
    class: 'test.FailsToStopSinkConnector',
    settings: {},
    start() {
      starts++
      return {
        async write() {},
        async flush() {},
        stop() {
          stops++
          throw new Error('the socket is closed')
        },
      }
    },
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

test('a task that fails to stop has no failure, no restart to come and no FAILED status', async () => {
  const settings = workers.settings({ 'auto.restart.backoff.ms': '60000' })
  const worker = await workers.start({ settings, connectors: [failsToStop] })
  await workers.client.admin.createTopics([{ name: 'numbers', partitions: 1, replicationFactor: 1 }])
  await worker.create('numbers', { name: 'numbers', 'connector.class': 'FailsToStopSink', topics: 'numbers' }, 'RUNNING')
  await until(() => starts === 1 && worker.status('numbers').tasks[0]?.state === 'RUNNING', 'the task runs')
  await worker.restartTask('numbers', 0)
  await until(() => starts === 2 && worker.status('numbers').tasks[0]?.state === 'RUNNING', 'its successor runs')
  expect(stops).toBe(1)
  await worker.stop('numbers')
  await until(() => stops === 2 && worker.status('numbers').tasks.length === 0, 'it has stopped')
  expect(await worker.failures('numbers')).toEqual([])
})
