/**
 * BullMQ's own worker of a queue, without a processor. It waits for jobs, keeps the schedules and the limits, and looks for jobs of workers
 * that have died; what its type keeps to itself is named here.
 */
import type { Job, JobJson, KeepJobs, RedisQueueBackend, Worker } from 'bullmq'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisErrorKind } from '../redis-driver/errors.ts'
import type { SourceConfig } from './source-settings.ts'

/** A custom back-off strategy is code of the workers of the queue: a job with one is tried again after this time. */
const CUSTOM_BACKOFF_MS = 1_000

const SHORTEST_WAIT_S = 0.005

interface WorkerParts {
  readonly Job: typeof Job
  readonly backend: RedisQueueBackend & { readonly blockingConnection: { capabilities: { canDoubleTimeout: boolean } } }
  /** Until when a limit holds, and the next delayed job; 0 is neither. */
  limitUntil: number
  blockUntil: number
  waitForJob(blockUntil: number): Promise<number>
  updateDelays(limitMs: number, delayUntil: number): void
  nextJobFromJobData(json: JobJson | null, id: string, token: string): Promise<Job | undefined>
}

export type QueueWorker = Omit<Worker, keyof WorkerParts> & WorkerParts

const keepOf = (count: number, age: number): KeepJobs | undefined =>
  age >= 0 ? { age, ...(count >= 0 && { count }) } : count >= 0 ? { count } : undefined

export async function queueWorker(queue: string, client: RedisClient, config: SourceConfig): Promise<QueueWorker> {
  const { Worker: BullWorker } = await import('bullmq')
  const completed = keepOf(config['completed.jobs.keep'], config['completed.jobs.keep.seconds'])
  const failed = keepOf(config['failed.jobs.keep'], config['failed.jobs.keep.seconds'])
  const worker = new BullWorker(queue, null, {
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
  }) as unknown as QueueWorker
  return worker
}

/**
 * A delayed job would be up to a second late: BullMQ waits for whole seconds where it does not know the version of Redis. `worker` is
 * ready. A server of a version before 6 refuses parts of a second.
 */
export async function waitForPartsOfSeconds(worker: QueueWorker, client: RedisClient): Promise<void> {
  try {
    await client.bzpopmin(worker.backend.toKey('tributary:none'), SHORTEST_WAIT_S)
    worker.backend.blockingConnection.capabilities.canDoubleTimeout = true
  } catch (error) {
    if (redisErrorKind(error) !== 'record') throw error
  }
}

/** Without its data, which BullMQ would parse: large numbers are rounded then. */
export const bareJob = (worker: QueueWorker, json: JobJson): Job =>
  worker.Job.fromJSON(worker as unknown as Worker, { ...json, data: '{}' }, json.id)
