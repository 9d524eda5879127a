/**
 * Goal: the demo does what it says, on real processes: every record at every station, once; and it leaves nothing behind, whether it finishes or is
 * stopped. Method: `bin/tributary demo` as a user runs it, in a temporary folder of the test; its report is read, its folder and processes are
 * searched.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Report } from '../../bin/demo/report.ts'

const DEMO_MS = 150_000
/** Much less than what is left of the demo. */
const STOP_MS = 15_000
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-demo-test-'))
  // A Postgres that root starts runs as another user, who must be able to enter the folder.
  chmodSync(folder, 0o711)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function demo(args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(join(import.meta.dirname, '../../bin/tributary'), ['demo', ...args], {
    env: { ...process.env, TMPDIR: folder, TRIBUTARY_POSTGRES_URL: process.env.TRIBUTARY_TEST_POSTGRES ?? '', ...env },
  })
  const output = { out: '', err: '' }
  child.stdout.on('data', (text: Buffer) => (output.out += text))
  child.stderr.on('data', (text: Buffer) => (output.err += text))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, output, ended }
}

/** Processes that run with files of this test's folder. */
const leftBehind = () =>
  execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder))

test('every record is at every station, once, and nothing is left behind', { timeout: DEMO_MS }, async () => {
  const { output, ended } = demo(['--json'])
  expect(await ended, output.err + output.out).toBe(0)
  const report = JSON.parse(output.out) as Report
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

test('Ctrl-C ends it soon, and leaves nothing behind', { timeout: DEMO_MS }, async () => {
  const { child, output, ended } = demo()
  await expect.poll(() => output.out, { timeout: DEMO_MS / 2 }).toContain('kill -9 of us')
  child.kill('SIGINT')
  await expect.poll(() => child.exitCode, { timeout: STOP_MS }).not.toBeNull()
  expect(await ended, output.out + output.err).toBe(130)
  expect(readdirSync(folder)).toEqual([])
  expect(leftBehind()).toEqual([])
})

test('a closed standard output or a closed terminal ends it, and leaves nothing behind', { timeout: DEMO_MS }, async () => {
  const runs = [demo(), demo()]
  for (const { output } of runs) await expect.poll(() => output.out, { timeout: DEMO_MS / 2 }).toContain('Postgres is up')
  runs[0]!.child.stdout.destroy()
  runs[1]!.child.kill('SIGHUP')
  for (const { output, ended } of runs) expect(await ended, output.out + output.err).toBe(130)
  expect(readdirSync(folder)).toEqual([])
  expect(leftBehind()).toEqual([])
})

test.each([
  ['postgresql://u:secret@127.0.0.1:1/none', '127.0.0.1:1 refused the connection'],
  ['nonsense', 'Invalid URL'],
])('an unreachable Postgres is reported, with what to do: %s', { timeout: DEMO_MS }, async (url, why) => {
  const { output, ended } = demo(['--json'], { TRIBUTARY_POSTGRES_URL: url })
  expect(await ended).toBe(1)
  expect(output.out).toBe('')
  expect(output.err).toContain('The Postgres server of TRIBUTARY_POSTGRES_URL cannot be used.')
  expect(output.err).toContain(why)
  expect(output.err).not.toContain('secret')
  expect(readdirSync(folder)).toEqual([])
})

test('a missing temporary folder is reported', async () => {
  const { output, ended } = demo([], { TMPDIR: join(folder, 'nowhere') })
  expect(await ended).toBe(1)
  expect(output.err).toMatch(/cannot make one in .*nowhere\. Set TMPDIR/)
})

test('an unknown option is refused', async () => {
  const { output, ended } = demo(['--fast'])
  expect(await ended).toBe(2)
  expect(output.err).toContain('demo has no option --fast')
})
