/**
 * One queue as the source reads it: fetches jobs in order, keeps their locks, settles them or gives them back. BullMQ's own worker waits for
 * jobs; no job waits in a processor of it.
 */
import type { JobJson, RedisQueueBackend } from 'bullmq'
import { sleep, type TaskLogger } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisErrorKind } from '../redis-driver/errors.ts'
import type { InFlightText } from './in-flight-text.ts'
import { type ActiveJob, type CompletedJob, JobSettling, RETRY_MS } from './job-settling.ts'
import { MAX_SCRIPT_JOBS, QueueScripts } from './queue-scripts.ts'
import { type QueueWorker, queueWorker, waitForPartsOfSeconds } from './queue-worker.ts'
import type { Argument } from './script-functions.ts'
import type { SourceConfig } from './source-settings.ts'

/** What a first look after an idle time asks for; each full answer doubles it. */
const FIRST_BURST = 8
/** A queue with a limit is asked again at least so often: the limit may have been lifted. */
const MAX_LIMIT_WAIT_MS = 5_000
/** Between two looks at a queue that has answered at once, though it has nothing. */
const EMPTY_PAUSE_MS = 50

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

export class QueueReader {
  readonly #options: QueueReaderOptions
  readonly #worker: QueueWorker
  readonly #decode: typeof import('bullmq').raw2NextJobData
  readonly #scripts: QueueScripts
  readonly #jobs: JobSettling
  /** A job that has come again may be here twice, with another token. */
  readonly #active = new Set<ActiveJob>()
  readonly #settling = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #tokens = 0
  #burst = FIRST_BURST
  #isEmpty = false
  /** The last look has found fewer jobs than it has asked for. */
  #wasLast = false
  #extending = false
  #lastError = ''

  static async open(options: QueueReaderOptions): Promise<QueueReader> {
    const { raw2NextJobData } = await import('bullmq')
    const worker = await queueWorker(options.queue, options.client, options.config)
    // An error of a command is told by who has sent it, until the reader listens.
    const early = () => {}
    worker.on('error', early)
    await worker.waitUntilReady()
    await waitForPartsOfSeconds(worker, options.client)
    const reader = new QueueReader(options, worker, raw2NextJobData)
    worker.off('error', early)
    await worker.startStalledCheckTimer()
    return reader
  }

  private constructor(options: QueueReaderOptions, worker: QueueWorker, decode: typeof import('bullmq').raw2NextJobData) {
    const { queue, client, config, log, signal } = options
    this.#options = options
    this.#worker = worker
    this.#decode = decode
    this.#scripts = new QueueScripts(client)
    this.#jobs = new JobSettling({ queue, worker, scripts: this.#scripts, log, signal, warn: (error) => this.#warn(error) })
    worker.on('error', (error) => this.#warn(error))
    worker.on('stalled', (id) => log.info(`The job ${id} of the queue ${queue} comes again: its worker has died`))
    this.#timer = setInterval(() => void this.#extendLocks(), config['lock.duration.ms'] / 2)
  }

  get queue(): string {
    return this.#options.queue
  }

  /** How many jobs the next fetch should ask for, where there is room for so many. */
  wanted(room: number): number {
    // One that waits keeps no room from the other queues.
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
      if (!waits || (await this.#waitForJob())) await this.#fetchMany(wanted, jobs)
    } catch (error) {
      await this.#tolerate(error)
      return jobs
    }
    this.#isEmpty = jobs.length === 0
    if (this.#wasLast) this.#burst = FIRST_BURST
    else if (jobs.length === wanted) this.#burst = Math.min(MAX_SCRIPT_JOBS, this.#burst * 2)
    if (waits && jobs.length === 0) await this.#pause(performance.now() - began)
    return jobs
  }

  /** Whether to look: there may be a job, or a delayed one's time has come. */
  async #waitForJob(): Promise<boolean> {
    const worker = this.#worker
    if (worker.limitUntil > 0) return worker.limitUntil <= Date.now()
    worker.blockUntil = await worker.waitForJob(worker.blockUntil)
    return worker.blockUntil - Date.now() < 1
  }

  /** Adds what it gets to `jobs`, also before an error. */
  async #fetchMany(wanted: number, jobs: ActiveJob[]): Promise<void> {
    const token = `${this.#worker.id}:${++this.#tokens}`
    const found = await this.#scripts.fetch(await this.#fetchArguments(token), wanted, this.#options.text.room)
    for (const raw of found) {
      if (raw instanceof Error) throw raw
      const [json, id, limitMs, delayUntil] = this.#decoded(raw as RawJob)
      if (json !== null) jobs.push(this.#take({ ...json, id }, token))
      this.#wasLast = json === null
      if (json === null) this.#worker.updateDelays(limitMs, delayUntil)
      // BullMQ knows then that the queue is empty, or adds the next job of the schedule.
      if (json === null || json.repeatJobKey) await this.#worker.nextJobFromJobData(json, id, token).catch((error) => this.#warn(error))
    }
  }

  #decoded(raw: RawJob): [JobJson | null, string, number, number] {
    try {
      return this.#decode(raw) as [JobJson | null, string, number, number]
    } catch (error) {
      const [, id, limitMs, delayUntil] = raw
      const deferredFailure = `What BullMQ has stored of the job is no JSON: ${(error as Error).message}`
      return [{ id, name: '', data: '{}', opts: {}, deferredFailure } as unknown as JobJson, id, limitMs, delayUntil]
    }
  }

  /** What BullMQ would send for one job. */
  async #fetchArguments(token: string): Promise<readonly Argument[]> {
    const sibling = this.#worker.backend.forQueue(this.queue) as RedisQueueBackend
    let sent: readonly Argument[] = []
    sibling.execCommand = (_client, _name, args) => {
      sent = args
    }
    await sibling.moveToActive(token)
    return sent
  }

  #take(json: JobJson, token: string): ActiveJob {
    const active = { json, token }
    this.#active.add(active)
    this.#options.text.fetched(json)
    return active
  }

  /** Waits where an error may pass. */
  async #tolerate(error: unknown): Promise<void> {
    const kind = redisErrorKind(error)
    // What a key of one job has says nothing about the others.
    if (kind !== 'lost' && kind !== 'passing' && kind !== 'record') throw error
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
      this.#jobs.complete(jobs),
    )
  }

  /** Attempts and back-off of the job apply. Resolves when Redis has answered; never rejects. */
  fail(active: ActiveJob, error: Error): Promise<void> {
    return this.#settle([active], this.#jobs.fail(active, error))
  }

  /** The locks are extended until Redis has answered. */
  #settle(jobs: readonly ActiveJob[], answered: Promise<void>): Promise<void> {
    const settled = answered.finally(() => {
      for (const active of jobs) this.#active.delete(active)
      this.#settling.delete(settled)
    })
    this.#settling.add(settled)
    return settled
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

  /** What is settled is settled in Redis; the others go back to where they came from. */
  async release(): Promise<void> {
    await Promise.all(this.#settling)
    await this.giveBack([...this.#active])
  }

  /** They go back to where they came from, without an attempt: the last first, so that they stay in order. Never rejects. */
  async giveBack(jobs: readonly ActiveJob[]): Promise<void> {
    const { backend } = this.#worker
    const back = await Promise.allSettled(jobs.toReversed().map(({ json, token }) => backend.moveJobFromActiveToWait(json.id, token)))
    for (const active of jobs) this.#active.delete(active)
    const failed = back.find((outcome) => outcome.status === 'rejected')
    if (failed) this.#options.log.warn(`Jobs of the queue ${this.queue} come again when their locks end: ${failed.reason.message}`)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#worker.close(true)
  }
}

/** As moveToActive answers: the fields of the job, its id, a limit in ms, the time of the next delayed job. */
type RawJob = [string[] | 0, string, number, number]
