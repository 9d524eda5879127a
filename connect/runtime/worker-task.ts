/**
 * One task of a connector: it runs, pauses and stops the task and reports its state. No error of a connector leaves it: the task is FAILED
 * with a trace, and stays FAILED until it is restarted.
 */
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import { type RunnableTask, TaskControl } from './task-control.ts'

export type TaskState = 'RUNNING' | 'PAUSED' | 'FAILED'

export type TaskStatusListener = (state: TaskState, trace: string | null) => void

const MAX_CAUSES = 10

/** An error with its causes, as a status shows it. */
export function traceOf(error: unknown): string {
  const lines: string[] = []
  let next: unknown = error
  for (let depth = 0; next !== undefined && next !== null && depth < MAX_CAUSES; depth++) {
    const text = next instanceof Error ? (next.stack ?? `${next.name}: ${next.message}`) : String(next)
    lines.push(depth === 0 ? text : `Caused by: ${text}`)
    next = next instanceof Error ? next.cause : undefined
  }
  return lines.join('\n')
}

export class WorkerTask {
  readonly #control: TaskControl
  readonly #build: (control: TaskControl) => Promise<RunnableTask>
  readonly #onState: TaskStatusListener
  readonly #system: System
  #running: Promise<void> | null = null
  #failed = false
  #markStarted: () => void = () => {}
  /** Resolves when the task has reported its first state, or has stopped before. */
  readonly started: Promise<void>

  /** An error of `build` fails the task as one of its run does. */
  constructor(paused: boolean, build: (control: TaskControl) => Promise<RunnableTask>, onState: TaskStatusListener, system: System) {
    this.#control = new TaskControl(paused)
    this.#build = build
    this.#onState = onState
    this.#system = system
    this.started = new Promise((resolve) => {
      this.#markStarted = resolve
    })
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    let task: RunnableTask | null = null
    try {
      task = await this.#build(this.#control)
      if (this.#control.stopping) return
      this.#reportState(this.#control.paused ? 'PAUSED' : 'RUNNING')
      this.#markStarted()
      await task.run(this.#control)
    } catch (error) {
      this.#failed = true
      if (!this.#control.cancelled) this.#onState('FAILED', traceOf(error))
    } finally {
      this.#markStarted()
      await task?.release?.()
    }
  }

  #reportState(state: 'RUNNING' | 'PAUSED'): void {
    if (!this.#control.stopping) this.#onState(state, null)
  }

  pause(): void {
    if (this.#control.paused || this.#failed) return
    this.#control.pause()
    this.#reportState('PAUSED')
  }

  resume(): void {
    if (!this.#control.paused || this.#failed) return
    this.#control.resume()
    this.#reportState('RUNNING')
  }

  /** Stops the task, and cancels it after `timeoutMs`. True where it stopped by itself. */
  async stop(timeoutMs: number): Promise<boolean> {
    this.#control.stop()
    const stopped = await within(this.#system.clock, timeoutMs, this.#running)
    if (!stopped) this.#control.cancel()
    return stopped
  }

  /** Stops the task without waiting: it stores and writes nothing more (Invariant 9). */
  cancel(): void {
    this.#control.cancel()
  }
}
