/**
 * Goal: a worker that its group does not take says why and ends; it does not stay "starting" for ever with requests that hang. Method: real
 * workers on a real broker, with a session timeout below the broker's least, and in a group that is of another kind; and the real command.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../connect/index.ts'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

const system = realSystem('silent')
const folder = mkdtempSync(join(tmpdir(), 'tributary-refused-'))
let broker: BrokerInProcess
const workers: Worker[] = []

beforeAll(async () => {
  broker = await brokerInProcess()
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.close()))
  await broker?.stop()
  rmSync(folder, { recursive: true })
})

const properties = (more: Record<string, string>) => ({
  'bootstrap.servers': `127.0.0.1:${broker.port}`,
  'config.storage.replication.factor': '1',
  'offset.storage.replication.factor': '1',
  'status.storage.replication.factor': '1',
  'offset.storage.partitions': '1',
  ...more,
})
const tooShort = { 'session.timeout.ms': '1000', 'heartbeat.interval.ms': '300' }

async function refused(more: Record<string, string>): Promise<string> {
  const worker = await startWorker(properties(more), system, { advertisedUrl: 'http://127.0.0.1:1' })
  workers.push(worker)
  const error = await worker.failed.catch((reason: Error) => reason)
  expect(worker.health()).toEqual({ status: 'unhealthy', message: error.message })
  const config = { 'connector.class': 'FileStreamSource', file: '/none', topic: 't' }
  await expect(worker.putConfig('a', config)).rejects.toMatchObject({ status: 500, message: error.message })
  return error.message
}

test('a session timeout that the brokers do not take', async () => {
  expect(await refused({ 'group.id': 'short', ...tooShort })).toMatch(/group short refuses this worker: .*session\.timeout\.ms/)
})

test('a group that consumers have', async () => {
  const client = createClient({ bootstrapServers: `127.0.0.1:${broker.port}`, clientId: 'test' }, system)
  const consumer = client.consumer({ groupId: 'theirs' })
  consumer.subscribe(['connect-configs'])
  await until(async () => {
    await consumer.poll(100)
    return consumer.assignment.length > 0
  }, 'the consumer is in its group')
  expect(await refused({ 'group.id': 'theirs' })).toMatch(/group theirs refuses this worker: .*group\.id/)
  await consumer.close()
  await client.close()
})

test('the command ends with the sentence', { timeout: 30_000 }, async () => {
  const file = join(folder, 'worker.properties')
  const lines = Object.entries(properties({ 'group.id': 'command', listeners: 'http://127.0.0.1:0', ...tooShort }))
  writeFileSync(file, lines.map(([name, value]) => `${name}=${value}`).join('\n'))
  const child = spawn(resolve(import.meta.dirname, '../../bin/tributary'), ['connect', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    told += text
  })
  const code = await new Promise((done) => child.once('close', done))
  expect(told).toMatch(/^tributary: .*group command refuses this worker: .*session\.timeout\.ms/m)
  expect(code).toBe(1)
})
