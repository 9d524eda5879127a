/**
 * Goal: the demo on real processes: every record arrives in every stage, once, and it leaves nothing behind, whether it finishes or is
 * interrupted.
 * Method: `bin/tributary demo` as a user runs it, in a temporary folder of the test's own; the test reads its report and checks its folder
 * and processes.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
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
  // A Postgres that root starts runs as another user, which must be able to enter the folder.
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

/** The command lines of processes that still use files of this test's folder. */
const leftBehind = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(folder))

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch (error) {
    // The process has ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code!)) return ''
    throw error
  }
}

test('every record arrives in every stage, once, and nothing is left behind', { timeout: DEMO_MS }, async () => {
  const { output, ended } = demo(['--json'])
  expect(await ended, output.err + output.out).toBe(0)
  const report = JSON.parse(output.out) as Report
  expect(report.ok).toBe(true)
  expect(report.comparisons).toHaveLength(20)
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

test('Ctrl-C during the demo ends it soon, and leaves nothing behind', { timeout: DEMO_MS }, async () => {
  const { child, output, ended } = demo()
  await expect.poll(() => output.out, { timeout: DEMO_MS / 2 }).toContain('Killed the broker of us')
  child.kill('SIGINT')
  await expect.poll(() => child.exitCode, { timeout: STOP_MS }).not.toBeNull()
  expect(await ended, output.out + output.err).toBe(130)
  expect(readdirSync(folder)).toEqual([])
  expect(leftBehind()).toEqual([])
})

test('a closed output or a closed terminal ends it soon, and leaves nothing behind', { timeout: DEMO_MS }, async () => {
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
])('a Postgres that cannot be reached: the message says what to do: %s', { timeout: DEMO_MS }, async (url, why) => {
  const { output, ended } = demo(['--json'], { TRIBUTARY_POSTGRES_URL: url })
  expect(await ended).toBe(1)
  expect(output.out).toBe('')
  expect(output.err).toContain('The Postgres server of TRIBUTARY_POSTGRES_URL cannot be used.')
  expect(output.err).toContain(why)
  expect(output.err).not.toContain('secret')
  expect(readdirSync(folder)).toEqual([])
})

test('a temporary folder that does not exist: the message says what to do', async () => {
  const { output, ended } = demo([], { TMPDIR: join(folder, 'nowhere') })
  expect(await ended).toBe(1)
  expect(output.err).toMatch(/cannot create one in .*nowhere\. Set TMPDIR/)
})

test('an unknown option is refused', async () => {
  const { output, ended } = demo(['--fast'])
  expect(await ended).toBe(2)
  expect(output.err).toContain('demo has no option --fast')
})
