/**
 * Adds the jobs of one queue in a transaction together with how far their partitions are written: a crash at any point, of this process or
 * of Redis, leaves both or neither. WATCH makes a transaction void where another task has written meanwhile.
 */
import type { QueueOptions, RedisQueueBackend } from 'bullmq'
import { partitionKey, Retriable, type SinkOffset, type SinkRecord } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisErrorCode, transactionError } from '../redis-driver/errors.ts'
import type { NewJob } from './jobs.ts'
import { type CheckedJob, COMMIT_SCRIPT, offsetsKey, WrittenOffsets } from './written-offsets.ts'

/** Another task that writes the same partitions stops soon: it has lost them. */
const MAX_CONFLICTS = 20
/** Queues whose keys are kept, where fields name many queues. */
const MAX_QUEUES = 1000
/** BullMQ's code of a parent that does not exist. */
const NO_PARENT = -5

export interface JobEntry {
  /** Of the record in the batch of `write`. */
  readonly index: number
  readonly record: SinkRecord
  readonly job: NewJob
}

export interface WriteOutcome {
  added: number
  removed: number
  /** Already jobs before. */
  repeated: number
  /** What could not be removed, since a worker has it. */
  locked: number
  readonly rejected: { entry: JobEntry; why: string }[]
}

export class JobWriter {
  readonly #client: RedisClient
  readonly #backend: RedisQueueBackend
  readonly #prefix: string
  readonly #connector: string
  readonly #queues = new Map<string, RedisQueueBackend>()

  /** `client` belongs to this writer while it writes: transactions of one connection are one. */
  static async open(client: RedisClient, prefix: string, connector: string): Promise<JobWriter> {
    const { createRedisBackend } = await import('bullmq')
    const options: QueueOptions = { connection: client, prefix, skipVersionCheck: true }
    const backend = createRedisBackend('tributary', options)
    // An error of the client is one of its commands too.
    backend.on('error', () => {})
    await backend.waitUntilReady()
    client.defineCommand(COMMIT_SCRIPT.name, { lua: COMMIT_SCRIPT.lua })
    return new JobWriter(client, backend, prefix, connector)
  }

  private constructor(client: RedisClient, backend: RedisQueueBackend, prefix: string, connector: string) {
    this.#client = client
    this.#backend = backend
    this.#prefix = prefix
    this.#connector = connector
  }

  get client(): RedisClient {
    return this.#client
  }

  /**
   * Adds the jobs of one queue, in order.
   * @throws the errors of Redis, and Retriable where not all of them were written
   */
  async write(queue: string, entries: readonly JobEntry[], flushed: readonly SinkOffset[]): Promise<WriteOutcome> {
    const key = offsetsKey(this.#prefix, queue, this.#connector)
    const fields = [...new Set(entries.filter(({ record }) => !record.replayOf).map(({ record }) => partitionKey(record)))]
    for (let conflict = 0; conflict < MAX_CONFLICTS; conflict++) {
      const written = await this.#watch(key, fields, flushed)
      const missing = entries.filter(({ record }) => !written.isWritten(record))
      if (missing.length === 0) {
        await this.#client.unwatch()
        return { added: 0, removed: 0, repeated: entries.length, locked: 0, rejected: [] }
      }
      const outcome = await this.#transaction(queue, missing, written)
      if (outcome) return { ...outcome, repeated: entries.length - missing.length }
    }
    throw new Retriable(`Another task writes to the queue ${queue} at the same time`)
  }

  async #watch(key: string, fields: readonly string[], flushed: readonly SinkOffset[]): Promise<WrittenOffsets> {
    if (fields.length === 0) return new WrittenOffsets(key, [], [], flushed)
    const [watched, read] = (await this.#client
      .pipeline()
      .watch(key)
      .hmget(key, ...fields)
      .exec())!
    const error = watched![0] ?? read![0]
    if (error) throw error
    return new WrittenOffsets(key, fields, read![1] as (string | null)[], flushed)
  }

  /** Null where another task has changed the hash. */
  async #transaction(queue: string, entries: readonly JobEntry[], written: WrittenOffsets): Promise<WriteOutcome | null> {
    const backend = this.#queueOf(queue)
    const transaction = (await this.#backend.client).multi()
    for (const { job } of entries) {
      if (job.json) {
        const { parentKey } = job.json
        const parent = parentKey === undefined ? {} : { parentKey, parentDependenciesKey: `${parentKey}:dependencies` }
        // It only queues the command: the result is that of the transaction.
        void backend.addJobToTransaction(transaction, job.json, job.id, parent)
      } else {
        const keys = [backend.toKey(job.id), backend.toKey('repeat')]
        backend.execCommand(transaction, 'removeJob', [...keys, job.id, 1, backend.toKey('')])
      }
    }
    transaction.runCommand(
      COMMIT_SCRIPT.name,
      written.commitArguments(
        entries.map(({ record }) => record),
        this.#checked(backend, entries),
      ),
    )
    const results = await transaction.exec().catch((error: unknown) => {
      throw transactionError(error)
    })
    return results === null ? null : outcomeOf(queue, entries, results as [Error | null, unknown][])
  }

  /** What the transaction must leave behind: jobs that it does not remove again itself. */
  #checked(backend: RedisQueueBackend, entries: readonly JobEntry[]): CheckedJob[] {
    const removed = new Set<string>()
    const checked: CheckedJob[] = []
    for (const { job, record } of entries.toReversed()) {
      if (!job.json) removed.add(job.id)
      else if (!removed.has(job.id)) checked.push({ key: backend.toKey(job.id), record })
    }
    return checked.reverse()
  }

  #queueOf(queue: string): RedisQueueBackend {
    const known = this.#queues.get(queue)
    if (known) return known
    if (this.#queues.size >= MAX_QUEUES) this.#queues.clear()
    const made = this.#backend.forQueue(queue) as RedisQueueBackend
    this.#queues.set(queue, made)
    return made
  }
}

/** @throws the error of a command: what it did not write is listed as missing, and is written when the batch is tried again */
function outcomeOf(queue: string, entries: readonly JobEntry[], results: readonly [Error | null, unknown][]): WriteOutcome {
  const outcome: WriteOutcome = { added: 0, removed: 0, repeated: 0, locked: 0, rejected: [] }
  const [failed] = results.filter(([error]) => error !== null).map(([error]) => error!)
  // A new connection loads the scripts again.
  if (failed && redisErrorCode(failed) === 'NOSCRIPT')
    throw new Retriable('The scripts of BullMQ were removed from Redis (SCRIPT FLUSH)', { cause: failed })
  if (failed) throw failed
  for (const [at, entry] of entries.entries()) {
    const result = results[at]![1]
    if (entry.job.json === null) outcome[result === 0 ? 'locked' : 'removed']++
    else if (typeof result !== 'number' || result >= 0) outcome.added++
    else outcome.rejected.push({ entry, why: refusal(queue, entry, result) })
  }
  return outcome
}

function refusal(queue: string, { job }: JobEntry, code: number): string {
  if (code === NO_PARENT) return `the parent ${job.json!.parentKey} of its job is not in Redis: add the parent before its children`
  return `BullMQ refuses its job for the queue ${queue} with the code ${code}`
}
