/**
 * Goal: InsertField adds what is known of a record. Method: records of sources and sinks, with and without schemas.
 */
import { expect, test } from 'vitest'
import { type ConnectRecord, schemas } from '../../../connect/sdk/index.ts'
import insertField from '../../../connect/transforms/insert-field.ts'
import { ofValue, record, transform } from './applying.ts'

const [, insertValue] = insertField
const config = {
  'topic.field': 'topic!',
  'partition.field': 'partition?',
  'timestamp.field': 'ts',
  'static.field': 'text',
  'static.value': 'x',
}

test('a struct gets the fields, optional unless they end with !', () => {
  const { schema, value } = ofValue(insertValue, config, schemas.struct({ a: schemas.int8() }), { a: 1 })
  expect(schema).toEqual(
    schemas.struct({
      a: schemas.int8(),
      topic: schemas.string(),
      partition: schemas.int32({ optional: true }),
      ts: schemas.timestamp({ optional: true }),
      text: schemas.string({ optional: true }),
    }),
  )
  expect(value).toEqual({ a: 1, topic: 't', partition: 3, ts: new Date(1_700_000_000_123), text: 'x' })
})

test('a map gets numbers, and no field for what the record lacks', () => {
  expect(ofValue(insertValue, config, null, { a: 1 }).value).toEqual({ a: 1, topic: 't', partition: 3, ts: 1_700_000_000_123, text: 'x' })
  const without = record({ value: {}, partition: null, timestamp: null })
  expect(transform(insertValue, config)(without)!.value).toEqual({ topic: 't', text: 'x' })
})

test('the offset is only of records of sinks', () => {
  const apply = transform(insertValue, { 'offset.field': 'o' })
  const ofSink = { ...record({ value: {} }), offset: 9, timestampType: 'CreateTime' } as ConnectRecord
  expect(apply(ofSink)!.value).toEqual({ o: 9 })
  expect(() => apply(record({ value: {} }))).toThrow(
    'Only SinkRecord supported for [field insertion], found: org.apache.kafka.connect.source.SourceRecord',
  )
})

test('nothing to insert is refused at the start, and so is a field of text without the text', () => {
  expect(() => transform(insertValue, {})).toThrow('No field insertion configured')
  expect(() => transform(insertValue, { 'static.field': 'a' })).toThrow('No value specified for static field: a')
  expect(ofValue(insertValue, config, null, null).value).toBeNull()
})
