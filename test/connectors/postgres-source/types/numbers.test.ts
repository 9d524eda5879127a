/**
 * Goal: numbers keep all their digits, and money is read whatever the server's currency is. Method: random decimals, whose bytes give the
 * number back, and money as glibc's locales print it.
 */
import { describe, expect, test } from 'vitest'
import { type TypeSettings, Unconvertible } from '../../../../connectors/postgres-source/types/column-type.ts'
import { int64Type, moneyType, numericType } from '../../../../connectors/postgres-source/types/numbers.ts'
import { randomFrom } from '../../../random.ts'

const settings = (decimals: TypeSettings['decimals'], moneyFractionDigits = 2): TypeSettings => ({
  decimals,
  times: 'adaptive',
  intervals: 'numeric',
  hstores: 'json',
  binaries: 'bytes',
  moneyFractionDigits,
  includesUnknown: false,
  placeholder: '?',
  placeholderBytes: Buffer.from('?'),
})
const modifier = (precision: number, scale: number) => ((precision << 16) | (scale & 0x7ff)) + 4

const random = randomFrom(11)
const digits = (count: number) => Array.from({ length: count }, () => Math.floor(random() * 10)).join('')

test('int64 is a bigint where a number would lose digits', () => {
  const { decode } = int64Type()
  expect(['0', '-7', '9007199254740991', '9007199254740993', '-9223372036854775808', '123456789012345'].map(decode)).toEqual([
    0,
    -7,
    9007199254740991,
    9007199254740993n,
    -9223372036854775808n,
    123456789012345,
  ])
})

/** A number from its two's complement. */
const numberOf = (bytes: Buffer) => BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
const isShortest = (bytes: Buffer) =>
  bytes.length === 1 || !((bytes[0] === 0 && bytes[1]! < 0x80) || (bytes[0] === 0xff && bytes[1]! >= 0x80))

test('decimals without a scale of their column', () => {
  const { decode } = numericType(-1, settings('precise'))
  const samples = Array.from({ length: 2000 }, () => {
    const whole = digits(1 + Math.floor(random() * 25)).replace(/^0+(?=\d)/, '')
    const fraction = random() < 0.3 ? '' : `.${digits(1 + Math.floor(random() * 12))}`
    return `${random() < 0.5 ? '-' : ''}${whole}${fraction}`
  })
  for (const text of [...samples, '0', '0.00', '-128', '127', '128', '-129', '255', '256', '-32768', '100', '0.10', '999999999999999']) {
    const { scale, value } = decode(text) as { scale: number; value: Buffer }
    const [whole, fraction = ''] = text.split('.')
    const kept = fraction.replace(/0+$/, '')
    expect(scale, text).toBe(kept.length)
    expect(numberOf(value), text).toBe(BigInt(`${whole}${kept}`))
    expect(isShortest(value), text).toBe(true)
  }
})

test('a decimal with a scale is its digits; the scale may be negative', () => {
  expect(numericType(modifier(10, 2), settings('precise')).decode('12.30')).toBe('12.30')
  const negative = numericType(modifier(5, -2), settings('precise'))
  expect(negative.schema.parameters).toEqual({ scale: '-2', 'connect.decimal.precision': '5' })
  expect(negative.decode('12300')).toBe('12300')
  expect(numericType(modifier(3, 5), settings('precise')).schema.parameters?.scale).toBe('5')
})

test.each(['NaN', 'Infinity', '-Infinity'])('%s is no decimal', (text) => {
  for (const type of [numericType(-1, settings('precise')), numericType(modifier(10, 2), settings('precise'))])
    expect(() => type.decode(text)).toThrow(Unconvertible)
  expect(numericType(-1, settings('double')).decode(text)).toBe(Number(text))
})

describe('money', () => {
  test.each([
    ['$1,234.56', '1234.56'],
    ['-$0.07', '-0.07'],
    ['$0.00', '0.00'],
    ['($1,234,567.00)', '-1234567.00'],
    ['1.234,56 €', '1234.56'],
    ['-1 234,56 €', '-1234.56'],
    ['kr. 1.234,56', '1234.56'],
    ['1.234,56 kr.', '1234.56'],
    ["Fr. 1'234.50", '1234.50'],
    ['£92,233,720,368,547,758.07', '92233720368547758.07'],
    ['¥1,235', '1235'],
    ['-¥92,233,720,368,547,758', '-92233720368547758'],
  ])('%s', (text, expected) => expect(moneyType(settings('string')).decode(text)).toBe(expected))

  test('with three digits after the point', () => {
    expect(moneyType(settings('string', 3)).decode('د.ك 1,234.567')).toBe('1234.567')
    expect(moneyType(settings('string', 3)).decode('$1,234.56')).toBe('1234.56')
  })

  test.each([
    [2, '$1.005', '1.01'],
    [2, '-$1.005', '-1.01'],
    [0, '$1.50', '2'],
    [3, '$1.50', '1.500'],
    [1, '$0.04', '0.0'],
  ])('rounded to %i digits: %s', (scale, text, expected) => {
    // Three digits are a group unless three are expected, so they are written as four.
    expect(moneyType(settings('precise', scale)).decode(text.replace('.005', '.0050'))).toBe(expected)
  })
})
