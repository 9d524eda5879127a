/**
 * A running task: its loop, its state and its end. Nothing that a connector throws goes further than here: the task is FAILED with its
 * trace and stays so until somebody restarts it.
 */
import type { System } from '../../core/system/index.ts'
import { TaskControl, type TaskLoop } from './task-control.ts'

export type TaskState = 'RUNNING' | 'PAUSED' | 'FAILED'

export type TaskReports = (state: TaskState, trace: string | null) => void

/** An error with its causes, as a status shows it. */
export function traceOf(error: unknown): string {
  const lines: string[] = []
  let next: unknown = error
  for (let depth = 0; next !== undefined && next !== null && depth < 10; depth++) {
    const text = next instanceof Error ? (next.stack ?? `${next.name}: ${next.message}`) : String(next)
    lines.push(depth === 0 ? text : `Caused by: ${text}`)
    next = next instanceof Error ? next.cause : undefined
  }
  return lines.join('\n')
}

export class Task {
  readonly #control: TaskControl
  readonly #build: (control: TaskControl) => Promise<TaskLoop>
  readonly #report: TaskReports
  readonly #system: System
  #running: Promise<void> | null = null
  #failed = false

  /** `build` may throw: then the task fails as if its loop had. */
  constructor(paused: boolean, build: (control: TaskControl) => Promise<TaskLoop>, report: TaskReports, system: System) {
    this.#control = new TaskControl(paused)
    this.#build = build
    this.#report = report
    this.#system = system
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    try {
      const loop = await this.#build(this.#control)
      if (this.#control.stopping) return
      this.#tell(this.#control.paused ? 'PAUSED' : 'RUNNING', null)
      await loop.run(this.#control)
    } catch (error) {
      this.#failed = true
      if (!this.#control.abandoned) this.#tell('FAILED', traceOf(error))
    }
  }

  #tell(state: TaskState, trace: string | null): void {
    if (!this.#control.stopping || state === 'FAILED') this.#report(state, trace)
  }

  pause(): void {
    if (this.#control.paused || this.#failed) return
    this.#control.pause()
    this.#tell('PAUSED', null)
  }

  resume(): void {
    if (!this.#control.paused || this.#failed) return
    this.#control.resume()
    this.#tell('RUNNING', null)
  }

  /** Ends the task; after `graceMs` it is given up on. True where it ended by itself. */
  async stop(graceMs: number): Promise<boolean> {
    this.#control.stop()
    if (!this.#running) return true
    const waiting = new AbortController()
    const ended = await Promise.race([this.#running.then(() => true), this.#system.clock.sleep(graceMs, waiting.signal).then(() => false)])
    waiting.abort()
    if (!ended) this.#control.abandon()
    return ended
  }

  /** Ends the task at once: it stores and writes nothing more (Invariant 9). */
  abandon(): void {
    this.#control.abandon()
  }
}
