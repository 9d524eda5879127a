/**
 * One queue as the source reads it: fetches jobs in order, keeps their locks, completes and fails them, gives them back. BullMQ's own
 * worker does the waiting for jobs, the schedules, the limits and the jobs of workers that have died; no job waits in a processor of it.
 */
import type { Job, JobJson, KeepJobs, RedisQueueBackend, Worker } from 'bullmq'
import { type StoredRecord, sleep, type TaskLogger } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisErrorKind } from '../redis-driver/errors.ts'
import type { InFlightText } from './in-flight-text.ts'
import { MAX_SCRIPT_JOBS, QueueScripts } from './queue-scripts.ts'
import type { Argument } from './script-functions.ts'
import type { SourceConfig } from './source-settings.ts'

/** What a first look after an idle time asks for; each full answer doubles it. */
const FIRST_BURST = 8
/** A queue with a limit is asked again at least so often: the limit may have been lifted. */
const MAX_LIMIT_WAIT_MS = 5_000
/** Between two looks at a queue that has answered at once, though it has nothing. */
const EMPTY_PAUSE_MS = 50
const RETRY_MS = 1_000
/** A custom back-off strategy is code of the workers of the queue: a job with one is tried again after this time. */
const CUSTOM_BACKOFF_MS = 1_000

/** Codes of BullMQ's scripts: the job is no longer ours, or no longer there. */
const NO_JOB = -1
/** A parent with such children can only fail. */
const FAILED_CHILDREN = -9
const NOT_OURS: ReadonlySet<unknown> = new Set([NO_JOB, -2, -3, -6])

export interface ActiveJob {
  readonly json: JobJson
  readonly token: string
}

/** A job whose record is in Kafka, or was dropped (null). */
export interface CompletedJob {
  readonly active: ActiveJob
  readonly at: StoredRecord | null
}

export interface QueueReaderOptions {
  readonly queue: string
  readonly client: RedisClient
  readonly config: SourceConfig
  readonly log: TaskLogger
  /** Of all queues of the task. A fetched job is added here; who settles it takes it off. */
  readonly text: InFlightText
  /** Aborts when the task stops. */
  readonly signal: AbortSignal
}

/** What of a worker its type keeps to itself. */
interface WorkerParts {
  readonly Job: typeof Job
  readonly backend: RedisQueueBackend
  updateDelays(limitMs: number, delayUntil: number): void
  nextJobFromJobData(json: JobJson | null, id: string, token: string): Promise<Job | undefined>
}

const keepOf = (count: number, age: number): KeepJobs | undefined =>
  age >= 0 ? { age, ...(count >= 0 && { count }) } : count >= 0 ? { count } : undefined

export class QueueReader {
  readonly #options: QueueReaderOptions
  readonly #worker: Worker
  readonly #parts: WorkerParts
  readonly #decode: typeof import('bullmq').raw2NextJobData
  readonly #json = new WeakMap<Job, JobJson>()
  /** A job that has come again may be here twice, with another token. */
  readonly #active = new Set<ActiveJob>()
  #scripts: QueueScripts | null = null
  readonly #settling = new Set<Promise<void>>()
  #tokens = 0
  #burst = FIRST_BURST
  #isEmpty = false
  /** The last look found fewer jobs than it asked for. */
  #wasLast = false
  #extending = false
  #timer: NodeJS.Timeout | null = null
  #lastError = ''

  static async open(options: QueueReaderOptions): Promise<QueueReader> {
    const bullmq = await import('bullmq')
    return new QueueReader(options, bullmq)
  }

  private constructor(options: QueueReaderOptions, { Worker: BullWorker, raw2NextJobData }: typeof import('bullmq')) {
    this.#decode = raw2NextJobData
    this.#options = options
    const { queue, client, config } = options
    const completed = keepOf(config['completed.jobs.keep'], config['completed.jobs.keep.seconds'])
    const failed = keepOf(config['failed.jobs.keep'], config['failed.jobs.keep.seconds'])
    this.#worker = new BullWorker(queue, null, {
      connection: client,
      prefix: config['queue.prefix'],
      autorun: false,
      // The version was checked with the config, and BullMQ writes to the console.
      skipVersionCheck: true,
      lockDuration: config['lock.duration.ms'],
      stalledInterval: config['stalled.interval.ms'],
      maxStalledCount: config['stalled.count.max'],
      settings: { backoffStrategy: () => CUSTOM_BACKOFF_MS },
      ...(config['rate.limit.max'] > 0 && { limiter: { max: config['rate.limit.max'], duration: config['rate.limit.duration.ms'] } }),
      ...(completed && { removeOnComplete: completed }),
      ...(failed && { removeOnFail: failed }),
    })
    this.#parts = this.#worker as unknown as WorkerParts
    this.#worker.on('error', (error) => this.#warn(error))
    this.#worker.on('stalled', (id) => options.log.info(`The job ${id} of the queue ${queue} comes again: its worker has died`))
    // BullMQ reads the data with JSON.parse, which rounds large numbers: the text is kept, and read once.
    Object.defineProperty(this.#worker, 'createJob', {
      value: (json: JobJson, id: string) => {
        const job = this.#jobOf(json, id)
        this.#json.set(job, { ...json, id })
        return job
      },
    })
  }

  get queue(): string {
    return this.#options.queue
  }

  async start(): Promise<void> {
    await this.#worker.waitUntilReady()
    this.#scripts = new QueueScripts(this.#options.client)
    await this.#worker.startStalledCheckTimer()
    this.#timer = setInterval(() => void this.#extendLocks(), this.#options.config['lock.duration.ms'] / 2)
  }

  /** How many jobs the next fetch should ask for, where there is room for so many. */
  wanted(room: number): number {
    return this.#isEmpty ? 1 : Math.min(room, this.#burst)
  }

  /**
   * The next jobs in order, `wanted` at most, and fewer where their data is large. Waits a few seconds for one where there was none, and
   * may return none.
   * @throws what Redis refuses for good
   */
  async fetch(wanted: number): Promise<ActiveJob[]> {
    const began = performance.now()
    const waits = this.#isEmpty
    const jobs: ActiveJob[] = []
    try {
      await (waits ? this.#fetchNext(jobs) : this.#fetchMany(wanted, jobs))
    } catch (error) {
      await this.#tolerate(error)
      return jobs
    }
    this.#isEmpty = jobs.length === 0
    if (waits || this.#wasLast) this.#burst = FIRST_BURST
    else if (jobs.length === wanted) this.#burst = Math.min(MAX_SCRIPT_JOBS, this.#burst * 2)
    if (waits && jobs.length === 0) await this.#pause(performance.now() - began)
    return jobs
  }

  /** Waits for a job. */
  async #fetchNext(jobs: ActiveJob[]): Promise<void> {
    const token = this.#newToken()
    const job = await this.#worker.getNextJob(token, { block: true })
    if (job) jobs.push(this.#take(this.#json.get(job)!, token))
  }

  /** Adds what it gets to `jobs`, also before an error. */
  async #fetchMany(wanted: number, jobs: ActiveJob[]): Promise<void> {
    const token = this.#newToken()
    const found = await this.#scripts!.fetch(await this.#fetchArguments(token), wanted, this.#options.text.room)
    for (const raw of found) {
      if (raw instanceof Error) throw raw
      const [json, id, limitMs, delayUntil] = this.#decode(raw as unknown[]) as [JobJson | null, string, number, number]
      // BullMQ adds the next job of a schedule, and knows then that the queue is empty.
      this.#wasLast = json === null
      if (json === null || json.repeatJobKey) {
        this.#parts.updateDelays(limitMs, delayUntil)
        await this.#parts.nextJobFromJobData(json, id, token)
      }
      if (json !== null) jobs.push(this.#take({ ...json, id }, token))
    }
  }

  /** What BullMQ would send for one job. */
  async #fetchArguments(token: string): Promise<readonly Argument[]> {
    const sibling = this.#parts.backend.forQueue(this.queue) as RedisQueueBackend
    let sent: readonly Argument[] = []
    sibling.execCommand = (_client, _name, args) => {
      sent = args
    }
    await sibling.moveToActive(token)
    return sent
  }

  #newToken(): string {
    return `${this.#worker.id}:${++this.#tokens}`
  }

  #take(json: JobJson, token: string): ActiveJob {
    const active = { json, token }
    this.#active.add(active)
    this.#options.text.fetched(json)
    return active
  }

  /** The template of a schedule is written again with the data of its job; no other job needs its data here. */
  #jobOf(json: JobJson, id: string): Job {
    return this.#parts.Job.fromJSON(this.#worker, json.repeatJobKey ? json : { ...json, data: '{}' }, id)
  }

  /** Waits where an error may pass. */
  async #tolerate(error: unknown): Promise<void> {
    const kind = redisErrorKind(error)
    if (kind !== 'lost' && kind !== 'passing') throw error
    this.#warn(error as Error)
    await sleep(RETRY_MS, this.#options.signal)
  }

  /** A limit makes BullMQ answer at once. */
  async #pause(tookMs: number): Promise<void> {
    if (tookMs > EMPTY_PAUSE_MS || this.#options.signal.aborted) return
    const { config, signal } = this.#options
    const limitedMs = await this.#worker.backend.getRateLimitTtl(config['rate.limit.max'] || undefined)
    await sleep(Math.min(MAX_LIMIT_WAIT_MS, Math.max(EMPTY_PAUSE_MS, limitedMs)), signal)
  }

  /** Of MAX_SCRIPT_JOBS jobs at most. Resolves when Redis has answered; never rejects. */
  complete(jobs: readonly CompletedJob[]): Promise<void> {
    return this.#settle(
      jobs.map(({ active }) => active),
      () => this.#completed(jobs),
    )
  }

  /** Attempts and back-off of the job apply. Resolves when Redis has answered; never rejects. */
  fail(active: ActiveJob, error: Error): Promise<void> {
    return this.#settle([active], () => this.#failed(active, error))
  }

  /** The locks are extended until Redis has answered. */
  #settle(jobs: readonly ActiveJob[], move: () => Promise<void>): Promise<void> {
    const settled = move().finally(() => {
      for (const active of jobs) this.#active.delete(active)
      this.#settling.delete(settled)
    })
    this.#settling.add(settled)
    return settled
  }

  async #completed(jobs: readonly CompletedJob[]): Promise<void> {
    for (let left = jobs; left.length > 0; ) {
      try {
        const outcomes = await this.#scripts!.finish(left.map((job) => this.#finishArguments(job)))
        const again: CompletedJob[] = []
        const unsettled = new Map<unknown, JobJson[]>()
        let failure: Error | null = null
        for (const [index, outcome] of outcomes.entries()) {
          const job = left[index]!
          if (outcome instanceof Error) {
            failure ??= outcome
            again.push(job)
          } else if (outcome === FAILED_CHILDREN) {
            await this.#failed(job.active, new Error('A child of the job has failed'))
          } else if (outcome !== 0) unsettled.set(outcome, [...(unsettled.get(outcome) ?? []), job.active.json])
        }
        for (const [code, jsons] of unsettled) this.#notOurs(jsons, 'completed', code, `BullMQ's code ${code}`)
        left = again
        if (failure) throw failure
      } catch (error) {
        const jsons = left.map(({ active }) => active.json)
        if (!(await this.#mayAgain(jsons, 'completed', error as Error))) return
      }
    }
  }

  #finishArguments({ active: { json, token }, at }: CompletedJob): readonly Argument[] {
    const value = at === null ? { dropped: true } : { topic: at.topic, partition: at.partition, offset: at.offset }
    return this.#parts.backend.moveToCompletedArgs(json as never, JSON.stringify(value), json.opts.removeOnComplete as never, token, false)
  }

  async #failed({ json, token }: ActiveJob, reason: Error): Promise<void> {
    for (;;) {
      try {
        await this.#jobOf(json, json.id).moveToFailed(reason, token, false)
        return
      } catch (error) {
        const { code, message } = error as Error & { code?: unknown }
        if (typeof code === 'number') return this.#notOurs([json], 'failed', code, message)
        if (!(await this.#mayAgain([json], 'failed', error as Error))) return
      }
    }
  }

  /** What BullMQ refuses. */
  #notOurs(jobs: readonly JobJson[], as: string, code: unknown, message: string): void {
    const { log } = this.#options
    if (!NOT_OURS.has(code)) {
      log.error(`${this.#named(jobs)} cannot be ${as}, and BullMQ may give them out again when their locks end: ${message}`)
      return
    }
    const then = code === NO_JOB ? 'it was removed from the queue' : 'its lock was lost, and it may come again'
    log.warn(`${this.#named(jobs)} cannot be ${as}: ${then} (${message})`)
  }

  /** Whether they can be tried again; waits before. */
  async #mayAgain(jobs: readonly JobJson[], as: string, error: Error): Promise<boolean> {
    const { log, signal } = this.#options
    const kind = redisErrorKind(error)
    if (signal.aborted || (kind !== 'lost' && kind !== 'passing')) {
      log.error(`${this.#named(jobs)} cannot be ${as}; it comes again when its lock ends: ${error.message}`)
      return false
    }
    this.#warn(error)
    await sleep(RETRY_MS, signal)
    return true
  }

  #named([first, ...more]: readonly JobJson[]): string {
    const others = more.length === 0 ? '' : `, as ${more.length} others after it,`
    return `The job ${first!.id} of the queue ${this.queue}${others}`
  }

  async #extendLocks(): Promise<void> {
    if (this.#extending || this.#active.size === 0) return
    this.#extending = true
    const jobs = [...this.#active]
    try {
      const lost = await this.#worker.extendJobLocks(
        jobs.map(({ json }) => json.id),
        jobs.map(({ token }) => token),
        this.#options.config['lock.duration.ms'],
      )
      // What was settled meanwhile has no lock any more.
      const still = new Set([...this.#active].map(({ json }) => json.id))
      const really = lost.filter((id) => still.has(id))
      if (really.length > 0)
        this.#options.log.warn(
          `The locks of ${really.length} jobs of the queue ${this.queue} were lost: they may come again (${really[0]}…)`,
        )
    } catch (error) {
      this.#warn(error as Error)
    } finally {
      this.#extending = false
    }
  }

  /** One line for an error that comes again and again. */
  #warn({ message }: Error): void {
    if (message === this.#lastError) return
    this.#lastError = message
    this.#options.log.warn(`The queue ${this.queue}: ${message}`)
  }

  /** Ends a wait for jobs. */
  async interrupt(): Promise<void> {
    await this.#worker.backend.disconnectBlocking(true)
  }

  /** What is settled is settled in Redis; the others go back to where they came from, the last first. */
  async release(): Promise<void> {
    await Promise.all(this.#settling)
    const left = [...this.#active].reverse()
    const back = await Promise.allSettled(left.map(({ json, token }) => this.#parts.backend.moveJobFromActiveToWait(json.id, token)))
    this.#active.clear()
    const failed = back.find((outcome) => outcome.status === 'rejected')
    if (failed) this.#options.log.warn(`Jobs of the queue ${this.queue} come again when their locks end: ${failed.reason.message}`)
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#worker.close(true)
  }
}
