/**
 * Signals and the snapshots that they ask for, in a whole task on a real Postgres: incremental ones while rows change, with both kinds of
 * marks and without a table of signals; blocking ones; pauses, stops and restarts in their middle.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { databaseSettings, runSql, SourceTask } from './source-task.ts'

let postgres: TestPostgres
let tasks: SourceTask[] = []
let ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  postgres = await testPostgres()
}, 120_000)
afterAll(() => postgres?.stop())
afterEach(async () => {
  for (const task of tasks.splice(0)) await task.stop()
  for (const end of ends.splice(0)) await end()
})

const SIGNALS = 'CREATE TABLE signals (id text PRIMARY KEY, type text, data text)'
const ROWS = `CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT n, 'old' FROM generate_series(1, 50) AS n`

async function source(settings: Record<string, string>, ...sql: string[]) {
  const url = await postgres.database()
  await runSql(url, SIGNALS, ...sql)
  const name = new URL(url).pathname.slice(1)
  const config = {
    ...databaseSettings(url),
    'snapshot.mode': 'no_data',
    'slot.name': name,
    'signal.data.collection': 'public.signals',
    'incremental.snapshot.chunk.size': '10',
    'notification.enabled.channels': 'sink',
    'notification.sink.topic.name': 'notes',
    ...settings,
  }
  ends = [...ends, () => runSql(url, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${name}'`)]
  return {
    url,
    run: (...statements: string[]) => runSql(url, ...statements),
    signal: (type: string, data: object | null = null, id = `s${ends.length}-${type}`) =>
      runSql(
        url,
        `INSERT INTO signals VALUES ('${id}', '${type}', ${data === null ? 'NULL' : `'${JSON.stringify(data).replaceAll("'", "''")}'`})`,
      ),
    /** Nothing is confirmed to the slot where `stores` is false, so that any position can be gone back to. */
    async start(stored: SourceTask['offset'] = null, stores = true) {
      const task = new SourceTask(config, stored, stores)
      tasks = [...tasks, task]
      await task.streaming()
      return task
    },
  }
}

interface Note {
  type: string
  id: string
  additional_data: Map<string, string>
}

const notes = (task: SourceTask): Note[] =>
  task.records
    .filter(({ topic }) => topic === 'notes')
    .map(({ value }) => value as Note)
    .filter(({ type }) => type !== 'SKIPPED')
const types = (task: SourceTask): string[] => notes(task).map(({ type }) => type)
const reads = (task: SourceTask, topic = 'p.public.a') => task.envelopes(topic).filter(({ op }) => op === 'r')
const noted = (task: SourceTask, type: string, count = 1) =>
  until(
    () => task.failure !== null || types(task).filter((one) => one === type).length >= count,
    `a notification ${type} of ${types(task)} and ${task.logged.map(({ message }) => message).join('; ')}`,
  )

/** What a consumer that keeps the last state of each key has. */
function state(task: SourceTask, topic = 'p.public.a'): Map<unknown, unknown> {
  const rows = new Map<unknown, unknown>()
  for (const record of task.records) {
    if (record.topic !== topic) continue
    const { id } = record.key as { id: unknown }
    if (record.value === null) rows.delete(id)
    else rows.set(id, (record.value as { after: { t: unknown } | null }).after?.t)
  }
  return rows
}

describe('an incremental snapshot', () => {
  it.each([
    { 'incremental.snapshot.watermarking.strategy': 'insert_insert' },
    { 'incremental.snapshot.watermarking.strategy': 'insert_delete' },
    { 'read.only': 'true' },
  ])('reads a table in chunks while it is streamed, with %j', async (settings) => {
    const { start, signal, run } = await source(settings as unknown as Record<string, string>, ROWS)
    const task = await start()
    await signal('execute-snapshot', { 'data-collections': ['public.a'], type: 'incremental' }, 'one')
    await noted(task, 'COMPLETED')
    expect(task.failure).toBeNull()
    expect(reads(task).map(({ after }) => after!.id)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    expect(new Set(reads(task).map(({ source: from }) => from.snapshot))).toEqual(new Set(['incremental']))
    expect(reads(task)[0]!.source).toMatchObject({ lsn: null, txId: null, table: 'a' })
    expect(types(task)).toEqual(['STARTED', ...Array.from({ length: 5 }, () => 'IN_PROGRESS'), 'TABLE_SCAN_COMPLETED', 'COMPLETED'])
    expect(new Set(notes(task).map(({ id }) => id))).toEqual(new Set(['one']))
    expect(Object.fromEntries(notes(task)[1]!.additional_data)).toEqual({
      connector_name: 'p',
      current_collection_in_progress: 'public.a',
      data_collections: 'public.a',
      last_processed_key: '10',
      maximum_key: '50',
    })
    await run("INSERT INTO a VALUES (100, 'end')")
    await until(() => state(task).has(100), 'the stream goes on')
    expect(Object.keys(task.offset!).some((name) => name.includes('incremental'))).toBe(false)
  })

  it('never brings back an old state of a row, whatever is written meanwhile', async () => {
    const { start, signal, run, url } = await source(
      { 'incremental.snapshot.chunk.size': '40' },
      `CREATE TABLE a (id int PRIMARY KEY, t text, big text); INSERT INTO a SELECT n, 'old', repeat('b', 5000) FROM generate_series(1, 2000) AS n;
       ALTER TABLE a ALTER big SET STORAGE EXTERNAL`,
    )
    const task = await start()
    await signal('execute-snapshot', { 'data-collections': ['public\\.a'] })
    for (let round = 0; types(task).at(-1) !== 'COMPLETED' && round < 400; round++) {
      const at = 1 + ((round * 37) % 2000)
      await run(
        `UPDATE a SET t = 'new ${round}' WHERE id BETWEEN ${at} AND ${at + 20}`,
        `DELETE FROM a WHERE id = ${at + 5}`,
        `INSERT INTO a VALUES (${at + 5}, 'back ${round}', '')  ON CONFLICT (id) DO NOTHING`,
        `DELETE FROM a WHERE id = ${at + 9}`,
      )
    }
    await noted(task, 'COMPLETED')
    await run("INSERT INTO a VALUES (9999, 'end', '')")
    await until(() => state(task).has(9999), 'the stream is read')
    const [result] = await runSql(url, 'SELECT id, t FROM a')
    expect(new Map([...state(task)].sort(([a], [b]) => Number(a) - Number(b)))).toEqual(
      new Map(result!.rows.map(({ id, t }) => [id, t] as const).sort(([a], [b]) => a - b)),
    )
    // A consumer that keeps a large value where it is the placeholder has all of them.
    const big = new Map<unknown, string>()
    for (const { after } of task.envelopes('p.public.a'))
      if (after && after.big !== '__debezium_unavailable_value') big.set(after.id, after.big as string)
    const [large] = await runSql(url, 'SELECT id, big FROM a')
    expect(large!.rows.filter((row) => big.get(row.id) !== row.big).map(({ id }) => id)).toEqual([])
  }, 60_000)

  it('reads by conditions, patterns and another key, and leaves out what it cannot read', async () => {
    const { start, signal } = await source(
      {},
      ROWS,
      `CREATE TABLE b (x text, n int); INSERT INTO b VALUES ('b', 2), ('a', 1), (NULL, 3); INSERT INTO b SELECT 'b', 2 FROM generate_series(1, 15);
       CREATE TABLE c (id int PRIMARY KEY)`,
    )
    const task = await start()
    await signal('execute-snapshot', {
      'data-collections': ['public\\.[ac]', 'public.missing'],
      'additional-conditions': [{ 'data-collection': 'public.A', filter: 'id > 47 OR id < 2 -- both ends' }],
    })
    await noted(task, 'COMPLETED')
    await signal('execute-snapshot', { 'data-collections': ['public.b'] }, 'no-key')
    await noted(task, 'COMPLETED', 2)
    await signal('execute-snapshot', { 'data-collections': ['public.b'], 'surrogate-key': 'x' }, 'surrogate')
    await noted(task, 'COMPLETED', 3)
    expect(reads(task).map(({ after }) => after!.id)).toEqual([1, 48, 49, 50])
    expect(reads(task, 'p.public.b').map(({ after }) => after!.x)).toEqual(['a', ...Array.from({ length: 16 }, () => 'b'), null])
    const ended = notes(task).filter(({ type }) => type === 'TABLE_SCAN_COMPLETED')
    expect(ended.map(({ additional_data: data }) => `${data.get('scanned_collection')} ${data.get('status')}`)).toEqual([
      'public.a SUCCEEDED',
      'public.c EMPTY',
      'public.missing UNKNOWN_SCHEMA',
      'public.b NO_PRIMARY_KEY',
      'public.b SUCCEEDED',
    ])
  })

  it.each(['id > 45) OR (true', 'id > 45; DELETE FROM a', 'id >', 'id > 45) ORDER BY (1'])(
    'ends with SQL_EXCEPTION where its filter is no condition by itself: %s',
    async (filter) => {
      const { start, signal, url } = await source({}, ROWS)
      const task = await start()
      await signal('execute-snapshot', {
        'data-collections': ['public.a'],
        'additional-conditions': [{ 'data-collection': 'public.a', filter }],
      })
      await noted(task, 'COMPLETED')
      expect(reads(task)).toEqual([])
      expect(
        notes(task)
          .find(({ type }) => type === 'TABLE_SCAN_COMPLETED')!
          .additional_data.get('status'),
      ).toBe('SQL_EXCEPTION')
      expect(task.logged.map(({ message }) => message).find((line) => line.includes('is given up'))).toContain(`by itself: ${filter} (`)
      expect((await runSql(url, 'SELECT id FROM a'))[0]!.rows).toHaveLength(50)
      await signal('execute-snapshot', { 'data-collections': ['public.a'] }, 'again')
      await noted(task, 'COMPLETED', 2)
      expect(reads(task)).toHaveLength(50)
    },
  )

  it('reads tables whose names, or those of their schemas, have dots and quotes', async () => {
    const { start, signal } = await source(
      {},
      'CREATE SCHEMA "s.x"',
      'CREATE TABLE "s.x"."a.b" (id int PRIMARY KEY)',
      'INSERT INTO "s.x"."a.b" VALUES (1), (2)',
      'CREATE TABLE "q""uote" (id int PRIMARY KEY)',
      'INSERT INTO "q""uote" VALUES (3)',
    )
    const task = await start()
    await signal('execute-snapshot', {
      'data-collections': ['"s.x"."a.b"', 'public."q""uote"'],
      'additional-conditions': [{ 'data-collection': '"s.x"."a.b"', filter: 'id > 1' }],
    })
    await noted(task, 'COMPLETED')
    expect(reads(task, 'p.s.x.a.b').map(({ after }) => after)).toEqual([{ id: 2 }])
    expect(reads(task, 'p.public.q_uote').map(({ after }) => after)).toEqual([{ id: 3 }])
  })

  it('goes on after a restart where it was', async () => {
    const { start, signal } = await source({}, ROWS)
    const first = await start(null, false)
    await signal('execute-snapshot', { 'data-collections': ['public.a'] })
    await until(() => reads(first).length >= 20, 'two chunks')
    await first.stop()
    const stored = first.batches.find(({ offset }) =>
      String(offset?.incremental_snapshot_primary_key).includes('6C616E672E496E7465676572'),
    )!.offset!
    expect(JSON.parse(String(stored.incremental_snapshot_collections))[0].incremental_snapshot_collections_id).toBe('public.a')
    // As Debezium would give it back: without our own field.
    const { tributary_incremental_snapshot: _, ...offset } = stored
    const second = await start(offset)
    await noted(second, 'COMPLETED')
    const ids = [...reads(second)].map(({ after }) => after!.id)
    expect(ids[0]).toBe(11)
    expect(ids.at(-1)).toBe(50)
    expect(ids.length).toBe(40)
  })

  it('is paused, resumed and stopped', async () => {
    const { start, signal, run } = await source({ 'incremental.snapshot.chunk.size': '1' }, ROWS)
    const task = await start()
    await signal('execute-snapshot', { 'data-collections': ['public.a'] })
    await noted(task, 'IN_PROGRESS', 3)
    await signal('pause-snapshot')
    await noted(task, 'PAUSED')
    await run("INSERT INTO a VALUES (100, 'a'), (101, 'b')")
    await until(() => state(task).has(101), 'the stream goes on')
    const paused = reads(task).length
    await run("INSERT INTO a VALUES (102, 'a')")
    await until(() => state(task).has(102), 'the stream goes on')
    expect(reads(task).length).toBe(paused)
    await signal('resume-snapshot')
    await until(() => reads(task).length > paused + 2, 'it goes on')
    await signal('stop-snapshot', { type: 'INCREMENTAL' })
    await noted(task, 'ABORTED')
    const stopped = reads(task).length
    await run("INSERT INTO a VALUES (103, 'a')")
    await until(() => state(task).has(103), 'the stream goes on')
    expect(reads(task).length).toBe(stopped)
    expect(notes(task).at(-1)!.additional_data.get('data_collections')).toBe('public.a')
  })
})

describe('a blocking snapshot', () => {
  const data = {
    type: 'blocking',
    'data-collections': ['public.a', 'public.b'],
    'additional-conditions': [{ 'data-collection': 'public.b', filter: 'SELECT * FROM b WHERE n > 1' }],
  }
  const tables = `${ROWS}; CREATE TABLE b (n int PRIMARY KEY); INSERT INTO b VALUES (1), (2)`

  it('reads tables while the stream waits, which goes on after it', async () => {
    const { start, signal, run } = await source({}, tables)
    const task = await start()
    await run("INSERT INTO a VALUES (99, 'x')")
    await signal('execute-snapshot', data)
    await run("UPDATE a SET t = 'y' WHERE id = 99")
    await noted(task, 'COMPLETED')
    await run("INSERT INTO a VALUES (100, 'end')")
    await until(() => state(task).has(100), 'the stream goes on')
    expect(reads(task).length).toBe(51)
    expect(reads(task)[0]!.source.snapshot).toBe('first')
    expect(reads(task, 'p.public.b').map(({ after, source: { snapshot } }) => [after!.n, snapshot])).toEqual([[2, 'last']])
    expect(state(task).get(99)).toBe('y')
    expect(Object.keys(task.offset!).some((name) => name.startsWith('tributary'))).toBe(false)
  })

  it('goes on after a restart in its middle, and reports what was deleted meanwhile', async () => {
    const { start, signal, run } = await source({ 'max.batch.size': '10', 'snapshot.fetch.size': '10' }, tables)
    const first = await start(null, false)
    await signal('execute-snapshot', data)
    await noted(first, 'COMPLETED')
    await first.stop()
    const index = first.batches.findIndex(({ offset }) => /heaps\\":\{\\"/.test(String(offset?.tributary_blocking_snapshots)))
    const count = first.batches.slice(0, index + 1).reduce((sum, { records }) => sum + records, 0)
    first.records.length = count
    const delivered = reads(first).length
    expect(delivered).toBeGreaterThan(0)
    await run('DELETE FROM a WHERE id <= 5')
    const second = await start(first.batches[index]!.offset)
    await noted(second, 'COMPLETED')
    await run("INSERT INTO a VALUES (100, 'end')")
    await until(() => state(second).has(100), 'the stream goes on')
    expect(delivered + reads(second).length).toBe(50)
    first.records.push(...second.records)
    expect([...state(first).keys()].sort((a, b) => Number(a) - Number(b))).toEqual([...Array.from({ length: 45 }, (_, n) => n + 6), 100])
  })
})

describe('signals', () => {
  it('log lines, and are ignored where they cannot be read', async () => {
    const { start, signal } = await source({}, ROWS)
    const task = await start()
    await signal('log', { message: 'we are at {}' })
    await signal('dance', {}, 'x1')
    await signal('execute-snapshot', { 'data-collections': [] }, 'x2')
    await signal('execute-snapshot', { 'data-collections': ['a'], type: 'quick' }, 'x3')
    await until(() => task.logged.some(({ message }) => message.includes('x3')), 'the last signal')
    const lines = task.logged.map(({ message }) => message)
    expect(lines.find((line) => line.startsWith('we are at'))).toMatch(/^we are at \{.*"lsn":\d+/)
    expect(lines.filter((line) => line.includes('is ignored'))).toEqual([
      'The signal x1 is ignored: its type dance is unknown',
      'The signal x2 is ignored: data-collections has to be a list of names',
      'The signal x3 is ignored: its type of snapshot is neither incremental nor blocking',
    ])
    expect(task.envelopes('p.public.signals').length).toBe(4)
  })

  it('come from a file too', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tributary-signals-')), 'signals.txt')
    writeFileSync(file, '')
    const { start } = await source(
      { 'signal.enabled.channels': 'file', 'signal.file': file, 'signal.poll.interval.ms': '20', 'read.only': 'true' },
      ROWS,
    )
    const task = await start()
    writeFileSync(file, 'no signal\n{"id":"f","type":"execute-snapshot","data":{"data-collections":["public.a"]}}\n')
    await noted(task, 'COMPLETED')
    expect(reads(task).length).toBe(50)
    expect(readFileSync(file, 'utf8')).toBe('')
    expect(task.logged.some(({ message }) => message.includes(`A line of the file of signals ${file} is ignored`))).toBe(true)
  })
})
