/**
 * Goal: a sink that never returns from a replay holds that request only until its task is replaced; the next task replays the letters.
 * Method: a real worker with a short time to stop, and a sink that waits for ever in its second write.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BadRecord, defineConnector, defineSink } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

let workers: WorkersInProcess
let writes = 0
let starts = 0

const stuck = defineConnector({
  name: 'stuck',
  doc: 'Refuses its first record, and waits for ever at the second write.',
  version: '1',
  sink: defineSink({
    class: 'test.StuckSinkConnector',
    settings: {},
    start() {
      starts++
      return {
        async write() {
          writes++
          if (writes === 1) throw new BadRecord(0, 'not today')
          if (writes === 2) await new Promise(() => {})
        },
        async flush() {},
      }
    },
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

test('a restart of the task ends the request, and the next one is served', async () => {
  const { client } = workers
  const settings = workers.settings({ 'task.shutdown.graceful.timeout.ms': '200' })
  const worker = await workers.start({ settings, connectors: [stuck] })
  await client.admin.createTopics(['words', 'dead'].map((name) => ({ name, partitions: 1, replicationFactor: 1 })))
  const producer = client.producer()
  await producer.send([{ topic: 'words', key: null, value: Buffer.from('a') }])
  await producer.close()
  const config = {
    name: 'words',
    'connector.class': 'StuckSink',
    topics: 'words',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'dead',
    'errors.deadletterqueue.topic.replication.factor': '1',
  }
  await worker.create('words', config, 'RUNNING')
  await until(async () => (await worker.offsets('words'))[0]?.offset?.kafka_offset === 1, 'the record is a letter')
  const hung = worker.replayDeadLetters('words', { all: true }).catch((error) => error)
  const behind = worker.replayDeadLetters('words', { all: true }).catch((error) => error)
  await until(() => writes === 2, 'the sink waits')
  await worker.restartTask('words', 0)
  expect(await hung).toMatchObject({ status: 409, message: expect.stringContaining('replay them again') })
  // The one behind it has met the old task or the new one.
  await behind
  await until(() => starts === 2 && worker.status('words').tasks[0]?.state === 'RUNNING', 'the next task runs')
  const { chosen, already_replayed, delivered } = await worker.replayDeadLetters('words', { all: true })
  expect([chosen, already_replayed + delivered]).toEqual([1, 1])
})
