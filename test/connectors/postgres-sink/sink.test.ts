/**
 * Goal: the Postgres sink writes rows as its README says, and no name of a topic or field becomes SQL. Method: a real server
 * (test/services/postgres.ts), a database per test; tables are read back with the driver.
 */
import { describe, expect, test } from 'vitest'
import { BadRecord, type Schema, schemas } from '../../../connect/sdk/index.ts'
import { TOPIC } from '../../../connectors/postgres-sink/shared-settings.ts'
import { failure, record, SinkDatabase } from './sink-database.ts'

const database = new SinkDatabase()
const keyed = (key: unknown, value: unknown) => record(value, { key })
const upsert = { 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id' }

describe('columns', () => {
  test('follow the schema', async () => {
    const fields: [string, Schema, unknown, string, unknown][] = [
      ['i8', schemas.int8(), -8, 'smallint', -8],
      ['i16', schemas.int16(), 16, 'smallint', 16],
      ['i32', schemas.int32(), 32, 'integer', 32],
      ['i64', schemas.int64(), 2n ** 62n, 'bigint', '4611686018427387904'],
      ['f32', schemas.float32(), 1.5, 'real', 1.5],
      ['f64', schemas.float64(), Number.NaN, 'double precision', Number.NaN],
      ['flag', schemas.boolean(), false, 'boolean', false],
      ['text', schemas.string(), 'a"\\,{}\n\'ü😀', 'text', 'a"\\,{}\n\'ü😀'],
      ['word', schemas.string(), 'NULL', 'text', 'NULL'],
      ['empty', schemas.string(), '', 'text', ''],
      ['bytes', schemas.bytes(), Buffer.from([0, 92, 255]), 'bytea', Buffer.from([0, 92, 255])],
      ['price', schemas.decimal(2), '12345678901234567890.12', 'numeric', '12345678901234567890.12'],
      ['day', schemas.date(), new Date('2024-02-29T00:00:00Z'), 'date', new Date(2024, 1, 29)],
      ['time', schemas.time(), new Date(3_723_004), 'time without time zone', '01:02:03.004'],
      ['list', schemas.array(schemas.string({ optional: true })), ['a"b', null, '{c}'], 'text[]', ['a"b', null, '{c}']],
      ['numbers', schemas.array(schemas.int32()), [], 'integer[]', []],
      ['matrix', schemas.array(schemas.array(schemas.int32())), [[1], [2, 3]], 'jsonb', [[1], [2, 3]]],
      ['nested', schemas.struct({ a: schemas.int64() }), { a: 1 }, 'jsonb', { a: 1 }],
      ['map', schemas.map(schemas.string(), schemas.int32()), new Map([['k', 1]]), 'jsonb', { k: 1 }],
      ['none', schemas.string({ optional: true }), null, 'text', null],
    ]
    const schema = schemas.struct(Object.fromEntries(fields.map(([name, type]) => [name, type])))
    const value = Object.fromEntries(fields.map(([name, , given]) => [name, given]))
    const task = await database.start()
    await task.write([record(value, { valueSchema: schema }), record(value, { valueSchema: schema })])
    expect(await database.columns()).toEqual(Object.fromEntries(fields.map(([name, , , type]) => [name, type])))
    const stored = Object.fromEntries(fields.map(([name, , , , read]) => [name, read]))
    expect(await database.rows()).toEqual([stored, stored])
  })

  test('keep a timestamp in UTC', async () => {
    const schema = schemas.struct({ at: schemas.timestamp() })
    await (await database.start()).write([record({ at: new Date('2024-03-01T12:00:00.123Z') }, { valueSchema: schema })])
    expect(await database.rows('SELECT at::text AS at FROM t')).toEqual([{ at: '2024-03-01 12:00:00.123' }])
  })

  test('follow the values where there is no schema, and appear with the first value', async () => {
    const task = await database.start()
    await task.write([record({ flag: true, whole: 1, part: 1.5, mixed: 1, text: 'x', nested: { a: [1] }, list: [1, 'a'], later: null })])
    await task.write([record({ mixed: 2.5, later: 'now' }), record({ whole: 2n ** 60n })])
    expect(await database.columns()).toEqual({
      flag: 'boolean',
      whole: 'bigint',
      part: 'double precision',
      mixed: 'double precision',
      text: 'text',
      nested: 'jsonb',
      list: 'jsonb',
      later: 'text',
    })
    expect(await database.rows('SELECT whole, mixed, later, list FROM t')).toEqual([
      { whole: '1', mixed: 1, later: null, list: [1, 'a'] },
      { whole: null, mixed: 2.5, later: 'now', list: null },
      { whole: '1152921504606846976', mixed: null, later: null, list: null },
    ])
  })

  test('are widened by values without a schema, and lose no digit', async () => {
    const task = await database.start()
    await task.write([record({ a: true, b: 1, c: 2n ** 60n, d: 1, e: 1, f: 1 })])
    await task.write([record({ a: 1, b: 1.5, c: 0.5, d: 'text', e: { x: 1 }, f: '2' })])
    expect(await database.columns()).toMatchObject({ a: 'text', b: 'double precision', c: 'numeric', d: 'text', e: 'jsonb', f: 'text' })
    expect(await database.rows()).toEqual([
      { a: 'true', b: 1, c: '1152921504606846976', d: '1', e: 1, f: '1' },
      { a: '1', b: 1.5, c: '0.5', d: 'text', e: { x: 1 }, f: '2' },
    ])
  })

  test('of an existing table keep their types', async () => {
    await database.client.query(
      `CREATE TYPE mood AS ENUM ('sad', 'happy');
       CREATE TABLE t (id uuid PRIMARY KEY, at timestamptz, mood mood, "Name" varchar(5), amount numeric(6,2), twice int GENERATED ALWAYS AS (1) STORED, extra int DEFAULT 7)`,
    )
    const id = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'
    const task = await database.start({ ...upsert, 'auto.evolve': 'false', 'schema.evolution': 'none' })
    await task.write([keyed({ id }, { at: '2024-01-01T00:00:00+02:00', mood: 'happy', name: 'short', amount: 1.5 })])
    expect(await database.rows()).toEqual([
      { id, at: new Date('2023-12-31T22:00:00Z'), mood: 'happy', Name: 'short', amount: '1.50', twice: 1, extra: 7 },
    ])
    const error = await failure(task.write([keyed({ id }, { name: 'longer than five' })]))
    expect(error).toMatchObject({
      name: 'BadRecord',
      index: 0,
      message: expect.stringContaining('value too long for type character varying(5)'),
    })
  })

  test('of an existing table take arrays of several dimensions, and values of domains over domains', async () => {
    await database.sql(`CREATE DOMAIN numbers AS integer[]; CREATE DOMAIN more AS numbers; CREATE DOMAIN document AS jsonb; CREATE DOMAIN paper AS document;
      CREATE TABLE t (id integer, matrix integer[][], list more, doc paper)`)
    const task = await database.start({ 'schema.evolution': 'none' })
    const matrix = [[1, null], [3, 4]] // biome-ignore format: a matrix
    await task.write([record({ id: 1, matrix, list: [5, 6], doc: 'text' })])
    expect(await database.rows('SELECT id, matrix, list::integer[], doc FROM t')).toEqual([{ id: 1, matrix, list: [5, 6], doc: 'text' }])
    const uneven = await failure(task.write([record({ id: 2, matrix: [[1], 2] })]))
    expect(uneven).toMatchObject({ message: expect.stringContaining('arrays and single values') })
  })

  test('that are missing fail the task without auto.evolve', async () => {
    const task = await database.start({ 'schema.evolution': 'none' })
    await expect(task.write([record({ a: 1 })])).rejects.toThrow(
      'The table "t" does not exist. Create it, or set auto.create=true or schema.evolution=basic.',
    )
    await database.client.query('CREATE TABLE t (a int)')
    await expect(task.write([record({ a: 1, b: 2 })])).rejects.toThrow('The table "t" lacks the column "b". Add it, set auto.evolve=true')
    await (await database.start({ 'schema.evolution': 'none', 'fields.whitelist': 'a' })).write([record({ a: 1, b: 2 })])
    expect(await database.rows()).toEqual([{ a: 1 }])
  })

  test('are loaded again when the table was altered', async () => {
    const task = await database.start()
    await task.write([record({ a: 1, b: 2 })])
    await database.client.query('ALTER TABLE t DROP COLUMN b')
    await task.write([record({ a: 3, b: 4 })])
    await database.client.query('DROP TABLE t')
    await task.write([record({ a: 5, b: 6 })])
    expect(await database.rows()).toEqual([{ a: '5', b: '6' }])
  })

  test('accept a value without fields', async () => {
    await (await database.start()).write([record('text', { valueSchema: schemas.string() })])
    expect(await database.rows()).toEqual([{ record_value: 'text' }])
  })
})

describe('names', () => {
  test.each(['a; DROP TABLE victim; --', '"; DROP TABLE victim; --', '"', "'", '$1', 'ü 漢 😀', '__proto__', 'SELECT', '\\'])(
    '%j is a name and nothing else',
    async (name) => {
      await database.client.query('CREATE TABLE victim ()')
      const value = JSON.parse(`{${JSON.stringify(name)}: 1}`)
      const task = await database.start(upsert)
      await task.write([record(value, { topic: name, key: { id: 'k' } }), record(value, { topic: name, key: { id: 'l' } })])
      await task.write([record(value, { topic: name, key: { id: 'k' } })])
      const tables = (
        await database.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
      ).map((row) => row.relname)
      expect(tables.sort()).toEqual(['victim', name].sort())
      const found = await database.rows(`SELECT * FROM ${database.client.escapeIdentifier(name)} ORDER BY id`)
      expect(found.map((row) => Object.entries(row))).toEqual([
        [
          ['id', 'k'],
          [name, '1'],
        ],
        [
          ['id', 'l'],
          [name, '1'],
        ],
      ])
    },
  )

  test('a topic finds its table', async () => {
    await database.client.query('CREATE SCHEMA "in"')
    await (await database.start({ 'collection.name.format': `in.kafka_${TOPIC}` })).write([record({ a: 1 }, { topic: 'eu.quakes' })])
    expect(await database.rows('SELECT * FROM "in".kafka_eu_quakes')).toEqual([{ a: '1' }])
  })

  test('that Postgres would truncate, or cannot hold, are refused', async () => {
    const task = await database.start()
    const error = (await failure(
      task.write([record({ ['x'.repeat(64)]: 1 }), record({ '': 1 }), record({ 'a\0': 1 }), record({ ok: 1 })]),
    )) as BadRecord
    expect([error, ...error.also].map((bad) => bad.index)).toEqual([0, 1, 2])
    expect(error.message).toContain('is longer than the name of a')
    expect(await database.rows()).toEqual([{ ok: '1' }])
  })
})

describe('keys', () => {
  test('upsert: the last record of a key counts, within a batch and after it', async () => {
    const task = await database.start(upsert)
    await task.write([keyed({ id: 1 }, { a: 1, b: 1 }), keyed({ id: 2 }, { a: 2 }), keyed({ id: 1 }, { a: 3 })])
    await task.write([keyed({ id: 2 }, { b: 4 }), keyed({ id: 3 }, {})])
    expect(await database.rows('SELECT * FROM t ORDER BY id')).toEqual([
      { id: '1', a: '3', b: '1' },
      { id: '2', a: '2', b: '4' },
      { id: '3', a: null, b: null },
    ])
  })

  test('a record without a value deletes the row with delete.enabled', async () => {
    const task = await database.start({ ...upsert, 'delete.enabled': 'true' })
    await task.write([keyed({ id: 1 }, { a: 1 }), keyed({ id: 2 }, { a: 2 }), keyed({ id: 3 }, { a: 3 })])
    await task.write([
      keyed({ id: 1 }, null),
      keyed({ id: 2 }, null),
      keyed({ id: 2 }, { a: 22 }),
      keyed({ id: 3 }, { a: 33 }),
      keyed({ id: 3 }, null),
    ])
    expect(await database.rows()).toEqual([{ id: '2', a: '22' }])
  })

  test('a table is created from the first record with a value, though one without a value comes before it', async () => {
    for (const mode of ['upsert', 'insert']) {
      const topic = `first_${mode}`
      const task = await database.start({
        ...upsert,
        'insert.mode': mode,
        'delete.enabled': 'true',
        'schema.evolution': 'none',
        'auto.create': 'true',
      })
      await task.write([record(null, { topic, key: { id: 1 } })])
      expect(await database.rows(`SELECT to_regclass('${topic}') AS there`)).toEqual([{ there: null }])
      await task.write([record(null, { topic, key: { id: 1 } }), record({ a: 2 }, { topic, key: { id: 2 } })])
      await task.write([record(null, { topic, key: { id: 3 } }), record({ a: 1 }, { topic, key: { id: 1 } })])
      expect(await database.rows(`SELECT * FROM ${topic} ORDER BY id`)).toEqual([
        { id: '1', a: '1' },
        { id: '2', a: '2' },
      ])
    }
  })

  test('a row that is deleted and written again within a batch keeps no value of the row before', async () => {
    const task = await database.start({ ...upsert, 'delete.enabled': 'true' })
    await task.write([keyed({ id: 1 }, { a: 1, b: 1 }), keyed({ id: 2 }, { a: 2, b: 2 })])
    await task.write([keyed({ id: 1 }, null), keyed({ id: 1 }, { a: 11 }), keyed({ id: 2 }, { a: 22 }), keyed({ id: 1 }, { c: 'x' })])
    expect(await database.rows('SELECT * FROM t ORDER BY id')).toEqual([
      { id: '1', a: '11', b: null, c: 'x' },
      { id: '2', a: '22', b: '2', c: null },
    ])
    const update = await database.start({ ...upsert, 'insert.mode': 'update', 'delete.enabled': 'true' })
    await update.write([keyed({ id: 2 }, null), keyed({ id: 2 }, { a: 23 })])
    expect(await database.rows('SELECT id FROM t')).toEqual([{ id: '1' }])
  })

  test('inserts and deletes keep their order', async () => {
    const task = await database.start({ ...upsert, 'insert.mode': 'insert', 'delete.enabled': 'true' })
    await task.write([keyed({ id: 1 }, { a: 1 }), keyed({ id: 1 }, null), keyed({ id: 1 }, { a: 2 })])
    expect(await database.rows()).toEqual([{ id: '1', a: '2' }])
  })

  test("of Debezium's names, a single value, and of the value's fields", async () => {
    const single = await database.start({ 'insert.mode': 'upsert', 'primary.key.mode': 'record_key', 'primary.key.fields': 'id' })
    await single.write([keyed('k', { a: 1 }), keyed('k', { a: 2 })])
    expect(await database.rows()).toEqual([{ id: 'k', a: '2' }])
    const value = await database.start({ 'insert.mode': 'upsert', 'pk.mode': 'record_value', 'pk.fields': 'b,a' })
    await value.write([record({ a: 1, b: 'x', c: 1 }, { topic: 'v' }), record({ a: 1, b: 'x', c: 2 }, { topic: 'v' })])
    expect(await database.rows('SELECT * FROM v')).toEqual([{ b: 'x', a: '1', c: '2' }])
  })

  test("kafka: a record's own offset makes it known when it comes again", async () => {
    const task = await database.start({ 'pk.mode': 'kafka' })
    const batch = [record({ a: 1 }, { offset: 1 }), record({ a: 2 }, { offset: 2 })]
    await task.write(batch)
    await task.write([...batch, record({ a: 3 }, { offset: 3 })])
    expect(await database.rows('SELECT __connect_topic, __connect_partition, __connect_offset, a FROM t')).toEqual(
      [1, 2, 3].map((n) => ({ __connect_topic: 't', __connect_partition: 0, __connect_offset: String(n), a: String(n) })),
    )
  })

  test('update changes existing rows, and adds none', async () => {
    await database.client.query("CREATE TABLE t (id text PRIMARY KEY, a int, b int); INSERT INTO t VALUES ('x', 1, 2)")
    await (await database.start({ ...upsert, 'insert.mode': 'update' })).write([keyed({ id: 'x' }, { a: 5 }), keyed({ id: 'y' }, { a: 6 })])
    expect(await database.rows()).toEqual([{ id: 'x', a: 5, b: 2 }])
  })

  test('that are missing are reported as bad records', async () => {
    const task = await database.start(upsert)
    const error = (await failure(task.write([record({ a: 1 }), keyed({ no: 1 }, { a: 1 }), keyed({ id: null }, {})]))) as BadRecord
    expect([error, ...error.also].map((bad) => bad.message.replace(/^.*?: /, ''))).toEqual([
      'it has no key, which pk.mode=record_key requires',
      'its key has no field "id", which pk.fields requires',
      'its primary key\'s field "id" is null or missing',
    ])
  })
})

describe('bad records', () => {
  test('a bad row in a large batch is found, and the others are written', async () => {
    await database.client.query('CREATE TABLE t (n int CHECK (n <> 777))')
    const task = await database.start()
    const batch = Array.from({ length: 2000 }, (_, n) => record({ n }))
    const error = (await failure(task.write(batch))) as BadRecord
    expect(error).toBeInstanceOf(BadRecord)
    expect([error.index, error.also.length]).toEqual([777, 0])
    expect(error.message).toMatch(/^The record t-0@\d+ cannot be written as a row: .*violates check constraint/)
    expect(await database.rows('SELECT count(*)::int AS count FROM t')).toEqual([{ count: 1999 }])
  })

  test('a record whose fields are one column is reported as bad, and the others are written', async () => {
    const task = await database.start()
    await task.write([record({ id: 1 })])
    const error = (await failure(task.write([record({ id: 2 }), record({ id: 3, ID: 4 }), record({ id: 5 })]))) as BadRecord
    expect(error).toBeInstanceOf(BadRecord)
    expect([error.index, error.also.length]).toEqual([1, 0])
    expect(error.message).toContain('"id" and "ID"')
    expect(await database.rows('SELECT id FROM t ORDER BY id')).toEqual([{ id: '1' }, { id: '2' }, { id: '5' }])
  })

  test('settings that make no sense are refused', async () => {
    await expect(database.start({ 'insert.mode': 'upsert' })).rejects.toThrow(
      'Invalid value none for configuration pk.mode: insert.mode=upsert needs a primary key',
    )
    await expect(database.start({ 'delete.enabled': 'true' })).rejects.toThrow('Deletes are only supported for pk.mode record_key')
    await expect(database.start({ 'connection.url': 'jdbc:mysql://x/y' })).rejects.toThrow(
      'Invalid value jdbc:mysql://x/y for configuration connection.url',
    )
  })
})
