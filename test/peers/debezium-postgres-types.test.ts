/**
 * Goal: test/golden/debezium-postgres-types.json, which the mapping is held against, is what Debezium makes of the sample tables. Method:
 * Debezium in Kafka Connect reads them from a real Postgres, in a snapshot and as changes. With TRIBUTARY_WRITE_GOLDEN=1 the file is
 * written instead; it then has the tables of the extensions that this Postgres has.
 */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type GoldenTypes, goldenFile, goldenTypes } from '../connectors/postgres-source/golden-types.ts'
import { sampleSettings } from '../connectors/postgres-source/type-samples.ts'
import { type TestPostgres, testPostgres } from '../services/postgres.ts'
import { debeziumTypes } from './debezium-types.ts'
import { temporaryFolder } from './workers.ts'

// It starts a JVM and many connectors.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const NOTE =
  'Made by test/peers/debezium-postgres-types.test.ts with Debezium 3.4.0 on Postgres 15, PostGIS 3.3 and pgvector 0.8; regenerate with TRIBUTARY_WRITE_GOLDEN=1.'

const folder = temporaryFolder()
let postgres: TestPostgres
let now: GoldenTypes

beforeAll(async () => {
  postgres = await testPostgres()
  now = await debeziumTypes(await postgres.database(), folder)
  if (process.env.TRIBUTARY_WRITE_GOLDEN === '1') writeFileSync(goldenFile, lines({ note: NOTE, ...now }))
})
afterAll(() => postgres?.stop())

/** One line for each type, table and mapped table, so that changes can be seen. */
function lines({ note, types, tables, debezium }: GoldenTypes & { note: string }): string {
  const members = (object: object, shown: (value: unknown) => string = JSON.stringify) =>
    `{\n${Object.entries(object)
      .map(([name, value]) => `${JSON.stringify(name)}: ${shown(value)}`)
      .join(',\n')}\n}`
  const parts = {
    note: JSON.stringify(note),
    types: `[\n${types.map((type) => JSON.stringify(type)).join(',\n')}\n]`,
    tables: members(tables),
    debezium: members(debezium, (mapped) => members(mapped as object)),
  }
  return `${members(parts, (text) => text as string)}\n`
}

const golden = goldenTypes()

describe.each(Object.keys(sampleSettings))('with the settings %s', (settings) => {
  test.each(Object.keys(golden.debezium[settings] ?? {}))('%s', (table) => {
    // Postgres may lack the extension.
    if (now.tables[table] === undefined) return
    const { snapshot, ...mapped } = now.debezium[settings]![table]!
    const { snapshot: goldenSnapshot, ...goldenMapped } = golden.debezium[settings]![table]!
    expect(mapped).toEqual(goldenMapped)
    expect(snapshot).toEqual(goldenSnapshot)
  })
})

test('Debezium has mapped all tables', () => expect(Object.keys(now.debezium)).toEqual(Object.keys(sampleSettings)))
