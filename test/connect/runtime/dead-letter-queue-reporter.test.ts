/**
 * Goal: the dead-letter queue has every record that a sink could not process, with the reason. Method: real workers on a real broker in
 * this process, with a sink that refuses records on demand.
 */
import { expect, test } from 'vitest'
import type { ConsumedRecord } from '../../../core/client/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, inState, sink, source } from './connect-clusters.ts'
import { BadRecord } from './probes.ts'

const clusters = new ConnectClusters()

test('bad records go to the dead-letter queue with the reason, and the others are delivered', async () => {
  const worker = await clusters.start(clusters.settings())
  const probe = clusters.probe('sink-l')
  await worker.create('l', source('l', { count: '5', batch: '5' }), 'RUNNING')
  await until(async () => (await worker.offsets('l'))[0]?.offset?.n === 5, 'all are stored')
  probe.throwNext.push(new BadRecord(1, 'no such column', { also: [new BadRecord(3, 'neither')] }))
  const dead = {
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'dead-l',
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
  }
  await worker.create('sink-l', sink('sink-l', 'topic-l', dead), 'RUNNING')
  await until(async () => (await worker.offsets('sink-l'))[0]?.offset?.kafka_offset === 5, 'the offset is committed past them')
  expect(probe.flushedRecords.map((record) => record.value)).toEqual(['0:0', '0:2', '0:4'])
  const consumer = clusters.client.consumer()
  consumer.assign([{ topic: 'dead-l', partition: 0, offset: 'earliest' }])
  const letters: ConsumedRecord[] = []
  await until(async () => {
    for (const batch of await consumer.poll(500)) letters.push(...batch.records)
    return letters.length === 2
  }, 'the dead letters')
  await consumer.close()
  expect(letters.map((record) => record.value!.toString())).toEqual(['0:1', '0:3'])
  const headers = Object.fromEntries(letters[0]!.headers.map((header) => [header.key, header.value!.toString()]))
  expect(headers).toMatchObject({
    '__connect.errors.topic': 'topic-l',
    '__connect.errors.partition': '0',
    '__connect.errors.offset': '1',
    '__connect.errors.connector.name': 'sink-l',
    '__connect.errors.task.id': '0',
    '__connect.errors.stage': 'TASK_PUT',
    '__connect.errors.exception.message': 'no such column',
  })
})

test('with errors.tolerance=none the record that fails the task is in the dead-letter queue too', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('o', source('o'), 'RUNNING')
  await until(async () => (await worker.offsets('o'))[0]?.offset?.n === 10, 'all are stored')
  const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }
  const dead = { 'errors.deadletterqueue.topic.name': 'dead-o', 'errors.deadletterqueue.topic.replication.factor': '1' }
  await worker.create('sink-o', sink('sink-o', 'topic-o', { ...json, ...dead }), 'RUNNING')
  await inState(worker, 'sink-o', 'RUNNING FAILED')
  expect(await clusters.valuesIn('dead-o')).toEqual(['0:0'])
})
