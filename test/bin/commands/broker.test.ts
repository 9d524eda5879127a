/**
 * Goal: `tributary broker` behaves as an operator expects: it prints its addresses, stops on a signal, and every error is a message and an
 * exit code.
 * Method: real processes.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeProperties } from '../../properties-file.ts'
import { startTestBroker, type TestBroker } from '../../running-broker.ts'
import { until } from '../../until.ts'

const program = join(import.meta.dirname, '../../../bin/tributary')
const folder = mkdtempSync(join(tmpdir(), 'tributary-command-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs to its end. */
function ended(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(program, ['broker', ...args], { timeout: 20_000, cwd: folder }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err })
    })
  })
}

const file = (lines: Record<string, string>) =>
  writeProperties(join(folder, 'server.properties'), { 'log.dirs': join(folder, 'data'), ...lines })

describe('a running broker', () => {
  let broker: TestBroker
  beforeEach(async () => {
    broker = await startTestBroker({ nonsense: 1, 'also.nonsense': 2, 'controller.listener.names': 'CONTROLLER' })
  })
  afterEach(() => broker.stop())

  test('says where it listens and keeps its data, names unknown settings in one line, stops with exit code 0, and starts again', async () => {
    await until(() => broker.output.includes('listens on'), 'the line')
    expect(broker.output).toContain(`Tributary broker 1 listens on PLAINTEXT://${broker.address} and keeps its data in ${broker.dir}`)
    expect(broker.output.match(/nonsense, also\.nonsense/g)).toHaveLength(1)
    expect(await broker.exit()).toBe(0)
    await broker.start()
    await broker.kill()
    await broker.start()
    expect(await broker.exit()).toBe(0)
  })

  test('a second broker on its port or in its folder: the message says what to do', async () => {
    const port = await ended(file({ listeners: `PLAINTEXT://${broker.address}` }))
    expect(port).toMatchObject({ code: 1, out: '' })
    expect(port.err).toContain(`PLAINTEXT://${broker.address} is in use by another process. Stop that process, or name another port in`)
    const data = await ended(file({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': broker.dir }))
    expect(data).toMatchObject({ code: 1, out: '' })
    expect(data.err).toContain(broker.dir)
    for (const { err } of [port, data]) expect(err).not.toMatch(/^ {4}at /m)
  })
})

test.each<[Record<string, string>, string]>([
  [{ 'num.partitions': 'many' }, 'Invalid value many for configuration num.partitions: Not a number of type INT'],
  [{ listeners: 'SASL_SSL://:9092' }, 'is not implemented; use some of PLAIN, SCRAM-SHA-256'],
  [{ listeners: 'PLAINTEXT://203.0.113.9:0' }, 'is not an address of this machine'],
  [{ 'authorizer.class.name': 'A' }, 'Authorizers are Java classes, and only org.apache.kafka.metadata.authorizer.StandardAuthorizer'],
])('%j is refused with a sentence', async (lines, sentence) => {
  const { code, out, err } = await ended(file({ listeners: 'PLAINTEXT://127.0.0.1:0', ...lines }))
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain(sentence)
  expect(err).not.toMatch(/^ {4}at /m)
})

test('a data folder where none can be made', async () => {
  const { code, err } = await ended(file({ 'log.dirs': '/proc/nothere/data' }))
  expect(code).toBe(1)
  expect(err).toBe('tributary: /proc/nothere does not exist. Check the path.\n')
})

test('a missing file, two files, an unknown option', async () => {
  const missing = await ended(join(folder, 'nowhere.properties'))
  expect(missing.code).toBe(1)
  expect(missing.err).toContain('nowhere.properties')
  expect((await ended('a', 'b')).code).toBe(2)
  expect((await ended('--fast')).code).toBe(2)
  expect((await ended('--override', 'x')).code).toBe(2)
  expect(await ended('--override', 'log.flush=never')).toMatchObject({ code: 1 })
})
