/**
 * Goal: a process with threads ends: with its code, or killed where a thread is in a call that does not return. Method: processes with a
 * thread that waits, and with one in a synchronous call.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const file = resolve(import.meta.dirname, '../../../core/system/process-exit.ts')

/** What a process ends with whose thread runs `code`, once the file of `begun` exists. */
async function endOf(code: string, begun = import.meta.filename) {
  const text = `
    const { endsWithProcess, exitProcess } = await import(${JSON.stringify(file)})
    const { existsSync } = await import('node:fs')
    const { Worker } = await import('node:worker_threads')
    endsWithProcess(new Worker(${JSON.stringify(code)}, { eval: true }))
    const waiting = setInterval(() => {
      if (!existsSync(${JSON.stringify(begun)})) return
      clearInterval(waiting)
      exitProcess(7)
    }, 20)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (part) => {
    said += part
  })
  const end = await new Promise<number | string | null>((done) => child.once('exit', (exit, signal) => done(signal ?? exit)))
  return { end, said }
}

test('a thread that waits or computes is ended, and the code is that of the exit', async () => {
  expect((await endOf('setInterval(() => {}, 1000)')).end).toBe(7)
  expect((await endOf('for (;;) {}')).end).toBe(7)
})

test('a thread in a synchronous call does not keep the process', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'process-exit-'))
  const begun = join(folder, 'begun')
  const call = `execFileSync('sh', ['-c', 'touch ${begun}; sleep 20'], { stdio: 'ignore' })`
  const { end, said } = await endOf(`const { execFileSync } = await import('node:child_process'); ${call}`, begun)
  rmSync(folder, { recursive: true })
  expect(end).toBe('SIGKILL')
  expect(said).toContain('a plugin is in a call that does not return')
})
