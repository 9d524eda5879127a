/**
 * Reads the queues of one task: a loop for each queue fetches jobs while there is room, and the batches take them in the order of each
 * queue. What became of a record decides what becomes of its job.
 */
import { type SourceBatch, type SourceContext, type SourceRecord, type StoredRecord, sleep } from '../../connect/sdk/index.ts'
import { connectRedisClient, createRedisClient, type RedisClient } from '../redis-driver/client.ts'
import { type RedisConnectionOptions, redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { explainedRedisError } from '../redis-driver/errors.ts'
import { InFlightText } from './in-flight-text.ts'
import { JobRecords, UnreadableJob } from './job-record.ts'
import type { ActiveJob, CompletedJob } from './job-settling.ts'
import { QueueReader } from './queue-reader.ts'
import { MAX_SCRIPT_JOBS } from './queue-scripts.ts'
import { queuesOf, type SourceConfig } from './source-settings.ts'

const RECONNECT_MS = 1_000
/** How long a task that stops waits for Redis. */
const CLOSE_MS = 4_000

interface FetchedJob {
  readonly reader: QueueReader
  readonly records: JobRecords
  readonly active: ActiveJob
}

export class JobReading {
  readonly #context: SourceContext<SourceConfig>
  readonly #options: RedisConnectionOptions
  readonly #stop = new AbortController()
  readonly #onAbort = () => this.#end()
  #client: RedisClient | null = null
  #readers: QueueReader[] = []
  #loops: Promise<void>[] = []
  #fetched: FetchedJob[] = []
  /** Jobs that are fetched and not yet settled. */
  #inFlight = 0
  /** Jobs that are asked for. */
  #fetching = 0
  readonly #text: InFlightText
  #failure: Error | null = null
  /** Since when nobody has asked for a batch; null while somebody does. */
  #leftAtMs: number | null = null
  /** Nobody has asked for long: nothing is fetched. */
  #isLeft = false
  #watch: NodeJS.Timeout | null = null
  #wakeReader = () => {}
  #wakeLoops: (() => void)[] = []
  #counts = { completed: 0, failed: 0 }

  constructor(context: SourceContext<SourceConfig>) {
    this.#context = context
    this.#options = redisConnectionOptions(context.config)
    this.#text = new InFlightText(queuesOf(context.config).length)
  }

  /** @throws Retriable where Redis cannot be reached now, RedisRefused where a setting is wrong */
  async open(): Promise<void> {
    const { connector, task, config, log, signal } = this.#context
    signal.addEventListener('abort', this.#onAbort, { once: true })
    let isOpen = false
    // What was sent is answered after the connection is back, so that an outage repeats no more records than it must.
    const client = await createRedisClient(
      this.#options,
      { connector, task },
      {
        retryStrategy: () => RECONNECT_MS,
        // A master that is gone is named by the sentinels until they have another one.
        sentinelRetryStrategy: () => (isOpen ? RECONNECT_MS : null),
        maxRetriesPerRequest: null,
        enableOfflineQueue: true,
        autoResendUnfulfilledCommands: true,
        enableReadyCheck: true,
      },
    )
    await connectRedisClient(client, this.#options)
    this.#client = client
    this.#watch = setInterval(() => this.#giveBackIfLeft(), config['lock.duration.ms'] / 2)
    for (const queue of queuesOf(config)) {
      const reader = await QueueReader.open({ queue, client, config, log, text: this.#text, signal: this.#stop.signal })
      this.#readers.push(reader)
      this.#loops.push(this.#loop(reader, new JobRecords(queue, config)))
    }
    isOpen = true
  }

  /** Fetches jobs of a queue until the task stops. Never rejects: the batches do. */
  async #loop(reader: QueueReader, records: JobRecords): Promise<void> {
    const most = this.#context.config['jobs.in.flight.max']
    try {
      while (!this.#stop.signal.aborted) {
        const room = this.#isLeft || this.#text.isFull ? 0 : most - this.#inFlight - this.#fetching
        if (room <= 0) {
          await new Promise<void>((resolve) => this.#wakeLoops.push(resolve))
          continue
        }
        const wanted = reader.wanted(room)
        this.#fetching += wanted
        const jobs = await reader.fetch(wanted)
        this.#fetching -= wanted
        this.#inFlight += jobs.length
        for (const active of jobs) this.#take({ reader, records, active })
        if (jobs.length < wanted) this.#wakeAll()
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#failure ??= explainedRedisError(error, this.#options)
      this.#wakeReader()
    }
  }

  #take(fetched: FetchedJob): void {
    const { json } = fetched.active
    // A child has failed, and its parent must: a worker of BullMQ would not process it either.
    if (json.deferredFailure) this.#fail(fetched, new Error(json.deferredFailure))
    else this.#fetched.push(fetched)
    this.#wakeReader()
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { config } = this.#context
    while (!this.#stop.signal.aborted) {
      this.#leftAtMs = null
      if (this.#isLeft) {
        this.#isLeft = false
        this.#wakeAll()
      }
      if (this.#failure) throw this.#failure
      if (this.#fetched.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve
        })
        continue
      }
      const batch = this.#batch(this.#fetched.splice(0, config['batch.size']))
      this.#report()
      this.#leftAtMs = performance.now()
      if (batch.records.length > 0) yield batch
    }
  }

  /** While the connector is paused, or Kafka takes nothing, other workers may have the jobs that no record was made of. */
  #giveBackIfLeft(): void {
    if (this.#leftAtMs === null || performance.now() - this.#leftAtMs < this.#context.config['lock.duration.ms']) return
    this.#isLeft = true
    const byReader = Map.groupBy(this.#fetched.splice(0), ({ reader }) => reader)
    for (const [reader, jobs] of byReader) this.#settled(jobs, reader.giveBack(jobs.map(({ active }) => active)))
  }

  #batch(fetched: readonly FetchedJob[]): SourceBatch {
    const records: SourceRecord[] = []
    const jobs: (FetchedJob | null)[] = []
    for (const one of fetched) {
      try {
        records.push(one.records.record(one.active.json))
        jobs.push(one)
      } catch (error) {
        if (!(error instanceof UnreadableJob)) throw error
        this.#fail(one, error)
      }
    }
    const places: (StoredRecord | null)[] = records.map(() => null)
    return {
      records,
      positions: [],
      stored: (index, at) => {
        places[index] = at
      },
      rejected: (index, error) => {
        const job = jobs[index]
        jobs[index] = null
        if (job) this.#fail(job, error)
      },
      acknowledged: () => this.#complete(jobs, places),
    }
  }

  /** Each command has jobs of one queue, in order. */
  #complete(jobs: readonly (FetchedJob | null)[], places: readonly (StoredRecord | null)[]): void {
    let command: CompletedJob[] = []
    let from: QueueReader | null = null
    const send = () => {
      if (from) this.#settled(command, from.complete(command))
    }
    for (const [index, job] of jobs.entries()) {
      if (!job) continue
      if (job.reader !== from || command.length === MAX_SCRIPT_JOBS) {
        send()
        from = job.reader
        command = []
      }
      command.push({ active: job.active, at: places[index]! })
    }
    send()
    this.#counts.completed += jobs.filter((job) => job !== null).length
  }

  #fail({ reader, active }: FetchedJob, error: Error): void {
    this.#counts.failed++
    this.#settled([{ active }], reader.fail(active, error))
  }

  /** `answered` never rejects. */
  #settled(jobs: readonly Pick<FetchedJob, 'active'>[], answered: Promise<void>): void {
    void answered.then(() => {
      this.#inFlight -= jobs.length
      for (const { active } of jobs) this.#text.settled(active.json)
      this.#wakeAll()
      // No further batch may come for long.
      this.#report()
    })
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    gauge('jobs-in-flight', this.#inFlight)
    gauge('jobs-completed', this.#counts.completed)
    gauge('jobs-failed', this.#counts.failed)
  }

  #wakeAll(): void {
    for (const wake of this.#wakeLoops.splice(0)) wake()
  }

  #end(): void {
    this.#stop.abort()
    this.#wakeReader()
    this.#wakeAll()
  }

  /** Gives back what is not settled. After a crash BullMQ does it when the locks end. */
  async close(): Promise<void> {
    this.#context.signal.removeEventListener('abort', this.#onAbort)
    this.#end()
    if (this.#watch) clearInterval(this.#watch)
    const released = async () => {
      await Promise.all(this.#readers.map((reader) => reader.interrupt()))
      await Promise.all(this.#loops)
      await Promise.all(this.#readers.map((reader) => reader.release()))
      return true
    }
    const done = await Promise.race([released(), sleep(CLOSE_MS).then(() => false)]).catch((error: Error) => error)
    if (done !== true)
      this.#context.log.warn(`Jobs come again when their locks end: Redis did not take them back${done ? ` (${done.message})` : ''}`)
    await Promise.all(this.#readers.map((reader) => reader.close()))
    this.#client?.disconnect()
  }
}
