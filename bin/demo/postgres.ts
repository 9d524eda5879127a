/**
 * The Postgres of the demo: the server of TRIBUTARY_POSTGRES_URL, in a schema that is created for the run and dropped after it, else a
 * server of the demo's own. Rows are read as JSON, to be compared with the records that they were written from.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { UserError } from '../user-error.ts'
import type { Fields } from './data-set.ts'
import { type PostgresServer, postgresBinaries, startPostgresServer } from './postgres-server.ts'

/** A server behind a firewall would never respond. */
const CONNECT_MS = 10_000

export class DemoPostgres {
  /** For the connection.url of a connector. */
  readonly url: string
  readonly origin: string
  readonly #client: pg.Client
  readonly #schema: string | null
  readonly #server: PostgresServer | null

  private constructor(url: string, origin: string, client: pg.Client, schema: string | null, server: PostgresServer | null) {
    this.url = url
    this.origin = origin
    this.#client = client
    this.#schema = schema
    this.#server = server
  }

  static async open(folder: string, userUrl: string | undefined, signal: AbortSignal): Promise<DemoPostgres> {
    if (userUrl) return DemoPostgres.#ofUser(userUrl)
    const { machine, embedded } = postgresBinaries()
    const failures: string[] = []
    for (const binaries of [...machine, ...embedded]) {
      signal.throwIfAborted()
      try {
        const server = await startPostgresServer(binaries, folder, signal)
        return new DemoPostgres(server.url, binaries, await connected(server.url), null, server)
      } catch (error) {
        failures.push(`\n  ${binaries}: ${(error as Error).message}`)
      }
    }
    throw new Error(
      'The demo needs a Postgres server. Either set TRIBUTARY_POSTGRES_URL=postgresql://user:password@host:5432/database, or run npm ci without ' +
        `--omit=optional, which installs one.${failures.join('')}`,
    )
  }

  static async #ofUser(url: string): Promise<DemoPostgres> {
    const schema = `tributary_demo_${randomBytes(4).toString('hex')}`
    try {
      const own = new URL(url)
      own.searchParams.set('currentSchema', schema)
      const client = await connected(url)
      await client.query(`CREATE SCHEMA ${schema}`)
      await client.query(`SET search_path = ${schema}`)
      return new DemoPostgres(own.href, 'TRIBUTARY_POSTGRES_URL', client, schema, null)
    } catch (cause) {
      throw new UserError(
        'The Postgres server of TRIBUTARY_POSTGRES_URL cannot be used. Correct the URL (postgresql://user:password@host:5432/database) or the ' +
          'server, or unset the variable: then the demo starts a server of its own.',
        { cause },
      )
    }
  }

  /** The number of rows of each table; 0 if it does not exist yet. */
  async counts(tables: readonly string[]): Promise<number[]> {
    const { rows } = await this.#client.query<{ name: string }>(
      'SELECT relname AS name FROM pg_class WHERE oid = ANY (SELECT to_regclass(t) FROM unnest($1::text[]) AS t)',
      [tables],
    )
    const existing = new Set(rows.map(({ name }) => name))
    const counts: number[] = []
    for (const table of tables) {
      const result = existing.has(table) ? await this.#client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`) : null
      counts.push(result?.rows[0]?.count ?? 0)
    }
    return counts
  }

  async records(table: string): Promise<Fields[]> {
    const { rows } = await this.#client.query<{ fields: Fields }>(
      `SELECT to_jsonb(t) - '__connect_topic' - '__connect_partition' - '__connect_offset' AS fields FROM ${table} AS t`,
    )
    return rows.map(({ fields }) => fields)
  }

  async close(): Promise<void> {
    try {
      if (this.#schema) await this.#client.query(`DROP SCHEMA ${this.#schema} CASCADE`)
      await this.#client.end()
    } finally {
      await this.#server?.stop()
    }
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS })
  // Emitted while no query waits; a query that fails rejects by itself.
  client.on('error', () => {})
  await client.connect()
  return client
}
