/**
 * One connection of one task, opened when it is needed and again after it was lost. It knows which of Postgres's errors go away by
 * themselves, which are a row's fault and which a person must mend.
 */
import { Socket } from 'node:net'
import type pg from 'pg'
import { Retriable } from '../../connect/sdk/index.ts'

const CONNECT_MS = 10_000
/** A statement that is not answered by then waits on a network that is gone: locks and large batches take less. */
const STATEMENT_MS = 300_000
const KEEP_ALIVE_AFTER_MS = 30_000
const CLOSE_MS = 1_000

/** A value that its column, or a row that its table, does not take: finding out which row is worth it. */
export class RowRejected extends Error {
  override name = 'RowRefused'
}

/** A table or column is not (any more) as it was seen. */
export class TableChanged extends Error {
  override name = 'TableChanged'
}

export interface ConnectionSettings {
  url: string
  user: string | null
  password: string | null
}

/** The driver's options for a JDBC URL or a Postgres one. Throws what is wrong with it. */
export function clientConfig({ url, user, password }: ConnectionSettings): pg.ClientConfig {
  const plain = url.trim().replace(/^jdbc:/i, '')
  if (!/^postgres(ql)?:\/\//i.test(plain))
    throw new Error('it must be jdbc:postgresql://host:port/database or postgresql://host:port/database')
  if (/^[^/]*\/\/[^/]*,/.test(plain)) throw new Error('it names several hosts: name the one to write to')
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
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    ssl: sslOptions(options.get('sslmode') ?? (options.get('ssl') === 'true' ? 'verify-full' : 'disable')),
    // a backslash keeps a blank inside one option
    options: schema === null ? undefined : `-c search_path=${schema.replace(/[\\ ]/g, '\\$&')}`,
  }
}

/** `require` encrypts and believes any certificate, as libpq and the JDBC driver do. */
function sslOptions(mode: string): pg.ClientConfig['ssl'] {
  if (mode === 'disable' || mode === 'allow' || mode === 'prefer') return false
  if (mode === 'require') return { rejectUnauthorized: false }
  if (mode === 'verify-full') return true
  if (mode === 'verify-ca') return { rejectUnauthorized: true, checkServerIdentity: () => undefined }
  throw new Error(`sslmode ${mode} is not known: disable, allow, prefer, require, verify-ca or verify-full`)
}

export class PostgresConnection {
  readonly #config: pg.ClientConfig
  readonly #retryAfterMs: number
  #client: pg.Client | null = null
  #socket: Socket | null = null

  constructor(login: ConnectionSettings, retryAfterMs: number) {
    this.#config = clientConfig(login)
    this.#retryAfterMs = retryAfterMs
  }

  async query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    const client = this.#client ?? (await this.#connect())
    try {
      return (await client.query<R>(text, values as unknown[])).rows
    } catch (error) {
      throw await this.#toConnectorError(error)
    }
  }

  /** All of it or nothing. */
  async transaction(work: () => Promise<void>): Promise<void> {
    await this.query('BEGIN')
    try {
      await work()
      await this.query('COMMIT')
    } catch (error) {
      // a lost connection rolled back by itself
      if (this.#client) await this.query('ROLLBACK')
      throw error
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#client = null
    const socket = this.#socket
    // a server that does not answer cannot be said goodbye to
    const timer = setTimeout(() => socket?.destroy(), CLOSE_MS)
    await client.end()
    clearTimeout(timer)
  }

  async #connect(): Promise<pg.Client> {
    // every worker knows this connector: the driver is loaded where it is used
    const { default: driver } = await import('pg')
    const socket = new Socket()
    const client = new driver.Client({ ...this.#config, stream: () => socket })
    client.on('error', () => {
      // told while no query waits; the next query opens another
      if (this.#client === client) this.#client = null
    })
    try {
      await client.connect()
    } catch (error) {
      const { code, message } = error as pg.DatabaseError
      if (code?.startsWith('28') || code === '3D000' || isLoginError(message))
        throw new Error(`Postgres does not let us in: ${message}. Mend connection.url, connection.user and connection.password.`, {
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

  async #toConnectorError(error: unknown): Promise<Error> {
    const { code, message } = error as pg.DatabaseError
    const kind = classify(code)
    if (kind === 'gone') {
      this.#client = null
      this.#socket?.destroy()
    }
    if (kind === 'gone' || kind === 'busy') return new Retriable(`Postgres: ${message}`, { cause: error, afterMs: this.#retryAfterMs })
    if (kind === 'row') return new RowRejected(message, { cause: error })
    if (kind === 'table') return new TableChanged(message, { cause: error })
    return new Error(`Postgres: ${message}`, { cause: error })
  }
}

/** What the driver itself finds at the door, without a code: a password that is not there, a server that does not encrypt. */
const isLoginError = (message: string): boolean => /^SASL: |does not support SSL/.test(message)

function classify(code: string | undefined): 'gone' | 'busy' | 'row' | 'table' | 'fault' {
  // no SQLSTATE: the socket's own error, or the driver's word that the connection ended
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || code.startsWith('08') || code.startsWith('57P')) return 'gone'
  // serialization, deadlock, locks, a replica that was asked to write, resources
  if (['40001', '40P01', '55P03', '25006', '57014'].includes(code) || code.startsWith('53')) return 'busy'
  // 21000: two keys that are one to the column
  if (code.startsWith('22') || code.startsWith('23') || code === '21000' || code === '54000') return 'row'
  if (['42P01', '42703', '42804', '0A000'].includes(code)) return 'table'
  return 'fault'
}
