/**
 * Story of connectors/postgres-source. Goal: what Postgres has since 17 and 18 is read too: slots that standbys keep, generated columns
 * in the stream, and standbys as the source. Method: a server of the npm package's binaries, which are of 18 or later, and a standby of
 * it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresBinaries } from '../../../bin/demo/postgres-server.ts'
import { PostgresProcess } from '../../services/postgres-process.ts'
import { until } from '../../until.ts'
import { databaseSettings, runSql, SourceTask } from './source-task.ts'

const MINUTES = 180_000
let server: PostgresProcess
beforeAll(async () => {
  server = await PostgresProcess.start(postgresBinaries().embedded[0])
}, MINUTES)
afterAll(() => server?.stop())

const slotOf = (url: string) => new URL(url).pathname.slice(1)
const rows = (task: SourceTask, topic: string) => task.envelopes(topic).map(({ op, before, after }) => [op, before, after])

test('generated columns come as the publication has them, and a slot with slot.failover is one that standbys keep', async () => {
  const url = await server.database()
  await runSql(
    url,
    `CREATE TABLE g (id int PRIMARY KEY, a int, stored int GENERATED ALWAYS AS (a * 2) STORED, virtual int GENERATED ALWAYS AS (a * 3) VIRTUAL)`,
    'CREATE TABLE f (id int PRIMARY KEY, a int, stored int GENERATED ALWAYS AS (a * 2) STORED)',
    'ALTER TABLE f REPLICA IDENTITY FULL',
    'INSERT INTO g VALUES (1, 2)',
    'CREATE PUBLICATION dbz_publication FOR ALL TABLES WITH (publish_generated_columns = stored)',
  )
  const config = { ...databaseSettings(url), 'slot.name': slotOf(url), 'slot.failover': 'true' }
  const task = new SourceTask(config)
  await task.streaming()
  const [slot] = await runSql(url, `SELECT failover FROM pg_replication_slots WHERE slot_name = '${slotOf(url)}'`)
  expect(slot!.rows).toEqual([{ failover: true }])
  await runSql(url, 'INSERT INTO g VALUES (2, 3)', 'INSERT INTO f VALUES (1, 1)', 'UPDATE f SET a = 2')
  await task.received(4)
  await task.stop()
  expect(rows(task, 'p.public.g')).toEqual([
    ['r', null, { id: 1, a: 2, stored: 4, virtual: 6 }],
    ['c', null, { id: 2, a: 3, stored: 6 }],
  ])
  expect(rows(task, 'p.public.f')).toEqual([
    ['c', null, { id: 1, a: 1, stored: 2 }],
    ['u', { id: 1, a: 1, stored: 2 }, { id: 1, a: 2, stored: 4 }],
  ])
  await runSql(url, `SELECT pg_drop_replication_slot('${slotOf(url)}')`)
})

test(
  'a standby is a source: its snapshot, and the changes of the primary',
  async () => {
    const url = await server.database()
    await runSql(
      url,
      'CREATE TABLE t (id int PRIMARY KEY)',
      'INSERT INTO t VALUES (1), (2)',
      'CREATE PUBLICATION dbz_publication FOR ALL TABLES',
    )
    const standby = await server.standby()
    try {
      const own = new URL(url)
      own.port = new URL(standby.url).port
      const task = new SourceTask({ ...databaseSettings(own.href), 'slot.name': 'of_standby', 'publication.autocreate.mode': 'disabled' })
      // A standby has a place for a slot when the primary has logged its transactions.
      await until(
        async () => {
          await runSql(url, 'SELECT pg_log_standby_snapshot()')
          return task.failure !== null || task.logged.some(({ message }) => message.startsWith('streaming changes'))
        },
        'the stream',
        60_000,
      )
      await runSql(url, 'INSERT INTO t VALUES (3)', 'DELETE FROM t WHERE id = 1')
      await task.received(5)
      await task.stop()
      expect(rows(task, 'p.public.t').map(([op, before, after]) => [op, before ?? after])).toEqual([
        ['r', { id: 1 }],
        ['r', { id: 2 }],
        ['c', { id: 3 }],
        ['d', { id: 1 }],
      ])
      await runSql(url, 'INSERT INTO t VALUES (4)')
      const next = new SourceTask(
        { ...databaseSettings(own.href), 'slot.name': 'of_standby', 'publication.autocreate.mode': 'disabled' },
        task.offset,
      )
      await next.received(1)
      await next.stop()
      expect(next.records.map(({ key }) => key)).toEqual([{ id: 4 }])
    } finally {
      await standby.stop()
    }
  },
  MINUTES,
)
