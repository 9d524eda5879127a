/**
 * Story of connectors/postgres-source. Goal: a sample database with every common type is built again from its topics, and a dump of both
 * is the same. Method: the source and the sink of one worker, from one database of a real Postgres to another, while a mixed workload of
 * transactions runs; the source is restarted meanwhile. The rows of both are compared, and what pg_dump writes where the server comes
 * with it.
 */
import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { randomFrom } from '../../random.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../worker-in-process.ts'
import { insertRow, mixedStatement, SCHEMA, TABLES } from './round-trip-sample.ts'
import { databaseSettings, runSql } from './source-task.ts'

const ROWS = 60
const TRANSACTIONS = 400
const MINUTES = 240_000

let server: TestPostgres
let workers: WorkersInProcess
beforeAll(async () => {
  ;[server, workers] = await Promise.all([testPostgres(), workersInProcess()])
}, MINUTES)
afterAll(async () => {
  await workers?.stop()
  await server?.stop()
})

/** The rows of each table as COPY prints them, in an order of their own. */
async function rowsOf(url: string): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {}
  const results = await runSql(url, ...TABLES.map((table) => `SELECT t::text AS row FROM ${table} AS t ORDER BY 1`))
  for (const [index, table] of TABLES.entries()) rows[table] = results[index]!.rows.map(({ row }) => row as string)
  return rows
}

/** The pg_dump of the server's version; null where its package has none, or it is elsewhere. */
function dumpProgram(binaries: string): string | null {
  const postgres = join(binaries, 'postgres')
  const program = existsSync(postgres) ? join(dirname(realpathSync(postgres)), 'pg_dump') : ''
  return existsSync(program) ? program : null
}

/** What pg_dump writes, in an order of its own: that of the heap differs, and a sequence is no row. */
async function dumped(url: string, program: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(program, ['--rows-per-insert=1', '--no-owner', '--no-publications', url], {
    maxBuffer: 64 * 1024 * 1024,
  })
  // Rows may have line breaks: statements end with a semicolon at the end of a line.
  return stdout
    .split(/;\n/)
    .map((statement) => statement.replace(/^(?:\s*(?:--[^\n]*)?\n)+/, '').trim())
    .filter((statement) => !/^(?:\\|SELECT pg_catalog.setval)/.test(statement))
    .sort()
}

test(
  'a database that is built again from its topics has the same dump',
  async () => {
    const [from, to] = [await server.database(), await server.database()]
    await runSql(from, ...SCHEMA)
    await runSql(to, ...SCHEMA)
    const slot = new URL(from).pathname.slice(1)
    const random = randomFrom(42)
    const database = new pg.Client({ connectionString: from })
    await database.connect()
    for (let id = 0; id < ROWS; id++) for (const table of TABLES) await database.query(insertRow(table, id, random))
    const worker = await workers.start()
    await worker.create(
      'source',
      {
        name: 'source',
        'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
        ...databaseSettings(from),
        'slot.name': slot,
        'publish.via.partition.root': 'true',
        // The snapshot would read the rows of partitions once more, into topics that have no order with that of the partitioned table.
        'table.exclude.list': 'public\\.events_\\d',
        'skipped.operations': 'none',
        'interval.handling.mode': 'string',
      },
      'RUNNING',
    )
    await worker.create(
      'sink',
      {
        name: 'sink',
        'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
        'connection.url': `jdbc:${to}`,
        'connection.username': new URL(to).username,
        'connection.password': decodeURIComponent(new URL(to).password),
        'topics.regex': 'p\\.public\\..*',
        // Topics are made when the first row of a table comes.
        'consumer.override.metadata.max.age.ms': '500',
        'collection.name.format': '${source.table}',
        'quote.identifiers': 'true',
        'insert.mode': 'upsert',
        'primary.key.mode': 'record_key',
        'delete.enabled': 'true',
        'truncate.enabled': 'true',
      },
      'RUNNING',
    )
    for (let count = 0; count < TRANSACTIONS; count++) {
      await database.query('BEGIN')
      for (let statement = 0; statement < 1 + random() * 6; statement++) await database.query(mixedStatement(random, ROWS))
      await database.query(random() < 0.1 ? 'ROLLBACK' : 'COMMIT')
      if (count === TRANSACTIONS / 2) await worker.restart('source', { includeTasks: true, onlyFailed: false })
    }
    await database.end()
    const expected = await rowsOf(from)
    const running = () => {
      for (const name of ['source', 'sink'])
        for (const { state, trace } of worker.status(name).tasks) if (state === 'FAILED') throw new Error(`${name} failed: ${trace}`)
    }
    let actual = await rowsOf(to)
    try {
      await until(
        async () => {
          running()
          actual = await rowsOf(to)
          return JSON.stringify(actual) === JSON.stringify(expected)
        },
        'the databases are the same',
        60_000,
      )
    } finally {
      running()
      for (const table of TABLES) expect(actual[table], table).toEqual(expected[table])
    }
    expect(Object.values(expected).every((rows) => rows.length > 0)).toBe(true)
    const program = dumpProgram(server.from)
    if (program) expect(await dumped(to, program)).toEqual(await dumped(from, program))
    await worker.delete('source')
    await worker.delete('sink')
    await until(
      () => runSql(from, 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()'),
      'the slot is dropped',
    )
  },
  MINUTES,
)
