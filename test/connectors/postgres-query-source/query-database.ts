/**
 * A Postgres query source on a real server, with a database of its own for each test of a file, and what tests read with it: the
 * batches of a task, whose positions are stored as they come.
 */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type LogLine, StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import type { SourceBatch, SourceRecord } from '../../../connect/sdk/index.ts'
import { postgresQuerySource } from '../../../connectors/postgres-query-source/source.ts'
import { type TestPostgres, testPostgres } from '../../services/postgres.ts'

/** Starts the server before the tests of a file, and creates a database before each test. */
export class QueryDatabase {
  url = ''
  client!: pg.Client
  positions = new StoredPositions()
  logged: LogLine[] = []
  #server!: TestPostgres

  constructor() {
    beforeAll(async () => {
      this.#server = await testPostgres()
    })
    afterAll(async () => this.#server?.stop())
    beforeEach(async () => {
      this.url = await this.#server.database()
      this.client = new pg.Client({ connectionString: this.url })
      this.client.on('error', () => {})
      await this.client.connect()
      this.positions = new StoredPositions()
    })
    afterEach(async () => this.client.end())
  }

  sql = async (text: string) => void (await this.client.query(text))

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
