/**
 * Goal: a connector that failed is revived by putting its config again as it is, as with Kafka Connect, which begins the connector anew and
 * leaves tasks alone whose configs are the same. Method: a real worker on a real broker, and a connector whose `tasks` fails until told not to.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../connect/index.ts'
import { defineConnector, defineSource } from '../../connect/sdk/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

let broker: BrokerInProcess
let worker: Worker
let broken = true
let asked = 0
let runs = 0

const moody = defineConnector({
  name: 'moody',
  doc: 'Fails while it is told to.',
  version: '1',
  source: defineSource({
    class: 'test.MoodySourceConnector',
    settings: {},
    tasks() {
      asked++
      if (broken) throw new Error('the database is away')
      return [{}]
    },
    // biome-ignore lint/correctness/useYield: it has nothing to give
    async *read() {
      runs++
      throw new Error('the task is broken')
    },
  }),
})

beforeAll(async () => {
  broker = await brokerInProcess()
  const properties = {
    'bootstrap.servers': `127.0.0.1:${broker.port}`,
    'group.id': 'again',
    'config.storage.replication.factor': '1',
    'offset.storage.replication.factor': '1',
    'status.storage.replication.factor': '1',
    'offset.storage.partitions': '1',
  }
  worker = await startWorker(properties, realSystem('silent'), { advertisedUrl: 'http://127.0.0.1:1', connectors: [moody] })
})
afterAll(async () => {
  await worker?.close()
  await broker?.stop()
})

test('the same config again revives the connector, and not its failed tasks', async () => {
  const config = { name: 'm', 'connector.class': 'MoodySource' }
  await worker.create('m', config, 'RUNNING')
  await until(() => worker.status('m').connector.state === 'FAILED', 'the connector has failed')

  broken = false
  expect(await worker.putConfig('m', config)).toMatchObject({ created: false })
  await until(() => worker.status('m').connector.state === 'RUNNING', 'the connector runs')
  await until(() => worker.status('m').tasks[0]?.state === 'FAILED', 'its task ran and failed')
  expect(runs).toBe(1)

  const before = asked
  await worker.putConfig('m', config)
  await until(() => asked > before, 'the connector worked its tasks out again')
  await worker.restart('m', { includeTasks: false, onlyFailed: false }) // it comes after whatever the same config had begun
  expect(runs).toBe(1)
  expect(worker.status('m').tasks[0]).toMatchObject({ state: 'FAILED' })
})
