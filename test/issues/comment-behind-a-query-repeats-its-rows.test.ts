/**
 * Goal: what the mode appends to a query counts although the query ends with a comment, or with a semicolon; behind `--` the condition was
 * part of the comment, and each poll read all rows. Method: the query source goes on behind its position.
 */
import { expect, test } from 'vitest'
import { QueryDatabase } from '../connectors/postgres-query-source/query-database.ts'

const database = new QueryDatabase()

test.each(['SELECT * FROM t -- all of it', 'SELECT * FROM t;', 'SELECT * FROM t /* all */ ; ;'])('%s', async (query) => {
  await database.sql('CREATE TABLE t (id bigint NOT NULL); INSERT INTO t VALUES (2), (1)')
  const config = { mode: 'incrementing', 'incrementing.column.name': 'id', 'topic.prefix': 'q', query }
  expect(await database.valuesAround(3, config, 'INSERT INTO t VALUES (3)')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
})
