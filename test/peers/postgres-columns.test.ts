/**
 * Goal: the Postgres query source sees tables and columns as Confluent's connector does, which knows them from Postgres's JDBC driver:
 * types, whether they are optional, instants in a time zone. Method: one row of each type goes through the real driver and through ours;
 * the types that follow from the driver's are those of Confluent's dialect.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { parseSettings, type Schema } from '../../connect/sdk/index.ts'
import { nanosOf, parseInstant } from '../../connectors/postgres-query-source/instant.ts'
import { settings } from '../../connectors/postgres-query-source/settings.ts'
import { connectionOf } from '../../connectors/postgres-query-source/system-check.ts'
import { listTables } from '../../connectors/postgres-query-source/tables.ts'
import { zoneNamed } from '../../connectors/postgres-query-source/zone.ts'
import { QueryDatabase } from '../connectors/postgres-query-source/query-database.ts'
import { javaProgram } from './java-program.ts'
import { debeziumClassPath } from './maven-jars.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const java = await javaProgram('postgres-columns', debeziumClassPath())
const database = new QueryDatabase()

const TABLE = `
  CREATE TYPE mood AS ENUM ('glad'); CREATE DOMAIN short AS varchar(3); CREATE DOMAIN amount AS numeric(7,2);
  CREATE TABLE t (bool_ bool, bit_ bit(1), bits bit(8), longer bit(12), small int2 NOT NULL, counted serial, own int8 GENERATED ALWAYS AS IDENTITY,
    oid_ oid, real_ float4, double_ float8, unbounded numeric, whole numeric(5), scaled numeric(7,2), text_ text, short_ varchar(4), fixed char(3),
    name_ name, letter "char", uuid_ uuid, json_ json, jsonb_ jsonb, xml_ xml, bytes bytea, day date, at time, seconds timestamp(3), local timestamp,
    instant timestamptz, span interval, address inet, list int[], several int4range, feeling mood, domain_ short, amount_ amount, place point,
    varying varbit(5), words tsvector);
  INSERT INTO t VALUES (true, B'1', B'00000101', B'101010101010', 1, DEFAULT, DEFAULT, 7, 1.5, 2.5, 12, 12345, 1.5, 'p', 'q', 'r', 's', 't',
    gen_random_uuid(), '{}', '{}', '<a/>', '\\x01ff', '2024-02-29', '13:14:15.678', '2024-02-29 13:14:15.123', '2024-07-01 13:14:15.123456',
    '2024-02-29 13:14:15.123456+02', '1 day', '127.0.0.1', '{1}', '[1,2)', 'glad', 'abc', 1.25, '(1,2)', B'101', 'a b');
  CREATE VIEW shown AS SELECT 1 AS one; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
  CREATE TABLE parted (id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9);
  CREATE SCHEMA other; CREATE TABLE other.o (id int)`

interface DriverColumn {
  type: string
  typeName: string
  precision: number
  scale: number
  optional: boolean
  value: string
}

async function driver(zone: string) {
  const { host, pathname, username, password } = new URL(database.url)
  const url = `jdbc:postgresql://${host}${pathname}?user=${username}&password=${password}`
  const { stdout } = await promisify(execFile)(java.command, java.args(url, zone))
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  const columns = new Map<string, DriverColumn>()
  for (const [kind, name, type, typeName, precision, scale, optional, , value] of lines)
    if (kind === 'column')
      columns.set(name!, {
        type: type!,
        typeName: typeName!,
        precision: Number(precision),
        scale: Number(scale),
        optional: optional === 'true',
        value: value!,
      })
  const tables = lines.filter(([kind]) => kind === 'table').filter(([, schema]) => schema === 'public' || schema === 'other')
  return { columns, tables: tables.map(([, schema, table]) => `${schema}.${table}`) }
}

/** The type of Confluent's dialect for a column of the driver; null for one that it leaves out. */
function confluentType({ type, typeName, precision, scale }: DriverColumn): string | null {
  switch (type) {
    case 'BIT':
      return precision <= 1 ? 'boolean' : precision <= 8 ? 'int8' : 'bytes'
    case 'OTHER':
      return ['json', 'jsonb', 'uuid'].includes(typeName) ? 'string' : null
    case 'NUMERIC':
      return `Decimal {"scale":"${scale}","connect.decimal.precision":"${precision}"}`
    default:
      return simpleTypes[type] ?? null
  }
}

const simpleTypes: Readonly<Record<string, string>> = {
  SMALLINT: 'int16',
  INTEGER: 'int32',
  BIGINT: 'int64',
  REAL: 'float32',
  DOUBLE: 'float64',
  CHAR: 'string',
  VARCHAR: 'string',
  SQLXML: 'string',
  BINARY: 'bytes',
  DATE: 'Date',
  TIME: 'Time',
  TIMESTAMP: 'Timestamp',
}

const shown = ({ type, name, parameters }: Schema) =>
  `${name?.slice(name.lastIndexOf('.') + 1) ?? type}${parameters ? ` ${JSON.stringify(parameters)}` : ''}`

/** A value as the program prints it; `text` is that of a timestamp, which has more digits than its value. */
function printed(value: unknown, type: string, text: string, zone: string): string {
  if (type === 'TIMESTAMP') {
    const instant = parseInstant(text, zoneNamed(zone))
    return `${(value as Date).getTime()}.${nanosOf(instant)}`
  }
  if (value instanceof Date) return String(value.getTime())
  return Buffer.isBuffer(value) ? value.toString('base64') : String(value)
}

test.each(['UTC', 'America/New_York', 'Asia/Kolkata'])('columns and their values, in %s', async (zone) => {
  await database.sql(TABLE)
  const { columns, tables } = await driver(zone)
  const [record] = await database.records(1, { mode: 'bulk', 'table.whitelist': 't', 'db.timezone': zone })
  const ours = record!.valueSchema!.fields!.map(({ name, schema }) => [name, shown(schema), schema.optional])
  const theirs = [...columns].map(([name, column]) => [name, confluentType(column), column.optional]).filter(([, type]) => type !== null)
  expect(ours).toEqual(theirs)

  await database.sql(`SET TIME ZONE '${zone}'`)
  const [texts] = (await database.client.query('SELECT seconds::text, local::text, instant::text FROM t')).rows as [Record<string, string>]
  const value = record!.value as Record<string, unknown>
  // Theirs are the digits of the bits, as a number or as characters.
  const bits = ['bits', 'longer']
  for (const [name] of ours as [string][])
    if (!bits.includes(name)) {
      const { type, value: expected } = columns.get(name)!
      expect(`${name} ${printed(value[name], type, texts[name]!, zone)}`).toBe(`${name} ${expected}`)
    }

  const config = { mode: 'bulk', 'table.blacklist': 'none', 'table.types': 'TABLE,PARTITIONED TABLE,VIEW,MATERIALIZED VIEW' }
  const connection = connectionOf(parseSettings(settings, database.config(config)))
  const listed = await listTables(connection, parseSettings(settings, database.config(config)))
  await connection.close()
  expect(listed.map(({ schema, table }) => `${schema}.${table}`).sort()).toEqual(tables.sort())
})
