/**
 * Goal: a timestamp that no Date can hold (microseconds instead of milliseconds) is a bad record, subject to errors.tolerance; it used to
 * end the sink task. Method: the real JsonConverter on the bytes that a producer would write; it fails with the error of records that do
 * not fit their schema.
 */
import { expect, test } from 'vitest'
import json from '../../connect/converters/json.ts'
import { DataError, parseSettings } from '../../connect/sdk/index.ts'

const converter = json.create(parseSettings(json.settings, {}), false)
const record = (type: string, name: string, value: number) =>
  Buffer.from(
    JSON.stringify({ schema: { type, optional: false, name: `org.apache.kafka.connect.data.${name}`, version: 1 }, payload: value }),
  )

test.each([
  ['Timestamp', 'int64', 8_640_000_000_000_001],
  ['Date', 'int32', 100_000_001],
])('a %s out of the range of Date is refused', (name, type, value) => {
  expect(() => converter.toConnect('t', record(type, name, value))).toThrow(DataError)
  expect(converter.toConnect('t', record(type, name, value - 1)).value).toBeInstanceOf(Date)
})

test.each([
  ['int8', 128],
  ['int16', 32_768],
  ['int32', 2_147_483_648],
])('a value above the largest %s is refused, the smallest is accepted', (type, value) => {
  const plain = (payload: number) => Buffer.from(JSON.stringify({ schema: { type, optional: false }, payload }))
  expect(() => converter.toConnect('t', plain(value))).toThrow(DataError)
  expect(converter.toConnect('t', plain(-value)).value).toBe(-value)
  expect(() => converter.fromConnect('t', { type: type as 'int8', optional: false }, value)).toThrow(DataError)
})
