/**
 * A thread with plugins in it, as its owner sees it. Whatever the plugins do there, the owner goes on: a thread that does not respond, that
 * has too large a heap or that ends by itself is terminated, and its failure says why and where it was.
 */
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { System } from '../../../core/system/index.ts'
import { endsWithProcess } from '../../../core/system/process-exit.ts'
import { within } from '../../../core/system/within.ts'
import { classified } from '../restart-decision.ts'
import { detailsOf, errorOf, plainError } from './thread-errors.ts'
import type { FromThread, ThreadData, ThreadPurpose, ToThread } from './thread-messages.ts'
import { currentStack } from './thread-stack.ts'

const FILE = new URL(`./thread-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/** How often a thread is looked at. Its own sign of life comes as often. */
const CHECK_MS = 1_000
/** A check that comes late, because this thread or the machine was busy, counts as this much of silence at most. */
const MAX_CHECK_MS = 1_500
/** The heap that V8 itself refuses: larger than the limit, which the checks enforce, as V8 ends the whole process at times. */
const HEAP_RESERVE_MB = 256
const YOUNG_GENERATION_MB = 8
const TERMINATE_MS = 30_000
const START_MS = 60_000
/** The messages of a thread between two checks: one that sends more would keep its owner from everything else. */
const MAX_MESSAGES = 20_000
const BYTES_PER_MB = 1024 * 1024

/** The thread has ended before it was done. */
export class ThreadFailed extends Error {
  override name = 'ThreadFailed'
}

export interface PluginThreadOptions {
  readonly system: Pick<System, 'clock' | 'logger'>
  /** For messages: `the task`, `the validation`. */
  readonly what: string
  /** A thread that gives no sign of life for so long is terminated. */
  readonly unresponsiveMs: number
  readonly maxHeapMb: number
  /** What is no sign of life, no log line and no end. */
  onMessage?(message: FromThread): void
}

export class PluginThread {
  readonly #options: PluginThreadOptions
  readonly #worker: Worker
  readonly #timer: { cancel(): void }
  /** What `done` or `failed` said; a failure of the thread itself. */
  readonly result: Promise<unknown>
  #resolve!: (value: unknown) => void
  #reject!: (error: Error) => void
  #silentMs = 0
  #lastCheckMs: number
  #hasStarted = false
  #checking = false
  #ending: Promise<void> | null = null
  /** Since the last check, which does not come while messages keep the owner busy. */
  #messages = 0

  constructor(purpose: ThreadPurpose, options: PluginThreadOptions) {
    this.#options = options
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever waits for it handles it.
    this.result.catch(() => {})
    const { clock } = options.system
    this.#lastCheckMs = clock.monotonic()
    const limits = { maxOldGenerationSizeMb: options.maxHeapMb + HEAP_RESERVE_MB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB }
    const cache = getCompileCacheDir()
    // Its last part is that of the version of Node.
    const data: ThreadData = { purpose, compileCache: cache === undefined ? null : dirname(cache) }
    this.#worker = new Worker(FILE, { workerData: data, resourceLimits: limits })
    endsWithProcess(this.#worker)
    this.#worker.on('message', (message: FromThread) => this.#onMessage(message))
    this.#worker.on('messageerror', (cause) => this.#fail(new ThreadFailed(`a message of ${options.what} could not be read`, { cause })))
    this.#worker.on('error', (thrown: unknown) => this.#fail(this.#failureOf(thrown)))
    this.#worker.on('exit', (code) => {
      this.#timer.cancel()
      this.#reject(new ThreadFailed(`the thread of ${options.what} has ended with exit code ${code}: a plugin must not end its process`))
    })
    this.#timer = clock.every(CHECK_MS, () => void this.#check())
  }

  get threadId(): number {
    return this.#worker.threadId
  }

  send(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  /** Resolves when no code of the thread runs any more. */
  end(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #end(): Promise<void> {
    this.#timer.cancel()
    const ended = this.#worker.terminate()
    if (!(await within(this.#options.system.clock, TERMINATE_MS, ended)))
      this.#options.system.logger.warn({}, `the thread of ${this.#options.what} does not end: native code in it does not return`)
  }

  /** A plugin may throw what is no error, null too. */
  #failureOf(thrown: unknown): Error {
    const cause = errorOf(plainError(thrown))
    if ((cause as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY') return this.#outOfMemory()
    return new ThreadFailed(`the thread of ${this.#options.what} has failed: ${cause.message}`, { cause })
  }

  #outOfMemory = () =>
    new ThreadFailed(
      `${this.#options.what} needs more than ${this.#options.maxHeapMb} MB of memory and was ended: ` +
        'raise task.heap.max.mb of the worker or the connector, or mend the plugin',
    )

  #fail(error: Error): void {
    this.#reject(error)
    void this.end()
  }

  /** A plugin reaches the port of its thread too, and may send anything. */
  #onMessage(message: FromThread): void {
    if (this.#ending) return
    if (++this.#messages > MAX_MESSAGES) {
      this.#fail(new ThreadFailed(`${this.#options.what} has sent messages without end and was ended: a plugin must not use parentPort`))
      return
    }
    try {
      this.#read(message)
    } catch (cause) {
      this.#fail(new ThreadFailed(`${this.#options.what} has sent a message that is none: a plugin must not use parentPort`, { cause }))
    }
  }

  #read(message: FromThread): void {
    this.#hasStarted = true
    this.#silentMs = 0
    if (message.type === 'done') this.#resolve(message.value)
    else if (message.type === 'failed') this.#reject(classified(errorOf(message.error), message.mends ?? true))
    else if (message.type === 'log') this.#options.system.logger[message.level](detailsOf(message.details), message.message)
    else this.#options.onMessage?.(message)
  }

  /** No code of a plugin runs before the first sign of life: on a busy machine the start takes its time. */
  get #limitMs(): number {
    return this.#hasStarted ? this.#options.unresponsiveMs : Math.max(START_MS, this.#options.unresponsiveMs)
  }

  async #check(): Promise<void> {
    this.#messages = 0
    if (this.#checking || this.#ending) return
    this.#checking = true
    try {
      const now = this.#options.system.clock.monotonic()
      this.#silentMs += Math.min(MAX_CHECK_MS, now - this.#lastCheckMs)
      this.#lastCheckMs = now
      if (this.#silentMs > this.#limitMs) await this.#failUnresponsive()
      else await this.#checkHeap()
    } finally {
      this.#checking = false
    }
  }

  async #failUnresponsive(): Promise<void> {
    const { what, unresponsiveMs, system } = this.#options
    const stack = await currentStack(this.#worker.threadId, system.clock).catch((error: unknown) => {
      system.logger.warn({ err: error }, 'the stack of a thread could not be read')
      return null
    })
    // It may have responded meanwhile: while it was stopped to see where it is, it could not.
    if (this.#silentMs <= this.#limitMs) return
    const error = new ThreadFailed(
      `${what} has not responded for ${Math.round(unresponsiveMs / 1000)} s and was ended: its code computes without a pause, or waits in a synchronous call. ` +
        (stack === null ? 'Where it was is not known.' : 'The stack is where it was.'),
    )
    if (stack !== null) error.stack = [`${error.name}: ${error.message}`, ...stack.map((frame) => `    at ${frame}`)].join('\n')
    this.#fail(error)
  }

  /** V8 tells it also while the thread computes. */
  async #checkHeap(): Promise<void> {
    if (!this.#hasStarted) return
    const statistics = this.#worker.getHeapStatistics()
    // Rejects where the thread has ended meanwhile.
    statistics.catch(() => {})
    if (!(await within(this.#options.system.clock, CHECK_MS, statistics))) return
    const used = await statistics.then(
      (heap) => heap.used_heap_size,
      () => 0,
    )
    if (used > this.#options.maxHeapMb * BYTES_PER_MB) this.#fail(this.#outOfMemory())
  }
}
