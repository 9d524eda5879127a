/**
 * A process that a test needs: ready when it resolves. One that ends instead fails at once with its last words, one that never gets ready
 * after a deadline; neither is left behind.
 */
import { spawn } from 'node:child_process'
import { until } from '../until.ts'

const READY_MS = 90_000
const STOP_MS = 10_000
const LAST_WORDS_CHARACTERS = 16_384

export interface Launched {
  readonly pid: number
  /** Resolves when it is gone; SIGKILL follows where the signal is not enough. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export async function launch(
  name: string,
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; ready(): Promise<unknown> },
): Promise<Launched> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } })
  const gone = new Promise<void>((done) => child.once('close', () => done()))
  const isGone = () => child.exitCode !== null || child.signalCode !== null
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-LAST_WORDS_CHARACTERS)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  try {
    await until(() => isGone() || options.ready(), `${name} is ready`, READY_MS)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${name} did not get ready:\n${output}`, { cause })
  }
  if (isGone()) {
    await gone
    throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode} instead of starting:\n${output}`)
  }
  return {
    pid: child.pid!,
    async end(signal) {
      if (isGone()) return
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await gone
      clearTimeout(timer)
    },
  }
}
