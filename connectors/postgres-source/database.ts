/**
 * Connections to the database: their options from the settings, the state of their session, and errors as sentences. Every session prints
 * values in the same form, so that the stream and snapshots agree. What may pass is Retriable.
 */
import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { Retriable } from '../../connect/sdk/index.ts'
import { isSqlState } from '../postgres-driver/sql-state.ts'
import type { PostgresSourceConfig } from './settings.ts'

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_DELAY_MS = 30_000
const CLOSE_TIMEOUT_MS = 1_000
/** A server that has not ended a statement this long after its time limit is out of reach. */
const SILENCE_TIMEOUT_MS = 30_000

/** How values are printed, in the stream and in snapshots. */
const TEXT_FORMAT = {
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
  // A snapshot or a slot outlives what administrators allow to other sessions.
  idle_in_transaction_session_timeout: '0',
}

export interface Session {
  replication?: boolean
  /** Of a statement; 0 is without limit. */
  statementTimeoutMs?: number
}

/** By it a task knows its own connections. Postgres keeps 63 bytes. */
export const applicationName = (config: PostgresSourceConfig): string => `Tributary ${config['topic.prefix']}`.slice(0, 63)

type Tls = pg.ClientConfig['ssl']

/** A new connection. Rejects with Retriable where the server may come back, else with a sentence. The caller closes it. */
export async function openDatabase(config: PostgresSourceConfig, session: Session = {}): Promise<pg.Client> {
  const modes = tlsModes(config)
  for (const [index, tls] of modes.entries()) {
    try {
      const client = await openOnce(config, session, tls)
      if (!session.replication) await runInitialStatements(client, config)
      return client
    } catch (error) {
      if (index === modes.length - 1 || !isTlsRefusal(error as pg.DatabaseError)) throw connectionError(error, config)
    }
  }
  throw new Error('a connection has at least one mode of TLS')
}

async function openOnce(config: PostgresSourceConfig, session: Session, ssl: Tls): Promise<pg.Client> {
  // Every worker loads this connector, but only those that use it load the driver.
  const { default: driver } = await import('pg')
  const options = { ...TEXT_FORMAT, statement_timeout: String(session.statementTimeoutMs ?? 0) }
  const client = new driver.Client({
    host: config['database.hostname'],
    port: config['database.port'],
    user: config['database.user'],
    password: config['database.password'] ?? undefined,
    database: config['database.dbname'],
    application_name: applicationName(config),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...(session.statementTimeoutMs ? { query_timeout: session.statementTimeoutMs + SILENCE_TIMEOUT_MS } : {}),
    keepAlive: config['database.tcpKeepAlive'],
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    options: Object.entries(options)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    ssl,
    ...(session.replication ? { replication: 'database' } : {}),
  })
  // A connection that is lost between two queries fails the next one.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The modes to try, one after the other. */
function tlsModes(config: PostgresSourceConfig): Tls[] {
  const mode = config['database.sslmode']
  const encrypted = { ...clientCertificate(config), rejectUnauthorized: false }
  if (mode === 'disable') return [false]
  if (mode === 'allow') return [false, encrypted]
  if (mode === 'prefer') return [encrypted, false]
  if (mode === 'require') return [encrypted]
  const root = config['database.sslrootcert']
  const checked = { ...clientCertificate(config), rejectUnauthorized: true, ...(root ? { ca: pemFile('database.sslrootcert', root) } : {}) }
  return [mode === 'verify-full' ? checked : { ...checked, checkServerIdentity: () => undefined }]
}

function clientCertificate(config: PostgresSourceConfig): object {
  const { 'database.sslcert': cert, 'database.sslkey': key, 'database.sslpassword': passphrase } = config
  return {
    ...(cert ? { cert: pemFile('database.sslcert', cert) } : {}),
    ...(key ? { key: pemFile('database.sslkey', key) } : {}),
    ...(passphrase ? { passphrase } : {}),
  }
}

function pemFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`The file of ${name} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

const isTlsRefusal = ({ code, message }: pg.DatabaseError): boolean =>
  /does not support SSL/.test(message) || (code === '28000' && /no encryption|SSL off|SSL on|SSL encryption/.test(message))

/** Split at single semicolons; two stand for one. */
export const initialStatements = (text: string | null): string[] =>
  (text ?? '')
    .split(/(?<!;);(?!;)/)
    .map((statement) => statement.replaceAll(';;', ';').trim())
    .filter((statement) => statement !== '')

async function runInitialStatements(client: pg.Client, config: PostgresSourceConfig): Promise<void> {
  for (const statement of initialStatements(config['database.initial.statements'])) {
    try {
      await client.query(statement)
    } catch (error) {
      await closeDatabase(client)
      throw new Error(`A statement of database.initial.statements fails: ${(error as Error).message} (${statement})`, { cause: error })
    }
  }
}

/** Closes it; a server that does not respond does not keep the task. */
export async function closeDatabase(client: pg.Client): Promise<void> {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection
  const timer = setTimeout(() => stream.destroy(), CLOSE_TIMEOUT_MS)
  try {
    await client.end()
  } catch {
    // The connection is gone already, which is what the caller wants.
    stream.destroy()
  } finally {
    clearTimeout(timer)
  }
}

/** Errors of the server after which the same request may succeed: shutdown, start-up, resources, locks, a cancelled statement. */
const isTemporary = (code: string): boolean =>
  code.startsWith('08') ||
  code.startsWith('57P') ||
  code.startsWith('53') ||
  ['40001', '40P01', '55P03', '55006', '57014', '25006'].includes(code)

/** Retriable where the connection was lost or the server may do it later; else the error as a sentence. */
export function databaseError(error: unknown, config: PostgresSourceConfig, what = 'Postgres'): Error {
  if (error instanceof Retriable) return error
  const { code, message, hint } = error as pg.DatabaseError
  const text = `${what}: ${message || code}${hint ? `. ${hint}` : ''}`
  return isSqlState(code) && !isTemporary(code) ? new Error(text, { cause: error }) : retriable(text, error, config)
}

/** Another table may be meant by now: dropped, or without a column. */
export const isChangedTable = (code: string | undefined): boolean => ['42P01', '42703', '3F000'].includes(code ?? '')

/** Whether Postgres refused a statement, for good. */
export const isRefusal = (error: unknown): boolean =>
  !(error instanceof Retriable) && isSqlState(((error as Error).cause as { code?: string } | undefined)?.code)

const retriable = (message: string, cause: unknown, config: PostgresSourceConfig): Retriable =>
  new Retriable(message, { cause, afterMs: config['retriable.restart.connector.wait.ms'] })

function connectionError(error: unknown, config: PostgresSourceConfig): Error {
  if (error instanceof Retriable) return error
  const { code, message } = error as pg.DatabaseError
  const where = `${config['database.hostname']}:${config['database.port']}`
  if (code === '28P01' || /^SASL|^role .* does not exist$/.test(message))
    return new Error(`Postgres refuses the login of ${config['database.user']}: ${message}. Check database.user and database.password.`, {
      cause: error,
    })
  if (code === '28000' && message.includes('client certificate'))
    return new Error(`Postgres asks for a certificate: ${message}. Set database.sslcert and database.sslkey.`, { cause: error })
  if (isOwnCertificate(code))
    return new Error(
      `The client's certificate cannot be used: ${message}. Check that the PEM files of database.sslcert and database.sslkey belong together, ` +
        'and database.sslpassword.',
      { cause: error },
    )
  if (code?.startsWith('28'))
    return new Error(`Postgres refuses the connection: ${message}. Check pg_hba.conf, database.sslmode and the rights of the user.`, {
      cause: error,
    })
  if (code === '3D000') return new Error(`Postgres has no database ${config['database.dbname']}. Check database.dbname.`, { cause: error })
  if (code === '42501') return new Error(`Postgres refuses a right: ${message}. Grant it to ${config['database.user']}.`, { cause: error })
  if (/does not support SSL/.test(message))
    return new Error(`Postgres at ${where} has no TLS. Set database.sslmode=disable or prefer, or turn on ssl there.`, { cause: error })
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return new Error(
      `The certificate of Postgres at ${where} names other hosts: ${message}. Set database.hostname to one of them, or database.sslmode=verify-ca.`,
      { cause: error },
    )
  if (isFatalTls(code, message))
    return new Error(`The certificate of Postgres at ${where} is refused: ${message}. Check database.sslrootcert and database.sslmode.`, {
      cause: error,
    })
  if (code === undefined && error instanceof Error && /^(A statement of|The file of)/.test(message)) return error
  return retriable(`Postgres at ${where} cannot be reached: ${message || code}`, error, config)
}

/** Of the files of the client, before anything is sent. */
const isOwnCertificate = (code: string | undefined): boolean => /^ERR_(OSSL|CRYPTO)/.test(code ?? '')

const isFatalTls = (code: string | undefined, message: string): boolean =>
  /^(ERR_TLS|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|CERT_)/.test(code ?? '') || /certificate/.test(message)

/** Queries on one connection, which is opened when it is needed, and again after it was lost. */
export class Database {
  readonly #config: PostgresSourceConfig
  readonly #session: Session
  #client: Promise<pg.Client> | null = null

  constructor(config: PostgresSourceConfig, session: Session = {}) {
    this.#config = config
    this.#session = session
  }

  async query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    const opening = this.#client ?? this.#open()
    const client = await opening
    try {
      return (await client.query<R>(text, values as unknown[])).rows
    } catch (error) {
      const known = databaseError(error, this.#config)
      if (known instanceof Retriable) this.#forget(opening)
      throw known
    }
  }

  async close(): Promise<void> {
    const opening = this.#client
    this.#client = null
    const client = await opening?.catch(() => null)
    if (client) await closeDatabase(client)
  }

  #open(): Promise<pg.Client> {
    const opening = openDatabase(this.#config, this.#session)
    this.#client = opening
    opening.then(
      (client) => client.on('error', () => this.#forget(opening)),
      () => this.#forget(opening),
    )
    return opening
  }

  #forget(opening: Promise<pg.Client>): void {
    if (this.#client !== opening) return
    this.#client = null
    opening.then(
      (client) => closeDatabase(client),
      () => {},
    )
  }
}
