/**
 * The initial snapshot on a real Postgres: rows, markers, offsets, several connections, and tries that were cut off while rows changed.
 * The worker is played by the test, which stores the offset of the last batch that it took.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { initialSnapshot } from '../../../connectors/postgres-source/initial-snapshot.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'
import { until } from '../../until.ts'
import { deliver, TestStage } from './snapshot-stage.ts'

let postgres: TestPostgres
let open: TestStage[] = []

beforeAll(async () => {
  postgres = await testPostgres()
}, 120_000)
afterAll(() => postgres.stop())
afterEach(async () => {
  for (const stage of open.splice(0)) await stage.close()
})

async function stageOf(sql: string, raw: Record<string, string> = {}, url?: string): Promise<TestStage> {
  const stage = await TestStage.open(url ?? (await postgres.database()), raw)
  open = [...open, stage]
  if (sql !== '') await stage.sql.query(sql)
  return stage
}

const markers = (reads: readonly { topic: string; marker: string }[]) =>
  reads.map(({ topic, marker }) => `${topic.split('.')[2]} ${marker}`)

describe('the initial snapshot', () => {
  it('reads the tables in order, and marks the first and the last rows as Debezium does', async () => {
    const test = await stageOf(`
      CREATE TABLE b (id int PRIMARY KEY, t text);
      INSERT INTO b VALUES (1, 'x'), (2, E'tab\\t nl\\n back\\\\ é'), (3, NULL), (4, '\\N');
      CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (9);
      CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2);
      CREATE TABLE d (id int PRIMARY KEY);
    `)
    const slot = await test.createSlot()
    const { reads, offset } = await deliver(initialSnapshot(test.stage, { slot, stored: null }))
    expect(markers(reads)).toEqual([
      'a first',
      'a last_in_data_collection',
      'b first_in_data_collection',
      'b true',
      'b true',
      'b last_in_data_collection',
      'c last',
    ])
    expect(reads.filter(({ topic }) => topic.endsWith('.b')).map(({ after }) => after.t)).toEqual(['x', 'tab\t nl\n back\\ é', null, '\\N'])
    expect(offset).toMatchObject({ lsn: slot.lsn, snapshot: 'INITIAL', last_snapshot_record: true, snapshot_completed: true })
    expect(Object.keys(offset!).some((name) => name.startsWith('tributary'))).toBe(false)
  })

  it('sees what the slot saw, not what was written after it was made', async () => {
    const test = await stageOf('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)')
    const slot = await test.createSlot()
    await test.sql.query('INSERT INTO a VALUES (2)')
    const { reads } = await deliver(initialSnapshot(test.stage, { slot, stored: null }))
    expect(reads.map(({ after }) => after.id)).toEqual(['1'])
  })

  it('says that a database without rows is complete', async () => {
    const test = await stageOf('CREATE TABLE a (id int PRIMARY KEY)')
    const slot = await test.createSlot()
    const { reads, offset } = await deliver(initialSnapshot(test.stage, { slot, stored: null }))
    expect(reads).toEqual([])
    expect(offset).toMatchObject({ snapshot_completed: true })
  })

  it('reads a large table with several connections at a time, each row once', async () => {
    const test = await stageOf(
      `CREATE TABLE a (id int PRIMARY KEY, t text) WITH (fillfactor = 10);
       INSERT INTO a SELECT n, repeat('x', 700) FROM generate_series(1, 17000) AS n; ANALYZE a`,
      { 'snapshot.max.threads': '3', 'snapshot.fetch.size': '500' },
    )
    const slot = await test.createSlot()
    const { reads } = await deliver(initialSnapshot(test.stage, { slot, stored: null }))
    expect(new Set(reads.map(({ after }) => after.id)).size).toBe(17000)
    expect(reads.length).toBe(17000)
    const counted = Map.groupBy(reads, ({ marker }) => marker)
    expect([...counted].map(([marker, rows]) => [marker, rows.length])).toEqual([
      ['first', 1],
      ['true', 16998],
      ['last', 1],
    ])
    expect(test.work.at(-1)).toBe(null)
    expect(test.work.some((work) => work?.tables_total === 1 && work.what === 'snapshot of public.a')).toBe(true)
  })

  it('reads partitioned tables and their partitions, and both with what inherits', async () => {
    const test = await stageOf(`
      CREATE TABLE p (id int, k int) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
      CREATE TABLE p2 (k int, id int); ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20);
      INSERT INTO p VALUES (1, 100), (11, 110);
      CREATE TABLE q (id int); CREATE TABLE q1 (extra int) INHERITS (q);
      INSERT INTO q VALUES (1); INSERT INTO q1 VALUES (2, 3);
    `)
    const slot = await test.createSlot()
    const { reads } = await deliver(initialSnapshot(test.stage, { slot, stored: null }))
    expect(reads.map(({ topic, after }) => `${topic.split('.')[2]} ${after.id} ${after.k ?? ''}`.trim())).toEqual([
      'p 1 100',
      'p 11 110',
      'p1 1 100',
      'p2 11 110',
      'q 1',
      'q 2',
      'q1 2',
    ])
  })

  it('reads the tables of the list only, and by the statement of the user where there is one', async () => {
    const test = await stageOf(
      `CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT n, 'x' FROM generate_series(1, 5) AS n;
       CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1);
       CREATE TABLE signals (id text PRIMARY KEY, type text, data text); INSERT INTO signals VALUES ('1', 'log', '{}')`,
      {
        'snapshot.include.collection.list': 'public\\.A, public.s.*',
        'snapshot.select.statement.overrides': 'public.a',
        'snapshot.select.statement.overrides.public.a': 'SELECT id FROM a WHERE id > 3 ORDER BY id DESC; ',
        'signal.data.collection': 'public.signals',
      },
    )
    const slot = await test.createSlot()
    const { reads } = await deliver(initialSnapshot(test.stage, { slot, stored: null }))
    expect(reads.map(({ after }) => after)).toEqual([
      { id: '5', t: null },
      { id: '4', t: null },
    ])
  })

  it('keeps tables from being altered that it has not read yet, where it locks them', async () => {
    const test = await stageOf(
      "CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT n, repeat('x', 900) FROM generate_series(1, 9000) AS n; CREATE TABLE b (id int)",
      { 'snapshot.locking.mode': 'shared', 'max.batch.size': '10', 'snapshot.fetch.size': '10' },
    )
    const slot = await test.createSlot()
    const reading = initialSnapshot(test.stage, { slot, stored: null })
    await reading.next()
    await expect(test.sql.query("SET lock_timeout = '50ms'; ALTER TABLE b ADD x int")).rejects.toThrow('lock timeout')
    await reading.return()
    await test.sql.query('ALTER TABLE b ADD x int')
  })

  it('says which right is missing', async () => {
    const test = await stageOf('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)')
    await test.sql.query(`DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD 'r'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
    const reader = await stageOf('', { 'database.user': 'reader', 'database.password': 'r' }, test.url)
    await expect(deliver(initialSnapshot(reader.stage, { slot: null, stored: null }))).rejects.toThrow(
      'Postgres refuses to read public.a: permission denied for table a. GRANT SELECT ON "public"."a" TO reader.',
    )
  })

  it('sends notifications', async () => {
    const test = await stageOf('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)', {
      'notification.enabled.channels': 'sink,log',
      'notification.sink.topic.name': 'notes',
    })
    const { notifications } = await deliver(initialSnapshot(test.stage, { slot: null, stored: null }))
    expect(notifications.map(({ type }) => type)).toEqual(['STARTED', 'IN_PROGRESS', 'TABLE_SCAN_COMPLETED', 'COMPLETED'])
    expect(Object.fromEntries(notifications[2]!.additional_data as Map<string, string>)).toEqual({
      connector_name: 'p',
      data_collections: 'public.a',
      scanned_collection: 'public.a',
      status: 'SUCCEEDED',
      total_rows_scanned: '1',
    })
  })
})

describe('a snapshot that was cut off', () => {
  const rows = `CREATE TABLE a (id int PRIMARY KEY, t text, big text); ALTER TABLE a ALTER big SET STORAGE EXTERNAL;
    INSERT INTO a SELECT n, 'x', repeat('b', 3000) FROM generate_series(1, 4000) AS n;
    CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)`
  const small = { 'max.batch.size': '100', 'snapshot.fetch.size': '100' }

  it('goes on after its last stored row and does not read tables again that are done', async () => {
    const test = await stageOf(rows, small)
    const slot = await test.createSlot()
    const first = await deliver(initialSnapshot(test.stage, { slot, stored: null }), ({ reads }) => reads.length >= 1000)
    await test.releaseSnapshot()
    expect(first.offset).toMatchObject({ lsn: slot.lsn, snapshot: 'INITIAL', last_snapshot_record: false, snapshot_completed: false })
    const old = { lsn: slot.lsn, snapshotName: null }
    const second = await deliver(initialSnapshot(test.stage, { slot: old, stored: first.offset }), ({ reads }) => reads.length >= 1000)
    const third = await deliver(initialSnapshot(test.stage, { slot: old, stored: second.offset }))
    const ids = [first, second, third].flatMap(({ reads }) =>
      reads.filter(({ topic }) => topic === 'p.public.a').map(({ after }) => after.id),
    )
    expect(ids.length).toBe(4000)
    expect(new Set(ids).size).toBe(4000)
    expect(markers(third.reads).slice(-2)).toEqual(['a last_in_data_collection', 'b last'])
    expect(markers(second.reads)[0]).toBe('a true')
    expect(third.offset).toMatchObject({ lsn: slot.lsn, snapshot_completed: true })
  })

  it('also reads rows that moved into what was delivered, since the stream lacks their unchanged large values', async () => {
    const test = await stageOf(rows, small)
    const slot = await test.createSlot()
    const first = await deliver(initialSnapshot(test.stage, { slot, stored: null }), ({ reads }) => reads.length >= 2000)
    await test.releaseSnapshot()
    const delivered = new Set(first.reads.map(({ after }) => Number(after.id)))
    // Room at the beginning of the heap, into which a later row moves.
    await test.sql.query('DELETE FROM a WHERE id <= 1000')
    await test.sql.query('VACUUM a')
    await test.sql.query("UPDATE a SET t = 'moved' WHERE id BETWEEN 3500 AND 3600")
    const { rows: moved } = await test.sql.query(
      'SELECT count(*)::int AS n FROM a WHERE id BETWEEN 3500 AND 3600 AND (ctid::text::point)[0] < 50',
    )
    expect(moved[0].n).toBeGreaterThan(50)
    const second = await deliver(initialSnapshot(test.stage, { slot: { lsn: slot.lsn, snapshotName: null }, stored: first.offset }))
    const read = new Map(second.reads.filter(({ topic }) => topic === 'p.public.a').map(({ after }) => [Number(after.id), after]))
    for (let id = 3500; id <= 3600; id++) expect(read.get(id)).toMatchObject({ t: 'moved', big: 'b'.repeat(3000) })
    for (let id = 1001; id <= 4000; id++) expect(delivered.has(id) || read.has(id)).toBe(true)
    expect(read.size).toBeLessThan(4000 - delivered.size + 200)
  })

  it('reads a table from the start whose heap was rewritten', async () => {
    const test = await stageOf(rows, small)
    const slot = await test.createSlot()
    const first = await deliver(initialSnapshot(test.stage, { slot, stored: null }), ({ reads }) => reads.length >= 1000)
    await test.releaseSnapshot()
    await test.sql.query('VACUUM FULL a')
    const second = await deliver(initialSnapshot(test.stage, { slot: { lsn: slot.lsn, snapshotName: null }, stored: first.offset }))
    expect(second.reads.length).toBe(4001)
  })

  it('is taken from the start, and says what is lost, where the slot is another one', async () => {
    const test = await stageOf(rows, small)
    const slot = await test.createSlot()
    const first = await deliver(initialSnapshot(test.stage, { slot, stored: null }), ({ reads }) => reads.length >= 1000)
    await test.releaseSnapshot()
    await test.sql.query('DELETE FROM a WHERE id < 100')
    const second = await deliver(initialSnapshot(test.stage, { slot: { lsn: slot.lsn + 1000, snapshotName: null }, stored: first.offset }))
    expect(second.reads.length).toBe(4001 - 99)
    expect(test.logs.find(({ level }) => level === 'error')?.message).toContain('does not have the changes since the stored position')
  })

  it('may be tried again where a connection was lost', async () => {
    const test = await stageOf(rows, small)
    const slot = await test.createSlot()
    const reading = initialSnapshot(test.stage, { slot, stored: null })
    await reading.next()
    await test.sql.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database()")
    await expect(deliver(reading)).rejects.toMatchObject({ name: 'RetriableException' })
  })

  it('ends when the task stops', async () => {
    const test = await stageOf(rows, small)
    const slot = await test.createSlot()
    const reading = initialSnapshot(test.stage, { slot, stored: null })
    await reading.next()
    test.abort.abort()
    await expect(
      (async () => {
        for await (const _ of reading);
      })().catch((error: Error) => error.name),
    ).resolves.toBeOneOf([undefined, 'RetriableException'])
    await until(async () => {
      const { rows: left } = await test.sql.query("SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database()")
      return left.length === 0
    }, 'no connection copies')
  })
})
