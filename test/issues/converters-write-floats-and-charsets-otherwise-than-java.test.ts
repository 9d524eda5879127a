/**
 * Goal: the converters write the bytes of Kafka Connect where they once wrote others: floats without a fraction, decimals padded or without
 * their scale, characters that a charset lacks. Method: values that were given to Apache Kafka Connect 4.3.1, and its bytes.
 */
import { expect, test } from 'vitest'
import json from '../../connect/converters/json.ts'
import simpleHeader from '../../connect/converters/simple-header.ts'
import string from '../../connect/converters/string.ts'
import { type Converter, parseSettings, type Schema, schemas } from '../../connect/sdk/index.ts'

const plainJson = (config: Record<string, string> = {}) =>
  json.create(parseSettings(json.settings, { 'schemas.enable': 'false', ...config }), false)
const strings = (encoding = 'UTF-8') => string.create(parseSettings(string.settings, { 'converter.encoding': encoding }), false)
const headers = simpleHeader.create({}, false)
const write = (converter: Converter, schema: Schema | null, value: unknown) => converter.fromConnect('t', schema, value)?.toString('latin1')

test('floats have a fraction, and those of 32 bits as many digits as they need', () => {
  expect(write(plainJson(), schemas.float64(), 100)).toBe('100.0')
  expect(write(plainJson(), schemas.float64(), 5e9)).toBe('5.0E9')
  expect(write(plainJson(), schemas.float32(), Math.fround(3.4e38))).toBe('3.4E38')
  expect(write(plainJson(), null, [1e21, 0.5])).toBe('[1.0E21,0.5]')
  expect(write(strings(), schemas.float64(), 100)).toBe('100.0')
})

test('a decimal in digits is neither padded nor moved by its scale', () => {
  const numeric = plainJson({ 'decimal.format': 'NUMERIC' })
  expect(write(numeric, schemas.decimal(2), '1.5')).toBe('1.5')
  expect(write(numeric, schemas.decimal(2), '12.345')).toBe('12.345')
  expect(write(numeric, schemas.decimal(-2), '500')).toBe('5E+2')
  const envelope = (payload: string) =>
    `{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}},"payload":${payload}}`
  const enveloped = json.create(parseSettings(json.settings, {}), false)
  for (const digits of ['1.5', '1.50', '12']) expect(enveloped.toConnect('t', Buffer.from(envelope(digits))).value).toBe(digits)
})

test('a charset writes a question mark for what it lacks, and an unknown one is refused', () => {
  expect(write(strings('ISO-8859-1'), schemas.string(), '€ä')).toBe('?\xe4')
  expect(write(strings('UTF-16'), schemas.string(), 'A')).toBe('\xfe\xff\0A')
  expect(() => parseSettings(string.settings, { 'converter.encoding': 'no-such' })).toThrow(
    'Invalid value no-such for configuration converter.encoding: Unsupported encoding no-such',
  )
})

test('headers are written and read as Kafka Connect does', () => {
  expect(write(headers, schemas.array(schemas.string()), ['a', 'b'])).toBe('["a","b"]')
  expect(write(headers, schemas.bytes(), Buffer.from('hi'))).toBe('aGk=')
  expect(headers.toConnect('t', Buffer.from('1.5'))).toEqual({ schema: schemas.float32(), value: 1.5 })
  expect(headers.toConnect('t', Buffer.from('"quoted"')).value).toBe('"quoted"')
})

test('values of other types have the text of Java', () => {
  expect(write(strings(), schemas.timestamp(), new Date(1709618828123))).toBe('Tue Mar 05 06:07:08 UTC 2024')
  expect(write(strings(), null, { a: 1, b: [true, null] })).toBe('{a=1, b=[true, null]}')
})
