/**
 * A task of the Postgres source without its worker: reads from a real database, stores positions as a worker does, and can be stopped and
 * started again at any of them.
 */
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { taskContext } from '../../../connect/contract/index.ts'
import type { Position, SourceOffset, SourceRecord } from '../../../connect/sdk/index.ts'
import { settings } from '../../../connectors/postgres-source/settings.ts'
import { postgresSource } from '../../../connectors/postgres-source/source.ts'
import { until } from '../../until.ts'

export interface Envelope {
  op: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  source: Record<string, unknown>
  transaction: Record<string, unknown> | null
}

/** The settings that name a database. */
export function databaseSettings(url: string): Record<string, string> {
  const parts = new URL(url)
  return {
    'database.hostname': parts.hostname,
    'database.port': parts.port,
    'database.user': decodeURIComponent(parts.username),
    'database.password': decodeURIComponent(parts.password),
    'database.dbname': parts.pathname.slice(1),
    'topic.prefix': 'p',
  }
}

export class SourceTask {
  readonly records: SourceRecord[] = []
  readonly batches: { records: number; offset: SourceOffset | null }[] = []
  readonly gauges = new Map<string, number>()
  readonly logged: { level: string; message: string }[]
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  failure: Error | null = null

  /** `stored` is the position to go on from; each is stored at once where `stores` is true, as far as the slot can know. */
  constructor(config: Record<string, string>, stored: SourceOffset | null = null, stores = true) {
    const context = taskContext(settings, config, this.#stop.signal)
    this.logged = context.logged
    let onStored = (_positions: readonly Position[]): void => {}
    const reading = postgresSource.read({
      ...context,
      positions: { get: async () => stored },
      gauge: (name, value) => void this.gauges.set(name, value),
      onPositionsStored: (given) => {
        onStored = given
      },
    })
    this.#done = (async () => {
      for await (const batch of reading) {
        this.records.push(...batch.records)
        this.batches.push({ records: batch.records.length, offset: batch.positions[0]?.offset ?? null })
        if (stores) onStored(batch.positions)
      }
    })().catch((error) => {
      this.failure = error as Error
    })
  }

  get offset(): SourceOffset | null {
    return this.batches.at(-1)?.offset ?? null
  }

  envelopes(topic: string): Envelope[] {
    return this.records.filter((record) => record.topic === topic && record.value !== null).map((record) => record.value as Envelope)
  }

  /** Waits for the number of records; an error of the task fails the wait at once. */
  async received(count: number): Promise<void> {
    await until(() => this.failure !== null || this.records.length >= count, `${count} records, of which there are ${this.records.length}`)
    if (this.failure) throw this.failure
  }

  /** Waits until changes are streamed. */
  async streaming(): Promise<void> {
    await until(() => this.failure !== null || this.logged.some(({ message }) => message.startsWith('streaming changes')), 'the stream')
    if (this.failure) throw this.failure
  }

  /** Waits for the error that fails the task. */
  async failed(): Promise<Error> {
    await until(() => this.failure !== null, 'the task fails')
    return this.failure!
  }

  /** Resolves when the task has stopped or failed. */
  get ended(): Promise<void> {
    return this.#done
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }
}

/** Runs statements one by one. */
export async function runSql(url: string, ...statements: string[]): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const results: pg.QueryResult[] = []
    for (const statement of statements) results.push(await client.query(statement))
    return results
  } finally {
    await client.end()
  }
}

/** A source as a worker runs it: after each error that may pass it goes on at the last position. */
export class RetriedSource {
  readonly records: SourceRecord[] = []
  readonly logged: { level: string; message: string }[] = []
  readonly retries: string[] = []
  readonly #config: Record<string, string>
  readonly #done: Promise<void>
  #task: SourceTask
  #isStopped = false
  failure: Error | null = null

  constructor(config: Record<string, string>, stored: SourceOffset | null = null) {
    this.#config = config
    this.#task = new SourceTask(config, stored)
    this.#done = this.#run(stored)
  }

  get all(): readonly SourceRecord[] {
    return [...this.records, ...this.#task.records]
  }

  get messages(): string[] {
    return [...this.logged, ...this.#task.logged].map(({ message }) => message)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#task.stop()
    await this.#done
    if (this.failure) throw this.failure
  }

  async #run(stored: SourceOffset | null): Promise<void> {
    let offset = stored
    for (;;) {
      await this.#task.ended
      const { failure, records, logged } = this.#task
      offset = this.#task.offset ?? offset
      if (failure && failure.name !== 'RetriableException') this.failure = failure
      if (!failure || this.failure || this.#isStopped) return
      this.retries.push(failure.message)
      this.records.push(...records)
      this.logged.push(...logged)
      await pause(Number(this.#config['retriable.restart.connector.wait.ms'] ?? 0))
      if (this.#isStopped) return
      this.#task = new SourceTask(this.#config, offset)
    }
  }
}
