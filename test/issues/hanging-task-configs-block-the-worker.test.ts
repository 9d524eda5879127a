/**
 * Goal: a connector whose task configs never come delays nothing but itself: other connectors start, rebalances complete, the worker
 * closes. Method: real workers on a real broker, and a connector whose `tasks` never resolves.
 */
import { afterAll, beforeAll, test } from 'vitest'
import { defineConnector, defineSource } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

const CLOSE_MS = 15_000
let workers: WorkersInProcess

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

const hanging = defineConnector({
  name: 'hanging',
  doc: 'Never resolves its task configs.',
  version: '1',
  source: defineSource({
    class: 'test.HangingSourceConnector',
    settings: {},
    tasks: () => new Promise(() => {}),
    async *read() {},
  }),
})

test('other connectors start, a second worker gets its share, and both close', { timeout: 60_000 }, async () => {
  const settings = workers.settings({ 'task.shutdown.graceful.timeout.ms': '2000' })
  const start = () => workers.start({ settings, connectors: [hanging] })
  const first = await start()
  for (const name of ['a', 'b', 'c', 'd']) await first.create(name, { name, 'connector.class': 'HangingSource' }, 'RUNNING')
  await until(() => first.connectors().every((name) => first.status(name).connector.state === 'RUNNING'), 'all connectors run')
  const second = await start()
  const owners = () => new Set(first.connectors().map((name) => first.status(name).connector.worker_id))
  await until(() => owners().size === 2, 'the second worker has its share')
  await first.putConfig('a', { name: 'a', 'connector.class': 'HangingSource', more: '1' })
  await first.delete('b')
  await until(() => !second.connectors().includes('b'), 'both workers know of the deletion')
  let closed = 0
  for (const worker of [first, second]) workers.close(worker).then(() => closed++)
  await until(() => closed === 2, 'both workers are closed', CLOSE_MS)
})
