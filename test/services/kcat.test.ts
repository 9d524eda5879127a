/**
 * Goal: a machine without kcat gets it, or the tests of kcat are left out with a sentence, or they fail (CI). Method: a machine that is
 * told what its commands do, and the reporter with results as Vitest hands them over.
 */

import { afterEach, expect, test, vi } from 'vitest'
import type { TestModule } from 'vitest/node'
import { NotRun } from '../not-run.ts'
import { kcatMissing, type Machine } from './kcat.ts'

/** Each command of `fails` fails with its message until `apt-get install` has run. */
function machine(options: Partial<Machine>, fails: Record<string, string>): { commands: string[]; machine: Machine } {
  const commands: string[] = []
  const run: Machine['run'] = async (command, args) => {
    const text = [command, ...args].join(' ')
    commands.push(text)
    const failure = Object.keys(fails).find((start) => text.startsWith(start))
    if (failure) throw new Error(fails[failure])
    if (text.startsWith('apt-get install -qq')) delete fails.kcat
  }
  return { commands, machine: { isRoot: false, isCI: false, run, ...options } }
}

const absent = { kcat: 'kcat is not on the PATH' }
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
})

test('kcat on the PATH: nothing is installed', async () => {
  const { commands, machine: given } = machine({ isRoot: true }, {})
  expect(await kcatMissing(given)).toBeNull()
  expect(commands).toEqual(['kcat -V'])
})

test('root installs it, without a question, and checks that it runs', async () => {
  vi.spyOn(console, 'info').mockReturnValue()
  const { commands, machine: given } = machine({ isRoot: true, isCI: true }, { ...absent })
  expect(await kcatMissing(given)).toBeNull()
  expect(commands.map((command) => command.replace(/ -(qq|o) .*/, ''))).toEqual([
    'kcat -V',
    'apt-get update',
    'apt-get install --download-only',
    'apt-get install',
    'kcat -V',
  ])
})

test.each([
  ['no network', { isRoot: true }, { ...absent, 'apt-get install': 'E: Unable to locate package kcat' }, 'Unable to locate package kcat'],
  ['no apt-get', { isRoot: true }, { ...absent, 'apt-get': 'apt-get is not on the PATH' }, 'apt-get is not on the PATH'],
  ['not root', { isRoot: false }, { ...absent }, 'only root can install it'],
])('%s: why not, and how to get it; an error in CI', async (_name, options, fails, why) => {
  vi.spyOn(console, 'info').mockReturnValue()
  const sentence = await kcatMissing(machine(options, { ...fails }).machine)
  expect(sentence).toContain(why)
  expect(sentence).toContain('Install it with "apt-get install kcat"')
  await expect(kcatMissing(machine({ ...options, isCI: true }, { ...fails }).machine)).rejects.toThrow(sentence!)
})

const results = (...notes: (string | undefined)[]) =>
  [
    {
      relativeModuleId: 'test/a.test.ts',
      children: { allTests: () => notes.map((note, index) => ({ fullName: `test ${index}`, result: () => ({ state: 'skipped', note }) })) },
    },
  ] as unknown as TestModule[]

test.each([
  ['', undefined],
  ['true', 1],
])('with CI=%j the last lines name what did not run and what it needs, and the exit code is %j', (ci, exitCode) => {
  vi.stubEnv('CI', ci)
  const lines: string[] = []
  new NotRun((text) => lines.push(text)).onTestRunEnd(results('Get kcat.', 'Get kcat.', undefined))
  expect(lines.join('')).toBe('\nNOT RUN: 2 tests\n  test/a.test.ts: test 0\n  test/a.test.ts: test 1\n  Get kcat.\n')
  expect(process.exitCode).toBe(exitCode)
})

test('a run without such tests adds no line, and does not fail', () => {
  vi.stubEnv('CI', 'true')
  const lines: string[] = []
  new NotRun((text) => lines.push(text)).onTestRunEnd(results(undefined))
  expect([lines, process.exitCode]).toEqual([[], undefined])
})
