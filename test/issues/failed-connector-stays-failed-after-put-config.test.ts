/**
 * Goal: putting the same config again restarts a failed connector and leaves tasks alone whose configs are unchanged, as Kafka Connect
 * does. Method: a real worker on a real broker, and a connector whose `tasks` fails while the test says so.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineConnector, defineSource } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

let workers: WorkersInProcess
let broken = true
let taskConfigCalls = 0
let taskStarts = 0

const unreliable = defineConnector({
  name: 'unreliable',
  doc: 'Fails while the test says so.',
  version: '1',
  source: defineSource({
    class: 'test.UnreliableSourceConnector',
    settings: {},
    tasks() {
      taskConfigCalls++
      if (broken) throw new Error('the database is unavailable')
      return [{}]
    },
    // biome-ignore lint/correctness/useYield: it has nothing to give
    async *read() {
      taskStarts++
      throw new Error('the task is broken')
    },
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

test('the same config again restarts the connector, and not its failed tasks', async () => {
  const worker = await workers.start({ connectors: [unreliable] })
  const config = { name: 'm', 'connector.class': 'UnreliableSource' }
  await worker.create('m', config, 'RUNNING')
  await until(() => worker.status('m').connector.state === 'FAILED', 'the connector has failed')

  broken = false
  expect(await worker.putConfig('m', config)).toMatchObject({ created: false })
  await until(() => worker.status('m').connector.state === 'RUNNING', 'the connector runs')
  await until(() => worker.status('m').tasks[0]?.state === 'FAILED', 'its task has failed')
  expect(taskStarts).toBe(1)

  const before = taskConfigCalls
  await worker.putConfig('m', config)
  await until(() => taskConfigCalls > before, 'the connector has computed its task configs again')
  await worker.restart('m', { includeTasks: false, onlyFailed: false }) // It is handled after whatever the same config started
  expect(taskStarts).toBe(1)
  expect(worker.status('m').tasks[0]).toMatchObject({ state: 'FAILED' })
})
