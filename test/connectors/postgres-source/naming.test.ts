/**
 * Goal: topics, schemas and fields have Debezium's names. Method: names with characters that Kafka or Avro do not allow; the golden file of
 * mapping.test.ts has more.
 */
import { expect, test } from 'vitest'
import { fieldName, schemaName, topicName } from '../../../connectors/postgres-source/naming.ts'

const SCHEMA = 'io.debezium.schema.SchemaTopicNamingStrategy'
const UNICODE = 'io.debezium.schema.SchemaUnicodeTopicNamingStrategy'
const DEFAULT = 'io.debezium.schema.DefaultTopicNamingStrategy'

test.each([
  [SCHEMA, '.', 'public', 'orders', 'p.public.orders'],
  [SCHEMA, '-', 'public', 'orders', 'p-public-orders'],
  [SCHEMA, '.', 'odd schema', 'tàble$1', 'p.odd_schema.t_ble_1'],
  [UNICODE, '.', 'a_b', 'é 𝄞', 'p.a_u005fb._u00e9_u0020_ud834_udd1e'],
  [DEFAULT, '.', 'public', 'orders', 'p.orders'],
] as const)('%s with %s: %s.%s', (strategy, delimiter, schema, table, topic) => {
  expect(topicName(strategy, delimiter, 'p', schema, table)).toBe(topic)
})

test('a topic has at most 249 characters', () => expect(topicName(SCHEMA, '.', 'p', 'public', 'x'.repeat(300))).toHaveLength(249))

test.each([
  ['none', 'with-dash.1', 'with-dash.1', 'with-dash.1'],
  ['avro', 'with-dash.ok', 'with_dash.ok', 'with_dash_ok'],
  ['avro', '1st', '_1st', '_1st'],
  ['avro', '$x', '_x', '_x'],
  ['avro', 'ünï', '_n_', '_n_'],
  ['avro_unicode', '1st_x', '_u0031st_u005fx', '_u0031st_u005fx'],
  ['avro_unicode', 'a.b', 'a.b', 'a_u002eb'],
] as const)('%s: %s', (adjustment, name, schema, field) => {
  expect(schemaName(adjustment, name)).toBe(schema)
  expect(fieldName(adjustment, name)).toBe(field)
})
