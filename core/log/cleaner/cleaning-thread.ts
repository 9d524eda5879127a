/**
 * A cleaning thread as its owner sees it: started at its first cleaning, and again after an end. A thread that dies takes only its
 * cleaning with it.
 */
import { Worker } from 'node:worker_threads'
import type { CleanedGroup, CleaningRequest, CleaningResult } from './log-cleaning.ts'
import type { FromThread, ThreadControl, ToThread } from './thread-messages.ts'

const FILE = new URL(`./thread-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/** The thread allocates an object for a batch and none for a record: collecting often costs little. */
const YOUNG_GENERATION_MB = 4

/** A thread that does not end a cleaning within this time, because the disk hangs, is terminated. */
const ABORT_MS = 2_000

/** A failed system call, or a damaged segment. */
export class CleaningFailed extends Error {
  override name = 'CleaningFailed'
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

export class ThreadDied extends Error {
  override name = 'ThreadDied'
}

/** `sleep` is that of the clock, `appendWrites` the counter of the write scheduler. */
export class CleaningThread {
  readonly #control: ThreadControl
  readonly #sleep: (ms: number) => Promise<void>
  #worker: Worker | null = null
  /** The cleaning in progress. */
  #cleaning: Promise<void> | null = null
  /** The replacement of segments in progress: it is never interrupted. */
  #replacing: Promise<boolean | null> = Promise.resolve(true)

  constructor(sleep: (ms: number) => Promise<void>, appendWrites: Int32Array<SharedArrayBuffer>) {
    this.#sleep = sleep
    this.#control = {
      bytesPerSecond: new Float64Array(new SharedArrayBuffer(8)),
      isAborted: new Int32Array(new SharedArrayBuffer(4)),
      appendWrites,
    }
  }

  set bytesPerSecond(value: number) {
    this.#control.bytesPerSecond[0] = value
  }

  /** Null where it was aborted. Rejects with CleaningFailed or ThreadDied. */
  clean(request: CleaningRequest, replace: (group: CleanedGroup) => Promise<boolean>): Promise<CleaningResult | null> {
    Atomics.store(this.#control.isAborted, 0, 0)
    const cleaning = this.#run(request, replace)
    const ended = cleaning.then(
      () => {},
      () => {},
    )
    this.#cleaning = ended
    void ended.then(() => {
      if (this.#cleaning === ended) this.#cleaning = null
    })
    return cleaning
  }

  /** Ends the cleaning in progress. No file is touched any more when it resolves. */
  async abort(): Promise<void> {
    const cleaning = this.#cleaning
    if (cleaning === null) return
    Atomics.store(this.#control.isAborted, 0, 1)
    await Promise.race([cleaning, this.#sleep(ABORT_MS)])
    if (this.#cleaning === cleaning) await this.end()
    await cleaning
    await this.#replacing
  }

  /** Ends the thread and frees its memory. */
  async end(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  #run(request: CleaningRequest, replace: (group: CleanedGroup) => Promise<boolean>): Promise<CleaningResult | null> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    const send = (message: ToThread) => worker.postMessage(message)
    return new Promise((resolve, reject) => {
      const onMessage = (message: FromThread) => {
        if (message.type === 'group') {
          const isAborted = Atomics.load(this.#control.isAborted, 0) !== 0
          // Where it rejects, the log has failed and said why.
          this.#replacing = isAborted ? Promise.resolve(false) : replace(message.group).catch(() => null)
          void this.#replacing.then((isReplaced) => send({ type: 'replaced', isReplaced }))
          return
        }
        stop()
        if (message.type === 'done') resolve(message.result)
        else if (message.type === 'aborted') resolve(null)
        else reject(new CleaningFailed(message.message, message.code))
      }
      const onDeath = (cause: unknown) => {
        stop()
        if (this.#worker === worker) this.#worker = null
        if (Atomics.load(this.#control.isAborted, 0) !== 0) resolve(null)
        else reject(new ThreadDied('the cleaning thread has died', { cause }))
      }
      const stop = () => {
        worker.off('message', onMessage)
        worker.off('error', onDeath)
        worker.off('exit', onDeath)
        worker.unref()
      }
      worker.on('message', onMessage)
      worker.on('error', onDeath)
      worker.on('exit', onDeath)
      worker.ref()
      send({ type: 'clean', request })
    })
  }

  #start(): Worker {
    const worker = new Worker(FILE, { workerData: this.#control, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } })
    // Without a cleaning in progress nobody waits for it.
    worker.on('error', () => {
      if (this.#worker === worker) this.#worker = null
    })
    worker.unref()
    return worker
  }
}
