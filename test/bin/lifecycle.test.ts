/**
 * Goal: a process ends as documented: cleanly at the first signal, at once at the second, after 5 s when it hangs, with 1 after an uncaught
 * error. Method: a process that runs the lifecycle around a stop function that behaves so.
 */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../until.ts'

const bin = resolve(import.meta.dirname, '../../bin')
const system = resolve(import.meta.dirname, '../../core/system/index.ts')

/** `stop` is the text of the function that stops it; `then` runs once it is up. */
function start(stop: string, then = '') {
  const code = `
    const { lifecycle } = await import(${JSON.stringify(join(bin, 'lifecycle.ts'))})
    const { realSystem } = await import(${JSON.stringify(system)})
    const { runs } = lifecycle(realSystem('silent'))
    console.log('up')
    ${then}
    process.exit(await runs({ stop: ${stop} }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      text += part
    })
  }
  const ended = new Promise<number | string | null>((done) => child.once('close', (code, signal) => done(signal ?? code)))
  return { child, text: () => text, ended, up: () => until(() => text.includes('up'), 'the process is up') }
}

const slowStop = `async () => { console.log('stopping'); await new Promise((r) => setTimeout(r, 300)); console.log('stopped') }`

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s: it waits for a stop that takes some time: 0', async (signal) => {
  const { child, ended, up, text } = start(slowStop)
  await up()
  child.kill(signal)
  expect(await ended).toBe(0)
  expect(text()).toContain('stopped')
})

test('a Ctrl-C that arrives twice, from the terminal and from npm, counts once: 0', async () => {
  const { child, ended, up, text } = start(slowStop)
  await up()
  child.kill('SIGINT')
  await until(() => text().includes('stopping'), 'it stops')
  child.kill('SIGINT')
  expect(await ended).toBe(0)
  expect(text()).toContain('stopped')
})

test('a second Ctrl-C ends it before it has stopped: 130', async () => {
  const { child, ended, up } = start(`() => new Promise(() => {})`)
  await up()
  let code: number | string | null | undefined
  void ended.then((is) => {
    code = is
  })
  await until(() => {
    if (code === undefined) child.kill('SIGINT')
    return code !== undefined
  }, 'it ends')
  // After 5 s it would be 1.
  expect(code).toBe(130)
})

test('a stop that hangs ends after 5 s: 1', async () => {
  const { child, ended, up, text } = start(`() => new Promise(() => {})`)
  await up()
  child.kill('SIGINT')
  expect(await ended).toBe(1)
  expect(text()).toContain('not stopped within 5 s')
})

test.each([
  [`Promise.reject(new Error('stray'))`, 'unhandled promise rejection'],
  [`setTimeout(() => { throw new Error('stray') }, 1)`, 'uncaught error'],
])('%s ends it with 1 and a message', async (then, kind) => {
  const { ended, text } = start(`async () => {}`, then)
  expect(await ended).toBe(1)
  expect(text()).toMatch(new RegExp(`${kind}: stray`))
})
