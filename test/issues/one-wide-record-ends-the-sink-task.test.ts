/**
 * Goal: a record that no table can hold (too many columns, values nested too deeply) is a bad record, subject to errors.tolerance; it used
 * to end the Postgres sink's task. Method: such a record between two good ones, and no table yet.
 */
import { expect, test } from 'vitest'
import { BadRecord } from '../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()

test.each([
  ['1,601 fields', Object.fromEntries(Array.from({ length: 1601 }, (_, i) => [`c${i}`, 1])), /at most 1600 columns/],
  ['10,000 arrays within each other', { c: JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`) }, /stack|depth/i],
])('%s', async (_what, value, why) => {
  const task = await database.start()
  const records = [record({ id: 1 }), record(value), record({ id: 2 })]
  const error = await failure(task.write(records))
  expect(error).toBeInstanceOf(BadRecord)
  expect(error).toMatchObject({ index: 1, also: [], message: expect.stringMatching(why) })
  expect(await database.rows('SELECT id FROM t')).toEqual([{ id: '1' }, { id: '2' }])
})
