/**
 * The Postgres of the demo: the server of TRIBUTARY_POSTGRES_URL, in a schema that is created for the run and dropped after it, else a
 * server of the demo's own. Rows are read as JSON, to be compared with the records that they were written from.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { UserError } from '../user-error.ts'
import type { Fields } from './data-set.ts'
import type { ChangeStream } from './layout.ts'
import { type PostgresServer, postgresBinaries, startPostgresServer } from './postgres-server.ts'

/** A server behind a firewall would never respond. */
const CONNECT_MS = 10_000
/** How long the slot may still be in use after its worker has ended. */
const SLOT_MS = 10_000

export class DemoPostgres {
  /** For the connection.url of a connector. */
  readonly url: string
  readonly origin: string
  /** What a source needs to read the changes of the tables, or why it cannot. */
  readonly changes: ChangeStream | { missing: string }
  readonly #client: pg.Client
  readonly #schema: string | null
  readonly #server: PostgresServer | null

  private constructor(
    url: string,
    origin: string,
    client: pg.Client,
    changes: ChangeStream | { missing: string },
    schema: string | null,
    server: PostgresServer | null,
  ) {
    this.url = url
    this.origin = origin
    this.changes = changes
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
        return new DemoPostgres(server.url, binaries, await connected(server.url), changesOf('public', 'demo'), null, server)
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
      const missing = await missingForChanges(client)
      return new DemoPostgres(own.href, 'TRIBUTARY_POSTGRES_URL', client, missing ? { missing } : changesOf(schema, schema), schema, null)
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

  /** The slot would keep write-ahead log for ever. */
  async #dropOwn(schema: string): Promise<void> {
    if (!('missing' in this.changes)) {
      const { slot, publication } = this.changes
      await this.#untilInactive(slot)
      await this.#client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [slot])
      await this.#client.query(`DROP PUBLICATION IF EXISTS ${publication}`)
    }
    await this.#client.query(`DROP SCHEMA ${schema} CASCADE`)
  }

  /** The server notices a moment later that the worker has ended. */
  async #untilInactive(slot: string): Promise<void> {
    const deadline = performance.now() + SLOT_MS
    for (;;) {
      const { rows } = await this.#client.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot])
      if (rows.length === 0 || performance.now() > deadline) return
      await delay(50)
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#schema) await this.#dropOwn(this.#schema)
      await this.#client.end()
    } finally {
      await this.#server?.stop()
    }
  }
}

const changesOf = (schema: string, name: string): ChangeStream => ({ schema, slot: name, publication: name })

/** Null if a source can read changes from the server's write-ahead log. */
async function missingForChanges(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ level: string; allowed: boolean }>(
    "SELECT current_setting('wal_level') AS level, rolreplication OR rolsuper AS allowed FROM pg_roles WHERE rolname = current_user",
  )
  const { level, allowed } = rows[0]!
  if (level !== 'logical') return `wal_level is ${level} there: set it to logical and restart the server`
  return allowed ? null : 'its user may not replicate: ALTER ROLE … REPLICATION'
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS })
  // Emitted while no query waits; a query that fails rejects by itself.
  client.on('error', () => {})
  await client.connect()
  return client
}
