/**
 * Goal: tables are created and changed as the schemas say, and tables of every kind that users have are written. Method: a real server,
 * whose catalog is read back.
 */
import { describe, expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from './sink-database.ts'

const database = new SinkDatabase()
const upsert = { 'insert.mode': 'upsert', 'pk.mode': 'record_value', 'pk.fields': 'id' }

const declared = async (table = 't') =>
  (
    await database.rows(
      `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
          || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') AS spec
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = '${table}'::regclass AND attnum > 0 ORDER BY attnum`,
    )
  ).map(({ spec }) => spec)

describe('a table is created', () => {
  test('with what the schema requires and its defaults', async () => {
    const valueSchema = schemas.struct({
      id: schemas.int32(),
      name: schemas.string({ default: "it's" }),
      note: schemas.string({ optional: true, default: 'none' }),
      at: schemas.timestamp({ optional: true }),
      tags: schemas.array(schemas.string(), { default: ['a', 'b c'] }),
      raw: schemas.bytes({ optional: true, default: Buffer.from([1, 255]) }),
      day: schemas.date({ optional: true, default: new Date(0) }),
    })
    await (await database.start(upsert)).write([record({ id: 1, name: 'x', tags: [] }, { valueSchema })])
    expect(await declared()).toEqual([
      'id integer NOT NULL',
      "name text NOT NULL DEFAULT 'it''s'::text",
      "note text DEFAULT 'none'::text",
      'at timestamp without time zone',
      `tags text[] NOT NULL DEFAULT '{a,"b c"}'::text[]`,
      "raw bytea DEFAULT '\\x01ff'::bytea",
      "day date DEFAULT '1970-01-01'::date",
    ])
  })

  test('and columns are added: required ones only with a default, because rows are there', async () => {
    const task = await database.start(upsert)
    await task.write([record({ id: 1 }, { valueSchema: schemas.struct({ id: schemas.int32() }) })])
    const valueSchema = schemas.struct({ id: schemas.int32(), a: schemas.string(), b: schemas.int32({ default: 7 }) })
    await task.write([record({ id: 2, a: 'x', b: 1 }, { valueSchema })])
    expect(await declared()).toEqual(['id integer NOT NULL', 'a text', 'b integer NOT NULL DEFAULT 7'])
    expect(await database.rows('SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, a: null, b: 7 },
      { id: 2, a: 'x', b: 1 },
    ])
  })

  test('not in a schema that does not exist, nor with a type that does not exist', async () => {
    const task = await database.start({ 'table.name.format': 'missing.t' })
    await expect(task.write([record({ a: 1 })])).rejects.toThrow('The table "missing"."t" cannot be created: ')
    const valueSchema = schemas.struct({ v: { ...schemas.string(), name: 'io.debezium.data.Ltree' } })
    await expect((await database.start()).write([record({ v: 'a.b' }, { valueSchema })])).rejects.toThrow('Create the extension')
  })
})

describe('null', () => {
  const valueSchema = schemas.struct({ id: schemas.int32(), n: schemas.int32({ optional: true, default: 7 }) })

  test('stays null, or becomes the default with replace.null.with.default', async () => {
    await (await database.start(upsert)).write([record({ id: 1, n: null }, { valueSchema })])
    await (await database.confluent(upsert)).write([record({ id: 2, n: null }, { valueSchema }), record({ id: 3 }, { valueSchema })])
    await (await database.confluent({ ...upsert, 'replace.null.with.default': 'false' })).write([
      record({ id: 4, n: null }, { valueSchema }),
    ])
    expect((await database.rows('SELECT n FROM t ORDER BY id')).map(({ n }) => n)).toEqual([null, 7, 7, null])
  })

  test('in place of a value that an update has not changed keeps what the column has', async () => {
    const task = await database.start({ ...upsert, 'pk.fields': 'id' })
    const text = schemas.struct({ id: schemas.int32(), big: schemas.string(), n: schemas.int32() })
    await task.write([record({ id: 1, big: 'long', n: 1 }, { valueSchema: text })])
    await task.write([record({ id: 1, big: '__debezium_unavailable_value', n: 2 }, { valueSchema: text })])
    await task.write([
      record({ id: 2, big: 'new', n: 1 }, { valueSchema: text }),
      record({ id: 2, big: '__debezium_unavailable_value', n: 3 }, { valueSchema: text }),
    ])
    expect(await database.rows('SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, big: 'long', n: 2 },
      { id: 2, big: 'new', n: 3 },
    ])
  })
})

describe('a table of the user', () => {
  test.each(['insert', 'upsert', 'update'])('with identity and generated columns: %s', async (mode) => {
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY, serial int GENERATED ALWAYS AS IDENTITY, n int,
      twice int GENERATED ALWAYS AS (n * 2) STORED)`)
    if (mode === 'update') await database.client.query('INSERT INTO t (id, n) VALUES (1, 0)')
    const task = await database.start({ ...upsert, 'insert.mode': mode, 'schema.evolution': 'none' })
    await task.write([record({ id: 1, serial: 41, n: 2, twice: 99 })])
    const serial = mode === 'update' ? 1 : 41
    expect(await database.rows()).toEqual([{ id: 1, serial, n: 2, twice: 4 }])
  })

  test.each(['insert', 'upsert'])('that is partitioned: %s', async (mode) => {
    await database.client.query(`CREATE TABLE t (id int, day date, n int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
      CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`)
    const task = await database.start({ ...upsert, 'insert.mode': mode, 'pk.fields': 'id,day' })
    const error = await failure(task.write([record({ id: 1, day: '2024-05-01', n: 1 }), record({ id: 2, day: '2026-01-01', n: 1 })]))
    expect(error).toMatchObject({ index: 1, message: expect.stringContaining('no partition of relation "t" found for row') })
    expect(await database.rows('SELECT id, n FROM t_1')).toEqual([{ id: 1, n: 1 }])
    const confluent = await database.confluent({ ...upsert, 'insert.mode': mode, 'pk.fields': 'id,day' })
    await expect(confluent.write([record({ id: 3, day: '2024-05-01', n: 1 })])).rejects.toThrow(
      '"t" is a PARTITIONED TABLE, and table.types allows TABLE: add PARTITIONED TABLE to it.',
    )
  })

  test('that is a view, or has row-level security', async () => {
    await database.client.query(`CREATE TABLE base (id int PRIMARY KEY, n int); CREATE VIEW t AS SELECT * FROM base;
      CREATE TABLE secured (n int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY`)
    const task = await database.start()
    await task.write([record({ id: 1, n: 1 }), record({ n: 2 }, { topic: 'secured' })])
    expect(await database.rows('SELECT * FROM base')).toEqual([{ id: 1, n: 1 }])
    expect(await database.rows('SELECT * FROM secured')).toEqual([{ n: 2 }])
    await expect(task.write([record({ id: 2, more: 1 })])).rejects.toThrow('The view "t" lacks the column "more"')
  })

  test('without the key that upsert needs is named', async () => {
    await database.client.query('CREATE TABLE t (id int, n int)')
    await expect((await database.start(upsert)).write([record({ id: 1, n: 1 })])).rejects.toThrow(
      'insert.mode=upsert needs a primary key or a unique index of "t" over exactly the fields of the key',
    )
  })

  test('in which fields of a list only are written', async () => {
    const task = await database.debezium({ 'field.exclude.list': 'secret, t:only' })
    await task.write([record({ a: 1, secret: 2, only: 3 }), record({ a: 1, only: 3 }, { topic: 'u' })])
    expect(await database.rows()).toEqual([{ a: '1' }])
    expect(await database.rows('SELECT * FROM u')).toEqual([{ a: '1', only: '3' }])
    await (await database.debezium({ 'field.include.list': 'u:a', 'collection.name.format': 'v' })).write([
      record({ a: 1, b: 2 }, { topic: 'u' }),
    ])
    expect(await database.rows('SELECT * FROM v')).toEqual([{ a: '1' }])
  })
})

test('a batch of many rows and columns is one statement', async () => {
  const valueSchema = schemas.struct(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`c${i}`, schemas.int32()])))
  const value = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`c${i}`, i]))
  const task = await database.start({ ...upsert, 'pk.fields': 'c0' })
  await task.write(Array.from({ length: 3000 }, (_, c0) => record({ ...value, c0 }, { valueSchema })))
  expect(await database.rows('SELECT count(*)::int, sum(c99)::int AS c99 FROM t')).toEqual([{ count: 3000, c99: 297_000 }])
})
