/**
 * Goal: the demo does what it says, on real processes: every record at every station, once; and it leaves nothing behind, finished or
 * broken off. Method: `bin/tributary demo` as a user runs it, in a temporary folder of the test's own; its report is read, its folder and
 * processes looked for.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Report } from '../bin/demo/report.ts'

const DEMO_MS = 150_000
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-demo-test-'))
  // A Postgres that root starts runs as another user, and passes through
  chmodSync(folder, 0o711)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function demo(args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(join(import.meta.dirname, '../bin/tributary'), ['demo', ...args], {
    env: { ...process.env, TMPDIR: folder, TRIBUTARY_POSTGRES_URL: process.env.TRIBUTARY_TEST_POSTGRES ?? '', ...env },
  })
  const told = { out: '', err: '' }
  child.stdout.on('data', (text: Buffer) => (told.out += text))
  child.stderr.on('data', (text: Buffer) => (told.err += text))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, told, ended }
}

/** Whatever still runs with files of this test's folder. */
const leftBehind = () =>
  execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder))

test('every record is at every station, once, and nothing is left behind', { timeout: DEMO_MS }, async () => {
  const { told, ended } = demo(['--json'])
  expect(await ended, told.err + told.out).toBe(0)
  const report = JSON.parse(told.out) as Report
  expect(report.ok).toBe(true)
  expect(report.comparisons).toHaveLength(16)
  for (const comparison of report.comparisons) {
    expect(comparison).toMatchObject({ found: comparison.expected, lost: 0, duplicated: 0, different: 0 })
  }
  expect(report.dataSet.records).toBe(9429)
  expect(report.group).toMatchObject({ expected: 1612, seen: 1612, skipped: 0 })
  expect(report.group.beforeFailover).toBeGreaterThan(0)
  expect(report.group.beforeFailover).toBeLessThan(1612)
  expect(readdirSync(folder)).toEqual([])
  expect(leftBehind()).toEqual([])
})

test('Ctrl-C in the middle ends it soon, and leaves nothing behind', { timeout: DEMO_MS }, async () => {
  const { child, told, ended } = demo()
  await expect.poll(() => told.out, { timeout: DEMO_MS / 2 }).toContain('kill -9 of us')
  const begin = performance.now()
  child.kill('SIGINT')
  expect(await ended, told.out + told.err).toBe(130)
  expect(performance.now() - begin).toBeLessThan(5_000)
  expect(readdirSync(folder)).toEqual([])
  expect(leftBehind()).toEqual([])
})

test('a reader that goes away, or a terminal that is closed, ends it soon, and leaves nothing behind', { timeout: DEMO_MS }, async () => {
  const runs = [demo(), demo()]
  for (const { told } of runs) await expect.poll(() => told.out, { timeout: DEMO_MS / 2 }).toContain('Postgres is up')
  runs[0]!.child.stdout.destroy()
  runs[1]!.child.kill('SIGHUP')
  for (const { told, ended } of runs) expect(await ended, told.out + told.err).toBe(130)
  expect(readdirSync(folder)).toEqual([])
  expect(leftBehind()).toEqual([])
})

test.each([
  ['postgresql://u:secret@127.0.0.1:1/none', '127.0.0.1:1 refused the connection'],
  ['nonsense', 'Invalid URL'],
])('a Postgres that is not there is told of, and what to do: %s', { timeout: DEMO_MS }, async (url, why) => {
  const { told, ended } = demo(['--json'], { TRIBUTARY_POSTGRES_URL: url })
  expect(await ended).toBe(1)
  expect(told.out).toBe('')
  expect(told.err).toContain('The Postgres server of TRIBUTARY_POSTGRES_URL cannot be used.')
  expect(told.err).toContain(why)
  expect(told.err).not.toContain('secret')
  expect(readdirSync(folder)).toEqual([])
})

test('a temporary folder that is not there is told of', async () => {
  const { told, ended } = demo([], { TMPDIR: join(folder, 'nowhere') })
  expect(await ended).toBe(1)
  expect(told.err).toMatch(/cannot make one in .*nowhere\. Set TMPDIR/)
})

test('an option that it does not have is refused', async () => {
  const { told, ended } = demo(['--fast'])
  expect(await ended).toBe(2)
  expect(told.err).toContain('demo has no option --fast')
})
