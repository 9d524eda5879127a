/**
 * Goal: dates, times and timestamps are read exactly, over all of Postgres's range. Method: Postgres itself says which number a random
 * value is; the same values are read from their text in each mode.
 */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ColumnType, TypeSettings } from '../../../../connectors/postgres-source/types/column-type.ts'
import {
  dateType,
  timestampType,
  timeType,
  zonedTimestampType,
  zonedTimeType,
} from '../../../../connectors/postgres-source/types/temporal.ts'
import { type TestPostgres, testPostgres } from '../../../services/postgres.ts'

const settings: TypeSettings = {
  decimals: 'precise',
  times: 'adaptive',
  intervals: 'numeric',
  hstores: 'json',
  binaries: 'bytes',
  moneyFractionDigits: 2,
  includesUnknown: false,
  placeholder: '?',
  placeholderBytes: Buffer.from('?'),
}
const inMode = (times: TypeSettings['times']): TypeSettings => ({ ...settings, times })

let postgres: TestPostgres
let client: pg.Client
beforeAll(async () => {
  postgres = await testPostgres()
  client = new pg.Client({ connectionString: await postgres.database() })
  await client.connect()
  await client.query("SET TimeZone TO 'UTC'; SELECT setseed(0.5)")
})
afterAll(async () => {
  await client?.end()
  await postgres?.stop()
})

/** Days from year 1 to 20000, and Postgres's first and last ones. */
const DATES = `SELECT date '0001-01-01' + (random() * 7304850)::int AS d FROM generate_series(1, 3000)
  UNION ALL VALUES (date '4713-01-01 BC'), ('0001-12-31 BC'), ('0005-02-29 BC'), ('5874897-12-31'), ('2000-02-29'), ('1900-02-28')`
const STAMPS = `SELECT timestamp '0001-01-01' + random() * interval '19990 years' AS t FROM generate_series(1, 3000)
  UNION ALL SELECT timestamp '1970-01-01' + random() * interval '1 second' FROM generate_series(1, 100)
  UNION ALL VALUES (timestamp '4713-01-01 BC'), ('0044-03-15 23:59:59.999999 BC'), ('1969-12-31 23:59:59.999999'), ('9999-12-31 23:59:59.5')`

async function texts(sql: string): Promise<{ text: string; number: string }[]> {
  return (await client.query(sql)).rows
}

test('dates', async () => {
  const rows = await texts(`SELECT d::text AS text, (d - date '1970-01-01')::text AS number FROM (${DATES}) AS dates`)
  const types = { days: dateType(settings), connect: dateType(inMode('connect')) }
  for (const { text, number } of rows) {
    expect(types.days.decode(text), text).toBe(Number(number))
    const date = types.connect.decode(text)
    expect(date instanceof Date ? date.getTime() / 86_400_000 : date, text).toBe(Number(number))
  }
})

describe('timestamps', () => {
  const exact = (value: unknown) => BigInt(value as number | bigint)

  test('in µs, ms and ns', async () => {
    const rows = await texts(
      `SELECT t::text AS text, (extract(epoch FROM t) * 1000000)::numeric(30,0)::text AS number FROM (${STAMPS}) AS stamps`,
    )
    const micros = timestampType(-1, settings)
    const millis = timestampType(3, settings)
    const nanos = timestampType(-1, inMode('nanoseconds'))
    const connect = timestampType(-1, inMode('connect'))
    for (const { text, number } of rows) {
      const expected = BigInt(number)
      const expectedMs = (expected - (((expected % 1000n) + 1000n) % 1000n)) / 1000n
      expect(exact(micros.decode(text)), text).toBe(expected)
      expect(exact(millis.decode(text)), text).toBe(expectedMs)
      expect((connect.decode(text) as Date).getTime(), text).toBe(Number(expectedMs))
      if (BigInt.asIntN(64, expected * 1000n) === expected * 1000n) expect(exact(nanos.decode(text)), text).toBe(expected * 1000n)
      else expect(() => nanos.decode(text)).toThrow('out of the range')
    }
  })

  test('a number is a bigint only where it has to be', () => {
    const micros = timestampType(-1, settings)
    expect(micros.decode('2024-02-29 13:14:15.123456')).toBe(1_709_212_455_123_456)
    expect(micros.decode('9999-12-31 23:59:59')).toBe(253_402_300_799_000_000n)
  })

  const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`

  test('as strings', async () => {
    const rows = await texts(
      `SELECT t::text AS text, to_char(t, ${ISO}) AS number FROM (${STAMPS}) AS stamps WHERE extract(year FROM t) BETWEEN 1 AND 9999`,
    )
    const type = timestampType(-1, inMode('isostring'))
    for (const { text, number } of rows) expect(type.decode(text), text).toBe(number.replace(/\.?0*Z$/, 'Z'))
    expect(type.decode('12345-06-07 01:02:03.5')).toBe('+12345-06-07T01:02:03.5Z')
    expect(type.decode('0044-03-15 12:00:00 BC')).toBe('-0043-03-15T12:00:00Z')
  })

  test.each(['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Europe/Amsterdam'])('with a time zone, in a session in %s', async (zone) => {
    await client.query(`SET TimeZone TO '${zone}'`)
    const rows = await texts(`SELECT t::text AS text, to_char(t AT TIME ZONE 'UTC', ${ISO}) AS number
      FROM (SELECT t AT TIME ZONE 'UTC' AS t FROM (${STAMPS}) AS stamps WHERE extract(year FROM t) BETWEEN 2 AND 9998) AS zoned`)
    const type = zonedTimestampType(6, settings)
    for (const { text, number } of rows) expect(type.decode(text), text).toBe(number)
  })

  test.each([
    [6, '2024-02-29 11:14:15+00', '2024-02-29T11:14:15.000000Z'],
    [3, '2024-02-29 11:14:15.1+00', '2024-02-29T11:14:15.100Z'],
    [0, '2024-02-29 11:14:15+00', '2024-02-29T11:14:15Z'],
    [6, '0044-03-15 12:00:00+00 BC', '-0043-03-15T12:00:00.000000Z'],
    [3, '12345-06-07 01:02:03.5+00', '+12345-06-07T01:02:03.500Z'],
    [6, '9999-12-31 23:59:59.5-01', '+10000-01-01T00:59:59.500000Z'],
    [6, '-infinity', '-infinity'],
  ])('of %i digits: %s', (digits, text, expected) => expect(zonedTimestampType(digits, settings).decode(text)).toBe(expected))
})

test('times of day', async () => {
  const rows = await texts(
    "SELECT t::text AS text, (extract(epoch FROM t) * 1000000)::bigint::text AS number FROM (SELECT time '00:00' + random() * interval '1 day' AS t FROM generate_series(1, 1000) UNION ALL VALUES (time '24:00')) AS times",
  )
  const decoders: [ColumnType, number][] = [
    [timeType(-1, settings), 1],
    [timeType(3, settings), 1 / 1000],
    [timeType(3, inMode('microseconds')), 1],
    [timeType(3, inMode('nanoseconds')), 1000],
  ]
  for (const { text, number } of rows)
    for (const [type, factor] of decoders) expect(type.decode(text), text).toBe(Math.floor(Number(number) * factor))
})

test.each([
  ['13:14:15.123456+02', '11:14:15.123456Z'],
  ['00:30:00+14', '10:30:00Z'],
  ['23:59:59-12', '11:59:59Z'],
  ['10:00:00.5+05:30:15', '04:29:45.5Z'],
])('the time of day %s in UTC', (text, expected) => expect(zonedTimeType(settings).decode(text)).toBe(expected))
