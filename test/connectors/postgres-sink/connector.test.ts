/**
 * Goal: the classes of Confluent's and Debezium's sinks have the names, defaults and rules of those sinks, and refuse with a sentence what
 * this one cannot do. Method: configs are checked as a worker checks them; tasks of each class write to a real server.
 */
import { describe, expect, test } from 'vitest'
import { type BadRecord, parseSettings, type SinkSide, schemas } from '../../../connect/sdk/index.ts'
import { confluentSink, debeziumSink, postgresSink } from '../../../connectors/postgres-sink/connector.ts'
import { failure, record, SinkDatabase } from './sink-database.ts'

const database = new SinkDatabase()

// biome-ignore lint/suspicious/noExplicitAny: each class has its own settings
type Side = SinkSide<any>
const parse = (side: Side, config: Record<string, string>) =>
  parseSettings(side.settings, { 'connection.url': 'jdbc:postgresql://localhost/x', ...config })
const problems = (side: Side, config: Record<string, string>) =>
  side.check!(parse(side, config)).map(({ setting, why }) => `${setting}: ${why}`)

describe('defaults', () => {
  test.each<[string, Side, Record<string, string | null>]>([
    [
      'Confluent',
      confluentSink,
      {
        ...{
          'batch.size': '3000',
          'max.retries': '10',
          'retry.backoff.ms': '3000',
          'pk.mode': 'none',
          'replace.null.with.default': 'true',
        },
        ...{ 'table.types': 'TABLE', 'db.timezone': 'UTC', 'date.timezone': 'DB_TIMEZONE', 'timestamp.precision.mode': 'microseconds' },
        ...{ 'connection.attempts': '3', 'connection.backoff.ms': '10000', 'string.output.value.column.name': 'record_value' },
        'quote.sql.identifiers': 'always',
      },
    ],
    [
      'Debezium',
      debeziumSink,
      {
        ...{ 'batch.size': '500', 'flush.max.retries': '5', 'flush.retry.delay.ms': '1000', 'primary.key.mode': 'none' },
        ...{ 'quote.identifiers': 'false', 'schema.evolution': 'none', 'use.time.zone': 'UTC', 'truncate.enabled': 'false' },
        'connection.username': null,
      },
    ],
  ])('of %s', (_, side, expected) => {
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, side.settings[name].default]))).toEqual(expected)
  })
})

describe('checks', () => {
  test('of keys, deletes and lists', () => {
    expect(problems(confluentSink, { 'delete.enabled': 'true' })).toEqual([
      'pk.mode: Deletes are only supported for pk.mode record_key',
      'delete.enabled: Deletes are only supported for pk.mode record_key',
    ])
    expect(problems(debeziumSink, { 'delete.enabled': 'true', 'insert.mode': 'upsert' })).toEqual([
      'primary.key.mode: insert.mode=upsert needs a primary key: set record_key, record_value or kafka',
      "delete.enabled: When 'delete.enabled' is set to 'true', the 'primary.key.mode' option must be set to 'record_key', 'record_value', or 'record_header'.",
    ])
    expect(problems(debeziumSink, { 'field.include.list': 'a', 'field.exclude.list': 'b' })).toEqual([
      'field.exclude.list: Cannot define both field.exclude.list and field.include.list. Please specify only one.',
    ])
    expect(problems(postgresSink, { 'fields.whitelist': 'a', 'field.exclude.list': 'b' })).toEqual([
      'field.exclude.list: set one of fields.whitelist, field.include.list, field.exclude.list',
    ])
    expect(problems(confluentSink, { 'pk.mode': 'kafka', 'pk.fields': 'a,b' })).toEqual([
      'pk.fields: pk.mode=kafka needs three names (of the topic, the partition, the offset), or none',
    ])
  })

  test.each<[Side, string, string, string]>([
    [confluentSink, 'dialect.name', 'MySqlDatabaseDialect', 'this sink writes to Postgres only'],
    [confluentSink, 'jdbc.credentials.provider.class', 'com.example.Vault', 'this sink runs no Java classes'],
    [confluentSink, 'insert.mode', 'replace', 'Invalid enumerator'],
    [confluentSink, 'db.timezone', 'Mars/Olympus', 'Invalid time zone identifier'],
    [confluentSink, 'table.types', 'TABLE,SYNONYM', 'Invalid enumerator'],
    [confluentSink, 'max.retries', '-1', 'Value must be at least 0'],
    [debeziumSink, 'dialect.sqlserver.identity.insert', 'true', 'this sink writes to Postgres only'],
    [debeziumSink, 'column.naming.strategy', 'com.example.Snake', 'this sink runs no Java classes'],
    [debeziumSink, 'collection.naming.strategy', 'com.example.Upper', 'this sink runs no Java classes'],
    [debeziumSink, 'schema.evolution', 'advanced', 'String must be one of: none, basic'],
  ])('%# refuse %s=%s', (side, name, value, why) => {
    expect(() => parse(side, { [name]: value })).toThrow(why)
  })

  test('names of the other sink are known', () => {
    expect(parse(confluentSink, { 'primary.key.mode': 'record_key', 'connection.username': 'u' })).toMatchObject({
      'pk.mode': 'record_key',
      'connection.user': 'u',
    })
    expect(parse(debeziumSink, { 'pk.mode': 'kafka', 'table.name.format': 'x', 'database.time_zone': 'UTC' })).toMatchObject({
      'primary.key.mode': 'kafka',
      'collection.name.format': 'x',
    })
  })
})

describe('a record without a value, where deletes are off,', () => {
  const key = { id: 1 }

  test("is skipped by Debezium's class and this project's own", async () => {
    const gauges = new Map<string, number>()
    const config = { 'insert.mode': 'upsert', 'pk.mode': 'record_key' }
    const task = await database.start(config, { gauge: (name, value) => void gauges.set(name, value) })
    await task.write([record({ a: 1 }, { key }), record(null, { key })])
    await (await database.debezium(config)).write([record(null, { key })])
    expect(await database.rows()).toEqual([{ id: '1', a: '1' }])
    expect(Object.fromEntries(gauges)).toEqual({ 'rows-written': 1, 'rows-deleted': 0, 'records-skipped': 1, 'records-rejected': 0 })
  })

  test("is bad for Confluent's class", async () => {
    const task = await database.confluent({ 'pk.mode': 'record_key' })
    expect(await failure(task.write([record({ a: 1 }, { key }), record(null, { key })]))).toMatchObject({
      name: 'BadRecord',
      index: 1,
      message: expect.stringContaining('it has no value'),
    })
    expect(await database.rows()).toEqual([{ id: '1', a: '1' }])
  })
})

describe('names', () => {
  test("are lower-cased by Debezium's class without quote.identifiers, and found in any case", async () => {
    await (await database.debezium()).write([record({ customerId: 1 }, { topic: 'My.Orders' })])
    expect(await database.rows('SELECT * FROM my_orders')).toEqual([{ customerid: '1' }])
    await (await database.debezium({ 'quote.identifiers': 'true' })).write([record({ customerId: 1 }, { topic: 'My.Orders' })])
    expect(await database.rows('SELECT * FROM "My_Orders"')).toEqual([{ customerId: '1' }])
    const error = (await failure((await database.debezium()).write([record({ a: 1, A: 2 })]))) as BadRecord
    expect(error.message).toContain('"a" and "A" are both the column "a"')
  })

  test("of Confluent's class separate a schema at a dot of the topic", async () => {
    await database.client.query('CREATE SCHEMA eu')
    await (await database.confluent()).write([record({ a: 1 }, { topic: 'eu.Orders' })])
    expect(await database.rows('SELECT * FROM eu."Orders"')).toEqual([{ a: '1' }])
  })
})

describe('change events', () => {
  const row = schemas.struct({ id: schemas.int32(), n: schemas.int32() }, { name: 'p.t.Value', optional: true })
  const source = schemas.struct({ schema: schemas.string(), table: schemas.string() })
  const valueSchema = schemas.struct({ before: row, after: row, source, op: schemas.string() }, { name: 'p.t.Envelope' })
  const keySchema = schemas.struct({ id: schemas.int32() })
  const event = (op: string, before: object | null, after: object | null, id: number | null) =>
    record(
      { op, before, after, source: { schema: 'public', table: 'orders' } },
      { valueSchema, key: id === null ? null : { id }, keySchema: id === null ? null : keySchema },
    )
  const config = { 'insert.mode': 'upsert', 'delete.enabled': 'true', 'truncate.enabled': 'true' }

  test('are rows, deletes and truncates, in their order', async () => {
    const task = await database.debezium({ ...config, 'primary.key.mode': 'record_key', 'collection.name.format': `o_\${source.table}` })
    await task.write([
      event('r', null, { id: 1, n: 1 }, 1),
      event('t', null, null, null),
      event('c', null, { id: 2, n: 2 }, 2),
      event('c', null, { id: 3, n: 3 }, 3),
      event('d', { id: 2, n: 2 }, null, 2),
      record(null, { key: { id: 2 }, keySchema }),
      event('u', null, { id: 3, n: 33 }, 3),
    ])
    expect(await database.rows('SELECT * FROM o_orders')).toEqual([{ id: 3, n: 33 }])
  })

  test('delete by the row before them, and by a header', async () => {
    const byValue = await database.debezium({ ...config, 'primary.key.mode': 'record_value', 'primary.key.fields': 'id' })
    await byValue.write([
      event('c', null, { id: 1, n: 1 }, null),
      event('c', null, { id: 2, n: 2 }, null),
      event('d', { id: 1 }, null, null),
    ])
    expect(await database.rows()).toEqual([{ id: 2, n: 2 }])
    expect(await failure(byValue.write([event('d', null, null, null)]))).toMatchObject({
      message: expect.stringContaining('set REPLICA IDENTITY FULL at the source'),
    })
    const byHeader = await database.debezium({ ...config, 'primary.key.mode': 'record_header', 'primary.key.fields': 'h' })
    const headers = (value: string) => [{ key: 'h', value, schema: schemas.string() }]
    await byHeader.write([
      record({ n: 1 }, { topic: 'h', headers: headers('a') }),
      record({ n: 2 }, { topic: 'h', headers: headers('b') }),
      { ...event('d', { id: 0 }, null, null), topic: 'h', headers: headers('a') },
    ])
    expect(await database.rows('SELECT * FROM h')).toEqual([{ h: 'b', n: '2' }])
    expect(await failure(byHeader.write([record({ n: 1 }, { topic: 'h' })]))).toMatchObject({
      message: expect.stringContaining('it has no header "h", which pk.fields requires'),
    })
  })
})

test('trim.sensitive.log leaves out what Postgres says of a row', async () => {
  await database.client.query('CREATE TABLE t (a int)')
  const error = await failure((await database.confluent({ 'trim.sensitive.log': 'true' })).write([record({ a: 'secret' })]))
  expect(error).toMatchObject({ cause: undefined, message: expect.stringMatching(/written as a row: SQLSTATE 22P02 \(trim/) })
  expect((error as Error).message).not.toContain('secret')
})
