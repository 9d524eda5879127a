/**
 * Goal: a producer keeps no record until its batch is acknowledged: its bytes are in the batch. What is kept besides is copied by each
 * collection of new objects and then waits for one of the old ones. What the result of a call says of each record does not depend on the
 * records. Method: a fake broker that acknowledges when the test says so, and weak references.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, test } from 'vitest'
import produce from '../../../../core/apis/00-produce.ts'
import { createClient, type Producer, type ProducerRecord, type SendResult } from '../../../../core/client/index.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { until } from '../../../until.ts'
import { fakeBroker } from '../fake-broker.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})

interface ProducedTopic {
  name: string
  topicId: string
  partitionData: { index: number }[]
}

/** `acknowledge` answers the requests that have come, and those that come. */
async function unansweredProducer() {
  const broker = await fakeBroker({ a: 1, b: 1 })
  let acknowledge = () => {}
  const acknowledged = new Promise<void>((resolve) => {
    acknowledge = resolve
  })
  broker.on(produce, async ({ topicData }: { topicData: ProducedTopic[] }) => {
    await acknowledged
    const responses = topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: 0, baseOffset: 100 })),
    }))
    return { responses, throttleTimeMs: 0 }
  })
  const client = createClient(
    { bootstrapServers: broker.address, clientId: 'test' },
    { clock: realClock, random: realRandom, logger: silentLogger },
  )
  const producer = client.producer()
  open.push(producer, client, broker)
  return { broker, producer, acknowledge }
}

/** In a function of its own, so that nothing of the test keeps the records. */
function sendRecords(producer: Producer, count: number): { refs: WeakRef<ProducerRecord>[]; sent: Promise<SendResult> } {
  const records = Array.from({ length: count }, (_, n) => ({ topic: 'a', key: null, value: Buffer.from(`value ${n}`) }))
  return { refs: records.map((record) => new WeakRef(record)), sent: producer.send(records) }
}

test('records that are in a batch do not stay in memory until it is acknowledged', async () => {
  const { broker, producer, acknowledge } = await unansweredProducer()
  const { refs, sent } = sendRecords(producer, 100)
  await until(() => broker.requests.includes('Produce'), 'the batch is sent')
  await until(async () => {
    gc()
    await setImmediate()
    return refs.every((ref) => ref.deref() === undefined)
  }, 'the records are collected')
  acknowledge()
  const result = await sent
  expect([result.count, result.failures, result.at(99).offset]).toEqual([100, null, 199])
})

test('a result tells topic, timestamp and offset of each record, of several topics, also of those that failed', async () => {
  const { producer, acknowledge } = await unansweredProducer()
  acknowledge()
  const records: ProducerRecord[] = [
    { topic: 'a', key: null, value: Buffer.from('1'), timestamp: 5 },
    { topic: 'b', key: null, value: Buffer.from('2') },
    { topic: 'a', key: null, value: Buffer.from('3'), timestamp: 7 },
  ]
  const result = await producer.send(records)
  expect([0, 2].map((index) => result.at(index))).toEqual([
    { topic: 'a', partition: 0, offset: 100, timestamp: 5 },
    { topic: 'a', partition: 0, offset: 101, timestamp: 7 },
  ])
  expect(result.at(1)).toMatchObject({ topic: 'b', partition: 0, offset: 100 })
  expect(result.at(1).timestamp).toBeGreaterThan(7)
  expect(() => result.at(3)).toThrow(RangeError)
  const error = await producer.send([...records, { topic: 'a', key: null, value: Buffer.alloc(2_000_000), timestamp: 9 }]).catch((e) => e)
  expect([...error.result.failures.keys()]).toEqual([3])
  expect(error.result.at(3)).toMatchObject({ topic: 'a', offset: -1, timestamp: 9 })
})
