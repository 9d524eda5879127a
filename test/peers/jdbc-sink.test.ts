/**
 * Goal: our Postgres sink under Debezium's class creates the tables and writes the rows that Debezium's JDBC sink does, save for what that
 * one loses or fails at. Method: the same topics and configs at Kafka Connect with Debezium's sink and at our worker, each with a database
 * of its own on one server; columns, keys and rows are read from the catalog and compared. Every difference is named in a test.
 */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'
import { kafkaTool } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder } from './workers.ts'

const folder = temporaryFolder()
let broker: TestBroker
let postgres: TestPostgres
let client: Client
/** Kafka Connect with Debezium's sink, then ours, each with the URL of its database. */
let sides: { worker: Running; url: string }[]

type Json = Record<string, unknown>
const field = (name: string, type: string, more: Json = {}): Json => ({ field: name, type, optional: false, ...more })
const logical = (name: string, type: string, logicalName: string, parameters?: Json): Json =>
  field(name, type, { name: logicalName, version: 1, ...(parameters && { parameters }) })
const debezium = (name: string, type: string, logicalName: string, parameters?: Json) =>
  logical(name, type, `io.debezium.${logicalName}`, parameters)
const connect = (name: string, type: string, logicalName: string, parameters?: Json) =>
  logical(name, type, `org.apache.kafka.connect.data.${logicalName}`, parameters)
const propagated = (type: string, more: Json = {}) => ({ '__debezium.source.column.type': type, ...more })
const struct = (fields: Json[], more: Json = {}): Json => ({ type: 'struct', optional: false, fields, ...more })
const text = (schema: Json, payload: unknown) => Buffer.from(JSON.stringify({ schema, payload }))
const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64')

interface Sent {
  key: Buffer | null
  value: Buffer | null
}
const keySchema = struct([field('id', 'int32')])
const keyed = (id: number, schema: Json, payload: unknown): Sent => ({ key: text(keySchema, { id }), value: text(schema, payload) })

beforeAll(async () => {
  const home = (await kafkaTool(['home'])).trim()
  symlinkSync(join(home, 'databases'), join(folder, 'databases'))
  ;[broker, postgres] = await Promise.all([startTestBroker(), testPostgres()])
  client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
  const theirs = await startKafkaConnect(folder, broker.address, 'theirs', { 'plugin.path': folder })
  const ours = await startOurWorker(folder, broker.address)
  sides = [
    { worker: theirs, url: await postgres.database() },
    { worker: ours, url: await postgres.database() },
  ]
}, 240_000)
afterAll(async () => {
  await client?.close()
  await Promise.all((sides ?? []).map(({ worker }) => worker.stop()))
  await broker?.stop()
  await postgres?.stop()
})

interface Outcome {
  state: string
  columns: string[]
  keys: string[]
  rows: Json[]
}

async function query(url: string, sql: string): Promise<Json[]> {
  const connection = new pg.Client({ connectionString: url })
  await connection.connect()
  try {
    return (await connection.query<Json>(sql)).rows
  } finally {
    await connection.end()
  }
}

const readTable = async (url: string, table: string): Promise<Omit<Outcome, 'state'>> => {
  const columns = await query(
    url,
    // The largest precision of times is that of a column without one.
    `SELECT attname || ' ' || replace(format_type(atttypid, atttypmod), '(6)', '') || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') AS spec
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = to_regclass('${table}') AND attnum > 0 ORDER BY attnum`,
  )
  if (columns.length === 0) return { columns: [], keys: [], rows: [] }
  const keys = await query(url, `SELECT pg_get_constraintdef(oid) AS spec FROM pg_constraint WHERE conrelid = to_regclass('${table}')`)
  const rows = await query(url, `SELECT to_jsonb(t) AS row FROM ${table} AS t ORDER BY t::text`)
  return {
    columns: columns.map(({ spec }) => String(spec)),
    keys: keys.map(({ spec }) => String(spec)),
    rows: rows.map(({ row }) => row as Json),
  }
}

async function ask(worker: Running, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`http://${worker.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.status === 204 ? null : await response.json()
}

async function run({ worker, url }: { worker: Running; url: string }, topic: string, count: number, config: Record<string, string>) {
  const { hostname, port, pathname, username, password } = new URL(url)
  const whole = {
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    topics: topic,
    'connection.url': `jdbc:postgresql://${hostname}:${port}${pathname}`,
    'connection.username': username,
    'connection.password': decodeURIComponent(password),
    'connection.pool.min_size': '1',
    'schema.evolution': 'basic',
    'consumer.override.group.id': `${worker.name}-${topic}`,
    ...config,
  }
  await until(
    () => ask(worker, 'PUT', `/connectors/${topic}/config`, whole).then(() => true),
    `${topic} is created on ${worker.name}`,
    60_000,
  )
  const state = await until(
    async () => {
      const { tasks } = (await ask(worker, 'GET', `/connectors/${topic}/status`)) as { tasks: { state: string }[] }
      if (tasks[0]?.state === 'FAILED') return 'FAILED'
      const [committed] = await client.admin.groupOffsets(`${worker.name}-${topic}`)
      return committed?.offset === count ? 'RUNNING' : null
    },
    `${topic} on ${worker.name} has read all or failed`,
    60_000,
  )
  await ask(worker, 'DELETE', `/connectors/${topic}`)
  return String(state)
}

let topics = 0

/** What both sinks make of the same records. */
async function both(records: readonly Sent[], config: Record<string, string> = {}, named: (topic: string) => string = (topic) => topic) {
  const topic = `case_${topics++}`
  await client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  await client.producer({ acks: 'all' }).send(records.map((record) => ({ topic, partition: 0, headers: [], ...record })))
  const outcomes: Outcome[] = []
  for (const side of sides) {
    const state = await run(side, topic, records.length, config)
    const table = await readTable(side.url, named(topic))
    outcomes.push({ state, ...table, rows: table.rows.map((row) => (row.__connect_topic ? { ...row, __connect_topic: 'topic' } : row)) })
  }
  return { theirs: outcomes[0]!, ours: outcomes[1]! }
}

const upsert = { 'insert.mode': 'upsert', 'primary.key.mode': 'record_key' }

test('columns, nullability, defaults and values are the same', async () => {
  const fields: [Json, unknown][] = [
    [field('i8', 'int8'), -8],
    [field('i16', 'int16'), 16],
    [field('i32', 'int32', { optional: true, default: 7 }), null],
    [field('i64', 'int64'), 2 ** 52],
    [field('f32', 'float'), 1.5],
    [field('f64', 'double'), 0.1],
    [field('flag', 'boolean', { default: true }), false],
    [field('str', 'string', { default: "a'b" }), "it's"],
    [field('bin', 'bytes', { optional: true }), base64(1, 255)],
    [connect('price', 'bytes', 'Decimal', { scale: '2', 'connect.decimal.precision': '10' }), base64(0x30, 0x39)],
    [connect('cdate', 'int32', 'Date'), 19_000],
    [connect('ctime', 'int32', 'Time'), 3_723_004],
    [connect('ctimestamp', 'int64', 'Timestamp'), 1_700_000_000_123],
    [debezium('date', 'int32', 'time.Date'), -19_000],
    [debezium('time', 'int32', 'time.Time'), 3_723_004],
    [debezium('micro_time', 'int64', 'time.MicroTime'), 3_723_004_005],
    [debezium('nano_time', 'int64', 'time.NanoTime'), 3_723_004_005_000],
    [debezium('timestamp', 'int64', 'time.Timestamp'), 1_700_000_000_123],
    [debezium('micro_timestamp', 'int64', 'time.MicroTimestamp'), -1],
    [
      debezium('millis', 'int64', 'time.MicroTimestamp', propagated('TIMESTAMP', { '__debezium.source.column.scale': '3' })),
      1_700_000_000_123_456,
    ],
    [debezium('zoned', 'string', 'time.ZonedTimestamp'), '2024-02-29T10:11:12.123456Z'],
    [debezium('endless', 'string', 'time.ZonedTimestamp'), 'infinity'],
    [debezium('zoned_time', 'string', 'time.ZonedTime'), '10:11:12.123456Z'],
    [debezium('year', 'int32', 'time.Year'), 2024],
    [debezium('bits', 'bytes', 'data.Bits', { length: '5' }), base64(0x15)],
    [debezium('varbits', 'bytes', 'data.Bits', { length: '9', ...propagated('VARBIT') }), base64(0x15)],
    [debezium('json', 'string', 'data.Json'), '{"b": 1,  "a":[1,2]}'],
    [debezium('jsonb', 'string', 'data.Json', propagated('JSONB')), '{"b": 1}'],
    [debezium('xml', 'string', 'data.Xml'), '<a>1</a>'],
    [debezium('uuid', 'string', 'data.Uuid'), '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'],
    [debezium('mood', 'string', 'data.Enum', { allowed: 'a,b' }), 'a'],
    [debezium('words', 'string', 'data.Tsvector'), "'a':1 'b':2"],
    [field('numbers', 'array', { items: { type: 'int32', optional: true } }), [1, null, 3]],
    [field('texts', 'array', { items: { type: 'string', optional: true } }), ['a"b', 'c,d', null]],
    [field('name', 'string', { parameters: propagated('VARCHAR', { '__debezium.source.column.length': '20' }) }), 'x'],
    [field('code', 'string', { parameters: propagated('BPCHAR', { '__debezium.source.column.length': '5' }) }), 'x'],
    [field('address', 'string', { parameters: propagated('INET') }), '10.0.0.1'],
    [field('span', 'string', { parameters: propagated('INT4RANGE') }), '[1,5)'],
    [field('money', 'string', { parameters: propagated('MONEY') }), '12.50'],
    [field('oid', 'int64', { parameters: propagated('OID') }), 123],
  ]
  const value = Object.fromEntries(fields.map(([schema, given]) => [schema.field, given]))
  const { theirs, ours } = await both([keyed(1, struct(fields.map(([schema]) => schema)), value)], upsert)
  expect(ours).toEqual(theirs)
  expect(ours.rows).toHaveLength(1)
  expect(ours.columns).toHaveLength(fields.length + 1)
})

test('types that it rounds, mangles or does not know keep what they say', async () => {
  const fields: [Json, unknown][] = [
    [connect('amount', 'bytes', 'Decimal', { scale: '0' }), base64(0x30, 0x39)],
    [debezium('loose', 'struct', 'data.VariableScaleDecimal'), { scale: 3, value: base64(0x30, 0x39) }],
    [debezium('bits', 'bytes', 'data.Bits', { length: '12' }), base64(0x15, 0x0a)],
    [debezium('took', 'int64', 'time.MicroDuration'), 93_784_005_006],
    [debezium('iso', 'string', 'time.IsoTimestamp'), '2024-02-29T13:14:15.123456Z'],
  ]
  fields[1]![0].fields = [field('scale', 'int32'), field('value', 'bytes')]
  const value = Object.fromEntries(fields.map(([schema, given]) => [schema.field, given]))
  const { theirs, ours } = await both([keyed(1, struct(fields.map(([schema]) => schema)), value)], upsert)
  const named = ({ columns, rows }: Outcome) => Object.fromEntries(columns.slice(1).map((spec) => [spec, rows[0]![spec.split(' ')[0]!]]))
  expect(named(theirs)).toEqual({
    'amount numeric(38,-1) NOT NULL': 12_350,
    'loose double precision NOT NULL': 12.345,
    'bits bit(12) NOT NULL': '010100001010',
    'took interval NOT NULL': '26:03:04',
    'iso text NOT NULL': '2024-02-29T13:14:15.123456Z',
  })
  expect(named(ours)).toEqual({
    'amount numeric NOT NULL': 12_345,
    'loose numeric NOT NULL': 12.345,
    'bits bit(12) NOT NULL': '101000010101',
    'took interval NOT NULL': '26:03:04.005006',
    'iso timestamp without time zone NOT NULL': '2024-02-29T13:14:15.123456',
  })
})

describe('change events', () => {
  const row = struct(
    [field('id', 'int32'), field('Name', 'string', { optional: true }), field('n', 'int32', { optional: true, default: 3 })],
    { name: 'p.s.t.Value', optional: true },
  )
  const source = struct([field('schema', 'string'), field('table', 'string')])
  const envelope = struct(
    [{ ...row, field: 'before' }, { ...row, field: 'after' }, { ...source, field: 'source' }, field('op', 'string')],
    { name: 'p.s.t.Envelope' },
  )
  const event = (id: number, op: string, before: unknown, after: unknown): Sent => ({
    key: op === 't' ? null : text(keySchema, { id }),
    value: text(envelope, { before, after, source: { schema: 'public', table: 'orders' }, op }),
  })
  const events = [
    event(1, 'r', null, { id: 1, Name: 'a', n: 1 }),
    event(2, 'c', null, { id: 2, Name: 'b', n: null }),
    event(1, 'u', { id: 1, Name: 'a', n: 1 }, { id: 1, Name: 'a2', n: 5 }),
    event(2, 'd', { id: 2, Name: 'b', n: null }, null),
    { key: text(keySchema, { id: 2 }), value: null },
    event(3, 'c', null, { id: 3, Name: null, n: 9 }),
  ]
  const truncated = [...events, event(0, 't', null, null), event(7, 'c', null, { id: 7, Name: 'z', n: 1 })]

  test.each<[string, Sent[], Record<string, string>, string | null]>([
    ['upserted, deletes skipped', events, upsert, null],
    ['upserted and deleted', events, { ...upsert, 'delete.enabled': 'true' }, null],
    ['inserted', events, {}, null],
    ['inserted with their offsets', events, { 'primary.key.mode': 'kafka' }, null],
    [
      'with the names of their source',
      events,
      { ...upsert, 'collection.name.format': `x_\${source.schema}_\${source.table}` },
      'x_public_orders',
    ],
    ['with names as they are', events, { ...upsert, 'quote.identifiers': 'true' }, null],
    ['truncates skipped', truncated, upsert, null],
    ['truncated', truncated, { ...upsert, 'truncate.enabled': 'true' }, null],
    ['by fields of the value', events, { 'insert.mode': 'upsert', 'primary.key.mode': 'record_value', 'primary.key.fields': 'id' }, null],
    ['with some fields', events, { ...upsert, 'field.include.list': 'id,Name' }, null],
    ['without some fields', events, { ...upsert, 'field.exclude.list': 'Name' }, null],
    ['updated', events, { ...upsert, 'insert.mode': 'update' }, null],
  ])('%s', async (_, records, config, table) => {
    const { theirs, ours } = await both(records, config, table === null ? undefined : () => table)
    expect(ours).toEqual(theirs)
    expect([ours.state, ours.columns.length > 0]).toEqual(['RUNNING', true])
  })
})

test('what fails its task is written, skipped, or a column that may be null', async () => {
  const plain = struct([field('id', 'int32'), field('name', 'string', { optional: true })])
  const first = keyed(1, plain, { id: 1, name: 'a' })
  const primitive = { key: text({ type: 'int32', optional: false }, 5), value: first.value }
  const required = keyed(2, struct([field('id', 'int32'), field('must', 'string')]), { id: 2, must: 'm' })
  const cases: [Sent[], Record<string, string>, Json[]][] = [
    [[primitive], { ...upsert, 'primary.key.fields': 'kid' }, [{ kid: 5, id: 1, name: 'a' }]],
    [[{ key: first.key, value: null }], { ...upsert, 'delete.enabled': 'true' }, []],
    [
      [first, required],
      upsert,
      [
        { id: 1, name: 'a', must: null },
        { id: 2, name: null, must: 'm' },
      ],
    ],
  ]
  for (const [records, config, rows] of cases) {
    const { theirs, ours } = await both(records, config)
    expect([theirs.state, ours.state]).toEqual(['FAILED', 'RUNNING'])
    expect(ours.rows).toEqual(rows)
  }
})
