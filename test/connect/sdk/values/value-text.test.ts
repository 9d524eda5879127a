/**
 * Goal: the texts of headers are those of Kafka Connect's Values, and are read again as the same values. Method: texts that Kafka Connect
 * 4.3.1 writes, and parseString on them.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { parseString } from '../../../../connect/sdk/values/parse-string.ts'
import { valueText } from '../../../../connect/sdk/values/value-text.ts'

test('scalars', () => {
  expect(valueText('a "b"', schemas.string())).toBe('a "b"')
  expect(valueText(100, schemas.float64())).toBe('100.0')
  expect(valueText(Math.fround(0.1), schemas.float32())).toBe('0.1')
  expect(valueText(100, null)).toBe('100')
  expect(valueText(Buffer.from('hi'), schemas.bytes())).toBe('aGk=')
  expect(valueText('0.0000000001', schemas.decimal(10))).toBe('1E-10')
  expect(valueText(new Date(1709618828123), schemas.timestamp())).toBe('2024-03-05T06:07:08.123Z')
})

test('arrays and maps quote their strings', () => {
  expect(valueText(['a', null, 'b "q"'], schemas.array(schemas.string({ optional: true })))).toBe('["a",null,"b \\"q\\""]')
  expect(valueText(new Map([[1, 'one']]), schemas.map(schemas.int32(), schemas.string()))).toBe('{1:"one"}')
  expect(valueText({ a: 1, b: 2.5 }, schemas.map(schemas.string(), schemas.float64()))).toBe('{"a":1.0,"b":2.5}')
})

test('what is written is read again', () => {
  for (const text of ['[1,2,3]', '{"a":"b"}', '2024-03-05', '1.5', 'true', 'text']) {
    const { schema, value } = parseString(text)
    expect(valueText(value, schema)).toBe(text)
  }
})

test('a struct is a map with its fields in their order', () => {
  const schema = schemas.struct({ 'a"b': schemas.string(), n: schemas.int32({ optional: true }), at: schemas.date(), x: schemas.float64() })
  const text = valueText({ x: 1, n: null, 'a"b': 'q"u\\o', at: new Date(86_400_000) }, schema)
  expect(text).toBe('{"a\\"b":"q\\"u\\\\o","n":null,"at":"1970-01-02","x":1.0}')
})
