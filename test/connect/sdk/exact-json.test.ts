/**
 * Goal: numbers keep their digits wherever they are in a text. Method: numbers at each place of JSON, the same in texts, and random JSON
 * (fast-check), read also by a reviver for each value.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LongNumber, parseExactly } from '../../../connect/sdk/exact-json.ts'

const LONG = '9007199254740993'
const places = (number: string) => [
  number,
  ` ${number}`,
  `[${number}]`,
  `[1, ${number}]`,
  `{"a":${number}}`,
  `{"a" :\n${number}}`,
  `[-${number}]`,
]

test('a long number is a bigint at each place', () => {
  for (const text of places(LONG))
    expect(
      JSON.stringify(parseExactly(text), (_, v) => (typeof v === 'bigint' ? `n${v}` : v)),
      text,
    ).toContain(LONG)
})

test('a fraction keeps zeros at its end and its exponent where that matters', () => {
  for (const number of ['1.50', '0.10', '1e3', '1.5E-7', '0.1234567890123456789'])
    for (const text of places(number)) {
      const found: string[] = []
      JSON.stringify(parseExactly(text, true), (_, value) => (value instanceof LongNumber ? found.push(value.digits) : value))
      expect(found, text).toEqual([text.includes('-') && !text.includes(`"a"`) && text.startsWith('[-') ? `-${number}` : number])
    }
})

test('texts that look like numbers stay texts, and numbers beside them are read', () => {
  expect(parseExactly(`{"a":"1.50","b":",${LONG}","c":1.5}`, true)).toEqual({ a: '1.50', b: `,${LONG}`, c: 1.5 })
})

test('any JSON is read as JSON.parse reads it where doubles have all digits', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, (_, item) => (typeof item === 'number' && !Number.isSafeInteger(item) ? String(item) : item))
      expect(parseExactly(text)).toEqual(JSON.parse(text))
      expect(parseExactly(text, true)).toEqual(JSON.parse(text))
    }),
  )
})
