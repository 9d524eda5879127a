/**
 * Goal: values are read from texts with the types that Kafka Connect infers. Method: texts and what Kafka Connect 4.3 made of them, and
 * hostile texts, which must take little time and memory.
 */
import { expect, test } from 'vitest'
import { type Schema, schemas } from '../../../../connect/sdk/index.ts'
import { parseString } from '../../../../connect/sdk/values/parse-string.ts'

const string = schemas.string()
const cases: [text: string, schema: Schema | null, value: unknown][] = [
  ['', string, ''],
  ['null', null, null],
  ['true', schemas.boolean(), true],
  ['true}', string, 'true}'],
  ['127', schemas.int8(), 127],
  ['128', schemas.int16(), 128],
  ['1e3', schemas.int16(), 1000],
  ['1.0', schemas.int8(), 1],
  ['2147483648', schemas.int64(), 2_147_483_648],
  ['9223372036854775807', schemas.int64(), 9_223_372_036_854_775_807n],
  ['9223372036854775808', schemas.decimal(0), '9223372036854775808'],
  ['1.5', schemas.float32(), 1.5],
  ['1e39', schemas.float64(), 1e39],
  ['1e', string, '1e'],
  ['2024-03-05', schemas.date(), new Date('2024-03-05')],
  ['06:07:08.009Z', schemas.time(), new Date('1970-01-01T06:07:08.009Z')],
  ['2024-03-05T06:07:08.009Z', schemas.timestamp(), new Date('2024-03-05T06:07:08.009Z')],
  ['[1,300]', schemas.array(schemas.int16()), [1, 300]],
  ['[1,2.5]', schemas.array(schemas.float32()), [1, 2.5]],
  ['["2024-03-05"]', schemas.array(schemas.date()), [new Date('2024-03-05')]],
  ['[1,"a"]', { type: 'array', optional: false }, [1, 'a']],
  ['[1,null]', string, '[1,null]'],
  ['[1,]', schemas.array(schemas.int8()), [1]],
  ['[1,,2]', string, '[1,,2]'],
  ['[a]', string, '[a]'],
  ['{"a":1,"b":2}', schemas.map(string, schemas.int8()), { a: 1, b: 2 }],
  ['{1:"x"}', schemas.map(schemas.int8(), string), new Map([[1, 'x']])],
  ['{"a":1', string, '{"a":1'],
  ['{}', { type: 'map', optional: false }, new Map()],
  ['hello world', string, 'hello world'],
  [' null ', null, null],
  [':null', string, ':null'],
  ['"1"', string, '"1"'],
  [',true', string, ',true'],
  ['\\[1]', string, '\\[1]'],
  ['a:b', string, 'a:b'],
]
test.each(cases)('%s', (text, schema, value) => {
  expect(parseString(text)).toEqual({ schema, value })
})

test('a name of a field that objects inherit is a key', () => {
  expect(parseString('{"__proto__":1}').value).toEqual(Object.fromEntries([['__proto__', 1]]))
})

test('a text that is nested too deep, or a number with a huge exponent, is small work', () => {
  const deep = '['.repeat(100_000)
  expect(parseString(deep)).toEqual({ schema: string, value: deep })
  expect(parseString('1e999999999')).toEqual({ schema: schemas.decimal(-999_999_999), value: '1E+999999999' })
  expect(parseString('1e99999999999').value).toBe('1e99999999999')
})
