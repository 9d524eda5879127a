/**
 * A process that a test needs: `launch` resolves when it is ready. A process that ends instead fails at once with its last output, one that
 * never becomes ready after a deadline; neither is left running.
 */
import { spawn } from 'node:child_process'
import { until } from '../until.ts'

const READY_MS = 240_000
const STOP_MS = 10_000
const LAST_OUTPUT_CHARACTERS = 16_384

export interface Launched {
  readonly pid: number
  /** Resolves when the process has ended; SIGKILL follows where the signal does not end it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export async function launch(
  name: string,
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; ready(): Promise<unknown> },
): Promise<Launched> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } })
  const closed = new Promise<void>((done) => child.once('close', () => done()))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-LAST_OUTPUT_CHARACTERS)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  try {
    await until(() => hasEnded() || options.ready(), `${name} is ready`, READY_MS)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${name} did not become ready:\n${output}`, { cause })
  }
  if (hasEnded()) {
    await closed
    throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode} instead of starting:\n${output}`)
  }
  return {
    pid: child.pid!,
    async end(signal) {
      if (hasEnded()) return
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await closed
      clearTimeout(timer)
    },
  }
}
