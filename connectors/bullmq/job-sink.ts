/**
 * Writes records as jobs: what `write` was given is in Redis when it resolves. Whether it is also on the disk of Redis then, the setting
 * appendfsync of Redis says.
 */
import { BadRecord, partitionKey, type SinkContext, type SinkOffset, type SinkRecord, type SinkTask } from '../../connect/sdk/index.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { type JobEntry, JobWriter, type WriteOutcome } from './job-writer.ts'
import { InvalidJob, Jobs } from './jobs.ts'
import type { SinkConfig } from './sink-settings.ts'
import { OtherTopic } from './written-offsets.ts'

/** The key of a record's partition: the records of one come one after the other. */
class Fields {
  #topic = ''
  #partition = -1
  #field = ''

  of({ topic, partition }: SinkRecord): string {
    if (topic !== this.#topic || partition !== this.#partition) {
      this.#topic = topic
      this.#partition = partition
      this.#field = partitionKey({ topic, partition })
    }
    return this.#field
  }
}

export class JobSink implements SinkTask {
  readonly #context: SinkContext<SinkConfig>
  readonly #jobs: Jobs
  readonly #connection: RedisConnection
  #writer: JobWriter | null = null
  /** The offsets of the flush before: when the next one begins, its dead letters are durable. */
  #flushed: readonly SinkOffset[] = []
  #flushing: readonly SinkOffset[] = []
  readonly #counts = { added: 0, removed: 0, repeated: 0, locked: 0, ignored: 0, rejected: 0 }

  constructor(context: SinkContext<SinkConfig>) {
    this.#context = context
    this.#jobs = new Jobs(context.config)
    const { config, connector, task } = context
    this.#connection = new RedisConnection(redisConnectionOptions(config), { connector, task }, config['retry.backoff.ms'])
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const bad: BadRecord[] = []
    try {
      for (const [queue, entries] of this.#byQueue(records, bad)) this.#count(await this.#add(queue, entries), bad)
    } finally {
      this.#report()
    }
    const [first, ...also] = bad.sort((a, b) => a.index - b.index)
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  /** `write` has written everything. */
  async flush(offsets: readonly SinkOffset[] = []): Promise<void> {
    this.#flushed = this.#flushing
    this.#flushing = offsets
  }

  async stop(): Promise<void> {
    this.#connection.close()
  }

  #byQueue(records: readonly SinkRecord[], bad: BadRecord[]): Map<string, JobEntry[]> {
    const queues = new Map<string, JobEntry[]>()
    const now = Date.now()
    const fields = new Fields()
    for (const [index, record] of records.entries()) {
      try {
        const job = this.#jobs.job(record, now)
        if (!job) {
          this.#counts.ignored++
          continue
        }
        const entry = { index, record, job, field: record.replayOf ? null : fields.of(record) }
        const entries = queues.get(job.queue)
        if (entries) entries.push(entry)
        else queues.set(job.queue, [entry])
      } catch (error) {
        if (!(error instanceof InvalidJob)) throw error
        bad.push(this.#rejected(index, record, error.message, error))
      }
    }
    return queues
  }

  async #add(queue: string, entries: readonly JobEntry[]): Promise<WriteOutcome> {
    try {
      return await this.#connection.run(async (client) => {
        const { config, connector } = this.#context
        if (this.#writer?.client !== client) this.#writer = await JobWriter.open(client, config['queue.prefix'], connector)
        return await this.#writer.write(queue, entries, config['batch.size'], this.#flushed)
      })
    } catch (error) {
      this.#writer = null
      const { cause } = error as Error
      throw cause instanceof OtherTopic ? cause : error
    }
  }

  #count(outcome: WriteOutcome, bad: BadRecord[]): void {
    for (const what of ['added', 'removed', 'repeated', 'locked'] as const) this.#counts[what] += outcome[what]
    for (const { entry, why } of outcome.rejected) bad.push(this.#rejected(entry.index, entry.record, why))
  }

  #rejected(index: number, { topic, partition, offset }: SinkRecord, why: string, cause?: Error): BadRecord {
    this.#counts.rejected++
    return new BadRecord(index, `The record ${topic}-${partition}@${offset} cannot be a job: ${why}`, cause ? { cause } : {})
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    gauge('jobs-added', this.#counts.added)
    gauge('jobs-removed', this.#counts.removed)
    gauge('jobs-locked', this.#counts.locked)
    gauge('records-already-jobs', this.#counts.repeated)
    gauge('records-ignored', this.#counts.ignored)
    gauge('records-rejected', this.#counts.rejected)
  }
}
