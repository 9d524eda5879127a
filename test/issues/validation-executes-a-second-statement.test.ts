/**
 * Goal: neither the check of a query nor a poll executes a second statement that is in its text; the check used to execute it. Method: a
 * query with a DELETE behind it.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../connect/sdk/index.ts'
import { postgresQuerySource } from '../../connectors/postgres-query-source/source.ts'
import { QueryDatabase } from '../connectors/postgres-query-source/query-database.ts'

const database = new QueryDatabase()

test('DELETE behind a SELECT', async () => {
  await database.sql('CREATE TABLE t (id integer); INSERT INTO t VALUES (1)')
  const config = { mode: 'bulk', 'topic.prefix': 'q', query: 'SELECT * FROM t; DELETE FROM t' }
  const settings = parseSettings(postgresQuerySource.settings, database.config(config))
  const problems = await postgresQuerySource.checkSystem!(settings, new AbortController().signal)
  expect(problems).toEqual([{ setting: 'query', why: expect.stringContaining('multiple commands') }])
  await expect(database.records(1, config)).rejects.toThrow('multiple commands')
  expect((await database.client.query('SELECT * FROM t')).rows).toEqual([{ id: 1 }])
})

test('a placeholder is named, and is no lost connection', async () => {
  await expect(database.records(1, { mode: 'bulk', 'topic.prefix': 'q', query: 'SELECT $1::text AS a' })).rejects.toThrow('placeholder')
})
