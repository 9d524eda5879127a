/**
 * Goal: a worker that its group rejects fails with the reason. It used to stay "starting" for ever, and requests to it hung. Method: real
 * workers on a real broker, with a session timeout below the broker's minimum and in a group of consumers; and the real command.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeProperties } from '../properties-file.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-rejected-'))
let workers: WorkersInProcess

beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(async () => {
  await workers?.stop()
  rmSync(folder, { recursive: true })
})

const tooShort = { 'session.timeout.ms': '1000', 'heartbeat.interval.ms': '300' }

async function rejection(settings: Record<string, string>): Promise<string> {
  const worker = await workers.start({ settings: workers.settings(settings) })
  const error = await worker.failed.catch((reason: Error) => reason)
  expect(worker.health()).toEqual({ status: 'unhealthy', message: error.message })
  const config = { 'connector.class': 'FileStreamSource', file: '/none', topic: 't' }
  await expect(worker.putConfig('a', config)).rejects.toMatchObject({ status: 500, message: error.message })
  return error.message
}

test('a session timeout that the broker rejects', async () => {
  expect(await rejection({ 'group.id': 'short', ...tooShort })).toMatch(/group short refuses this worker: .*session\.timeout\.ms/)
})

test('a group whose members are consumers', async () => {
  const topic = 'read'
  await workers.client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  const consumer = workers.client.consumer({ groupId: 'consumers' })
  consumer.subscribe([topic])
  await until(async () => {
    await consumer.poll(100)
    return consumer.assignment.length > 0
  }, 'the consumer is a member of its group')
  expect(await rejection({ 'group.id': 'consumers' })).toMatch(/group consumers refuses this worker: .*group\.id/)
  await consumer.close()
})

test('the command ends with the reason and exit code 1', { timeout: 30_000 }, async () => {
  const settings = workers.settings({ 'group.id': 'command', listeners: 'http://127.0.0.1:0', ...tooShort })
  const file = writeProperties(join(folder, 'worker.properties'), settings)
  const child = spawn(resolve(import.meta.dirname, '../../bin/tributary'), ['connect', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const code = await new Promise((done) => child.once('close', done))
  expect(stderr).toMatch(/^tributary: .*group command refuses this worker: .*session\.timeout\.ms/m)
  expect(code).toBe(1)
})
