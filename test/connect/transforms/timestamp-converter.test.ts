/**
 * Goal: times are converted between all forms, with schemas and without, and what is no time is refused with Kafka Connect's texts.
 * Method: one time in each form, through each target.
 */
import { expect, test } from 'vitest'
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import timestampConverter from '../../../connect/transforms/timestamp-converter.ts'
import { ofValue, record, transform } from './applying.ts'

const [, value] = timestampConverter
const MS = 1_709_618_828_123
const format = 'yyyy-MM-dd HH:mm:ss.SSS'
const forms: [string, Schema, unknown][] = [
  ['string', schemas.string(), '2024-03-05 06:07:08.123'],
  ['unix', schemas.int64(), MS],
  ['Timestamp', schemas.timestamp(), new Date(MS)],
]

test.each(forms)('from %s to all', (_name, schema, time) => {
  for (const [target, targetSchema, expected] of forms) {
    const config = { 'target.type': target, format }
    expect(ofValue(value, config, schema, time)).toEqual({ schema: targetSchema, value: expected })
    expect(ofValue(value, config, null, time)).toEqual({ schema: null, value: expected })
  }
  expect(ofValue(value, { 'target.type': 'Date', format }, schema, time).value).toEqual(new Date('2024-03-05'))
  expect(ofValue(value, { 'target.type': 'Time', format }, schema, time).value).toEqual(new Date('1970-01-01T06:07:08.123Z'))
})

test('Unix time is cut to its precision, and exact where a number is too small', () => {
  const unix = (precision: string, time: number | bigint, target = 'unix') =>
    ofValue(value, { 'target.type': target, 'unix.precision': precision }, schemas.int64(), time).value
  expect(unix('seconds', -1)).toBe(-1)
  expect(unix('nanoseconds', -1_500_000n, 'Timestamp')).toEqual(new Date(-1))
  expect(unix('nanoseconds', 1_709_618_828_123_456_789n)).toBe(1_709_618_828_123_000_000n)
  expect(() => unix('seconds', 2n ** 62n)).toThrow('is beyond the year 275760')
})

test('a field changes, with its schema; the struct keeps all else, also its default', () => {
  const schema = schemas.struct(
    { t: schemas.int64({ optional: true }), other: schemas.int32({ optional: true, default: 7 }) },
    { name: 'S', optional: true, default: { t: 0, other: 1 } },
  )
  const result = ofValue(value, { field: 't', 'target.type': 'Timestamp' }, schema, { t: MS, other: null })
  expect(result.value).toEqual({ t: new Date(MS), other: 7 })
  expect(result.schema).toEqual({
    ...schema,
    fields: [{ name: 't', schema: schemas.timestamp({ optional: true }) }, schema.fields![1]],
    default: { t: new Date(0), other: 1 },
  })
  expect(ofValue(value, { field: 't', 'target.type': 'Timestamp' }, schema, null).value).toBeNull()
})

test('a map gets the field, also where it has none', () => {
  expect(ofValue(value, { field: 't', 'target.type': 'unix' }, null, { a: 1 }).value).toEqual({ a: 1, t: null })
  expect(ofValue(value, { field: 't', 'target.type': 'unix' }, null, null).value).toBeNull()
})

test('what is no time is refused', () => {
  const convert = (schema: Schema | null, time: unknown, more: Record<string, string> = {}) =>
    transform(value, { 'target.type': 'Timestamp', format: 'yyyy', ...more })(record({ value: time, valueSchema: schema }))
  expect(() => convert(schemas.string(), 'x')).toThrow('Could not parse timestamp: value (x) does not match pattern (yyyy)')
  expect(() => convert(schemas.string(), '1', { format: '' })).toThrow('there is no format to read it: set format')
  expect(() => convert(null, 1.5)).toThrow('TimestampConverter does not support class java.lang.Double objects as timestamps')
  expect(() => convert(schemas.int32(), 1)).toThrow('Schema Schema{INT32} does not correspond to a known timestamp type format')
  expect(() => convert(schemas.string(), 'x', { field: 't' })).toThrow(
    'Only Struct objects supported for [converting timestamp formats], found: java.lang.String',
  )
})

test('a task does not start with a format that is missing or wrong', () => {
  expect(() => transform(value, { 'target.type': 'string' })).toThrow('requires format option to be specified')
  expect(() => transform(value, { 'target.type': 'unix', format: 'b' })).toThrow("b: Illegal pattern character 'b'")
})
