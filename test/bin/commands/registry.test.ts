/**
 * Goal: the registry as a user starts it: alone, from Confluent's file, and within `tributary up`; it goes on when its leader is killed.
 * Method: real processes on free ports, and kill -9.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeProperties } from '../../properties-file.ts'
import { sendTo } from '../../registry-in-process.ts'
import { startTestBroker, type TestBroker } from '../../running-broker.ts'
import { until } from '../../until.ts'

const program = resolve(import.meta.dirname, '../../../bin/tributary')
const folder = mkdtempSync(join(tmpdir(), 'tributary-registry-'))
const running = new Set<ChildProcess>()
let broker: TestBroker

beforeAll(async () => {
  broker = await startTestBroker({ 'group.initial.rebalance.delay.ms': 0, 'group.min.session.timeout.ms': 1000 })
})
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
})

function start(...args: string[]) {
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'warn' } })
  running.add(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part))
  const ended = new Promise<number | string | null>((done) =>
    child.once('close', (code, signal) => {
      running.delete(child)
      done(signal ?? code)
    }),
  )
  const url = () =>
    until(() => {
      if (child.exitCode !== null) throw new Error(`it has ended:\n${text}`)
      return /Registry: (http:\S+)/.exec(text)?.[1]
    }, 'it says where it listens') as Promise<string>
  return { child, url, ended, text: () => text }
}

const schema = (field: string) => ({
  schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name: field, type: 'int', default: 0 }] }),
})

test('two instances from one file: a kill -9 of the leader loses nothing, and the other one goes on', async () => {
  const file = writeProperties(join(folder, 'schema-registry.properties'), {
    listeners: 'http://127.0.0.1:0',
    'kafkastore.bootstrap.servers': `PLAINTEXT://127.0.0.1:${broker.port}`,
    'kafkastore.timeout.ms': 15000,
    'kafkagroup.session.timeout.ms': 2000,
    'kafkagroup.heartbeat.interval.ms': 300,
  })
  const instances = [start('registry', file), start('registry', file)]
  const urls = await Promise.all(instances.map(({ url }) => url()))
  for (let number = 1; number <= 10; number++) {
    const { status, body } = await sendTo(urls[number % 2]!, 'POST', `/subjects/s${number}/versions`, schema(`f${number}`))
    expect([status, body.id]).toEqual([200, number])
  }
  const leads = async (url: string) => /^tributary_registry_leader 1$/m.test((await sendTo(url, 'GET', '/metrics')).body)
  const leader = (await leads(urls[0]!)) ? 0 : 1
  instances[leader]!.child.kill('SIGKILL')
  expect(await instances[leader]!.ended).toBe('SIGKILL')
  const left = urls[1 - leader]!
  const registered = await until(
    async () => {
      const answer = await sendTo(left, 'POST', '/subjects/after/versions', schema('after'))
      return answer.status === 200 && answer.body
    },
    'the other instance leads',
    60_000,
  )
  expect(registered).toMatchObject({ id: 11, version: 1 })
  expect((await sendTo(left, 'GET', '/subjects')).body).toHaveLength(11)
  instances[1 - leader]!.child.kill('SIGTERM')
  expect(await instances[1 - leader]!.ended).toBe(0)
}, 120_000)

test('within up: it is on the broker of the process, and --no-registry leaves it out', async () => {
  const up = start('up', '--port', '0', '--rest-port', '0', '--registry-port', '0', '--data', join(folder, 'up'))
  const url = await up.url()
  expect((await sendTo(url, 'POST', '/subjects/a/versions', schema('x'))).body).toMatchObject({ id: 1, version: 1 })
  await until(() => up.text().includes('Stop with'), 'up is ready')
  up.child.kill('SIGTERM')
  expect(await up.ended).toBe(0)
  const without = start('up', '--port', '0', '--rest-port', '0', '--no-registry', '--data', join(folder, 'without'))
  await until(() => without.text().includes('Stop with'), 'up is ready')
  expect(without.text()).not.toContain('Registry:')
  without.child.kill('SIGTERM')
  expect(await without.ended).toBe(0)
}, 60_000)
