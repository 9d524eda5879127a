/**
 * Goal: a row whose local time a change of clocks repeats or leaves out is read once. The query source took one instant for it and Postgres
 * another, so that the row was behind its own position, and was read at each poll. Method: instants as Postgres has them, around changes of
 * several zones, half an hour and a whole day among them; then a source on such rows.
 */
import { expect, test } from 'vitest'
import { zoneNamed } from '../../connectors/postgres-query-source/zone.ts'
import { QueryDatabase } from '../connectors/postgres-query-source/query-database.ts'

const database = new QueryDatabase()

test.each([
  ['America/New_York', '2024-03-10'],
  ['America/New_York', '2024-11-03'],
  ['Europe/Vienna', '2024-03-31'],
  ['Europe/Vienna', '2024-10-27'],
  ['Australia/Lord_Howe', '2024-04-07'],
  ['Australia/Lord_Howe', '2024-10-06'],
  ['Pacific/Apia', '2011-12-30'],
])('the instants of %s around %s are those of Postgres', async (zone, day) => {
  const { rows } = await database.client.query<{ local: string; instant: string }>(
    `SELECT (extract(epoch FROM t) * 1000)::bigint AS local, (extract(epoch FROM t AT TIME ZONE '${zone}') * 1000)::bigint AS instant
      FROM generate_series(timestamp '${day}' - interval '36 hours', timestamp '${day}' + interval '60 hours', interval '10 minutes') AS t`,
  )
  const { instantMs } = zoneNamed(zone)
  expect(rows.map(({ local }) => instantMs(Number(local)))).toEqual(rows.map(({ instant }) => Number(instant)))
})

test.each(['2024-11-03 01:30', '2024-03-10 02:30'])('a row at %s in New York is read once', async (at) => {
  await database.sql(`CREATE TABLE t (id integer, at timestamp NOT NULL); INSERT INTO t VALUES (1, '${at}')`)
  const config = { mode: 'timestamp', 'timestamp.column.name': 'at', 'table.whitelist': 't', 'db.timezone': 'America/New_York' }
  const values = await database.valuesAround(2, config, `INSERT INTO t VALUES (2, '2024-12-01')`)
  expect(values).toMatchObject([{ id: 1 }, { id: 2 }])
})
