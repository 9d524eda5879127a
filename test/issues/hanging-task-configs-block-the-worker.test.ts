/**
 * Goal: a connector that takes for ever to work out its tasks stops nothing but itself: others start, rebalances end, the worker closes.
 * Method: real workers on a real broker, and a connector whose `tasks` never answers.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../connect/index.ts'
import { defineConnector, defineSource } from '../../connect/sdk/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

const system = realSystem('silent')
let broker: BrokerInProcess
const workers: Worker[] = []

beforeAll(async () => {
  broker = await brokerInProcess()
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.close()))
  await broker?.stop()
})

const never = defineConnector({
  name: 'never',
  doc: 'Answers nothing.',
  version: '1',
  source: defineSource({
    class: 'test.NeverSourceConnector',
    settings: {},
    tasks: () => new Promise(() => {}),
    async *read() {},
  }),
})

async function start(port: number): Promise<Worker> {
  const properties = {
    'bootstrap.servers': `127.0.0.1:${broker.port}`,
    'group.id': 'slow',
    'config.storage.replication.factor': '1',
    'offset.storage.replication.factor': '1',
    'status.storage.replication.factor': '1',
    'offset.storage.partitions': '1',
    'task.shutdown.graceful.timeout.ms': '2000',
  }
  const worker = await startWorker(properties, system, { advertisedUrl: `http://127.0.0.1:${port}`, connectors: [never] })
  workers.push(worker)
  return worker
}

test('a connector that never tells its tasks', { timeout: 60_000 }, async () => {
  const first = await start(1)
  for (const name of ['a', 'b', 'c', 'd']) await first.create(name, { name, 'connector.class': 'NeverSource' }, 'RUNNING')
  await until(() => first.connectors().every((name) => first.status(name).connector.state === 'RUNNING'), 'all run')
  const second = await start(2)
  const owners = () => new Set(first.connectors().map((name) => first.status(name).connector.worker_id))
  await until(() => owners().size === 2, 'the second worker has its share')
  await first.putConfig('a', { name: 'a', 'connector.class': 'NeverSource', more: '1' })
  await first.delete('b')
  const began = performance.now()
  await Promise.all([first.close(), second.close()])
  expect(performance.now() - began).toBeLessThan(5_000)
})
