/**
 * Adds the jobs of one queue, in order, with scripts that also store how far the partitions are written. The next script is sent before
 * Redis has answered the one before: it expects what that one leaves, and does nothing where something else is there.
 */
import type { QueueOptions, RedisQueueBackend } from 'bullmq'
import { Retriable, type SinkOffset, type SinkRecord } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import type { NewJob } from './jobs.ts'
import { type JobChange, type WriteAnswer, WriteScript } from './write-script.ts'
import { offsetsKey, WrittenOffsets } from './written-offsets.ts'

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
  /** Of the partition of the record in the hash; null for a dead letter that is replayed: it is older than what was written since. */
  readonly field: string | null
}

export interface WriteOutcome {
  added: number
  removed: number
  /** Already jobs before. */
  repeated: number
  /** What could not be removed, since a worker has it or a schedule needs it. */
  locked: number
  readonly rejected: { entry: JobEntry; why: string }[]
}

interface KnownQueue {
  readonly name: string
  /** Of the hash. */
  readonly key: string
  readonly backend: RedisQueueBackend
  /** What the hash has for each field, as far as this writer knows. */
  readonly texts: Map<string, string>
}

/** What was sent and is not answered. */
interface Sent {
  readonly all: readonly JobEntry[]
  /** Without those that are jobs already. */
  readonly entries: readonly JobEntry[]
  readonly fields: readonly string[]
  readonly answer: Promise<WriteAnswer>
}

export class JobWriter {
  readonly client: RedisClient
  readonly #backend: RedisQueueBackend
  readonly #script: WriteScript
  readonly #prefix: string
  readonly #connector: string
  readonly #queues = new Map<string, KnownQueue>()

  static async open(client: RedisClient, prefix: string, connector: string): Promise<JobWriter> {
    const { createRedisBackend } = await import('bullmq')
    const options: QueueOptions = { connection: client, prefix, skipVersionCheck: true }
    const backend = createRedisBackend('tributary', options)
    // An error of the client is one of its commands too.
    backend.on('error', () => {})
    await backend.waitUntilReady()
    return new JobWriter(client, backend, prefix, connector)
  }

  private constructor(client: RedisClient, backend: RedisQueueBackend, prefix: string, connector: string) {
    this.client = client
    this.#backend = backend
    this.#script = new WriteScript(client)
    this.#prefix = prefix
    this.#connector = connector
  }

  /**
   * Adds the jobs of one queue, in order, at most `size` with one script. After an error the writer is of no use.
   * @throws the errors of Redis, and Retriable where not all of them were written
   */
  async write(queue: string, entries: readonly JobEntry[], size: number, flushed: readonly SinkOffset[]): Promise<WriteOutcome> {
    const known = this.#queueOf(queue)
    const outcome: WriteOutcome = { added: 0, removed: 0, repeated: 0, locked: 0, rejected: [] }
    let sent: Sent | null = null
    for (let from = 0; from < entries.length; from += size) {
      const some = entries.slice(from, from + size)
      await this.#read(known, fieldsOf(some))
      const next: Sent = this.#send(known, some, flushed)
      const isAsExpected: boolean = sent === null || (await this.#settle(known, sent, flushed, outcome))
      // Where the hash is not what `next` expects, Redis does nothing. A later script would go past its jobs: it must be done first.
      if (!isAsExpected) await this.#settle(known, next, flushed, outcome)
      sent = isAsExpected ? next : null
    }
    if (sent) await this.#settle(known, sent, flushed, outcome)
    return outcome
  }

  /** What the hash has for fields that are not known. */
  async #read({ key, texts }: KnownQueue, fields: readonly string[]): Promise<void> {
    const unknown = fields.filter((field) => !texts.has(field))
    if (unknown.length === 0) return
    const read = await this.client.hmget(key, ...unknown)
    for (const [index, field] of unknown.entries()) texts.set(field, read[index] ?? '')
  }

  #send(known: KnownQueue, all: readonly JobEntry[], flushed: readonly SinkOffset[]): Sent {
    const fields = fieldsOf(all)
    const written = new WrittenOffsets(known.key, new Map(fields.map((field) => [field, known.texts.get(field) ?? ''])), flushed)
    const entries = all.filter(({ field, record }) => field === null || !written.isWritten(field, record))
    if (entries.length === 0) return { all, entries, fields, answer: Promise.resolve({ isConflict: false, outcomes: new Map() }) }
    const jobs = entries.map(
      ({ job, record, field }): JobChange => ({
        job,
        offset: record.offset,
        partition: field === null ? -1 : written.write(field, record),
      }),
    )
    const changes = written.changes()
    const answer = this.#script.write(known.key, known.backend, changes, jobs)
    // Who settles it hears of the error, unless the one before has failed.
    answer.catch(() => {})
    for (const { field, after, missing } of changes) known.texts.set(field, `${after}${missing}`)
    return { all, entries, fields, answer }
  }

  /**
   * Adds to `outcome` what became of them. Where another task has written meanwhile, it sends again what is not there. Whether the hash has
   * what was expected then.
   */
  async #settle(known: KnownQueue, first: Sent, flushed: readonly SinkOffset[], outcome: WriteOutcome): Promise<boolean> {
    let sent = first
    for (let conflict = 0; conflict <= MAX_CONFLICTS; conflict++) {
      const answer = await sent.answer
      if (!answer.isConflict) {
        outcome.repeated += sent.all.length - sent.entries.length
        const isWhole = count(outcome, known.name, sent.entries, answer.outcomes)
        // The hash has offsets that are missing.
        if (!isWhole) for (const field of sent.fields) known.texts.delete(field)
        return isWhole && sent === first
      }
      for (const [index, field] of sent.fields.entries()) known.texts.set(field, answer.texts[index]!)
      sent = this.#send(known, sent.all, flushed)
    }
    throw new Retriable(`Another task writes to the queue ${known.name} at the same time`)
  }

  #queueOf(name: string): KnownQueue {
    const known = this.#queues.get(name)
    if (known) return known
    if (this.#queues.size >= MAX_QUEUES) this.#queues.clear()
    const backend = this.#backend.forQueue(name) as RedisQueueBackend
    const made = { name, key: offsetsKey(this.#prefix, name, this.#connector), backend, texts: new Map<string, string>() }
    this.#queues.set(name, made)
    return made
  }
}

function fieldsOf(entries: readonly JobEntry[]): readonly string[] {
  const fields = new Set<string>()
  for (const { field } of entries) if (field !== null) fields.add(field)
  return [...fields]
}

/**
 * False where a job could not be added.
 * @throws the error of a command: what it did not write is listed as missing, and is written when the batch is tried again
 */
function count(outcome: WriteOutcome, queue: string, entries: readonly JobEntry[], answers: ReadonlyMap<number, unknown>): boolean {
  let isWhole = true
  outcome.added += entries.length - answers.size
  for (const [index, answer] of answers) {
    if (answer instanceof Error) throw answer
    const entry = entries[index]!
    if (entry.job.json === null) outcome[answer === 1 ? 'removed' : 'locked']++
    else {
      isWhole = false
      outcome.rejected.push({ entry, why: refusal(queue, entry, answer) })
    }
  }
  return isWhole
}

function refusal(queue: string, { job }: JobEntry, code: unknown): string {
  if (code === NO_PARENT) return `the parent ${job.json!.parentKey} of its job is not in Redis: add the parent before its children`
  return `BullMQ refuses its job for the queue ${queue} with the code ${code}`
}
