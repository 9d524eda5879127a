/**
 * A Postgres sink on a real server, with a database of its own for each test of a file, and what tests read there.
 */
import { afterEach } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import type { SinkContext, SinkRecord, SinkSide, SinkTask } from '../../../connect/sdk/index.ts'
import { confluentSink, debeziumSink, postgresSink } from '../../../connectors/postgres-sink/connector.ts'
import { PostgresDatabase } from '../../services/postgres-database.ts'

/** Stops its tasks after each test. */
export class SinkDatabase {
  readonly #database = new PostgresDatabase()
  readonly #tasks: SinkTask[] = []

  constructor() {
    afterEach(async () => {
      for (const task of this.#tasks.splice(0)) await task.stop!()
    })
  }

  get url(): string {
    return this.#database.url
  }

  get client() {
    return this.#database.client
  }

  sql = (text: string): Promise<void> => this.#database.sql(text)

  /** A task of this project's own class. */
  start(config: Record<string, string> = {}, context: Partial<SinkContext<never>> = {}): Promise<SinkTask> {
    return this.startAs(postgresSink, { 'schema.evolution': 'basic', 'retry.backoff.ms': '10', ...config }, context)
  }

  confluent = (config: Record<string, string> = {}): Promise<SinkTask> =>
    this.startAs(confluentSink, { 'auto.create': 'true', 'auto.evolve': 'true', ...config })

  debezium = (config: Record<string, string> = {}): Promise<SinkTask> =>
    this.startAs(debeziumSink, { 'schema.evolution': 'basic', ...config })

  // biome-ignore lint/suspicious/noExplicitAny: each class has its own settings
  async startAs(side: SinkSide<any>, config: Record<string, string>, context: Partial<SinkContext<never>> = {}): Promise<SinkTask> {
    const base = taskContext(side.settings, { 'connection.url': this.url, ...config }, new AbortController().signal)
    const task = await side.start({ ...base, ...context })
    this.#tasks.push(task)
    return task
  }

  rows = (sql = 'SELECT * FROM t') => this.#database.rows(sql)

  /** The type of each column of a table. */
  async columns(table = 't') {
    const found = await this.rows(
      `SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0`,
    )
    return Object.fromEntries(found.map((row) => [row.attname, row.type]))
  }
}

let offset = 0
export const record = (value: unknown, parts: Partial<SinkRecord> = {}) => sinkRecord({ topic: 't', offset: offset++, value, ...parts })

/** The error of a promise that rejects; null where it resolves. */
export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )
