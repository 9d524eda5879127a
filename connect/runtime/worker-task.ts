/**
 * One task of a connector: it runs, pauses and stops the task and reports its state. No error of a connector leaves it: the task is FAILED
 * with a trace, and stays FAILED until its owner starts another in its place.
 */
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import { ConnectError } from '../types.ts'
import type { DeadLetter } from './dead-letter.ts'
import { type ReplayCounts, type RunnableTask, TaskControl } from './task-control.ts'
import { TaskProgress } from './task-progress.ts'

export type TaskState = 'RUNNING' | 'PAUSED' | 'FAILED'

/** `error` is what the task has failed with. */
export type TaskStatusListener = (state: TaskState, trace: string | null, error?: unknown) => void

const MAX_CAUSES = 10
/** A status has to fit into a record of its topic, whatever the message of an error quotes (Invariant 13). */
const MAX_TRACE_CHARACTERS = 100_000

/** An error with its causes, as a status shows it. */
export function traceOf(error: unknown): string {
  const lines: string[] = []
  let next: unknown = error
  for (let depth = 0; next !== undefined && next !== null && depth < MAX_CAUSES; depth++) {
    const text = next instanceof Error ? (next.stack ?? `${next.name}: ${next.message}`) : String(next)
    lines.push(depth === 0 ? text : `Caused by: ${text}`)
    next = next instanceof Error ? next.cause : undefined
  }
  const trace = lines.join('\n')
  if (trace.length <= MAX_TRACE_CHARACTERS) return trace
  return `${trace.slice(0, MAX_TRACE_CHARACTERS)} … (${trace.length - MAX_TRACE_CHARACTERS} more characters)`
}

export class WorkerTask {
  readonly #control: TaskControl
  readonly #build: (control: TaskControl) => Promise<RunnableTask>
  readonly #onState: TaskStatusListener
  readonly #onFailedStop: (trace: string) => void
  readonly #system: System
  readonly progress: TaskProgress
  #running: Promise<void> | null = null
  #runnable: RunnableTask | null = null
  #failed = false
  /** Ends each replay in progress. A connector that never returns must not hold those that wait behind it for the next task. */
  readonly #replays = new Set<() => void>()
  #markStarted: () => void = () => {}
  /** Resolves when the task has reported its first state, or has stopped before. */
  readonly started: Promise<void>

  /** An error of `build` fails the task as one of its run does. One after the request to stop goes to `onFailedStop`. */
  constructor(
    paused: boolean,
    build: (control: TaskControl) => Promise<RunnableTask>,
    onState: TaskStatusListener,
    onFailedStop: (trace: string) => void,
    system: System,
  ) {
    this.progress = new TaskProgress(system.clock)
    this.#control = new TaskControl(paused, this.progress)
    this.#build = build
    this.#onState = onState
    this.#onFailedStop = onFailedStop
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
      this.#runnable = task
      await task.run(this.#control)
    } catch (error) {
      this.#failed = true
      // Whoever stops a task starts its successor, or wants none. As in Kafka Connect its state is no longer of interest.
      if (this.#control.stopping) this.#onFailedStop(traceOf(error))
      else this.#onState('FAILED', traceOf(error), error)
    } finally {
      this.#runnable = null
      this.#markStarted()
      try {
        await task?.release?.()
      } finally {
        this.#endReplays()
      }
    }
  }

  #endReplays(): void {
    for (const end of this.#replays) end()
  }

  #reportState(state: 'RUNNING' | 'PAUSED'): void {
    if (!this.#control.stopping) this.#onState(state, null)
  }

  /** Whether it can replay dead letters now. */
  get running(): boolean {
    return this.#runnable !== null && !this.#control.stopping && !this.#control.paused
  }

  /** @throws ConnectError 409 where the task does not run, 400 where it has no dead letters. */
  async replay(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    if (!this.running || !this.#runnable) throw new ConnectError(409, 'The task does not run: start or resume it, and replay again.')
    if (!this.#runnable.replay) throw new ConnectError(400, 'A connector of this kind has no dead letters.')
    let delivered = false
    const replayed = this.#runnable.replay(letters, () => {
      delivered = true
      return done()
    })
    const end = Promise.withResolvers<void>()
    this.#replays.add(end.resolve)
    const ended = end.promise.then(() => {
      if (delivered) return replayed
      throw new ConnectError(409, 'The task has stopped before it has replayed the dead letters: replay them again.')
    })
    try {
      return await Promise.race([replayed, ended])
    } finally {
      this.#replays.delete(end.resolve)
    }
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
    if (!stopped) this.cancel()
    return stopped
  }

  /** Stops the task without waiting: it stores and writes nothing more (Invariant 9). */
  cancel(): void {
    this.#control.cancel()
    this.#endReplays()
  }
}
