/**
 * One queue as the source reads it: fetches jobs in order, keeps their locks, completes and fails them, gives them back. BullMQ's own
 * worker does the waiting for jobs, the schedules, the limits and the jobs of workers that have died; no job waits in a processor of it.
 */
import type { Job, JobJson, KeepJobs, Worker } from 'bullmq'
import { type StoredRecord, sleep, type TaskLogger } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisErrorKind } from '../redis-driver/errors.ts'
import type { InFlightText } from './in-flight-text.ts'
import type { SourceConfig } from './source-settings.ts'

/** What a first look after an idle time asks for; each full answer doubles it. */
const FIRST_BURST = 8
const MAX_BURST = 256
/** Commands of a burst that are on their way at the same time: how large a job is, is known when it is fetched. */
const MAX_FETCHES = 32
/** A queue with a limit is asked again at least so often: the limit may have been lifted. */
const MAX_LIMIT_WAIT_MS = 5_000
/** Between two looks at a queue that has answered at once, though it has nothing. */
const EMPTY_PAUSE_MS = 50
const RETRY_MS = 1_000
/** A custom back-off strategy is code of the workers of the queue: a job with one is tried again after this time. */
const CUSTOM_BACKOFF_MS = 1_000

/** Codes of BullMQ's scripts: the job is no longer ours, or no longer there. */
const NO_JOB = -1
const NOT_OURS: ReadonlySet<unknown> = new Set([NO_JOB, -2, -3, -6])

export interface ActiveJob {
  readonly json: JobJson
  readonly job: Job
  readonly token: string
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

const keepOf = (count: number, age: number): KeepJobs | undefined =>
  age >= 0 ? { age, ...(count >= 0 && { count }) } : count >= 0 ? { count } : undefined

export class QueueReader {
  readonly #options: QueueReaderOptions
  readonly #worker: Worker
  readonly #json = new WeakMap<Job, JobJson>()
  /** By their tokens: a job that has come again may be here twice. */
  readonly #active = new Map<string, ActiveJob>()
  readonly #settling = new Set<Promise<void>>()
  #tokens = 0
  #burst = FIRST_BURST
  #isEmpty = false
  #extending = false
  #timer: NodeJS.Timeout | null = null
  #lastError = ''

  static async open(options: QueueReaderOptions): Promise<QueueReader> {
    const bullmq = await import('bullmq')
    return new QueueReader(options, bullmq.Worker)
  }

  private constructor(options: QueueReaderOptions, BullWorker: typeof Worker) {
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
    const block = this.#isEmpty
    // By the order of their commands, which is that of the queue.
    const places: (ActiveJob | null)[] = []
    let failure: unknown = null
    let isLast = false
    const fetchMore = async (): Promise<void> => {
      while (!isLast && places.length < wanted) {
        const place = places.push(null) - 1
        try {
          places[place] = await this.#fetchOne(block)
          isLast ||= places[place] === null || this.#options.text.isFull
        } catch (error) {
          failure ??= error
          isLast = true
        }
      }
    }
    // Each command may take a job, also after another one has failed.
    await Promise.all(Array.from({ length: Math.min(wanted, MAX_FETCHES) }, fetchMore))
    const jobs = places.filter((job) => job !== null)
    this.#isEmpty = jobs.length === 0
    this.#burst = jobs.length < wanted || block ? FIRST_BURST : Math.min(MAX_BURST, this.#burst * 2)
    if (failure !== null) await this.#tolerate(failure)
    else if (block && jobs.length === 0) await this.#pause(performance.now() - began)
    return jobs
  }

  async #fetchOne(block: boolean): Promise<ActiveJob | null> {
    const token = `${this.#worker.id}:${++this.#tokens}`
    const job = await this.#worker.getNextJob(token, { block })
    if (!job) return null
    const active = { job, json: this.#json.get(job)!, token }
    this.#active.set(token, active)
    this.#options.text.fetched(active.json)
    return active
  }

  /** The template of a schedule is written again with the data of its job; no other job needs its data here. */
  #jobOf(json: JobJson, id: string): Job {
    const Job = (this.#worker as unknown as { Job: typeof import('bullmq').Job }).Job
    return Job.fromJSON(this.#worker, json.repeatJobKey ? json : { ...json, data: '{}' }, id)
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

  /** Resolves when Redis has answered; never rejects. */
  complete(active: ActiveJob, at: StoredRecord | null): Promise<void> {
    return this.#settle(active, 'completed', () =>
      active.job.moveToCompleted(
        at === null ? { dropped: true } : { topic: at.topic, partition: at.partition, offset: at.offset },
        active.token,
        false,
      ),
    )
  }

  /** Attempts and back-off of the job apply. Resolves when Redis has answered; never rejects. */
  fail(active: ActiveJob, error: Error): Promise<void> {
    return this.#settle(active, 'failed', () => active.job.moveToFailed(error, active.token, false))
  }

  /** The locks are extended until Redis has answered. */
  #settle(active: ActiveJob, as: string, move: () => Promise<unknown>): Promise<void> {
    const settled = this.#settled(active, as, move).finally(() => {
      this.#active.delete(active.token)
      this.#settling.delete(settled)
    })
    this.#settling.add(settled)
    return settled
  }

  async #settled({ json }: ActiveJob, as: string, move: () => Promise<unknown>): Promise<void> {
    const { log, queue, signal } = this.#options
    for (;;) {
      try {
        await move()
        return
      } catch (error) {
        const { code, message } = error as Error & { code?: unknown }
        if (NOT_OURS.has(code)) {
          const then = code === NO_JOB ? 'it was removed from the queue' : 'its lock was lost, and it may come again'
          log.warn(`The job ${json.id} of the queue ${queue} cannot be ${as}: ${then} (${message})`)
          return
        }
        const kind = code === undefined ? redisErrorKind(error) : 'fatal'
        if (signal.aborted || (kind !== 'lost' && kind !== 'passing')) {
          log.error(`The job ${json.id} of the queue ${queue} cannot be ${as}; it comes again when its lock ends: ${message}`)
          return
        }
        this.#warn(error as Error)
        await sleep(RETRY_MS, signal)
      }
    }
  }

  async #extendLocks(): Promise<void> {
    if (this.#extending || this.#active.size === 0) return
    this.#extending = true
    const jobs = [...this.#active.values()]
    try {
      const lost = await this.#worker.extendJobLocks(
        jobs.map(({ json }) => json.id),
        jobs.map(({ token }) => token),
        this.#options.config['lock.duration.ms'],
      )
      // What was settled meanwhile has no lock any more.
      const still = new Set([...this.#active.values()].map(({ json }) => json.id))
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
    const left = [...this.#active.values()].reverse()
    const back = await Promise.allSettled(left.map(({ job, token }) => job.moveToWait(token)))
    this.#active.clear()
    const failed = back.find((outcome) => outcome.status === 'rejected')
    if (failed) this.#options.log.warn(`Jobs of the queue ${this.queue} come again when their locks end: ${failed.reason.message}`)
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#worker.close(true)
  }
}
