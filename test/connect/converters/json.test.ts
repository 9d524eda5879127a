/**
 * Goal: JsonConverter writes and reads what Kafka Connect's does, and loses no digit. Method: texts of Kafka Connect, and random values in
 * both directions (fast-check).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import json from '../../../connect/converters/json.ts'
import { parseSettings, type Schema, schemas, type WritableBytes } from '../../../connect/sdk/index.ts'
import { structs } from '../../connect-values.ts'
import { expectSameWhenHot } from '../hot-results.ts'

const make = (raw: Record<string, string> = {}) => json.create(parseSettings(json.settings, raw), false)
const plain = make({ 'schemas.enable': 'false' })
const enveloped = make()
const write = (converter: typeof plain, schema: Schema | null, value: unknown) =>
  converter.fromConnect('t', schema, value)?.toString() ?? null
const read = (converter: typeof plain, text: string) => converter.toConnect('t', Buffer.from(text))

describe('with an envelope', () => {
  test('a struct is written as Kafka Connect writes it', () => {
    const schema = schemas.struct({ id: schemas.int32(), name: schemas.string({ optional: true }) }, { name: 'person', version: 2 })
    expect(write(enveloped, schema, { id: 1 })).toBe(
      '{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},{"type":"string","optional":true,"field":"name"}],"optional":false,"name":"person","version":2},"payload":{"id":1,"name":null}}',
    )
  })
  test('no schema and no value is a tombstone; a value without a schema has a null schema', () => {
    expect(write(enveloped, null, null)).toBeNull()
    expect(enveloped.toWritable!('t', null, null)).toBeNull()
    expect(plain.toWritable!('t', null, { a: 1 })).toEqual(Buffer.from('{"a":1}'))
    expect(write(enveloped, null, { a: 1 })).toBe('{"schema":null,"payload":{"a":1}}')
    expect(enveloped.toConnect('t', null)).toEqual({ schema: null, value: null })
  })
  test('anything but exactly schema and payload is refused, and the error says what to set', () => {
    for (const text of ['{"a":1}', '[]', '1', '{"schema":null,"payload":1,"more":2}', '{"payload":1}'])
      expect(() => read(enveloped, text), text).toThrow(/requires "schema" and "payload" fields.*set schemas.enable=false/)
    expect(() => read(enveloped, '{"schema":')).toThrow(/serialization error/)
  })
  test('a second record of the same schema is refused as the first would be', () => {
    const good = '{"schema":{"type":"int32","optional":false},"payload":1}'
    expect(read(enveloped, good).value).toBe(1)
    expect(() => read(enveloped, '{"schema":{"type":"int32","optional":false},"payload":1,"more":2}')).toThrow(/requires/)
    expect(() => read(enveloped, '{"schema":{"type":"int32","optional":false},"payload":"x"}')).toThrow(/INT32/)
    expect(read(enveloped, good).value).toBe(1)
  })
  test('logical types', () => {
    const at = new Date('2026-11-22T10:00:00.123Z')
    for (const [schema, value, payload] of [
      [schemas.decimal(2), '-12.30', '"+zI="'],
      [schemas.date(), new Date('2026-11-22T00:00:00Z'), '20779'],
      [schemas.time(), new Date(3_600_000), '3600000'],
      [schemas.timestamp(), at, String(at.getTime())],
    ] as const) {
      const text = write(enveloped, schema, value)!
      expect(text.endsWith(`"payload":${payload}}`), text).toBe(true)
      expect(read(enveloped, text)).toEqual({ schema, value })
    }
  })
  test('decimals as digits keep every digit', () => {
    const numeric = make({ 'decimal.format': 'NUMERIC' })
    const schema = schemas.decimal(4)
    const text = write(numeric, schema, '123456789012345678901234.5600')!
    expect(text).toContain('"payload":123456789012345678901234.5600}')
    expect(read(numeric, text).value).toBe('123456789012345678901234.5600')
  })
  test('defaults replace null, unless replace.null.with.default is false', () => {
    const schema = schemas.struct({ n: schemas.int32({ optional: true, default: 7 }) })
    expect(write(plain, schema, {})).toBe('{"n":7}')
    expect(write(make({ 'schemas.enable': 'false', 'replace.null.with.default': 'false' }), schema, {})).toBe('{"n":null}')
  })
  test('a value that does not fit its schema is refused', () => {
    expect(() => write(enveloped, schemas.int8(), 300)).toThrow(/INT8/)
    expect(() => write(enveloped, schemas.string(), null)).toThrow(/required/)
  })
})

describe('without schemas', () => {
  test('whole numbers of any size are exact, both ways', () => {
    expect(read(plain, '{"a":9007199254740993,"b":-9223372036854775808,"c":1.5}').value).toEqual({
      a: 9007199254740993n,
      b: -9223372036854775808n,
      c: 1.5,
    })
    expect(write(plain, null, { a: 9007199254740993n, b: [Buffer.from('x'), new Date(5)] })).toBe('{"a":9007199254740993,"b":["eA==",5]}')
  })
  test('any JSON value is read as it was written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        if (value === null) return
        // Numbers are written as Java writes them, which is the same number.
        const written = write(plain, null, value)!
        expect(JSON.parse(written)).toEqual(JSON.parse(text))
        expect(write(plain, null, read(plain, written).value)).toBe(written)
      }),
    )
  })
})

test('random structs come back as they were', () => {
  const schema = schemas.struct({
    i: schemas.int64(),
    f: schemas.float64(),
    s: schemas.string({ optional: true }),
    b: schemas.bytes(),
    d: schemas.decimal(3),
    a: schemas.array(schemas.struct({ x: schemas.boolean() })),
    m: schemas.map(schemas.string(), schemas.int32()),
    n: schemas.map(schemas.int32(), schemas.string()),
  })
  fc.assert(
    fc.property(
      fc.record({
        i: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((n) => (n <= 2n ** 53n - 1n && n >= -(2n ** 53n) + 1n ? Number(n) : n)),
        f: fc.double({ noNaN: true }).map((n) => (n === 0 ? 0 : n)),
        s: fc.option(fc.string()),
        b: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        d: fc.bigInt(-(10n ** 30n), 10n ** 30n).map((n) => {
          const digits = String(n < 0n ? -n : n).padStart(4, '0')
          return `${n < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`
        }),
        a: fc.array(fc.record({ x: fc.boolean() })),
        m: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.integer()),
        n: fc.array(fc.tuple(fc.integer(), fc.string())).map((entries) => new Map(entries)),
      }),
      (value) => {
        for (const format of ['BASE64', 'NUMERIC']) {
          const converter = make({ 'decimal.format': format })
          const bytes = converter.fromConnect('t', schema, value)!
          const written = Buffer.alloc(bytes.length + 5)
          const writable = converter.toWritable!('t', schema, value) as WritableBytes
          expect(writable.length).toBe(bytes.length)
          writable.writeTo(written, 3)
          expect(written.subarray(3, -2)).toEqual(bytes)
          const back = converter.toConnect('t', bytes)
          expect(back.schema).toEqual(schema)
          expect({ ...(back.value as object) }).toEqual({ ...value, m: { ...value.m } })
        }
      },
    ),
  )
})

describe('once a schema is common', () => {
  test('random structs are written and read as at first', () => {
    const shapes = { nestedArrays: true, emptyArrays: true, nulls: true, named: 'Hot' }
    fc.assert(
      fc.property(structs(1, shapes), fc.boolean(), ({ schema, value }, numeric) => {
        const converter = make({ 'decimal.format': numeric ? 'NUMERIC' : 'BASE64' })
        const bytes = converter.fromConnect('t', schema, value)
        expectSameWhenHot(() => converter.fromConnect('t', schema, value)?.toString())
        expectSameWhenHot(() => converter.toConnect('t', bytes))
      }),
      { numRuns: 25 },
    )
  })

  test('nulls, defaults, names that objects inherit, and what contradicts the schema', () => {
    const schema = schemas.struct({
      a: schemas.int32({ default: 7 }),
      b: schemas.string({ optional: true }),
      constructor: schemas.int64({ optional: true }),
      __proto__: schemas.int8(),
      inner: schemas.struct({ x: schemas.int8() }, { optional: true }),
      empty: schemas.struct({}, { optional: true }),
    })
    const values = [
      {},
      { a: null, b: 'x' },
      { a: 1, inner: { x: 300 } },
      { a: 'x' },
      { inner: [] },
      { inner: {} },
      { empty: {} },
      [],
      5,
      null,
    ]
    for (const value of values) expectSameWhenHot(() => enveloped.fromConnect('t', schema, value)?.toString())
    const prefix = enveloped
      .fromConnect('t', { ...schema, optional: true }, null)!
      .toString()
      .slice(0, -'null}'.length)
    expect(prefix).toMatch(/"payload":$/)
    for (const value of [...values, { a: 2 ** 53 }, { a: 1, more: 2 }, '1}', '{', ''])
      expectSameWhenHot(() => read(enveloped, `${prefix}${typeof value === 'string' ? value : JSON.stringify(value)}}`))
  })
})

describe('digits', () => {
  const schema = schemas.struct({ id: schemas.int64(), small: schemas.int8(), d: schemas.decimal(3), f: schemas.float64() })
  const prefix = enveloped
    .fromConnect('t', { ...schema, optional: true }, null)!
    .toString()
    .slice(0, -'null}'.length)
  const of = (payload: string) => read(enveloped, `${prefix}${payload}}`).value
  const decimal = '"AeJA"'

  test('are kept in records between others that have few', () => {
    for (let time = 0; time < 3; time++) {
      expect(of(`{"id":1,"small":1,"d":${decimal},"f":1}`)).toEqual({ id: 1, small: 1, d: '123.456', f: 1 })
      expect(of(`{"id":9007199254740993,"small":1,"d":1.50,"f":12345678901234567890}`)).toEqual({
        id: 9007199254740993n,
        small: 1,
        d: '1.50',
        f: Number('12345678901234567890'),
      })
    }
  })

  test('a number that does not fit is refused alike before and after', () => {
    for (const id of ['9223372036854775808', '1.5', '1e30', '"1"'])
      expect(() => of(`{"id":${id},"small":1,"d":${decimal},"f":1}`)).toThrow(/INT64/)
    for (const small of ['128', '9007199254740993'])
      expect(() => of(`{"id":1,"small":${small},"d":${decimal},"f":1}`)).toThrow(/INT8 cannot be read/)
  })
})
