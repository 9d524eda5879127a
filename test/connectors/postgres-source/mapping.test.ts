/**
 * Goal: rows become what Debezium makes of them: the same topics, schemas, keys and values, where Debezium makes no mistake. Method: the
 * sample tables as Debezium mapped them (test/golden), with all sample settings, compared as JsonConverter writes them. Where ours differs
 * on purpose the column is in a list with the reason, and what ours gives is told in a test of its own.
 */
import { describe, expect, test } from 'vitest'
import { encoder } from '../../../connect/converters/json/encode.ts'
import { schemaText } from '../../../connect/converters/json/schema.ts'
import { parseExactly, type Schema } from '../../../connect/sdk/index.ts'
import type { Column, PgType, Table } from '../../../connectors/postgres-source/types.ts'
import { type GoldenRow, goldenTypes, mappingOf, textRow } from './golden-types.ts'
import { sampleSettings } from './type-samples.ts'

const golden = goldenTypes()

type Columns = Readonly<Record<string, string>>

/** Columns of which Debezium's schema is not ours. */
const schemaDeviations: Readonly<Record<string, Columns>> = {
  'public.odd_arrays': {
    o_bit: 'Debezium takes an array of bits for bits',
    o_bit3: 'Debezium takes an array of bits for bits',
    o_money: 'Debezium leaves it out, even with include.unknown.datatypes',
    o_name: 'Debezium leaves it out, even with include.unknown.datatypes',
    o_iv: 'Debezium leaves it out, even with include.unknown.datatypes',
    o_varbit: 'Debezium leaves it out, even with include.unknown.datatypes',
    o_xml: 'Debezium leaves it out, even with include.unknown.datatypes',
    o_point: 'Debezium leaves it out, even with include.unknown.datatypes',
  },
  'public.defaults': {
    f_text: 'Debezium ends a default at its first quote',
    f_moodn: 'Debezium leaves quotes doubled',
    f_concat: 'Debezium takes the first literal of an expression for its value',
    f_user: 'Debezium takes a function without parentheses for its value',
    f_long: 'Debezium takes no default with a line break',
  },
}

/** Columns of which Debezium's values are not ours. */
const valueDeviations: Readonly<Record<string, Columns>> = {
  ...schemaDeviations,
  'public.texts': {
    t_name: 'Debezium has it in snapshots, and not in the stream, where it needs include.unknown.datatypes',
    t_citext: 'Debezium shows masked columns whose type is of no JDBC type',
    t_json: 'Debezium shows masked columns whose type is of no JDBC type',
    t_jsonb: 'Debezium shows masked columns whose type is of no JDBC type',
  },
  'public.defaults': { ...schemaDeviations['public.defaults'], f_name: 'As in texts' },
  'public.infinities': {
    i_date: 'Debezium gives other days in snapshots than in the stream for infinity',
    i_ts: 'Debezium overflows after the year 294247; what it gives for infinity is no Date',
    i_ts3: 'As i_ts',
  },
  'public.times': { d_ts6: 'Debezium overflows where nanoseconds end, in 1677 and 2262' },
  'public.shapes': { s_int2vector: 'Debezium gives an empty array', s_oidvector: 'Debezium gives an empty array' },
  'public.deep_arrays': { x_int: 'Debezium gives NULLs', x_text: 'Debezium gives names of Java objects' },
  'public.arrays': {
    a_time: 'Debezium loses microseconds in arrays',
    a_timetz: 'Debezium loses fractions in arrays',
  },
  'public.toasts': {
    o_bytea: 'Debezium gives null for what is unavailable, as if it were NULL, where bytes are base64',
    o_byteas: 'Debezium gives null for what is unavailable, as if it were NULL, where bytes are strings',
  },
}

/** The only settings in which a column deviates, where it is fine in others. */
const deviatesOnlyIn: Readonly<Record<string, readonly string[]>> = {
  t_name: ['plain', 'nanos', 'columns'],
  t_citext: ['columns'],
  t_json: ['columns'],
  t_jsonb: ['columns'],
  d_ts6: ['nanos'],
  o_bytea: ['strings'],
  o_byteas: ['strings', 'doubles'],
}

/** The column of a field: one of the settings escapes underscores. */
const plainName = (field: string) => field.replace('_u005f', '_')

function without(row: Record<string, unknown>, columns: Columns | undefined, settings: string): Record<string, unknown> {
  const left = (name: string) => columns?.[plainName(name)] === undefined || !(deviatesOnlyIn[name] ?? [settings]).includes(settings)
  return Object.fromEntries(Object.entries(row).filter(([name]) => left(name)))
}

/** A struct as JsonConverter writes it, with all digits. */
const fieldsOf = (text: string) => parseExactly(text, true) as Record<string, unknown>
const written = (schema: Schema, value: unknown) => fieldsOf(encoder(schema, { decimals: 'base64', replaceNullWithDefault: false })(value))

interface JsonStruct {
  fields: { field: string }[]
}
function fieldsWithout(schema: object, columns: Columns | undefined): object {
  const { fields, ...rest } = schema as JsonStruct
  return { ...rest, fields: fields.filter(({ field }) => columns?.[plainName(field)] === undefined) }
}

const mapped = (table: string, settings: string) =>
  mappingOf(golden.types, golden.tables[table]!.table, { 'topic.prefix': settings, ...sampleSettings[settings] })

describe.each(Object.keys(golden.debezium))('with the settings %s', (settings) => {
  const tables = Object.entries(golden.debezium[settings]!)

  test.each(tables)('names and schemas of %s', (table, expected) => {
    const { mapping } = mapped(table, settings)
    const deviations = schemaDeviations[table]
    expect(mapping.topic).toBe(expected.topic)
    expect(mapping.envelopeSchema.name).toBe(expected.envelope)
    expect(mapping.keySchema && JSON.parse(schemaText(mapping.keySchema))).toEqual(expected.key)
    expect(fieldsWithout(JSON.parse(schemaText(mapping.rowSchema)), deviations)).toEqual(fieldsWithout(expected.row, deviations))
  })

  test.each(tables)('keys and rows of %s', (table, expected) => {
    const { mapping } = mapped(table, settings)
    golden.tables[table]!.changes.forEach((change, index) => {
      const { key, before, after } = expected.changes[index]!
      const ofKey = mapping.key(textRow((change.after ?? change.before)!))
      expect(ofKey && written(mapping.keySchema!, ofKey)).toEqual(fieldsOf(key ?? 'null'))
      expectRow(change.before, before)
      expectRow(change.after, after)
    })
    function expectRow(row: GoldenRow | null, text: string | null) {
      if (row === null || text === null) return expect(row && text).toBe(null)
      const ours = written(mapping.rowSchema, mapping.row(textRow(row)))
      expect(without(ours, valueDeviations[table], settings)).toEqual(without(fieldsOf(text), valueDeviations[table], settings))
    }
  })
})

describe('where ours differs', () => {
  const rowOf = (table: string, settings: string, index: number) => {
    const { mapping, warnings } = mapped(table, settings)
    const { after } = golden.tables[table]!.changes[index]!
    return { row: written(mapping.rowSchema, mapping.row(textRow(after!))), warnings, mapping }
  }

  test('a name is text, in the stream too', () => expect(rowOf('public.texts', 'plain', 0).row.t_name).toBe('a_name'))

  test('masks are for all types that are strings', () => {
    expect(rowOf('public.texts', 'columns', 0).row).toMatchObject({
      t_citext: '******',
      t_json: expect.stringMatching(/^[0-9a-f]{64}$/),
      t_jsonb: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
  })

  test('infinite dates are the ends of int32, or "infinity"', () => {
    expect(rowOf('public.infinities', 'plain', 0).row.i_date).toBe(2_147_483_647)
    expect(rowOf('public.infinities', 'micros', 1).row.i_date).toBe(-2_147_483_648)
    expect(rowOf('public.infinities', 'strings', 1).row.i_date).toBe(-100_000_000)
    expect(rowOf('public.infinities', 'isostring', 0).row).toMatchObject({ i_u005fdate: 'infinity', i_u005fts: 'infinity' })
    expect(rowOf('public.infinities', 'isostring', 1).row).toMatchObject({ i_u005fdate: '-infinity', i_u005fts: '-infinity' })
    expect(rowOf('public.infinities', 'plain', 0).row.i_ts).toBe(9_223_372_036_825_200_000n)
    expect(rowOf('public.infinities', 'plain', 1).row).toMatchObject({ i_ts: -9_223_372_036_832_400_000n, i_ts3: -9_223_372_036_832_400n })
    expect(rowOf('public.infinities', 'strings', 0).row.i_ts).toBe(8_640_000_000_000_000)
  })

  test('a timestamp that its unit cannot express is null, with one warning', () => {
    const { row, warnings } = rowOf('public.infinities', 'plain', 5)
    expect(row.i_ts).toBe(null)
    expect(row.i_ts3).toBe(9_224_318_015_999_999n)
    expect(warnings).toEqual([expect.stringContaining('A value of public.infinities.i_ts cannot be converted: the timestamp is out of')])
    expect(rowOf('public.times', 'nanos', 2).row.d_ts6).toBe(null)
  })

  test('arrays have all their elements, with all their digits', () => {
    expect(rowOf('public.deep_arrays', 'plain', 0).row).toMatchObject({ x_int: [1, 2, 3, 4], x_text: ['a', 'b', 'c', null] })
    expect(rowOf('public.deep_arrays', 'plain', 1).row).toMatchObject({ x_int: [5, 6], x_text: ['x'] })
    expect(rowOf('public.arrays', 'plain', 0).row).toMatchObject({ a_time: [47_655_123_456], a_timetz: ['11:14:15.123456Z'] })
    expect(rowOf('public.shapes', 'plain', 0).row).toMatchObject({ s_int2vector: [1, 2], s_oidvector: [3, 4] })
    expect(rowOf('public.odd_arrays', 'plain', 0).row).toMatchObject({ o_bit: [true, false], o_bit3: ['BQ=='] })
    expect(rowOf('public.odd_arrays', 'strings', 0).row.o_point).toEqual([Buffer.from('(1,2)').toString('base64')])
  })

  test('what is unavailable is never null', () => {
    const placeholder = '__debezium_unavailable_value'
    expect(rowOf('public.toasts', 'strings', 0).row).toMatchObject({ o_bytea: placeholder, o_byteas: [placeholder] })
  })

  test('defaults are the whole literal, and none where they are an expression', () => {
    const { mapping } = mapped('public.defaults', 'plain')
    const defaults = new Map(mapping.rowSchema.fields!.map(({ name, schema }) => [name, schema.default]))
    const of = (...names: string[]) => names.map((name) => defaults.get(name))
    expect(of('f_text', 'f_moodn', 'f_long', 'f_concat', 'f_user')).toEqual(["it's", "it's", 'multi\nline', undefined, undefined])
  })
})

describe('a table of its own', () => {
  const base = (oid: number, name: string): PgType => ({ oid, name, schema: 'pg_catalog', kind: 'base' })
  const types: PgType[] = [
    base(23, 'int4'),
    base(25, 'text'),
    base(1700, 'numeric'),
    base(2970, 'txid_snapshot'),
    { oid: 90_001, name: 'mood', schema: 'public', kind: 'enum', labels: ['sad', 'ok'] },
    { oid: 90_002, name: 'd_mood', schema: 'public', kind: 'domain', base: 90_001, baseModifier: -1 },
    { oid: 90_003, name: '_d_mood', schema: 'public', kind: 'array', element: 90_002 },
  ]
  const column = (name: string, typeOid: number, more: Partial<Column> = {}): Column => ({
    name,
    typeOid,
    typeModifier: -1,
    isOptional: true,
    defaultExpression: null,
    isGenerated: false,
    position: 1,
    ...more,
  })
  const table = (...columns: Column[]): Table => ({ schema: 'public', name: 't', oid: 1, columns, key: ['id'], replicaIdentity: 'default' })
  const id = column('id', 23, { isOptional: false })
  const mappingWith = (settings: Record<string, string>, ...columns: Column[]) => mappingOf(types, table(id, ...columns), settings)

  test('a NaN that a decimal cannot be is null with one warning, null, or an error', () => {
    const number = column('n', 1700)
    const warned = mappingWith({}, number)
    for (let row = 0; row < 3; row++) expect(warned.mapping.row(['1', 'NaN'])).toEqual({ id: 1, n: null })
    expect(warned.warnings).toEqual([expect.stringContaining('A value of public.t.n cannot be converted: the decimal is NaN')])
    const skipped = mappingWith({ 'event.converting.failure.handling.mode': 'skip' }, number)
    expect(skipped.mapping.row(['1', 'NaN'])).toEqual({ id: 1, n: null })
    expect(skipped.warnings).toEqual([])
    const failing = mappingWith({ 'event.converting.failure.handling.mode': 'fail' }, number)
    expect(() => failing.mapping.row(['1', 'NaN'])).toThrow('event.converting.failure.handling.mode')
  })

  test('two columns cannot be one field', () => {
    expect(() => mappingWith({ 'field.name.adjustment.mode': 'avro' }, column('a b', 25), column('a-b', 25))).toThrow(
      'Columns a b and a-b of public.t would both be the field a_b',
    )
    expect(() => mappingWith({}, column('A', 25), column('a', 25))).not.toThrow()
  })

  test('a domain over an enum is the enum; an array of a domain is left out', () => {
    const { mapping } = mappingWith({}, column('m', 90_002), column('ms', 90_003), column('x', 2970))
    expect(mapping.rowSchema.fields!.map(({ name }) => name)).toEqual(['id', 'm'])
    expect(mapping.rowSchema.fields![1]!.schema).toMatchObject({ name: 'io.debezium.data.Enum', parameters: { allowed: 'sad,ok' } })
  })

  test('names of JavaScript itself are fields like others', () => {
    const { mapping } = mappingWith({}, column('__proto__', 25), column('constructor', 25), column('0', 25))
    const row = mapping.row(['1', 'a', 'b', 'c'])
    expect(written(mapping.rowSchema, row)).toEqual(JSON.parse('{"id":1,"__proto__":"a","constructor":"b","0":"c"}'))
  })

  test('a key is of the columns that message.key.columns names, in its order, with what is left out of rows', () => {
    const settings = {
      'message.key.columns': 'other.x:y;(.*).t:b,i.',
      'column.exclude.list': 'public.t.b',
      'column.mask.with.3.chars': '.*',
    }
    const { mapping } = mappingWith(settings, column('a', 25), column('b', 25))
    expect(mapping.keySchema!.fields!.map(({ name }) => name)).toEqual(['b', 'id'])
    expect(mapping.key(['1', 'x', 'secret'])).toEqual({ b: 'secret', id: 1 })
    expect(mapping.row(['1', 'x', 'secret'])).toEqual({ id: 1, a: '***' })
  })

  test('a placeholder of bytes', () => {
    const bytea = base(17, 'bytea')
    const settings = { 'unavailable.value.placeholder': 'hex:c3bc00' }
    const { mapping } = mappingOf([...types, bytea], table(id, column('b', 17), column('t', 25)), settings)
    expect(mapping.row(['1', undefined, undefined])).toEqual({ id: 1, b: Buffer.from([0xc3, 0xbc, 0]), t: 'ü\0' })
  })

  test('rows share their schemas', () => {
    const { mapping } = mappingWith({})
    const [before, after] = mapping.envelopeSchema.fields!
    expect(before!.schema).toBe(mapping.rowSchema)
    expect(after!.schema).toBe(mapping.rowSchema)
  })
})
