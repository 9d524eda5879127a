/**
 * Goal: a row that Postgres refuses for what it is, by whatever rule of the database, is a bad record and costs no other record: exceptions
 * of triggers, check options and policies used to fail the task. What passes is retried, and nothing is written twice. Method: rules and
 * rivals on a real server.
 */
import { describe, expect, test } from 'vitest'
import { BadRecord, Retriable, type SinkRecord, type SinkTask, schemas } from '../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()
const none = { 'schema.evolution': 'none' }

/** Writes as the runtime does; the places of the bad records. */
async function write(task: SinkTask, records: readonly SinkRecord[]): Promise<number[]> {
  for (;;) {
    const error = await failure(task.write(records))
    if (error instanceof Retriable) continue
    if (error instanceof BadRecord) return [error.index, ...error.also.map(({ index }) => index)]
    if (error) throw error
    return []
  }
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => ({ id: from + index }))
const ids = async (table = 't') => (await database.rows(`SELECT id FROM ${table} ORDER BY id`)).map(({ id }) => id)

describe.each([{ exactlyOnce: 'true' }, { exactlyOnce: 'false' }])('with exactly.once.enabled=$exactlyOnce', ({ exactlyOnce }) => {
  const config = { ...none, 'exactly.once.enabled': exactlyOnce }
  test.each([
    [
      'a trigger that raises an exception',
      `CREATE TABLE t (id int);
       CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.id = 3 THEN RAISE EXCEPTION 'three is not wanted'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()`,
    ],
    [
      'a trigger with an assertion',
      `CREATE TABLE t (id int);
       CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT NEW.id <> 3, 'three'; RETURN NEW; END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()`,
    ],
    ['a view with a check option', 'CREATE TABLE base (id int); CREATE VIEW t AS SELECT * FROM base WHERE id <> 3 WITH CHECK OPTION'],
    [
      'a deferred constraint',
      'CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (0),(1),(2),(4),(5); CREATE TABLE t (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED)',
    ],
    [
      'a partition that is not there',
      'CREATE TABLE t (id int) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (0, 1, 2, 4, 5)',
    ],
    ['a division by zero in a generated column', 'CREATE TABLE t (id int, g int GENERATED ALWAYS AS (1 / (id - 3)) STORED)'],
  ])('%s costs the one row', async (_, sql) => {
    await database.sql(sql)
    const task = await database.start(config)
    expect(
      await write(
        task,
        numbers(0, 6).map((value) => record(value)),
      ),
    ).toEqual([3])
    expect(await ids()).toEqual([0, 1, 2, 4, 5])
  })

  test('a policy of row-level security costs the one row', async () => {
    await database.sql(
      `DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN PASSWORD 'x'; GRANT ALL ON SCHEMA public TO limited; CREATE TABLE t (id int); GRANT ALL ON t TO limited;
       ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true) WITH CHECK (id <> 3)`,
    )
    try {
      const task = await database.start({ ...config, 'connection.user': 'limited', 'connection.password': 'x' })
      expect(
        await write(
          task,
          numbers(0, 6).map((value) => record(value)),
        ),
      ).toEqual([3])
      expect(await ids()).toEqual([0, 1, 2, 4, 5])
    } finally {
      await database.sql('DROP OWNED BY limited CASCADE; DROP ROLE limited')
    }
  })

  test('NOT NULL that is added while it runs costs the rows without a value', async () => {
    await database.sql('CREATE TABLE t (id int, n int)')
    const task = await database.start(config)
    expect(await write(task, [record({ id: 0, n: null })])).toEqual([])
    await database.sql('UPDATE t SET n = 0; ALTER TABLE t ALTER n SET NOT NULL')
    expect(await write(task, [record({ id: 1, n: 1 }), record({ id: 2, n: null }), record({ id: 3, n: 3 })])).toEqual([1])
    expect(await ids()).toEqual([0, 1, 3])
  })

  test('a table that is dropped and created again in another form gets the rows after it', async () => {
    await database.sql('CREATE TABLE t (id int, n int)')
    const task = await database.start(config)
    expect(await write(task, [record({ id: 0, n: 1 })])).toEqual([])
    await database.sql('DROP TABLE t; CREATE TABLE t (n text, more int DEFAULT 7, id bigint)')
    expect(await write(task, [record({ id: 1, n: 1 }), record({ id: 2, n: 2 })])).toEqual([])
    expect(await database.rows('SELECT * FROM t ORDER BY id')).toEqual([
      { n: '1', more: 7, id: '1' },
      { n: '2', more: 7, id: '2' },
    ])
  })

  test('serializable transactions of rivals leave each row once', async () => {
    await database.sql(
      `CREATE TABLE t (id int PRIMARY KEY, n int); ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`,
    )
    const upsert = { ...config, 'insert.mode': 'upsert', 'pk.mode': 'record_value', 'pk.fields': 'id', 'batch.size': '20' }
    const tasks = await Promise.all(['a', 'b', 'c'].map((connector) => database.start(upsert, { connector })))
    for (let round = 0; round < 8; round++) {
      const rows = numbers(0, 40).map(({ id }) => ({ id, n: round }))
      const results = await Promise.all(
        tasks.map((task, index) =>
          write(
            task,
            (index === 1 ? rows.toReversed() : rows).map((value) => record(value)),
          ),
        ),
      )
      expect(results).toEqual([[], [], []])
    }
    expect(await database.rows('SELECT count(*)::int AS c, min(n) AS least FROM t')).toEqual([{ c: 40, least: 7 }])
  })

  test('deadlocks between tasks that write the same keys pass', async () => {
    await database.sql('CREATE TABLE t (id int PRIMARY KEY, n int)')
    const upsert = { ...config, 'insert.mode': 'upsert', 'pk.mode': 'record_value', 'pk.fields': 'id' }
    const tasks = await Promise.all(['a', 'b'].map((connector) => database.start(upsert, { connector })))
    for (let round = 0; round < 10; round++) {
      const rows = numbers(0, 500).map(({ id }) => ({ id, n: round }))
      const results = await Promise.all(
        tasks.map((task, index) =>
          write(
            task,
            (index === 1 ? rows.toReversed() : rows).map((value) => record(value)),
          ),
        ),
      )
      expect(results).toEqual([[], []])
    }
    expect(await database.rows('SELECT count(*)::int AS c, min(n) AS least FROM t')).toEqual([{ c: 500, least: 9 }])
  })
})

test.each([
  ['io.debezium.time.ZonedTimestamp', 'timestamptz', '+12345-06-07T01:02:03.5Z', '12345-06-07 01:02:03.5+00'],
  ['io.debezium.time.ZonedTimestamp', 'timestamptz', '-0043-03-15T12:00:00Z', '0044-03-15 12:00:00+00 BC'],
  ['io.debezium.time.ZonedTimestamp', 'timestamptz', '0000-12-31T23:59:59+00:00', '0001-12-31 23:59:59+00 BC'],
  ['io.debezium.time.ZonedTimestamp', 'timestamptz', '-infinity', '-infinity'],
  ['io.debezium.time.ZonedTimestamp', 'text', '+12345-06-07T01:02:03.5Z', '+12345-06-07T01:02:03.5Z'],
  ['io.debezium.time.IsoTimestamp', 'timestamp', '-0043-03-15T12:00:00Z', '0044-03-15 12:00:00 BC'],
  ['io.debezium.time.IsoDate', 'date', '+12345-06-07Z', '12345-06-07'],
  ['io.debezium.time.IsoDate', 'date', '-0043-03-15Z', '0044-03-15 BC'],
])('a year of Java is one of Postgres: %s in %s, %s', async (name, type, value, stored) => {
  await database.sql(`SET timezone = 'UTC'; CREATE TABLE t (v ${type})`)
  const valueSchema = schemas.struct({ v: { ...schemas.string(), name } })
  const task = await database.start(none)
  await task.write([record({ v: value }, { valueSchema }), record({ v: '1970-01-02Z' }, { valueSchema })])
  expect((await database.rows('SELECT v::text FROM t')).map(({ v }) => v)[0]).toBe(stored)
})
