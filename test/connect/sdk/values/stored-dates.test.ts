/**
 * Goal: dates become the numbers that Kafka Connect stores of them, and what it would refuse is refused, in both directions. Method: each
 * logical type at its limits and past them.
 */
import { expect, test } from 'vitest'
import { logicalTypes } from '../../../../connect/sdk/index.ts'
import { dateOf, storedDate } from '../../../../connect/sdk/values/stored-dates.ts'

const { date, time, timestamp } = logicalTypes
const DAY_MS = 86_400_000
const LAST_DAY = 100_000_000

test.each([
  [date, 0, 0],
  [date, -DAY_MS, -1],
  [date, LAST_DAY * DAY_MS, LAST_DAY],
  [time, 0, 0],
  [time, DAY_MS, DAY_MS],
  [timestamp, -62_135_596_800_001, -62_135_596_800_001],
])('%s at %d ms is %d', (name, ms, stored) => {
  expect(storedDate(name, new Date(ms))).toBe(stored)
  expect(dateOf(name, stored)).toEqual(new Date(ms))
})

test.each([
  [date, 1, /Date type should not have any time fields/],
  [time, -1, /Time type should not have any date fields/],
  [time, DAY_MS + 1, /Time type should not have any date fields/],
  [timestamp, Number.NaN, /an invalid date/],
])('%s refuses the date at %d ms', (name, ms, message) => {
  expect(() => storedDate(name, new Date(ms))).toThrow(message)
})

test.each([
  [date, LAST_DAY + 1, /out of the range of a date: check its unit/],
  [time, -1, /not a time of day/],
  [time, DAY_MS + 1, /not a time of day/],
  [timestamp, 1_700_000_000_000_000_000, /out of the range of a date: check its unit/],
])('%s refuses the stored number %d', (name, stored, message) => {
  expect(() => dateOf(name, stored)).toThrow(message)
})
