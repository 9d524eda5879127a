/**
 * The processes of the demo: subcommands of Tributary, on the same Node and program that runs the demo. Their output goes into log files.
 * They end with the demo, however it ends, except by kill -9.
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
  /** Processes that were stopped on purpose. */
  readonly #ended = new WeakSet<ChildProcess>()
  readonly #onFailure: (error: Error) => void
  #closed = false
  readonly #atExit = () => {
    for (const child of this.#running.values()) child.kill('SIGKILL')
  }

  /** `onFailure` gets an error when a process ends that was not stopped on purpose. */
  constructor(folder: string, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure
    this.#logs = join(folder, 'logs')
    mkdirSync(this.#logs)
    // Before the folder that they write to is deleted.
    process.prependListener('exit', this.#atExit)
  }

  /** Runs `tributary <args>`; the name is used for its log and its messages. */
  start(name: string, args: readonly string[]): void {
    if (this.#closed) throw new Error(`${name} was not started: the demo is ending`)
    const log = openSync(this.#logOf(name), 'a')
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], { stdio: ['ignore', log, log] })
    closeSync(log)
    this.#running.set(name, child)
    if (args[0] === 'broker') this.#brokers.add(child)
    child.once('error', (error) => this.#fail(name, child, error.message))
    child.once('exit', (code, signal) => this.#fail(name, child, `ended with ${signal ?? `exit code ${code}`}`))
  }

  /** kill -9; resolves when the process has ended. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name)!
    this.#running.delete(name)
    await end(child, 'SIGKILL', this.#ended)
  }

  /** kill -9 of all; no process can be started after it. */
  async killAll(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)))
  }

  async stop(): Promise<void> {
    const all = [...this.#running.values()]
    this.#running.clear()
    // The brokers last: workers and mirrors commit to them and leave their groups.
    for (const brokers of [false, true]) {
      await Promise.all(all.filter((child) => this.#brokers.has(child) === brokers).map((child) => end(child, 'SIGTERM', this.#ended)))
    }
    process.off('exit', this.#atExit)
  }

  #logOf(name: string): string {
    return join(this.#logs, `${name}.log`)
  }

  #fail(name: string, child: ChildProcess, what: string): void {
    if (this.#ended.has(child)) return
    const tail = readFileSync(this.#logOf(name), 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n  ')
    this.#onFailure(new Error(`The process "${name}" ${what}. The end of its log:\n  ${tail}`))
  }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL', ended: WeakSet<ChildProcess>): Promise<void> {
  ended.add(child)
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
}
