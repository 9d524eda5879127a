/**
 * Completes and fails the jobs of one queue, and tries again while Redis cannot be reached. A job that cannot be settled is named in the log,
 * and fails no task.
 */
import type { JobJson } from 'bullmq'
import { type StoredRecord, sleep, type TaskLogger } from '../../connect/sdk/index.ts'
import { redisErrorKind } from '../redis-driver/errors.ts'
import type { QueueScripts } from './queue-scripts.ts'
import { bareJob, type QueueWorker } from './queue-worker.ts'
import type { Argument } from './script-functions.ts'

export const RETRY_MS = 1_000

/** Codes of BullMQ's scripts: the job is no longer there, or no longer ours. */
const NO_JOB = -1
const LOST: ReadonlySet<unknown> = new Set([-2, -3, -6])
/** A parent with such children can only fail. */
const FAILED_CHILDREN = -9

export interface ActiveJob {
  readonly json: JobJson
  readonly token: string
}

/** A job whose record is in Kafka, or was dropped (null). */
export interface CompletedJob {
  readonly active: ActiveJob
  readonly at: StoredRecord | null
}

export interface JobSettlingOptions {
  readonly queue: string
  readonly worker: QueueWorker
  readonly scripts: QueueScripts
  readonly log: TaskLogger
  /** An error that may pass. */
  warn(error: Error): void
  readonly signal: AbortSignal
}

/** What the job keeps as its return value. */
const returnValueOf = (at: StoredRecord | null): string =>
  JSON.stringify(at === null ? { dropped: true } : { topic: at.topic, partition: at.partition, offset: at.offset })

export class JobSettling {
  readonly #options: JobSettlingOptions

  constructor(options: JobSettlingOptions) {
    this.#options = options
  }

  /** Of MAX_SCRIPT_JOBS jobs at most. Resolves when Redis has answered; never rejects. */
  async complete(jobs: readonly CompletedJob[]): Promise<void> {
    let left = jobs
    while (left.length > 0) {
      try {
        const outcomes = await this.#options.scripts.finish(left.map((job) => this.#arguments(job)))
        left = await this.#refused(left, outcomes)
      } catch (error) {
        const active = left.map((job) => job.active)
        if (!(await this.#mayAgain(active, 'completed', error as Error))) return
      }
    }
  }

  #arguments({ active: { json, token }, at }: CompletedJob): readonly Argument[] {
    const removes = json.opts.removeOnComplete
    return this.#options.worker.backend.moveToCompletedArgs(json as never, returnValueOf(at), removes as never, token, false)
  }

  /** Those to try again. @throws where none was done for an error that all have */
  async #refused(jobs: readonly CompletedJob[], outcomes: readonly unknown[]): Promise<readonly CompletedJob[]> {
    const again: CompletedJob[] = []
    const removed: ActiveJob[] = []
    const lost: CompletedJob[] = []
    let failure: Error | null = null
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome === 0) continue
      const job = jobs[index]!
      if (outcome instanceof Error) {
        failure = outcome
        again.push(job)
      } else if (outcome === NO_JOB) removed.push(job.active)
      else if (LOST.has(outcome)) lost.push(job)
      else if (outcome === FAILED_CHILDREN) await this.fail(job.active, new Error('A child of the job has failed'))
      else this.#odd(job.active, 'completed', `BullMQ answers with the code ${outcome}`)
    }
    if (removed.length > 0) this.#removed(removed, 'completed')
    if (lost.length > 0) await this.#lost(lost)
    if (
      failure &&
      !(await this.#mayAgain(
        again.map((job) => job.active),
        'completed',
        failure,
      ))
    )
      return []
    return again
  }

  /** Attempts and back-off of the job apply. Resolves when Redis has answered; never rejects. */
  async fail(active: ActiveJob, reason: Error): Promise<void> {
    const { worker, scripts, warn } = this.#options
    const { meta, marker } = worker.backend.keys
    for (;;) {
      try {
        await bareJob(worker, active.json).moveToFailed(reason, active.token, false)
        await scripts.wake(meta!, marker!).catch(warn)
        return
      } catch (error) {
        const { code, message } = error as Error & { code?: unknown }
        if (code === NO_JOB) return this.#removed([active], 'failed')
        if (LOST.has(code)) return this.#lostLocks([active], 'failed')
        if (typeof code === 'number') return this.#odd(active, 'failed', message)
        if (!(await this.#mayAgain([active], 'failed', error as Error))) return
      }
    }
  }

  /** A command whose answer was lost with the connection was sent again: then the jobs are completed, and by us. */
  async #lost(jobs: readonly CompletedJob[]): Promise<void> {
    const { backend } = this.#options.worker
    try {
      const client = await backend.client
      const values = await Promise.all(jobs.map(({ active }) => client.hget(backend.toKey(active.json.id), 'returnvalue')))
      const left = jobs.filter(({ at }, index) => values[index] !== returnValueOf(at))
      if (left.length > 0)
        this.#lostLocks(
          left.map(({ active }) => active),
          'completed',
        )
    } catch (error) {
      this.#options.warn(error as Error)
    }
  }

  #removed(jobs: readonly ActiveJob[], as: string): void {
    this.#options.log.warn(`${this.#named(jobs)} cannot be ${as}: it was removed from the queue`)
  }

  #lostLocks(jobs: readonly ActiveJob[], as: string): void {
    this.#options.log.warn(`${this.#named(jobs)} cannot be ${as}: the lock was lost, and the job may come again`)
  }

  #odd(active: ActiveJob, as: string, why: string): void {
    this.#options.log.error(`${this.#named([active])} cannot be ${as}, and comes again when its lock ends: ${why}`)
  }

  /** Whether they can be tried again; waits before. */
  async #mayAgain(jobs: readonly ActiveJob[], as: string, error: Error): Promise<boolean> {
    const { log, signal, warn } = this.#options
    const kind = redisErrorKind(error)
    if (signal.aborted || (kind !== 'lost' && kind !== 'passing')) {
      log.error(`${this.#named(jobs)} cannot be ${as}, and comes again when its lock ends: ${error.message}`)
      return false
    }
    warn(error)
    await sleep(RETRY_MS, signal)
    return true
  }

  #named([first, ...more]: readonly ActiveJob[]): string {
    const { queue } = this.#options
    return `The job ${first!.json.id} of the queue ${queue}${more.length === 0 ? '' : `, like ${more.length} others after it,`}`
  }
}
