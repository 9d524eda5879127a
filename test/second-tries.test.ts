/**
 * Goal: with CI=true only a wait that ran out of time is tried again, and the last lines name the test. Method: a Vitest run of its own
 * over tests that fail at their first try.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '..')

/** Runs tests that fail at their first try with `message`; resolves with what Vitest printed and its exit code. */
function runOf(message: string, ci: string): Promise<{ output: string; code: number }> {
  const folder = mkdtempSync(join(root, 'node_modules/.second-tries-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'first-try.test.js'),
    `import { test } from 'vitest'\nlet tries = 0\ntest('one', () => { if (tries++ === 0) throw new Error(${JSON.stringify(message)}) })\n`,
  )
  writeFileSync(
    join(folder, 'vitest.config.ts'),
    `import { SecondTries, secondTries } from ${JSON.stringify(join(root, 'test/second-tries.ts'))}\n` +
      `export default { root: ${JSON.stringify(folder)}, test: { retry: secondTries(), reporters: ['default', new SecondTries()], include: ['*.test.js'] } }\n`,
  )
  return new Promise((resolve) => {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const env = { ...process.env, CI: ci, NO_COLOR: '1' }
    execFile(process.execPath, [vitest, 'run', '--config', join(folder, 'vitest.config.ts')], { env, cwd: folder }, (error, out, err) =>
      resolve({ output: out + err, code: error ? ((error as { code?: number }).code ?? 1) : 0 }),
    )
  })
}

test('a wait that ran out of time is tried again, and the last lines name the test', async () => {
  const { output, code } = await runOf('not within 15000 ms: leaders of t', 'true')
  expect(output).toContain('PASSED AT THE SECOND TRY: first-try.test.js: one\n  not within 15000 ms: leaders of t')
  expect(code).toBe(0)
})

test('a wrong value is not tried again', async () => {
  const { code } = await runOf('expected 1 to be 2', 'true')
  expect(code).toBe(1)
})

test('without CI=true nothing is tried again', async () => {
  const { code } = await runOf('not within 15000 ms: leaders of t', '')
  expect(code).toBe(1)
})
