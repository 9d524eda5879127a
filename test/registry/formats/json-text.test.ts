/**
 * Goal: JSON is read and written as Jackson does it: order and kinds are kept, and every text is written as Java writes it. Method: texts
 * with what JSON.parse loses, numbers with their Java forms, and properties over random values.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bigDecimalText,
  doubleText,
  equalJson,
  JsonNumber,
  javaDoubleText,
  quoted,
  readJson,
  sortedJson,
  writeJson,
} from '../../../registry/formats/json-text.ts'
import { InvalidSchemaError } from '../../../registry/formats/parsed-schema.ts'

const written = (text: string) => writeJson(readJson(text), bigDecimalText)

describe('a JSON text', () => {
  test.each([
    ['{"2":1,"1":2}', '{"2":1,"1":2}'],
    ['{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'],
    ['{"__proto__":1}', '{"__proto__":1}'],
    [' [ 1 , 1.0 , true , null ] ', '[1,1.0,true,null]'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['"\\u00e9\\u0001\\/"', '"é\\u0001/"'],
  ])('%s is written as %s', (text, expected) => {
    expect(written(text)).toBe(expected)
  })

  test.each(['', '{', '[1,]', '{"a"}', "{'a':1}", '01', '1.', 'tru', '"\n"', '"\\x"', '1 2', '/* c */ 1', 'NaN', '[1}', '-'])(
    '%j is refused',
    (text) => {
      expect(() => readJson(text)).toThrow(InvalidSchemaError)
    },
  )

  test('may have comments and NaN where the reader allows them', () => {
    expect(readJson('/* a */ true // b', { comments: true })).toBe(true)
    expect(writeJson(readJson('[NaN,-Infinity]', { nonNumeric: true }), bigDecimalText)).toBe('["NaN","-Infinity"]')
  })

  test('nests as deep as Jackson allows, and no deeper', () => {
    expect(() => readJson('['.repeat(1000) + ']'.repeat(1000))).not.toThrow()
    expect(() => readJson('['.repeat(100_000))).toThrow('The text nests deeper than 1000')
  })

  test('is what JSON.stringify gave, but for numbers', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(written(text))).toEqual(JSON.parse(text))
      }),
    )
  })
})

test.each([
  ['1.50', '1.50'],
  ['1e10', '1E+10'],
  ['0.0000001', '1E-7'],
  ['0.000001', '0.000001'],
  ['-0.0', '0.0'],
  ['123e-1', '12.3'],
  ['1.5E3', '1.5E+3'],
  ['0e5', '0E+5'],
])('the decimal %s is %s in Java', (text, expected) => {
  expect(bigDecimalText(new JsonNumber(text))).toBe(expected)
})

test.each([
  [1e7, '1.0E7'],
  [9999999.5, '9999999.5'],
  [0.001, '0.001'],
  [0.00012, '1.2E-4'],
  [-0, '-0.0'],
  [100, '100.0'],
  [1e300, '1.0E300'],
])('the double %s is %s in Java', (value, expected) => {
  expect(javaDoubleText(value)).toBe(expected)
  expect(doubleText(new JsonNumber(Object.is(value, -0) ? '-0.0' : String(value)))).toBe(expected)
})

test('a text is quoted with upper-case escapes, and a lone surrogate as it is', () => {
  expect(quoted('\u001f"\\\n\ud800é')).toBe('"\\u001F\\"\\\\\\n\ud800é"')
})

test('sorting goes into every object and keeps arrays', () => {
  expect(writeJson(sortedJson(readJson('{"b":[{"d":1,"c":2}],"a":1}')), bigDecimalText)).toBe('{"a":1,"b":[{"c":2,"d":1}]}')
})

test('equality does not look at the order of keys, but at the kind of numbers', () => {
  expect(equalJson(readJson('{"a":1,"b":[2]}'), readJson('{"b":[2],"a":1}'))).toBe(true)
  expect(equalJson(readJson('1'), readJson('1.0'))).toBe(false)
  expect(equalJson(readJson('[1,2]'), readJson('[2,1]'))).toBe(false)
})
