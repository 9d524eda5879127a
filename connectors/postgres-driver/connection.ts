/**
 * The connection of a task to Postgres: opened when it is needed, and again after it was lost. It classifies errors: retriable, caused by a
 * row, caused by a changed table, or fatal.
 */
import { Socket } from 'node:net'
import type pg from 'pg'
import { Retriable } from '../../connect/sdk/index.ts'
import { CopyIn } from './copy-in.ts'
import { isSqlState } from './sql-state.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A statement without a response after this time has lost its network: locks and large batches take less. */
const STATEMENT_TIMEOUT_MS = 300_000
const KEEP_ALIVE_DELAY_MS = 30_000
const CLOSE_TIMEOUT_MS = 1_000

/** The response to a fetch may take the time of a sort of a large table. */
const FETCH_TIMEOUT_MS = 3_600_000
const CURSOR = 'tributary_rows'

/** A column of a result. */
export interface ResultField {
  readonly name: string
  /** The oid of its type, and pg_attribute.atttypmod; -1 for none. */
  readonly typeId: number
  readonly modifier: number
  /** The table that it is a column of, and which; 0 for an expression. */
  readonly tableId: number
  readonly columnId: number
}

/** Rows with the texts that Postgres has sent. */
export interface TextRows {
  readonly fields: readonly ResultField[]
  readonly rows: readonly (readonly (string | null)[])[]
}

const textTypes: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig

/** Postgres rejects a value or a row. The batch is split to find which. */
export class RowRejected extends Error {
  override name = 'RowRejected'
}

/** A table or column has changed since it was loaded. */
export class TableChanged extends Error {
  override name = 'TableChanged'
}

/** The SQLSTATE of an error of a statement; undefined where Postgres has not answered. */
export const sqlStateOf = (error: unknown): string | undefined => ((error as Error).cause as { code?: string } | undefined)?.code

export interface ConnectionSettings {
  url: string
  user: string | null
  password: string | null
}

/** The options of the driver for a JDBC or Postgres URL. Throws where the URL is invalid. */
export function clientConfig({ url, user, password }: ConnectionSettings): pg.ClientConfig {
  const plain = url.trim().replace(/^jdbc:/i, '')
  if (!/^postgres(ql)?:\/\//i.test(plain))
    throw new Error('it must be jdbc:postgresql://host:port/database or postgresql://host:port/database')
  if (/^[^/]*\/\/[^/]*,/.test(plain)) throw new Error('it has several hosts: set the one to write to')
  let parts: URL
  try {
    parts = new URL(plain)
  } catch (error) {
    throw new Error('it is not a URL', { cause: error })
  }
  const options = parts.searchParams
  const schema = options.get('currentSchema')
  return {
    host: parts.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(parts.port || 5432),
    database: decodeURIComponent(parts.pathname.slice(1)) || undefined,
    user: user ?? (decodeURIComponent(parts.username) || options.get('user') || undefined),
    password: password ?? (decodeURIComponent(parts.password) || options.get('password') || undefined),
    application_name: options.get('ApplicationName') ?? 'tributary',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    ssl: sslOptions(options.get('sslmode') ?? (options.get('ssl') === 'true' ? 'verify-full' : 'disable')),
    // A backslash escapes a blank in an option.
    options: schema === null ? undefined : `-c search_path=${schema.replace(/[\\ ]/g, '\\$&')}`,
  }
}

/** `require` encrypts and accepts any certificate, as libpq and the JDBC driver do. */
function sslOptions(mode: string): pg.ClientConfig['ssl'] {
  if (mode === 'disable' || mode === 'allow' || mode === 'prefer') return false
  if (mode === 'require') return { rejectUnauthorized: false }
  if (mode === 'verify-full') return true
  if (mode === 'verify-ca') return { rejectUnauthorized: true, checkServerIdentity: () => undefined }
  throw new Error(`sslmode ${mode} is unknown: set disable, allow, prefer, require, verify-ca or verify-full`)
}

export class PostgresConnection {
  readonly #config: pg.ClientConfig
  readonly #retryAfterMs: number
  #client: pg.Client | null = null
  #socket: Socket | null = null
  /** That of the transaction in progress: what is sent on another one would be none of it, and its COMMIT would succeed there. */
  #pinned: pg.Client | null = null

  constructor(settings: ConnectionSettings, retryAfterMs: number) {
    this.#config = clientConfig(settings)
    this.#retryAfterMs = retryAfterMs
  }

  /** Whether the connection is open, as far as it is known: after a connection was lost or refused it is not. */
  get isOpen(): boolean {
    return this.#client !== null
  }

  async query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    const client = await this.#opened()
    try {
      return (await client.query<R>(text, values as unknown[])).rows
    } catch (error) {
      throw this.#toConnectorError(error)
    }
  }

  /** Runs a text that a user has written a part of: Postgres refuses it where it is more than one statement. */
  async statement(text: string): Promise<void> {
    const client = await this.#opened()
    try {
      await client.query({ text, queryMode: 'extended' } as pg.QueryConfig)
    } catch (error) {
      // A pooler has this SQLSTATE for lost connections.
      if ((error as pg.DatabaseError).code === '08P01' && /^bind message supplies/.test((error as Error).message))
        throw new Error('Postgres: the statement has a placeholder like $1, for which there is no value', { cause: error })
      throw this.#toConnectorError(error)
    }
  }

  /** Runs `COPY … FROM STDIN` with these rows. */
  async copy(text: string, data: Buffer): Promise<void> {
    const client = await this.#opened()
    try {
      await new Promise<void>((resolve, reject) => {
        client.query(new CopyIn(text, data, (error) => (error ? reject(error) : resolve())))
      })
    } catch (error) {
      throw this.#toConnectorError(error)
    }
  }

  /** Commits what `work` writes, or nothing of it. */
  async transaction(work: () => Promise<void>): Promise<void> {
    await this.#begin('BEGIN')
    try {
      await work()
      await this.query('COMMIT')
    } catch (error) {
      await this.#rollBack()
      throw error
    } finally {
      this.#pinned = null
    }
  }

  async #begin(text: string): Promise<void> {
    await this.query(text)
    if (!this.#client) throw this.#lostInTransaction()
    this.#pinned = this.#client
  }

  async #opened(): Promise<pg.Client> {
    if (this.#pinned && this.#client !== this.#pinned) throw this.#lostInTransaction()
    return this.#client ?? (await this.#connect())
  }

  /** The server rolls its transaction back. */
  #lostInTransaction(): Retriable {
    return new Retriable('Postgres: the connection was lost in a transaction', { afterMs: this.#retryAfterMs })
  }

  /**
   * The rows of a SELECT through a cursor, `count` at a time, in one transaction that `begin` begins. The last yield has fewer. Other
   * statements can be executed between; where the reader returns early, the transaction is rolled back.
   */
  async *cursor(begin: string, select: string, count: number): AsyncGenerator<TextRows, void, void> {
    let committed = false
    try {
      await this.#begin(begin)
      await this.statement(`DECLARE ${CURSOR} NO SCROLL CURSOR FOR ${select}`)
      const client = this.#client
      for (;;) {
        // Another connection has no cursor.
        if (!client || this.#client !== client) throw this.#lostInTransaction()
        const fetched = await this.#fetch(client, count)
        if (fetched.rows.length < count) {
          // The reader may take its time with the last rows, and a transaction that waits for it holds locks.
          await this.query('COMMIT')
          committed = true
          this.#pinned = null
          yield fetched
          return
        }
        yield fetched
      }
    } finally {
      if (!committed) {
        await this.#rollBack()
        this.#pinned = null
      }
    }
  }

  async #fetch(client: pg.Client, count: number): Promise<TextRows> {
    try {
      const { fields, rows } = await client.query<(string | null)[]>({
        text: `FETCH FORWARD ${count} FROM ${CURSOR}`,
        rowMode: 'array',
        types: textTypes,
        query_timeout: FETCH_TIMEOUT_MS,
      } as pg.QueryArrayConfig)
      return {
        fields: fields.map((field) => ({
          name: field.name,
          typeId: field.dataTypeID,
          modifier: field.dataTypeModifier,
          tableId: field.tableID,
          columnId: field.columnID,
        })),
        rows,
      }
    } catch (error) {
      throw this.#toConnectorError(error)
    }
  }

  /** Postgres itself rolls back the transaction of a connection that is lost. */
  async #rollBack(): Promise<void> {
    if (!this.#client) return
    try {
      await this.query('ROLLBACK')
    } catch {
      // The caller throws the error of the transaction, which matters more. This connection is not used again.
      this.#disconnect()
    }
  }

  #disconnect(): void {
    this.#client = null
    this.#socket?.destroy()
  }

  async close(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#client = null
    const socket = this.#socket
    // A server that does not respond must not keep the task.
    const timer = setTimeout(() => socket?.destroy(), CLOSE_TIMEOUT_MS)
    await client.end()
    clearTimeout(timer)
  }

  async #connect(): Promise<pg.Client> {
    // Every worker loads this connector, but only those that use it load the driver.
    const { default: driver } = await import('pg')
    const socket = new Socket()
    const client = new driver.Client({ ...this.#config, stream: () => socket })
    client.on('error', () => {
      // The connection was lost between two queries: nothing fails, and the next query opens another.
      if (this.#client === client) this.#client = null
    })
    try {
      await client.connect()
    } catch (error) {
      const { code, message } = error as pg.DatabaseError
      if (code?.startsWith('28') || code === '3D000' || code === '42501' || isLoginError(message))
        throw new Error(`Postgres refuses the login: ${message}. Check connection.url, connection.user and connection.password.`, {
          cause: error,
        })
      throw new Retriable(`Postgres at ${this.#config.host}:${this.#config.port} cannot be reached: ${message || code}`, {
        cause: error,
        afterMs: this.#retryAfterMs,
      })
    }
    this.#client = client
    this.#socket = socket
    return client
  }

  #toConnectorError(error: unknown): Error {
    const { message } = error as pg.DatabaseError
    const kind = classify(error as pg.DatabaseError)
    if (kind === 'connection') this.#disconnect()
    if (kind === 'connection' || kind === 'retriable')
      return new Retriable(`Postgres: ${message}`, { cause: error, afterMs: this.#retryAfterMs })
    if (kind === 'row') return new RowRejected(message, { cause: error })
    if (kind === 'table') return new TableChanged(message, { cause: error })
    return new Error(`Postgres: ${message}`, { cause: error })
  }
}

/** Login errors of the driver itself, which have no code: a missing password, a server without SSL. */
const isLoginError = (message: string): boolean => /^SASL: |does not support SSL/.test(message)

/** What a policy says to a row has the SQLSTATE of a missing right; the message may be in any language, and the routine is not. */
const isPolicy = (code: string, routine: string | undefined): boolean => code === '42501' && routine === 'ExecWithCheckOptions'

function classify({ code, routine }: pg.DatabaseError): 'connection' | 'retriable' | 'row' | 'table' | 'fatal' {
  // Without a SQLSTATE it is an error of the socket or the driver.
  if (!isSqlState(code) || code.startsWith('08') || code.startsWith('57P')) return 'connection'
  // A server that has become a standby: the name may lead to another one now. And sessions that took too long, which the server ends.
  if (['25006', '25P03', '25P04'].includes(code)) return 'connection'
  // 40: a serialization failure, a deadlock; locks, a timeout, resources. But for 40002, which a constraint says.
  if ((code.startsWith('40') && code !== '40002') || ['55P03', '57014'].includes(code) || code.startsWith('53')) return 'retriable'
  // 21000: two keys of the batch are equal as values of the column. 54: too many columns, too large, or nested too deeply.
  if (code.startsWith('22') || code.startsWith('23') || code.startsWith('54') || ['21000', '40002'].includes(code)) return 'row'
  // What the check option of a view, a trigger (RAISE, ASSERT) or a policy says to a row.
  if (['44000', 'P0001', 'P0004'].includes(code) || isPolicy(code, routine)) return 'row'
  if (['42P01', '42703', '42804', '0A000'].includes(code)) return 'table'
  return 'fatal'
}
