/**
 * A Postgres query source on a real server, with a database of its own for each test of a file, and what tests read with it: the
 * batches of a task, whose positions are stored as they come.
 */
import { beforeEach } from 'vitest'
import { type LogLine, StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import type { SourceBatch, SourceRecord } from '../../../connect/sdk/index.ts'
import { postgresQuerySource } from '../../../connectors/postgres-query-source/source.ts'
import { PostgresDatabase } from '../../services/postgres-database.ts'

export class QueryDatabase {
  positions = new StoredPositions()
  logged: LogLine[] = []
  readonly #database = new PostgresDatabase()

  constructor() {
    beforeEach(() => {
      this.positions = new StoredPositions()
    })
  }

  get url(): string {
    return this.#database.url
  }

  get client() {
    return this.#database.client
  }

  sql = (text: string): Promise<void> => this.#database.sql(text)

  config(config: Record<string, string>): Record<string, string> {
    return { 'connection.url': this.url, 'poll.interval.ms': '10', 'connection.backoff.ms': '10', ...config }
  }

  /** The batches of a task, from the stored positions on, which are stored as they come. The task stops where the reader returns. */
  async *batches(config: Record<string, string>): AsyncGenerator<SourceBatch, void, void> {
    const stop = new AbortController()
    const context = taskContext(postgresQuerySource.settings, this.config(config), stop.signal)
    this.logged = context.logged
    try {
      for await (const batch of postgresQuerySource.read({ ...context, positions: this.positions })) {
        yield batch
        this.positions.store(batch.positions)
      }
    } finally {
      stop.abort()
    }
  }

  /** The first values of a task that goes on behind its first batch, after `more` has changed the table. */
  async valuesAround(count: number, config: Record<string, string>, more: string): Promise<unknown[]> {
    const values: unknown[] = []
    for await (const batch of this.batches(config)) {
      if (values.length === 0) await this.sql(more)
      values.push(...batch.records.map(({ value }) => value))
      if (values.length >= count) break
    }
    return values
  }

  /** The first records of a task, which then stops. */
  async records(count: number, config: Record<string, string>): Promise<SourceRecord[]> {
    const records: SourceRecord[] = []
    for await (const batch of this.batches(config)) {
      records.push(...batch.records)
      if (records.length >= count) break
    }
    return records
  }
}
