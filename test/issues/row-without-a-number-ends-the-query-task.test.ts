/**
 * Goal: with validate.non.null=false rows without a value in the incrementing column are not read, as the README says; in the mode
 * timestamp+incrementing such a row ended the task. Method: one of three rows has no number, before and after a position.
 */
import { expect, test } from 'vitest'
import { QueryDatabase } from '../connectors/postgres-query-source/query-database.ts'

const database = new QueryDatabase()

test('timestamp+incrementing', async () => {
  await database.sql(`CREATE TABLE t (id bigint, at timestamptz, n integer)`)
  const config = {
    mode: 'timestamp+incrementing',
    'validate.non.null': 'false',
    'table.whitelist': 't',
    'incrementing.column.name': 'id',
    'timestamp.column.name': 'at',
  }
  const rowsOf = (day: number) => {
    const at = `'2024-01-0${day} 00:00Z'::timestamptz`
    return `INSERT INTO t VALUES (1, ${at}, 1), (NULL, ${at} + interval '1 minute', 2), (3, ${at} + interval '2 minutes', 3)`
  }
  await database.sql(rowsOf(1))
  expect(await database.valuesAround(4, config, rowsOf(2))).toMatchObject([{ n: 1 }, { n: 3 }, { n: 1 }, { n: 3 }])
})
