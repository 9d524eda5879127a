/**
 * Goal: arrays that an update has not changed, and of which Debezium sends a placeholder, stay what they are; those of numbers and of bytes
 * used to be replaced by the placeholder's bytes. Method: the placeholders that Debezium 3.4 sends for bigint[], bytea[], text[].
 */
import { expect, test } from 'vitest'
import { schemas } from '../../connect/sdk/index.ts'
import { record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()
const placeholder = '__debezium_unavailable_value'

test('arrays of numbers, bytes and texts', async () => {
  await database.sql(`CREATE TABLE t (id integer PRIMARY KEY, n integer, numbers bigint[], parts bytea[], words text[]);
    INSERT INTO t VALUES (1, 1, '{1,2}', ARRAY['\\x01'::bytea], '{a}')`)
  const task = await database.start({ 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id' })
  const valueSchema = schemas.struct({
    n: schemas.int32(),
    numbers: schemas.array(schemas.int64()),
    parts: schemas.array(schemas.bytes()),
    words: schemas.array(schemas.string()),
  })
  const bytes = Buffer.from(placeholder)
  await task.write([record({ n: 2, numbers: [...bytes], parts: [bytes], words: [placeholder] }, { key: 1, valueSchema })])
  expect(await database.rows()).toEqual([{ id: 1, n: 2, numbers: ['1', '2'], parts: [Buffer.from([1])], words: ['a'] }])
})
