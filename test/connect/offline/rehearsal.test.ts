/**
 * Goal: a rehearsed record comes out as the task would have it, and says where it is dropped or fails. Method: source and sink configs with
 * transforms and converters, record by record.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OfflineWorker } from '../../../connect/offline/offline-worker.ts'
import { openRehearsal } from '../../../connect/offline/rehearsal.ts'
import { readConnectRecord, readKafkaRecord } from '../../../connect/offline/shown-record.ts'
import { offlineWorker } from './offline-fixture.ts'

const plain = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }
const filter = {
  transforms: 'hoist,drop',
  'transforms.hoist.type': 'org.apache.kafka.connect.transforms.HoistField$Value',
  'transforms.hoist.field': 'line',
  'transforms.drop.type': 'org.apache.kafka.connect.transforms.Filter',
  'transforms.drop.predicate': 'isOther',
  predicates: 'isOther',
  'predicates.isOther.type': 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches',
  'predicates.isOther.pattern': 'other',
}

let worker: OfflineWorker
beforeAll(async () => {
  worker = await offlineWorker()
})
afterAll(() => worker.close())

test('a source record is shown as it would be sent', async () => {
  const rehearsal = openRehearsal({ ...plain, ...filter }, worker)
  const rehearsed = await rehearsal.source(readConnectRecord({ topic: 't', value: 'a', valueSchema: { type: 'string' } }))
  expect(rehearsed.input).toEqual({ topic: 't', key: null, value: 'a', valueSchema: { type: 'string', optional: false } })
  expect(rehearsed.output).toEqual({ topic: 't', key: null, value: { line: 'a' } })
})

test('a dropped record names the transform that drops it', async () => {
  const rehearsal = openRehearsal({ ...plain, ...filter }, worker)
  expect(await rehearsal.source(readConnectRecord({ topic: 'other', value: 'a' }))).toMatchObject({
    output: null,
    droppedBy: 'org.apache.kafka.connect.transforms.Filter',
  })
  expect(await rehearsal.source(readConnectRecord({ topic: 't', value: 'a' })), 'the next one passes').not.toHaveProperty('droppedBy')
})

test('a sink record is shown as the connector would get it', async () => {
  const rehearsal = openRehearsal({ ...plain, ...filter }, worker)
  const { output } = await rehearsal.sink(readKafkaRecord({ topic: 't', value: { a: 1 } }))
  expect(output).toEqual({ topic: 't', partition: 0, timestamp: undefined, key: null, value: { line: { a: 1 } } })
})

test('a failure has the stage and the class of a task', async () => {
  const rehearsal = openRehearsal(plain, worker)
  const { output, error } = await rehearsal.sink(readKafkaRecord({ topic: 't', value: '{' }))
  expect(output).toBeNull()
  expect(error).toMatchObject({ stage: 'VALUE_CONVERTER', class: 'org.apache.kafka.connect.json.JsonConverter' })
  expect(error!.message).toContain('Converting byte[] to Kafka Connect data failed due to serialization error')
})
