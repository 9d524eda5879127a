/**
 * Goal: a reset of a stopped connector's offsets stays, though its tasks store their last positions while they stop. Method: a real worker,
 * and a source that gives one more batch when it is stopped; the offsets are reset before that batch comes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineConnector, defineSource, sourceRecord } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

const lastBatch = Promise.withResolvers<void>()
let ended = false
let workers: WorkersInProcess

const slowToStop = defineConnector({
  name: 'slow-to-stop',
  doc: 'Gives one batch when it is stopped.',
  version: '1',
  source: defineSource({
    class: 'test.SlowToStopSourceConnector',
    settings: {},
    async *read({ signal }) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await lastBatch.promise
      ended = true
      yield { records: [sourceRecord({ topic: 'numbers', value: 'last' })], positions: [{ partition: {}, offset: { n: 99 } }] }
    },
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

test('a reset waits for the last positions of the tasks', async () => {
  const worker = await workers.start({ connectors: [slowToStop] })
  await worker.create('numbers', { name: 'numbers', 'connector.class': 'SlowToStopSource' }, 'RUNNING')
  await until(() => worker.status('numbers').tasks[0]?.state === 'RUNNING', 'the task runs')
  await worker.stop('numbers')
  const reset = worker.resetOffsets('numbers')
  // Two round trips to the cluster: enough for a reset that does not wait.
  for (let round = 0; round < 2; round++) await worker.offsets('numbers')
  lastBatch.resolve()
  await reset
  await until(() => ended && worker.status('numbers').tasks.length === 0, 'the task has ended')
  expect(await worker.offsets('numbers')).toEqual([])
})
