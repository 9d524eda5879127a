/**
 * Goal: intervals are those of Postgres's style. Method: texts with their parts; the golden file has what Debezium makes of others.
 */
import { expect, test } from 'vitest'
import type { TypeSettings } from '../../../../connectors/postgres-source/types/column-type.ts'
import { intervalType } from '../../../../connectors/postgres-source/types/interval.ts'

const strings = intervalType({ intervals: 'string', placeholder: '?' } as TypeSettings)
const numbers = intervalType({ intervals: 'numeric' } as TypeSettings)

test.each([
  ['00:00:00', 'P0Y0M0DT0H0M0S', 0],
  ['1 year 2 mons 3 days 04:05:06.789', 'P1Y2M3DT4H5M6.789S', 37_091_106_789_000],
  ['-1 years -2 mons +3 days -04:05:06.7', 'P-1Y-2M3DT-4H-5M-6.7S', -36_572_706_700_000],
  ['1 mon', 'P0Y1M0DT0H0M0S', 2_629_800_000_000],
  ['-00:00:00.000001', 'P0Y0M0DT0H0M-0.000001S', -1],
  ['1000000:00:00', 'P0Y0M0DT1000000H0M0S', 3_600_000_000_000_000],
  ['178000000 years', 'P178000000Y0M0DT0H0M0S', null],
])('%s', (text, iso, micros) => {
  expect(strings.decode(text)).toBe(iso)
  if (micros === null) expect(() => numbers.decode(text)).toThrow('longer than 2^63')
  else expect(numbers.decode(text)).toBe(micros)
})

test('more than 2^53 µs are a bigint', () => expect(numbers.decode('1000 years')).toBe(31_557_600_000_000_000n))

test('an infinite interval, of Postgres 17, has no number', () =>
  expect(() => numbers.decode('infinity')).toThrow('the interval is infinity'))
