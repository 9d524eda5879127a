/**
 * Several workers of one group on this machine, each a process of its own: starts them, names the worker before each of their lines, starts
 * a dead one again after a back-off, and stops all together. A worker that cannot even start ends all: its file is wrong.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { backoffMs } from '../core/system/backoff.ts'
import { aborted } from '../core/system/condition.ts'
import type { System } from '../core/system/index.ts'
import { within } from '../core/system/within.ts'
import type { Running } from './command.ts'
import { UserError } from './user-error.ts'

export const MAX_WORKERS = 64
const RESTART = { baseMs: 1_000, maxMs: 60_000 }
/** A worker that has run for so long starts again with the first back-off. */
const RESET_MS = 60_000
/** A worker stops itself within 5 s. */
const KILL_MS = 4_800

/** What a worker tells the process that has started it. */
export const READY = 'ready'

/**
 * The settings of worker number `index`, from 0, that are its own: each port is that of the file plus the number, so that the first worker
 * has the file's; port 0 stays.
 */
export function ownSettings(properties: Readonly<Record<string, string>>, index: number): Record<string, string> {
  const own: Record<string, string> = {}
  const listeners = properties.listeners ?? (properties['rest.port'] === undefined ? 'http://:8083' : undefined)
  if (listeners !== undefined) own.listeners = withPorts(listeners, index)
  const admin = properties['admin.listeners']
  if (admin !== undefined && admin !== '') own['admin.listeners'] = withPorts(admin, index)
  for (const name of ['rest.port', 'rest.advertised.port']) {
    const port = properties[name]
    if (port !== undefined) own[name] = portOf(port, index)
  }
  return own
}

const withPorts = (listeners: string, index: number): string =>
  listeners
    .split(',')
    .map((listener) => listener.trim().replace(/:(\d+)(\/?)$/, (_, port: string, slash: string) => `:${portOf(port, index)}${slash}`))
    .join(',')

const portOf = (port: string, index: number): string => (Number(port) === 0 ? port : String(Number(port) + index))

export interface WorkerProcessesOptions {
  readonly count: number
  /** The arguments of worker `index`, after the program. */
  argumentsOf(index: number): readonly string[]
  /** The program with the options of Node: those of this process. */
  readonly program: readonly string[]
  readonly system: Pick<System, 'clock' | 'random' | 'logger'>
  print(line: string): void
  printError(line: string): void
  /** Aborts the start. */
  readonly stopping: AbortSignal
}

/** Resolves when all workers are ready. */
export async function startWorkerProcesses(options: WorkerProcessesOptions): Promise<Running> {
  const { count, system, print } = options
  const children = new Map<number, ChildProcess>()
  const stopping = new AbortController()
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})

  /** Starts a worker and resolves with what it ended with. `onReady` is called once it serves. */
  function runOnce(index: number, onReady: () => void): Promise<string> {
    const [node, ...program] = options.program as [string, ...string[]]
    const child = spawn(node, [...program, ...options.argumentsOf(index)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    children.set(index, child)
    const name = `[worker ${index + 1}] `
    follow(child.stdout as Readable, (line) => print(name + line))
    follow(child.stderr as Readable, (line) => options.printError(name + line))
    child.on('message', (message) => {
      if (message === READY) onReady()
    })
    return new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`))
    })
  }

  async function keep(index: number, onFirstReady: () => void): Promise<void> {
    let hasBeenReady = false
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      const startedMs = system.clock.monotonic()
      const end = await runOnce(index, () => {
        hasBeenReady = true
        onFirstReady()
      })
      children.delete(index)
      if (stopping.signal.aborted) return
      if (!hasBeenReady) throw new UserError(`Worker ${index + 1} cannot start, and ended with ${end}: its lines above say why.`)
      if (system.clock.monotonic() - startedMs > RESET_MS) attempt = 0
      const delayMs = Math.round(backoffMs(RESTART, attempt, system.random))
      system.logger.error({ worker: index + 1, end, delayMs }, 'a worker process has ended, and is started again')
      await system.clock.sleep(delayMs, stopping.signal)
    }
  }

  async function stop(): Promise<void> {
    stopping.abort()
    const running = [...children.values()]
    const ended = Promise.all(running.map((child) => new Promise((resolve) => child.once('close', resolve))))
    for (const child of running) child.kill('SIGTERM')
    if (running.length > 0 && !(await within(system.clock, KILL_MS, ended))) for (const child of running) child.kill('SIGKILL')
  }

  const ready = Array.from({ length: count }, (_, index) => {
    const first = Promise.withResolvers<void>()
    keep(index, first.resolve).catch(failure.reject)
    return first.promise
  })
  try {
    await Promise.race([Promise.all(ready), failure.promise, aborted(options.stopping)])
    options.stopping.throwIfAborted()
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, failed: failure.promise }
}

function follow(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine)
}
