/**
 * Goal: what a config would fail at in its database is said before a task starts, at the setting to change. Method: a real server with
 * users who lack something.
 */
import { afterEach, expect, test } from 'vitest'
import { parseSettings, type SinkSide } from '../../../connect/sdk/index.ts'
import { confluentSink, debeziumSink, postgresSink } from '../../../connectors/postgres-sink/connector.ts'
import { failure, SinkDatabase } from './sink-database.ts'

const database = new SinkDatabase()
const users: string[] = []

afterEach(async () => {
  for (const user of users.splice(0)) await database.client.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
})

// biome-ignore lint/suspicious/noExplicitAny: each class has its own settings
const problems = async (config: Record<string, string> = {}, side: SinkSide<any> = postgresSink) =>
  await side.checkSystem!(parseSettings(side.settings, { 'connection.url': database.url, ...config }), new AbortController().signal)

/** The URL of a user who may do nothing but what `grants` says. */
async function userUrl(grants: string): Promise<string> {
  const name = `guest_${new URL(database.url).pathname.slice(1)}_${Math.random().toString(36).slice(2)}`
  await database.client.query(
    `CREATE ROLE ${name} LOGIN PASSWORD 'guest'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; ${grants.replaceAll('$user', name)}`,
  )
  users.push(name)
  const url = new URL(database.url)
  url.username = name
  url.password = 'guest'
  return url.href
}

test('a config that works has no problem', async () => {
  expect(await problems({ 'auto.create': 'true', 'exactly.once.enabled': 'true' })).toEqual([])
  expect(await problems()).toEqual([])
})

test('a wrong password and a missing database are named', async () => {
  const wrong = new URL(database.url)
  wrong.password = 'wrong'
  expect(await problems({ 'connection.url': wrong.href })).toEqual([
    { setting: 'connection.password', why: expect.stringContaining('Postgres refuses the login: password authentication failed') },
  ])
  const missing = new URL(database.url)
  missing.pathname = '/missing'
  expect(await problems({ 'connection.url': missing.href }, debeziumSink)).toEqual([
    { setting: 'connection.url', why: expect.stringContaining('database "missing" does not exist') },
  ])
})

test('a server that does not answer says nothing', async () => {
  expect(await failure(problems({ 'connection.url': 'postgresql://x:y@127.0.0.1:1/z' }))).toMatchObject({
    message: expect.stringContaining('cannot be reached'),
  })
})

test('a right to create that is missing is named at the setting that needs it', async () => {
  const url = await userUrl('')
  const expected = { why: 'the user has no right to create tables in the schema "public": grant CREATE' }
  expect(await problems({ 'connection.url': url })).toEqual([])
  expect(await problems({ 'connection.url': url, 'auto.create': 'true', 'exactly.once.enabled': 'true' }, confluentSink)).toEqual([
    { setting: 'exactly.once.offsets.table', ...expected },
  ])
  expect(await problems({ 'connection.url': url, 'schema.evolution': 'basic' }, debeziumSink)).toEqual([
    { setting: 'schema.evolution', ...expected },
  ])
  expect(await problems({ 'auto.create': 'true', 'table.name.format': 'missing.t' })).toEqual([
    { setting: 'auto.create', why: 'the schema "missing" does not exist, in which tables are to be created: create it' },
  ])
})

test('a table that is missing, or that the user may not write, is named', async () => {
  await database.client.query('CREATE TABLE t (id int)')
  const config = { 'table.name.format': 't', 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'delete.enabled': 'true' }
  expect(await problems(config)).toEqual([])
  const url = await userUrl('GRANT INSERT, SELECT ON t TO $user')
  expect(await problems({ ...config, 'connection.url': url })).toEqual([
    { setting: 'table.name.format', why: 'the user has no right to UPDATE, DELETE in "t": grant it' },
  ])
  expect(await problems({ 'table.name.format': 'missing' })).toEqual([
    { setting: 'table.name.format', why: 'the table "missing" does not exist: create it, or set auto.create' },
  ])
})
