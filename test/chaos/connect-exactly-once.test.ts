/**
 * Goal: kill -9 of a worker under load neither doubles nor loses a record of an exactly-once source, and shows no part of a transaction.
 * Method: a source that commits and aborts transactions of its own, over the ends of its batches, in a process that is killed at random
 * moments and started again. A read_committed reader must get the committed ones, whole, once and in order.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { committedValues } from './pattern-source.ts'

const ROUNDS = 5
const program = join(import.meta.dirname, 'transactional-source-worker.ts')

test('kill -9 of a worker with a source of its own transactions, five times under load', { timeout: 300_000 }, async () => {
  const random = seededRandom()
  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const [created] = [...(await client.admin.createTopics([{ name: 'pattern', partitions: 1, replicationFactor: 1 }])).values()]
  expect(created).toBeNull()
  const storage = ['config', 'offset', 'status'].flatMap((kind) => [
    [`${kind}.storage.topic`, `pattern-${kind}`],
    [`${kind}.storage.replication.factor`, '1'],
  ])
  const settings = {
    'bootstrap.servers': broker.address,
    'group.id': 'pattern',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'exactly.once.source.support': 'enabled',
    'scheduled.rebalance.max.delay.ms': '0',
    'session.timeout.ms': '6000',
    'heartbeat.interval.ms': '500',
    ...Object.fromEntries(storage),
  }
  const start = (): ChildProcess => spawn(process.execPath, [program, JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'inherit'] })
  const kill = async (worker: ChildProcess) => {
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.kill('SIGKILL')
    await ended
  }
  const values: string[] = []
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  onTestFinished(() => consumer.close())
  consumer.assign([{ topic: 'pattern', partition: 0, offset: 'earliest' }])
  const readMore = async (count: number) => {
    const least = values.length + count
    await until(
      async () => {
        for (const { records } of await consumer.poll(200)) values.push(...records.map(({ value }) => value!.toString()))
        return values.length >= least
      },
      `${least} values are committed`,
      60_000,
    )
  }
  let worker = start()
  onTestFinished(() => kill(worker).catch(() => undefined))
  for (let round = 0; round < ROUNDS; round++) {
    await readMore(200 + Math.floor(random() * 500))
    await kill(worker)
    worker = start()
  }
  await readMore(500)
  const transactions = Number(values.at(-1)!.split(':')[0]) + 1
  expect(values).toEqual(committedValues(transactions).slice(0, values.length))
})
