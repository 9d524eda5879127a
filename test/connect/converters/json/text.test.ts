/**
 * Goal: strings have Jackson's escapes, and mean the same. Method: characters of each kind, and random strings that are read again.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asJackson, jsonString } from '../../../../connect/converters/json/text.ts'

test('surrogates are escaped, and escapes have capital letters', () => {
  expect(jsonString('€ 🎉')).toBe('"€ \\uD83C\\uDF89"')
  expect(jsonString('\u001f\u0001\n"\\')).toBe('"\\u001F\\u0001\\n\\"\\\\"')
  expect(jsonString('\\u001f')).toBe('"\\\\u001f"')
  expect(asJackson('{"🎉":1}')).toBe('{"\\uD83C\\uDF89":1}')
})

test('any string is read as it was', () => {
  const comesBack = (text: string) => JSON.parse(jsonString(text)) === text
  fc.assert(fc.property(fc.string({ unit: 'binary' }), comesBack))
})
