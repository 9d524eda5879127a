/**
 * The processes of the demo: Tributary's own subcommands, on the same Node and program that runs the demo. Their output goes into files. Who
 * started them ends them: none outlives the demo, whatever ends it short of kill -9.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const STOP_MS = 3_000
const LOG_TAIL_LINES = 15

export class Processes {
  readonly #logs: string
  readonly #running = new Map<string, ChildProcess>()
  readonly #brokers = new Set<ChildProcess>()
  /** Those that are meant to be gone. */
  readonly #ended = new WeakSet<ChildProcess>()
  #failure: Error | null = null
  #closed = false
  readonly #atExit = () => {
    for (const child of this.#running.values()) child.kill('SIGKILL')
  }

  constructor(folder: string) {
    this.#logs = join(folder, 'logs')
    mkdirSync(this.#logs)
    // before the folder goes that they write to
    process.prependListener('exit', this.#atExit)
  }

  /** Runs `tributary <args>` under a name of its own. */
  start(name: string, args: readonly string[]): void {
    if (this.#closed) throw new Error(`${name} is not started: the demo is ending`)
    const log = openSync(this.#logOf(name), 'a')
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], { stdio: ['ignore', log, log] })
    closeSync(log)
    this.#running.set(name, child)
    if (args[0] === 'broker') this.#brokers.add(child)
    child.once('error', (error) => this.#fail(name, child, error.message))
    child.once('exit', (code, signal) => this.#fail(name, child, `ended with ${signal ?? `exit code ${code}`}`))
  }

  /** kill -9, and gone when it resolves. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name)!
    this.#running.delete(name)
    await end(child, 'SIGKILL', this.#ended)
  }

  /** Throws where a process ended that nobody stopped. */
  check(): void {
    if (this.#failure) throw this.#failure
  }

  /** kill -9 of all; nothing starts after it. */
  async killAll(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)))
  }

  async stop(): Promise<void> {
    const all = [...this.#running.values()]
    this.#running.clear()
    // who talks to a broker says goodbye to it first
    for (const brokers of [false, true]) {
      await Promise.all(all.filter((child) => this.#brokers.has(child) === brokers).map((child) => end(child, 'SIGTERM', this.#ended)))
    }
    process.off('exit', this.#atExit)
  }

  #logOf(name: string): string {
    return join(this.#logs, `${name}.log`)
  }

  #fail(name: string, child: ChildProcess, what: string): void {
    if (this.#ended.has(child) || this.#failure) return
    const tail = readFileSync(this.#logOf(name), 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n  ')
    this.#failure = new Error(`The process "${name}" ${what}. The end of its log:\n  ${tail}`)
  }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL', ended: WeakSet<ChildProcess>): Promise<void> {
  ended.add(child)
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(timer)
}
