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
