/**
 * Goal: records as JSON are read and shown without loss, with schemas, bytes and large numbers. Method: round trips, and the forms by hand.
 */
import { expect, test } from 'vitest'
import { readConnectRecord, readKafkaRecord, showConnectRecord, showKafkaRecord, stringify } from '../../../connect/offline/shown-record.ts'
import { type Schema, schemas, sourceRecord } from '../../../connect/sdk/index.ts'

test('keys and values of Kafka are JSON, text or base64, whichever their bytes are', () => {
  const record = {
    topic: 't',
    partition: 1,
    timestamp: 5,
    key: Buffer.from('k'),
    value: Buffer.from('{"a":9007199254740993}'),
    headers: [],
  }
  expect(showKafkaRecord(record)).toEqual({ topic: 't', partition: 1, timestamp: 5, key: 'k', value: { a: 9007199254740993n } })
  expect(showKafkaRecord({ ...record, key: null, value: Buffer.from([0xff, 0]) })).toMatchObject({ key: null, value: { base64: '/wA=' } })
})

test('a record of Kafka comes from JSON as the bytes that it would have', () => {
  const read = readKafkaRecord({ topic: 't', key: 'k', value: { a: 9007199254740993n }, headers: { h: { base64: '/wA=' } } })
  expect(read).toMatchObject({ topic: 't', key: Buffer.from('k'), value: Buffer.from('{"a":9007199254740993}') })
  expect(read.headers).toEqual([{ key: 'h', value: Buffer.from([0xff, 0]) }])
  expect(() => readKafkaRecord({ topic: 't', value: 1, valueSchema: { type: 'int32' } })).toThrow('no keySchema or valueSchema')
})

test('a recursive schema is shown by its name', () => {
  const fields: { name: string; schema: Schema }[] = []
  const list: Schema = { type: 'struct', optional: true, name: 'List', fields }
  fields.push({ name: 'next', schema: list })
  const shown = showConnectRecord(sourceRecord({ topic: 't', valueSchema: list, value: { next: { next: null } } }))
  expect(shown).toMatchObject({ value: { next: { next: null } }, valueSchema: { type: 'struct', name: 'List' } })
})

test('a record of Kafka Connect has its schema, and comes back as it was', () => {
  const valueSchema = schemas.struct({ id: schemas.int64(), price: schemas.decimal(2), at: schemas.timestamp(), raw: schemas.bytes() })
  const value = { id: 9007199254740993n, price: '12.50', at: new Date(5), raw: Buffer.from([1, 2]) }
  const record = sourceRecord({ topic: 't', key: 'k', keySchema: schemas.string(), value, valueSchema })
  const shown = showConnectRecord(record)
  expect(shown.value).toEqual({ id: 9007199254740993n, price: 12.5, at: 5, raw: 'AQI=' })
  expect(stringify(shown)).toContain('"id":9007199254740993')
  const read = readConnectRecord(shown)
  expect(read).toMatchObject({ topic: 't', key: 'k', value: { id: value.id, at: value.at, raw: value.raw } })
  expect(read.valueSchema).toEqual(valueSchema)
})

test('headers of one name are a list', () => {
  const headers = ['1', '2'].map((text) => ({ key: 'h', value: Buffer.from(text) }))
  expect(showKafkaRecord({ topic: 't', partition: undefined, timestamp: undefined, key: null, value: null, headers }).headers).toEqual({
    h: [1, 2],
  })
})
