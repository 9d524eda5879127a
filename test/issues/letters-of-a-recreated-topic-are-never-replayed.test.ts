/**
 * Goal: the letters of a dead-letter queue that was deleted and created again are replayed, though other letters at the same offsets were
 * replayed before. Method: a real worker, and a sink that refuses the first record that it gets in each run.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BadRecord, defineConnector, defineSink } from '../../connect/sdk/index.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

let workers: WorkersInProcess
const refused = new Set(['a', 'b'])
const written: string[] = []

const choosy = defineConnector({
  name: 'choosy',
  doc: 'Refuses some records, once each.',
  version: '1',
  sink: defineSink({
    class: 'test.ChoosySinkConnector',
    settings: {},
    start: () => ({
      async write(records) {
        const bad = records.map(({ value }, index) => ({ value: String(value), index })).filter(({ value }) => refused.delete(value))
        written.push(...records.map(({ value }) => String(value)).filter((value) => !bad.some((one) => one.value === value)))
        if (bad.length > 0) throw new BadRecord(bad[0]!.index, 'not today')
      },
      async flush() {},
    }),
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers?.stop())

test('a letter at an offset that was replayed in the topic before is replayed', async () => {
  const { client } = workers
  const worker = await workers.start({ connectors: [choosy] })
  const producer = client.producer()
  await client.admin.createTopics(['words', 'dead'].map((name) => ({ name, partitions: 1, replicationFactor: 1 })))
  const config = {
    name: 'words',
    'connector.class': 'ChoosySink',
    topics: 'words',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'dead',
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
  }
  await worker.create('words', config, 'RUNNING')
  const letters = async () => (await worker.deadLetters('words', {})).groups[0]
  await producer.send([{ topic: 'words', key: null, value: Buffer.from('a') }])
  await until(async () => (await letters())?.count === 1, 'the first letter')
  expect(await worker.replayDeadLetters('words', { all: true })).toMatchObject({ chosen: 1, delivered: 1 })

  await client.admin.deleteTopics(['dead'])
  await until(async () => !(await client.topic('dead', { refresh: true, allowCreation: false })), 'it is deleted')
  await client.admin.createTopics([{ name: 'dead', partitions: 1, replicationFactor: 1 }])
  await producer.send([{ topic: 'words', key: null, value: Buffer.from('b') }])
  await until(async () => (await letters())?.count === 1, 'the second letter')
  expect((await letters())!.replayed).toBe(0)
  expect(await worker.replayDeadLetters('words', { all: true })).toMatchObject({ chosen: 1, already_replayed: 0, delivered: 1 })
  await until(() => written.includes('b'), 'it is written')
  await producer.close()
})
