/**
 * Records that fail (KIP-298): with a tolerance and a dead-letter queue the others reach the sink and the failed ones the queue, with what
 * has failed in their headers; without, the task fails.
 */
import { expect } from 'vitest'
import type { ConsumedRecord } from '../../../core/client/types.ts'
import type { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const RECORDS = 10
const json = 'org.apache.kafka.connect.json.JsonConverter'
const withJson = { 'value.converter': json, 'value.converter.schemas.enable': 'false' }

/** Record 7 is no JSON. */
async function produceValues(cluster: ConnectCluster, topic: string): Promise<void> {
  const producer = cluster.kafka.client.producer()
  await producer.send(
    Array.from({ length: RECORDS }, (_, n) => ({
      topic,
      partition: 0,
      key: Buffer.from(`key-${n}`),
      value: Buffer.from(n === 7 ? '{oops' : `"value-${n}"`),
    })),
  )
  await producer.close()
}

async function recordsIn(cluster: ConnectCluster, topic: string, count: number): Promise<ConsumedRecord[]> {
  const consumer = cluster.kafka.client.consumer()
  try {
    await cluster.eventually(async () => (await cluster.endOf(topic)) >= count, `${topic} has ${count} records`)
    consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
    const records: ConsumedRecord[] = []
    await cluster.eventually(async () => {
      for (const batch of await consumer.poll(100)) records.push(...batch.records)
      return records.length >= count
    }, `${count} records of ${topic} are read`)
    return records
  } finally {
    await consumer.close()
  }
}

export const errorHandling: readonly Story[] = [
  {
    name: 'a record that fails is skipped and goes to the dead-letter queue, with headers',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      const letters = `${id}-letters`
      await cluster.configure(
        id,
        cluster.sink(id, id, {
          ...withJson,
          'errors.tolerance': 'all',
          'errors.log.enable': 'true',
          'errors.log.include.messages': 'true',
          'errors.retry.timeout': '1000',
          'errors.deadletterqueue.topic.name': letters,
          'errors.deadletterqueue.topic.replication.factor': '1',
          'errors.deadletterqueue.context.headers.enable': 'true',
        }),
      )
      await cluster.isRunning(id, 1)
      await produceValues(cluster, id)
      await cluster.eventually(() => cluster.records(id).length === RECORDS - 1, 'the sink has the other records')
      expect(cluster.records(id)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9].map((n) => `${id}-0@${n} value-${n}`))
      const [letter, ...more] = await recordsIn(cluster, letters, 1)
      expect(more).toEqual([])
      expect([letter!.key?.toString(), letter!.value?.toString()]).toEqual(['key-7', '{oops'])
      const headers = Object.fromEntries((letter!.headers ?? []).map(({ key, value }) => [key.toString(), value?.toString()]))
      expect(headers).toMatchObject({
        '__connect.errors.topic': id,
        '__connect.errors.partition': '0',
        '__connect.errors.offset': '7',
        '__connect.errors.connector.name': id,
        '__connect.errors.task.id': '0',
        '__connect.errors.stage': 'VALUE_CONVERTER',
        '__connect.errors.class.name': json,
        '__connect.errors.exception.class.name': 'org.apache.kafka.connect.errors.DataException',
      })
      await cluster.isRunning(id, 1)
    },
  },
  {
    name: 'a record that the sink reports goes to the dead-letter queue, and the others to the sink',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      const letters = `${id}-letters`
      const config = {
        'errant.value': 'value-4',
        'errors.tolerance': 'all',
        'errors.deadletterqueue.topic.name': letters,
        'errors.deadletterqueue.topic.replication.factor': '1',
        'errors.deadletterqueue.context.headers.enable': 'true',
      }
      await cluster.configure(id, cluster.sink(id, id, config))
      await cluster.isRunning(id, 1)
      await cluster.produce(id, RECORDS)
      await cluster.eventually(() => cluster.records(id).length === RECORDS - 1, 'the sink has the other records')
      const [letter, ...more] = await recordsIn(cluster, letters, 1)
      expect(more).toEqual([])
      expect(letter!.value?.toString()).toBe('value-4')
      const headers = Object.fromEntries((letter!.headers ?? []).map(({ key, value }) => [key.toString(), value?.toString()]))
      expect(headers).toMatchObject({
        '__connect.errors.offset': '4',
        '__connect.errors.stage': 'TASK_PUT',
        '__connect.errors.exception.message': 'The record is errant because the config says so',
      })
      const offset = async () => (await cluster.get(`GET /connectors/${id}/offsets`)).offsets[0]?.offset.kafka_offset
      await cluster.eventually(async () => (await offset()) === RECORDS, 'the offset is committed past it')
    },
  },
  {
    name: 'a record that the sink reports fails the task where no error is tolerated, and is in the dead-letter queue',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      const letters = { 'errors.deadletterqueue.topic.name': `${id}-letters`, 'errors.deadletterqueue.topic.replication.factor': '1' }
      await cluster.configure(id, cluster.sink(id, id, { 'errant.value': 'value-4', ...letters }))
      await cluster.isRunning(id, 1)
      await cluster.produce(id, RECORDS)
      await cluster.isIn(id, 'RUNNING FAILED')
      expect((await recordsIn(cluster, `${id}-letters`, 1)).map(({ value }) => value?.toString())).toEqual(['value-4'])
    },
  },
  {
    name: 'a sink that takes no records for now gets the same ones again, in order and each once',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      await cluster.configure(id, cluster.sink(id, id, { 'put.retries': '3' }))
      await cluster.isRunning(id, 1)
      await cluster.produce(id, RECORDS)
      await cluster.eventually(() => cluster.records(id).length >= RECORDS, 'the sink has the records')
      expect(cluster.records(id)).toEqual(Array.from({ length: RECORDS }, (_, n) => `${id}-0@${n} value-${n}`))
      expect(cluster.count(id, 'task 0 start')).toBe(1)
      await cluster.isRunning(id, 1)
    },
  },
  {
    name: 'a record that fails fails the task where no error is tolerated',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      await cluster.configure(id, cluster.sink(id, id, withJson))
      await cluster.isRunning(id, 1)
      await produceValues(cluster, id)
      await cluster.isIn(id, 'RUNNING FAILED')
      const { trace } = await cluster.get(`GET /connectors/${id}/tasks/0/status`)
      expect(trace).toContain('Tolerance exceeded in error handler')
      expect(cluster.records(id)).not.toContain(`${id}-0@8 value-8`)
    },
  },
  {
    name: 'a task that fails on its own is FAILED with its trace, and runs again when it is restarted',
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id, { 'tasks.max': '2' }))
      await cluster.isRunning(id, 2)
      cluster.command(id, 'fail-1')
      await cluster.isIn(id, 'RUNNING RUNNING FAILED')
      expect((await cluster.get(`GET /connectors/${id}/tasks/1/status`)).trace).toContain('The task fails because the test says so')
      cluster.withdraw(id, 'fail-1')
      await cluster.get(`POST /connectors/${id}/tasks/1/restart`)
      await cluster.isRunning(id, 2)
    },
  },
]
