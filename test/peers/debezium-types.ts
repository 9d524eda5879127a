/**
 * Debezium in Kafka Connect over the sample tables, with all sample settings at once: its schemas, keys and rows, and beside them the rows
 * in Postgres's text, those of the snapshot and those that pgoutput sends. Tables of extensions that Postgres lacks are left out.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { readMessage } from '../../connectors/postgres-source/pgoutput.ts'
import type { PgType, Table, TextRow } from '../../connectors/postgres-source/types.ts'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { brokerInProcess } from '../broker-in-process.ts'
import type { GoldenChange, GoldenRow, GoldenTypes, MappedTable } from '../connectors/postgres-source/golden-types.ts'
import { type SampleTable, sampleSettings, sampleTables, sampleTypes } from '../connectors/postgres-source/type-samples.ts'
import { until } from '../until.ts'
import { kafkaScript } from './apache-kafka.ts'
import { startKafkaConnect } from './workers.ts'

/** A Java object that has no text of its own: its address differs from run to run. */
const JAVA_OBJECT = /(\[Ljava\.lang\.String;)@[0-9a-f]+/g
const STREAM_MS = 90_000
const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter'
const SESSION =
  "SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO'; SET IntervalStyle TO 'postgres'; SET bytea_output TO 'hex'; SET extra_float_digits TO 3"

export async function debeziumTypes(url: string, folder: string): Promise<GoldenTypes> {
  const database = new pg.Client({ connectionString: url, types: { getTypeParser: () => (text: unknown) => text } as never })
  await database.connect()
  const broker = await brokerInProcess()
  const bootstrap = `127.0.0.1:${broker.port}`
  const client = createClient({ bootstrapServers: bootstrap, clientId: 'test' }, realSystem('silent'))
  const worker = await startKafkaConnect(folder, bootstrap, 'debezium', { 'plugin.path': plugins(folder) })
  try {
    await database.query(SESSION)
    const tables = await createTables(database)
    for (const [name, settings] of Object.entries(sampleSettings))
      await capture(worker.address, url, name, settings, tablesOf(name, tables))
    const golden = { types: await usedTypes(database), tables: {} as GoldenTypes['tables'], debezium: {} as GoldenTypes['debezium'] }
    const snapshots = new Map<string, GoldenRow[]>()
    for (const { name } of tables) snapshots.set(name, await textRows(database, name))
    await streamStarted(database, Object.keys(sampleSettings).length)
    await database.query('CREATE PUBLICATION probe FOR ALL TABLES')
    await database.query("SELECT pg_create_logical_replication_slot('probe', 'pgoutput')")
    for (const { rows } of tables) for (const row of rows) await database.query(row.replaceAll('%', '100'))
    for (const { changes = [] } of tables) for (const change of changes) await database.query(change)
    const changes = await textChanges(database)
    for (const { name } of tables)
      golden.tables[name] = { table: await catalogTable(database, name), snapshot: snapshots.get(name)!, changes: changes.get(name)! }
    for (const name of Object.keys(sampleSettings)) {
      golden.debezium[name] = {}
      for (const table of tablesOf(name, tables)) {
        const count = golden.tables[table.name]!
        golden.debezium[name][table.name] = await mappedTable(client, name, table.name, count.snapshot.length, count.changes.length)
      }
    }
    for (const { name, rows } of tables.filter(({ isLarge }) => isLarge)) dropRows(golden, name, rows.length)
    return golden
  } finally {
    await worker.stop()
    await client.close()
    await broker.stop()
    await database.end()
  }
}

/** A folder of plugins in which Debezium is one. */
function plugins(folder: string): string {
  const { stdout } = spawnSync(kafkaScript(), ['home'], { encoding: 'utf8' })
  const databases = join(stdout.trim(), 'databases')
  if (!existsSync(databases)) throw new Error(`${databases} is not there: run "kafka setup databases" in ${dirname(kafkaScript())}`)
  const path = join(folder, 'plugins')
  mkdirSync(path)
  symlinkSync(databases, join(path, 'debezium'))
  return path
}

async function createTables(database: pg.Client): Promise<SampleTable[]> {
  const { rows } = await database.query<{ name: string }>('SELECT name FROM pg_available_extensions')
  const available = new Set(rows.map(({ name }) => name))
  const tables = sampleTables.filter(({ extension }) => extension === undefined || available.has(extension))
  for (const statement of sampleTypes) await database.query(statement)
  for (const { extension, ddl, rows: inserts } of tables) {
    if (extension !== undefined) await database.query(`CREATE EXTENSION IF NOT EXISTS ${extension}`)
    for (const statement of ddl) await database.query(statement)
    for (const row of inserts) await database.query(row.replaceAll('%', '0'))
  }
  return tables
}

const tablesOf = (settings: string, tables: readonly SampleTable[]) =>
  tables.filter((table) => table.settings === undefined || table.settings.includes(settings))

async function capture(address: string, url: string, name: string, settings: object, tables: readonly SampleTable[]): Promise<void> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const config = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': hostname,
    'database.port': port,
    'database.user': username,
    'database.password': password || 'none',
    'database.dbname': pathname.slice(1),
    'topic.prefix': name,
    'plugin.name': 'pgoutput',
    'slot.name': name,
    'publication.name': name,
    'publication.autocreate.mode': 'filtered',
    'table.include.list': tables.map((table) => table.name.replaceAll('.', '\\.')).join(','),
    'key.converter': JSON_CONVERTER,
    'value.converter': JSON_CONVERTER,
    'key.converter.replace.null.with.default': 'false',
    'value.converter.replace.null.with.default': 'false',
    ...settings,
  }
  const answer = await fetch(`http://${address}/connectors/${name}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(config),
  })
  if (!answer.ok) throw new Error(`Debezium refuses ${name}: ${await answer.text()}`)
}

/** Debezium makes its slot before the snapshot, and reads from it after that. */
const streamStarted = (database: pg.Client, slots: number) =>
  until(
    async () => {
      const { rows } = await database.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'")
      return rows.length >= slots
    },
    'Debezium streams with all settings',
    STREAM_MS,
  )

const quoted = (name: string) =>
  name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.')

const textRows = async (database: pg.Client, name: string): Promise<GoldenRow[]> =>
  (await database.query({ text: `SELECT * FROM ${quoted(name)}`, rowMode: 'array' })).rows

async function usedTypes(database: pg.Client): Promise<PgType[]> {
  const { rows } =
    await database.query(`SELECT json_agg(json_strip_nulls(json_build_object('oid', t.oid::int8, 'name', typname, 'schema', nspname,
      'kind', CASE WHEN typinput = 'array_in'::regproc THEN 'array' ELSE (json_build_object('b', 'base', 'c', 'composite', 'd', 'domain', 'e', 'enum', 'm', 'multirange', 'p', 'pseudo', 'r', 'range') ->> typtype::text) END,
      'element', CASE WHEN typinput = 'array_in'::regproc THEN typelem::int8 END, 'base', nullif(typbasetype::int8, 0), 'baseModifier', CASE typtype WHEN 'd' THEN typtypmod END,
      'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))) ORDER BY t.oid) AS types
    FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname <> 'information_schema' AND typtype <> 'p' AND typrelid = 0 OR typname = 'pair'`)
  const types: PgType[] = JSON.parse(rows[0].types)
  const { rows: columns } = await database.query<{ oid: string }>(
    "SELECT DISTINCT atttypid::int8::text AS oid FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND attnum > 0 AND nspname IN ('public', 'odd-schema')",
  )
  const used = new Set(columns.map(({ oid }) => Number(oid)))
  const byOid = new Map(types.map((type) => [type.oid, type]))
  // A set can grow while it is iterated over.
  for (const oid of used) for (const other of [byOid.get(oid)?.element, byOid.get(oid)?.base]) if (other !== undefined) used.add(other)
  return types.filter(({ oid }) => used.has(oid))
}

/** As the stream has it: without generated columns. */
async function catalogTable(database: pg.Client, name: string): Promise<Table> {
  const { rows } = await database.query(
    `SELECT json_build_object('schema', nspname, 'name', relname, 'oid', c.oid::int8, 'replicaIdentity', 'default',
      'columns', (SELECT json_agg(json_build_object('name', attname, 'typeOid', atttypid::int8, 'typeModifier', atttypmod,
          'isOptional', NOT (attnotnull OR (SELECT typnotnull FROM pg_type WHERE oid = atttypid)),
          'defaultExpression', pg_get_expr(adbin, adrelid), 'isGenerated', false, 'position', attnum) ORDER BY attnum)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''),
      'key', (SELECT json_agg(attname ORDER BY place) FROM pg_index, unnest(indkey) WITH ORDINALITY AS k(number, place), pg_attribute
        WHERE indrelid = c.oid AND indisunique AND attrelid = c.oid AND attnum = number)) AS "table"
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::regclass`,
    [quoted(name)],
  )
  return JSON.parse(rows[0].table)
}

async function textChanges(database: pg.Client): Promise<Map<string, GoldenChange[]>> {
  const { rows } = await database.query<{ data: string }>(
    "SELECT encode(data, 'hex') AS data FROM pg_logical_slot_get_binary_changes('probe', NULL, NULL, 'proto_version', '1', 'publication_names', 'probe')",
  )
  const names = new Map<number, string>()
  const changes = new Map<string, GoldenChange[]>()
  const golden = (row: TextRow) => row.map((text) => (text === undefined ? false : text))
  for (const { data } of rows) {
    const bytes = Buffer.from(data, 'hex')
    const message = readMessage(bytes, 0, bytes.length)
    if (message.kind === 'relation') {
      names.set(message.relation.oid, `${message.relation.schema}.${message.relation.name}`)
      continue
    }
    if (message.kind !== 'insert' && message.kind !== 'update' && message.kind !== 'delete') continue
    const name = names.get(message.oid)!
    const before = message.kind === 'insert' ? null : message.before
    const change = { before: before && golden(before), after: message.kind === 'delete' ? null : golden(message.after) }
    changes.set(name, [...(changes.get(name) ?? []), change])
  }
  await database.query("SELECT pg_drop_replication_slot('probe')")
  return changes
}

interface Envelope {
  schema: { name: string; fields: { field: string }[] }
  payload: { source: { snapshot: string } }
}

async function mappedTable(client: Client, settings: string, table: string, rows: number, changes: number): Promise<MappedTable> {
  const delimiter = sampleSettings[settings]!['topic.delimiter'] ?? '.'
  const topic = [settings, ...table.split('.').map((part) => part.replaceAll(' ', '_'))].join(delimiter)
  const consumer = client.consumer()
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const records: { key: string | null; value: string }[] = []
  await until(
    async () => {
      for (const batch of await consumer.poll(200))
        for (const { key, value } of batch.records)
          if (value) records.push({ key: key?.toString() ?? null, value: value.toString().replace(JAVA_OBJECT, '$1@') })
      return records.length >= rows + changes
    },
    `${rows + changes} records of ${topic}`,
    STREAM_MS,
  )
  await consumer.close()
  const last: Envelope = JSON.parse(records.at(-1)!.value)
  const ofRow = (value: string) => ({ before: member(value, 'before'), after: member(value, 'after') })
  const keyOf = (key: string | null) => (key === null ? null : member(key, null))
  const mapped = records.map(({ key, value }) => ({ key: keyOf(key), ...ofRow(value) }))
  const { field: _, ...row } = last.schema.fields.find(({ field }) => field === 'after')!
  const key = records[0]!.key
  return {
    topic,
    envelope: last.schema.name,
    key: key === null ? null : JSON.parse(key).schema,
    row,
    snapshot: mapped.slice(0, rows).map(({ key: ofKey, after }) => ({ key: ofKey, after: after! })),
    changes: mapped.slice(rows),
  }
}

/** The text of a member of the payload, or of the whole payload: each is an object or null. */
function member(text: string, name: string | null): string | null {
  const payload = text.indexOf('"payload":') + '"payload":'.length
  const start = name === null ? payload : text.indexOf(`"${name}":`, payload) + name.length + 3
  if (text.startsWith('null', start)) return null
  let depth = 0
  for (let index = start; ; index++) {
    const character = text[index]
    if (character === '"') {
      while (text[++index] !== '"') if (text[index] === '\\') index++
    } else if (character === '{') depth++
    else if (character === '}' && --depth === 0) return text.slice(start, index + 1)
  }
}

/** Leaves only what the changes after the inserts became. */
function dropRows(golden: GoldenTypes, table: string, inserts: number): void {
  const text = golden.tables[table]!
  golden.tables[table] = { ...text, snapshot: [], changes: text.changes.slice(inserts) }
  for (const tables of Object.values(golden.debezium)) {
    const mapped = tables[table]
    if (mapped) tables[table] = { ...mapped, snapshot: [], changes: mapped.changes.slice(inserts) }
  }
}
