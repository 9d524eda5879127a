/**
 * Goal: several tasks of a Postgres sink that meet a new topic at the same time create its table together; the slower one used to fail
 * ("type … already exists"). Method: four tasks, many new topics, each with fields and types of its own.
 */
import { expect, test } from 'vitest'
import { record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'

const database = new SinkDatabase()

test.each(['insert', 'upsert'])('%s', async (mode) => {
  const config: Record<string, string> = mode === 'insert' ? {} : { 'insert.mode': mode, 'pk.mode': 'record_key', 'pk.fields': 'id' }
  const tasks = await Promise.all(Array.from({ length: 4 }, () => database.start(config)))
  for (let round = 0; round < 20; round++) {
    const topic = `t${round}`
    await Promise.all(tasks.map((task, n) => task.write([record({ [`of${n}`]: n, all: n % 2 === 0 ? n : n + 0.5 }, { topic, key: n })])))
    const rows = await database.rows(`SELECT * FROM ${topic} ORDER BY "all"`)
    expect(rows.map((row) => Number(row.all))).toEqual([0, 1.5, 2, 3.5])
  }
})

test('the table of offsets', async () => {
  for (let round = 0; round < 20; round++) {
    const config = { 'exactly.once.enabled': 'true', 'exactly.once.offsets.table': `offsets_${round}` }
    const tasks = await Promise.all([0, 1, 2, 3].map((task) => database.start(config, { connector: `c${task}` })))
    await Promise.all(tasks.map((task, n) => task.write([record({ n }, { topic: `o${round}_${n}` })])))
    expect(await database.rows(`SELECT * FROM offsets_${round}`)).toHaveLength(4)
    for (const task of tasks) await task.stop!()
  }
})
