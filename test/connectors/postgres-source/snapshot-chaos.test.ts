/**
 * Story of connectors/postgres-source. Goal: however often a snapshot is cut off while rows are written, its topics have the state of the
 * tables at the end, and no ghosts. Method: a task on a real Postgres is stopped in the middle of its snapshot again and again, and begins
 * with an offset that was stored some batches before; two writers insert, update, delete, change keys and vacuum meanwhile.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { SourceOffset, SourceRecord } from '../../../connect/sdk/index.ts'
import { storedState } from '../../../connectors/postgres-source/snapshot-mode.ts'
import { randomFrom } from '../../random.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { databaseSettings, runSql, SourceTask } from './source-task.ts'

const ROWS = 6_000
const KILLS = 6
const PLACEHOLDER = '__debezium_unavailable_value'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await testPostgres()
}, 120_000)
afterAll(() => postgres?.stop())

/** Writes until it is stopped. */
class Writer {
  readonly #url: string
  readonly #random: () => number
  readonly #done: Promise<void>
  #isStopped = false
  statements = 0

  constructor(url: string, seed: number) {
    this.#url = url
    this.#random = randomFrom(seed)
    this.#done = this.#write()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#done
  }

  async #write(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#url })
    await client.connect()
    while (!this.#isStopped) {
      try {
        await client.query(this.#statement())
      } catch (error) {
        // Two writers choose the same key or wait for each other.
        if (!['23505', '40P01'].includes((error as pg.DatabaseError).code ?? '')) throw error
      }
      this.statements++
    }
    await client.end()
  }

  #statement(): string {
    const id = 1 + Math.floor(this.#random() * ROWS * 1.2)
    const next = 1 + Math.floor(this.#random() * ROWS * 1.2)
    const kinds = [
      `UPDATE a SET t = 'u${this.statements}' WHERE id BETWEEN ${id} AND ${id + 9}`,
      `UPDATE a SET big = repeat('${this.statements % 10}', 4000) WHERE id = ${id}`,
      `DELETE FROM a WHERE id BETWEEN ${id} AND ${id + 3}`,
      `INSERT INTO a VALUES (${id}, 'i${this.statements}', repeat('i', 3000)) ON CONFLICT DO NOTHING`,
      `DELETE FROM b WHERE id = ${id}; INSERT INTO b VALUES (${id}, 'again')`,
      `UPDATE b SET id = ${next}, t = 'k${this.statements}' WHERE id = ${id}`,
      `DELETE FROM b WHERE id = ${id}`,
      `DELETE FROM c WHERE id = ${id}`,
    ]
    if (this.statements % 200 === 199) return 'VACUUM a, b'
    return kinds[Math.floor(this.#random() * kinds.length)]!
  }
}

/** What a consumer has that keeps the last state of each key, and a large value where it is the placeholder. */
function latest(records: readonly SourceRecord[], topic: string): Map<number, Record<string, unknown>> {
  const rows = new Map<number, Record<string, unknown>>()
  for (const { topic: to, key, value } of records) {
    if (to !== topic) continue
    const { id } = key as { id: number }
    const after = (value as { after: Record<string, unknown> | null } | null)?.after
    if (!after) rows.delete(id)
    else rows.set(id, after.big === PLACEHOLDER ? { ...after, big: rows.get(id)?.big } : after)
  }
  return rows
}

it.each([
  { threads: '1', seed: 1 },
  { threads: '3', seed: 2 },
])(
  'a snapshot by $threads connections that is cut off again and again ends with the state of the tables',
  async ({ threads, seed }) => {
    const random = randomFrom(seed)
    const url = await postgres.database()
    const name = new URL(url).pathname.slice(1)
    await runSql(
      url,
      `CREATE TABLE a (id int PRIMARY KEY, t text, big text); ALTER TABLE a ALTER big SET STORAGE EXTERNAL;
       INSERT INTO a SELECT n, 'old', repeat('b', 3000) FROM generate_series(1, ${ROWS}) AS n;
       CREATE TABLE b (id int PRIMARY KEY, t text); INSERT INTO b SELECT n, 'old' FROM generate_series(1, ${ROWS}) AS n;
       CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c SELECT n FROM generate_series(1, ${ROWS}) AS n;
       CREATE TABLE z (id int PRIMARY KEY)`,
    )
    const config = {
      ...databaseSettings(url),
      'slot.name': name,
      'max.batch.size': '100',
      'snapshot.fetch.size': '100',
      'snapshot.max.threads': threads,
      'heartbeat.interval.ms': '0',
    }
    const writers = [new Writer(url, seed + 10), new Writer(url, seed + 20)]
    const delivered: SourceRecord[] = []
    let stored: SourceOffset | null = null
    let cutOff = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const task = new SourceTask(config, stored, false)
      // The first try stores nothing: its rows have to be told by the slot alone.
      await task.received(kill === 0 ? 1_000 : 500 + Math.floor(random() * 2_000))
      await task.stop()
      delivered.push(...task.records)
      if (storedState(task.offset) === 'snapshot') cutOff++
      if (kill > 0 && task.batches.length > 0) stored = task.batches[Math.floor(random() * task.batches.length)]!.offset
    }
    const last = new SourceTask(config, stored, false)
    await last.streaming()
    await Promise.all(writers.map((writer) => writer.stop()))
    expect(writers.every(({ statements }) => statements > 50)).toBe(true)
    await runSql(url, 'INSERT INTO z VALUES (1)')
    await until(() => last.failure !== null || last.records.some(({ topic }) => topic === 'p.public.z'), 'the stream is read', 60_000)
    await last.stop()
    expect(last.failure).toBeNull()
    delivered.push(...last.records)
    for (const table of ['a', 'b', 'c']) {
      const [{ rows }] = (await runSql(url, `SELECT * FROM ${table} ORDER BY id`)) as [pg.QueryResult]
      const state = latest(delivered, `p.public.${table}`)
      const ghosts = [...state.keys()].filter((id) => !rows.some((row) => row.id === id))
      expect(ghosts, `ghosts in ${table}`).toEqual([])
      expect(
        rows.filter((row) => !state.has(row.id)).map(({ id }) => id),
        `missing in ${table}`,
      ).toEqual([])
      expect(
        [...state].sort(([left], [right]) => left - right).map(([, row]) => row),
        table,
      ).toEqual(rows)
    }
    expect(cutOff).toBeGreaterThan(2)
    await runSql(url, `SELECT pg_drop_replication_slot('${name}')`)
  },
  120_000,
)
