/**
 * Goal: tables are named as each JDBC sink names them. Method: the names as a pure class, with the formats that users have.
 */
import { expect, test } from 'vitest'
import { Names } from '../../../connectors/postgres-sink/names.ts'

const names = (tableFormat: string, topicDots: 'underscores' | 'separators', foldsNames = false) =>
  new Names({ tableFormat, topicDots, foldsNames })
const TOPIC = '$' + '{topic}'
const SCHEMA = '$' + '{source.schema}'
const TABLE = '$' + '{source.table}'

test.each([
  [TOPIC, 'underscores', 'eu.Orders', '"eu_Orders"'],
  [TOPIC, 'separators', 'eu.Orders', '"eu"."Orders"'],
  [TOPIC, 'separators', 'db.eu.Orders', '"eu"."Orders"'],
  [`in.kafka_${TOPIC}`, 'underscores', 'a.b', '"in"."kafka_a_b"'],
  [`kafka_${TOPIC}`, 'separators', 'orders', '"kafka_orders"'],
  ['fixed', 'separators', 'a.b.c.d', '"fixed"'],
] as const)('%s with %s: %s is %s', (format, dots, topic, sql) => {
  expect(names(format, dots).table(topic, null).sql).toBe(sql)
})

test('a table may be named by the source of an event', () => {
  const table = names(`${SCHEMA}.${TABLE}_${TOPIC}`, 'underscores')
  expect(table.table('t', { schema: 'a.b', table: 'c' }).sql).toBe('"a.b"."c_t"')
  expect(table.table('t', { schema: 'a.b', table: 'd' }).sql).toBe('"a.b"."d_t"')
  expect(() => table.table('t', null)).toThrow('it is no change event of Debezium')
  expect(() => table.table('t', { table: 'c' })).toThrow('its source has no such field')
})

test('names are lower-cased where they are not quoted', () => {
  const folding = names(TOPIC, 'underscores', true)
  expect(folding.table('Eu.Orders', null).sql).toBe('"eu_orders"')
  expect(folding.column('customerId')).toBe('customerid')
})

test('names that cannot be are refused', () => {
  expect(() => names(TOPIC, 'separators').table('a.b.c.d', null)).toThrow('it has 4 parts')
  expect(() => names(TOPIC, 'separators').table('a.', null)).toThrow('"" cannot be the name of a table')
  expect(() => names(TOPIC, 'underscores').column('ü'.repeat(32))).toThrow('longer than the name of a column can be in Postgres (63 bytes)')
})
