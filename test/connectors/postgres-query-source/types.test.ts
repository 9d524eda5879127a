/**
 * Goal: columns become the Connect types of Confluent's PostgreSqlDatabaseDialect, with values that lose nothing. Method: a row of each
 * type on a real Postgres; the expected types are those that Confluent's connector documents.
 */
import { expect, test } from 'vitest'
import type { Schema } from '../../../connect/sdk/index.ts'
import { QueryDatabase } from './query-database.ts'

const database = new QueryDatabase()
const bulk = { mode: 'bulk', 'table.whitelist': 't' }

async function read(columns: string, values: string, config: Record<string, string> = {}) {
  await database.sql(`DROP TABLE IF EXISTS t; CREATE TABLE t (${columns}); INSERT INTO t VALUES (${values})`)
  const [record] = await database.records(1, { ...bulk, ...config })
  const fields = Object.fromEntries(record!.valueSchema!.fields!.map(({ name, schema }) => [name, shortOf(schema)]))
  return { fields, value: record!.value as Record<string, unknown> }
}

const shortOf = ({ type, name, optional, parameters }: Schema) =>
  `${name?.slice(name.lastIndexOf('.') + 1) ?? type}${parameters ? `(${Object.values(parameters)})` : ''}${optional ? '?' : ''}`

test('numbers, texts, booleans, bytes', async () => {
  const { fields, value } = await read(
    'a int2 NOT NULL, b int4, c int8 NOT NULL, d float4, e float8, f bool, g text, h varchar(9), i char(3), j uuid, k json, l jsonb, m bytea, n xml, o money, p name, q oid',
    `1, -2, 9007199254740993, 1.5, 2.25, true, 'ü', 'v', 'x', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1}', '{"b":2}', '\\x00ff', '<a/>', -1234.5, 'n', 7`,
  )
  expect(fields).toEqual({
    a: 'int16',
    b: 'int32?',
    c: 'int64',
    d: 'float32?',
    e: 'float64?',
    f: 'boolean?',
    g: 'string?',
    h: 'string?',
    i: 'string?',
    j: 'string?',
    k: 'string?',
    l: 'string?',
    m: 'bytes?',
    n: 'string?',
    o: 'float64?',
    p: 'string?',
    q: 'int64?',
  })
  expect(value).toEqual({
    a: 1,
    b: -2,
    c: 9_007_199_254_740_993n,
    d: 1.5,
    e: 2.25,
    f: true,
    g: 'ü',
    h: 'v',
    i: 'x  ',
    j: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    k: '{"a": 1}',
    l: '{"b": 2}',
    m: Buffer.from([0, 255]),
    n: '<a/>',
    o: -1234.5,
    p: 'n',
    q: 7,
  })
})

test('enums and domains; bits', async () => {
  await database.sql(`CREATE TYPE mood AS ENUM ('glad'); CREATE DOMAIN short AS varchar(3)`)
  const { fields, value } = await read('a mood, b short, c bit, d bit(8), e bit(12)', `'glad', 'abc', B'1', B'11111110', B'101010101010'`)
  expect(fields).toEqual({ a: 'string?', b: 'string?', c: 'boolean?', d: 'int8?', e: 'bytes?' })
  expect(value).toEqual({ a: 'glad', b: 'abc', c: true, d: -2, e: Buffer.from([0xaa, 0xa0]) })
})

test('dates, times and timestamps, of any year', async () => {
  const { fields, value } = await read(
    'a date, b time, c timetz, d timestamp, e timestamptz, f date',
    `'2024-02-29', '13:14:15.678', '01:00+02', '2024-01-01 00:00:00.123456', '2024-01-01 02:00+02', '0044-03-15 BC'`,
  )
  expect(fields).toEqual({ a: 'Date?', b: 'Time?', c: 'Time?', d: 'Timestamp?', e: 'Timestamp?', f: 'Date?' })
  expect(Object.values(value).map((date) => (date as Date).toISOString())).toEqual([
    '2024-02-29T00:00:00.000Z',
    '1970-01-01T13:14:15.678Z',
    '1970-01-01T23:00:00.000Z',
    '2024-01-01T00:00:00.123Z',
    '2024-01-01T00:00:00.000Z',
    '-000043-03-15T00:00:00.000Z',
  ])
  await expect(read('a timestamp', `'infinity'`)).rejects.toThrow('The column a of t cannot be read: infinity is no point in time')
})

test('each granularity of timestamps', async () => {
  const of = async (granularity: string, zone = 'UTC') => {
    const { fields, value } = await read('a timestamp NOT NULL', `'2024-07-01 10:00:00.123456'`, {
      'timestamp.granularity': granularity,
      'db.timezone': zone,
    })
    return [fields.a, value.a]
  }
  expect(await of('micros_long')).toEqual(['int64', 1_719_828_000_123_456])
  expect(await of('micros_string')).toEqual(['string', '1719828000123456'])
  expect(await of('micros_iso_datetime_string', '+02:00')).toEqual(['string', '2024-07-01T10:00:00.123456'])
  expect(await of('nanos_long')).toEqual(['int64', 1_719_828_000_123_456_000n])
  expect(await of('nanos_string', 'America/New_York')).toEqual(['string', '1719842400123456000'])
  expect(await of('nanos_iso_datetime_string')).toEqual(['string', '2024-07-01T10:00:00.123456000'])
})

test('numeric.mapping', async () => {
  const columns = 'a numeric(3), b numeric(9), c numeric(18), d numeric(19), e numeric(5,2), f numeric(30,2), g numeric'
  const of = async (config: Record<string, string>) => {
    const { fields, value } = await read(columns, '100, 123456789, 123456789012345678, 1, 1.5, 2.25, 7', config)
    return [Object.values(fields), Object.values(value)]
  }
  const decimals = [
    'Decimal(0,3)?',
    'Decimal(0,9)?',
    'Decimal(0,18)?',
    'Decimal(0,19)?',
    'Decimal(2,5)?',
    'Decimal(2,30)?',
    'Decimal(0,0)?',
  ]
  const integers = ['int16?', 'int32?', 'int64?']
  expect(await of({})).toEqual([decimals, ['100', '123456789', '123456789012345678', '1', '1.50', '2.25', '7']])
  expect(await of({ 'numeric.mapping': 'precision_only' })).toEqual([
    [...integers, ...decimals.slice(3)],
    [100, 123_456_789, 123_456_789_012_345_678n, '1', '1.50', '2.25', '7'],
  ])
  expect((await of({ 'numeric.precision.mapping': 'true' }))[0]).toEqual([...integers, ...decimals.slice(3)])
  expect((await of({ 'numeric.mapping': 'best_fit' }))[0]).toEqual([...integers, decimals[3], 'float64?', ...decimals.slice(5)])
  expect((await of({ 'numeric.mapping': 'best_fit_eager_double' }))[0]).toEqual([
    ...integers,
    decimals[3],
    'float64?',
    'float64?',
    decimals[6],
  ])
})

test('numeric without a precision', async () => {
  await expect(read('a numeric', '1.25')).rejects.toThrow('more than 0 digits after the point')
  const { fields, value } = await read('a numeric', '1.25', { 'numeric.unbounded.scale': '4' })
  expect([fields, value]).toEqual([{ a: 'Decimal(4,0)?' }, { a: '1.2500' }])
})

test('types that Confluent does not know are left out, with a warning, or read as text', async () => {
  const columns = 'id int, a int[], b interval, c inet, d int4range'
  const values = `1, '{1,2}', '1 day 02:00', '127.0.0.1', '[1,3)'`
  expect((await read(columns, values)).fields).toEqual({ id: 'int32?' })
  expect(database.logged.at(-1)!.message).toContain('a (_int4), b (interval), c (inet), d (int4range)')
  expect((await read(columns, values, { 'unsupported.types': 'string' })).value).toEqual({
    id: 1,
    a: '{1,2}',
    b: '1 day 02:00:00',
    c: '127.0.0.1',
    d: '[1,3)',
  })
})
