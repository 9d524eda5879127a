/**
 * Goal: with exactly.once.enabled each record's row is written once, whatever is delivered again, and a task that has lost its partitions
 * writes nothing more. Method: a real server; records are delivered again as after a crash, connections are cut between a transaction and
 * its answer, and two tasks write at the same time.
 */
import { expect, test } from 'vitest'
import { type BadRecord, Retriable, type SinkOffset, schemas } from '../../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from './sink-database.ts'

const database = new SinkDatabase()
const valueSchema = schemas.struct({ n: schemas.int32() })
const at = (offset: number, parts: object = {}) => record({ n: offset }, { offset, timestamp: offset, valueSchema, ...parts })
const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => at(first + i))
const upTo = (last: number) => Array.from({ length: last + 1 }, (_, i) => i)
const numbers = async () => (await database.rows('SELECT n FROM t ORDER BY n')).map(({ n }) => n)
const start = (committed: readonly SinkOffset[] = [], config: Record<string, string> = {}) =>
  database.start({ 'exactly.once.enabled': 'true', 'batch.size': '10', ...config }, { committed: async () => committed })

test('records that are delivered again are written once', async () => {
  const first = await start()
  await first.write(from(0, 25))
  await first.write(from(0, 30))
  const second = await start()
  await second.write(from(20, 40))
  expect(await numbers()).toEqual(upTo(40))
  expect(await database.rows('SELECT connector, topic, partition, next_offset::int, epoch::int FROM __connect_offsets')).toEqual([
    { connector: 'contract', topic: 't', partition: 0, next_offset: 41, epoch: 2 },
  ])
})

test('a task that has lost its partitions writes nothing more', async () => {
  const zombie = await start()
  await zombie.write(from(0, 4))
  const owner = await start()
  await owner.write(from(5, 6))
  await expect(zombie.write(from(5, 9))).rejects.toThrow('Another task has taken over t-0: this one writes nothing more')
  await owner.write(from(7, 9))
  expect(await numbers()).toEqual(upTo(9))
})

test('a partition that comes back is taken over again', async () => {
  const partition = { topic: 't', partition: 0 }
  const [one, two] = [await start(), await start()]
  await one.write(from(0, 1))
  await one.close!([partition])
  await two.open!([partition])
  await two.write(from(2, 3))
  await two.close!([partition])
  await one.open!([partition])
  await one.write(from(2, 5))
  expect(await numbers()).toEqual(upTo(5))
})

test('a partition that is taken away in the middle of a write, as from a task that is cancelled, gets nothing of it', async () => {
  const task = await start()
  await task.write(from(0, 4))
  const rival = await database.client.query('BEGIN; LOCK TABLE t').then(() => database.client)
  const writing = failure(task.write(from(5, 39)))
  await task.close!([{ topic: 't', partition: 0 }])
  await rival.query('COMMIT')
  expect(await writing).toBeInstanceOf(Retriable)
  const owner = await start()
  await owner.write(from(0, 39))
  expect(await numbers()).toEqual(upTo(39))
})

test('after a connection is lost nobody knows what was committed, and nothing is written twice', async () => {
  const task = await start()
  await task.write(from(0, 4))
  let delivered = 5
  for (let round = 0; round < 5; round++) {
    const writing = failure(task.write(from(0, delivered + 40)))
    await database.client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    )
    const error = await writing
    if (error !== null) expect(error).toBeInstanceOf(Retriable)
    else delivered += 40
  }
  await expect.poll(() => failure(task.write(from(0, 250))).then((error) => error === null)).toBe(true)
  expect(await numbers()).toEqual(upTo(250))
})

test('a bad record that was not yet in the dead-letter queue is reported again after a crash, and the others are not written again', async () => {
  await database.client.query('CREATE TABLE t (n int CHECK (n <> 7))')
  const badAt = async (writing: Promise<void>) => {
    const error = (await failure(writing)) as BadRecord | null
    return error && [error, ...error.also].map(({ index }) => index)
  }
  const task = await start()
  const batch = [...from(0, 15), at(16, { value: {}, valueSchema: null }), ...from(17, 20)]
  expect(await badAt(task.write(batch))).toEqual([7, 16])
  const after = await start()
  expect(await badAt(after.write(batch))).toEqual([7, 16])
  await after.flush([{ topic: 't', partition: 0, offset: 21 }])
  await after.write(from(21, 22))
  // The second flush begins after the dead letters of the first are durable.
  await after.flush([{ topic: 't', partition: 0, offset: 23 }])
  await after.write(from(23, 24))
  expect(await badAt((await start()).write(from(0, 25)))).toEqual(null)
  expect(await numbers()).toEqual([...upTo(25)].filter((n) => n !== 7 && n !== 16))
})

test('rows of several tables and deletes are one transaction with their offsets', async () => {
  const task = await start([], { 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id', 'delete.enabled': 'true' })
  const keySchema = schemas.struct({ id: schemas.int32() })
  await task.write([
    at(0, { key: { id: 1 }, keySchema }),
    at(0, { topic: 'u', key: { id: 2 }, keySchema }),
    at(1, { key: { id: 3 }, keySchema }),
    at(2, { key: { id: 1 }, keySchema, value: null, valueSchema: null }),
  ])
  expect([await numbers(), await database.rows('SELECT * FROM u')]).toEqual([[1], [{ id: 2, n: 0 }]])
  expect(await database.rows('SELECT topic, next_offset::int FROM __connect_offsets ORDER BY topic')).toEqual([
    { topic: 't', next_offset: 3 },
    { topic: 'u', next_offset: 1 },
  ])
})

test('a topic that was created again is noticed, and nothing is skipped for ever', async () => {
  await (await start()).write(from(0, 4))
  const again = await start()
  await expect(again.write([0, 1, 2, 3, 4].map((offset) => at(offset, { timestamp: 1000 + offset })))).rejects.toThrow(
    'the topic was created again. Delete the rows of the topic from "__connect_offsets"',
  )
})

test('a dead letter that is replayed is written though its offset is behind', async () => {
  const task = await start()
  await task.write(from(0, 4))
  await task.write([at(2, { value: { n: 102 }, replayOf: { topic: 'letters', partition: 0, offset: 0 } })])
  expect(await numbers()).toEqual([0, 1, 2, 3, 4, 102])
})

test('the table of offsets may be in a schema of its own, and several connectors share it', async () => {
  await database.client.query('CREATE SCHEMA "Sync"')
  const config = { 'exactly.once.offsets.table': 'Sync.offsets' }
  await (await start([], config)).write(from(0, 1))
  const other = await database.start({ 'exactly.once.enabled': 'true', 'table.name.format': 'other', ...config }, { connector: 'two' })
  await other.write(from(0, 2))
  expect(await database.rows('SELECT connector, next_offset::int FROM "Sync".offsets ORDER BY 1')).toEqual([
    { connector: 'contract', next_offset: 2 },
    { connector: 'two', next_offset: 3 },
  ])
})
