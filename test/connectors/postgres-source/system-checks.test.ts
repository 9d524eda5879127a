/**
 * Goal: what would fail is found when a config is validated, as a sentence at the setting to change, and nothing is created. Method: the
 * checks on a real Postgres with users who lack one thing each.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { type PostgresSourceConfig, settings } from '../../../connectors/postgres-source/settings.ts'
import { checkSystem, observe } from '../../../connectors/postgres-source/system-checks.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { databaseSettings, runSql, SourceTask } from './source-task.ts'

let server: TestPostgres
let url: string
const role = `cdc_${randomBytes(4).toString('hex')}`
beforeAll(async () => {
  server = await testPostgres()
  url = await server.database()
  await runSql(url, 'CREATE TABLE t (id int PRIMARY KEY)', `CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
})
afterAll(async () => {
  await runSql(url, `DROP ROLE ${role}`)
  await server?.stop()
})

const problems = (more: Record<string, string> = {}) =>
  checkSystem(parseSettings(settings, { ...databaseSettings(url), ...more }) as PostgresSourceConfig, new AbortController().signal)

test('a config that works has no problem, and leaves nothing behind', async () => {
  expect(await problems()).toEqual([])
  const [slots, publications] = await runSql(
    url,
    'SELECT FROM pg_replication_slots WHERE database = current_database()',
    'SELECT FROM pg_publication',
  )
  expect([slots!.rowCount, publications!.rowCount]).toEqual([0, 0])
})

test('a wrong database, an unreachable server and a server without TLS are named', async () => {
  expect(await problems({ 'database.dbname': 'no_such' })).toEqual([
    { setting: 'database.dbname', why: expect.stringContaining('no database no_such') },
  ])
  expect(await problems({ 'database.port': '1' })).toEqual([
    { setting: 'database.hostname', why: expect.stringContaining('cannot be reached') },
  ])
  expect(await problems({ 'database.sslmode': 'require' })).toEqual([
    { setting: 'database.sslmode', why: expect.stringContaining('has no TLS') },
  ])
})

test('a user without the right to replicate or to read is told what to grant', async () => {
  const found = await problems({ 'database.user': role, 'database.password': 'secret' })
  expect(found.map(({ setting }) => setting)).toEqual(['database.user', 'database.user'])
  expect(found[0]!.why).toMatch(/REPLICATION/)
  expect(found[1]!.why).toMatch(/GRANT SELECT ON t/)
})

test('a missing publication, and a slot that another connector uses', async () => {
  expect(await problems({ 'publication.autocreate.mode': 'disabled' })).toEqual([
    { setting: 'publication.name', why: expect.stringContaining('CREATE PUBLICATION') },
  ])
  const slot = { 'slot.name': new URL(url).pathname.slice(1), 'snapshot.mode': 'no_data' }
  const task = new SourceTask({ ...databaseSettings(url), ...slot })
  await task.streaming()
  expect(await problems(slot)).toEqual([])
  expect(await problems({ ...slot, 'topic.prefix': 'other' })).toEqual([
    { setting: 'slot.name', why: expect.stringContaining('is in use by process') },
  ])
  const observed = await observe(
    parseSettings(settings, { ...databaseSettings(url), ...slot }) as PostgresSourceConfig,
    new AbortController().signal,
  )
  expect(observed).toEqual({
    metrics: expect.objectContaining({ 'slot-active': 1, 'slot-retained-wal-bytes': expect.any(Number) }),
    warnings: [],
  })
  await task.stop()
  await runSql(url, 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()')
})
