/**
 * Goal: points in time keep their microseconds through Postgres's text, positions and SQL, in any zone and year. Method: texts as
 * Postgres writes them; zones with changes of clocks, against Intl.
 */
import { expect, test } from 'vitest'
import {
  epochMicros,
  epochNanos,
  instantOf,
  instantSql,
  isoText,
  nanosOf,
  parseInstant,
} from '../../../connectors/postgres-query-source/instant.ts'
import { zoneNamed } from '../../../connectors/postgres-query-source/zone.ts'

const utc = zoneNamed('UTC')
const iso = ({ ms, micros }: { ms: number; micros: number }) => `${new Date(ms).toISOString()}+${micros}`

test('texts of Postgres', () => {
  expect(iso(parseInstant('2024-02-29 13:14:15.123456', utc))).toBe('2024-02-29T13:14:15.123Z+456')
  expect(iso(parseInstant('2024-02-29 13:14:15.1+05:30', utc))).toBe('2024-02-29T07:44:15.100Z+0')
  expect(iso(parseInstant('1880-01-01 00:00:00+00:53:28', utc))).toBe('1879-12-31T23:06:32.000Z+0')
  expect(iso(parseInstant('0044-03-15 12:00:00 BC', utc))).toBe('-000043-03-15T12:00:00.000Z+0')
  expect(iso(parseInstant('0050-01-01', utc))).toBe('0050-01-01T00:00:00.000Z+0')
  expect(iso(parseInstant('12024-01-01', utc))).toBe('+012024-01-01T00:00:00.000Z+0')
  expect(() => parseInstant('infinity', utc)).toThrow('infinity is no point in time')
})

test('a position has ms and nanoseconds, before the epoch too', () => {
  for (const text of ['2024-01-01 00:00:00.123456', '1969-12-31 23:59:59.999999', '1960-06-01 00:00:00.000001']) {
    const instant = parseInstant(text, utc)
    expect(instantOf(instant.ms, nanosOf(instant))).toEqual(instant)
  }
  expect(nanosOf(parseInstant('1969-12-31 23:59:59.999999', utc))).toBe(999_999_000)
  expect(instantOf(1_704_067_200_123, null)).toEqual({ ms: 1_704_067_200_123, micros: 0 })
})

test('SQL and numbers', () => {
  const instant = parseInstant('2024-01-01 00:00:00.123456', utc)
  expect(instantSql(instant)).toBe("TIMESTAMPTZ '2024-01-01T00:00:00.123456Z'")
  expect([epochMicros(instant), epochNanos(instant)]).toEqual([1_704_067_200_123_456, 1_704_067_200_123_456_000n])
  expect([isoText(instant, zoneNamed('-03:30'), 6), isoText(instant, utc, 9)]).toEqual([
    '2023-12-31T20:30:00.123456',
    '2024-01-01T00:00:00.123456000',
  ])
})

test('zones: regions with changes of clocks, offsets, and what is none', () => {
  const vienna = zoneNamed('Europe/Vienna')
  const at = (text: string) => new Date(parseInstant(text, vienna).ms).toISOString()
  expect(at('2024-03-31 01:59:59')).toBe('2024-03-31T00:59:59.000Z')
  expect(at('2024-03-31 03:00:00')).toBe('2024-03-31T01:00:00.000Z')
  expect(at('2024-07-01 12:00:00')).toBe('2024-07-01T10:00:00.000Z')
  expect(at('2024-12-01 12:00:00')).toBe('2024-12-01T11:00:00.000Z')
  expect(vienna.sql).toBe("'Europe/Vienna'")
  expect([zoneNamed('GMT+2').sql, zoneNamed('-0930').sql, zoneNamed('Z').sql]).toEqual([
    "INTERVAL '+02:00' HOUR TO MINUTE",
    "INTERVAL '-09:30' HOUR TO MINUTE",
    "INTERVAL '+00:00' HOUR TO MINUTE",
  ])
  expect(() => zoneNamed('Mars/Olympus')).toThrow('Invalid time zone identifier')
})
