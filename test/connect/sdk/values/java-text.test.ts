/**
 * Goal: numbers and dates have Java's texts. Method: texts that Java writes, at the borders of its rules.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { dateString, dateText, decimalText, doubleText, floatText, javaText } from '../../../../connect/sdk/values/java-text.ts'

test('doubles', () => {
  const texts = {
    0: '0.0',
    1: '1.0',
    100: '100.0',
    0.001: '0.001',
    0.000999: '9.99E-4',
    9999999: '9999999.0',
    1e7: '1.0E7',
    '-2.5': '-2.5',
  }
  for (const [value, text] of Object.entries(texts)) expect(doubleText(Number(value))).toBe(text)
  expect([-0, Number.NaN, -1 / 0, 5e-324, 1.25e-7, 123456789.125].map(doubleText)).toEqual([
    '-0.0',
    'NaN',
    '-Infinity',
    '4.9E-324',
    '1.25E-7',
    '1.23456789125E8',
  ])
})

test('floats have the fewest digits that a float32 needs', () => {
  expect([0.1, 1 / 3, 3.4028235e38, 1e-45, 16777216].map(floatText)).toEqual([
    '0.1',
    '0.33333334',
    '3.4028235E38',
    '1.4E-45',
    '1.6777216E7',
  ])
})

test('decimals', () => {
  const text = (digits: string, scale: number) => decimalText(digits, scale)
  expect([
    text('12.30', 2),
    text('-0.05', 2),
    text('0.0000001', 7),
    text('0.00', 2),
    text('1200', -2),
    text('0', -2),
    text('0', 0),
  ]).toEqual(['12.30', '-0.05', '1E-7', '0.00', '1.2E+3', '0E+2', '0'])
})

test('dates: the value decides between a time, a date and both', () => {
  expect([0, 43_200_000, -1, 86_400_000, 1_700_000_000_123, 253_402_300_800_001].map((ms) => dateText(new Date(ms)))).toEqual([
    '00:00:00.000Z',
    '12:00:00.000Z',
    '23:59:59.999Z',
    '1970-01-02',
    '2023-11-14T22:13:20.123Z',
    '10000-01-01T00:00:00.001Z',
  ])
})

test('values have the text of their toString', () => {
  expect(dateString(new Date(1709618828123))).toBe('Tue Mar 05 06:07:08 UTC 2024')
  const inner = schemas.struct({ x: schemas.float32() })
  const schema = schemas.struct({ a: schemas.int32(), b: schemas.string({ optional: true }), c: schemas.float64(), s: inner })
  expect(javaText({ a: 1, b: null, c: 2, s: { x: 0.5 } }, schema)).toBe('Struct{a=1,c=2.0,s=Struct{x=0.5}}')
  expect(javaText([1, 'a', null], null)).toBe('[1, a, null]')
  expect(javaText({ a: 1, b: [2.5], c: { d: null } }, null)).toBe('{a=1, b=[2.5], c={d=null}}')
  expect(javaText('1.50', schemas.decimal(2))).toBe('1.50')
})
