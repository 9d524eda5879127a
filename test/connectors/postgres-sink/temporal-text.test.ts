/**
 * Goal: dates and times are texts that Postgres reads as the same dates and times, in every unit, era and zone. Method: counts and texts
 * that are known, and JavaScript's own dates for many random days.
 */
import { expect, test } from 'vitest'
import { clockText, dayText, intervalText, timestampText, ZoneClock } from '../../../connectors/postgres-sink/temporal-text.ts'

const DAY_MS = 86_400_000
const plain = { suffix: '', julian: false } as const

test.each([
  [0, '1970-01-01'],
  [-1, '1969-12-31'],
  [19_782, '2024-02-29'],
  [-719_163, '0001-12-31 BC'],
  [-719_162, '0001-01-01'],
  [3_000_000, '10183-09-21'],
  [-141_428, '1582-10-14'],
])('day %i is %s', (day, text) => {
  expect(dayText(day)).toBe(text)
})

test('days are those of JavaScript', () => {
  for (let day = -700_000; day < 2_900_000; day += 9973) {
    const iso = new Date(day * DAY_MS).toISOString()
    expect(dayText(day)).toBe(iso.slice(0, iso.indexOf('T')).replace(/^\+0?/, ''))
  }
})

test('days before 15 October 1582 are Julian where the settings ask for it', () => {
  expect(dayText(-141_428, true)).toBe('1582-10-04')
  expect(dayText(-141_427, true)).toBe('1582-10-15')
  expect(dayText(-141_428, false)).toBe('1582-10-14')
})

test.each([
  [1_700_000_000_123, 1e3, '2023-11-14 22:13:20.123'],
  [1_700_000_000_123_456, 1e6, '2023-11-14 22:13:20.123456'],
  [1_700_000_000_123_456_789n, 1e9, '2023-11-14 22:13:20.123456789'],
  [-1, 1e6, '1969-12-31 23:59:59.999999'],
  [-1n, 1e9, '1969-12-31 23:59:59.999999999'],
  [9_223_372_036_825_200_000n, 1e6, 'infinity'],
  [-9_223_372_036_832_400_000n, 1e6, '-infinity'],
  [-62_135_596_800_000 - 1, 1e3, '0001-12-31 23:59:59.999 BC'],
] as const)('%s in units of 1/%s s is %s', (count, units, text) => {
  expect(timestampText(count, { units, ...plain })).toBe(text)
})

test('times of day and intervals', () => {
  expect(clockText(3_723_004, 1e3)).toBe('01:02:03.004')
  expect(clockText(86_400_000_000, 1e6)).toBe('24:00:00')
  expect(intervalText(93_784_005_006, 1e6)).toBe('26:03:04.005006')
  expect(intervalText(-1_500_000n, 1e6)).toBe('-0:00:01.500000')
})

test('clocks of a zone follow its summer time', () => {
  const berlin = new ZoneClock('Europe/Berlin')
  const hours = (iso: string) => (berlin.local(Date.parse(iso)) - Date.parse(iso)) / 3_600_000
  expect(hours('2024-03-31T00:59:59.999Z')).toBe(1)
  expect(hours('2024-03-31T01:00:00Z')).toBe(2)
  expect(hours('2024-01-01T00:00:00Z')).toBe(1)
  expect(new ZoneClock('UTC').local(5)).toBe(5)
  expect(new ZoneClock('Asia/Kathmandu').local(0)).toBe(5.5 * 3_600_000)
})
