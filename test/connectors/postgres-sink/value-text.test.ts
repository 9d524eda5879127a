/**
 * Goal: every logical type of Connect and Debezium becomes a column and a value that say the same, and values are written as existing
 * columns need them. Method: a real server; tables are read back as text.
 */
import { describe, expect, test } from 'vitest'
import { type BadRecord, type Schema, schemas } from '../../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from './sink-database.ts'

const database = new SinkDatabase()
const named = (schema: Schema, name: string, parameters?: Record<string, string>): Schema => ({
  ...schema,
  name: `io.debezium.${name}`,
  version: 1,
  parameters,
})
const propagated = (schema: Schema, type: string, more: Record<string, string> = {}): Schema => ({
  ...schema,
  parameters: { ...schema.parameters, '__debezium.source.column.type': type, ...more },
})
const int32 = schemas.int32()
const int64 = schemas.int64()
const text = schemas.string()
const bytes = schemas.bytes()
const bits = (length: number) => named(bytes, 'data.Bits', { length: String(length) })
const decimal = schemas.struct({ scale: int32, value: bytes })
const point = schemas.struct({ x: schemas.float64(), y: schemas.float64() })
const numeric = { ...schemas.decimal(2), parameters: { scale: '2', 'connect.decimal.precision': '10' } }

const readText = async (table = 't') => {
  const [row] = await database.rows(`SELECT to_jsonb(t) AS row FROM ${table} AS t`)
  return row!.row as Record<string, unknown>
}
const writeAs = async (start: 'start' | 'confluent' | 'debezium', fields: Record<string, Schema>, value: object, config = {}) => {
  const task = await database[start](config)
  await task.write([record(value, { valueSchema: schemas.struct(fields) })])
}

describe('a logical type', () => {
  test.each<[string, Schema, unknown, string, unknown]>([
    ['Date', named(int32, 'time.Date'), 19_782, 'date', '2024-02-29'],
    ['IsoDate', named(text, 'time.IsoDate'), '2024-02-29Z', 'date', '2024-02-29'],
    ['Time', named(int32, 'time.Time'), 3_723_004, 'time without time zone', '01:02:03.004'],
    ['MicroTime', named(int64, 'time.MicroTime'), 86_400_000_000, 'time without time zone', '24:00:00'],
    ['NanoTime', named(int64, 'time.NanoTime'), 3_723_004_005_000, 'time without time zone', '01:02:03.004005'],
    ['IsoTime', named(text, 'time.IsoTime'), '13:14:15.123456Z', 'time without time zone', '13:14:15.123456'],
    ['ZonedTime', named(text, 'time.ZonedTime'), '10:11:12.5Z', 'time with time zone', '10:11:12.5+00'],
    ['Timestamp', named(int64, 'time.Timestamp'), -1, 'timestamp without time zone', '1969-12-31T23:59:59.999'],
    [
      'MicroTimestamp',
      named(int64, 'time.MicroTimestamp'),
      1_700_000_000_123_456,
      'timestamp without time zone',
      '2023-11-14T22:13:20.123456',
    ],
    [
      'NanoTimestamp',
      named(int64, 'time.NanoTimestamp'),
      1_700_000_000_123_456_000n,
      'timestamp without time zone',
      '2023-11-14T22:13:20.123456',
    ],
    ['an infinite timestamp', named(int64, 'time.MicroTimestamp'), 9_223_372_036_825_200_000n, 'timestamp without time zone', 'infinity'],
    [
      'a propagated precision',
      propagated(named(int64, 'time.MicroTimestamp'), 'TIMESTAMP', { '__debezium.source.column.scale': '3' }),
      1_700_000_000_123_456,
      'timestamp(3) without time zone',
      '2023-11-14T22:13:20.123',
    ],
    ['IsoTimestamp', named(text, 'time.IsoTimestamp'), '2024-02-29T13:14:15.5Z', 'timestamp without time zone', '2024-02-29T13:14:15.5'],
    ['ZonedTimestamp', named(text, 'time.ZonedTimestamp'), 'infinity', 'timestamp with time zone', 'infinity'],
    ['Interval', named(text, 'time.Interval'), 'P1Y2M3DT4H5M6.7S', 'interval', '1 year 2 mons 3 days 04:05:06.7'],
    ['MicroDuration', named(int64, 'time.MicroDuration'), -1_500_000, 'interval', '-00:00:01.5'],
    ['NanoDuration', named(int64, 'time.NanoDuration'), 3_000_000_000_000_000, 'interval', '833:20:00'],
    ['Year', named(int32, 'time.Year'), 2024, 'integer', 2024],
    ['Bits', bits(12), Buffer.from([0x15, 0x0a]), 'bit(12)', '101000010101'],
    ['Bits without a length', bits(2_147_483_647), Buffer.from([0x15, 0x01]), 'bit varying', '100010101'],
    ['varying Bits', propagated(bits(9), 'VARBIT'), Buffer.from([0x15]), 'bit varying(9)', '000010101'],
    ['a single bit', named(schemas.boolean(), 'data.Bits', { length: '1' }), true, 'bit(1)', '1'],
    ['Json', named(text, 'data.Json'), '{"b": 1,  "a": [1]}', 'json', { a: [1], b: 1 }],
    ['a propagated jsonb', propagated(named(text, 'data.Json'), 'JSONB'), '"text"', 'jsonb', 'text'],
    ['Xml', named(text, 'data.Xml'), '<a>1</a>', 'xml', '<a>1</a>'],
    ['Uuid', named(text, 'data.Uuid'), '6F9619FF-8B86-4d01-b42d-00cf4fc964ff', 'uuid', '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'],
    ['Enum', named(text, 'data.Enum', { allowed: 'a,b' }), 'a', 'text', 'a'],
    ['Tsvector', named(text, 'data.Tsvector'), "'a':1", 'tsvector', "'a':1"],
    [
      'VariableScaleDecimal',
      named(decimal, 'data.VariableScaleDecimal'),
      { scale: 3, value: Buffer.from([0xcf, 0xc7]) },
      'numeric',
      -12.345,
    ],
    ['Point', named(point, 'data.geometry.Point'), { x: 1.5, y: -2 }, 'point', '(1.5,-2)'],
    ['Decimal with a precision', numeric, '-12345678.90', 'numeric(10,2)', -12_345_678.9],
    [
      'an array of Uuid',
      schemas.array(named(text, 'data.Uuid')),
      ['6f9619ff-8b86-4d01-b42d-00cf4fc964ff'],
      'uuid[]',
      ['6f9619ff-8b86-4d01-b42d-00cf4fc964ff'],
    ],
    [
      'an array of MicroTimestamp',
      schemas.array(named(int64, 'time.MicroTimestamp')),
      [1_000_000],
      'timestamp without time zone[]',
      ['1970-01-01T00:00:01'],
    ],
    ['a propagated varchar', propagated(text, 'VARCHAR', { '__debezium.source.column.length': '20' }), 'x', 'character varying(20)', 'x'],
    ['a propagated range', propagated(text, 'INT4RANGE'), '[1,5)', 'int4range', '[1,5)'],
    ['a propagated oid', propagated(int64, 'OID'), 7, 'oid', '7'],
  ])('%s', async (_, schema, value, type, read) => {
    await writeAs('debezium', { v: schema }, { v: value })
    expect(await database.columns()).toEqual({ v: type })
    expect(await readText()).toEqual({ v: read })
  })

  test.each(['insert', 'upsert'])('is written by %s as an existing column needs it', async (mode) => {
    await database.client.query(`CREATE EXTENSION hstore; CREATE DOMAIN amount AS numeric(10,2);
      CREATE TABLE t (id int PRIMARY KEY, ts bigint, day text, js jsonb, raw text, h hstore, price amount, bit varbit, at timestamptz)`)
    const fields = {
      id: int32,
      ts: named(int64, 'time.MicroTimestamp'),
      day: named(int32, 'time.Date'),
      js: text,
      raw: named(text, 'data.Json'),
      h: schemas.map(text, schemas.string({ optional: true })),
      price: named(decimal, 'data.VariableScaleDecimal'),
      bit: schemas.boolean(),
      at: named(int64, 'time.Timestamp'),
    }
    const value = {
      id: 1,
      ts: 1_700_000_000_123_456,
      day: 0,
      js: '{"a": [1]}',
      raw: '{ "a":1 }',
      h: new Map([
        ['k"', 'v\\'],
        ['n', null],
      ]),
      price: { scale: -2, value: Buffer.from([5]) },
      bit: true,
      at: 1000,
    }
    await writeAs('debezium', fields, value, { 'insert.mode': mode, 'primary.key.mode': 'record_value', 'primary.key.fields': 'id' })
    expect(await readText()).toEqual({
      ...{ id: 1, ts: 1_700_000_000_123_456, day: '1970-01-01', js: { a: [1] }, raw: '{ "a":1 }', h: { 'k"': 'v\\', n: null } },
      ...{ price: 500, bit: '1', at: '1970-01-01T00:00:01+00:00' },
    })
  })

  test('with a value that is none of it is a bad record, and the others are written', async () => {
    const task = await database.debezium()
    const valueSchema = schemas.struct({ v: named(decimal, 'data.VariableScaleDecimal') })
    const good = { v: { scale: 1, value: Buffer.from([5]) } }
    const error = (await failure(task.write([record(good, { valueSchema }), record({ v: { scale: 1 } }, { valueSchema })]))) as BadRecord
    expect(error).toMatchObject({ index: 1, message: expect.stringContaining('column "v" of type numeric cannot be written') })
    expect(await readText()).toEqual({ v: 0.5 })
  })
})

describe('numbers', () => {
  test('that are not finite', async () => {
    const task = await database.start()
    const valueSchema = schemas.struct({ v: schemas.float64(), n: schemas.struct({ x: schemas.float64() }) })
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    await task.write(values.map((v) => record({ v, n: { x: v } }, { valueSchema })))
    expect(await database.rows('SELECT v::text, n FROM t')).toEqual(['NaN', 'Infinity', '-Infinity'].map((v) => ({ v, n: { x: null } })))
  })
})

describe('texts', () => {
  test('of any characters are copied as they are', async () => {
    const task = await database.start()
    const texts = ['\\N', '\\.', 'tab\tnew\nreturn\r\\back', '', 'ü漢😀', '\\x41', "'", '"', '{}', 'null']
    await task.write(texts.map((v) => record({ v }, { valueSchema: schemas.struct({ v: text }) })))
    expect((await database.rows('SELECT v FROM t')).map(({ v }) => v)).toEqual(texts)
  })
})

describe('time zones', () => {
  const fields = { at: schemas.timestamp(), day: schemas.date(), time: schemas.time() }
  const value = { at: new Date('2024-07-01T22:30:00.5Z'), day: new Date('2024-07-01T00:00:00Z'), time: new Date(3_723_004) }

  test('db.timezone is that of the clocks in the columns', async () => {
    await writeAs('confluent', fields, value, { 'db.timezone': 'America/New_York' })
    expect(await readText()).toEqual({ at: '2024-07-01T18:30:00.5', day: '2024-06-30', time: '20:02:03.004' })
  })

  test('date.timezone=UTC keeps the day', async () => {
    await writeAs('confluent', fields, value, { 'db.timezone': 'America/New_York', 'date.timezone': 'utc' })
    expect(await readText()).toMatchObject({ at: '2024-07-01T18:30:00.5', day: '2024-07-01' })
  })

  test('date.calendar.system=LEGACY writes days as java.util.Date prints them', async () => {
    const day = { day: new Date('1582-10-14T00:00:00Z') }
    await writeAs('confluent', { day: schemas.date() }, day, { 'date.calendar.system': 'LEGACY' })
    expect(await readText()).toEqual({ day: '1582-10-04' })
  })
})

test('timestamp.fields.list makes timestamps of numbers and texts', async () => {
  const fields = { a: int64, b: schemas.string({ optional: true }), c: int64 }
  const config = { 'timestamp.fields.list': 'a,b' }
  await writeAs('confluent', fields, { a: 1_700_000_000_123_456, b: '2024-01-01T00:00:00.123456', c: 5 }, config)
  expect(await database.columns()).toEqual({ a: 'timestamp without time zone', b: 'timestamp without time zone', c: 'bigint' })
  expect(await readText()).toEqual({ a: '2023-11-14T22:13:20.123456', b: '2024-01-01T00:00:00.123456', c: 5 })
  await (await database.confluent({ ...config, 'timestamp.precision.mode': 'nanoseconds', 'table.name.format': 'n' })).write([
    record({ a: 1_700_000_000_123_456_789n, b: null, c: 5 }, { valueSchema: schemas.struct(fields) }),
  ])
  expect(await readText('n')).toEqual({ a: '2023-11-14T22:13:20.123457', b: null, c: 5 })
})
