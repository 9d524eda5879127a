/**
 * Goal: JsonConverter accepts and refuses the payloads that Kafka Connect's does, where it once differed: it neither loses a good record
 * nor converts a broken one. Method: payloads that were given to Apache Kafka Connect 4.3.1, and its results.
 */
import { describe, expect, test } from 'vitest'
import json from '../../connect/converters/json.ts'
import { DataError, parseSettings, schemas } from '../../connect/sdk/index.ts'

const converter = json.create(parseSettings(json.settings, {}), false)
const read = (schema: object, payload: unknown) =>
  converter.toConnect('t', Buffer.from(JSON.stringify({ schema: { optional: false, ...schema }, payload }))).value
const logical = (name: string, type: string, more: object = {}) => ({
  type,
  name: `org.apache.kafka.connect.data.${name}`,
  version: 1,
  ...more,
})
const decimal = (scale: string) => logical('Decimal', 'bytes', { parameters: { scale } })

test('a field may have the name of a property that every object inherits', () => {
  const optional = { type: 'string', optional: true }
  const names = ['constructor', 'toString', 'valueOf', '__proto__']
  const schema = { type: 'struct', fields: names.map((field) => ({ field, ...optional })) }
  expect(names.map((name) => (read(schema, {}) as Record<string, unknown>)[name])).toEqual([null, null, null, null])
  const given = JSON.parse('{"constructor":"c","__proto__":"p"}')
  expect(names.map((name) => (read(schema, given) as Record<string, unknown>)[name])).toEqual(['c', null, null, 'p'])
  const struct = schemas.struct({ constructor: schemas.string({ optional: true }) })
  expect(JSON.parse(converter.fromConnect('t', struct, {})!.toString()).payload).toEqual({ constructor: null })
})

describe('bytes', () => {
  test.each(['!!', 'aGk', 'aGk=aGk=', 'aG k='])('%j is not base64', (text) => {
    expect(() => read({ type: 'bytes' }, text)).toThrow(DataError)
    expect(() => read(decimal('2'), text)).toThrow(DataError)
  })
  test('base64 is decoded', () => {
    expect(read({ type: 'bytes' }, 'aGk=')).toEqual(Buffer.from('hi'))
    expect(read({ type: 'bytes' }, '')).toEqual(Buffer.alloc(0))
  })
})

test('a map with string keys is an object, optional keys included', () => {
  const keys = schemas.string({ optional: true })
  const schema = schemas.map(keys, schemas.int32())
  const bytes = converter.fromConnect('t', schema, new Map([['a', 1]]))!
  expect(JSON.parse(bytes.toString()).payload).toEqual({ a: 1 })
  expect(converter.toConnect('t', bytes).value).toEqual({ a: 1 })
  const shown = { type: 'map', keys: { type: 'string', optional: true }, values: { type: 'int32', optional: false } }
  expect(() => read(shown, [['a', 1]])).toThrow(DataError)
})

test('a decimal in digits keeps its own scale, and one whose schema has no scale is refused', () => {
  expect(read(decimal('2'), 12.345)).toBe('12.345')
  expect(read(decimal('2'), 12)).toBe('12')
  expect(read(decimal('-2'), 5)).toBe('5')
  expect(read(decimal('-2'), 'BQ==')).toBe('500')
  expect(() => read(logical('Decimal', 'bytes'), 'AQ==')).toThrow(DataError)
})

test('a huge exponent or scale takes no memory', () => {
  const payload =
    '{"schema":{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}},"payload":'
  for (const digits of ['1.000000000000000e30000000', '1.000000000000000e-30000000'])
    expect(() => converter.toConnect('t', Buffer.from(`${payload}${digits}}`))).toThrow(DataError)
  expect(() => read(decimal('30000000'), 'AQ==')).toThrow(DataError)
  expect(() => read(decimal('-30000000'), 'AQ==')).toThrow(DataError)
})

test('a Date is a whole number of days, and a Time lies within a day', () => {
  expect(() => read(logical('Date', 'int32'), 1.5)).toThrow(DataError)
  expect(() => read(logical('Time', 'int32'), -1)).toThrow(DataError)
  expect(() => read(logical('Time', 'int32'), 86_400_001)).toThrow(DataError)
  expect(read(logical('Time', 'int32'), 86_399_999)).toEqual(new Date(86_399_999))
})
