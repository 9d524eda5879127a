/**
 * Goal: kill -9 of a worker neither doubles nor loses a record of the polling, generating and reading sources that say they are exactly
 * once. Method: one worker with a table that grows, a folder that gets compressed files, and a generator, killed at random moments and
 * started again. A read_committed reader must get the numbers of each in order, one by one.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { testWorker } from '../running-worker.ts'
import { testPostgres } from '../services/postgres.ts'
import { until } from '../until.ts'

const ROUNDS = 4
const ROWS_A_ROUND = 3000
const topics = { 'polled-numbers': 'id', generated: 'orderid', files: 'number' } as const

test('kill -9 of a worker with exactly-once sources, four times under load', { timeout: 240_000 }, async () => {
  const random = seededRandom()
  const postgres = await testPostgres()
  onTestFinished(() => postgres.stop())
  const url = await postgres.database()
  const database = new pg.Client({ connectionString: url })
  await database.connect()
  onTestFinished(() => database.end())
  await database.query('CREATE TABLE numbers (id serial PRIMARY KEY, changed timestamptz NOT NULL)')
  const folder = mkdtempSync(join(tmpdir(), 'tributary-chaos-sources-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const input = join(folder, 'input')
  mkdirSync(input)

  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  await client.admin.createTopics(Object.keys(topics).map((name) => ({ name, partitions: 1, replicationFactor: 1 })))

  const worker = await testWorker('sources', broker.address, { 'exactly.once.source.support': 'enabled' })
  onTestFinished(() => worker.stop())
  const create = (name: string, config: Record<string, string>) => worker.configure(name, { 'exactly.once.support': 'required', ...config })
  await worker.start()
  await create('polled', {
    'connector.class': 'io.confluent.connect.jdbc.JdbcSourceConnector',
    'connection.url': url,
    mode: 'timestamp+incrementing',
    'timestamp.column.name': 'changed',
    'incrementing.column.name': 'id',
    'table.whitelist': 'numbers',
    'topic.prefix': 'polled-',
    'poll.interval.ms': '50',
    'batch.max.rows': '200',
  })
  await create('generated', {
    'connector.class': 'io.confluent.kafka.connect.datagen.DatagenConnector',
    quickstart: 'orders',
    'kafka.topic': 'generated',
    'records.per.second': '2000',
  })
  await create('files', {
    'connector.class': 'tributary.file.DirectorySourceConnector',
    'input.path': input,
    'input.file.pattern': '.*[.]gz',
    format: 'json',
    topic: 'files',
    'cleanup.policy': 'DELETE',
    'batch.size': '300',
  })

  const numbers: Record<string, number[]> = Object.fromEntries(Object.keys(topics).map((topic) => [topic, []]))
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  onTestFinished(() => consumer.close())
  consumer.assign(Object.keys(topics).map((topic) => ({ topic, partition: 0, offset: 'earliest' as const })))
  const readTo = (count: number) =>
    until(
      async () => {
        for (const { topic, records } of await consumer.poll(200))
          numbers[topic]!.push(...records.map(({ value }) => JSON.parse(value!.toString())[topics[topic as keyof typeof topics]] as number))
        return Object.values(numbers).every((read) => read.length >= count)
      },
      `${count} numbers of each are there:\n${worker.output}`,
      90_000,
    )
  const write = async (round: number) => {
    const lines = Array.from({ length: ROWS_A_ROUND }, (_, index) => JSON.stringify({ number: round * ROWS_A_ROUND + index }))
    writeFileSync(join(input, 'part'), gzipSync(lines.join('\n')))
    renameSync(join(input, 'part'), join(input, `${String(round).padStart(3, '0')}.gz`))
    for (let rows = 0; rows < ROWS_A_ROUND; rows += 100)
      await database.query('INSERT INTO numbers (changed) SELECT now() FROM generate_series(1, 100)')
  }
  for (let round = 0; round < ROUNDS; round++) {
    await write(round)
    await readTo(round * ROWS_A_ROUND + Math.floor(random() * ROWS_A_ROUND * 0.8))
    await worker.kill()
    await worker.start()
  }
  await readTo(ROUNDS * ROWS_A_ROUND)
  const upTo = (read: readonly number[], first: number) => read.findIndex((number, index) => number !== index + first)
  expect([upTo(numbers['polled-numbers']!, 1), upTo(numbers.generated!, 0), upTo(numbers.files!, 0)]).toEqual([-1, -1, -1])
  expect([numbers['polled-numbers']!.length, numbers.files!.length]).toEqual([ROUNDS * ROWS_A_ROUND, ROUNDS * ROWS_A_ROUND])
})
