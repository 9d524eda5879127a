/**
 * Goal: wherever a connection to Postgres is cut, each row is there in the end, bad records are reported, and with exactly-once writing no
 * row is there twice. Method: a proxy cuts the connection in the middle of one of the next responses, chosen by a seed, again and again;
 * the sink gets the same records until it takes them.
 */
import { expect, test } from 'vitest'
import { BadRecord, Retriable } from '../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from '../connectors/postgres-sink/sink-database.ts'
import { faultProxy } from '../fault-proxy.ts'
import { randomFrom } from '../random.ts'

const database = new SinkDatabase()
const ROUNDS = 8
const SIZE = 10

test.each([{ exactlyOnce: true }, { exactlyOnce: false }])('$exactlyOnce', async ({ exactlyOnce }) => {
  const random = randomFrom(11)
  const url = new URL(database.url)
  const proxy = await faultProxy(Number(url.port))
  try {
    url.port = String(proxy.port)
    await database.sql('CREATE TABLE t (id integer CHECK (id % 10 <> 7))')
    const config = { 'connection.url': url.href, 'batch.size': '3', 'connection.backoff.ms': '1', 'schema.evolution': 'none' }
    const task = await database.start({ ...config, 'exactly.once.enabled': String(exactlyOnce) })
    let cuts = 0
    for (let round = 0; round < ROUNDS; round++) {
      const records = Array.from({ length: SIZE }, (_, i) => record({ id: round * SIZE + i }))
      let error: unknown = new Retriable('not written yet')
      while (error instanceof Retriable) {
        let left = Math.floor(random() * 80)
        proxy.onResponse = (chunk) => {
          if (left-- > 0) return { pass: chunk.length, cut: false }
          cuts++
          return { pass: Math.floor(random() * chunk.length), cut: true }
        }
        error = await failure(task.write(records))
      }
      expect(error).toBeInstanceOf(BadRecord)
      expect(error).toMatchObject({ index: 7, also: [] })
    }
    expect(cuts).toBeGreaterThan(0)
    proxy.onResponse = null
    const written = (await database.rows('SELECT id FROM t ORDER BY id')).map(({ id }) => id)
    const expected = Array.from({ length: ROUNDS * SIZE }, (_, id) => id).filter((id) => id % 10 !== 7)
    expect(exactlyOnce ? written : [...new Set(written)]).toEqual(expected)
  } finally {
    await proxy.close()
  }
})
