/**
 * Story of connect/runtime. Goal: a crash of the broker loses no record, duplicates none and fails no task. Method: a broker process is
 * killed with kill -9 while records flow and started again, three times, under file connectors; the sink's file must have each line, in
 * order.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../../connect/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { startTestBroker, type TestBroker } from '../../running-broker.ts'
import { until } from '../../until.ts'

let broker: TestBroker
let worker: Worker
const folder = mkdtempSync(join(tmpdir(), 'restart-'))

beforeAll(async () => {
  broker = await startTestBroker({ 'group.initial.rebalance.delay.ms': '0', 'offsets.topic.num.partitions': '2' })
  const strings = 'org.apache.kafka.connect.storage.StringConverter'
  worker = await startWorker(
    {
      'bootstrap.servers': broker.address,
      'group.id': 'restart',
      ...Object.fromEntries(['config', 'offset', 'status'].map((what) => [`${what}.storage.replication.factor`, '1'])),
      'offset.flush.interval.ms': '100',
      'key.converter': strings,
      'value.converter': strings,
    },
    realSystem('silent'),
  )
})
afterAll(async () => {
  await worker?.close()
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('kill -9 of the broker, three times in mid-flow', async () => {
  const input = join(folder, 'in.txt')
  const output = join(folder, 'out.txt')
  writeFileSync(input, '')
  await worker.create('source', { 'connector.class': 'FileStreamSource', file: input, topic: 'lines' }, 'RUNNING')
  await worker.create('sink', { 'connector.class': 'FileStreamSink', file: output, topics: 'lines' }, 'RUNNING')
  const total = 30_000
  const arrived = () => {
    try {
      return readFileSync(output, 'utf8').split('\n').length - 1
    } catch {
      return 0
    }
  }
  for (let round = 0; round < 3; round++) {
    const before = arrived()
    const lines = Array.from({ length: total / 3 }, (_, n) => `line ${round * (total / 3) + n}`)
    appendFileSync(input, `${lines.join('\n')}\n`)
    await until(() => arrived() > before, 'lines flow', 30_000)
    await broker.kill()
    await broker.start()
  }
  await until(() => arrived() >= total, 'all lines have arrived', 40_000).catch((error) => {
    throw new Error(`${arrived()} lines: ${JSON.stringify([worker.status('source'), worker.status('sink')])}`, { cause: error })
  })
  expect(readFileSync(output, 'utf8').split('\n').slice(0, -1)).toEqual(Array.from({ length: total }, (_, n) => `line ${n}`))
  for (const name of ['source', 'sink']) expect(worker.status(name).tasks.map((task) => task.state)).toEqual(['RUNNING'])
}, 120_000)
