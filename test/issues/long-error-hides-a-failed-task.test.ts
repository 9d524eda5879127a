/**
 * Goal: a task that fails with an error larger than a record of the status topic may be is FAILED for everyone to see. Method: a real
 * worker, and a source whose error quotes some megabytes; the status and the history are read.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineConnector, defineSource } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

let workers: WorkersInProcess

const verbose = defineConnector({
  name: 'verbose',
  doc: 'Fails with an error that quotes its input.',
  version: '1',
  source: defineSource({
    class: 'test.VerboseSourceConnector',
    settings: {},
    // biome-ignore lint/correctness/useYield: it fails before it has a batch.
    async *read() {
      throw new Error(`this cannot be parsed: ${'值'.repeat(3_000_000)}`, { cause: new Error('x'.repeat(3_000_000)) })
    },
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

test('the status has the beginning of the trace, and says that there is more', async () => {
  const worker = await workers.start({ connectors: [verbose] })
  await worker.create('v', { name: 'v', 'connector.class': 'VerboseSource', 'auto.restart.enable': 'false' }, 'RUNNING')
  await until(() => worker.status('v').tasks[0]?.state === 'FAILED', 'the task is FAILED')
  const { trace } = worker.taskStatus('v', 0)
  expect(trace).toMatch(/this cannot be parsed: 值{1000}/)
  expect(trace).toMatch(/… \(\d+ more characters\)$/)
  expect(trace!.length).toBeLessThan(110_000)
  await until(async () => (await worker.failures('v')).length === 1, 'the history has it')
})
