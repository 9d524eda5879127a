/**
 * Goal: times are written and read by patterns as Java's SimpleDateFormat does in UTC and English. Method: texts and times that Java 17
 * gave; test/peers/transforms-routing.test.ts compares thousands more.
 */
import { describe, expect, test } from 'vitest'
import { SimpleDateFormat } from '../../../../connect/sdk/date-format/simple-date-format.ts'

const NOW = Date.UTC(2026, 5, 1)
const format = (pattern: string) => new SimpleDateFormat(pattern, NOW)
const TIME = 1_709_618_828_123 // Tuesday, 5 March 2024, 06:07:08.123
const BC = -62_200_000_000_000

describe('writing', () => {
  test.each([
    ['yyyy-MM-dd HH:mm:ss.SSS', '2024-03-05 06:07:08.123'],
    ['y yy yyy yyyyyy', '2024 24 2024 002024'],
    ['L LLL LLLL M MM MMM MMMM', '3 Mar March 3 03 Mar March'],
    ['E EEEE u', 'Tue Tuesday 2'],
    ['F W w D', '1 2 10 65'],
    ["YYYY-'W'ww", '2024-W10'],
    ['h hh K a k H', '6 06 6 AM 6 6'],
    ['z zzzz Z X XX XXX', 'UTC Coordinated Universal Time +0000 Z Z Z'],
    ["''yyyy'' 'o''clock'", "'2024' o'clock"],
    ['SSSSSS', '000123'],
    ['', ''],
  ])('%s', (pattern, text) => {
    expect(format(pattern).format(TIME)).toBe(text)
  })

  test('years before Christ, and days before the Gregorian calendar', () => {
    expect(format('G y yyy YYYY-ww-u').format(BC)).toBe('BC 3 003 -0002-51-4')
    expect(format('yyyy-MM-dd').format(-12_219_292_800_000)).toBe('1582-10-15')
    expect(format('yyyy-MM-dd').format(-12_219_292_800_001)).toBe('1582-10-04')
  })
})

describe('reading', () => {
  test.each([
    ['yyyy-MM-dd', '2024-03-05', Date.UTC(2024, 2, 5)],
    ['yyyy-MM-dd', '2024-3-5 and more', Date.UTC(2024, 2, 5)],
    ['yyyy-MM-dd', '2024-13-45', Date.UTC(2025, 0, 45)],
    ['yyyy-MM-dd', ' 2024-03-05', Date.UTC(2024, 2, 5)],
    ['yyyyMMddHHmmssSSS', '20240305060708123', TIME],
    ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", '2024-03-05T07:07:08.123+01:00', TIME],
    ['yyyy-MM-dd HH:mm:ss z', '2024-03-05 06:07:08 GMT+1:30', Date.UTC(2024, 2, 5, 4, 37, 8)],
    ['yyyy z', '2024 EST', 1_704_085_200_000],
    ['yyyy z', '2024 Coordinated Universal Time', Date.UTC(2024, 0, 1)],
    ['d MMMM yyyy h a', '5 MAR 2024 12 pm', Date.UTC(2024, 2, 5, 12)],
    ["YYYY-'W'ww-u", '2024-W10-2', Date.UTC(2024, 2, 5)],
    ['yyyy w E', '2024 10 Tue', Date.UTC(2024, 2, 5)],
    ['yyyy MM W E', '2024 03 2 Tue', Date.UTC(2024, 2, 5)],
    ['yyyy MM F E', '2024 03 -1 Tue', Date.UTC(2024, 2, 26)],
    ['yyyy-DDD', '2024-065', Date.UTC(2024, 2, 5)],
    ['G y M d', 'BC 3 1 1', -62_230_464_000_000],
    ['yyyy-MM-dd', '1582-10-04', -12_219_379_200_000],
    ['yy', '46', Date.UTC(2046, 0, 1)],
    ['yyMMdd', '470101', Date.UTC(1947, 0, 1)],
    ['yy', '2024', Date.UTC(2024, 0, 1)],
    ['a', 'pm', 43_200_000],
  ])('%s of %s', (pattern, text, time) => {
    expect(format(pattern).parse(text)).toBe(time)
  })

  test('a year of two digits is one of the last eighty or the next twenty', () => {
    expect(format('yyMMdd').parse('460531')).toBe(Date.UTC(2046, 4, 31))
    expect(format('yyMMdd').parse('460602')).toBe(Date.UTC(1946, 5, 2))
  })

  test.each([
    ['yyyy-MM-dd', '2024-03'],
    ['yyyy-MM-dd', '2024/03/05'],
    ['MMM', ' Mar'],
    ['HH X', '06 +1'],
    ['HH X', '06 +24'],
    ['yyyy', '+2024'],
    ['yyyy z', '2024 nowhere'],
    ['yyyyMMdd', '2024030'.slice(0, 5)],
    ['', 'x'],
    ['d', ''],
  ])('%s does not match %s', (pattern, text) => {
    expect(format(pattern).parse(text)).toBeNull()
  })
})

test.each([
  ["'x", 'Unterminated quote'],
  ['b', "Illegal pattern character 'b'"],
  ['yyyy-MM-ddTHH', "Illegal pattern character 'T'"],
  ['XXXX', 'invalid ISO 8601 format: length=4'],
  ['y'.repeat(2000), 'The pattern has 2000 characters, at most 1024 are read'],
])('the pattern %s is refused', (pattern, message) => {
  expect(() => format(pattern)).toThrow(message)
})
