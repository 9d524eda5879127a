/**
 * A Postgres server for the tests of a file, and an empty database of its own for each of them.
 */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type TestPostgres, testPostgres } from './postgres.ts'

/** Starts the server before the tests of a file, and creates a database before each test. */
export class PostgresDatabase {
  url = ''
  client!: pg.Client
  #server!: TestPostgres

  constructor() {
    beforeAll(async () => {
      this.#server = await testPostgres()
    })
    afterAll(async () => this.#server?.stop())
    beforeEach(async () => {
      this.url = await this.#server.database()
      this.client = new pg.Client({ connectionString: this.url })
      // Tests end connections of the database, this one too.
      this.client.on('error', () => {})
      await this.client.connect()
    })
    afterEach(async () => this.client.end())
  }

  sql = async (text: string): Promise<void> => void (await this.client.query(text))

  // biome-ignore lint/suspicious/noExplicitAny: rows are what a test has written
  rows = async (text: string): Promise<any[]> => (await this.client.query(text)).rows
}
