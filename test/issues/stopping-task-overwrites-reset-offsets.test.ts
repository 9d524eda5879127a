/**
 * Goal: what a user sets as the offsets of a stopped connector stays, though its tasks store their last positions while they end. Method: a
 * real worker, and a source that gives one more batch when it is told to end; its offsets are reset meanwhile.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../connect/index.ts'
import { defineConnector, defineSource, sourceRecord } from '../../connect/sdk/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

const gate = Promise.withResolvers<void>()
let ended = false
let broker: BrokerInProcess
let worker: Worker

const lastWords = defineConnector({
  name: 'last-words',
  doc: 'Gives its last batch when it ends.',
  version: '1',
  source: defineSource({
    class: 'test.LastWordsSourceConnector',
    settings: {},
    async *read({ signal }) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await gate.promise
      ended = true
      yield { records: [sourceRecord({ topic: 'words', value: 'last' })], positions: [{ partition: {}, offset: { n: 99 } }] }
    },
  }),
})

beforeAll(async () => {
  broker = await brokerInProcess()
  const properties = {
    'bootstrap.servers': `127.0.0.1:${broker.port}`,
    'config.storage.replication.factor': '1',
    'offset.storage.replication.factor': '1',
    'status.storage.replication.factor': '1',
    'offset.storage.partitions': '1',
  }
  worker = await startWorker(properties, realSystem('silent'), { advertisedUrl: 'http://127.0.0.1:1', connectors: [lastWords] })
})
afterAll(async () => {
  await worker?.close()
  await broker?.stop()
})

test('a reset comes behind the last positions of the tasks', async () => {
  await worker.create('words', { name: 'words', 'connector.class': 'LastWordsSource' }, 'RUNNING')
  await until(() => worker.status('words').tasks[0]?.state === 'RUNNING', 'it runs')
  await worker.stop('words')
  const reset = worker.resetOffsets('words')
  // two rounds to the cluster and back, in which a reset that does not wait is done
  for (let round = 0; round < 2; round++) await worker.offsets('words')
  gate.resolve()
  await reset
  await until(() => ended && worker.status('words').tasks.length === 0, 'the task has ended')
  expect(await worker.offsets('words')).toEqual([])
})
